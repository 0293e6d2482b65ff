"""Intervals for one proportion, by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from omistats.kernel.methods import Methods
from omistats.kernel.proportion import wilson

__all__ = ["INTERVALS"]

Floats = npt.NDArray[np.float64]

INTERVALS: Methods[Callable[[Floats, Floats, float], tuple[Floats, Floats]]] = Methods(
    "interval", "f(k, n, confidence) -> (low, high)"
)
"""Intervals for one proportion."""

INTERVALS.register("wilson", wilson, ["score"])
