"""How figures look: legible on a phone too, in colours that colour-blind people tell apart."""

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


def axes(height: float, width: float = 5.2) -> plt.Axes:
    """Give the axes of a new figure, so many inches high and wide.

    A phone shrinks a figure to some four inches, so letters of a wider one come out too small.
    """
    # Settings are put back after each figure.
    mpl.rcParams.update(_STYLE)
    return plt.subplots(figsize=(width, height))[1]
