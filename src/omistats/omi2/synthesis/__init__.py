"""Generate the synthetic cases, which add up to the printed tables of the report.

The inspected cases are not public. Synthetic cases can replace them for the printed figures and
for nothing else.
"""

from __future__ import annotations

from omistats.omi2.synthesis.answers import CIRCUMSTANCES
from omistats.omi2.synthesis.generate import SEED, UNKNOWABLE, VERSION, generate

__all__ = ["CIRCUMSTANCES", "SEED", "UNKNOWABLE", "VERSION", "generate"]
