"""How far a boosted sample of synthetic cases is from its caseload, with weights and without."""

from __future__ import annotations

from collections import Counter

import numpy as np
from style import BLUE, GREY, ORANGE, axes

import omistats as oms

# The caseload and the sample of the example on the page.
everyone = oms.omi2.load_synthetic()
units = np.array(everyone["unit"].to_pylist())
caseload = everyone.filter(np.isin(units, ["U01", "U02", "U03"]))
high = np.array(caseload["risk_of_harm"].to_pylist()) == "high"
place = np.where(high, np.cumsum(high), np.cumsum(~high))
sample = caseload.filter(place % np.where(high, 2, 6) == 0)


def cells(cases: oms.CaseSet) -> list[str]:
    """Say of each case what it was drawn by."""
    pairs = zip(cases["unit"].to_pylist(), cases["risk_of_harm"].to_pylist(), strict=True)
    return [" ".join(pair) for pair in pairs]


there, drawn = Counter(cells(caseload)), Counter(cells(sample))
found = oms.representativeness(
    sample,
    caseload,
    weight=[there[cell] / drawn[cell] for cell in cells(sample)],
    stratum=cells(sample),
    population=dict(there),
)
rows = [row for row in found.table.to_pylist() if row["level"] is not None]
levels = Counter(row["characteristic"] for row in rows)
# Of two levels the second says what the first has said.
first = {row["characteristic"]: row["level"] for row in reversed(rows)}
rows = [
    r for r in rows if levels[r["characteristic"]] > 2 or first[r["characteristic"]] == r["level"]
]

ax = axes(3.4)
at = np.arange(len(rows))[::-1]
n, N = len(sample), len(caseload)
chance = 2 * np.sqrt((1 - n / N) / n)
ax.axvspan(-chance, chance, color=GREY, alpha=0.15, linewidth=0)
ax.axvline(0, color=GREY, linewidth=0.8)
for edge in (-0.1, 0.1):
    ax.axvline(edge, color=GREY, linewidth=0.8, linestyle=":")
for column, colour, marker, label in (
    ("standardised", ORANGE, "D", "as drawn"),
    ("weighted_standardised", BLUE, "o", "weighted"),
):
    ax.plot([r[column] for r in rows], at, marker, color=colour, markersize=6, label=label)
names = [
    r["level"] if levels[r["characteristic"]] > 2 else f"{r['characteristic']}: {r['level']}"
    for r in rows
]
ax.set_yticks(at, [name.replace("_", " ") for name in names])
ax.set_xlabel("standardised difference")
ax.set_title("SYNTHETIC cases", fontsize=10)
ax.legend(frameon=False, fontsize=9, loc="center right")
