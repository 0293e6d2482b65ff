"""Synthetic cases: a case file that adds up to the report's printed tables.

The inspected cases are not public. These are generated: as good as real for the printed
figures, and for nothing else.
"""

from __future__ import annotations

from omistats.omi2.synthesis.answers import CIRCUMSTANCES
from omistats.omi2.synthesis.generate import SEED, UNKNOWABLE, VERSION, generate

__all__ = ["CIRCUMSTANCES", "SEED", "UNKNOWABLE", "VERSION", "generate"]
