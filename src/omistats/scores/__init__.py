"""General criteria, sections and headline elements; units against each other."""

from __future__ import annotations

from omistats.scores.scoring import scores
from omistats.scores.table import Scores
from omistats.scores.units import UnitComparison

__all__ = ["Scores", "UnitComparison", "scores"]
