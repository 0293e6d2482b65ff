"""Which whole percentages so many cases can give, and where the report's own lie."""

from __future__ import annotations

import numpy as np
from style import GREY, ORANGE, axes

import omistats as oms
from omistats.kernel.rounding import counts_behind

printed = oms.omi2.load_published()
printed = printed.filter(printed["n"].is_valid())
n, percent = (printed[name].to_numpy() for name in ("n", "percent"))
small = n < 100

cases, whole = np.arange(1, 111), np.arange(101)
low, high = counts_behind(whole[:, np.newaxis], cases)
at, across = np.nonzero(low <= high)

ax = axes(4.2)
ax.plot(cases[across], whole[at], "s", color=GREY, markersize=1.8, alpha=0.6, markeredgewidth=0)
ax.plot(n[small], percent[small], ".", color=ORANGE, markersize=7)
ax.set_xlim(0, 110.5)
ax.set_ylim(-2, 102)
ax.set_xlabel("cases")
ax.set_ylabel("percent")
