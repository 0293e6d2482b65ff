"""From estimates to the long table of scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.kernel.significance import STARS, Comparison
from omistats.kernel.wald import Contrast
from omistats.model.cases import CaseSet
from omistats.scores.domains import Domains
from omistats.scores.rules import Estimates
from omistats.scores.sums import Scored

__all__ = ["REASONS", "SCHEMA", "Block", "assemble"]

Floats = npt.NDArray[np.float64]

REASONS = (
    "no applicable answers",
    "no second group to compare with",
    "no spread to test against",
    "a unit of one case",
    "no such interval at 0 or 100",
)
"""Why a row lacks a figure or a test, by code."""

_LEVELS = ("criterion", "section", "headline")
_SOURCES = ("published", "inferred", "invented")
_KEY = pa.dictionary(pa.int16(), pa.string())
_NOTE = pa.dictionary(pa.int8(), pa.string())
_PERCENTS = ("percent", "se", "low", "high", "design_effect")
_DIFFERENCES = ("difference", "difference_low", "difference_high")
_NUMBERS = ("statistic", "df", "p_value")

SCHEMA = pa.schema(
    [
        *((name, _KEY) for name in ("unit", "breakdown", "group", "level", "item")),
        ("k", pa.int64()),
        ("n", pa.int64()),
        *((name, pa.float64()) for name in (*_PERCENTS, *_DIFFERENCES, *_NUMBERS)),
        *((name, _NOTE) for name in ("stars", "contrast", "method", "interval_method", "rule")),
        ("confidence", pa.float64()),
        ("questions", pa.int16()),
        ("invented", pa.int16()),
        *((name, _NOTE) for name in ("provenance", "reason")),
    ]
)
"""The columns of scores."""


@attrs.frozen(eq=False)
class Block:
    """Estimates and tests of some units.

    Attributes
    ----------
    units : tuple of str
        Their labels.
    counts : ndarray, shape (units, domains, items, 2)
        Sufficient and applicable answers.
    found : Estimates
        Shape (units, domains, items).
    low, high : ndarray of float64
        Of the same shape.
    tests : tuple of Comparison
        One a split, shape (units, items).
    differences : tuple of Contrast or None
        One a split of two groups, shape (units, items).
    """

    units: tuple[str, ...]
    counts: Floats
    found: Estimates
    low: Floats
    high: Floats
    tests: tuple[Comparison, ...]
    differences: tuple[Contrast | None, ...]


def assemble(
    blocks: Sequence[Block],
    scored: Sequence[Scored],
    domains: Domains,
    rule: str,
    confidence: float,
    interval: str,
    complement: str,
    design_df: bool,
    cases: CaseSet,
) -> pa.Table:
    """Lay scores out: units, then breakdowns, then items, then groups.

    The score of all cases of a unit comes first, with null breakdown and group.
    """
    width = len(scored)
    # What each row of one unit shows: domain, split (-1 for none), item.
    shown = [np.zeros(width, np.int64)]
    splits = [np.full(width, -1)]
    item = [np.arange(width)]
    for i, own in enumerate(domains.shown):
        shown.append(np.tile(own, width))
        splits.append(np.full(len(own) * width, i))
        item.append(np.repeat(np.arange(width), len(own)))
    rows = (np.concatenate(shown), np.concatenate(splits), np.concatenate(item))
    parts = [_numbers(block, domains, rule == "pooled", *rows) for block in blocks]
    data = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    units = [u for block in blocks for u in block.units]
    times = len(units)
    groups = {
        d: g
        for s, own in zip(domains.splits, domains.shown, strict=True)
        for d, g in zip(own.tolist(), s.groups, strict=True)
    }
    labels = tuple(dict.fromkeys(groups.values()))
    of_group = np.array([labels.index(groups[d]) if d in groups else -1 for d in rows[0].tolist()])
    contrasts = ("groups", "complement", "known complement")
    of_split = [contrasts.index(s.contrast) for s in domains.splits]
    of_split = [c + 1 if c and complement == "known" else c for c in of_split]
    contrast = np.array([*of_split, -1])[rows[1]]

    def label(codes: npt.NDArray[Any], names: Sequence[str], kind: Any = np.int16) -> pa.Array:
        return _arrow.dictionary(np.tile(codes, times).astype(kind), names)

    def fact(values: Sequence[int], names: Sequence[str] | None = None) -> pa.Array:
        column = np.tile(np.array(values)[rows[2]], times)
        if names is None:
            return pa.array(column.astype(np.int16))
        return _arrow.dictionary(column.astype(np.int8), names)

    some = data["n"] > 0
    tested = ~np.isnan(data["p_value"])
    zeros = np.zeros(len(some), np.int8)
    level = np.array([_LEVELS.index(s.item.level) for s in scored])[rows[2]]
    arrays = [
        _arrow.dictionary(np.repeat(np.arange(times), len(rows[0])).astype(np.int16), units),
        label(rows[1], [s.key for s in domains.splits]),
        label(of_group, labels),
        label(level, _LEVELS),
        label(rows[2], [s.item.id for s in scored]),
        pa.array(data["k"].astype(np.int64)),
        pa.array(data["n"].astype(np.int64)),
        *(_arrow.floats(data[name]) for name in (*_PERCENTS, *_DIFFERENCES, *_NUMBERS)),
        _arrow.dictionary(data["stars"].astype(np.int8), STARS),
        label(contrast, contrasts, np.int8),
        _arrow.dictionary(zeros, ("wald-f" if design_df else "wald-chi-square",), tested),
        _arrow.dictionary(
            zeros, (f"{interval}-t" if design_df else interval,), some & ~np.isnan(data["low"])
        ),
        _arrow.dictionary(zeros, (rule,)),
        pa.array(np.full(len(some), confidence)),
        fact([len(s.questions) for s in scored]),
        fact([s.invented for s in scored]),
        fact([_SOURCES.index(s.provenance) for s in scored], _SOURCES),
        _arrow.dictionary(data["reason"].astype(np.int8), REASONS),
    ]
    schema = SCHEMA.with_metadata(dict(cases.metadata)) if cases.metadata else SCHEMA
    return pa.Table.from_arrays(arrays, schema=schema)


def _numbers(
    block: Block,
    domains: Domains,
    pooled: bool,
    domain: npt.NDArray[np.int64],
    split: npt.NDArray[np.int64],
    item: npt.NDArray[np.int64],
) -> dict[str, npt.NDArray[Any]]:
    """Give the figures of every row of a block's units."""

    def own(values: Floats) -> Floats:
        return values[:, domain, item].ravel()

    def shared(values: Sequence[npt.NDArray[Any]], missing: Any) -> npt.NDArray[Any]:
        """Lay the figures of comparisons, (units, items) each, beside their groups."""
        out = np.full((len(block.units), len(domain)), missing)
        for i, figures in enumerate(values):
            here = split == i
            out[:, here] = figures[:, item[here]]
        return out.ravel()

    unknown = np.full((len(block.units), len(set(item.tolist()))), np.nan)
    pairs = [(d.estimate, d.low, d.high) if d else (unknown,) * 3 for d in block.differences]
    marks = [np.select([t.stars == s for s in STARS], range(len(STARS)), -1) for t in block.tests]
    n = own(block.counts[..., 1])
    se, p_value = own(block.found.se), shared([t.p_value for t in block.tests], np.nan)
    stars = shared(marks, -1)
    # What the groups of each comparison allow: a score of two at least, a spread of each.
    p = [block.found.estimate[:, compared] for compared in domains.compared]
    several = shared([np.sum(~np.isnan(x), axis=1) > 1 for x in p], False)
    alone = [
        np.any(~np.isnan(x) & np.isnan(block.found.se[:, compared]), axis=1)
        for x, compared in zip(p, domains.compared, strict=True)
    ]
    untested = np.tile(split >= 0, len(block.units)) & np.isnan(p_value)
    estimate, no_limits = own(block.found.estimate), np.isnan(own(block.low))
    reason = np.select(
        [
            n == 0,
            np.isnan(se),
            untested & ~several,
            untested & shared(alone, False),
            untested,
            no_limits & ((estimate <= 0) | (estimate >= 1)),
            no_limits,
        ],
        np.array([0, 3, 1, 3, 2, 4, 3])[:, np.newaxis],
        -1,
    )
    k = own(block.counts[..., 0])
    with np.errstate(invalid="ignore"):
        # From the counts, as in findings: 100 (k / n) may fall a hair short of a whole percent.
        percent = 100.0 * k / n if pooled else 100.0 * estimate
    percents = {
        "se": se,
        "low": own(block.low),
        "high": own(block.high),
        "difference": shared([p[0] for p in pairs], np.nan),
        "difference_low": shared([p[1] for p in pairs], np.nan),
        "difference_high": shared([p[2] for p in pairs], np.nan),
    }
    return {
        "percent": percent,
        **{name: 100.0 * values for name, values in percents.items()},
        "k": k,
        "n": n,
        "design_effect": own(block.found.design_effect),
        "statistic": shared([t.statistic for t in block.tests], np.nan),
        "df": shared([np.where(np.isnan(t.p_value), np.nan, t.df) for t in block.tests], np.nan),
        "p_value": p_value,
        "stars": stars,
        "reason": reason,
    }
