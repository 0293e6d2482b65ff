"""How figures look: as wide as a column of text, in colours that colour-blind people tell apart."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt

BLUE, ORANGE, GREY = "#0b5a8a", "#c8590a", "#767676"

_STYLE = {
    # Nothing random in the files, and letters as shapes: they look alike everywhere.
    "svg.hashsalt": "omistats",
    "svg.fonttype": "path",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
}


def axes(height: float) -> plt.Axes:
    """Give the axes of a new figure, so many inches high."""
    # Settings are put back after each figure.
    mpl.rcParams.update(_STYLE)
    return plt.subplots(figsize=(6.4, height))[1]
