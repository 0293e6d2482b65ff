"""How often four tests reject where nothing differs, for the pairs of groups in the report."""

from __future__ import annotations

from benchmarks.exact import SIZE_FILE, TESTS, read
from style import BLUE, GREY, axes

table = read(SIZE_FILE)
figure = axes(5.2).figure
figure.clear()
panels = figure.subplots(2, 2, sharex=True, sharey=True)
for panel, test in zip(panels.flat, TESTS, strict=True):
    least, mean, most = (100 * table[f"{test} {what}"] for what in ("least", "mean", "greatest"))
    panel.vlines(table["n1"], least, most, color=GREY, linewidth=0.5, alpha=0.5)
    panel.plot(table["n1"], mean, ".", color=BLUE, markersize=4)
    panel.axhline(5, color=GREY, linewidth=1, linestyle="--")
    panel.set_title(test, fontsize=10)
    panel.set_xscale("log")
    panel.set_ylim(0, 12)
for panel in panels[1]:
    panel.set_xlabel("cases in the smaller group")
for panel in panels[:, 0]:
    panel.set_ylabel("rejected, percent")
