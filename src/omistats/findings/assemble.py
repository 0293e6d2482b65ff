"""From arrays of numbers to the long table of findings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.inference import REASONS, Inference, Results
from omistats.kernel.rounding import printed_percent
from omistats.kernel.significance import STARS
from omistats.tallies import Tally

__all__ = ["assemble"]


def assemble(counts: Tally, results: Results, inference: Inference) -> pa.Table:
    """Lay findings out, one row a unit x breakdown x question x group."""
    group_row, split_row, question_row = _layout(counts)
    units, rows = len(counts.units), len(group_row)

    def by_group(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return values[:, group_row, question_row].ravel()

    def by_split(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return values[:, split_row, question_row].ravel()

    def repeat(codes: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
        return np.tile(codes, units)

    k, n = by_group(counts.k), by_group(counts.n)
    printed = printed_percent(k, n)
    blank = n == 0
    reason = np.where(blank, np.int8(0), by_split(results.reason))
    tested = by_split(results.reason) < 0
    labels = tuple(dict.fromkeys(g for s in counts.splits for g in s.groups))
    place = {label: i for i, label in enumerate(labels)}
    group_codes = np.array([place[g] for s in counts.splits for g in s.groups], np.int16)
    contrasts = ("groups", "complement")
    contrast = np.array([contrasts.index(s.contrast) for s in counts.splits], np.int8)
    stars = by_split(results.stars)
    columns = {
        "unit": _arrow.dictionary(np.repeat(np.arange(units, dtype=np.int16), rows), counts.units),
        "breakdown": _arrow.dictionary(repeat(split_row), [s.key for s in counts.splits]),
        "question": _arrow.dictionary(repeat(question_row), counts.questions),
        "group": _arrow.dictionary(repeat(group_codes[group_row]), labels),
        "k": pa.array(k),
        "n": pa.array(n),
        "percent": _floats(by_group(results.percent)),
        "printed": pa.array(printed.astype(np.int8), mask=blank),
        "low": _floats(by_group(results.low)),
        "high": _floats(by_group(results.high)),
        "statistic": _floats(by_split(results.statistic)),
        "df": _floats(by_split(results.df)),
        "p_value": _floats(by_split(results.p_value)),
        "stars": _arrow.dictionary(stars, STARS),
        "contrast": _arrow.dictionary(np.tile(contrast[split_row], units), contrasts),
        "method": _constant(inference.test, tested),
        "interval_method": _constant(inference.interval, ~blank),
        "confidence": pa.array(np.full(len(k), inference.confidence)),
        "reason": _arrow.dictionary(reason, REASONS),
    }
    return pa.table(columns)


def _layout(
    counts: Tally,
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Give the group, split and question of every row of one unit, in printed order."""
    questions = len(counts.questions)
    groups, splits, asked = [], [], []
    for i, split in enumerate(counts.splits):
        width = len(split.groups)
        groups.append(np.tile(np.arange(width) + counts.offsets[i], questions))
        splits.append(np.full(width * questions, i))
        asked.append(np.repeat(np.arange(questions), width))

    def joined(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.int16]:
        return np.concatenate(parts).astype(np.int16)

    return joined(groups), joined(splits), joined(asked)


def _floats(values: npt.NDArray[np.float64]) -> pa.Array:
    return pa.array(values, from_pandas=True)


def _constant(label: str, where: npt.NDArray[np.bool_]) -> pa.Array:
    return _arrow.dictionary(np.where(where, np.int8(0), np.int8(-1)), (label,))
