"""General criteria, sections and headline elements; units against each other."""

from __future__ import annotations

from omistats.scores.face import score_tally
from omistats.scores.scoring import scores
from omistats.scores.table import Scores
from omistats.scores.tally import ScoreTally
from omistats.scores.units import UnitComparison
from omistats.scores.weaknesses import Weaknesses

__all__ = [
    "ScoreTally",
    "Scores",
    "UnitComparison",
    "Weaknesses",
    "score_tally",
    "scores",
]
