"""From counts to percentages, intervals, tests and effects."""

from __future__ import annotations

from omistats.inference.infer import infer
from omistats.inference.options import Inference, check_inference
from omistats.inference.results import REASONS, Results
from omistats.inference.weighted import check_weighted, infer_weighted

__all__ = [
    "REASONS",
    "Inference",
    "Results",
    "check_inference",
    "check_weighted",
    "infer",
    "infer_weighted",
]
