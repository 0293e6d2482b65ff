"""Draws laid out as the rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.kernel.bootstrap import spread
from omistats.resampling.domains import Domains
from omistats.resampling.estimators import Estimator

__all__ = ["Block", "columns_of", "labels_of"]

Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class Block:
    """Estimates of a unit, or of all together.

    Attributes
    ----------
    unit : str
        Which.
    observed, counts : ndarray of float64, shape (domains, ids), (domains, 2 * ids)
        Percentages of the cases themselves, and their sufficient and applicable answers.
    percent : ndarray of float64, shape (draws, domains, ids)
        Percentages in every draw.
    """

    unit: str
    observed: Floats
    counts: Floats
    percent: Floats


def columns_of(
    block: Block, estimator: Estimator, domains: Domains, confidence: float
) -> tuple[str, dict[str, npt.NDArray[Any]]]:
    """Lay out the numbers of a unit, row by row."""
    width, reported = len(estimator.ids), len(domains.labels)
    domain, place = domains.rows(width)
    counts = block.counts.astype(np.int64)
    found = spread(block.percent[:, :reported], confidence)
    pair = domains.first >= 0
    apart = np.full((reported, width), np.nan)
    apart[pair] = block.observed[domains.first[pair]] - block.observed[domains.second[pair]]
    between = {name: np.full((reported, width), np.nan) for name in ("se", "low", "high")}
    # The groups of a breakdown share their difference.
    for a in np.unique(domains.first[pair]).tolist():
        b = int(domains.second[a])
        drawn = spread(block.percent[:, a] - block.percent[:, b], confidence)
        for name, values in between.items():
            values[domains.first == a] = getattr(drawn, name)
    arrays = {
        "k": counts[:, :width],
        "n": counts[:, width:],
        "percent": block.observed,
        "se": found.se,
        "low": found.low,
        "high": found.high,
        "difference": apart,
        **{f"difference_{name}": values for name, values in between.items()},
        "undefined": found.undefined,
    }
    return block.unit, {name: array[domain, place] for name, array in arrays.items()}


def labels_of(
    units: list[str], ids: tuple[str, ...], domains: Domains, kind: str
) -> dict[str, pa.Array]:
    """Give the columns that say what each row is of."""
    domain, place = domains.rows(len(ids))
    keys = [name for name, _ in domains.labels]
    groups = [name for _, name in domains.labels]
    columns: dict[str, tuple[Sequence[str | None], npt.NDArray[np.intp]]]
    columns = {"unit": (units, np.repeat(np.arange(len(units)), len(domain)))}
    columns["breakdown"] = (keys, np.tile(domain, len(units)))
    columns[kind] = (ids, np.tile(place, len(units)))
    columns["group"] = (groups, np.tile(domain, len(units)))
    out = {}
    for name, (labels, at) in columns.items():
        names = list(dict.fromkeys(x for x in labels if x is not None))
        codes = np.array(
            [-1 if label is None else names.index(label) for label in labels], np.int16
        )
        out[name] = _arrow.dictionary(codes[at], names)
    return out
