"""Build the table of findings from the results of an inference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.breakdowns.groups import CONTRASTS, GroupSpec, contrast_name
from omistats.counting.tally import Tally
from omistats.inference.options import Inference
from omistats.inference.results import FindingReason, Results
from omistats.kernel.chi_square import STARS
from omistats.kernel.rounding import printed_percent
from omistats.kernel.small_numbers import RELIABILITY

__all__ = ["assemble"]


Places = npt.NDArray[np.int64]

_KEY = pa.dictionary(pa.int16(), pa.string())
_NOTE = pa.dictionary(pa.int8(), pa.string())

SCHEMA = pa.schema(
    [
        *((name, _KEY) for name in ("unit", "breakdown", "question", "group")),
        *((name, pa.int64()) for name in ("k", "n")),
        ("percent", pa.float64()),
        ("printed", pa.int8()),
        *((name, pa.float64()) for name in ("low", "high", "statistic", "df", "p_value")),
        *((name, _NOTE) for name in ("stars", "contrast", "method", "interval_method")),
        ("confidence", pa.float64()),
        ("reason", _NOTE),
        ("expected", pa.float64()),
        ("reliability", _NOTE),
    ]
)
"""The columns that all findings have. What was not answered, where cases can say so, effects and
adjusted p-values follow them."""


def assemble(counts: Tally, results: Results, inference: Inference) -> pa.Table:
    """Build the table: one row a unit x breakdown x question x group."""
    rows = _Rows(counts.splits, len(counts.units), len(counts.questions))
    by_group, by_comparison = rows.by_group, rows.by_comparison
    unit, breakdown, question, group, contrast = _label_columns(
        counts.units, counts.splits, counts.questions, inference.complement == "known"
    )
    floats = _Nulls()
    k, n = by_group(counts.k), by_group(counts.n)
    percent, published = by_group(results.percent), None
    # NaN also where all answers have weight 0.
    no_percent = np.isnan(percent)
    has_percent = ~no_percent
    no_answers = no_percent
    if results.suppressed is not None:
        published = ~by_group(results.suppressed)
        no_answers = no_percent & published
    low = by_group(results.low)
    has_interval = ~np.isnan(low)
    reason = by_comparison(results.reason)
    np.copyto(reason, FindingReason.NO_ANSWERS, where=no_answers)
    few_effective = None
    if inference.is_design_based:
        np.copyto(reason, FindingReason.NO_WEIGHT, where=no_answers & (n > 0))
        no_interval = (reason < 0) & has_percent & ~has_interval
        unknown = np.isnan(by_group(results.group_columns["se"])[no_interval])
        reason[no_interval] = np.where(unknown, FindingReason.LONELY_CLUSTER, FindingReason.NO_DF)
        if results.one_cluster is not None:
            alone = no_interval & by_group(results.one_cluster)
            reason[alone] = FindingReason.ONE_CLUSTER
            reason[alone & (n == 1)] = FindingReason.ONE_CASE
    if results.few_effective is not None:
        few_effective = by_comparison(results.few_effective)
    policy = inference.small_numbers
    printed = (
        printed_percent(k, n).astype(np.int8)
        if results.printed is None
        else by_group(results.printed)
    )
    intervals: tuple[str, ...] = (inference.interval,)
    interval = _constant(len(k), 0)
    if results.interval_method is not None:
        intervals, interval = results.interval_methods, by_group(results.interval_method)
    arrays = [
        unit,
        breakdown,
        question,
        group,
        pa.array(k) if published is None else _arrow.primitive(k, published),
        pa.array(n),
        floats.array(percent, has_percent),
        floats.array(printed, has_percent),
        floats.array(low, has_interval),
        floats.array(by_group(results.high)),
        floats.array(by_comparison(results.statistic)),
        floats.array(by_comparison(results.df)),
        floats.array(by_comparison(results.p_value)),
        _arrow.dictionary(by_comparison(results.stars), STARS),
        contrast,
        _arrow.dictionary(by_comparison(results.method), results.methods),
        _arrow.dictionary(interval, intervals, has_percent & has_interval),
        pa.array(_constant(len(k), inference.confidence)),
        _arrow.dictionary(reason, FindingReason.texts()),
        floats.array(by_comparison(results.expected)),
        _arrow.dictionary(
            policy.judge_unchecked(
                n, by_comparison(policy.expects_few(results.expected)), few_effective
            ),
            RELIABILITY,
        ),
    ]
    schema = SCHEMA
    if counts.not_answered is not None:
        schema = schema.append(pa.field("not_answered", pa.int64()))
        not_answered = by_group(counts.not_answered)
        arrays.append(
            pa.array(not_answered)
            if published is None
            else _arrow.primitive(not_answered, published)
        )
    for layout, columns in (
        (by_group, results.group_columns),
        (by_comparison, results.comparison_columns),
    ):
        for name, values in columns.items():
            schema = schema.append(pa.field(name, pa.float64()))
            arrays.append(floats.array(layout(values)))
    # Findings of synthetic cases stay marked as such.
    if counts.metadata:
        schema = schema.with_metadata(dict(counts.metadata))
    return pa.Table.from_arrays(arrays, schema=schema)


def rows_of_groups(
    counts: Tally, figures: Mapping[str, npt.NDArray[Any]]
) -> dict[str, npt.NDArray[Any]]:
    """Lay figures of shape (units, groups, questions) out as the rows of the table."""
    rows = _Rows(counts.splits, len(counts.units), len(counts.questions))
    return {name: rows.by_group(values) for name, values in figures.items()}


class _Nulls:
    """Builder of Arrow arrays; columns that are null in the same rows share one bitmap."""

    def __init__(self) -> None:
        self._seen: list[tuple[npt.NDArray[np.bool_], pa.Buffer | None]] = []

    def array(
        self, values: npt.NDArray[Any], valid: npt.NDArray[np.bool_] | None = None
    ) -> pa.Array:
        """Build an array, null where not valid; by default where NaN."""
        if valid is None:
            valid = ~np.isnan(values)
        for flags, bits in self._seen:
            if flags is valid or np.array_equal(flags, valid):
                return _arrow.with_bits(values, bits)
        bits = _arrow.null_bits(valid)
        self._seen.append((valid, bits))
        return _arrow.with_bits(values, bits)


@lru_cache(maxsize=32)
def _constant(rows: int, value: float) -> npt.NDArray[Any]:
    """Repeat a value: an int is a code (int8), a float a figure; callers share the array."""
    out = np.full(rows, value, np.int8 if isinstance(value, int) else np.float64)
    out.flags.writeable = False
    return out


class _Rows:
    """Order of the rows: unit, breakdown, question, group."""

    def __init__(self, splits: tuple[GroupSpec, ...], units: int, questions: int) -> None:
        self._shape = units, len(splits), questions
        widths = {len(s.groups) for s in splits}
        self._width = widths.pop() if len(widths) == 1 else 0
        if not self._width:
            group, split, question = _row_places(splits, questions)
            self._group_places = group * questions + question
            self._comparison_places = split * questions + question

    def by_group(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Flatten an array of shape (units, groups, questions) to one value a row."""
        units, splits, questions = self._shape
        if not self._width:
            return values.reshape(units, -1).take(self._group_places, axis=1).ravel()
        # Breakdowns with equal numbers of groups: swapping two axes is faster.
        parts = values.reshape(units, splits, self._width, questions)
        out = np.empty((units, splits, questions, self._width), values.dtype)
        for g in range(self._width):
            out[..., g] = parts[:, :, g]
        return out.ravel()

    def by_comparison(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Flatten an array of shape (units, splits, questions), repeated for every group."""
        if not self._width:
            return values.reshape(self._shape[0], -1).take(self._comparison_places, axis=1).ravel()
        out = np.empty((*values.shape, self._width), values.dtype)
        for g in range(self._width):
            out[..., g] = values
        return out.ravel()


# Cached, because the same report is often made repeatedly.
@lru_cache(maxsize=16)
def _label_columns(
    units: tuple[str, ...], splits: tuple[GroupSpec, ...], questions: tuple[str, ...], known: bool
) -> tuple[pa.Array, ...]:
    """Build the columns that do not depend on the counts: four labels and the contrast."""
    group_row, split_row, question_row = _row_places(splits, len(questions))
    labels = tuple(dict.fromkeys(g for s in splits for g in s.groups))
    place = {label: i for i, label in enumerate(labels)}
    group = np.array([place[g] for s in splits for g in s.groups])[group_row]
    contrast = np.array([CONTRASTS.index(contrast_name(s, known)) for s in splits])[split_row]
    unit = np.repeat(np.arange(len(units), dtype=np.int16), len(group_row))
    by_unit: list[tuple[npt.NDArray[Any], Sequence[str], type[np.signedinteger]]] = [
        (split_row, [s.key for s in splits], np.int16),
        (question_row, questions, np.int16),
        (group, labels, np.int16),
        (contrast, CONTRASTS, np.int8),
    ]
    return (
        _arrow.dictionary(unit, units),
        *(
            _arrow.dictionary(np.tile(codes, len(units)).astype(kind), names)
            for codes, names, kind in by_unit
        ),
    )


@lru_cache(maxsize=16)
def _row_places(splits: tuple[GroupSpec, ...], questions: int) -> tuple[Places, Places, Places]:
    """List the places of the group, split and question of every row of one unit."""
    group, split, question = [], [], []
    first = 0
    for i, spec in enumerate(splits):
        width = len(spec.groups)
        group.append(np.tile(np.arange(first, first + width), questions))
        split.append(np.full(width * questions, i))
        question.append(np.repeat(np.arange(questions), width))
        first += width

    def join(parts: Sequence[npt.NDArray[Any]]) -> Places:
        return np.concatenate(parts).astype(np.int64)

    return join(group), join(split), join(question)
