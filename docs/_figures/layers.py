"""The layers of the package, as the check of imports has them and as its folders hold them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import style
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from style import BLUE, GREY, axes

# A figure is executed as text, which has no file; the module of styles does.
ROOT = Path(style.__file__).parents[2]
# What a layer is there for, by its first name; the layers themselves are read from the contract.
MEANT = {
    "cli": "the command line",
    "omi2": "one programme: its questions, units, tables, cases",
    "publish": "what findings become",
    "resampling": "cases drawn again",
    "recompute": "what is asked of cases, of print and of caseloads",
    "counting": "from cases to counts, wherever they are",
    "engines": "counting where the cases stay",
    "findings": "the result table",
    "inference": "tests, intervals, effects, adjustments",
    "tallies": "the counts k and n",
    "breakdowns": "how cases are split",
    "model": "what an inspection is",
    "kernel": "numbers, and every untyped call on Arrow",
    "errors": "what goes wrong, all at once",
}
ROW, BOX = 1.0, 0.72


def layers() -> list[list[str]]:
    """Give the layers from the top, each with the names that stand side by side in it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (contract,) = (one for one in contracts if one["type"] == "layers")
    package = ROOT / "src" / contract["containers"][0]
    rows = []
    for line in contract["layers"]:
        names = [name.strip(" ()") for name in line.split("|")]
        # Names that the contract allows and the package does not have yet are not drawn.
        there = [n for n in names if (package / n).is_dir() or (package / f"{n}.py").is_file()]
        if there and there != ["__main__"]:
            rows.append(there)
    return rows


def modules(name: str) -> int:
    """Count the modules behind a name."""
    folder = ROOT / "src" / "omistats" / name
    return len(list(folder.rglob("*.py"))) if folder.is_dir() else 1


rows = layers()
if missing := [row for row in rows if row[0] not in MEANT]:
    msg = f"say in a few words what these layers are for: {missing}"
    raise ValueError(msg)
wrapped = [(row, row[i : i + 3]) for row in rows for i in range(0, len(row), 3)]
# The second line of a layer is close to its first.
steps = [ROW if part == row[:3] else BOX + 0.08 for row, part in wrapped]
height = sum(steps)
ax = axes(0.42 * height + 0.3, 6.4)
WIDTH = 6.6
y = height
for (row, part), step in zip(wrapped, steps, strict=True):
    y -= step
    wide = WIDTH / len(part)
    for place, name in enumerate(part):
        own = name == "omi2"
        box = FancyBboxPatch(
            (place * wide + 0.06, y),
            wide - 0.12,
            BOX,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor="#fbeadd" if own else "#e4eef5",
            edgecolor="#c8590a" if own else BLUE,
            linewidth=0.8,
        )
        ax.add_patch(box)
        text = f"{name}  {modules(name)}"
        middle = (place + 0.5) * wide, y + BOX / 2
        ax.text(*middle, text, ha="center", va="center", fontsize=8)
    if part == row[:3]:
        ax.text(WIDTH + 0.15, y + BOX / 2, MEANT[row[0]], va="center", fontsize=8, color=GREY)
arrow = FancyArrowPatch(
    (-0.25, height - 0.3), (-0.25, 0.05), arrowstyle="-|>", mutation_scale=12, color=GREY
)
ax.add_patch(arrow)
ax.text(-0.5, height / 2, "imports", rotation=90, ha="center", va="center", fontsize=8, color=GREY)
ax.set_xlim(-0.7, 12.0)
ax.set_ylim(-0.1, height)
ax.axis("off")
