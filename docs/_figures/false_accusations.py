"""How often the default test of scores and Wald's accuse a group that does not differ."""

from __future__ import annotations

import csv
from pathlib import Path

import style
from style import BLUE, GREY, ORANGE, axes

FILE = Path(style.__file__).with_name("false_accusations.csv")

with FILE.open(encoding="utf-8", newline="") as file:
    cells = list(csv.DictReader(file))
cases = [int(cell["cases"]) for cell in cells]
ax = axes(3.4)
for rule, colour, mark in (("wald", ORANGE, "x"), ("effective", BLUE, ".")):
    rates = [100 * float(cell[f"{rule}_rejected_5"]) for cell in cells]
    ax.plot(cases, rates, mark, color=colour, label=rule)
ax.axhline(5, color=GREY, linewidth=1, linestyle="--")
ax.set_xscale("log")
ax.set_xticks([5, 10, 20, 50, 100, 200], labels=["5", "10", "20", "50", "100", "200"])
ax.set_xlabel("cases in the smaller group")
ax.set_ylabel("accused where nothing differs, percent")
ax.legend(frameon=False)
