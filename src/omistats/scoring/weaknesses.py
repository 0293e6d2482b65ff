"""Compare the scores of a unit with those of the rest, and find where it is credibly below."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats._result_tables import NO_REASON, Display, Reason, TableResult
from omistats.errors import UnknownNameError, UsageError, as_tuple, check_choice, format_value
from omistats.kernel.checks import check_confidence
from omistats.kernel.effective import EffectiveGroups, compare_effective, exact_p_value
from omistats.kernel.multiplicity import ADJUSTMENTS, adjust as adjust_p_values
from omistats.kernel.permutation import PermutationTest
from omistats.kernel.wald import difference, wald_unchecked
from omistats.model.case_set import CaseSet
from omistats.model.framework import ALL, Level
from omistats.model.metadata import is_synthetic
from omistats.scoring.build import (
    METHODS,
    RELIABILITY,
    Settings,
    code_of_one_case,
    is_thin,
    too_few,
)
from omistats.scoring.effective import EffectiveSums
from omistats.scoring.estimators import Estimator, UnitVersusRest
from omistats.scoring.permutation import CasePermutations, permutation_name
from omistats.scoring.sums import ScoredItem
from omistats.scoring.unit_comparison import whole_cases

__all__ = ["Adjustment", "Family", "Level", "ScoringContext", "Weaknesses", "find_weaknesses"]

Floats = npt.NDArray[np.float64]
Adjustment = Literal["holm", "bonferroni", "bh", "none"]
Family = Literal["unit", "all"]

# Rows that the text form shows.
_ROWS = 24
_KEY = pa.dictionary(pa.int16(), pa.string())
_NOTE = pa.dictionary(pa.int8(), pa.string())
_FIGURES = ("difference", "se", "low", "high", "statistic", "df", "p_value", "p_adjusted")
SCHEMA = pa.schema(
    [
        *((name, _KEY) for name in ("unit", "level", "item")),
        ("k", pa.int64()),
        ("n", pa.int64()),
        ("percent", pa.float64()),
        ("rest_k", pa.int64()),
        ("rest_n", pa.int64()),
        ("rest_percent", pa.float64()),
        *((name, pa.float64()) for name in _FIGURES),
        ("credible", pa.bool_()),
        *((name, _NOTE) for name in ("adjustment", "family", "method")),
        ("confidence", pa.float64()),
        ("reason", _NOTE),
        ("reliability", _NOTE),
    ]
)
"""The columns of weaknesses."""

_PERCENTS = ("percent", "rest_percent")
_COMPUTED = (
    "k",
    "n",
    "rest_k",
    "rest_n",
    *_PERCENTS,
    *_FIGURES[:-1],
    "reason",
    "method",
    "reliability",
    "exact",
)


class WeaknessReason(Reason):
    """Reasons why a comparison of a unit with the rest lacks a figure or a test.

    Of several reasons a row has the first that holds, in this order: ``NO_ANSWERS`` or
    ``NO_WEIGHT``; then ``NO_OTHER_UNITS``, ``NO_ANSWERS_IN_REST`` or ``NO_WEIGHT_IN_REST``; then
    ``ONE_CASE_ONLY``, ``ALL_ALIKE``, ``ONE_CASE``, the same of the other units, ``NO_DF``, and
    ``KNOWN_IN_FULL`` or ``NO_SPREAD``. Where clusters were drawn, they have reasons of their own.
    """

    NO_ANSWERS = "no applicable answers"
    NO_OTHER_UNITS = "no other units to compare with"
    NO_ANSWERS_IN_REST = "no applicable answers in the other units"
    ONE_CASE = "no standard error: a unit of one case"
    ONE_CASE_IN_REST = "no standard error among the other units: a unit of one case"
    NO_SPREAD = "no spread to test against"
    NO_DF = "no degrees of freedom"
    ONE_CASE_ONLY = "one case only: spread between cases unknown"
    ONE_CASE_ONLY_IN_REST = "one case only among the other units: spread between cases unknown"
    KNOWN_IN_FULL = "all cases are known, so the unit is compared without a test"
    NO_WEIGHT = "no case with a weight above 0"
    NO_WEIGHT_IN_REST = "no case with a weight above 0 in the other units"
    ONE_CLUSTER_ONLY = "one cluster only: spread between clusters unknown"
    ONE_CLUSTER_ONLY_IN_REST = (
        "one cluster only among the other units: spread between clusters unknown"
    )
    LONELY_CLUSTER = "no standard error: a stratum of one cluster"
    LONELY_CLUSTER_IN_REST = "no standard error among the other units: a stratum of one cluster"
    ALL_ALIKE = "cases all alike: their spread is not known"
    ALL_ALIKE_IN_REST = "cases of the other units all alike: their spread is not known"

    @classmethod
    def of_one_case(cls, clustered: bool) -> tuple[WeaknessReason, WeaknessReason]:
        """Return the reasons of one case (or cluster) only, of the unit and of the rest."""
        if clustered:
            return cls.ONE_CLUSTER_ONLY, cls.ONE_CLUSTER_ONLY_IN_REST
        return cls.ONE_CASE_ONLY, cls.ONE_CASE_ONLY_IN_REST

    @classmethod
    def of_lonely(cls, clustered: bool) -> tuple[WeaknessReason, WeaknessReason]:
        """Return the reasons of a unit of one case, or stratum of one cluster."""
        if clustered:
            return cls.LONELY_CLUSTER, cls.LONELY_CLUSTER_IN_REST
        return cls.ONE_CASE, cls.ONE_CASE_IN_REST


@attrs.frozen(eq=False)
class ScoringContext:
    """What comparisons of units with the rest need of the scores they are made from.

    Attributes
    ----------
    estimator : Estimator
        The scoring rule under the survey design.
    effective : EffectiveSums or None
        The sums of effective answers.
    units, items : tuple of str
        Their ids, in the order of the arrays of ``estimator``.
    levels : tuple of str
        The level of each item.
    settings : Settings
        Options of the scores.
    permuted : CasePermutations or None
        The cases, where units are compared by permuting them.
    cases : CaseSet or None
        The cases, where the scores were made of cases in memory.
    scored : tuple of ScoredItem
        The items.
    """

    estimator: Estimator
    effective: EffectiveSums | None
    units: tuple[str, ...]
    items: tuple[str, ...]
    levels: tuple[str, ...]
    settings: Settings
    permuted: CasePermutations | None = None
    cases: CaseSet | None = None
    scored: tuple[ScoredItem, ...] = ()

    @property
    def is_crossed(self) -> bool:
        """Whether Wald's rules stand in because clusters lie across units."""
        effective, settings = self.effective, self.settings
        stands_in = settings.interval == "effective" and settings.test != "wald"
        return stands_in and effective is not None and not bool(effective.usable[0])

    @property
    def tests_effective(self) -> bool:
        """Whether units are compared on effective answers."""
        holds = self.effective is not None and bool(self.effective.usable[0])
        return holds and self.settings.test != "wald"


@attrs.frozen(eq=False, repr=False)
class Weaknesses(TableResult):
    """Comparisons of units with the rest, item by item.

    Attributes
    ----------
    table : pyarrow.Table
        A row a unit and item: ``unit, level, item``; ``k, n, percent`` of the unit (percent as in
        the scores, ``k`` and ``n`` counts of answers) and ``rest_k, rest_n, rest_percent`` of the
        others pooled; ``difference`` (the unit less the rest, percentage points), its linearised
        ``se``, and ``low, high`` (the interval is of this item by itself); ``statistic``
        (chi-square on one degree of freedom), ``df`` (of t, null under the normal distribution),
        both null where cases were permuted, and the two-sided ``p_value``; ``p_adjusted``, which
        allows for all items of the ``family``; over all units from the larger of ``p_value`` and
        that of Fisher's exact test on effective answers; ``credible``, whether the unit is below
        the rest and ``p_adjusted`` small enough; ``adjustment, family, method, confidence``;
        ``reason`` why a figure is missing; ``reliability``, as in the scores. ``credible`` is null,
        not false, where nothing could be tested, or by Wald's rule on too few cases.
    others : tuple of str or None
        The units that make up the rest, without the unit itself; None for all.

    Examples
    --------
    >>> import omistats as oms
    >>> made = oms.scores(oms.omi2.load_synthetic(), by="unit", items=["1.1", "1.2", "2.2"])
    >>> found = made.weaknesses("U01")
    >>> found
    Weaknesses from SYNTHETIC cases: 3 scores against all others, 2 credibly below at 95%,
    holm over the items of each unit
    <BLANKLINE>
    unit  item  percent  rest  difference       interval  adjusted p
    U01   1.1      78.0  81.5        -3.6   -9.8 to +1.7      0.1969
    U01   1.2      70.8  76.1        -5.3   -8.5 to -2.4      0.0011  below
    U01   2.2      65.1  73.9        -8.7  -14.3 to -3.5      0.0017  below
    >>> found.credible()["item"].to_pylist()
    ['2.2', '1.2']
    """

    table: pa.Table
    others: tuple[str, ...] | None = None

    def credible(self) -> pa.Table:
        """Keep the items where a unit is credibly below the rest, weakest first.

        Returns
        -------
        pyarrow.Table
            Rows of ``table``, units in its order, then by ``difference``.
        """
        rows = self.table.to_pylist()
        place = {unit: i for i, unit in enumerate(dict.fromkeys(r["unit"] for r in rows))}
        below = [i for i, row in enumerate(rows) if row["credible"]]
        below.sort(key=lambda i: (place[rows[i]["unit"]], rows[i]["difference"]))
        return self.table.take(pa.array(below, pa.int64()))

    def _display(self) -> Display:
        rows = self.table.slice(0, _ROWS).to_pylist()
        synthetic = " from SYNTHETIC cases" * is_synthetic(self.table.schema.metadata)
        below = sum(value is True for value in self.table["credible"].to_pylist())
        rest = "all others" if self.others is None else f"{len(self.others)} named units"
        head = f"Weaknesses{synthetic}: {len(self):,} scores against {rest}, {below} credibly below"
        if rows:
            scope, _, named = rows[0]["family"].partition(", ")
            of = "each unit" if scope == "unit" else "all units"
            how = rows[0]["adjustment"]
            head += f" at {100 * rows[0]['confidence']:g}%"
            over = named or "items"
            head += "" if how == "none" else f", {how} over the {over} of {of}"
        lines = [["unit", "item", "percent", "rest", "difference", "interval", "adjusted p", ""]]
        for row in rows:
            percent, rest_percent, points = (
                "" if row[name] is None else f"{row[name]:{spec}}"
                for name, spec in (
                    ("percent", ".1f"),
                    ("rest_percent", ".1f"),
                    ("difference", "+.1f"),
                )
            )
            ends = "" if row["low"] is None else f"{row['low']:+.1f} to {row['high']:+.1f}"
            p = _p_value(row["p_adjusted"])
            thin = row["reliability"] if is_thin(row["reliability"]) else None
            note = "below" if row["credible"] else row["reason"] or thin or ""
            lines.append([row["unit"], row["item"], percent, rest_percent, points, ends, p, note])
        left = len(self) - _ROWS
        return Display(
            head, lines, f"... and {left:,} more rows in .table" if left > 0 else "", labels=2
        )


def find_weaknesses(
    table: pa.Table,
    context: ScoringContext | None,
    unit: str | None,
    level: Level | None,
    confidence: float,
    adjust: Adjustment,
    family: Family,
    others: Iterable[str] | None,
    items: Iterable[str] | None,
) -> Weaknesses:
    """Compare units with the rest; see `Scores.weaknesses`."""
    if context is None:
        raise UsageError(
            "the standard error of other units pooled needs the sums over cases, which only scores "
            'by unit keep; make them from the cases, or from a ScoreTally, with by="unit"'
        )
    whole = whole_cases(table, "weaknesses need")
    units = [u for u in whole["unit"].unique().to_pylist() if u != ALL]
    if not units:
        raise UsageError(
            'no units among these scores; make them with by="unit" and do not filter units out'
        )
    if unit is not None:
        check_choice("unit", unit, units)
        units = [unit]
    known = whole["level"].unique().to_pylist()
    # By default of all scores, also in a view of others.
    chosen: str = level or next(one for one in get_args(Level) if one in context.levels)
    check_choice("level", chosen, get_args(Level))
    check_choice("level of these scores", chosen, known)
    check_confidence(confidence)
    adjustment = _resolve_adjustment(adjust)
    check_choice("family", family, get_args(Family))
    rest = None if others is None else _resolve_others(others, context.units)
    # The family is fixed by the scores, not by the view; a smaller one is asked for by name.
    of_level = [id for id, own in zip(context.items, context.levels, strict=True) if own == chosen]
    named = None if items is None else _resolve_items(items, of_level)
    tested = of_level if named is None else [id for id in of_level if id in named]
    made = _make_table(
        context,
        context.units if family == "all" else units,
        tested,
        chosen,
        confidence,
        adjustment,
        family if named is None else f"{family}, named items",
        context.units if rest is None else rest,
        table.schema.metadata,
    )
    shown = set(whole["item"].to_pylist())
    rows = zip(made["unit"].to_pylist(), made["item"].to_pylist(), strict=True)
    kept = [unit in units and item in shown for unit, item in rows]
    return Weaknesses(made.filter(pa.array(kept, pa.bool_())), rest)


def _resolve_items(items: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    """Check the items that make up a smaller family."""
    chosen: tuple[str, ...] = as_tuple("items", items, "ids of items")
    if unknown := [item for item in chosen if item not in known]:
        raise UnknownNameError("item", unknown, known)
    if not chosen:
        raise UsageError("`items` names no items; leave it out for all of the level")
    return chosen


def _resolve_adjustment(adjust: Any) -> str:
    """Return the name of an adjustment, or ``'none'``."""
    known = ", ".join([*ADJUSTMENTS, "none"])
    if not isinstance(adjust, str):
        raise UsageError(f"`adjust` must be one of {known}; found {format_value(adjust)}")
    return adjust if adjust == "none" else ADJUSTMENTS.name(adjust)


def _resolve_others(others: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    """Check the units that make up the rest."""
    chosen: tuple[str, ...] = as_tuple("others", others, "units")
    if unknown := [unit for unit in chosen if unit not in known]:
        raise UnknownNameError("unit", unknown, known)
    if not chosen:
        raise UsageError("`others` names no units; leave it out for all others")
    return chosen


def _make_table(
    context: ScoringContext,
    units: Sequence[str],
    items: Sequence[str],
    level: str,
    confidence: float,
    adjust: str,
    family: str,
    others: Sequence[str],
    metadata: Mapping[bytes, bytes] | None,
) -> pa.Table:
    """Compare each unit with the rest, and make the table.

    Parameters
    ----------
    context : ScoringContext
        The estimator of the scores.
    units, items : sequence of str
        The units and items to compare.
    level, confidence, adjust, family
        As for `omistats.Scores.weaknesses`.
    others : sequence of str
        The units that make up the rest.
    metadata : mapping of bytes to bytes or None
        Metadata of the scores.
    """
    estimator = context.estimator
    at = [context.items.index(item) for item in items]
    pool = np.array([unit in others for unit in context.units])
    counts = estimator.counts[..., 0]
    blocks = []
    for unit in units:
        place = context.units.index(unit)
        rest = pool & (np.arange(len(context.units)) != place)
        estimated = estimator.compare_with_rest(place, rest)
        answers = np.stack([counts[:, place], counts[:, rest].sum(axis=1)], axis=-1)
        goes_by_wald = not context.tests_effective
        found = _compare(estimated, answers, at, confidence, context.settings, goes_by_wald)
        if context.tests_effective and context.effective is not None:
            one, other = context.effective.unit(place)[at], context.effective.rest(rest)[at]
            settings = context.settings
            found |= _compare_effective(one, other, answers[1, at], confidence, settings)
            if context.permuted is not None:
                test = context.permuted.unit_and_rest(place, rest)
                found |= _replace_tests(found, test, at, confidence)
        if not rest.any():
            none = found["reason"] == WeaknessReason.NO_ANSWERS_IN_REST
            found["reason"] = np.where(none, WeaknessReason.NO_OTHER_UNITS, found["reason"])
        blocks.append(found)
    figures = {
        name: np.array([b[name] for b in blocks]).reshape(len(units), -1) for name in _COMPUTED
    }
    p = figures["p_value"]
    if adjust == "none" or not p.size:
        figures["p_adjusted"] = p
    else:
        families = p
        if family.startswith("all"):
            # So many comparisons ask for p-values far below the level that the test holds.
            families = np.fmax(p, figures["exact"]).reshape(1, -1)
        figures["p_adjusted"] = adjust_p_values(families, adjust).reshape(p.shape)
    known = ~np.isnan(p)
    below = (figures["difference"] < 0) & (figures["p_adjusted"] <= 1 - confidence)
    stands = known
    if not context.settings.names_test:
        # Wald's test of few cases is shown where it stands in, but says nothing of them.
        by_wald = figures["method"] < METHODS.index("pearson-effective")
        stands = known & ~(by_wald & (figures["reliability"] > 0))
    rows = len(units) * len(items)
    zeros = np.zeros(rows, np.int8)
    arrays = {
        "unit": _arrow.dictionary(
            np.repeat(np.arange(len(units), dtype=np.int16), len(items)), units
        ),
        "level": _arrow.dictionary(zeros.astype(np.int16), (level,)),
        "item": _arrow.dictionary(
            np.tile(np.arange(len(items), dtype=np.int16), len(units)), items
        ),
        **{
            column: pa.array(figures[column].ravel().astype(np.int64))
            for column in ("k", "n", "rest_k", "rest_n")
        },
        **{column: _arrow.floats(figures[column].ravel()) for column in (*_PERCENTS, *_FIGURES)},
        "credible": pa.array(below.ravel(), pa.bool_(), mask=~stands.ravel()),
        "adjustment": _arrow.dictionary(zeros, (adjust,)),
        "family": _arrow.dictionary(zeros, (family,)),
        "method": _arrow.dictionary(
            figures["method"].ravel().astype(np.int8), METHODS, known.ravel()
        ),
        "confidence": pa.array(np.full(rows, confidence)),
        "reason": _arrow.dictionary(
            figures["reason"].ravel().astype(np.int8), WeaknessReason.texts()
        ),
        "reliability": _arrow.dictionary(
            figures["reliability"].ravel().astype(np.int8), RELIABILITY
        ),
    }
    schema = SCHEMA.with_metadata(metadata) if metadata else SCHEMA
    return pa.Table.from_arrays([arrays[column] for column in schema.names], schema=schema)


def _compare(
    estimated: UnitVersusRest,
    counts: Floats,
    at: Sequence[int],
    confidence: float,
    settings: Settings,
    goes_by_wald: bool,
) -> dict[str, Floats]:
    """Compare a unit with the rest by Wald's rules, each figure of shape (items,)."""
    estimate, v, (k, n) = estimated.estimate[at], estimated.covariance[at], counts[:, at]
    se = np.sqrt(np.diagonal(estimated.covariance, axis1=-2, axis2=-1))
    alone, alike = estimated.counts.have_one[at], estimated.counts.are_alike(se)[at] & goes_by_wald
    few = estimated.counts.are_few_for_wald[at].any(axis=-1)
    if not settings.names_test:
        # Cases that show no spread have a linearised standard error of 0, as has a single case.
        none = alone | alike
        v = np.where(none[:, :, np.newaxis] | none[:, np.newaxis], np.nan, v)
    df = np.array(estimated.df_design) if settings.uses_df_design else None
    test = wald_unchecked(estimate, v, df)
    between = difference(estimate, v, confidence=confidence, df=df)
    no_score = np.isnan(estimate)
    either = no_score.any(axis=-1)
    unknown = np.isnan(np.diagonal(v, axis1=-2, axis2=-1))
    p_value = np.where(either, np.nan, test.p_value)
    # Where several reasons hold, the last one set counts.
    reason = np.where(np.isnan(p_value), float(WeaknessReason.NO_SPREAD), float(NO_REASON))
    if df is not None and df <= 0:
        reason[:] = WeaknessReason.NO_DF
    lonely = WeaknessReason.of_lonely(settings.clustered)
    only = WeaknessReason.of_one_case(settings.clustered)
    for side in (1, 0):
        reason[unknown[:, side]] = lonely[side]
        if not settings.names_test:
            reason[alike[:, side]] = (
                WeaknessReason.ALL_ALIKE,
                WeaknessReason.ALL_ALIKE_IN_REST,
            )[side]
        if settings.clustered or not settings.names_test:
            reason[unknown[:, side] & alone[:, side]] = only[side]
    _set_reasons_of_no_score(reason, no_score, n)
    reliability = np.where(
        few & (not settings.names_test), float(RELIABILITY.index("too few cases to tell")), 0.0
    )
    reliability[alone[:, 0]] = code_of_one_case(settings.clustered)
    reliability[no_score[:, 0]] = NO_REASON
    with np.errstate(invalid="ignore"):
        # From the counts where the score is their quotient, to equal the table of scores.
        from_counts = settings.rule == "pooled" and not settings.weighted
        percent = 100 * k / n if from_counts else 100 * estimate
    return {
        "k": k[:, 0],
        "n": n[:, 0],
        "rest_k": k[:, 1],
        "rest_n": n[:, 1],
        "percent": percent[:, 0],
        "rest_percent": percent[:, 1],
        "difference": 100 * between.estimate,
        "se": np.where(either, np.nan, 100 * between.se),
        "low": 100 * between.low,
        "high": 100 * between.high,
        "statistic": test.statistic,
        "df": np.where(np.isnan(p_value) | (df is None), np.nan, estimated.df_design),
        "p_value": p_value,
        "reason": reason,
        "method": np.full(len(p_value), float(settings.uses_df_design)),
        "reliability": reliability,
        "exact": np.full(len(p_value), np.nan),
    }


def _set_reasons_of_no_score(reason: Floats, no_score: npt.NDArray[np.bool_], n: Floats) -> None:
    """Set, in place, the reasons why the unit or the rest has no score.

    Parameters
    ----------
    reason : ndarray of float64, shape (items,)
        Codes of `WeaknessReason`.
    no_score : ndarray of bool, shape (items, 2)
        Of the unit, then of the rest.
    n : ndarray of float64, shape (items, 2)
        Applicable answers, also those of weight 0.
    """
    reason[no_score[:, 1]] = WeaknessReason.NO_WEIGHT_IN_REST
    reason[no_score[:, 1] & (n[:, 1] == 0)] = WeaknessReason.NO_ANSWERS_IN_REST
    reason[no_score[:, 0]] = WeaknessReason.NO_WEIGHT
    reason[no_score[:, 0] & (n[:, 0] == 0)] = WeaknessReason.NO_ANSWERS


def _compare_effective(
    one: EffectiveGroups,
    other: EffectiveGroups,
    n: Floats,
    confidence: float,
    settings: Settings,
) -> dict[str, Floats]:
    """Compare a unit with the rest on effective answers, each figure of shape (items,)."""
    test = compare_effective(one, other, confidence)
    reason = np.full(len(test.p_value), float(NO_REASON))
    reason[np.isnan(test.p_value)] = WeaknessReason.KNOWN_IN_FULL
    of_unit, of_rest = WeaknessReason.of_one_case(settings.clustered)
    reason[~other.known] = of_rest
    reason[~one.known] = of_unit
    _set_reasons_of_no_score(reason, np.isnan(np.stack([one.p, other.p], axis=1)), n)
    few = too_few(one, other, test.p_value, confidence)
    grade = np.where(few, float(RELIABILITY.index("too few cases to tell")), 0.0)
    grade[~one.known] = code_of_one_case(settings.clustered)
    grade[np.isnan(one.p)] = NO_REASON
    names = ("pearson-effective", "yates-effective")
    return {
        "low": 100 * test.low,
        "high": 100 * test.high,
        "statistic": test.statistic,
        "df": np.where(np.isfinite(test.df2), test.df2, np.nan),
        "p_value": test.p_value,
        "reason": reason,
        "method": np.where(test.corrected, *(float(METHODS.index(n)) for n in names[::-1])),
        "reliability": grade,
        "exact": np.where(np.isnan(test.p_value), np.nan, exact_p_value(one, other)),
    }


def _replace_tests(
    found: dict[str, Floats], test: PermutationTest, at: Sequence[int], confidence: float
) -> dict[str, Floats]:
    """Put the p-values of permutations where a test could be made."""
    # A unit that was told from the rest is not too few to tell.
    few = found["reliability"] == RELIABILITY.index("too few cases to tell")
    p_value = np.where(np.isnan(found["p_value"]), np.nan, test.p_value[at])
    none = np.full(len(at), np.nan)
    return {
        "p_value": p_value,
        "method": np.full(len(at), float(METHODS.index(permutation_name(test)))),
        "statistic": none,
        "df": none,
        "reliability": np.where(few & (p_value <= 1 - confidence), 0.0, found["reliability"]),
        "exact": none,
    }


def _p_value(value: float | None) -> str:
    if value is None:
        return ""
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"
