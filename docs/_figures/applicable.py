"""Printed percentages, and where they could lie if every case not applicable had been judged."""

from __future__ import annotations

import numpy as np
from style import BLUE, GREY, axes

import omistats as oms
from omistats.kernel.rounding import counts_behind

# All cases of the report's dataset.
CASES = 2213

rows = oms.omi2.load_published().to_pylist()
whole = {r["question"]: r for r in rows if r["group"] == "all" and r["n"] is not None}
percent, n = (np.array([r[c] for r in whole.values()]) for c in ("percent", "n"))
low, high = counts_behind(percent, n)

ax = axes(3.8)
ax.vlines(n, 100 * low / CASES, 100 * (high + CASES - n) / CASES, color=GREY, linewidth=1.2)
ax.plot(n, percent, ".", color=BLUE, markersize=6)
ax.set_xlim(0, CASES + 40)
ax.set_ylim(0, 100)
ax.set_xlabel("cases to which the question applied")
ax.set_ylabel("sufficient, percent")
