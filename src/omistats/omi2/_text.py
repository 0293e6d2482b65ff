"""Figures that the 2011 aggregate report gives in its text."""

from __future__ import annotations

from typing import Final

__all__ = ["AGE_SHARES", "CASES", "REPEATED"]

CASES: Final = 2213
"""Case assessments in the dataset (paragraph 10)."""

AGE_SHARES: Final[dict[str, int]] = {"17-24": 31, "25+": 69}
"""Percent of the dataset in each age group (above Table 11)."""

REPEATED: Final[tuple[tuple[int, int, str, int], ...]] = (
    (3, 8, "all", 84),
    (3, 15, "all", 80),
    (3, 17, "all", 80),
    (3, 17, "high", 88),
    (3, 20, "all", 47),
    (3, 20, "high", 58),
    (3, 21, "all", 83),
    (3, 24, "all", 51),
    (3, 31, "all", 35),
    (4, 8, "all", 37),
    (4, 8, "high", 65),
    (4, 9, "all", 80),
    (4, 13, "all", 68),
    (4, 13, "high", 84),
    (4, 20, "all", 73),
    (4, 20, "high", 80),
    (5, 3, "all", 87),
    (5, 8, "all", 74),
    (5, 10, "all", 47),
    (6, 1, "all", 64),
    (6, 2, "all", 53),
    (6, 7, "all", 87),
    (6, 8, "all", 46),
    (6, 10, "all", 82),
    (6, 12, "all", 90),
    (9, 65, "white", 83),
    (9, 65, "BME", 75),
    (10, 27, "yes", 70),
    (10, 27, "no", 63),
    (11, 65, "25+", 84),
    (11, 65, "17-24", 75),
    (11, 68, "25+", 71),
    (11, 68, "17-24", 56),
)
"""Percentages that the text beside a table repeats from it: table, row, group, percent."""

# The shares of kinds of disability (a note to Table 10: 33%, 40% and 27% of all disabilities
# reported) are not here: no number of disabilities is printed, so nothing tests them.
