"""Time against cases, questions, units and groups, from the committed figures."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import render
from style import BLUE, axes

figures = Path(render.__file__).parents[1] / "docs" / "_figures" / "performance.json"
figure = axes(5.2, 6.4).figure
figure.clear()
panels = figure.subplots(2, 2)
render.draw_curves(json.loads(figures.read_text("utf-8")), panels.flat, BLUE)
