"""How often subset against whole, tested as if separate, rejects where nothing differs."""

from __future__ import annotations

import numpy as np
from scipy.special import erfc
from style import BLUE, GREY, ORANGE, axes

import omistats as oms

LIMIT = 3.841458820694124  # chi-square on one degree of freedom, 5%


def rejects(share: np.ndarray) -> np.ndarray:
    """Give the percentage of samples in which the shrunk statistic passes the limit."""
    return 100 * erfc(np.sqrt(LIMIT * (1 + share) / (1 - share) / 2))


printed = oms.omi2.load_published().to_pydict()
table = np.array(printed["table"][::2])
subset, whole = (np.array(printed["n"][i::2], float) for i in (0, 1))
here = (table < 7) & ~np.isnan(subset + whole)
shares = subset[here] / whole[here]

ax = axes(3.2)
curve = np.linspace(0, 0.98, 200)
ax.axhline(5, color=GREY, linewidth=1, linestyle="--")
ax.plot(curve, rejects(curve), color=BLUE)
ax.plot(shares, rejects(shares), ".", color=ORANGE, markersize=7, alpha=0.6)
ax.set_xlim(0, 1)
ax.set_ylim(0, 5.5)
ax.set_xlabel("the subset's share of the whole")
ax.set_ylabel("rejected, percent")
