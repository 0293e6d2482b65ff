"""From arrays of numbers to the long table of findings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.inference import REASONS, Inference, Results
from omistats.kernel.rounding import printed_percent
from omistats.kernel.significance import STARS
from omistats.kernel.small_numbers import RELIABILITY
from omistats.tallies import Split, Tally

__all__ = ["assemble"]

Rows = npt.NDArray[np.int64]


# A complement that leaves the unclassified out is another procedure, and says so.
_CONTRASTS = ("groups", "complement", "known complement")

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
"""The columns that all findings have; what was asked for besides follows them."""


def assemble(counts: Tally, results: Results, inference: Inference) -> pa.Table:
    """Lay findings out, one row a unit x breakdown x question x group."""
    group_row, split_row, question_row = _layout(counts.splits, len(counts.questions))
    of_group = group_row * len(counts.questions) + question_row
    of_split = split_row * len(counts.questions) + question_row
    units = len(counts.units)

    def by_group(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return values.reshape(units, -1).take(of_group, axis=1).ravel()

    def by_split(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return values.reshape(units, -1).take(of_split, axis=1).ravel()

    unit, breakdown, question, group, contrast = _keys(
        counts.units, counts.splits, counts.questions, inference.complement == "known"
    )
    k, n = by_group(counts.k), by_group(counts.n)
    percent, shown = by_group(results.percent), None
    # Answers that weigh nothing give no percentage either.
    none = np.isnan(percent)
    some = ~none
    if results.withheld is not None:
        none &= (shown := ~by_group(results.withheld))
    low = by_group(results.low)
    why, expected = by_split(results.reason), by_split(results.expected)
    why = np.where(none, np.int8(0), why)
    if inference.of_design:
        bare = (why < 0) & some & np.isnan(low)
        why[bare] = np.where((percent[bare] > 0) & (percent[bare] < 100), 8, 7)
    policy = inference.small_numbers
    printed = (
        printed_percent(k, n).astype(np.int8)
        if results.printed is None
        else by_group(results.printed)
    )
    of_interval = f"{inference.interval}-t" if inference.of_design else inference.interval
    arrays = [
        unit,
        breakdown,
        question,
        group,
        pa.array(k) if shown is None else _arrow.primitive(k, shown),
        pa.array(n),
        _arrow.floats(percent),
        _arrow.primitive(printed, some),
        _arrow.floats(low),
        _arrow.floats(by_group(results.high)),
        _arrow.floats(by_split(results.statistic)),
        _arrow.floats(by_split(results.df)),
        _arrow.floats(by_split(results.p_value)),
        _arrow.dictionary(by_split(results.stars), STARS),
        contrast,
        _arrow.dictionary(by_split(results.method), results.methods),
        _constant(of_interval, some & ~np.isnan(low)),
        pa.array(np.full(len(k), inference.confidence)),
        _arrow.dictionary(why, REASONS),
        _arrow.floats(expected),
        _arrow.dictionary(policy.judge(n, expected), RELIABILITY),
    ]
    schema = SCHEMA
    for lay, columns in ((by_group, results.of_groups), (by_split, results.of_splits)):
        for name, values in columns.items():
            schema = schema.append(pa.field(name, pa.float64()))
            arrays.append(_arrow.floats(lay(values)))
    # What the cases say of themselves goes where their figures go.
    if counts.metadata:
        schema = schema.with_metadata(dict(counts.metadata))
    return pa.Table.from_arrays(arrays, schema=schema)


def _constant(label: str, where: npt.NDArray[np.bool_]) -> pa.Array:
    return _arrow.dictionary(np.zeros(len(where), np.int8), (label,), where)


# The same report is made again and again: its rows and their labels are kept.
@lru_cache(maxsize=16)
def _keys(
    units: tuple[str, ...], splits: tuple[Split, ...], questions: tuple[str, ...], known: bool
) -> tuple[pa.Array, ...]:
    """Make the columns that do not depend on the counts: four labels and the contrast."""
    group_row, split_row, question_row = _layout(splits, len(questions))
    labels = tuple(dict.fromkeys(g for s in splits for g in s.groups))
    place = {label: i for i, label in enumerate(labels)}
    group = np.array([place[g] for s in splits for g in s.groups])[group_row]
    compared = [_CONTRASTS.index(s.contrast) for s in splits]
    contrast = np.array([c + 1 if known and c else c for c in compared])[split_row]
    unit = np.repeat(np.arange(len(units), dtype=np.int16), len(group_row))
    by_unit: list[tuple[npt.NDArray[Any], Sequence[str], type[np.signedinteger]]] = [
        (split_row, [s.key for s in splits], np.int16),
        (question_row, questions, np.int16),
        (group, labels, np.int16),
        (contrast, _CONTRASTS, np.int8),
    ]
    return (
        _arrow.dictionary(unit, units),
        *(
            _arrow.dictionary(np.tile(codes, len(units)).astype(kind), names)
            for codes, names, kind in by_unit
        ),
    )


@lru_cache(maxsize=16)
def _layout(splits: tuple[Split, ...], questions: int) -> tuple[Rows, Rows, Rows]:
    """Give the group, split and question of every row of one unit, in printed order."""
    groups, parts, asked = [], [], []
    first = 0
    for i, split in enumerate(splits):
        width = len(split.groups)
        groups.append(np.tile(np.arange(first, first + width), questions))
        parts.append(np.full(width * questions, i))
        asked.append(np.repeat(np.arange(questions), width))
        first += width

    def joined(pieces: Sequence[npt.NDArray[Any]]) -> Rows:
        return np.concatenate(pieces).astype(np.int64)

    return joined(groups), joined(parts), joined(asked)
