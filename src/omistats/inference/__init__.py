"""Percentages, intervals, tests and effects from counts."""
