"""What the numbers of cases of the report's tables could find, whatever the answers were."""

from __future__ import annotations

from textwrap import fill

import numpy as np
from style import BLUE, GREY, ORANGE, axes

import omistats as oms

printed = oms.omi2.load_published().to_pydict()
table = np.array(printed["table"][::2])
n1, n2 = (np.array(printed["n"][i::2], float) for i in (0, 1))
above = 100 * oms.stats.detectable(0.65, np.fmax(n1, n2), np.fmin(n1, n2)).above

ax = axes(3.0)
names = []
for place, t in enumerate(range(7, 12)):
    rows = np.sort(above[(table == t) & ~np.isnan(n1 + n2)])
    # Spread sideways in a fixed pattern: points on one spot would hide each other.
    aside = place + 0.22 * np.sin(2.4 * np.arange(rows.size))
    ax.plot(aside, rows, "o", color=BLUE, markersize=3, alpha=0.7)
    none = np.isnan(rows)
    ax.plot(aside[none], np.full(none.sum(), 35.0), "x", color=ORANGE, markersize=6, clip_on=False)
    middle = np.median(np.nan_to_num(rows, nan=np.inf))
    ax.hlines(middle, place - 0.32, place + 0.32, color=ORANGE, linewidth=2)
    names.append(f"{t}\n{fill(oms.omi2.TABLES[t].title.lower(), 14)}")
ax.axhline(20, color=GREY, linewidth=0.5, linestyle="--")
ax.set_xticks(range(5), names, fontsize=8)
ax.set_ylim(0, 35)
ax.set_ylabel("detectable difference, points")
