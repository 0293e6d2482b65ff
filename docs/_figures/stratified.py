"""Rejections where units hide a difference, or make one; simulated."""

from __future__ import annotations

import numpy as np
from style import BLUE, GREY, ORANGE, axes

import omistats as oms

random = np.random.default_rng(20110302)
level, cases, programmes = np.linspace(0.55, 0.85, 12), 100, 1000
share = 0.5 + 0.1 / (4 * level.var()) * (level - level.mean())
differences = np.linspace(-0.1, 0.2, 13)
rates = []
for within in differences:
    n1 = random.binomial(cases, share, (programmes, 12))
    n2 = cases - n1
    k1, k2 = random.binomial(n1, level - within), random.binomial(n2, level)
    pooled = oms.stats.compare(*(v.sum(axis=1) for v in (k1, n1, k2, n2)))
    found = pooled.p_value, oms.stats.stratified(k1, n1, k2, n2).p_value
    rates.append([100 * (p < 0.05).mean() for p in found])

ax = axes(3.4)
drawn = (("pooled: Pearson", ORANGE, "D"), ("within units: CMH", BLUE, "o"))
for values, (label, colour, marker) in zip(np.transpose(rates), drawn, strict=True):
    ax.plot(-100 * differences, values, marker=marker, markersize=4, color=colour, label=label)
ax.axhline(5, color=GREY, linewidth=0.8)
ax.set_xlabel("first group less second within each unit, percentage points")
ax.set_ylabel("rejections at 5%, percent")
ax.set_title("SIMULATED programmes", fontsize=10)
ax.figure.legend(frameon=False, fontsize=9, loc="outside upper center", ncols=2)
