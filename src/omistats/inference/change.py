"""Change between two rounds: tests of independent percentages, and the result that holds them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats._result_tables import NO_REASON, Display, Reason, TableResult
from omistats.errors import UsageError, format_value
from omistats.inference.families import LEVEL, describe_tests, family_of_all
from omistats.inference.options import Inference
from omistats.inference.results import Pairs
from omistats.inference.unweighted import compare_pairs, pair_test
from omistats.kernel.chi_square import STARS, star_codes
from omistats.kernel.compare import by_fisher
from omistats.kernel.effects import DIFFERENCES
from omistats.kernel.multiplicity import ADJUSTMENTS
from omistats.kernel.small_numbers import RELIABILITY, smallest_expected_two
from omistats.model.framework import ALL
from omistats.model.metadata import is_synthetic

__all__ = [
    "Change",
    "ChangeReason",
    "ChangeTests",
    "Estimates",
    "RoundFigures",
    "assemble_change",
    "compare_counts",
    "compare_estimates",
]


Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Rows that the text form shows, and the smallest p-value.
_ROWS = 12
_SMALLEST_P = 0.001


class ChangeReason(Reason):
    """Why a row has no change, or a change no test."""

    NEW_UNIT = "unit only in this round"
    GONE_UNIT = "unit only in the earlier round"
    NEW_BREAKDOWN = "breakdown only in this round"
    GONE_BREAKDOWN = "breakdown only in the earlier round"
    NEW_QUESTION = "question only in this round"
    GONE_QUESTION = "question only in the earlier round"
    NEW_GROUP = "group only in this round"
    GONE_GROUP = "group only in the earlier round"
    LABEL_CHANGED = "the question's label changed"
    SUPPRESSED = "too few applicable answers to publish"
    NO_ANSWERS = "no applicable answers"
    NO_ANSWERS_NOW = "no applicable answers in this round"
    NO_ANSWERS_BEFORE = "no applicable answers in the earlier round"
    ALL_ALIKE = "every answer is the same"
    NO_SE = "no standard error in one of the rounds"
    ROUND_ALIKE = "no spread in one of the rounds, so its standard error is not known"
    NO_TEST = "the test is undefined"


@attrs.frozen(eq=False)
class ChangeTests:
    """Differences of two independent rounds with tests, one value a row.

    Attributes
    ----------
    low, high : ndarray of float64
        Interval of the difference, in percentage points; NaN where there is none.
    statistic, df, p_value : ndarray of float64
        NaN where nothing could be tested.
    method : ndarray of int8
        Codes of ``methods``; -1 where nothing could be tested.
    methods : tuple of str
        The tests used.
    interval : str
        The interval used.
    stars : ndarray of int8
        Codes of the significance marks; -1 for none.
    reason : ndarray of int8
        Codes of `ChangeReason` where there is no test; -1 where there is.
    """

    low: Floats
    high: Floats
    statistic: Floats
    df: Floats
    p_value: Floats
    method: npt.NDArray[np.int8]
    methods: tuple[str, ...]
    interval: str
    stars: npt.NDArray[np.int8]
    reason: npt.NDArray[np.int8]


def compare_counts(
    k: Floats, n: Floats, previous_k: Floats, previous_n: Floats, inference: Inference
) -> ChangeTests:
    """Compare unweighted counts of two rounds.

    Parameters
    ----------
    k, n, previous_k, previous_n : ndarray of float64
        Sufficient and applicable answers, one value a row; NaN where a row is not compared.
    inference : Inference
        The test (Pearson's in place of tests within units), the method of the difference and
        the confidence.
    """
    two = Pairs([], k, n, previous_k, previous_n)
    test = pair_test(inference)
    statistic, df, p_value = compare_pairs(test, two)
    methods: tuple[str, ...] = (test,)
    method = np.zeros(k.shape, np.int8)
    if test == "auto":
        methods = ("pearson", "fisher")
        method = by_fisher(*two.as_two_by_two).astype(np.int8)
    known = (n > 0) & (previous_n > 0) & ~np.isnan(k + previous_k)
    # Exact tests give 1 where every answer is the same; nothing was tested there.
    alike = known & (smallest_expected_two(*two.as_two_by_two) == 0)
    statistic, df, p_value = (
        np.where(known & ~alike, figures, np.nan) for figures in (statistic, df, p_value)
    )
    _, low, high = DIFFERENCES[inference.difference](*two.as_two_by_two, inference.confidence)
    return _finish(
        (100.0 * low, 100.0 * high),
        (statistic, df, p_value),
        np.where(alike, ChangeReason.ALL_ALIKE, ChangeReason.NO_TEST),
        known,
        (methods, method),
        inference.difference,
    )


@attrs.frozen(eq=False)
class Estimates:
    """Percentages of one round with standard errors, one value a row.

    Attributes
    ----------
    percent, se : ndarray of float64
        In percent; NaN where a row is not compared, or there is no standard error.
    df : ndarray of float64
        Degrees of freedom of the standard errors; infinite for the normal distribution.
    """

    percent: Floats
    se: Floats
    df: Floats


def compare_estimates(now: Estimates, before: Estimates, confidence: float) -> ChangeTests:
    """Compare percentages of two independent rounds by their standard errors.

    Parameters
    ----------
    now, before : Estimates
        The rounds.
    confidence : float
        Of the interval.

    Notes
    -----
    The rounds are independent, so the variance of the difference is the sum of theirs. The test
    is Wald's by t with Satterthwaite's degrees of freedom,
    ``(s1^2 + s0^2)^2 / (s1^4 / df1 + s0^4 / df0)``. A standard error of 0 is that of answers all
    alike and says nothing about the next case, so there is no test and no interval then.

    References
    ----------
    Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components.
    Biometrics Bulletin 2, 110-114. doi:10.2307/3002019
    """
    from scipy.special import stdtr, stdtrit

    difference = now.percent - before.percent
    known = ~np.isnan(difference)
    missing = np.isnan(now.se + before.se) | ~(np.minimum(now.df, before.df) > 0)
    constant = (now.se == 0) | (before.se == 0)
    alike = constant & (difference == 0) & np.isin(now.percent, (0.0, 100.0))
    usable = known & ~missing & ~constant
    v1, v0 = (np.where(usable, r.se**2, np.nan) for r in (now, before))
    with np.errstate(invalid="ignore", divide="ignore"):
        df = (v1 + v0) ** 2 / (v1**2 / now.df + v0**2 / before.df)
        t = difference / np.sqrt(v1 + v0)
        p_value = 2.0 * stdtr(df, -np.abs(t))
        margin = stdtrit(df, (1.0 + confidence) / 2.0) * np.sqrt(v1 + v0)
    return _finish(
        (np.maximum(difference - margin, -100.0), np.minimum(difference + margin, 100.0)),
        (t, df, p_value),
        np.select(
            [alike, missing],
            [ChangeReason.ALL_ALIKE, ChangeReason.NO_SE],
            ChangeReason.ROUND_ALIKE,
        ),
        known,
        (("wald-t",), np.zeros(t.shape, np.int8)),
        "wald-t",
    )


def _finish(
    limits: tuple[Floats, Floats],
    tests: tuple[Floats, Floats, Floats],
    reason: npt.NDArray[Any],
    known: Flags,
    methods: tuple[tuple[str, ...], npt.NDArray[np.int8]],
    interval: str,
) -> ChangeTests:
    statistic, df, p_value = tests
    tested = ~np.isnan(p_value)
    comparable = known & (tested | (reason == ChangeReason.ALL_ALIKE))
    return ChangeTests(
        *limits,
        np.where(tested, statistic, np.nan),
        np.where(tested, df, np.nan),
        p_value,
        np.where(tested, methods[1], np.int8(-1)),
        methods[0],
        interval,
        star_codes(p_value, comparable),
        np.where(known & ~tested, reason, NO_REASON).astype(np.int8),
    )


def _adjust(p_value: Floats, is_all: Flags, adjust: str | None) -> tuple[Floats, str]:
    """Adjust the p-values of all changes, and describe the family."""
    adjusted = np.full(p_value.shape, np.nan)
    tested = ~np.isnan(p_value)
    if adjust is not None:
        for part in (tested & is_all, tested & ~is_all):
            if part.any():
                adjusted[part] = ADJUSTMENTS[adjust](p_value[part])
    counts = int((tested & ~is_all).sum()), int((tested & is_all).sum())
    return adjusted, family_of_all(*counts, "these rounds")


@attrs.frozen(eq=False)
class RoundFigures:
    """Figures of one round, one value a row; NaN where the round lacks the row.

    Attributes
    ----------
    k, n : ndarray of float64
        Sufficient and applicable answers, unweighted.
    percent : ndarray of float64
        0-100.
    """

    k: Floats
    n: Floats
    percent: Floats


def assemble_change(
    labels: Mapping[str, pa.Array],
    now: RoundFigures,
    before: RoundFigures,
    tests: ChangeTests,
    *,
    reason: npt.NDArray[np.int8],
    expected: Floats,
    reliability: npt.NDArray[np.int8],
    adjust: str | None,
    confidence: float,
    metadata: Mapping[bytes, bytes],
    texts: Mapping[str, str],
) -> Change:
    """Build the result of a comparison of two rounds.

    Parameters
    ----------
    labels : mapping of str to pyarrow.Array
        The label columns, among them ``unit``, and ``question`` or ``item``.
    now, before : RoundFigures
        The rounds; those of rows that cannot be compared are shown all the same.
    tests : ChangeTests
        The tests, NaN in rows that cannot be compared.
    reason : ndarray of int8
        Codes of `ChangeReason` of rows that cannot be compared, -1 for the others.
    expected : ndarray of float64
        Smallest expected counts.
    reliability : ndarray of int8
        Codes of `omistats.kernel.small_numbers.RELIABILITY`.
    adjust : str or None
        An adjustment from `omistats.stats.ADJUSTMENTS`, made over all rows. All units together
        are a family of their own.
    confidence : float
        Confidence of the intervals.
    metadata : mapping of bytes to bytes
        Metadata of the table.
    texts : mapping of str to str
        Labels of questions or items for the text form.
    """
    units = labels["unit"].dictionary_decode().to_pylist()
    is_all = np.array([unit == ALL for unit in units], np.bool_)
    p_adjusted, family = _adjust(tests.p_value, is_all, adjust)
    comparable = reason == NO_REASON
    change = np.where(comparable, now.percent - before.percent, np.nan)
    has_interval = ~np.isnan(tests.low)
    columns = {
        **labels,
        "k": _counts(now.k),
        "n": _counts(now.n),
        "percent": _arrow.floats(now.percent),
        "previous_k": _counts(before.k),
        "previous_n": _counts(before.n),
        "previous_percent": _arrow.floats(before.percent),
        "change": _arrow.floats(change),
        "change_low": _arrow.floats(tests.low),
        "change_high": _arrow.floats(tests.high),
        "statistic": _arrow.floats(tests.statistic),
        "df": _arrow.floats(tests.df),
        "p_value": _arrow.floats(tests.p_value),
        "p_adjusted": _arrow.floats(p_adjusted),
        "stars": _arrow.dictionary(tests.stars, STARS),
        "method": _arrow.dictionary(tests.method, tests.methods),
        "interval_method": _arrow.dictionary(
            np.zeros(len(change), np.int8), (tests.interval,), has_interval
        ),
        "confidence": pa.array(np.full(len(change), confidence)),
        "reason": _arrow.dictionary(
            np.where(comparable, tests.reason, reason), ChangeReason.texts()
        ),
        "expected": _arrow.floats(expected),
        "reliability": _arrow.dictionary(reliability, RELIABILITY),
    }
    table = pa.table(columns).replace_schema_metadata(dict(metadata) or None)
    return Change(table, adjust, family, texts)


def _counts(values: Floats) -> pa.Array:
    known = ~np.isnan(values)
    return _arrow.primitive(np.where(known, values, 0).astype(np.int64), known)


@attrs.frozen(eq=False, repr=False)
class Change(TableResult):
    """Change of percentages from an earlier round, with intervals and tests.

    One row a unit x breakdown x group x question (or scored item) of either round. The columns
    are the labels and ``previous_question``; ``k, n, percent`` and the same as ``previous_...``;
    ``change, change_low, change_high`` in percentage points, this round less the earlier one;
    ``statistic, df, p_value, p_adjusted, stars, method, interval_method, confidence``; and
    ``reason, expected, reliability``. Whatever cannot be compared is listed with a null change,
    and ``reason`` says why.

    Change supports the Arrow PyCapsule protocol: ``pa.table(change)``.

    Attributes
    ----------
    table : pyarrow.Table
        The change.
    adjust : str or None
        Adjustment of ``p_adjusted``; None where p-values were not adjusted.
    family : str
        The tests that were adjusted together, in words.

    Examples
    --------
    >>> import omistats as oms
    >>> rows = {"questions": ["home_visit", "plan"], "groups": ["A", "B"]}
    >>> before = oms.Findings.from_counts([[12, 9], [20, 22]], [[30, 30], [30, 30]], **rows)
    >>> now = oms.Findings.from_counts([[25, 9], [24, 20]], [[32, 30], [32, 30]], **rows)
    >>> change = now.compare(before)
    >>> change
    Change: 4 rows, 4 compared, 1 with p_adjusted (bh) below 0.05
    <BLANKLINE>
    unit, group    question    before   N   now   N  change        interval  stars  p_adjusted
    all, groups A  home_visit    40.0  30  78.1  32   +38.1  +13.7 to +57.0     **       0.009
    all, groups A  plan          66.7  30  75.0  32    +8.3  -13.8 to +29.7     --       0.764
    all, groups B  plan          73.3  30  66.7  30    -6.7  -28.5 to +16.0     --       0.764
    all, groups B  home_visit    30.0  30  30.0  30    +0.0  -22.3 to +22.3     --       1.000
    4 tests; p below 0.05 in 1; chance alone would give fewer than 1
    adjusted by bh over all 4 tests of these rounds
    >>> change.significant().table["question"].to_pylist()
    ['home_visit']
    """

    table: pa.Table
    adjust: str | None
    family: str
    _texts: Mapping[str, str]
    # P-values before `significant`, and the number of tests before any filter.
    _tested: Floats | None = None
    _total: int | None = None

    def significant(self, level: float = 0.05) -> Change:
        """Keep the changes whose adjusted p-value is below a level.

        Parameters
        ----------
        level : float
            Significance level, between 0 and 1.

        Returns
        -------
        Change
            The rows of these changes. P-values are still adjusted over all rows; where none was
            adjusted, the unadjusted p-values decide.

        Raises
        ------
        UsageError
            When the level is out of range.
        """
        if not isinstance(level, float | int | np.floating) or not 0 < level < 1:
            raise UsageError(f"`level` must be between 0 and 1; found {format_value(level)}")
        with np.errstate(invalid="ignore"):
            kept = self._numbers(self._deciding) < level
        table = self.table.filter(pa.array(kept))
        return attrs.evolve(self, table=table, tested=self._p_values, total=self._number_of_tests)

    def keep_rows(self, keep: Flags) -> Change:
        """Keep some rows, with p-values adjusted over all.

        Parameters
        ----------
        keep : ndarray of bool, shape (rows,)
            Whether to keep each row.

        Returns
        -------
        Change
            The rows; the text form says of how many tests they are.
        """
        table = self.table.filter(pa.array(keep))
        return attrs.evolve(self, table=table, total=self._number_of_tests)

    def _numbers(self, column: str) -> Floats:
        return np.asarray(self.table[column].to_numpy(), np.float64)

    @property
    def _deciding(self) -> str:
        """Name the p-value that decides which changes stand."""
        return "p_value" if self.adjust is None else "p_adjusted"

    @property
    def _p_values(self) -> Floats:
        return self._numbers("p_value") if self._tested is None else self._tested

    @property
    def _number_of_tests(self) -> int:
        return int((~np.isnan(self._p_values)).sum()) if self._total is None else self._total

    def _display(self) -> Display:
        change, stands = self._numbers("change"), self._numbers(self._deciding) < LEVEL
        compared = ~np.isnan(change)
        thin = np.array([r not in (None, "ok") for r in self._texts_of("reliability")], np.bool_)
        head = f"Change{' from SYNTHETIC cases' * is_synthetic(self.table.schema.metadata)}: "
        head += f"{len(self):,} rows, {int(compared.sum()):,} compared, {int(stands.sum()):,} with "
        head += f"{self._deciding}{f' ({self.adjust})' if self.adjust else ''} below {LEVEL:g}"
        notes = self._notes(compared, thin)
        # Small numbers come last, and changes that stand before others; the largest first.
        order = np.lexsort((-np.abs(change), ~stands, thin))
        order = order[compared[order]]
        if not len(order):
            return Display("\n".join([head, *notes]))
        shown = order[:_ROWS]
        lines = self._lines(shown)
        if thin[shown].any():
            marks = ["", *("?" if mark else "" for mark in thin[shown].tolist())]
            lines = [[*line, mark] for line, mark in zip(lines, marks, strict=True)]
        if hidden := len(order) - len(shown):
            notes.insert(0, f"... and {hidden:,} more changes; all rows are in .table")
        return Display(head, lines, "\n".join(notes), labels=2)

    def _lines(self, shown: npt.NDArray[np.intp]) -> list[list[str]]:
        item = "question" if "question" in self.table.column_names else "item"
        titles = ["unit, group", item, "before", "N", "now", "N", "change", "interval", "stars"]
        lines = [[*titles, *(["p_adjusted"] if self.adjust else [])]]
        for row in self.table.take(pa.array(shown)).to_pylist():
            where = row["unit"]
            if row["group"] is not None:
                where += f", {row['breakdown'].replace('_', ' ')} {row['group']}"
            limits = row["change_low"], row["change_high"]
            line = [
                where,
                self._texts.get(row[item], row[item]),
                f"{row['previous_percent']:.1f}",
                f"{row['previous_n']:,}",
                f"{row['percent']:.1f}",
                f"{row['n']:,}",
                f"{row['change']:+.1f}",
                "" if limits[0] is None else f"{limits[0]:+.1f} to {limits[1]:+.1f}",
                row["stars"] or "",
            ]
            if self.adjust:
                line.append(_p_text(row["p_adjusted"]))
            lines.append(line)
        return lines

    def _notes(self, compared: Flags, thin: Flags) -> list[str]:
        """List what is said below the table."""
        kept = None if self._tested is None else len(self)
        notes = [describe_tests(self._p_values, kept=kept, total=self._number_of_tests)]
        if self.adjust:
            notes.append(f"adjusted by {self.adjust} {self.family}")
        if marked := _counted(self._texts_of("reliability"), thin):
            notes.append(f"? small numbers in {marked}")
        if reasons := _counted(self._texts_of("reason"), ~compared):
            notes.append(f"no change in {reasons}")
        return notes

    def _texts_of(self, column: str) -> list[str | None]:
        texts: list[str | None] = self.table[column].to_pylist()
        return texts


def _p_text(p_value: float | None) -> str:
    if p_value is None:
        return ""
    return f"<{_SMALLEST_P:g}" if p_value < _SMALLEST_P else f"{p_value:.3f}"


def _counted(texts: Sequence[str | None], where: Flags) -> str:
    """Count the texts of some rows; empty if there is none."""
    counts = Counter(text for text, counted in zip(texts, where.tolist(), strict=True) if counted)
    rows = counts.total()
    listed = "; ".join(f"{text}: {n:,}" for text, n in counts.items())
    return f"{rows:,} row{'s' * (rows != 1)} ({listed})" if rows else ""
