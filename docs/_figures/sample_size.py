"""How many cases of a caseload make a percentage so precise, beside the programme's samples."""

from __future__ import annotations

import numpy as np
from style import BLUE, GREY, ORANGE, axes

import omistats as oms

there = np.unique(np.geomspace(100, 10_000, 300).round())
panel = axes(3.6)
panel.axhspan(100, 220, color=ORANGE, alpha=0.15, linewidth=0)
for points, colour in ((5, GREY), (6, BLUE), (7, GREY), (8, GREY)):
    size = oms.stats.sample_for_precision(points / 100, population=there)
    panel.plot(there, size, color=colour, linewidth=2 if points == 6 else 1.2)
    label = f"{points} points"
    panel.annotate(label, (there[-1], size[-1]), xytext=(4, -3), textcoords="offset points")
panel.annotate("100 to 220", (104, 206), color=ORANGE)
panel.set_xscale("log")
panel.set_xlim(100, 10_000)
panel.set_ylim(0, 400)
panel.set_xticks([100, 200, 500, 1000, 2000, 5000, 10_000])
panel.set_xticklabels(["100", "200", "500", "1,000", "2,000", "5,000", "10,000"])
panel.minorticks_off()
panel.set_xlabel("cases in the caseload")
panel.set_ylabel("cases in the sample")
