"""Test groups against each other, and lay estimates and tests out as the table of scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, get_args

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats._result_tables import NO_REASON, Reason
from omistats.breakdowns.groups import CONTRASTS, contrast_name
from omistats.kernel.chi_square import STARS, star_codes
from omistats.kernel.effective import (
    EffectiveGroups,
    compare_effective,
    compare_effective_groups,
    least_p_value,
)
from omistats.kernel.ratio import Ratios
from omistats.kernel.wald import difference, wald_unchecked
from omistats.model.framework import ALL, Level, Provenance
from omistats.scoring.groups import Domains
from omistats.scoring.sums import ScoredItem

__all__ = [
    "INTERVALS",
    "METHODS",
    "RELIABILITY",
    "Block",
    "ScoreReason",
    "Settings",
    "assemble",
    "code_of_one_case",
    "effective_tests",
    "is_thin",
    "rows_of_scores",
    "thin_note",
    "too_few",
    "wald_tests",
]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_LEVELS = get_args(Level)
_SOURCES = get_args(Provenance)
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
        *((name, _NOTE) for name in ("provenance", "reason", "reliability")),
        ("cases", pa.int64()),
        ("effective_n", pa.float64()),
        ("effective_df", pa.float64()),
    ]
)
"""The columns of scores."""


class ScoreReason(Reason):
    """Reasons why a row of scores lacks a figure or a test.

    Of several reasons a row has the first that holds, in this order:

    1. ``NO_ANSWERS`` or ``NO_WEIGHT``, then ``ONE_CASE_ONLY``, ``ALL_ALIKE``, ``ONE_CASE`` or
       ``ONE_CASE_UNITS_REMOVED``, of the row's own score;
    2. of the comparison: ``NO_SECOND_GROUP``, then ``ONE_CASE_ONLY``, ``ALL_ALIKE``, ``ONE_CASE``
       or ``ONE_CASE_UNITS_REMOVED`` of another group, then ``NO_DF``, then ``KNOWN_IN_FULL`` or
       ``NO_SPREAD``;
    3. of the row's interval: ``NO_DF``, then ``NO_INTERVAL_AT_BOUNDS``.

    ``CLUSTERS_CROSS_UNITS`` is of pairs of units. Where clusters were drawn, ``ONE_CLUSTER_ONLY``
    and ``LONELY_CLUSTER`` stand in for ``ONE_CASE_ONLY`` and ``ONE_CASE``.
    """

    NO_ANSWERS = "no applicable answers"
    NO_SECOND_GROUP = "no second group to compare with"
    NO_SPREAD = "no spread to test against"
    ONE_CASE = "a unit of one case"
    NO_INTERVAL_AT_BOUNDS = "no such interval at 0 or 100"
    NO_DF = "no degrees of freedom"
    ONE_CASE_UNITS_REMOVED = "only units of one case, which were removed"
    ONE_CASE_ONLY = "one case only: spread between cases unknown"
    KNOWN_IN_FULL = "all cases are known, so groups are compared without a test"
    NO_WEIGHT = "no case with a weight above 0"
    ONE_CLUSTER_ONLY = "one cluster only: spread between clusters unknown"
    LONELY_CLUSTER = "a stratum of one cluster"
    ALL_ALIKE = "cases all alike: their spread is not known"
    CLUSTERS_CROSS_UNITS = (
        "clusters lie across units: compare two by weaknesses(unit, others=[...])"
    )


RELIABILITY = ("ok", "too few cases to tell", "one case only", "one cluster only")
"""Reliability of a score by code: enough cases; so few that even answers all alike could not differ
from the rest at the level of the interval, or that Wald's rules do not hold; one case, or one
cluster, whose spread is unknown."""


def is_thin(reliability: str | None) -> bool:
    """Tell whether a row is marked as made of too few cases; one without an answer is not."""
    return reliability not in (None, "ok")


def thin_note(reliability: Iterable[str | None]) -> str:
    """Explain the mark of thin rows, and count the rows that have it; empty for none."""
    counts = Counter(text for text in reliability if text is not None and is_thin(text))
    return f"? {', '.join(f'{text} ({rows})' for text, rows in counts.items())}" if counts else ""


def code_of_one_case(clustered: bool) -> int:
    """Return the code of `RELIABILITY` for one case, or for one cluster where these were drawn."""
    return RELIABILITY.index("one cluster only" if clustered else "one case only")


METHODS = (
    "wald-chi-square",
    "wald-f",
    "pearson-effective",
    "yates-effective",
    "haldane-effective",
    "permutation",
    "permutation-exact",
)
"""Tests by code. Those on effective answers: Pearson's, the same corrected by Yates, and with
Haldane's moments. ``permutation`` draws permutations; ``permutation-exact`` lists all."""

INTERVALS = ("wald", "wald-t", "logit", "logit-t", "wilson-effective")
"""Intervals by code; ``-t`` with the degrees of freedom of the design."""


@attrs.frozen
class Settings:
    """Options of a table of scores.

    Attributes
    ----------
    by_unit : bool
        Whether units are scored, or only all of them together.
    rule, confidence, interval, complement
        As in `omistats.scores`.
    test : {'effective', 'wald', 'permutation'}
        The test of groups.
    uses_df_design : bool
        Whether Wald's intervals and tests use the design's degrees of freedom.
    weighted, clustered : bool
        Whether cases have weights, and whether clusters were drawn.
    names_interval, names_test : bool
        Whether the interval, and the test, were asked for by name. Those of R's ``survey`` take a
        standard error of 0 for what it is, also that of a single case in a group.
    removed : bool
        Whether units of one case contribute nothing to the variance.
    """

    by_unit: bool
    rule: str
    confidence: float
    interval: str
    test: str
    complement: str
    uses_df_design: bool
    weighted: bool
    clustered: bool
    names_interval: bool
    names_test: bool
    removed: bool


@attrs.frozen(eq=False)
class GroupTests:
    """Tests of groups, each array of shape (units, items, comparisons + 1).

    The last element along the last axis is for scores that are compared with nothing.

    Attributes
    ----------
    statistic, df, df2, p_value : ndarray of float64
        NaN where nothing could be tested; ``df2`` also where the test is chi-square.
    stars : ndarray of int8
        Codes of the printed marks, -1 for none.
    difference, low, high : ndarray of float64
        NaN unless two groups are compared.
    has_second_group : ndarray of bool
        Whether two groups or more have a score.
    unknown_variance : ndarray of bool
        Whether a group with a score has no standard error.
    has_one_case : ndarray of bool
        Whether a group with a score has one case only.
    all_alike : ndarray of bool
        Whether the cases of a group with a score show no spread, which Wald's test needs.
    method : ndarray of int8
        Codes of `METHODS`.
    """

    statistic: Floats
    df: Floats
    df2: Floats
    p_value: Floats
    stars: npt.NDArray[np.int8]
    difference: Floats
    low: Floats
    high: Floats
    has_second_group: Flags
    unknown_variance: Flags
    has_one_case: Flags
    all_alike: Flags
    method: npt.NDArray[np.int8]


@attrs.frozen(eq=False)
class Block:
    """Estimates and tests of units, and of all together as the last.

    Attributes
    ----------
    units : tuple of str
        Their labels.
    counts : ndarray of float64, shape (2, units, items, domains)
        Sufficient and applicable answers.
    found : Ratios
        Estimates, shape (units, items, domains).
    low, high : ndarray of float64
        Limits of intervals, of the same shape.
    tests : GroupTests
        Tests of groups.
    interval_method : ndarray of int8
        Codes of `INTERVALS`, of the same shape.
    groups : EffectiveGroups or None
        Effective answers, of the same shape.
    reliability : ndarray of int8
        Codes of `RELIABILITY`, of the same shape; -1 without an applicable answer.
    has_one_case : ndarray of bool
        Whether a score is of one case (or cluster) only, of the same shape.
    all_alike : ndarray of bool
        Whether a score has no interval because its cases show no spread, of the same shape.
    df_design : ndarray of float64, shape (units, 1, 1), or None
        Degrees of freedom of the design, where they were asked for.
    """

    units: tuple[str, ...]
    counts: Floats
    found: Ratios
    low: Floats
    high: Floats
    tests: GroupTests
    interval_method: npt.NDArray[np.int8]
    groups: EffectiveGroups | None
    reliability: npt.NDArray[np.int8]
    has_one_case: Flags
    all_alike: Flags
    df_design: Floats | None


def wald_tests(
    found: Ratios,
    compared: Sequence[npt.NDArray[np.intp]],
    covariance: Callable[[npt.NDArray[np.intp]], Floats],
    confidence: float,
    df_design: Floats | None,
    has_one_case: Flags,
    all_alike: Flags,
) -> GroupTests:
    """Test groups by Wald's test, all comparisons of equally many groups at once.

    Parameters
    ----------
    found : Ratios
        Estimates, shape (units, items, domains).
    compared : sequence of ndarray of int
        The domains of each comparison.
    covariance : callable
        Function that takes the domains of comparisons, shape (comparisons, groups), and returns
        their covariances, shape (units, items, comparisons, groups, groups).
    confidence : float
        Confidence of the intervals of differences.
    df_design : ndarray of float64, shape (units, 1, 1), or None
        Degrees of freedom of the design.
    has_one_case, all_alike : ndarray of bool, shape (units, items, domains)
        Scores of one case only, and of cases that show no spread.
    """
    shape = (*found.se.shape[:2], len(compared) + 1)

    def empty(value: Any, kind: Any = np.float64) -> npt.NDArray[Any]:
        return np.full(shape, value, kind)

    figures = {name: empty(np.nan) for name in ("statistic", "df", "df2", "p_value")}
    differences = {name: empty(np.nan) for name in ("difference", "low", "high")}
    stars = empty(-1, np.int8)
    has_second_group, unknown_variance = empty(False, np.bool_), empty(False, np.bool_)
    one_case, alike = empty(False, np.bool_), empty(False, np.bool_)
    for width in {len(groups) for groups in compared}:
        at = [i for i, groups in enumerate(compared) if len(groups) == width]
        domains = np.array([compared[i] for i in at])
        estimate, v = found.estimate[..., domains], covariance(domains)
        test = wald_unchecked(estimate, v, df_design)
        for name in ("statistic", "df", "p_value"):
            figures[name][..., at] = getattr(test, name)
        if df_design is not None:
            figures["df2"][..., at] = np.where(np.isnan(test.p_value), np.nan, df_design)
        stars[..., at] = test.stars
        scored = ~np.isnan(estimate)
        has_second_group[..., at] = scored.sum(axis=-1) > 1
        unknown_variance[..., at] = (scored & np.isnan(found.se[..., domains])).any(axis=-1)
        one_case[..., at] = (scored & has_one_case[..., domains]).any(axis=-1)
        alike[..., at] = (scored & all_alike[..., domains]).any(axis=-1)
        if width == 2:
            between = difference(estimate, v, confidence=confidence, df=df_design)
            differences["difference"][..., at] = between.estimate
            differences["low"][..., at] = between.low
            differences["high"][..., at] = between.high
    return GroupTests(
        **figures,
        stars=stars,
        **differences,
        has_second_group=has_second_group,
        unknown_variance=unknown_variance,
        has_one_case=one_case,
        all_alike=alike,
        method=empty(df_design is not None, np.int8),
    )


def effective_tests(
    wald: GroupTests,
    groups: EffectiveGroups,
    compared: Sequence[npt.NDArray[np.intp]],
    usable: Flags,
    confidence: float,
) -> GroupTests:
    """Test groups on effective answers.

    Parameters
    ----------
    wald : GroupTests
        Wald's tests, which stay where the rule does not hold.
    groups : EffectiveGroups
        Shape (units, items, domains).
    compared : sequence of ndarray of int
        The domains of each comparison.
    usable : ndarray of bool, shape (comparisons,)
        Whether the rule holds: the groups share no cluster.
    confidence : float
        Confidence of the intervals of differences.
    """
    out = {field.name: getattr(wald, field.name).copy() for field in attrs.fields(GroupTests)}
    for i, domains in enumerate(compared):
        if not usable[i]:
            continue
        some = groups[..., domains]
        if len(domains) == 2:
            test = compare_effective(some[..., 0], some[..., 1], confidence)
            code = np.where(test.corrected, METHODS.index("yates-effective"), _PEARSON)
        else:
            test = compare_effective_groups(some)
            two = (some.known & np.isfinite(some.n)).sum(axis=-1) == 2
            corrected = np.where(
                two, METHODS.index("yates-effective"), METHODS.index("haldane-effective")
            )
            code = np.where(test.corrected, corrected, _PEARSON)
        for name in ("statistic", "df", "p_value"):
            out[name][..., i] = getattr(test, name)
        out["df2"][..., i] = np.where(np.isfinite(test.df2), test.df2, np.nan)
        out["difference"][..., i] = test.estimate
        out["low"][..., i], out["high"][..., i] = test.low, test.high
        out["stars"][..., i] = star_codes(test.p_value, ~np.isnan(test.p_value))
        scored = ~np.isnan(some.p)
        out["has_second_group"][..., i] = scored.sum(axis=-1) > 1
        out["unknown_variance"][..., i] = (scored & ~some.known).any(axis=-1)
        out["has_one_case"][..., i] = out["unknown_variance"][..., i]
        out["all_alike"][..., i] = False
        out["method"][..., i] = code
    return GroupTests(**out)


_PEARSON = METHODS.index("pearson-effective")


def too_few(
    group: EffectiveGroups, other: EffectiveGroups, p_value: Floats, confidence: float
) -> Flags:
    """Tell where a group is so small that even answers all alike could not differ from others."""
    level = 1 - confidence
    with np.errstate(invalid="ignore"):
        return (least_p_value(group, other) > level) & ~(p_value <= level)


def assemble(
    block: Block,
    scored: Sequence[ScoredItem],
    domains: Domains,
    settings: Settings,
    metadata: Mapping[bytes, bytes],
) -> pa.Table:
    """Make the table of scores: units, then breakdowns, then items, then groups.

    The score of all cases of a unit comes first, with null breakdown and group.
    """
    times = len(block.units)
    domain, split, item = _row_places(len(scored), domains)
    data = _figures(block, domain, split, item, settings)
    labels, label_codes = _group_labels(domains)
    known = settings.complement == "known"
    contrasts = [CONTRASTS.index(contrast_name(s, known)) for s in domains.splits]

    def label(codes: npt.NDArray[Any], names: Sequence[str], kind: Any = np.int16) -> pa.Array:
        return _arrow.dictionary(np.tile(codes.astype(kind), times), names)

    def by_item(values: Sequence[int], names: Sequence[str] | None = None) -> pa.Array:
        column = np.array(values)[item]
        if names is None:
            return pa.array(np.tile(column.astype(np.int16), times))
        return label(column, names, np.int8)

    zeros = np.zeros(len(data["n"]), np.int8)
    arrays = [
        _arrow.dictionary(np.repeat(np.arange(times, dtype=np.int16), len(item)), block.units),
        label(split, [s.key for s in domains.splits]),
        label(label_codes[domain], labels),
        label(np.array([_LEVELS.index(s.item.level) for s in scored])[item], _LEVELS),
        label(item, [s.item.id for s in scored]),
        pa.array(data["k"].astype(np.int64)),
        pa.array(data["n"].astype(np.int64)),
        *(_arrow.floats(data[name]) for name in (*_PERCENTS, *_DIFFERENCES, *_NUMBERS)),
        _arrow.dictionary(data["stars"], STARS),
        label(np.array([*contrasts, -1])[split], CONTRASTS, np.int8),
        _arrow.dictionary(data["method"], METHODS, ~np.isnan(data["p_value"])),
        _arrow.dictionary(
            data["interval_method"], INTERVALS, (data["n"] > 0) & ~np.isnan(data["low"])
        ),
        _arrow.dictionary(zeros, (settings.rule,)),
        pa.array(np.full(len(zeros), settings.confidence)),
        by_item([len(s.questions) for s in scored]),
        by_item([s.invented for s in scored]),
        by_item([_SOURCES.index(s.provenance) for s in scored], _SOURCES),
        _arrow.dictionary(data["reason"], ScoreReason.texts()),
        _arrow.dictionary(data["reliability"], RELIABILITY),
        _arrow.floats(data["cases"]).cast(pa.int64()),
        _arrow.floats(data["effective_n"]),
        _arrow.floats(data["effective_df"]),
    ]
    schema = SCHEMA.with_metadata(dict(metadata)) if metadata else SCHEMA
    return pa.Table.from_arrays(arrays, schema=schema)


def _row_places(width: int, domains: Domains) -> tuple[npt.NDArray[np.int64], ...]:
    """List the domain, the split (-1 for none) and the item of each row of one unit."""
    domain_parts = [np.zeros(width, np.int64)]
    split_parts = [np.full(width, -1)]
    item_parts = [np.arange(width)]
    for i, groups in enumerate(domains.shown):
        domain_parts.append(np.tile(groups, width))
        split_parts.append(np.full(len(groups) * width, i))
        item_parts.append(np.repeat(np.arange(width), len(groups)))
    domain, split, item = map(np.concatenate, (domain_parts, split_parts, item_parts))
    return domain, split, item


def rows_of_scores(values: npt.NDArray[Any], items: int, domains: Domains) -> npt.NDArray[Any]:
    """Lay figures of shape (units, items, domains) out as the rows of the table."""
    domain, _, item = _row_places(items, domains)
    at = item * len(domains) + domain
    rows: npt.NDArray[Any] = values.reshape(len(values), -1).take(at, axis=1).ravel()
    return rows


def _group_labels(domains: Domains) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """List the labels of groups, and the code of each domain's label; -1 is none."""
    groups = {
        domain: group
        for split, shown in zip(domains.splits, domains.shown, strict=True)
        for domain, group in zip(shown.tolist(), split.groups, strict=True)
    }
    labels = tuple(dict.fromkeys(groups.values()))
    codes = np.full(len(domains), -1)
    for domain, group in groups.items():
        codes[domain] = labels.index(group)
    return labels, codes


def _figures(
    block: Block,
    domain: npt.NDArray[np.int64],
    split: npt.NDArray[np.int64],
    item: npt.NDArray[np.int64],
    settings: Settings,
) -> dict[str, npt.NDArray[Any]]:
    """Take the figures of every row out of estimates and tests."""
    tests, units = block.tests, len(block.units)
    domains, splits = block.found.se.shape[-1], tests.p_value.shape[-1]
    score_at = item * domains + domain
    # The last test is that of rows without a comparison.
    test_at = item * splits + np.where(split < 0, splits - 1, split)

    def of_score(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        out: npt.NDArray[Any] = values.reshape(units, -1).take(score_at, axis=1).ravel()
        return out

    def of_group(name: str) -> Floats:
        groups = block.groups
        return of_score(
            np.full(block.found.se.shape, np.nan) if groups is None else getattr(groups, name)
        )

    def of_test(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        out: npt.NDArray[Any] = values.reshape(units, -1).take(test_at, axis=1).ravel()
        return out

    k, n = (of_score(counts) for counts in block.counts)
    estimate, se = of_score(block.found.estimate), of_score(block.found.se)
    low = of_score(block.low)
    p_value = of_test(tests.p_value)
    untested = np.tile(split >= 0, units) & np.isnan(p_value)
    no_limits = np.isnan(low)
    all_units = np.repeat(np.array(block.units) == ALL, len(item))
    df = block.df_design
    no_df = np.repeat(np.zeros(units, np.bool_) if df is None else df.ravel() <= 0, len(item))
    # A unit of one case has no standard error of its own, whatever it adds to the whole.
    lonely = ScoreReason.LONELY_CLUSTER if settings.clustered else ScoreReason.ONE_CASE
    one_case = np.where(
        all_units & settings.removed & ~settings.clustered,
        ScoreReason.ONE_CASE_UNITS_REMOVED,
        lonely,
    )
    only = ScoreReason.ONE_CLUSTER_ONLY if settings.clustered else ScoreReason.ONE_CASE_ONLY
    # By name Wald's rules have R's reasons of a unit of one case.
    alone = of_score(block.has_one_case) & (settings.clustered or not settings.names_interval)
    one_group = of_test(tests.has_one_case) & (settings.clustered or not settings.names_test)
    # Where several reasons hold, the last one set counts.
    reason = np.full(len(n), NO_REASON, np.int8)
    reason[no_limits] = ScoreReason.NO_DF
    at_bounds = no_limits & ~no_df & ((estimate <= 0) | (estimate >= 1))
    reason[at_bounds] = ScoreReason.NO_INTERVAL_AT_BOUNDS
    reason[untested] = ScoreReason.NO_SPREAD
    reason[untested & no_df] = ScoreReason.NO_DF
    unknown = untested & of_test(tests.unknown_variance)
    reason[unknown] = one_case[unknown]
    reason[unknown & of_test(tests.all_alike)] = ScoreReason.ALL_ALIKE
    reason[unknown & one_group] = only
    reason[untested & ~of_test(tests.has_second_group)] = ScoreReason.NO_SECOND_GROUP
    effective = of_score(block.interval_method) == INTERVALS.index("wilson-effective")
    no_error = np.isnan(se) & ~effective
    reason[no_error] = one_case[no_error]
    by_effective = of_test(tests.method) >= _PEARSON
    cases = of_group("cases")
    reason[no_limits & of_score(block.all_alike)] = ScoreReason.ALL_ALIKE
    reason[no_limits & alone] = only
    in_full = untested & by_effective & ~unknown & np.isinf(of_group("n"))
    reason[in_full & of_test(tests.has_second_group)] = ScoreReason.KNOWN_IN_FULL
    reason[np.isnan(estimate)] = ScoreReason.NO_WEIGHT
    reason[n == 0] = ScoreReason.NO_ANSWERS
    with np.errstate(invalid="ignore"):
        # From the counts, as in findings: 100 (k / n) may fall just short of a whole percent.
        from_counts = settings.rule == "pooled" and not settings.weighted
        percent = 100.0 * k / n if from_counts else 100.0 * estimate
    return {
        "k": k,
        "n": n,
        "percent": percent,
        "se": 100.0 * se,
        "low": 100.0 * low,
        "high": 100.0 * of_score(block.high),
        "design_effect": of_score(block.found.design_effect),
        "difference": 100.0 * of_test(tests.difference),
        "difference_low": 100.0 * of_test(tests.low),
        "difference_high": 100.0 * of_test(tests.high),
        "statistic": of_test(tests.statistic),
        "df": of_test(tests.df),
        "df2": of_test(tests.df2),
        "p_value": p_value,
        "stars": of_test(tests.stars),
        "reason": reason,
        "method": of_test(tests.method),
        "interval_method": of_score(block.interval_method),
        "reliability": of_score(block.reliability),
        "cases": np.where(n > 0, cases, np.nan),
        "effective_n": np.where(n > 0, of_group("n"), np.nan),
        "effective_df": np.where(np.isfinite(of_group("df")), of_group("df"), np.nan),
    }
