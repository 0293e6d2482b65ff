"""Sums over the cases that an engine holds, of what scores are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import LEFT_OUT, UNCLASSIFIED, Breakdown
from omistats.engines.checks import check_table
from omistats.engines.grouped import Sums, add_at, answers, batches, sums_of, unit_order
from omistats.engines.sources import agree, open_source
from omistats.model.framework import Framework

__all__ = ["EngineSums", "sum_engine"]

Counts = npt.NDArray[np.int64]


class EngineSums(NamedTuple):
    """Sums by unit.

    Attributes
    ----------
    units : tuple of str
        Units that have cases.
    cases : ndarray of int64, shape (units,)
        Cases of each unit.
    moments : ndarray of int64, shape (units, domains, items, 5)
        Sums of k, n, k², k n and n² over the cases of each domain.
    metadata : dict of bytes to bytes
        That cases are synthetic, if their ids say so.
    """

    units: tuple[str, ...]
    cases: Counts
    moments: Counts
    metadata: dict[bytes, bytes]


def sum_engine(
    source: Any,
    framework: Framework | None,
    splits: tuple[Breakdown, ...],
    items: Mapping[str, Sequence[str]],
    *,
    complement: Literal["all", "known"] = "all",
    check_ids: bool = True,
) -> EngineSums:
    """Sum what each case has of each item, its squares and its products, where the cases are.

    k and n of a case are its sufficient and its applicable answers to the questions of an item.
    The queries and the size of their results are those of `count_engine`, with five numbers an
    item.

    Parameters
    ----------
    source : polars.LazyFrame, duckdb.DuckDBPyRelation or pyspark.sql.DataFrame
        One row a case.
    framework : Framework or None
        What to check the table against.
    splits : tuple of Breakdown
        Breakdowns that read a column, or that have an `expression`; may be none.
    items : mapping of str to sequence of str
        The questions of each item.
    complement : {'all', 'known'}
        Whether cases of unknown characteristic belong to what a subset is compared with.
    check_ids : bool
        Whether ids are looked at.

    Returns
    -------
    EngineSums
        Domains: everyone, the groups of each breakdown, then what the subset of each complement
        is compared with.

    Raises
    ------
    UsageError
        When there is no framework.
    DataError
        When the table breaks rules, which are all listed, or the engine fails.
    """
    import narwhals as nw

    table = open_source(source, framework)
    assert framework is not None  # noqa: S101  # `open_source` refuses None
    used = {q for questions in items.values() for q in questions}
    ids = tuple(id for id in framework.question_ids if id in used)
    checked = check_table(table, framework, splits, ids, check_ids)
    place = {id: i for i, id in enumerate(ids)}
    sides: list[Any] = []
    for i, questions in enumerate(items.values()):
        for word in "kn":
            parts = [f"{word}{place[id]}" for id in questions]
            sides.append(nw.sum_horizontal(*parts).alias(f"item_{word}{i}"))
    products: list[Any] = []
    for i in range(len(items)):
        k, n = nw.col(f"item_k{i}"), nw.col(f"item_n{i}")
        products += [
            value.alias(f"item{i}_{j}") for j, value in enumerate((k, n, k * k, k * n, n * n))
        ]
    values = [f"item{i}_{j}" for i in range(len(items)) for j in range(5)]
    flags = answers(table, ids)
    batched = []
    for batch in batches(checked.labels, checked.units):
        names = ["unit", *(f"{w}{i}" for i in range(len(batch)) for w in ("group", "state"))]
        # Sums of a case first, then their products: an engine adds up bare columns.
        lay = partial(_by_case, names=names, sides=sides, products=products)
        batched.append(sums_of(table, checked, batch, flags, values, by_unit=True, lay=lay))
    agree(table, [part.totals() for part in batched])
    units = unit_order(table, batched[0].units.tolist())
    cases, moments = _domains(batched, units, splits, len(items), complement)
    return EngineSums(units, cases, moments, checked.metadata)


def _by_case(frame: Any, names: list[str], sides: list[Any], products: list[Any]) -> Any:
    """Make the sums and products of each case of its answers."""
    return frame.select(*names, *sides).select(*names, *products)


def _domains(
    parts: list[Sums],
    units: tuple[str, ...],
    splits: tuple[Breakdown, ...],
    items: int,
    complement: str,
) -> tuple[Counts, Counts]:
    """Add the rows of all queries up to domains."""
    groups = sum(len(b.groups) for b in splits)
    complements = sum(b.contrast == "complement" for b in splits)
    moments = np.zeros((len(units), 1 + groups + complements, 5 * items), np.int64)
    cases = np.zeros(len(units), np.int64)
    place = {unit: i for i, unit in enumerate(units)}
    first, extra = 1, 1 + groups
    for number, part in enumerate(parts):
        unit = np.array([place[u] for u in part.units], np.intp)
        if number == 0:
            add_at(cases, unit, part.rows)
            add_at(moments, (unit, 0), part.values)
        for one, codes in zip(part.labels, part.codes, strict=True):
            own = codes >= 0
            add_at(moments, (unit[own], first + codes[own]), part.values[own])
            if one.split.contrast == "complement":
                add_at(moments, (unit, first + 1), part.values)
                outside = codes == LEFT_OUT
                if complement == "all":
                    outside |= codes == UNCLASSIFIED
                add_at(moments, (unit[outside], extra), part.values[outside])
                extra += 1
            first += len(one.split.groups)
    return cases, moments.reshape(len(units), 1 + groups + complements, items, 5)
