"""Counts, wherever they were made: all that inference needs to know of the cases."""

from omistats.tallies.adding import Sum, arranged
from omistats.tallies.options import By, check_by, standard_or
from omistats.tallies.split import Split
from omistats.tallies.tally import Tally

__all__ = ["By", "Split", "Sum", "Tally", "arranged", "check_by", "standard_or"]
