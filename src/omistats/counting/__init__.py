"""From cases, wherever they are, to counts."""

from omistats.counting.face import tally

__all__ = ["tally"]
