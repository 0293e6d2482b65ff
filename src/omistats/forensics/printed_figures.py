"""Printed percentages: check them, read their decimals and infer how they were rounded."""

from __future__ import annotations

from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt

from omistats._series import check_same_index
from omistats.errors import (
    DataError,
    Problem,
    UnknownNameError,
    UsageError,
    format_value,
    format_values,
)
from omistats.kernel.checks import check_whole
from omistats.kernel.rounding import MOST_DECIMALS, ROUNDINGS, counts_behind, last_digits

__all__ = [
    "LARGEST_BOUND",
    "NOT_TESTABLE",
    "InferredRounding",
    "PrintedPair",
    "counts_up_to",
    "infer_rounding",
    "read_pair",
]


Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NOT_TESTABLE: Final = "not testable from counts: weighted"
"""Reason where a table is weighted."""

LARGEST_BOUND: Final = 10**7
"""Largest number of cases that may be an upper bound."""

# Conventions that one table can have; `either` is for tables that have several.
_CONVENTIONS: Final = tuple(r for r in ROUNDINGS if r != "either")


@attrs.frozen
class InferredRounding:
    """Rounding conventions that can have printed all percentages of a table.

    Attributes
    ----------
    rounding : str
        The convention to use: ``half-up`` if it can have printed the table, otherwise the
        narrowest that can. It is ``either`` if truncation can too. If only truncation can, it is
        ``truncate`` if two or more percentages need it; one is more likely a misprint, and
        then it is ``half-up``, as where none can.
    decimals : int
        Number of decimals printed.
    possible : tuple of str
        All conventions that can have printed every percentage: some of ``half-up``,
        ``half-even``, ``nearest`` (exact halves go either way) and ``truncate``.
    excluded : dict of str to tuple of int
        For each other convention, the places of the percentages that it cannot have printed.
    tested : int
        Number of percentages that are not blank and have cases.
    reason : str
        Why nothing could be excluded; empty if percentages were compared with counts.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.forensics.infer_rounding(["12.5", "33.3", "66.7"], [8, 3, 3])
    >>> found.decimals, found.rounding, found.excluded, found.tested, found.reason
    (1, 'half-up', {'truncate': (2,)}, 3, '')
    >>> found.possible
    ('half-up', 'half-even', 'nearest')
    >>> print(found)
    3 percentages with 1 decimal can be half-up, half-even or nearest; not truncate
    """

    rounding: str
    decimals: int
    possible: tuple[str, ...]
    excluded: dict[str, tuple[int, ...]]
    tested: int
    reason: str

    def __str__(self) -> str:
        printed = (
            f"{self.tested:,} percentage{'s' * (self.tested != 1)} with {self.decimals} "
            f"decimal{'s' * (self.decimals != 1)}"
        )
        if self.reason:
            return f"{printed}: {self.reason}"
        can = f"can be {_join(self.possible)}" if self.possible else "fit no convention"
        return printed + f" {can}" + (f"; not {_join(self.excluded)}" if self.excluded else "")


def infer_rounding(
    percent: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    decimals: int | None = None,
    n_at_most: npt.ArrayLike = False,
    weighted: bool = False,
) -> InferredRounding:
    """Infer how the percentages of a table were rounded.

    Parameters
    ----------
    percent : array_like of float or str
        Percentages as printed, 0-100, NaN, null or empty text for a blank.
    n : array_like of int
        Number of cases behind each percentage. Broadcast with `percent`.
    decimals : int, optional
        Number of decimals printed; by default the most that any percentage has, without zeros
        at the end.
    n_at_most : array_like of bool, optional
        Whether a number of cases is only an upper bound.
    weighted : bool, optional
        Whether the percentages are weighted. Then counts exclude no convention.

    Returns
    -------
    InferredRounding
        All conventions that can have printed every percentage, and the one to use.

    Raises
    ------
    DataError
        When figures are out of range, or percentages have more decimals than `decimals`.
    UsageError
        When shapes do not broadcast, or an option is out of range.

    Notes
    -----
    A convention is excluded if some percentage is printed by no count under it. Each
    percentage is tested by itself. Only exact halves tell ``half-up`` and ``half-even`` apart,
    and these need a number of cases that is divisible by 8 if percentages are whole.

    Programs that round floating-point numbers can send an exact half either way: with one
    decimal Python prints 1 of 2,000 (0.05%) as 0.1, and 3 of 2,000 (0.15%) as 0.1 too. Such
    tables are ``nearest``.

    Examples
    --------
    Python's ``round`` prints 1 of 8 as 12 and 3 of 8 as 38:

    >>> import omistats as oms
    >>> print(oms.forensics.infer_rounding([12, 38, 67], [8, 8, 3]))
    3 percentages with 0 decimals can be half-even or nearest; not half-up or truncate
    """
    figures = _check_figures({"percent": percent, "n": n}, decimals)
    _check_flag("weighted", weighted)
    p, m, at_most = _broadcast({**figures.arrays, "n_at_most": _as_flags(n_at_most)})
    tested = ~np.isnan(p) & ~np.isnan(m) & (m > 0)
    possible, excluded = _CONVENTIONS, {}
    if not weighted:
        places = np.flatnonzero(tested)
        for convention in _CONVENTIONS:
            can = _can_print(p[tested], m[tested], at_most[tested], convention, figures.decimals)
            if not can.all():
                excluded[convention] = tuple(places[~can].tolist())
        possible = tuple(r for r in _CONVENTIONS if r not in excluded)
    return InferredRounding(
        _choose({r: len(excluded.get(r, ())) for r in _CONVENTIONS}),
        figures.decimals,
        possible,
        excluded,
        int(tested.sum()),
        NOT_TESTABLE if weighted else "",
    )


def _choose(excluding: dict[str, int]) -> str:
    """Choose the convention to use, given how many percentages exclude each."""
    possible = [convention for convention, figures in excluding.items() if not figures]
    if "half-up" in possible or not possible:
        return "half-up"
    if possible == ["truncate"]:
        return "truncate" if excluding["nearest"] > 1 else "half-up"
    return "either" if "truncate" in possible else possible[0]


def _can_print(p: Floats, n: Floats, at_most: Bools, rounding: str, decimals: int) -> Bools:
    """Check which percentages some count prints as."""
    low, high = counts_behind(p, n, rounding=rounding, decimals=decimals)
    can: Bools = low <= high
    if at_most.any():
        for i in np.flatnonzero(~can & at_most).tolist():
            can[i] = counts_up_to(float(p[i]), int(n[i]), rounding, decimals)[0].size > 0
    return can


def counts_up_to(
    percent: float, most: int, rounding: str, decimals: int
) -> tuple[Ints, Ints, Ints]:
    """Find the counts that print as a percentage, of any number of cases up to a bound.

    Parameters
    ----------
    percent : float
        The printed percentage.
    most : int
        The largest number of cases.
    rounding, decimals
        As for `omistats.kernel.rounding.counts_behind`.

    Returns
    -------
    n, low, high : ndarray of int64
        Every number of cases of which some count prints so, ascending, and the least and the
        greatest such count.

    Raises
    ------
    UsageError
        When the bound is above `LARGEST_BOUND`.
    """
    if most > LARGEST_BOUND:
        raise UsageError(
            f"an upper bound of the number of cases must be at most {LARGEST_BOUND:,}; found "
            f"{most:,}. With groups this large use their percentages as exact"
        )
    n = np.arange(1, most + 1)
    low, high = counts_behind(percent, n, rounding=rounding, decimals=decimals)
    some = low <= high
    return n[some], low[some], high[some]


@attrs.frozen(eq=False)
class PrintedPair:
    """Printed percentages of two groups, checked and broadcast, and how they were printed.

    Attributes
    ----------
    percent1, n1, percent2, n2, unclassified : ndarray of float64
        The figures, NaN for a blank.
    rounding, decimals : str, int
        How percentages are printed.
    is_inferred : bool
        Whether the rounding was inferred.
    n_at_most : ndarray of bool
        Whether the numbers of cases are upper bounds.
    weighted : bool
        Whether percentages are weighted.
    """

    percent1: Floats
    n1: Floats
    percent2: Floats
    n2: Floats
    unclassified: Floats
    rounding: str
    decimals: int
    is_inferred: bool
    n_at_most: Bools
    weighted: bool

    @property
    def is_blank(self) -> Bools:
        """Whether a figure is blank."""
        out: Bools = np.isnan(self.percent1 + self.n1 + self.percent2 + self.n2)
        return out

    @property
    def roundings(self) -> tuple[str, ...]:
        """Conventions that can have printed all percentages; only `rounding` if it was given."""
        if not self.is_inferred:
            return (self.rounding,)
        return tuple(r for r in _CONVENTIONS if not self.excluding(r))

    def excluding(self, rounding: str) -> int:
        """Count the percentages that a convention cannot have printed."""
        if self.weighted:
            return 0
        percent, n, at_most = (
            np.concatenate([np.ravel(a), np.ravel(b)])
            for a, b in (
                (self.percent1, self.percent2),
                (self.n1, self.n2),
                (self.n_at_most, self.n_at_most),
            )
        )
        tested = ~np.isnan(percent) & (n > 0)
        can = _can_print(percent[tested], n[tested], at_most[tested], rounding, self.decimals)
        return int((~can).sum())


def read_pair(
    percent1: npt.ArrayLike,
    n1: npt.ArrayLike,
    percent2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    complement: bool,
    unclassified: npt.ArrayLike = 0,
    rounding: str | None,
    decimals: int | None,
    n_at_most: npt.ArrayLike,
    weighted: bool,
) -> PrintedPair:
    """Check printed figures of two groups, and infer how they were rounded where not given.

    Parameters
    ----------
    percent1, n1, percent2, n2, complement, unclassified, rounding, decimals, n_at_most, weighted
        As for `omistats.forensics.attainable`.

    Raises
    ------
    DataError
        When figures are out of range or have too many decimals; every argument at fault is
        listed.
    UnknownNameError
        When the rounding is unknown.
    UsageError
        When arguments do not fit together.
    """
    if rounding is not None and rounding not in ROUNDINGS:
        raise UnknownNameError("rounding", rounding, ROUNDINGS)
    _check_flag("weighted", weighted)
    given = {
        "percent1": percent1,
        "n1": n1,
        "percent2": percent2,
        "n2": n2,
        "unclassified": unclassified,
    }
    figures = _check_figures(given, decimals)
    arrays = figures.arrays
    if not complement and arrays["unclassified"].any():
        raise UsageError(
            "unclassified cases need a second group that includes the first; pass complement=True"
        )
    flags = _as_flags(n_at_most)
    if complement and flags.any():
        raise UsageError(
            "`n_at_most` needs two separate groups; found complement=True. Pass the other cases "
            "as the second group"
        )
    p1, m1, p2, m2, unknown, at_most = _broadcast({**arrays, "n_at_most": flags})
    pair = PrintedPair(
        p1,
        m1,
        p2,
        m2,
        unknown,
        "half-up" if rounding is None else rounding,
        figures.decimals,
        rounding is None,
        at_most,
        weighted,
    )
    if pair.is_inferred and pair.excluding("half-up"):
        return attrs.evolve(pair, rounding=_choose({r: pair.excluding(r) for r in _CONVENTIONS}))
    return pair


@attrs.frozen(eq=False)
class _Figures:
    """Checked figures by argument, and the number of decimals of the percentages."""

    arrays: dict[str, Floats]
    decimals: int


def _check_figures(given: dict[str, npt.ArrayLike], decimals: int | None) -> _Figures:
    """Return figures as floats, or raise with all problems."""
    check_same_index(**given)
    if decimals is not None:
        check_whole("decimals", decimals, 0)
        if decimals > MOST_DECIMALS:
            raise UsageError(f"`decimals` must be at most {MOST_DECIMALS}; found {decimals}")
    arrays: dict[str, Floats] = {}
    problems = []
    most = 0 if decimals is None else decimals
    for name, values in given.items():
        percent = name.startswith("percent")
        rule, hint = _rule(percent, decimals)
        try:
            a = _read_percents(values) if percent else np.asarray(values, np.float64)
        except (TypeError, ValueError):
            problems.append(Problem(name, rule, format_values([values]), hint))
            continue
        if percent and decimals is None:
            most = max(most, _decimals_of(a))
        allowed = (MOST_DECIMALS if decimals is None else decimals) if percent else 0
        with np.errstate(invalid="ignore"):
            digits = last_digits(a, allowed) if allowed else a
            bad: Any = (a < 0) | (digits != np.floor(digits)) | np.isinf(a)
        bad &= ~np.isnan(a)
        if percent:
            bad |= a > 100
        if name == "unclassified":
            bad |= np.isnan(a)
        if bad.any():
            problems.append(Problem(name, rule, format_values(a[bad].tolist()), hint))
        arrays[name] = a
    if problems:
        raise DataError(problems)
    return _Figures(arrays, most)


def _rule(percent: bool, decimals: int | None) -> tuple[str, str]:
    """Return what figures must be, and the advice where they are not."""
    if not percent:
        return "whole numbers, none negative", "Write numbers of cases."
    hint = "Write percentages as printed."
    if decimals == 0:
        return "whole numbers from 0 to 100", hint
    most = MOST_DECIMALS if decimals is None else decimals
    return f"numbers from 0 to 100 with at most {most} decimal{'s' * (most != 1)}", hint


def _read_percents(values: npt.ArrayLike) -> Floats:
    """Return percentages as floats; text may have a percent sign, and empty text is a blank."""
    raw: Any = np.asarray(values)
    if raw.dtype.kind not in "USO" or not any(isinstance(v, str) for v in raw.flat):
        return np.asarray(values, np.float64)
    bare = [v.strip().removesuffix("%") if isinstance(v, str) else v for v in raw.flat]
    return np.array([np.nan if v in ("", None) else float(v) for v in bare]).reshape(raw.shape)


def _decimals_of(percents: Floats) -> int:
    """Return the most decimals that any percentage has; zeros at the end do not count."""
    finite = percents[np.isfinite(percents)]
    for decimals in range(MOST_DECIMALS):
        digits = last_digits(finite, decimals)
        if (digits == np.floor(digits)).all():
            return decimals
    return MOST_DECIMALS


def _as_flags(values: npt.ArrayLike) -> Bools:
    """Check flags that say whether numbers of cases are upper bounds."""
    flags: Any = np.asarray(values)
    if flags.dtype.kind != "b":
        raise UsageError(
            f"`n_at_most` must be True, False or one of them a row; found {format_value(values)}"
        )
    return np.asarray(flags, np.bool_)


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool | np.bool_):
        raise UsageError(f"`{name}` must be True or False; found {format_value(value)}")


def _broadcast(arrays: dict[str, Any]) -> list[Any]:
    """Broadcast arguments, or raise with their shapes."""
    try:
        return list(np.broadcast_arrays(*arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {a.shape}" for name, a in arrays.items())
        raise UsageError(
            f"shapes do not broadcast together: {shapes}; pass one figure per row, or scalars"
        ) from None


def _join(names: Any) -> str:
    """Join names: ``a, b or c``."""
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last
