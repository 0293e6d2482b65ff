"""Consistency of printed figures: feasible counts and minimal conflicts.

Of ``n`` cases an unknown number ``k`` were sufficient. The cases are split in several ways, and
percentages and stars of the groups are printed. Each split allows certain values of ``k``. Given
``k``, splits do not constrain one another, because sufficient cases can be assigned to groups
for each split by itself. So the figures are consistent exactly when some ``k`` is allowed by all
splits. If a split is printed several times, also the counts of its groups are the same each time.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from functools import reduce
from itertools import product
from operator import and_
from typing import Final, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError, UsageError
from omistats.forensics.attainable_counts import OVERLAPPING, iter_ranges, p_value
from omistats.kernel.checks import check_whole
from omistats.kernel.chi_square import STARS, star_codes
from omistats.kernel.rounding import MOST_DECIMALS, ROUNDINGS, counts_behind

__all__ = ["Figure", "PrintedSplit", "PrintedTotal", "feasible_counts", "minimal_conflicts"]


Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# A normal deviate that earns each mark: the first to try.
_TYPICAL: Final = (0.0, 2.25, 2.95, 4.0)


class Figure(NamedTuple):
    """Name of a figure of a printed split: the first or second percentage, or the stars."""

    division: Hashable
    what: str


@attrs.frozen
class PrintedSplit:
    """Printed figures of cases split into two groups, perhaps with cases in neither.

    Attributes
    ----------
    key : Hashable
        Name of the printed split, for `Figure`.
    n1, n2 : int
        Cases of the groups; in a complement, ``n2`` are the cases outside the subset.
    percent1, percent2 : float or None
        Printed percentages; None if not printed.
    stars : str or None
        Printed mark of the comparison of the two groups; ignored if a group is empty.
    complement : bool
        Whether the second group is all cases outside the first.
    split : Hashable
        Name shared by printed splits whose groups are the same cases; None if they are printed
        once.
    """

    key: Hashable
    n1: int
    n2: int
    percent1: float | None
    percent2: float | None = None
    stars: str | None = None
    complement: bool = False
    split: Hashable = None

    def __attrs_post_init__(self) -> None:
        if self.stars is not None and self.stars not in STARS:
            raise UnknownNameError("mark", self.stars, STARS)
        if min(self.n1, self.n2) < 0:
            raise UsageError(
                f"{self.key}: groups need sizes from 0 up; found {self.n1} and {self.n2}. "
                "Correct the sizes"
            )

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Names of the figures that are printed."""
        printed = (
            ("first", self.percent1 is not None),
            ("second", self.percent2 is not None),
            ("stars", self.stars is not None and min(self.n1, self.n2) > 0),
        )
        return tuple(Figure(self.key, what) for what, is_printed in printed if is_printed)


@attrs.frozen
class PrintedTotal:
    """Printed percentages of all cases, and their printed splits.

    Attributes
    ----------
    n : int
        Number of cases.
    percents : tuple of (Hashable, float)
        Name and value of each percentage of all cases.
    divisions : tuple of PrintedSplit
        The printed splits. Groups of a split may not add up to more than ``n``, and printed
        splits with one ``split`` must have groups of the same sizes.
    rounding : str
        How all percentages are rounded, as for `omistats.forensics.attainable`.
    decimals : int
        Number of decimals printed.
    weighted : bool
        Whether the percentages are weighted. Then they do not come from counts: every count is
        feasible, and nothing conflicts.
    """

    n: int
    percents: tuple[tuple[Hashable, float], ...] = ()
    divisions: tuple[PrintedSplit, ...] = ()
    rounding: str = "half-up"
    decimals: int = 0
    weighted: bool = False

    def __attrs_post_init__(self) -> None:
        if self.rounding not in ROUNDINGS:
            raise UnknownNameError("rounding", self.rounding, ROUNDINGS)
        check_whole("decimals", self.decimals, 0)
        if self.decimals > MOST_DECIMALS:
            raise UsageError(f"`decimals` must be at most {MOST_DECIMALS}; found {self.decimals}")
        over = [s for s in self.divisions if s.n1 + s.n2 > self.n]
        if over:
            listed = "; ".join(f"{s.key}: {s.n1} + {s.n2}" for s in over)
            raise UsageError(
                f"groups add up to more than the whole of {self.n}: {listed}; "
                "drop such splits and report the sizes as contradictory"
            )
        for same in self.splits:
            if len({(s.n1, s.n2, s.complement) for s in same}) > 1:
                listed = "; ".join(f"{s.key}: {s.n1}, {s.n2}" for s in same)
                raise UsageError(
                    f"the same groups have other sizes each time: {listed}; drop all but one "
                    "of such splits and report the sizes as contradictory"
                )

    @property
    def splits(self) -> tuple[tuple[PrintedSplit, ...], ...]:
        """The printed splits, grouped by ``split``."""
        same: dict[Hashable, list[PrintedSplit]] = {}
        for printed in self.divisions:
            name = ("once", printed.key) if printed.split is None else ("split", printed.split)
            same.setdefault(name, []).append(printed)
        return tuple(map(tuple, same.values()))

    @property
    def figures(self) -> frozenset[Hashable]:
        """Names of all figures."""
        named = {name for name, _ in self.percents}
        return frozenset(named.union(*(s.figures for s in self.divisions)))


def feasible_counts(
    whole: PrintedTotal,
    figures: Collection[Hashable] | None = None,
    *,
    method: str = "pearson",
    unclassified: int = 0,
) -> Bools:
    """Find the counts of sufficient cases that are consistent with printed figures.

    Parameters
    ----------
    whole : PrintedTotal
        The printed figures.
    figures : collection of Hashable, optional
        Names of the figures to respect; by default all. Numbers of cases are always
        respected.
    method : str, optional
        Test behind the stars, as in `attainable`. ``overlapping`` applies to complements,
        Pearson's test to other splits.
    unclassified : int, optional
        Cases excluded from the comparison of a complement.

    Returns
    -------
    ndarray of bool
        Whether each count from 0 to ``whole.n`` is consistent.

    Raises
    ------
    UnknownNameError
        When the test is unknown.

    Examples
    --------
    >>> from omistats.forensics.consistency import PrintedSplit, PrintedTotal, feasible_counts
    >>> whole = PrintedTotal(271, (("all", 78),), (PrintedSplit("gender", 261, 10, 79, 80),))
    >>> feasible_counts(whole, ["all"]).nonzero()[0].tolist()
    [211, 212]
    >>> feasible_counts(whole, [("gender", "first"), ("gender", "second")]).nonzero()[0].tolist()
    [213, 214, 215]
    >>> feasible_counts(whole).any().item()
    False

    If the percentages are weighted, they do not come from counts and nothing is excluded:

    >>> import attrs
    >>> feasible_counts(attrs.evolve(whole, weighted=True)).all().item()
    True
    """
    kept = whole.figures if figures is None else frozenset(figures)
    out = np.ones(whole.n + 1, np.bool_)
    if whole.weighted:
        return out
    for name, percent in whole.percents:
        if name in kept:
            low, high = _count_range([percent], whole.n, whole)
            out[:low] = out[high + 1 :] = False
    for same in whole.splits:
        # A split without figures allows every count.
        if any(not kept.isdisjoint(printed.figures) for printed in same):
            out &= _allowed_counts(same, whole, kept, method, unclassified)
    return out


def _count_range(
    percents: Collection[float | None], n: int, whole: PrintedTotal
) -> tuple[int, int]:
    """Return the least and the greatest count that print as all of the percentages."""
    low, high = 0, n
    for percent in percents:
        if percent is not None:
            least, greatest = counts_behind(
                percent, n, rounding=whole.rounding, decimals=whole.decimals
            )
            low, high = max(low, int(least)), min(high, int(greatest))
    return low, high


def _allowed_counts(
    same: Sequence[PrintedSplit],
    whole: PrintedTotal,
    kept: frozenset[Hashable],
    method: str,
    unclassified: int,
) -> Bools:
    """Find the counts that a split allows, given the figures to respect."""
    n = whole.n
    out = np.zeros(n + 1, np.bool_)
    n1, complement = same[0].n1, same[0].complement
    n2 = same[0].n2 - (unclassified if complement else 0)
    firsts = [s.percent1 for s in same if Figure(s.key, "first") in kept]
    seconds = [s.percent2 for s in same if Figure(s.key, "second") in kept]
    low1, high1 = _count_range(firsts, n1, whole)
    low2, high2 = _count_range(seconds, n2, whole)
    marks = {s.stars or "" for s in same if Figure(s.key, "stars") in kept.intersection(s.figures)}
    # One comparison cannot earn two marks.
    if n2 < 0 or low1 > high1 or low2 > high2 or len(marks) > 1:
        return out
    totals = np.arange(low1 + low2, high1 + high2 + 1)
    for mark in marks:
        test = "pearson" if method == OVERLAPPING and not complement else method
        # Given the total, the first group's count fixes the second's.
        first = np.maximum(low1, totals - high2)
        last = np.minimum(high1, totals - low2)
        totals = totals[_earns_mark(totals, first, last, n1, n2, STARS.index(mark), test)]
    # Of the cases in neither group, any number may be sufficient.
    steps = np.bincount(totals, minlength=n + 2) - np.bincount(
        totals + (n - n1 - n2) + 1, minlength=n + 2
    )
    out[:] = np.cumsum(steps)[: n + 1] > 0
    return out


def _earns_mark(
    totals: Ints, first: Ints, last: Ints, n1: int, n2: int, code: int, method: str
) -> Bools:
    """Check for which totals any count of the first group, from first to last, earns a mark."""

    def earns(k1: Ints, total: Ints) -> Bools:
        second = (total, n1 + n2) if method == OVERLAPPING else (total - k1, n2)
        p = p_value(method, k1, n1, *second)
        out: Bools = star_codes(p, ~np.isnan(p)) == code
        return out

    n = n1 + n2
    share = totals / n
    sd = np.sqrt(n1 * n2 / n * share * (1 - share))
    deviation = _TYPICAL[code] * sd
    low, high = (np.rint(n1 * share + d).astype(np.int64) for d in (-deviation, deviation))
    guesses = earns(np.clip(np.stack((low, high)), first, last), totals)
    found: Bools = guesses[0] | guesses[1]
    # If both guesses fail, every count is tried.
    rest = np.flatnonzero(~found)
    for place, offset in iter_ranges(last[rest] - first[rest] + 1):
        hit = earns(first[rest][place] + offset, totals[rest][place])
        found[rest[place[hit]]] = True
    return found


def minimal_conflicts(whole: PrintedTotal) -> tuple[frozenset[Hashable], ...]:
    """Find every minimal set of printed figures that no counts satisfy together.

    Parameters
    ----------
    whole : PrintedTotal
        The printed figures.

    Returns
    -------
    tuple of frozenset
        All minimal sets, smallest first: the figures of a set contradict each other, and no
        longer do when any of them is dropped. Empty if the figures are consistent.

    Notes
    -----
    All subsets of figures are covered. Of each split only those subsets matter that allow fewer
    counts than every smaller one, which leaves few.

    Examples
    --------
    >>> from omistats.forensics.consistency import Figure, PrintedSplit, PrintedTotal
    >>> split = PrintedSplit("gender", 261, 10, 79, 80, "--")
    >>> whole = PrintedTotal(271, (("all", 78),), (split,))
    >>> [len(conflict) for conflict in minimal_conflicts(whole)]
    [3]
    >>> Figure("gender", "stars") in minimal_conflicts(whole)[0]
    False
    """
    if feasible_counts(whole).any():
        return ()
    parts = [_options(whole, (name,)) for name, _ in whole.percents]
    parts += [_options(whole, [f for s in same for f in s.figures]) for same in whole.splits]
    all_counts = (1 << (whole.n + 1)) - 1
    # The counts, as bits, that all figures of a part and of the parts after it allow.
    allowed_from = [all_counts]
    for options in reversed(parts):
        allowed_from.append(reduce(and_, (allowed for _, allowed in options), allowed_from[-1]))
    allowed_from.reverse()
    conflicts: set[frozenset[Hashable]] = set()

    def extend(depth: int, chosen: frozenset[Hashable], counts: int) -> None:
        if not counts:
            conflicts.add(chosen)
        elif not counts & allowed_from[depth]:
            for figures, allowed in parts[depth]:
                extend(depth + 1, chosen | figures, counts & allowed)

    extend(0, frozenset(), all_counts)
    minimal: list[frozenset[Hashable]] = []
    for conflict in sorted(conflicts, key=lambda c: (len(c), sorted(map(repr, c)))):
        if not any(smaller <= conflict for smaller in minimal):
            minimal.append(conflict)
    return tuple(minimal)


def _options(
    whole: PrintedTotal, figures: Sequence[Hashable]
) -> list[tuple[frozenset[Hashable], int]]:
    """List the subsets of a part's figures that may be in a minimal conflict.

    Each comes with the counts that it allows, as bits.
    """
    options: list[tuple[frozenset[Hashable], int]] = []
    for keep in sorted(product((False, True), repeat=len(figures)), key=sum):
        subset = frozenset(f for f, k in zip(figures, keep, strict=True) if k)
        allowed = np.packbits(feasible_counts(whole, subset), bitorder="little")
        bits = int.from_bytes(allowed.tobytes(), "little")
        # A subset that allows the same as a smaller one is in no minimal conflict.
        if not any(bits == b and smaller < subset for smaller, b in options):
            options.append((subset, bits))
    return options
