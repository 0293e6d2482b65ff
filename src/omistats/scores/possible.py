"""Whether there can be cases that have given sums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from omistats.errors import shown
from omistats.model.strata import ALL
from omistats.scores.domains import Domains

__all__ = ["problems_of"]

Flags = npt.NDArray[np.bool_]

# Products of sums do not fit int64; in floating point they are off by less than this share.
_ROUNDING = 1 + 1e-9


def problems_of(
    units: Sequence[str],
    cases: Any,
    items: Sequence[str],
    widths: Sequence[int],
    domains: Domains,
    complement: str,
    moments: Any,
) -> list[str]:
    """List what is wrong with sums; see `omistats.scores.tally.ScoreTally`.

    Parameters
    ----------
    units : sequence of str
    cases : ndarray of int, shape (units,)
    items : sequence of str
        Their ids.
    widths : sequence of int
        How many questions feed each.
    domains : Domains
    complement : {'all', 'known'}
    moments : ndarray of int, shape (units, domains, items, 5)
    """
    wrong = []
    if odd := [unit for unit in units if not isinstance(unit, str) or unit == ALL]:
        wrong.append(f"units are text and none is {ALL!r}; found {shown(odd)}")
    if repeated := sorted({str(unit) for unit in units if units.count(unit) > 1}):
        wrong.append(f"a unit stands once; found {shown(repeated)} more often")
    if not items:
        wrong.append("something is scored; found no items")
    if complement not in ("all", "known"):
        wrong.append(f"the complement is 'all' or 'known'; found {complement!r}")
    for name, array, shape in (
        ("cases", cases, (len(units),)),
        ("moments", moments, (len(units), len(domains), len(items), 5)),
    ):
        if not isinstance(array, np.ndarray) or array.dtype != np.int64 or array.shape != shape:
            found = (
                f"{array.dtype} of shape {array.shape}"
                if isinstance(array, np.ndarray)
                else type(array).__name__
            )
            wrong.append(f"{name} are int64 of shape {shape}; found {found}")
    if wrong:
        return wrong
    for rule, bad in _impossible(cases, np.array(widths), domains, complement, moments):
        if bad.any():
            wrong.append(f"{rule}; not so {_where(bad, units, items, domains)}")
    return wrong


def _impossible(
    cases: npt.NDArray[np.int64],
    widths: npt.NDArray[np.int64],
    domains: Domains,
    complement: str,
    moments: npt.NDArray[np.int64],
) -> Iterator[tuple[str, Flags]]:
    """Flag each unit, domain and item for which a rule does not hold."""
    k, n, kk, kn, nn = np.moveaxis(moments, -1, 0)
    there = cases[:, np.newaxis, np.newaxis]
    yield "units have 0 cases or more", np.broadcast_to(there < 0, k.shape)
    # Of a case 0 <= k <= n <= width.
    ordered = (k >= 0) & (k <= n) & (k <= kk) & (kk <= kn) & (kn <= nn) & (n <= nn)
    yield "sums are 0 <= k <= n and k <= k² <= k n <= n²", ~ordered
    most = (n <= there * widths) & (nn <= n * widths) & (kn <= k * widths)
    yield "no case has more answers than an item has questions", ~most
    # Squares of sums are at most as many times the sums of squares as there are cases.
    a, b, aa, ab, bb = (x.astype(np.float64) for x in (k, n, kk, kn, nn))
    spread = (a * a <= there * aa * _ROUNDING) & (b * b <= there * bb * _ROUNDING)
    spread &= ab * ab <= aa * bb * _ROUNDING
    yield "sums of squares leave no negative variance", ~spread
    everyone = moments[:, 0]
    inside = np.zeros(k.shape, np.bool_)
    for split, own, compared in zip(domains.splits, domains.shown, domains.compared, strict=True):
        parts = moments[:, compared].sum(axis=1)
        whole = (parts <= everyone).all(axis=-1)
        if split.contrast == "complement":
            whole &= (moments[:, own[1]] == everyone).all(axis=-1)
            if complement == "all":
                whole &= (parts == everyone).all(axis=-1)
        inside[:, own] |= ~whole[:, np.newaxis]
    yield "groups that share no case add up to no more than everyone", inside


def _where(bad: Flags, units: Sequence[str], items: Sequence[str], domains: Domains) -> str:
    unit, domain, item = (int(i) for i in np.argwhere(bad)[0])
    more = int(bad.sum()) - 1
    also = f" and at {more} more" if more else ""
    return f"of {items[item]!r} in {units[unit]!r}, {_name(domains, domain)}{also}"


def _name(domains: Domains, domain: int) -> str:
    for split, own, compared in zip(domains.splits, domains.shown, domains.compared, strict=True):
        if domain in own:
            return f"{split.key} {split.groups[domain - own[0]]!r}"
        if domain in compared:
            return f"{split.key} outside {split.groups[0]!r}"
    return "everyone"
