"""From cases to the sums that pooled scores are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Breakdown
from omistats.errors import UsageError
from omistats.kernel.tally import unpack
from omistats.model.cases import CaseSet
from omistats.model.framework import Framework
from omistats.scores.domains import Members, make_members, splits_of
from omistats.scores.sample import WHOLE
from omistats.scores.sums import Scored, feeding
from omistats.scores.tally import ScoreTally
from omistats.tallies import Split

__all__ = ["from_sums", "moments_of", "sum_cases"]

# Cases whose answers lie unpacked at a time, in whole words of bits: few that stay in the cache,
# or of very many cases more, for every product may wait for threads that a busy machine keeps back.
_BLOCK, _MANY = 1 << 11, 1 << 14
# When so few cases would be summed exactly in single precision that double is faster.
_LEAST = 1 << 10


def sum_cases(
    cases: CaseSet,
    items: Sequence[Scored],
    breakdowns: Sequence[Breakdown],
    complement: Literal["all", "known"],
) -> ScoreTally:
    """Sum over checked cases; of parts of a stream, what this gives is merged.

    Raises
    ------
    DataError
        When a breakdown labels cases outside its groups.
    """
    members = make_members(cases, breakdowns, complement == "known")
    return ScoreTally(
        cases.framework,
        cases.units,
        np.diff(cases.packed.starts),
        tuple(items),
        members.domains.splits,
        complement,
        moments_of(cases, items, members),
        cases.metadata,
    )


def from_sums(
    framework: Framework,
    units: Sequence[str],
    cases: npt.ArrayLike,
    moments: npt.ArrayLike,
    items: Sequence[Scored],
    splits: Sequence[Breakdown | Split],
    complement: Literal["all", "known"],
    metadata: Mapping[bytes, bytes] | None = None,
) -> ScoreTally:
    """Take over sums that were made elsewhere, in an engine or over parts of a stream.

    Parameters
    ----------
    framework : Framework
        Where the items come from.
    units : sequence of str
        In the order of report.
    cases : array_like of int, shape (units,)
        How many cases each unit has, those without any answer included.
    moments : array_like of int, shape (units, domains, items, 5)
        Sums over cases of k, n, k k, k n and n n; domains as `omistats.scores.domains` has them:
        everyone, the groups of each split, then for each complement in turn the cases that its
        subset is compared with.
    items : sequence of Scored
        As `omistats.scores.sums.scored_items` gives them.
    splits : sequence of Breakdown or Split
        Breakdowns, in the order of the domains.
    complement : {'all', 'known'}
        Which cases those are.
    metadata : mapping of bytes to bytes, optional
        What the cases say of themselves.

    Returns
    -------
    ScoreTally

    Raises
    ------
    UsageError
        When numbers are not whole, or no cases have such sums.
    """
    described = [s if isinstance(s, Split) else splits_of([s])[0] for s in splits]
    return ScoreTally(
        framework,
        tuple(units),
        _whole(cases, "cases"),
        tuple(items),
        tuple(described),
        complement,
        _whole(moments, "moments"),
        dict(metadata or {}),
    )


def _whole(values: npt.ArrayLike, name: str) -> npt.NDArray[np.int64]:
    given = np.asarray(values)
    # Engines may sum in floating point; beyond its whole numbers nobody knows what they lost.
    if given.dtype.kind not in "iuf" or (
        given.dtype.kind == "f" and not ((np.abs(given) <= 2.0**53) & (given % 1 == 0)).all()
    ):
        raise UsageError(
            f"{name} are whole numbers; found {given.dtype}"
            + " with fractions, or too large to be exact" * (given.dtype.kind == "f")
        )
    return given.astype(np.int64, copy=False)


def moments_of(cases: CaseSet, items: Sequence[Scored], members: Members) -> npt.NDArray[np.int64]:
    """Give sums over cases, shape (units, domains, items, 5).

    Notes
    -----
    Answers are unpacked and added up by item for a block of cases at a time, and each unit's
    piece of it is summed over domains by one matrix product: memory does not grow with cases,
    but for two bytes a case and breakdown.
    """
    rows, feeds = feeding(cases.framework, items)
    packed = cases.packed
    starts = packed.starts
    # No case adds more to a sum than this; whole numbers below `WHOLE` are exact in float32.
    most = float(feeds.sum(axis=0).max()) ** 2
    exact = int((WHOLE - 1) / most)
    if exact < _LEAST:
        exact, feeds = len(cases), feeds.astype(np.float64)
    block = min(_BLOCK if len(cases) < 8 * _MANY else _MANY, len(cases) + -len(cases) % 64)
    width, domains = len(items), len(members.domains)
    out = np.zeros((len(starts) - 1, 5 * width, domains), np.int64)
    # Taken once: memory that is given back after every block is fetched again page by page.
    given = np.zeros((2, len(feeds), block), feeds.dtype)
    sums = np.empty((5, width, block), feeds.dtype)
    every = len(rows) == packed.columns
    for a, b, words in packed.stretches(max(64, block)):
        bits = unpack(np.ascontiguousarray(words if every else words[rows]), b - a)
        given.reshape(len(rows), block)[:, : b - a] = bits
        # Those past the last case are left from before, and in no unit's piece.
        np.matmul(feeds.T, given, out=sums[:2])
        k, n = sums[:2]
        np.multiply(k, k, out=sums[2])
        np.multiply(k, n, out=sums[3])
        np.multiply(n, n, out=sums[4])
        flat = sums.reshape(5 * width, block)
        inside = np.ascontiguousarray(members.within(a, b).T, feeds.dtype)
        first, last = np.searchsorted(starts, [a, b], side="right")
        edges = np.clip(starts[first - 1 : last + 1], a, b) - a
        for unit in range(len(edges) - 1):
            for at in range(int(edges[unit]), int(edges[unit + 1]), exact):
                some = slice(at, min(at + exact, int(edges[unit + 1])))
                out[first - 1 + unit] += (flat[:, some] @ inside[some]).astype(np.int64)
    shaped = out.reshape(len(out), 5, width, domains)
    return shaped.transpose(0, 3, 2, 1)
