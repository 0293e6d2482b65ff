"""PrintedWhole, feasible counts, minimal conflicts.

A whole of ``n`` cases, of which an unknown number ``k`` were sufficient, is divided in
several ways, and percentages and stars are printed of the parts. Each division allows
certain values of ``k``. Given ``k``, the divisions do not constrain one another (list the
sufficient cases and label them for each division by itself), so the figures hold together
exactly when some ``k`` is allowed by all. A division that is printed more than once is
one division: the counts of its groups, and not only of the whole, are the same each time.
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
from omistats.kernel.chi_square import STARS, star_codes
from omistats.kernel.rounding import counts_behind

__all__ = ["Figure", "PrintedSplit", "PrintedTotal", "feasible_counts", "minimal_conflicts"]


Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Normal deviates inside each star's band: where to look first for a mark.
_TYPICAL: Final = (0.0, 2.25, 2.95, 4.0)


class Figure(NamedTuple):
    """Name of a figure of a division: either group's percentage, or the mark."""

    division: Hashable
    what: str


@attrs.frozen
class PrintedSplit:
    """A whole divided in two groups, perhaps with cases in neither.

    Attributes
    ----------
    key : Hashable
        Name of the division; see `Figure` for the names of its figures.
    n1, n2 : int
        Cases of the groups; for a subset set against all others, ``n2`` is those others.
    percent1, percent2 : int or None
        Printed percentages; None where none is printed.
    stars : str or None
        The printed mark of the comparison of the two groups; it compares nothing, and
        is ignored, where a group is empty.
    complement : bool
        Whether the second group is defined as all cases but the first.
    split : Hashable
        Divisions that give the same name here are one division, printed more than once:
        their groups are the same cases. None for a division that is printed once.
    """

    key: Hashable
    n1: int
    n2: int
    percent1: int | None
    percent2: int | None = None
    stars: str | None = None
    complement: bool = False
    split: Hashable = None

    def __attrs_post_init__(self) -> None:
        if self.stars is not None and self.stars not in STARS:
            raise UnknownNameError("mark", self.stars, STARS)
        if min(self.n1, self.n2) < 0:
            raise UsageError(f"{self.key}: groups of {self.n1} and {self.n2}; give sizes from 0 up")

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Names of the figures that say something."""
        told = (
            ("first", self.percent1 is not None),
            ("second", self.percent2 is not None),
            ("stars", self.stars is not None and min(self.n1, self.n2) > 0),
        )
        return tuple(Figure(self.key, what) for what, printed in told if printed)


@attrs.frozen
class PrintedTotal:
    """A whole, its printed percentages, and its divisions.

    Attributes
    ----------
    n : int
        Cases.
    percents : tuple of (Hashable, int)
        Name and figure of each percentage printed of the whole.
    divisions : tuple of Division
        No division's groups add up to more than ``n``, and divisions of one split have
        groups of the same sizes.
    """

    n: int
    percents: tuple[tuple[Hashable, int], ...] = ()
    divisions: tuple[PrintedSplit, ...] = ()

    def __attrs_post_init__(self) -> None:
        over = [s for s in self.divisions if s.n1 + s.n2 > self.n]
        if over:
            listed = "; ".join(f"{s.key}: {s.n1} + {s.n2}" for s in over)
            raise UsageError(
                f"groups add up to more than the whole of {self.n}: {listed}; "
                "leave such divisions out and report the sizes as contradictory"
            )
        for same in self.splits:
            if len({(s.n1, s.n2, s.complement) for s in same}) > 1:
                listed = "; ".join(f"{s.key}: {s.n1}, {s.n2}" for s in same)
                raise UsageError(
                    f"the same groups have other sizes each time: {listed}; leave all but one "
                    "of such divisions out and report the sizes as contradictory"
                )

    @property
    def splits(self) -> tuple[tuple[PrintedSplit, ...], ...]:
        """The divisions, those of the same cases together."""
        together: dict[Hashable, list[PrintedSplit]] = {}
        for division in self.divisions:
            own = ("once", division.key) if division.split is None else ("split", division.split)
            together.setdefault(own, []).append(division)
        return tuple(map(tuple, together.values()))

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
    """Say which counts of the whole are consistent with printed figures.

    Parameters
    ----------
    whole : Whole
        What is printed.
    figures : collection of Hashable, optional
        Names of the figures to respect; all of them by default. Numbers of cases are
        always respected.
    method : str, optional
        Test behind the stars, as in `attainable`; ``overlapping`` applies to divisions that
        have a complement, and Pearson to the others.
    unclassified : int, optional
        Cases of a complement that were left out of the comparison.

    Returns
    -------
    ndarray of bool
        For each count from 0 to ``whole.n``.

    Raises
    ------
    UnknownNameError
        When there is no such test.

    Examples
    --------
    >>> from omistats.forensics import Division, Whole, feasible_counts
    >>> whole = Whole(271, (("all", 78),), (Division("gender", 261, 10, 79, 80),))
    >>> feasible_counts(whole, ["all"]).nonzero()[0].tolist()
    [211, 212]
    >>> feasible_counts(whole, [("gender", "first"), ("gender", "second")]).nonzero()[0].tolist()
    [213, 214, 215]
    >>> feasible_counts(whole).any().item()
    False
    """
    kept = whole.figures if figures is None else frozenset(figures)
    out = np.ones(whole.n + 1, np.bool_)
    for name, percent in whole.percents:
        if name in kept:
            out &= _printing(percent, whole.n)
    for same in whole.splits:
        # Without a figure of its own a division allows everything.
        if any(not kept.isdisjoint(division.figures) for division in same):
            out &= _allowed(same, whole.n, kept, method, unclassified)
    return out


def _printing(percent: int, n: int) -> Bools:
    low, high = counts_behind(percent, n)
    out = np.zeros(n + 1, np.bool_)
    out[low : high + 1] = True
    return out


def _range(percents: Collection[int | None], n: int) -> tuple[int, int]:
    """Give the least and the greatest count that print as all of some percentages."""
    low, high = 0, n
    for percent in percents:
        if percent is not None:
            least, greatest = counts_behind(percent, n)
            low, high = max(low, int(least)), min(high, int(greatest))
    return low, high


def _allowed(
    same: Sequence[PrintedSplit], n: int, kept: frozenset[Hashable], method: str, unclassified: int
) -> Bools:
    """Say which counts of the whole a division allows, given the figures to respect."""
    out = np.zeros(n + 1, np.bool_)
    n1, complement = same[0].n1, same[0].complement
    n2 = same[0].n2 - (unclassified if complement else 0)
    low1, high1 = _range([d.percent1 for d in same if Figure(d.key, "first") in kept], n1)
    low2, high2 = _range([d.percent2 for d in same if Figure(d.key, "second") in kept], n2)
    marks = {d.stars or "" for d in same if Figure(d.key, "stars") in kept.intersection(d.figures)}
    # One comparison earns one mark.
    if n2 < 0 or low1 > high1 or low2 > high2 or len(marks) > 1:
        return out
    totals = np.arange(low1 + low2, high1 + high2 + 1)
    for mark in marks:
        test = "pearson" if method == OVERLAPPING and not complement else method
        # For a given total the first group's count fixes the second's.
        first = np.maximum(low1, totals - high2)
        last = np.minimum(high1, totals - low2)
        totals = totals[_earning(totals, first, last, n1, n2, STARS.index(mark), test)]
    # The cases in neither group add anything from none to all of their number.
    steps = np.bincount(totals, minlength=n + 2) - np.bincount(
        totals + (n - n1 - n2) + 1, minlength=n + 2
    )
    out[:] = np.cumsum(steps)[: n + 1] > 0
    return out


def _earning(
    totals: Ints, first: Ints, last: Ints, n1: int, n2: int, code: int, method: str
) -> Bools:
    """Say for which totals some count of the first group, within bounds, earns a mark."""

    def earns(k1: Ints, total: Ints) -> Bools:
        second = (total, n1 + n2) if method == OVERLAPPING else (total - k1, n2)
        p = p_value(method, k1, n1, *second)
        out: Bools = star_codes(p, ~np.isnan(p)) == code
        return out

    both = n1 + n2
    share = totals / both
    spread = np.sqrt(n1 * n2 / both * share * (1 - share))
    aside = _TYPICAL[code] * spread
    low, high = (np.rint(n1 * share + d).astype(np.int64) for d in (-aside, aside))
    tried = earns(np.clip(np.stack((low, high)), first, last), totals)
    found: Bools = tried[0] | tried[1]
    # Wherever the guesses earn nothing, every count is tried.
    rest = np.flatnonzero(~found)
    for line, offset in iter_ranges(last[rest] - first[rest] + 1):
        hit = earns(first[rest][line] + offset, totals[rest][line])
        found[rest[line[hit]]] = True
    return found


def minimal_conflicts(whole: PrintedTotal) -> tuple[frozenset[Hashable], ...]:
    """Find every smallest set of printed figures that no counts satisfy together.

    Parameters
    ----------
    whole : Whole
        What is printed.

    Returns
    -------
    tuple of frozenset
        Each is contradictory, and is so no longer when any of its figures is dropped; no
        other minimal set exists. Smallest first. Empty if the figures hold together.

    Notes
    -----
    All subsets of figures are covered. Of each division only those subsets matter that
    narrow the counts of the whole more than a smaller one does, which leaves few.

    Examples
    --------
    >>> from omistats.forensics import Figure, Division, Whole
    >>> whole = Whole(271, (("all", 78),), (Division("gender", 261, 10, 79, 80, "--"),))
    >>> [len(conflict) for conflict in minimal_conflicts(whole)]
    [3]
    >>> Figure("gender", "stars") in minimal_conflicts(whole)[0]
    False
    """
    if feasible_counts(whole).any():
        return ()
    parts = [_options(whole, (name,)) for name, _ in whole.percents]
    parts += [_options(whole, [f for d in same for f in d.figures]) for same in whole.splits]
    everything = (1 << (whole.n + 1)) - 1
    # What all figures of a part and of the parts after it allow.
    after = [everything]
    for options in reversed(parts):
        after.append(reduce(and_, (allowed for _, allowed in options), after[-1]))
    after.reverse()
    found: set[frozenset[Hashable]] = set()

    def extend(depth: int, chosen: frozenset[Hashable], counts: int) -> None:
        if not counts:
            found.add(chosen)
        elif not counts & after[depth]:
            for figures, allowed in parts[depth]:
                extend(depth + 1, chosen | figures, counts & allowed)

    extend(0, frozenset(), everything)
    minimal: list[frozenset[Hashable]] = []
    for conflict in sorted(found, key=lambda c: (len(c), sorted(map(repr, c)))):
        if not any(smaller <= conflict for smaller in minimal):
            minimal.append(conflict)
    return tuple(minimal)


def _options(
    whole: PrintedTotal, figures: Sequence[Hashable]
) -> list[tuple[frozenset[Hashable], int]]:
    """Give the subsets of a part's figures worth keeping, with the counts they allow as bits."""
    options: list[tuple[frozenset[Hashable], int]] = []
    for keep in sorted(product((False, True), repeat=len(figures)), key=sum):
        subset = frozenset(f for f, k in zip(figures, keep, strict=True) if k)
        allowed = np.packbits(feasible_counts(whole, subset), bitorder="little")
        bits = int.from_bytes(allowed.tobytes(), "little")
        # A subset that allows what a smaller one allows is in no minimal conflict.
        if not any(bits == b and smaller < subset for smaller, b in options):
            options.append((subset, bits))
    return options
