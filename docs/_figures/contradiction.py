"""Counts of sufficient cases that the figures of one question allow, place by place."""

from __future__ import annotations

import numpy as np
from style import BLUE, GREY, ORANGE, axes

import omistats as oms
from omistats.forensics.consistency import PrintedSplit, PrintedTotal, feasible_counts

TABLE, ROW = 5, 5
NAMES = {
    7: "supervision type",
    8: "gender",
    9: "ethnicity",
    10: "disability",
    11: "age",
}

lines = oms.omi2.load_published().to_pylist()
high, everyone = (r for r in lines if (r["table"], r["row"]) == (TABLE, ROW))
mine = [r for r in lines if r["question"] == everyone["question"] and r["table"] in NAMES]
divisions = [
    PrintedSplit(
        "high risk of harm",
        high["n"],
        everyone["n"] - high["n"],
        high["percent"],
        stars=high["stars"],
        complement=True,
    )
] + [
    PrintedSplit(NAMES[a["table"]], a["n"], b["n"], a["percent"], b["percent"], a["stars"])
    for a, b in zip(mine[::2], mine[1::2], strict=True)
]
whole = PrintedTotal(everyone["n"], (("all cases", everyone["percent"]),), tuple(divisions))
parts = [("all cases", ["all cases"])] + [(d.key, d.figures) for d in divisions]

ax = axes(2.9)
for place, (_, figures) in enumerate(parts):
    counts = np.flatnonzero(feasible_counts(whole, figures))
    ax.plot(
        counts, np.full(counts.size, -place), "s", color=BLUE if place else ORANGE, markersize=7
    )
others = feasible_counts(whole, [figure for d in divisions for figure in d.figures])
shared = np.flatnonzero(others)
ax.axvspan(shared.min() - 0.5, shared.max() + 0.5, color=GREY, alpha=0.25, linewidth=0)
ax.set_yticks([-place for place in range(len(parts))], [str(name) for name, _ in parts])
ax.set_xlim(204.5, 221.5)
ax.set_xlabel(f"sufficient, of {everyone['n']} cases")
