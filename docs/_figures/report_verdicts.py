"""What the printed comparisons of the 2011 report show, table by table."""

from __future__ import annotations

from typing import Any

from style import BLUE, GREY, ORANGE, axes

import omistats as oms

MARGIN = 10
NAMES = {
    "risk_of_harm": "high risk of harm,\nTables 3-6",
    "supervision_type": "supervision type,\nTable 7",
    "gender": "gender,\nTable 8",
    "ethnicity": "ethnicity,\nTable 9",
    "disability": "disability,\nTable 10",
    "age_group": "age group,\nTable 11",
}
rows = [r for r in oms.omi2.comparisons().to_pylist() if r["survives"] is not None]
# Two one-sided tests at 5% exclude what is outside an interval at 90%.
inner = {(r["table"], r["row"]): r for r in oms.omi2.comparisons(confidence=0.9).to_pylist()}


def below(row: dict[str, Any]) -> bool:
    narrow = inner[row["table"], row["row"]]
    return bool(narrow["low"] > -MARGIN and narrow["high"] < MARGIN)


ax = axes(3.6)
for place, breakdown in enumerate(NAMES):
    here = [r for r in rows if r["breakdown"] == breakdown]
    stands = sum(r["survives"] for r in here)
    small = sum(not r["survives"] and below(r) for r in here)
    counts = (stands, small, len(here) - stands - small)
    at = 0.0
    for count, colour, text in zip(
        counts, (ORANGE, BLUE, "#d9d9d9"), ("white", "white", "black"), strict=True
    ):
        share = 100 * count / len(here)
        ax.barh(place, share, left=at, color=colour, height=0.72)
        if count:
            ax.text(at + share / 2, place, count, ha="center", va="center", color=text, fontsize=9)
        at += share
ax.set_yticks(range(len(NAMES)), NAMES.values(), fontsize=9)
ax.invert_yaxis()
ax.set_xlim(0, 100)
ax.set_xlabel("percent of comparisons; numbers are comparisons")
ax.spines["left"].set_visible(False)
ax.tick_params(axis="y", length=0)
handles = [
    ax.barh(0, 0, color=colour, label=label)
    for colour, label in (
        (ORANGE, "a difference stands"),
        (BLUE, "shown to be below ten points"),
        ("#d9d9d9", "open"),
    )
]
ax.figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=9)
ax.axvline(100, color=GREY, linewidth=0.5)
