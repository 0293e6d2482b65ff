"""In how many rows without a star print shows that there is no difference to speak of."""

from __future__ import annotations

import numpy as np
from style import BLUE, GREY, ORANGE, axes

import omistats as oms
from omistats.kernel.equivalence import two_one_sided
from omistats.kernel.rounding import counts_behind

printed = oms.omi2.load_published().to_pydict()
table, mark = (np.array(printed[c][::2]) for c in ("table", "stars"))
figures = [np.array(printed[c][i::2], float) for c in ("percent", "n") for i in (0, 1)]
dashes = (table > 6) & (mark == "--") & ~np.isnan(sum(figures))
pairs, starts, so_far = [], [], 0
for a, b, m, n in zip(*(v[dashes].astype(int) for v in figures), strict=True):
    (low1, high1), (low2, high2) = counts_behind(a, m), counts_behind(b, n)
    k1, k2 = np.mgrid[low1 : high1 + 1, low2 : high2 + 1].reshape(2, -1)
    pairs.append(np.stack([k1, np.full_like(k1, m), k2, np.full_like(k1, n)]))
    starts.append(so_far)
    so_far += k1.size
counts = np.concatenate(pairs, axis=1).astype(float)

margins = np.linspace(0.01, 0.25, 49)
surely = []
for margin in margins:
    p_value = np.maximum(*two_one_sided(*counts, np.asarray(margin)))
    surely.append(np.logical_and.reduceat(p_value < 0.05, starts))

ax = axes(3.4)
for t, colour, line in (
    (7, BLUE, "-"),
    (8, ORANGE, "-"),
    (9, ORANGE, "--"),
    (10, BLUE, "--"),
    (11, BLUE, ":"),
):
    here = table[dashes] == t
    share = [100 * rows[here].mean() for rows in surely]
    label = oms.omi2.TABLES[t].title.lower()
    ax.plot(100 * margins, share, line, color=colour, label=label)
for margin in (5, 10, 15):
    ax.axvline(margin, color=GREY, linewidth=0.5)
ax.set_xlim(0, 25)
ax.set_ylim(0, 100)
ax.set_xlabel("margin, in points")
ax.set_ylabel("rows surely equivalent, percent")
ax.legend(frameon=False, fontsize=9, loc="lower right")
