"""Inference by drawing again: shuffled groups, and cases or units drawn anew."""

from omistats.resampling.bootstrap import bootstrap
from omistats.resampling.max_t import max_t
from omistats.resampling.result import Resampled

__all__ = ["Resampled", "bootstrap", "max_t"]
