"""How often each interval of a difference holds it, counted exactly."""

from __future__ import annotations

import numpy as np
from scipy.stats import binom
from style import BLUE, GREY, ORANGE, axes

import omistats as oms

N1, N2, APART = 20, 60, 0.1
k1, k2 = (k.ravel() for k in np.meshgrid(np.arange(N1 + 1), np.arange(N2 + 1)))
chances = np.linspace(0.001, 1 - APART - 0.001, 240)

ax = axes(3.4)
ax.axhline(95, color=GREY, linewidth=1, linestyle="--")
looks = ((BLUE, "-"), (BLUE, ":"), (ORANGE, ":"), (ORANGE, "-"))
for method, (colour, line) in zip(oms.stats.DIFFERENCES, looks, strict=True):
    found = oms.stats.difference(k1, N1, k2, N2, method)
    # The first group is the higher one.
    holds = (found.low <= APART) & (found.high >= APART)
    held = [
        100 * (binom.pmf(k1, N1, p + APART) * binom.pmf(k2, N2, p))[holds].sum() for p in chances
    ]
    ax.plot(100 * chances, held, line, color=colour, linewidth=1.3, label=method)
ax.set_ylim(85, 100)
ax.set_xlabel("sufficient in the second group, percent")
ax.set_ylabel("held, percent")
ax.figure.legend(frameon=False, fontsize=9, loc="outside upper center", ncols=2)
