"""The reports of all units and of all together by other means; see `benchmarks.peers`.

Every peer takes the Arrow table and gives a frame of its own kind with a row for every unit,
breakdown, question and group; those of all units together are under ``all``. Nobody counts
the cases twice: what all units have is the sum of what each has, except in the plain loop, which
makes report after report.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pyarrow as pa
import scipy.special
import scipy.stats

from benchmarks.cubes import ALL, SIDES, added_up, cube_of, cube_report
from benchmarks.peers import (
    CONNECTION,
    SUBSET,
    Peer,
    pandas_frame,
    pandas_report,
    pearson,
    polars_aggregates,
)

__all__ = [
    "UNIT_PEERS",
    "duckdb_once",
    "duckdb_units",
    "polars_once",
    "polars_units",
]

# pandas --------------------------------------------------------------------------------------


def pandas_loop(table: pa.Table, questions: Sequence[str]) -> pa.Table:
    """Make one report after the other, each with a loop over its contingency tables."""
    frame = pandas_frame(table, questions)
    parts = [*frame.groupby("unit", observed=True), (ALL, frame)]
    found = [pandas_report(part, questions).assign(unit=unit) for unit, part in parts]
    return pa.Table.from_pandas(pd.concat(found, ignore_index=True))


def pandas_vectorised(table: pa.Table, questions: Sequence[str]) -> pa.Table:
    """Group by unit and each breakdown, all questions at once, and one call for all p-values."""
    frame = pandas_frame(table, questions)
    asked = list(questions)
    everyone = frame.groupby("unit", observed=True)[asked]
    units = everyone.sum().index
    whole = np.stack([everyone.sum().to_numpy(), everyone.count().to_numpy()])
    shape = (2, len(units), 2, len(asked))
    parts = []
    for breakdown, *groups in SIDES:
        grouped = frame.groupby(["unit", breakdown], observed=True)[asked]
        wanted = pd.MultiIndex.from_product([units, groups])
        both = [
            c.reindex(wanted, fill_value=0).to_numpy() for c in (grouped.sum(), grouped.count())
        ]
        counts = np.stack(both).reshape(shape)
        if breakdown == SUBSET[0]:
            counts[:, :, 1] = whole
        parts.append(counts)
    cube = np.stack(parts, axis=2)
    return cube_report(cube, [str(u) for u in units], asked)


# polars --------------------------------------------------------------------------------------


def _lazy_counts(frame: Any, questions: Sequence[str]) -> list[pl.LazyFrame]:
    """One query a breakdown, and one for everyone."""
    unit = pl.col("unit").cast(pl.String)
    aggregates = polars_aggregates(questions)
    queries = [
        frame.group_by(unit, pl.col(b).cast(pl.String).alias("group")).agg(aggregates)
        for b, *_ in SIDES
    ]
    everyone = frame.group_by(unit).agg(pl.lit(SUBSET[2]).alias("group"), *aggregates)
    return [*queries, everyone]


def polars_units(frame: Any, questions: Sequence[str], engine: Any = "auto") -> pa.Table:
    """Lazy queries by unit and breakdown, run together; then expressions all the way."""
    keys = [*(b for b, *_ in SIDES), SUBSET[0]]
    wides = pl.collect_all(_lazy_counts(frame, questions), engine=engine)
    long = pl.concat([_long(b, wide, questions) for b, wide in zip(keys, wides, strict=True)])
    total = long.group_by("breakdown", "question", "group").agg(
        pl.lit(ALL).alias("unit"), pl.col("k", "n").sum()
    )
    long = pl.concat([long, total.select(long.columns)])
    sides = [
        long.join(
            pl.DataFrame({"breakdown": [s[0] for s in SIDES], "group": [s[i] for s in SIDES]}),
            on=["breakdown", "group"],
        )
        for i in (1, 2)
    ]
    subset = (pl.col("breakdown") == SUBSET[0]).cast(pl.Float64)
    rest_k, rest_n = pl.col("k_2") - subset * pl.col("k"), pl.col("n_2") - subset * pl.col("n")
    pairs = (
        sides[0]
        .join(sides[1], on=["unit", "breakdown", "question"], suffix="_2")
        .with_columns(statistic=pearson(pl.col("k"), pl.col("n"), rest_k, rest_n))
    )
    p_value = scipy.special.erfc(np.sqrt(pairs["statistic"].to_numpy() / 2))
    pairs = pairs.with_columns(p_value=p_value)
    same = ("unit", "breakdown", "question")
    shown = [
        pairs.select(*same, group="group" + s, k="k" + s, n="n" + s, p_value="p_value")
        for s in ("", "_2")
    ]
    return pl.concat(shown).with_columns(percent=100 * pl.col("k") / pl.col("n")).to_arrow()


def _long(breakdown: str, wide: pl.DataFrame, questions: Sequence[str]) -> pl.DataFrame:
    index = ["unit", "group"]
    k = wide.unpivot([f"k_{q}" for q in questions], index=index, value_name="k")
    n = wide.unpivot([f"n_{q}" for q in questions], index=index, value_name="n")
    return k.select(
        "unit",
        pl.lit(breakdown).alias("breakdown"),
        pl.col("variable").str.slice(2).alias("question"),
        "group",
        pl.col("k").cast(pl.Float64),
        n["n"].cast(pl.Float64),
    )


def polars_units_numpy(frame: pl.DataFrame, questions: Sequence[str]) -> pa.Table:
    """Polars counts group by group, not lazily, and NumPy does the rest.

    To optimise a lazy query of 150 aggregates takes longer than to run it on a few cases.
    """
    aggregates = polars_aggregates(questions)
    found = {}
    for breakdown, *groups in SIDES:
        wide = frame.group_by("unit", breakdown).agg(aggregates)
        for group in groups:
            part = (
                wide.filter(pl.col(breakdown) == group)
                if group != SUBSET[2]
                else (frame.group_by("unit").agg(aggregates))
            )
            found[breakdown, group] = part["unit"].to_list(), _figures(part, questions)
    units = sorted(found[SUBSET[0], SUBSET[2]][0])
    return cube_report(cube_of(found, units, len(questions)), units, questions)


def polars_once(frame: Any, questions: Sequence[str], engine: Any = "auto") -> pa.Table:
    """One query, the quickest that was found: by all characteristics at once.

    NumPy adds up what it leaves. Few cases are alike in every characteristic, but there are
    no more kinds of them than the characteristics allow, however many cases there are.
    """
    breakdowns = [b for b, *_ in SIDES]
    wide = (
        frame.group_by("unit", *breakdowns).agg(polars_aggregates(questions)).collect(engine=engine)
    )
    unit = wide["unit"].cast(pl.String).to_numpy()
    labels = {b: wide[b].cast(pl.String).to_numpy() for b in breakdowns}
    return added_up(unit, labels, _figures(wide, questions), questions)


def _figures(wide: pl.DataFrame, questions: Sequence[str]) -> npt.NDArray[Any]:
    return wide.select(pl.col(f"{c}_{q}" for c in "kn" for q in questions)).to_numpy()


# DuckDB --------------------------------------------------------------------------------------


def _aggregates(questions: Sequence[str]) -> str:
    sums = (f'coalesce(sum("{q}"::int), 0)::bigint' for q in questions)
    counts = (f'count("{q}")' for q in questions)
    return ", ".join([*sums, *counts])


def _columns(query: str) -> list[npt.NDArray[Any]]:
    found = CONNECTION.execute(query).fetchnumpy().values()
    return [np.ma.filled(c.astype(object), "") if c.dtype.kind == "O" else c for c in found]


def duckdb_units(source: str, questions: Sequence[str]) -> pa.Table:
    """One query with a grouping set a breakdown, and NumPy for the rest.

    ``source`` is what stands after FROM.
    """
    breakdowns = [b for b, *_ in SIDES]
    keys = ", ".join(f"{b}::varchar" for b in breakdowns)
    sets = ", ".join(f"(unit, {b})" for b in breakdowns)
    unit_of, collapsed, group_of, *counted = _columns(
        f"select unit::varchar, grouping_id({', '.join(breakdowns)}), coalesce({keys}), "
        f"{_aggregates(questions)} from {source} group by grouping sets ({sets}, (unit))"
    )
    figures = np.stack(counted, axis=1)
    everything = (1 << len(breakdowns)) - 1
    found = {}
    for b, (breakdown, *groups) in enumerate(SIDES):
        # The one bit that is not set names the breakdown, the first being the highest.
        bits = everything ^ (1 << (len(breakdowns) - 1 - b))
        for group in groups:
            whole = (breakdown, group) == (SUBSET[0], SUBSET[2])
            chosen = collapsed == everything if whole else (collapsed == bits) & (group_of == group)
            found[breakdown, group] = unit_of[chosen], figures[chosen]
    units = sorted(set(unit_of.tolist()))
    return cube_report(cube_of(found, units, len(questions)), units, questions)


def duckdb_once(source: str, questions: Sequence[str]) -> pa.Table:
    """One query by all characteristics at once, which NumPy adds up."""
    breakdowns = [b for b, *_ in SIDES]
    keys = ", ".join(f"{b}::varchar" for b in breakdowns)
    unit, *found = _columns(
        f"select unit::varchar, {keys}, {_aggregates(questions)} from {source} group by all"
    )
    labels = dict(zip(breakdowns, found, strict=False))
    return added_up(unit, labels, np.stack(found[len(breakdowns) :], axis=1), questions)


def _duckdb_from(query: Any) -> Peer:
    def peer(table: pa.Table, questions: Sequence[str]) -> pa.Table:
        CONNECTION.register("cases", table)
        return query("cases", questions)

    return peer


def _from_arrow(query: Any, *, lazy: bool = True) -> Peer:
    def peer(table: pa.Table, questions: Sequence[str]) -> pa.Table:
        frame: Any = pl.from_arrow(table)
        return query(frame.lazy() if lazy else frame, questions)

    return peer


UNIT_PEERS: Final[dict[str, Peer]] = {
    "pandas, chi2_contingency in a loop": pandas_loop,
    "pandas, vectorised": pandas_vectorised,
    "polars, lazy": _from_arrow(polars_units),
    "polars and NumPy": _from_arrow(polars_units_numpy, lazy=False),
    "polars, one query and NumPy": _from_arrow(polars_once),
    "DuckDB": _duckdb_from(duckdb_units),
    "DuckDB, one group by and NumPy": _duckdb_from(duckdb_once),
}
