"""How often two tests reject where nothing differs: simulated while the pages are built."""

from __future__ import annotations

import numpy as np
from benchmarks.rejection import HEADLINES, SETTINGS, rejections
from style import BLUE, GREY, ORANGE, axes

import omistats as oms

found = rejections(SETTINGS[0], programmes=25, lots=40)
ax = axes(2.7)
place = np.arange(len(HEADLINES))[::-1]
for rates, label, shift, colour, marker in (
    (found.clustered, "clustered test", 0.12, BLUE, "o"),
    (found.pooled, "chi-square, answers pooled", -0.12, ORANGE, "s"),
):
    ax.errorbar(
        100 * rates.mean(axis=0),
        place + shift,
        xerr=200 * found.error(rates),
        fmt=marker,
        color=colour,
        capsize=3,
        label=label,
    )
ax.axvline(5, color=GREY, linewidth=1, linestyle="--")
ax.annotate("promised", (5, 1.02), xycoords=("data", "axes fraction"), ha="center", color=GREY)
ax.set_yticks(place, [oms.omi2.DEMONSTRATION.item(h).label for h in HEADLINES])
ax.set_ylim(-0.5, len(HEADLINES) - 0.5)
ax.set_xticks(range(0, 15, 2))
ax.set_xlim(0, 14.5)
ax.set_xlabel("tests that reject at 5%, in percent")
ax.figure.legend(frameon=False, loc="outside upper center", ncols=2, fontsize=9)
