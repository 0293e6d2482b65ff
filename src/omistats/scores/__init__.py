"""General criteria, sections and headline elements; units against each other."""

from __future__ import annotations

from omistats.scores.scoring import scores
from omistats.scores.summing import from_sums, score_tally, sum_cases
from omistats.scores.table import Scores
from omistats.scores.tally import ScoreTally
from omistats.scores.units import UnitComparison

__all__ = [
    "ScoreTally",
    "Scores",
    "UnitComparison",
    "from_sums",
    "score_tally",
    "scores",
    "sum_cases",
]
