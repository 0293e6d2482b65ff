"""How often seven intervals hold the true chance, for every number of cases in the report."""

from __future__ import annotations

from benchmarks.exact import COVERAGE_FILE, INTERVALS, read
from style import BLUE, GREY, axes

table = read(COVERAGE_FILE)
figure = axes(6.4).figure
figure.clear()
panels = figure.subplots(4, 2, sharex=True, sharey=True)
for panel, method in zip(panels.flat, INTERVALS, strict=False):
    least, mean, most = (100 * table[f"{method} {what}"] for what in ("least", "mean", "greatest"))
    panel.vlines(table["n"], least, most, color=GREY, linewidth=0.5, alpha=0.5)
    panel.plot(table["n"], mean, ".", color=BLUE, markersize=3)
    panel.axhline(95, color=GREY, linewidth=1, linestyle="--")
    panel.set_title(method, fontsize=10)
    panel.set_xscale("log")
    panel.set_ylim(85, 100)
panels[-1, -1].set_visible(False)
for panel in (panels[-1, 0], panels[-2, 1]):
    panel.set_xlabel("cases")
    panel.tick_params(labelbottom=True)
for panel in panels[:, 0]:
    panel.set_ylabel("held, percent")
