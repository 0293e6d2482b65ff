"""How often samples of 14 and of 91 cases fall in each of four bands, against the true share."""

from __future__ import annotations

import numpy as np
from style import BLUE, GREY, ORANGE, axes

import omistats as oms

CUTS = (0.5, 0.65, 0.8)
NAMES = ("Inadequate", "Requires improvement", "Good", "Outstanding")
COLOURS = ("#000000", ORANGE, BLUE, GREY)
STYLES = ("-", "--", "-", "-.")

true = np.linspace(0.3, 1, 701)
figure = axes(5.6).figure
figure.clear()
panels = figure.subplots(2, 1, sharex=True, sharey=True)
for panel, n in zip(panels, (14, 91), strict=True):
    found = 100 * oms.stats.band_probabilities(n, true, CUTS).probability
    for band, name in enumerate(NAMES):
        style = {"color": COLOURS[band], "linestyle": STYLES[band], "linewidth": 1.5}
        panel.plot(100 * true, found[:, band], label=name, **style)
    for cut in CUTS:
        panel.axvline(100 * cut, color=GREY, linewidth=0.5)
    panel.set_title(f"{n} cases", fontsize=10)
    panel.set_ylabel("rated so, percent of samples")
panels[0].legend(frameon=False, fontsize=8, loc="upper center", ncols=2)
panels[0].set_ylim(0, 125)
panels[0].set_yticks([0, 25, 50, 75, 100])
panels[1].set_xlabel("true share, percent")
