"""P-values of one table in order of size, and the lines that three adjustments draw through them.

The shipped cases print as the report's table does; other counts that print so give other p-values.
"""

from __future__ import annotations

import numpy as np
from style import BLUE, GREY, ORANGE, axes

import omistats as oms

cases = oms.omi2.load_synthetic()
table = oms.recompute(cases, breakdowns=["supervision_type"]).comparisons()
p = np.sort(table["p_value"].drop_null().to_numpy())
m, i = p.size, np.arange(1, p.size + 1)

ax = axes(3.4)
ax.plot(i, p, "o", color=BLUE, markersize=3, zorder=3)
lines = {
    "unadjusted": (np.full(m, 0.05), ":", GREY),
    "Benjamini and Hochberg": (0.05 * i / m, "-", ORANGE),
    "Holm": (0.05 / (m - i + 1), "--", BLUE),
    "Bonferroni": (np.full(m, 0.05 / m), "-", GREY),
}
for name, (height, style, colour) in lines.items():
    ax.plot(i, height, style, color=colour, linewidth=1, label=name)
ax.set_yscale("log")
ax.set_ylim(1e-8, 1)
ax.set_xlabel("tests, from the smallest p-value")
ax.set_ylabel("p-value")
ax.legend(frameon=False, fontsize=8, loc="lower right")
