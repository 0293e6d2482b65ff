"""Rows of the report that tell procedures apart: where p-values can lie, and where they must."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import NullFormatter
from style import BLUE, GREY, ORANGE, axes

import omistats as oms
from omistats.forensics import Attainable
from omistats.forensics.attainable_counts import METHODS

LEFT = 1e-5
WITHIN = {"--": (0.05, 1.0), "*": (0.01, 0.05), "**": (0.001, 0.01), "***": (LEFT, 0.001)}

printed = oms.omi2.load_published().to_pydict()
table, row, mark = (np.array(printed[c][::2]) for c in ("table", "row", "stars"))
figures = [np.array(printed[c][i::2], float) for i in (0, 1) for c in ("percent", "n")]
both = ~np.isnan(sum(figures))

labels: list[str] = []
bands: list[tuple[float, float]] = []
found: list[dict[str, Attainable]] = []
at: list[int] = []
for whole, names in ((True, METHODS), (False, METHODS[:-1])):
    here = np.flatnonzero(both & ((table < 7) == whole))
    given = [f[here] for f in figures]
    tried = {m: oms.forensics.attainable(*given, complement=whole, method=m) for m in names}
    explained = np.array([tried[m].attains(mark[here].astype(str)) for m in names])
    for i in np.flatnonzero(~explained.all(axis=0)):
        labels.append(f"{table[here[i]]}/{row[here[i]]}  {mark[here[i]]}")
        bands.append(WITHIN[str(mark[here[i]])])
        found.append(tried)
        at.append(int(i))

figure = axes(5.6, 6.4).figure
figure.clear()
panels = figure.subplots(1, len(METHODS), sharex=True, sharey=True)
y = np.arange(len(labels))
for panel, method in zip(panels, METHODS, strict=True):
    for line, (low, high), tried, i in zip(y, bands, found, at, strict=True):
        if method not in tried:
            continue
        panel.barh(line, high - low, left=low, height=0.86, color=GREY, alpha=0.25)
        record = tried[method]
        ends = np.clip([record.p_min[i], record.p_max[i]], 1.4 * LEFT, 1)
        earned = record.attains(labels[line].split()[1])[i]
        # With a marker, because a single p-value has no length to be seen as a line.
        panel.plot(
            ends,
            [line, line],
            color=BLUE if earned else ORANGE,
            linewidth=2.5,
            marker=".",
            markersize=5,
        )
    panel.set_title(method, fontsize=9)
    panel.set_xscale("log")
    panel.set_xlim(LEFT, 1)
    panel.set_xticks([0.001, 0.05], [".001", ".05"], fontsize=8)
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.minorticks_off()
    panel.set_yticks(y, labels, fontsize=8)
    panel.tick_params(axis="y", length=0)
panels[0].set_ylim(len(labels) - 0.4, -0.6)
figure.supxlabel("p-value", fontsize=10)
