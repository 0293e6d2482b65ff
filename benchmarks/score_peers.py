"""The same scores in pandas, with the same formula: groupby sums and residual variances.

A peer takes a frame of cases, answers being 1, 0 or NaN, and what feeds what. It gives a
frame ``unit, breakdown, group, item, k, n, percent, se``, with ``breakdown`` and ``group``
empty for all cases of a unit. Peers do not test, and give no intervals or design effects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.peers import PAIRS, SUBSET

__all__ = ["SCORE_PEERS", "Feeds", "ScorePeer", "frame_of"]

Feeds = Mapping[str, Sequence[str]]
"""The questions of every item."""

ScorePeer = Callable[[pd.DataFrame, Feeds], pd.DataFrame]

_TOGETHER: Final = "all"


def frame_of(table: pa.Table, feeds: Feeds) -> pd.DataFrame:
    """Turn Arrow cases into the frame that peers take; labels become categories."""
    asked = {question for questions in feeds.values() for question in questions}
    columns = [
        column.cast(pa.int8()).cast(pa.float64()) if name in asked else column
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    frame: pd.DataFrame = pa.table(columns, names=table.column_names).to_pandas()
    labels = ["unit", *PAIRS, SUBSET[0]]
    return frame.astype(dict.fromkeys(labels, "category"))


def _splits(frame: pd.DataFrame) -> Iterator[tuple[str, tuple[str, ...], pd.Series[Any] | None]]:
    """Give each breakdown's key, its groups, and the group of every case."""
    yield "", ("",), None
    for key, groups in PAIRS.items():
        yield key, groups, frame[key].where(frame[key].isin(groups))
    key, subset, everyone = SUBSET
    yield key, (subset,), frame[key].where(frame[key] == subset)
    yield key, (everyone,), None


def pandas_by_item(frame: pd.DataFrame, feeds: Feeds) -> pd.DataFrame:
    """Group once a breakdown, then one item at a time; residuals are vectorised."""
    unit, parts = frame["unit"], []
    size = unit.value_counts().astype(float)
    k = {item: frame[list(questions)].sum(axis=1) for item, questions in feeds.items()}
    n = {item: frame[list(questions)].count(axis=1) for item, questions in feeds.items()}
    for breakdown, groups, of_case in _splits(frame):
        group = pd.Series(groups[0], frame.index) if of_case is None else of_case
        inside = group.notna()
        own, of_unit = group[inside], unit[inside]
        cells = [of_unit, own.rename("group")]
        for item in feeds:
            cases = pd.DataFrame({"k": k[item][inside], "n": n[item][inside]})
            counts = cases.groupby(cells, observed=True).sum()
            m = counts.index.get_level_values("unit").map(size).to_numpy(np.float64)
            for together in (False, True):
                found = counts.groupby("group", observed=True).sum() if together else counts
                keys = pd.Index(own) if together else pd.MultiIndex.from_arrays(cells)
                of_group = found.reindex(keys).to_numpy()
                with np.errstate(invalid="ignore"):
                    z = cases["k"] - of_group[:, 0] / of_group[:, 1] * cases["n"]
                    z = z / of_group[:, 1]
                residuals = pd.DataFrame({"z": z, "zz": z * z})
                sums = residuals.groupby(cells, observed=True).sum()
                variance = m / (m - 1) * (sums["zz"] - sums["z"] ** 2 / m)
                if together:
                    variance = variance.groupby("group", observed=True).sum()
                part = found.assign(variance=variance).reset_index()
                if together:
                    part["unit"] = _TOGETHER
                parts.append(part.assign(breakdown=breakdown, item=item))
    found = pd.concat(parts, ignore_index=True)
    found["percent"] = 100 * found["k"] / found["n"]
    found["se"] = 100 * np.sqrt(found.pop("variance").where(found["n"] > 0))
    return found


def pandas_vectorised(frame: pd.DataFrame, feeds: Feeds) -> pd.DataFrame:
    """All items at once: as many columns as items, and a matrix product to fill them."""
    asked = list(dict.fromkeys(q for questions in feeds.values() for q in questions))
    items = list(feeds)
    fed = np.array([[q in feeds[item] for item in items] for q in asked], np.float64)
    answers = frame[asked].to_numpy()
    applicable = ~np.isnan(answers)
    k = pd.DataFrame(np.where(applicable, answers, 0.0) @ fed, frame.index, items)
    n = pd.DataFrame(applicable @ fed, frame.index, items)
    unit, parts = frame["unit"], []
    size = unit.value_counts().astype(float)
    for breakdown, groups, of_case in _splits(frame):
        group = pd.Series(groups[0], frame.index) if of_case is None else of_case
        inside = group.notna()
        kk, nn, own, of_unit = k[inside], n[inside], group[inside], unit[inside]
        cells = [of_unit, own.rename("group")]
        sums_k = kk.groupby(cells, observed=True).sum()
        sums_n = nn.groupby(cells, observed=True).sum()
        m = sums_k.index.get_level_values("unit").map(size).to_numpy(np.float64)[:, np.newaxis]
        for together in (False, True):
            top, bottom = sums_k, sums_n
            if together:
                top, bottom = (s.groupby("group", observed=True).sum() for s in (top, bottom))
            keys = pd.Index(own) if together else pd.MultiIndex.from_arrays([of_unit, own])
            at = top.index.get_indexer(keys)
            tops, bottoms = top.to_numpy(), bottom.to_numpy()
            with np.errstate(invalid="ignore"):
                z = (kk - (tops / bottoms)[at] * nn) / bottoms[at]
            first = z.groupby(cells, observed=True).sum()
            second = (z * z).groupby(cells, observed=True).sum()
            variance = m / (m - 1) * (second - first**2 / m)
            if together:
                variance = variance.groupby("group", observed=True).sum()
            with np.errstate(invalid="ignore"):
                percent = 100 * top / bottom
            # Nothing applicable sums to 0, which is no standard error.
            se = 100 * np.sqrt(variance.where(bottom > 0))
            figures = {"k": top, "n": bottom, "percent": percent, "se": se}
            part = pd.concat({name: f.stack() for name, f in figures.items()}, axis=1)
            part = part.rename_axis([*top.index.names, "item"]).reset_index()
            if together:
                part["unit"] = _TOGETHER
            parts.append(part.assign(breakdown=breakdown))
    return pd.concat(parts, ignore_index=True)


SCORE_PEERS: Final[dict[str, ScorePeer]] = {
    "pandas, item by item": pandas_by_item,
    "pandas, all items at once": pandas_vectorised,
}
