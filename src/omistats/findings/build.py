"""From arrays of numbers to the long table of findings."""

from __future__ import annotations

from collections.abc import Sequence
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


Rows = npt.NDArray[np.int64]


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
    lay = _Rows(counts.splits, len(counts.units), len(counts.questions))
    by_group, by_split = lay.by_group, lay.by_split
    unit, breakdown, question, group, contrast = _keys(
        counts.units, counts.splits, counts.questions, inference.complement == "known"
    )
    floats = _Nulls()
    k, n = by_group(counts.k), by_group(counts.n)
    percent, shown = by_group(results.percent), None
    # Answers that weigh nothing give no percentage either.
    none = np.isnan(percent)
    some = ~none
    if results.withheld is not None:
        none &= (shown := ~by_group(results.withheld))
    low = by_group(results.low)
    bounded = ~np.isnan(low)
    why = by_split(results.reason)
    np.copyto(why, FindingReason.NO_ANSWERS, where=none)
    if inference.is_design_based:
        bare = (why < 0) & some & ~bounded
        inside = (percent[bare] > 0) & (percent[bare] < 100)
        at_bounds = FindingReason.NO_INTERVAL_AT_BOUNDS
        why[bare] = np.where(inside, FindingReason.NO_DF, at_bounds)
    policy = inference.small_numbers
    printed = (
        printed_percent(k, n).astype(np.int8)
        if results.printed is None
        else by_group(results.printed)
    )
    of_interval = f"{inference.interval}-t" if inference.is_design_based else inference.interval
    arrays = [
        unit,
        breakdown,
        question,
        group,
        pa.array(k) if shown is None else _arrow.primitive(k, shown),
        pa.array(n),
        floats.array(percent, some),
        floats.array(printed, some),
        floats.array(low, bounded),
        floats.array(by_group(results.high)),
        floats.array(by_split(results.statistic)),
        floats.array(by_split(results.df)),
        floats.array(by_split(results.p_value)),
        _arrow.dictionary(by_split(results.stars), STARS),
        contrast,
        _arrow.dictionary(by_split(results.method), results.methods),
        _arrow.dictionary(_same(len(k), 0), (of_interval,), some & bounded),
        pa.array(_same(len(k), inference.confidence)),
        _arrow.dictionary(why, FindingReason.texts()),
        floats.array(by_split(results.expected)),
        _arrow.dictionary(
            policy.graded(n, by_split(policy.expects_few(results.expected))), RELIABILITY
        ),
    ]
    schema = SCHEMA
    for laid, columns in ((by_group, results.of_groups), (by_split, results.of_splits)):
        for name, values in columns.items():
            schema = schema.append(pa.field(name, pa.float64()))
            arrays.append(floats.array(laid(values)))
    # What the cases say of themselves goes where their figures go.
    if counts.metadata:
        schema = schema.with_metadata(dict(counts.metadata))
    return pa.Table.from_arrays(arrays, schema=schema)


class _Nulls:
    """Makes Arrow arrays; columns that are null in the same rows share one bitmap."""

    def __init__(self) -> None:
        self._seen: list[tuple[npt.NDArray[np.bool_], pa.Buffer | None]] = []

    def array(
        self, values: npt.NDArray[Any], valid: npt.NDArray[np.bool_] | None = None
    ) -> pa.Array:
        """Build an array, null where values are not valid, or NaN."""
        if valid is None:
            valid = ~np.isnan(values)
        for flags, bits in self._seen:
            if flags is valid or np.array_equal(flags, valid):
                return _arrow.with_bits(values, bits)
        bits = _arrow.null_bits(valid)
        self._seen.append((valid, bits))
        return _arrow.with_bits(values, bits)


@lru_cache(maxsize=32)
def _same(rows: int, value: float) -> npt.NDArray[Any]:
    """Repeat a value, a code where it is a whole number; the array is shared."""
    out = np.full(rows, value, np.int8 if isinstance(value, int) else np.float64)
    out.flags.writeable = False
    return out


class _Rows:
    """Lays arrays by unit, group or split, and question out as rows in printed order."""

    def __init__(self, splits: tuple[GroupSpec, ...], units: int, questions: int) -> None:
        self._shape = units, len(splits), questions
        widths = {len(s.groups) for s in splits}
        self._width = widths.pop() if len(widths) == 1 else 0
        if not self._width:
            group, split, question = _layout(splits, questions)
            self._of_group = group * questions + question
            self._of_split = split * questions + question

    def by_group(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Lay out what every group has."""
        units, splits, questions = self._shape
        if not self._width:
            return values.reshape(units, -1).take(self._of_group, axis=1).ravel()
        # Breakdowns of one number of groups: only two axes change places.
        parts = values.reshape(units, splits, self._width, questions)
        out = np.empty((units, splits, questions, self._width), values.dtype)
        for g in range(self._width):
            out[..., g] = parts[:, :, g]
        return out.ravel()

    def by_split(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Lay out what every comparison has, once a group."""
        if not self._width:
            return values.reshape(self._shape[0], -1).take(self._of_split, axis=1).ravel()
        out = np.empty((*values.shape, self._width), values.dtype)
        for g in range(self._width):
            out[..., g] = values
        return out.ravel()


# The same report is made again and again: its rows and their labels are kept.
@lru_cache(maxsize=16)
def _keys(
    units: tuple[str, ...], splits: tuple[GroupSpec, ...], questions: tuple[str, ...], known: bool
) -> tuple[pa.Array, ...]:
    """Make the columns that do not depend on the counts: four labels and the contrast."""
    group_row, split_row, question_row = _layout(splits, len(questions))
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
def _layout(splits: tuple[GroupSpec, ...], questions: int) -> tuple[Rows, Rows, Rows]:
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
