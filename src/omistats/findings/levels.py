"""Shares of the levels of graded answers, with tests of groups: levels()."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats._result_tables import NO_REASON, Display, Reason, TableResult, matching_rows
from omistats.breakdowns.base import BreakdownLike
from omistats.breakdowns.groups import CONTRASTS, contrast_name
from omistats.counting.count import levels_of, tally_levels
from omistats.counting.tally import By, Tally
from omistats.kernel.checks import check_confidence
from omistats.kernel.chi_square import STARS, pearson_table, star_codes
from omistats.kernel.intervals import INTERVALS
from omistats.kernel.rounding import printed_percent
from omistats.kernel.small_numbers import RELIABILITY, SmallNumbers
from omistats.kernel.trend import mean_score_test
from omistats.model.batches import Progress, framework_of
from omistats.model.framework import NOT_ANSWERED, Framework, Question
from omistats.model.metadata import is_synthetic

__all__ = ["Levels", "levels"]

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

_KEY = pa.dictionary(pa.int16(), pa.string())
_NOTE = pa.dictionary(pa.int8(), pa.string())
_METHODS = ("pearson", "haldane")
_ROWS = 40

SCHEMA = pa.schema(
    [
        *((name, _KEY) for name in ("unit", "breakdown", "question", "group", "level")),
        ("sufficient", pa.bool_()),
        ("k", pa.int64()),
        ("n", pa.int64()),
        ("percent", pa.float64()),
        ("printed", pa.int8()),
        *((name, pa.float64()) for name in ("low", "high", "statistic", "df", "p_value")),
        ("stars", _NOTE),
        *((f"trend_{name}", pa.float64()) for name in ("statistic", "df", "p_value")),
        *((name, _NOTE) for name in ("contrast", "method", "interval_method")),
        ("confidence", pa.float64()),
        ("reason", _NOTE),
        ("expected", pa.float64()),
        ("reliability", _NOTE),
        ("not_answered", pa.int64()),
    ]
)
"""The columns of levels."""


class LevelReason(Reason):
    """Why a row of levels has no percentage, or its comparison no test."""

    NO_ANSWERS = "no applicable answers"
    NO_SECOND_GROUP = "no second group to compare with"
    ALL_ALIKE = "every answer is the same"


def levels(
    source: Any,
    *,
    by: By | None = None,
    breakdowns: Iterable[BreakdownLike] | None = None,
    questions: Iterable[str] | None = None,
    framework: Framework | None = None,
    confidence: float = 0.95,
    check_ids: bool = True,
    progress: Progress | None = None,
) -> Levels:
    """Compute how often each level of each question was given, by group.

    Parameters
    ----------
    source : CaseSet, data frame, table of an engine, record batch reader, data set, or path
        The cases, as for `tally`.
    by : {'unit'}, optional
        Report every unit, and all together; by default all together.
    breakdowns : iterable of Breakdown or str, optional
        Instances, classes or names; a tuple crosses them. By default the framework's standard
        ones, or all cases as one group if it has none.
    questions : iterable of str, optional
        Question ids; by default every question that is not invented. A question without levels
        has two: ``sufficient`` and ``not sufficient``.
    framework : Framework, optional
        The framework to check the source against; a case set has its own.
    confidence : float
        Of the intervals (Wilson's), between 0 and 1.
    check_ids : bool
        Check that ``case_id`` is unique over all parts of the source.
    progress : callable, optional
        Called after every part with the rows done and the rows in all, None if unknown.

    Returns
    -------
    Levels
        One row a unit x breakdown x question x group x level.

    Raises
    ------
    UsageError
        When an option is out of range, or a source other than a case set comes without
        ``framework``.
    UnknownNameError
        When a question or a breakdown is unknown.
    DataError
        When the source cannot be read as cases, or a breakdown is declared wrongly.

    Notes
    -----
    Groups are compared by Pearson's chi-square of the table of groups and levels. Where a cell
    expects fewer than 5 answers the statistic is referred to the mean and variance that it has
    over all tables with the same margins. Where a cell expects fewer than 1, the p-value is the
    larger of that and of chi-square with half an answer taken from the deviation of such cells.
    For a question of two levels `recompute` has Pearson's test unscaled; where an expected count
    is below 5 the two differ, and `levels` is the more cautious.

    The trend test compares the mean level, levels being
    scored 1, 2, 3 and so on; for two groups it is Cochran and Armitage's. It is null where levels
    are not ordered. What was not answered is a level of its own if the framework counts it as
    not sufficient, and in no trend.

    Examples
    --------
    >>> import omistats as oms
    >>> scale = ("fully met", "mostly met", "partly met", "not met")
    >>> plan = oms.Question("plan", "Plan covers risk", levels=scale, sufficient=scale[:2])
    >>> sex = oms.Stratum("sex", ("girl", "boy"))
    >>> answers = {"sex": ["girl", "boy"] * 6, "plan": [*scale, scale[0], None] * 2}
    >>> cases = oms.CaseSet.from_data(
    ...     {"case_id": list(range(12)), "unit": ["A"] * 12, **answers},
    ...     framework=oms.Framework("demo", [plan], [sex], breakdowns=["sex"]),
    ... )
    >>> found = oms.levels(cases)
    >>> found
    Levels: 8 rows, 1 unit x sex
    <BLANKLINE>
    question, unit, group  fully met  mostly met  partly met  not met  N  stars  trend
    plan, all, girl              67%          0%         33%       0%  6    --?     --
    plan, all, boy                0%         50%          0%      50%  4    --?     --
    stars: any difference between groups; trend: a difference in the mean level
    ?: few answers, or few expected; see the column reliability
    """
    check_confidence(confidence)
    known = framework_of(source, framework)
    if breakdowns is None and not known.breakdowns:
        breakdowns = ()
    ids = known.known_ids if questions is None else known.select(questions)
    counts = tally_levels(
        source,
        by=by,
        breakdowns=breakdowns,
        questions=ids,
        framework=known,
        check_ids=check_ids,
        progress=progress,
    )
    if by == "unit":
        counts = counts.with_all()
    asked = tuple(map(known.question, ids))
    table = _assemble(counts, known, asked, confidence)
    return Levels(table, known, counts.metadata)


@attrs.frozen(eq=False, repr=False)
class Levels(TableResult):
    """How often each level was given: one row a unit x breakdown x question x group x level.

    The columns are ``unit, breakdown, question, group, level``; ``sufficient`` (whether the level
    counts as sufficient); ``k, n`` (answers at the level, and applicable answers); then

    * *of the level's share*: ``percent``, ``printed`` (rounded half up), ``low`` and ``high``, all
      from 0 to 100; null where ``n`` is 0. ``interval_method`` and ``confidence`` (0-1) are of
      the interval;
    * *of the comparison of groups*, repeated on its rows: ``statistic, df, p_value``, null where
      fewer than two groups, or levels, have answers; ``stars``, null where fewer than two groups
      have; ``method`` (``pearson``, or ``haldane`` where a cell expects fewer than 5 answers);
      ``expected`` (the smallest expected count); ``contrast``; ``reliability`` (of the comparison
      too: few answers in the group, or few expected); ``trend_statistic, trend_df,
      trend_p_value``, null for levels without an order as well;
    * ``reason`` (why there is no percentage, or no test; null where there is);
    * ``not_answered`` (applicable questions without an answer; null where cases cannot say so).

    Attributes
    ----------
    table : pyarrow.Table
        The levels.
    framework : Framework
        The framework of the cases.
    metadata : mapping of bytes to bytes
        Metadata of the cases, such as the mark of synthetic cases.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.levels(oms.omi2.load_synthetic(), breakdowns=["gender"])
    >>> found.question("rosh_timely").table["level"].unique().to_pylist()
    ['sufficient', 'not sufficient']
    """

    table: pa.Table
    framework: Framework
    metadata: Mapping[bytes, bytes] = attrs.field(factory=dict)

    def question(self, *ids: str) -> Levels:
        """Keep some questions.

        Parameters
        ----------
        *ids : str
            Question ids.

        Returns
        -------
        Levels
            Tests and percentages are those of the whole.

        Raises
        ------
        UnknownNameError
            When a question is unknown.
        UsageError
            When no id is given.
        """
        return self._filtered("question", ids)

    def unit(self, *ids: str) -> Levels:
        """Keep some units.

        Parameters
        ----------
        *ids : str
            Unit ids; ``all`` is all units together.

        Returns
        -------
        Levels
            Tests and percentages are those of the whole.

        Raises
        ------
        UnknownNameError
            When a unit is unknown.
        UsageError
            When no id is given.
        """
        return self._filtered("unit", ids)

    def breakdown(self, *keys: str) -> Levels:
        """Keep some breakdowns.

        Parameters
        ----------
        *keys : str
            Keys of breakdowns.

        Returns
        -------
        Levels
            Tests and percentages are those of the whole.

        Raises
        ------
        UnknownNameError
            When a breakdown is unknown.
        UsageError
            When no key is given.
        """
        return self._filtered("breakdown", keys)

    def _filtered(self, column: str, wanted: Sequence[str]) -> Levels:
        rows = matching_rows(self.table, column, wanted)
        return attrs.evolve(self, table=self.table.filter(pa.array(rows)))

    def cuts(self) -> pa.Table:
        """Show what other cuts of ordered levels would give.

        Returns
        -------
        pyarrow.Table
            One row a unit x breakdown x question x group x cut: ``cut`` (the last level that
            would be sufficient, from the best), ``current`` (whether it is the cut in use),
            ``k``, ``n``, ``percent``, ``low``, ``high`` (Wilson; 0-100) and ``change`` (percentage
            points from the cut in use). The last four are null where ``n`` is 0. Questions
            without ordered levels are left out.

        Examples
        --------
        >>> import omistats as oms
        >>> scale = ("met", "partly met", "not met")
        >>> plan = oms.Question("plan", "Plan", levels=scale, sufficient=scale[:1])
        >>> cases = oms.CaseSet.from_data(
        ...     {"case_id": [1, 2, 3, 4], "unit": ["A"] * 4, "plan": [*scale, "met"]},
        ...     framework=oms.Framework("demo", [plan]),
        ... )
        >>> found = oms.levels(cases).cuts()
        >>> found.select(["cut", "current", "percent", "change"]).to_pylist()[1]
        {'cut': 'partly met', 'current': False, 'percent': 75.0, 'change': 25.0}
        """
        starts = np.array([start for start, _ in self._groups()], np.int64)
        own = self.table["question"].take(pa.array(starts)).to_pylist()
        k_of_level = self.table["k"].to_numpy()
        places, ks, cuts, current, used = [], [], [], [], []
        for id in dict.fromkeys(own):
            question = self.framework.question(id)
            levels, sufficient = question.levels, set(question.sufficient)
            if not (levels and question.ordered):
                continue
            groups = np.flatnonzero([other == id for other in own])
            is_best_first = sufficient == set(levels[: len(sufficient)])
            order = np.arange(len(levels))[:: 1 if is_best_first else -1]
            k = k_of_level[starts[groups][:, np.newaxis] + order].cumsum(axis=1)[:, :-1]
            at = len(sufficient) - 1
            places.append(np.repeat(groups, k.shape[1]))
            ks.append(k.ravel())
            used.append(np.repeat(k[:, at], k.shape[1]))
            cuts += [levels[i] for i in order[:-1]] * len(groups)
            current.append(np.tile(np.arange(k.shape[1]) == at, len(groups)))
        if not places:
            return _CUTS.empty_table().replace_schema_metadata(self.table.schema.metadata)
        place, now = np.concatenate(places), np.concatenate(current)
        k, k_now = np.concatenate(ks), np.concatenate(used)
        by_group = np.argsort(place, kind="stable")
        rows = pa.array(starts[place])
        n = self.table["n"].take(rows).to_numpy()
        confidence = self.table["confidence"][0].as_py()
        low, high = INTERVALS["wilson"](k.astype(np.float64), n.astype(np.float64), confidence)
        with np.errstate(invalid="ignore", divide="ignore"):
            figures = (100.0 * k / n, 100 * low, 100 * high, 100.0 * (k - k_now) / n)
        names = ("unit", "breakdown", "question", "group")
        arrays = [
            *(self.table[name].take(rows).combine_chunks() for name in names),
            pa.array(cuts).dictionary_encode().cast(_KEY),
            *map(pa.array, (now, k, n)),
            *(_arrow.floats(np.where(n > 0, values, np.nan)) for values in figures),
        ]
        schema = _CUTS.with_metadata(self.table.schema.metadata)
        return pa.Table.from_arrays(arrays, schema=schema).take(pa.array(by_group))

    def _groups(self) -> list[tuple[int, int]]:
        """Find the rows of each group: its levels follow each other."""
        codes = [
            self.table[name].combine_chunks().indices.to_numpy()
            for name in ("unit", "breakdown", "question", "group")
        ]
        if not len(self):
            return []
        first = np.ones(len(self), np.bool_)
        first[1:] = np.any([c[1:] != c[:-1] for c in codes], axis=0)
        return list(pairwise([*np.flatnonzero(first).tolist(), len(self)]))

    def _display(self) -> Display:
        synthetic = "from SYNTHETIC cases: " if is_synthetic(self.metadata) else ""
        units = len(self.table["unit"].unique())
        keys = self.table["breakdown"].unique().to_pylist()
        made = f"Levels {synthetic}" if synthetic else "Levels: "
        heading = f"{made}{len(self)} rows, {units} unit{'s' * (units != 1)} x {', '.join(keys)}"
        groups = self._groups()
        if not groups:
            return Display(heading)
        rows = self.table.slice(0, groups[min(len(groups), _ROWS) - 1][1]).to_pylist()
        shown = groups[:_ROWS]
        scales = [tuple(row["level"] for row in rows[slice(*group)]) for group in shown]
        width = max(map(len, scales))
        # All questions of one scale have its levels as titles; else each scale has a line.
        one = len(set(scales)) == 1
        labels = ["question", "unit", *(["breakdown"] * (len(keys) > 1)), "group"]
        has_trend = any(row["trend_p_value"] is not None for row in rows)
        ends = ["N", "stars", *(["trend"] * has_trend)]
        lines = [[", ".join(labels), *(scales[0] if one else [""] * width), *ends]]
        few = False
        for (start, stop), scale, before in zip(shown, scales, (None, *scales), strict=False):
            own, blank = rows[start:stop], [""] * (width - len(scale))
            if scale != before and not one:
                lines.append(["", *scale, *blank, *([""] * len(ends))])
            percents = ["" if r["printed"] is None else f"{r['printed']}%" for r in own]
            first = own[0]
            mark = "?" if first["reliability"] not in ("ok", None) else ""
            few |= bool(mark)
            label = ", ".join(first[name] for name in labels)
            cells = [f"{first['n']:,}", (first["stars"] or "") + mark]
            if has_trend:
                p_value = first["trend_p_value"]
                cells.append("" if p_value is None else STARS[star_codes(p_value)])
            lines.append([label, *percents, *blank, *cells])
        rest = len(groups) - len(shown)
        notes = [f"{rest} more groups: choose with .question(...), or see .table"] * bool(rest)
        if has_trend:
            notes.append(
                "stars: any difference between groups; trend: a difference in the mean level"
            )
        if few:
            notes.append("?: few answers, or few expected; see the column reliability")
        missing = [r for r in rows if r["not_answered"]]
        if missing:
            counted = any(r["level"] == NOT_ANSWERED for r in rows)
            policy = "a level that is not sufficient" if counted else "left out of N"
            notes.append(f"what was not answered is {policy}; see the column not_answered")
        return Display(heading, lines, notes)


_CUTS = pa.schema(
    [
        *((name, _KEY) for name in ("unit", "breakdown", "question", "group", "cut")),
        ("current", pa.bool_()),
        ("k", pa.int64()),
        ("n", pa.int64()),
        *((name, pa.float64()) for name in ("percent", "low", "high", "change")),
    ]
)


def _assemble(
    counts: Tally, framework: Framework, asked: Sequence[Question], confidence: float
) -> pa.Table:
    """Build the table: units, then breakdowns, questions, groups and levels."""
    names = [levels_of(question, framework) for question in asked]
    starts = np.cumsum([0, *map(len, names)])
    every = tuple(dict.fromkeys(level for levels in names for level in levels))
    policy = SmallNumbers()
    parts: list[dict[str, Any]] = []
    for i in range(len(counts.splits)):
        groups = slice(counts.offsets[i], counts.offsets[i + 1])
        for j, question in enumerate(asked):
            own = slice(int(starts[j]), int(starts[j + 1]))
            k, n = counts.k[:, groups, own], counts.n[:, groups, own][..., 0]
            compared = _compared(counts, i, groups, own)
            test = pearson_table(compared)
            trend = np.full((3, len(counts.units)), np.nan)
            if question.ordered or not question.levels:
                trend = np.array(mean_score_test(compared[..., : len(question.answers)]))
            answered = (compared.sum(axis=-1) > 0).sum(axis=-1)
            reason = np.where(
                np.isnan(test.p_value),
                np.where(answered < 2, LevelReason.NO_SECOND_GROUP, LevelReason.ALL_ALIKE),
                NO_REASON,
            )
            stars = star_codes(test.p_value, answered > 1)
            few = policy.expects_few(test.expected)
            low, high = INTERVALS["wilson"](
                k.astype(np.float64), np.repeat(n[..., np.newaxis], k.shape[-1], -1), confidence
            )
            missing = None
            if counts.not_answered is not None:
                missing = counts.not_answered[:, groups, own][..., 0]
            parts.append(
                {
                    "split": i,
                    "question": j,
                    "k": k,
                    "n": n,
                    "low": low,
                    "high": high,
                    "test": test,
                    "trend": trend,
                    "reason": reason,
                    "stars": stars,
                    "reliability": policy.judge_unchecked(
                        n, np.repeat(few[:, np.newaxis], n.shape[1], 1), None
                    ),
                    "missing": missing,
                }
            )
    return _lay_out(parts, counts, asked, names, every, confidence)


def _compared(counts: Tally, split: int, groups: slice, levels: slice) -> Floats:
    """Return the counts of the groups that are compared, which share no case."""
    k = counts.k[:, groups, levels].astype(np.float64)
    if counts.splits[split].contrast == "complement":
        k = np.stack([k[:, 0], k[:, 1] - k[:, 0]], axis=1)
    return k


def _lay_out(
    parts: Sequence[Mapping[str, Any]],
    counts: Tally,
    asked: Sequence[Question],
    names: Sequence[tuple[str, ...]],
    every: tuple[str, ...],
    confidence: float,
) -> pa.Table:
    columns: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in SCHEMA.names}
    units = len(counts.units)
    labels = tuple(dict.fromkeys(g for s in counts.splits for g in s.groups))
    for part in parts:
        split, question = counts.splits[part["split"]], asked[part["question"]]
        own = names[part["question"]]
        shape = (units, len(split.groups), len(own))
        group = np.array([labels.index(g) for g in split.groups])
        level = np.array([every.index(name) for name in own])
        cut = question.sufficient or question.answers[:1]
        test, trend = part["test"], part["trend"]
        k, n = part["k"], np.broadcast_to(part["n"][..., np.newaxis], shape)
        reason = np.where(n == 0, LevelReason.NO_ANSWERS, part["reason"][:, None, None])
        with np.errstate(invalid="ignore", divide="ignore"):
            percent = 100.0 * k / n
        missing = part["missing"]
        found: dict[str, Any] = {
            "unit": np.arange(units)[:, None, None],
            "breakdown": part["split"],
            "question": part["question"],
            "group": group[:, None],
            "level": level,
            "sufficient": np.array([name in cut for name in own]),
            "k": k,
            "n": n,
            "percent": percent,
            "printed": np.where(n > 0, printed_percent(k, n), np.nan),
            "low": np.where(n > 0, 100 * part["low"], np.nan),
            "high": np.where(n > 0, 100 * part["high"], np.nan),
            **{name: getattr(test, name)[:, None, None] for name in ("statistic", "df", "p_value")},
            "stars": part["stars"][:, None, None],
            **{
                f"trend_{name}": trend[at][:, None, None]
                for at, name in enumerate(("statistic", "df", "p_value"))
            },
            "contrast": CONTRASTS.index(contrast_name(split, False)),
            "method": np.where(np.isnan(test.p_value), -1, test.few_expected)[:, None, None],
            "interval_method": np.where(n > 0, 0, -1),
            "confidence": confidence,
            "reason": reason,
            "expected": test.expected[:, None, None],
            "reliability": part["reliability"][..., None],
            "not_answered": np.nan if missing is None else missing[..., None],
        }
        for name, values in found.items():
            columns[name].append(np.broadcast_to(values, shape).reshape(units, -1))
    joined = {
        name: np.concatenate(values, axis=1).ravel() if values else np.zeros(0)
        for name, values in columns.items()
    }
    dictionaries = {
        "unit": counts.units,
        "breakdown": tuple(s.key for s in counts.splits),
        "question": tuple(q.id for q in asked),
        "group": labels,
        "level": every,
        "stars": STARS,
        "contrast": CONTRASTS,
        "method": _METHODS,
        "interval_method": ("wilson",),
        "reason": LevelReason.texts(),
        "reliability": RELIABILITY,
    }
    arrays = []
    for field in SCHEMA:
        values = joined[field.name]
        if field.name in dictionaries:
            kind = np.int16 if field.type == _KEY else np.int8
            array = _arrow.dictionary(values.astype(kind), dictionaries[field.name])
        elif field.type == pa.bool_():
            array = pa.array(values.astype(np.bool_))
        elif field.type == pa.float64():
            array = _arrow.floats(values.astype(np.float64))
        else:
            numbers = values.astype(np.float64)
            array = pa.array(numbers, pa.float64(), from_pandas=True).cast(field.type)
        arrays.append(array)
    schema = SCHEMA.with_metadata(dict(counts.metadata)) if counts.metadata else SCHEMA
    return pa.Table.from_arrays(arrays, schema=schema)
