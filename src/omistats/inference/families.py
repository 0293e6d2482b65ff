"""Families of tests: adjust within them, describe them, and count what chance alone would give."""

from __future__ import annotations

from typing import Final, Literal

import attrs
import numpy as np
import numpy.typing as npt

from omistats.inference.options import Inference, adjusted_column
from omistats.inference.results import adjust_p_values
from omistats.model.framework import ALL

__all__ = ["LEVEL", "Adjusted", "Family", "adjust_findings", "describe_tests", "family_of_all"]


Floats = npt.NDArray[np.float64]

Family = Literal["breakdown", "table", "unit", "everything"]

LEVEL: Final = 0.05
"""The level at which text forms count p-values and what chance alone would give."""

# Below this, "about" a whole number of tests says nothing.
_COUNTABLE: Final = 0.95


@attrs.frozen(eq=False)
class Adjusted:
    """P-values adjusted within their families.

    Attributes
    ----------
    p_value : ndarray of float64
        Of the shape of the p-values given; NaN where nothing was tested.
    family : str
        The families in words, such as ``'over all 450 tests of these findings'``.
    """

    p_value: Floats
    family: str


def adjust_findings(p_value: Floats, units: tuple[str, ...], name: str, family: Family) -> Adjusted:
    """Adjust the p-values of findings, and describe the families.

    Parameters
    ----------
    p_value : ndarray of float64, shape (units, splits, questions)
        NaN where nothing was tested; such comparisons belong to no family.
    units : tuple of str
        The units; ``all``, the sum of the others, is never in a family with them.
    name : str
        An adjustment, from `omistats.stats.ADJUSTMENTS`.
    family : {'everything', 'breakdown', 'unit', 'table'}
        Tests that are adjusted together, as in `Inference`.

    Raises
    ------
    UsageError
        When there is nothing to adjust.
    """
    asked = Inference(adjust=name, family=family)
    adjusted = adjust_p_values(p_value, units, asked)[adjusted_column(asked.adjust[0])]
    return Adjusted(adjusted, _describe_family(~np.isnan(p_value), units, family))


def _describe_family(tested: npt.NDArray[np.bool_], units: tuple[str, ...], family: Family) -> str:
    single_units = sum(unit != ALL for unit in units)
    parts = [tested[:single_units], tested[single_units:]]
    if family == "everything":
        return family_of_all(int(parts[0].sum()), int(parts[1].sum()), "these findings")
    axes = {"breakdown": (0, 2), "unit": (1, 2), "table": (2,)}[family]
    counts = np.concatenate([part.sum(axis=axes).ravel() for part in parts if len(part)])
    counts = counts[counts > 0]
    words = {
        "breakdown": "each breakdown in all units",
        "unit": "each unit",
        "table": "each breakdown of each unit",
    }
    apart = ", all units together apart" * (family == "breakdown" and all(map(len, parts)))
    return f"over the tests of {words[family]}{apart} ({_sizes(counts)})"


def _sizes(counts: npt.NDArray[np.int64]) -> str:
    if not len(counts):
        return "no test was made"
    least, most = int(counts.min()), int(counts.max())
    size = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    number = "1 family" if len(counts) == 1 else f"{len(counts):,} families"
    return f"{number} of {size}"


def family_of_all(of_units: int, of_all: int, result: str) -> str:
    """Describe the family of all tests of a result; all units together are a family of their own.

    Parameters
    ----------
    of_units, of_all : int
        Number of tests of single units, and of all units together.
    result : str
        What the tests belong to, such as ``'these findings'``.
    """
    if of_units and of_all:
        return (
            f"over all {of_units:,} tests of units of {result}, and apart from them over all "
            f"{of_all:,} of all units together"
        )
    return f"over all {of_units + of_all:,} tests of {result}"


def describe_tests(p_value: Floats, *, kept: int | None = None, total: int | None = None) -> str:
    """Say how many tests were made, how many are below 0.05, and what chance alone would give.

    Parameters
    ----------
    p_value : ndarray of float64
        P-values of the tests, each once and unadjusted; NaN where none was made.
    kept : int, optional
        Number of tests that a filter by significance kept of these.
    total : int, optional
        Number of tests in all, if these are a part of them.

    Returns
    -------
    str
        A sentence without its full stop.
    """
    made = int((~np.isnan(p_value)).sum())
    below = int((p_value < LEVEL).sum())
    expected = LEVEL * made
    chance = f"about {int(expected + 0.5):,}" if expected >= _COUNTABLE else "fewer than 1"
    is_part = total is not None and total != made
    if kept is not None:
        in_all = f" ({total:,} in all)" if is_part else ""
        tests = f"{kept:,} of {made:,} tests kept{in_all}"
        found = f"p below {LEVEL:g} in {below:,} of the {made:,}"
    else:
        tests = f"{made:,} of {total:,} tests shown" if is_part else _tests(made)
        found = f"p below {LEVEL:g} in {below:,}"
    return f"{tests}; {found}; chance alone would give {chance}" if made else tests


def _tests(number: int) -> str:
    return f"{number:,} test{'s' * (number != 1)}" if number else "no test could be made"
