"""The layers of the package, drawn from the import contract in pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

import style
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from style import BLUE, GREY, axes

# The plot directive runs this file as text, without a path of its own; style has one.
ROOT = Path(style.__file__).parents[2]
# What each layer does, by its first name.
PURPOSE = {
    "cli": "commands",
    "omi2": "one programme: questions, units, tables, cases",
    "mappings": "exports to cases, by a mapping",
    "programmes": "programmes as folders of data",
    "resampling": "bootstrap and permutation tests",
    "findings": "analyses, each with its result table",
    "inference": "tests, intervals, effects, adjustments",
    "counting": "counts of answers by group",
    "engines": "counting in Polars, DuckDB and Spark",
    "breakdowns": "which group a case is in",
    "model": "cases, frameworks, units, files",
    "stats": "public index of the kernel",
    "kernel": "numbers; Arrow; the base of result tables",
    "errors": "exceptions; the public index",
}
ROW, BOX, PER_LINE, WIDTH = 1.0, 0.72, 3, 6.6


def read_layers() -> list[list[str]]:
    """Read the layers from the top, each as the names that may not import one another."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (contract,) = (one for one in contracts if one["type"] == "layers")
    package = ROOT / "src" / contract["containers"][0]
    layers = []
    for line in contract["layers"]:
        names = [name.strip(" ()") for name in line.replace(":", "|").split("|")]
        # Names in brackets may be absent.
        names = [n for n in names if (package / n).is_dir() or (package / f"{n}.py").is_file()]
        if names and names != ["__main__"]:
            layers.append(names)
    return layers


def count_modules(name: str) -> int:
    """Count the modules of a package, without its index."""
    folder = ROOT / "src" / "omistats" / name
    found = [file for file in folder.rglob("*.py") if not file.name.startswith("__")]
    return len(found) if folder.is_dir() else 1


lines = [(r, r[i : i + PER_LINE]) for r in read_layers() for i in range(0, len(r), PER_LINE)]
# Lines of the same layer are close together.
steps = [ROW if part == row[:PER_LINE] else BOX + 0.08 for row, part in lines]
height = sum(steps)
ax = axes(0.42 * height + 0.3, 6.4)
y = height
for (row, part), step in zip(lines, steps, strict=True):
    y -= step
    wide = WIDTH / len(part)
    for place, name in enumerate(part):
        content = name == "omi2"
        box = FancyBboxPatch(
            (place * wide + 0.06, y),
            wide - 0.12,
            BOX,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor="#fbeadd" if content else "#e4eef5",
            edgecolor="#c8590a" if content else BLUE,
            linewidth=0.8,
        )
        ax.add_patch(box)
        text = f"{name}  {count_modules(name)}"
        ax.text((place + 0.5) * wide, y + BOX / 2, text, ha="center", va="center", fontsize=8)
    if part == row[:PER_LINE]:
        purpose = PURPOSE.get(row[0], "")
        ax.text(WIDTH + 0.15, y + BOX / 2, purpose, va="center", fontsize=8, color=GREY)
arrow = FancyArrowPatch(
    (-0.25, height - 0.3), (-0.25, 0.05), arrowstyle="-|>", mutation_scale=12, color=GREY
)
ax.add_patch(arrow)
ax.text(-0.5, height / 2, "imports", rotation=90, ha="center", va="center", fontsize=8, color=GREY)
ax.set_xlim(-0.7, 12.0)
ax.set_ylim(-0.1, height)
ax.axis("off")
