"""The funnel of a headline score of the synthetic units."""

from __future__ import annotations

import numpy as np
from style import BLUE, GREY, ORANGE, axes

import omistats as oms
from omistats.kernel.funnel import funnel_limits

cases = oms.omi2.load_synthetic()
found = oms.scores(cases, by="unit", items=["risk_of_harm"]).units("risk_of_harm")
table = found.table.to_pydict()
n, percent, beyond = (np.array(table[name], float) for name in ("n", "percent", "beyond"))

ax = axes(4.2)
spread = np.linspace(0.9 * n.min(), 1.05 * n.max(), 200)
for phi, style, label in ((1.0, "-", "limits"), (float(found.dispersion.phi), ":", "widened")):
    lines = funnel_limits(found.baseline / 100, spread, inflation=found.design_effect, phi=phi)
    for level, width in ((0, 0.8), (1, 1.4)):
        name = f"{100 * lines.confidence[level]:g}% {label}"
        ax.plot(spread, 100 * lines.low[:, level], style, color=GREY, linewidth=width, label=name)
        ax.plot(spread, 100 * lines.high[:, level], style, color=GREY, linewidth=width)
ax.axhline(found.baseline, color=GREY, linewidth=0.8)
outside = beyond >= 0.998
# Hollow: too few cases to tell.
thin = np.array([text not in ("ok", None) for text in table["reliability"]])
for chosen, colour, marker in ((~outside, BLUE, "o"), (outside, ORANGE, "D")):
    for few, face in ((~thin, colour), (thin, "none")):
        some = chosen & few
        ax.plot(n[some], percent[some], marker, color=colour, markerfacecolor=face, markersize=5)
for unit, x, y in zip(table["unit"], n, percent, strict=True):
    # Beside a near neighbour on the right a name goes to the left.
    crowded = ((n > x) & (n - x < 120) & (abs(percent - y) < 1.5)).any()
    side = {"xytext": (-5, -9), "ha": "right"} if crowded else {"xytext": (5, 3)}
    ax.annotate(unit, (x, y), textcoords="offset points", fontsize=8, **side)
ax.set_xlabel("applicable answers")
ax.set_ylabel("risk of harm score, percent")
ax.set_title("SYNTHETIC units: no Trust is shown here", fontsize=10)
ax.legend(frameon=False, fontsize=8, ncols=2)
