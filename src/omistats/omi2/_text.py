"""Figures that the 2011 aggregate report gives in its text and in no table."""

from __future__ import annotations

from typing import Final

__all__ = ["AGE_SHARES", "CASES"]

CASES: Final = 2213
"""Case assessments in the dataset (paragraph 10)."""

AGE_SHARES: Final[dict[str, int]] = {"17-24": 31, "25+": 69}
"""Percent of the dataset in each age group (above Table 11)."""

# The shares of kinds of disability (a note to Table 10: 33%, 40% and 27% of all disabilities
# reported) are not here: no number of disabilities is printed, so nothing tests them.
