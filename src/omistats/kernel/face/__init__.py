"""The numeric face: array-likes in, records of arrays out."""

from __future__ import annotations

from omistats.kernel.face.adjust import adjust
from omistats.kernel.face.comparisons import compare, compare_groups
from omistats.kernel.face.effects import Effect, difference, odds_ratio, risk_ratio
from omistats.kernel.face.equivalence import Equivalence, equivalence
from omistats.kernel.face.intervals import Interval, interval
from omistats.kernel.face.planning import (
    Detectable,
    Power,
    SampleSize,
    detectable,
    power,
    sample_size,
)
from omistats.kernel.face.precision import sample_for_precision
from omistats.kernel.face.stratified import Stratified, stratified
from omistats.kernel.face.trends import Trend, trend
from omistats.kernel.face.weighted import WeightedComparison, compare_weighted
from omistats.kernel.options import check_confidence

__all__ = [
    "Detectable",
    "Effect",
    "Equivalence",
    "Interval",
    "Power",
    "SampleSize",
    "Stratified",
    "Trend",
    "WeightedComparison",
    "adjust",
    "check_confidence",
    "compare",
    "compare_groups",
    "compare_weighted",
    "detectable",
    "difference",
    "equivalence",
    "interval",
    "odds_ratio",
    "power",
    "risk_ratio",
    "sample_for_precision",
    "sample_size",
    "stratified",
    "trend",
]
