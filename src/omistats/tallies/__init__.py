"""Counts, wherever they were made: all that inference needs to know of the cases."""

from omistats.tallies.options import By, check_by, standard_or
from omistats.tallies.tally import Split, Tally

__all__ = ["By", "Split", "Tally", "check_by", "standard_or"]
