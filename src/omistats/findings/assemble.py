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
from omistats.tallies import Split, Tally

__all__ = ["assemble"]

Rows = npt.NDArray[np.int16]


_CONTRASTS = ("groups", "complement")


def assemble(counts: Tally, results: Results, inference: Inference) -> pa.Table:
    """Lay findings out, one row a unit x breakdown x question x group."""
    group_row, split_row, question_row = _layout(counts.splits, len(counts.questions))
    keys = _keys(counts.units, counts.splits, counts.questions)

    def by_group(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return values[:, group_row, question_row].ravel()

    def by_split(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return values[:, split_row, question_row].ravel()

    k, n = by_group(counts.k), by_group(counts.n)
    blank = n == 0
    why = by_split(results.reason)
    printed = printed_percent(k, n).astype(np.int8)
    columns = {
        **dict(zip(("unit", "breakdown", "question", "group"), keys, strict=False)),
        "k": pa.array(k),
        "n": pa.array(n),
        "percent": _arrow.floats(by_group(results.percent)),
        "printed": pa.array(printed, mask=blank),
        "low": _arrow.floats(by_group(results.low)),
        "high": _arrow.floats(by_group(results.high)),
        "statistic": _arrow.floats(by_split(results.statistic)),
        "df": _arrow.floats(by_split(results.df)),
        "p_value": _arrow.floats(by_split(results.p_value)),
        "stars": _arrow.dictionary(by_split(results.stars), STARS),
        "contrast": keys[-1],
        "method": _constant(inference.test, why < 0),
        "interval_method": _constant(inference.interval, ~blank),
        "confidence": pa.array(np.full(len(k), inference.confidence)),
        "reason": _arrow.dictionary(np.where(blank, np.int8(0), why), REASONS),
    }
    return pa.table(columns)


def _constant(label: str, where: npt.NDArray[np.bool_]) -> pa.Array:
    return _arrow.dictionary(np.zeros(len(where), np.int8), (label,), where)


# The same report is made again and again: its rows and their labels are kept.
@lru_cache(maxsize=16)
def _keys(
    units: tuple[str, ...], splits: tuple[Split, ...], questions: tuple[str, ...]
) -> tuple[pa.Array, ...]:
    """Make the columns that do not depend on the counts: four labels and the contrast."""
    group_row, split_row, question_row = _layout(splits, len(questions))
    labels = tuple(dict.fromkeys(g for s in splits for g in s.groups))
    place = {label: i for i, label in enumerate(labels)}
    group = np.array([place[g] for s in splits for g in s.groups], np.int16)[group_row]
    contrast = np.array([_CONTRASTS.index(s.contrast) for s in splits], np.int8)[split_row]
    unit = np.repeat(np.arange(len(units), dtype=np.int16), len(group_row))
    by_unit: list[tuple[npt.NDArray[Any], Sequence[str]]] = [
        (split_row, [s.key for s in splits]),
        (question_row, questions),
        (group, labels),
        (contrast, _CONTRASTS),
    ]
    return (
        _arrow.dictionary(unit, units),
        *(_arrow.dictionary(np.tile(codes, len(units)), names) for codes, names in by_unit),
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
        return np.concatenate(pieces).astype(np.int16)

    return joined(groups), joined(parts), joined(asked)
