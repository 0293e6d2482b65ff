"""How often Pearson's test rejects where nothing differs, by the smallest expected count."""

from __future__ import annotations

import numpy as np
from scipy.stats import binom
from style import BLUE, GREY, ORANGE, axes

from omistats.kernel.chi_square import chi_square_sf, pearson_two


def size(n1: int, n2: int, chances: np.ndarray) -> np.ndarray:
    """Add up the chances of all tables that are rejected at 5%, in percent."""
    k1, k2 = np.arange(n1 + 1), np.arange(n2 + 1)
    rejected = chi_square_sf(pearson_two(k1[:, None], n1, k2, n2), 1) < 0.05
    return np.array([100 * binom.pmf(k1, n1, p) @ rejected @ binom.pmf(k2, n2, p) for p in chances])


expected = np.geomspace(0.1, 20, 160)
ax = axes(3.4)
ax.axhline(5, color=GREY, linewidth=1, linestyle="--")
for limit in (1, 5):
    ax.axvline(limit, color=GREY, linewidth=0.5)
for (n1, n2), colour, line in (
    ((20, 200), ORANGE, "-"),
    ((50, 200), ORANGE, ":"),
    ((100, 100), BLUE, "-"),
):
    # The rarer answer is at most one half.
    here = expected[expected <= n1 / 2]
    ax.plot(here, size(n1, n2, here / n1), line, color=colour, label=f"{n1} and {n2} cases")
ax.set_xscale("log")
ax.set_xticks([0.1, 0.5, 1, 2, 5, 10, 20], ["0.1", "0.5", "1", "2", "5", "10", "20"])
ax.minorticks_off()
ax.set_ylim(0, 10.5)
ax.set_xlabel("smallest expected count")
ax.set_ylabel("rejected, percent")
ax.legend(frameon=False, fontsize=9)
