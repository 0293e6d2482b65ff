"""How many times as long as omistats its peers take, from the committed figures."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import render
from style import BLUE, GREY, ORANGE, axes

figures = Path(render.__file__).parents[1] / "docs" / "_figures" / "performance.json"
render.draw(json.loads(figures.read_text("utf-8")), axes(9.0, 6.4), (BLUE, ORANGE, GREY))
