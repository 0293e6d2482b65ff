"""Tests, intervals, effects and sample sizes for proportions: arrays in, arrays out."""

from __future__ import annotations

from omistats._lazy import public_index

__getattr__, __dir__ = public_index(__name__, "stats.pyi")
