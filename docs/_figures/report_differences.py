"""The differences of the 2011 report that stand, with their intervals."""

from __future__ import annotations

from style import GREY, ORANGE, axes

import omistats as oms

NAMES = {
    "risk_of_harm": "high risk of harm\nless all others",
    "supervision_type": "community order\nless licence",
    "gender": "male\nless female",
    "age_group": "17-24\nless 25+",
}
every = [r for r in oms.omi2.comparisons().to_pylist() if r["survives"] is not None]
rows = []
for table in oms.omi2.TABLES:
    here = [r for r in every if r["table"] == table]
    stand = {r["row"] for r in here if r["survives"]}
    if stand:
        # Intervals of what was picked: as much wider as few of the table were.
        wide = oms.omi2.comparisons(confidence=1 - 0.05 * len(stand) / len(here)).to_pylist()
        rows += [r for r in wide if r["table"] == table and r["row"] in stand]
supervision = next(r for r in rows if r["breakdown"] == "supervision_type")
NAMES["supervision_type"] = f"{supervision['group1']}\nless {supervision['group2']}"

ax = axes(6.4)
place, middles = 0, []
for breakdown in reversed(NAMES):
    here = sorted((r for r in rows if r["breakdown"] == breakdown), key=lambda r: r["least"])
    first = place
    for row in here:
        ax.plot([row["low"], row["high"]], [place, place], color=ORANGE, linewidth=1)
        ax.plot([row["least"], row["most"]], [place, place], color=ORANGE, linewidth=4)
        # Where one pair of counts prints so, the line has no length.
        ax.plot((row["least"] + row["most"]) / 2, place, "s", color=ORANGE, markersize=4)
        place += 1
    middles.append((first + place - 1) / 2)
    place += 1.5
ax.axvline(0, color=GREY, linewidth=0.8)
for margin in (-10, 10):
    ax.axvline(margin, color=GREY, linewidth=0.5, linestyle="--")
ax.set_yticks(middles, list(NAMES.values())[::-1], fontsize=9)
ax.set_ylim(-1.5, place - 0.5)
ax.spines["left"].set_visible(False)
ax.tick_params(axis="y", length=0)
ax.set_xlabel("difference in percentage points")
