"""Estimates and tests to the long table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats._result_tables import NO_REASON, Reason
from omistats.breakdowns.groups import CONTRASTS, contrast_name
from omistats.kernel.chi_square import STARS
from omistats.kernel.ratio import Ratios
from omistats.kernel.wald import difference, tested
from omistats.model.framework import ALL
from omistats.scoring.groups import Domains
from omistats.scoring.sums import ScoredItem

__all__ = ["SCHEMA", "Block", "ScoreReason", "Settings", "Tests", "assemble", "compare_groups"]


Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@attrs.frozen(eq=False)
class Tests:
    """Comparisons, each array of shape (units, items, comparisons + 1).

    The last is for scores that are compared with nothing.

    Attributes
    ----------
    statistic, df, df2, p_value : ndarray of float64
        NaN where nothing could be tested; ``df2`` also where the test is chi-square.
    stars : ndarray of int8
        Codes of the printed marks, -1 for none.
    difference, low, high : ndarray of float64
        NaN unless two groups are compared.
    several, unknown : ndarray of bool
        Whether two groups or more have a score; whether one with a score has no spread known.
    """

    statistic: Floats
    df: Floats
    df2: Floats
    p_value: Floats
    stars: npt.NDArray[np.int8]
    difference: Floats
    low: Floats
    high: Floats
    several: Flags
    unknown: Flags


def compare_groups(
    found: Ratios,
    compared: Sequence[npt.NDArray[np.intp]],
    covariance: Callable[[npt.NDArray[np.intp]], Floats],
    confidence: float,
    df: Floats | None,
) -> Tests:
    """Compare groups by Wald's test; all comparisons of equally many groups at once.

    Parameters
    ----------
    found : Ratios
        Shape (units, items, domains).
    compared : sequence of ndarray of int
        The domains of each comparison.
    covariance : callable
        Gives covariances (units, items, comparisons, groups, groups) of the comparisons whose
        domains it gets, shape (comparisons, groups).
    confidence : float
        Of the intervals of differences.
    df : ndarray of float64, shape (units, 1, 1), or None
        Degrees of freedom of the design.
    """
    shape = (*found.se.shape[:2], len(compared) + 1)

    def empty(value: Any, kind: Any = np.float64) -> npt.NDArray[Any]:
        return np.full(shape, value, kind)

    figures = {name: empty(np.nan) for name in ("statistic", "df", "df2", "p_value")}
    apart = {name: empty(np.nan) for name in ("difference", "low", "high")}
    stars, several, unknown = empty(-1, np.int8), empty(False, np.bool_), empty(False, np.bool_)
    for width in {len(own) for own in compared}:
        at = [i for i, own in enumerate(compared) if len(own) == width]
        groups = np.array([compared[i] for i in at])
        estimate, v = found.estimate[..., groups], covariance(groups)
        test = tested(estimate, v, df)
        for name in ("statistic", "df", "p_value"):
            figures[name][..., at] = getattr(test, name)
        if df is not None:
            figures["df2"][..., at] = np.where(np.isnan(test.p_value), np.nan, df)
        stars[..., at] = test.stars
        some = ~np.isnan(estimate)
        several[..., at] = some.sum(axis=-1) > 1
        unknown[..., at] = (some & np.isnan(found.se[..., groups])).any(axis=-1)
        if width == 2:
            between = difference(estimate, v, confidence=confidence, df=df)
            apart["difference"][..., at] = between.estimate
            apart["low"][..., at], apart["high"][..., at] = between.low, between.high
    return Tests(**figures, stars=stars, **apart, several=several, unknown=unknown)


class ScoreReason(Reason):
    """Why a row of scores lacks a figure or a test."""

    NO_ANSWERS = "no applicable answers"
    NO_SECOND_GROUP = "no second group to compare with"
    NO_SPREAD = "no spread to test against"
    ONE_CASE = "a unit of one case"
    NO_INTERVAL_AT_BOUNDS = "no such interval at 0 or 100"
    NO_DF = "no degrees of freedom"
    ONE_CASE_UNITS_REMOVED = "only units of one case, which were removed"


_LEVELS = ("criterion", "section", "headline")
_SOURCES = ("published", "inferred", "invented")
_KEY = pa.dictionary(pa.int16(), pa.string())
_NOTE = pa.dictionary(pa.int8(), pa.string())
_PERCENTS = ("percent", "se", "low", "high", "design_effect")
_DIFFERENCES = ("difference", "difference_low", "difference_high")
_NUMBERS = ("statistic", "df", "df2", "p_value")

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


@attrs.frozen
class Settings:
    """What a call of scores asked for, as its rows say it."""

    rule: str
    confidence: float
    interval: str
    complement: str
    design_df: bool
    weighted: bool


@attrs.frozen(eq=False)
class Block:
    """Estimates and tests of units, all together among them.

    Attributes
    ----------
    units : tuple of str
        Their labels.
    counts : ndarray of float64, shape (2, units, items, domains)
        Sufficient and applicable answers.
    found : Ratios
        Shape (units, items, domains).
    low, high : ndarray of float64
        Of the same shape.
    tests : Tests
    free : ndarray of float64, shape (units, 1, 1), or None
        Degrees of freedom of the design, where they were asked for.
    removed : bool
        Whether units of one case contribute nothing.
    """

    units: tuple[str, ...]
    counts: Floats
    found: Ratios
    low: Floats
    high: Floats
    tests: Tests
    free: Floats | None
    removed: bool


def assemble(
    block: Block,
    scored: Sequence[ScoredItem],
    domains: Domains,
    settings: Settings,
    metadata: Mapping[bytes, bytes],
) -> pa.Table:
    """Lay scores out: units, then breakdowns, then items, then groups.

    The score of all cases of a unit comes first, with null breakdown and group.
    """
    width, times = len(scored), len(block.units)
    # What each row of one unit shows: domain, split (-1 for none), item.
    shown = [np.zeros(width, np.int64)]
    splits = [np.full(width, -1)]
    items = [np.arange(width)]
    for i, own in enumerate(domains.shown):
        shown.append(np.tile(own, width))
        splits.append(np.full(len(own) * width, i))
        items.append(np.repeat(np.arange(width), len(own)))
    domain, split, item = (np.concatenate(x) for x in (shown, splits, items))
    data = _numbers(block, domain, split, item, settings.rule == "pooled" and not settings.weighted)
    labels, of_domain = _groups(domains)
    known = settings.complement == "known"
    of_split = [CONTRASTS.index(contrast_name(s, known)) for s in domains.splits]
    method = "wald-f" if settings.design_df else "wald-chi-square"
    interval = f"{settings.interval}-t" if settings.design_df else settings.interval

    def label(codes: npt.NDArray[Any], names: Sequence[str], kind: Any = np.int16) -> pa.Array:
        return _arrow.dictionary(np.tile(codes.astype(kind), times), names)

    def fact(values: Sequence[int], names: Sequence[str] | None = None) -> pa.Array:
        column = np.array(values)[item]
        if names is None:
            return pa.array(np.tile(column.astype(np.int16), times))
        return label(column, names, np.int8)

    zeros = np.zeros(len(data["n"]), np.int8)
    arrays = [
        _arrow.dictionary(np.repeat(np.arange(times, dtype=np.int16), len(item)), block.units),
        label(split, [s.key for s in domains.splits]),
        label(of_domain[domain], labels),
        label(np.array([_LEVELS.index(s.item.level) for s in scored])[item], _LEVELS),
        label(item, [s.item.id for s in scored]),
        pa.array(data["k"].astype(np.int64)),
        pa.array(data["n"].astype(np.int64)),
        *(_arrow.floats(data[name]) for name in (*_PERCENTS, *_DIFFERENCES, *_NUMBERS)),
        _arrow.dictionary(data["stars"], STARS),
        label(np.array([*of_split, -1])[split], CONTRASTS, np.int8),
        _arrow.dictionary(zeros, (method,), ~np.isnan(data["p_value"])),
        _arrow.dictionary(zeros, (interval,), (data["n"] > 0) & ~np.isnan(data["low"])),
        _arrow.dictionary(zeros, (settings.rule,)),
        pa.array(np.full(len(zeros), settings.confidence)),
        fact([len(s.questions) for s in scored]),
        fact([s.invented for s in scored]),
        fact([_SOURCES.index(s.provenance) for s in scored], _SOURCES),
        _arrow.dictionary(data["reason"], ScoreReason.texts()),
    ]
    schema = SCHEMA.with_metadata(dict(metadata)) if metadata else SCHEMA
    return pa.Table.from_arrays(arrays, schema=schema)


def _groups(domains: Domains) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Give labels of groups, and which of them each domain has; -1 is none."""
    groups = {
        d: g
        for s, own in zip(domains.splits, domains.shown, strict=True)
        for d, g in zip(own.tolist(), s.groups, strict=True)
    }
    labels = tuple(dict.fromkeys(groups.values()))
    codes = np.full(len(domains), -1)
    for d, g in groups.items():
        codes[d] = labels.index(g)
    return labels, codes


def _numbers(
    block: Block,
    domain: npt.NDArray[np.int64],
    split: npt.NDArray[np.int64],
    item: npt.NDArray[np.int64],
    pooled: bool,
) -> dict[str, npt.NDArray[Any]]:
    """Give the figures of every row."""
    tests, units = block.tests, len(block.units)
    domains, splits = block.found.se.shape[-1], tests.p_value.shape[-1]
    of_score = item * domains + domain
    # The last comparison is that of rows without one.
    of_test = item * splits + np.where(split < 0, splits - 1, split)

    def own(values: Floats) -> Floats:
        out: Floats = values.reshape(units, -1).take(of_score, axis=1).ravel()
        return out

    def shared(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        out: npt.NDArray[Any] = values.reshape(units, -1).take(of_test, axis=1).ravel()
        return out

    k, n = (own(counts) for counts in block.counts)
    estimate, se, low = own(block.found.estimate), own(block.found.se), own(block.low)
    p_value = shared(tests.p_value)
    untested = np.tile(split >= 0, units) & np.isnan(p_value)
    no_limits = np.isnan(low)
    together = np.repeat(np.array(block.units) == ALL, len(item))
    bound = np.zeros(units, np.bool_) if block.free is None else block.free.ravel() <= 0
    unfree = np.repeat(bound, len(item))
    # By itself a unit of one case shows no spread whatever is done about it.
    lonely = np.where(
        together & block.removed, ScoreReason.ONE_CASE_UNITS_REMOVED, ScoreReason.ONE_CASE
    )
    # Of several reasons the last one set holds.
    reason = np.full(len(n), NO_REASON, np.int8)
    reason[no_limits] = ScoreReason.NO_DF
    at_bounds = no_limits & ~unfree & ((estimate <= 0) | (estimate >= 1))
    reason[at_bounds] = ScoreReason.NO_INTERVAL_AT_BOUNDS
    reason[untested] = ScoreReason.NO_SPREAD
    reason[untested & unfree] = ScoreReason.NO_DF
    unknown = untested & shared(tests.unknown)
    reason[unknown] = lonely[unknown]
    reason[untested & ~shared(tests.several)] = ScoreReason.NO_SECOND_GROUP
    reason[np.isnan(se)] = lonely[np.isnan(se)]
    reason[n == 0] = ScoreReason.NO_ANSWERS
    with np.errstate(invalid="ignore"):
        # From the counts, as in findings: 100 (k / n) may fall a hair short of a whole percent.
        percent = 100.0 * k / n if pooled else 100.0 * estimate
    return {
        "k": k,
        "n": n,
        "percent": percent,
        "se": 100.0 * se,
        "low": 100.0 * low,
        "high": 100.0 * own(block.high),
        "design_effect": own(block.found.design_effect),
        "difference": 100.0 * shared(tests.difference),
        "difference_low": 100.0 * shared(tests.low),
        "difference_high": 100.0 * shared(tests.high),
        "statistic": shared(tests.statistic),
        "df": shared(tests.df),
        "df2": shared(tests.df2),
        "p_value": p_value,
        "stars": shared(tests.stars),
        "reason": reason,
    }
