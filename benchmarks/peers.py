"""The same report by other means, each as its experienced users would write it.

Every peer takes the Arrow table and gives a frame of its own kind with a row for every
breakdown, question and group: ``breakdown, question, group, k, n, percent, p_value``.
Where a peer has several ways of reading Arrow or of writing the query, this is the fastest
that was found; the ordinary way stands beside it where it is the more usual.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import scipy.special
import scipy.stats
from statsmodels.stats.proportion import proportions_chisquare

__all__ = [
    "CONNECTION",
    "PAIRS",
    "PEERS",
    "SUBSET",
    "Peer",
    "pandas_frame",
    "pandas_report",
    "pearson",
    "polars_aggregates",
]

Peer = Callable[[pa.Table, Sequence[str]], Any]

PAIRS: Final = {
    "supervision_type": ("community order", "licence"),
    "gender": ("male", "female"),
    "ethnicity": ("white", "BME"),
    "disability": ("yes", "no"),
    "age_group": ("17-24", "25+"),
}
"""Breakdowns whose two groups are compared with each other."""

SUBSET: Final = ("risk_of_harm", "high", "all")
"""The breakdown that reports a subset beside all cases and tests it against the rest."""


def pandas_frame(table: pa.Table, questions: Sequence[str]) -> pd.DataFrame:
    # Booleans with nulls would become Python objects, which pandas adds up slowly.
    asked = set(questions)
    columns = [
        column.cast(pa.int8()).cast(pa.float64()) if name in asked else column
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    frame: pd.DataFrame = pa.table(columns, names=table.column_names).to_pandas()
    return frame


def pandas_loop(table: pa.Table, questions: Sequence[str]) -> pd.DataFrame:
    """Group by each breakdown, then one contingency table a question."""
    return pandas_report(pandas_frame(table, questions), questions)


def _chi2_contingency(observed: Any) -> float:
    return float(scipy.stats.chi2_contingency(observed, correction=False).pvalue)


def pandas_report(
    frame: pd.DataFrame,
    questions: Sequence[str],
    test: Callable[[Any], float] = _chi2_contingency,
) -> pd.DataFrame:
    """One report of one frame, one contingency table after the other."""
    rows: list[tuple[str, str, str, float, float, float, float]] = []

    def report(breakdown: str, question: str, tested: Any, shown: Any) -> None:
        observed = [[k, n - k] for _, k, n in tested]
        sums = np.array(observed)
        p_value = np.nan
        if sums.sum(axis=0).all() and sums.sum(axis=1).all():
            p_value = test(observed)
        for group, k, n in shown:
            percent = 100 * k / n if n else np.nan
            rows.append((breakdown, question, group, k, n, percent, p_value))

    for breakdown, groups in PAIRS.items():
        grouped = frame.groupby(breakdown, observed=True)
        for question in questions:
            k, n = grouped[question].sum(), grouped[question].count()
            pair = [(g, k[g], n[g]) for g in groups]
            report(breakdown, question, pair, pair)
    breakdown, subset, everyone = SUBSET
    grouped = frame.groupby(breakdown, observed=True)
    for question in questions:
        k, n = grouped[question].sum()[subset], grouped[question].count()[subset]
        all_k, all_n = frame[question].sum(), frame[question].count()
        report(
            breakdown,
            question,
            [(subset, k, n), ("rest", all_k - k, all_n - n)],
            [(subset, k, n), (everyone, all_k, all_n)],
        )
    names = ["breakdown", "question", "group", "k", "n", "percent", "p_value"]
    return pd.DataFrame(rows, columns=names)


def statsmodels_loop(table: pa.Table, questions: Sequence[str]) -> pd.DataFrame:
    """The same loop with the test of statsmodels."""

    def test(observed: Any) -> float:
        k, misses = np.transpose(observed)
        return float(proportions_chisquare(k, k + misses)[1])

    return pandas_report(pandas_frame(table, questions), questions, test)


def pearson(k1: Any, n1: Any, k2: Any, n2: Any) -> Any:
    """Pearson's chi-square of many 2 x 2 tables, in any package's arithmetic."""
    k, n = k1 + k2, n1 + n2
    return n * (k1 * (n2 - k2) - k2 * (n1 - k1)) ** 2 / (n1 * n2 * k * (n - k))


def pandas_vectorised(table: pa.Table, questions: Sequence[str]) -> pd.DataFrame:
    """Group by each breakdown, all questions at once, and one call for all p-values."""
    frame = pandas_frame(table, questions)
    asked = list(questions)
    parts = []
    for breakdown, groups in [*PAIRS.items(), (SUBSET[0], SUBSET[1:])]:
        grouped = frame.groupby(breakdown, observed=True)[asked]
        k, n = grouped.sum(), grouped.count()
        if breakdown == SUBSET[0]:
            k.loc["all"], n.loc["all"] = frame[asked].sum(), frame[asked].count()
        k, n = k.loc[list(groups)].to_numpy(), n.loc[list(groups)].to_numpy(np.float64)
        rest_k, rest_n = (k[1] - k[0], n[1] - n[0]) if breakdown == SUBSET[0] else (k[1], n[1])
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = pearson(k[0], n[0], rest_k, rest_n)
        part = {
            "breakdown": breakdown,
            "question": np.tile(asked, 2),
            "group": np.repeat(groups, len(asked)),
            "k": k.ravel(),
            "n": n.ravel(),
            "statistic": np.tile(statistic, 2),
        }
        parts.append(pd.DataFrame(part))
    out = pd.concat(parts, ignore_index=True)
    out["percent"] = 100 * out["k"] / out["n"]
    out["p_value"] = scipy.stats.chi2.sf(out.pop("statistic"), 1)
    return out


# What polars and DuckDB leave to NumPy ------------------------------------------------------

Counted = dict[tuple[str, str], Any]
"""By breakdown and group: sufficient and applicable answers, question by question."""


def _report(counted: Counted, questions: Sequence[str]) -> dict[str, Any]:
    """Make the columns of a report of the counts of every group."""
    comparisons = [(b, *g) for b, g in PAIRS.items()] + [SUBSET]
    counts = np.array([[counted[b, g1], counted[b, g2]] for b, g1, g2 in comparisons], np.float64)
    k, n = counts[:, :, 0], counts[:, :, 1]
    rest = (
        counts[:, 1]
        - counts[:, 0]
        * np.array([b == SUBSET[0] for b, *_ in comparisons])[:, np.newaxis, np.newaxis]
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = pearson(k[:, 0], n[:, 0], rest[:, 0], rest[:, 1])
        percent = 100 * k / n
    p_value = scipy.special.erfc(np.sqrt(statistic / 2))
    groups = [group for _, *pair in comparisons for group in pair]
    return {
        "breakdown": np.repeat([b for b, *_ in comparisons], 2 * len(questions)),
        "question": np.tile(list(questions), len(groups)),
        "group": np.repeat(groups, len(questions)),
        "k": k.ravel(),
        "n": n.ravel(),
        "percent": percent.ravel(),
        "p_value": np.repeat(p_value[:, np.newaxis], 2, axis=1).ravel(),
    }


# polars --------------------------------------------------------------------------------------


def polars_aggregates(questions: Sequence[str]) -> list[pl.Expr]:
    asked = pl.col(list(questions))
    return [asked.sum().name.prefix("k_"), asked.count().name.prefix("n_")]


def _polars_all(frame: pl.DataFrame, questions: Sequence[str]) -> pl.DataFrame:
    return frame.select(pl.lit(SUBSET[2]).alias("group"), *polars_aggregates(questions))


def _polars_long(breakdown: str, wide: pl.DataFrame, questions: Sequence[str]) -> pl.DataFrame:
    """Put a row a group into a row a question and group."""
    k = wide.unpivot([f"k_{q}" for q in questions], index="group", value_name="k")
    n = wide.unpivot([f"n_{q}" for q in questions], index="group", value_name="n")
    return k.select(
        pl.lit(breakdown).alias("breakdown"),
        pl.col("variable").str.slice(2).alias("question"),
        "group",
        pl.col("k").cast(pl.Float64),
        n["n"].cast(pl.Float64),
    )


def polars_lazy(table: pa.Table, questions: Sequence[str]) -> pl.DataFrame:
    """One lazy query a breakdown, run together; then expressions all the way."""
    frame: Any = pl.from_arrow(table)
    breakdowns = [*PAIRS, SUBSET[0]]
    aggregates = polars_aggregates(questions)
    queries = [
        frame.lazy().group_by(pl.col(b).cast(pl.String).alias("group")).agg(aggregates)
        for b in breakdowns
    ]
    found = list(zip(breakdowns, pl.collect_all(queries), strict=True))
    found.append((SUBSET[0], _polars_all(frame, questions)))
    long = pl.concat([_polars_long(b, wide, questions) for b, wide in found])
    groups = [(b, *g) for b, g in PAIRS.items()] + [SUBSET]
    sides = [
        long.join(
            pl.DataFrame({"breakdown": [g[0] for g in groups], "group": [g[i] for g in groups]}),
            on=["breakdown", "group"],
        )
        for i in (1, 2)
    ]
    subset = (pl.col("breakdown") == SUBSET[0]).cast(pl.Float64)
    rest_k, rest_n = pl.col("k_2") - subset * pl.col("k"), pl.col("n_2") - subset * pl.col("n")
    pairs = (
        sides[0]
        .join(sides[1], on=["breakdown", "question"], suffix="_2")
        .with_columns(statistic=pearson(pl.col("k"), pl.col("n"), rest_k, rest_n))
    )
    p_value = scipy.special.erfc(np.sqrt(pairs["statistic"].to_numpy() / 2))
    pairs = pairs.with_columns(p_value=p_value)
    shown = [
        pairs.select(
            "breakdown", "question", group="group" + s, k="k" + s, n="n" + s, p_value="p_value"
        )
        for s in ("", "_2")
    ]
    return pl.concat(shown).with_columns(percent=100 * pl.col("k") / pl.col("n"))


def polars_numpy(table: pa.Table, questions: Sequence[str]) -> pl.DataFrame:
    """The quickest that was found: polars counts at once, and NumPy does the rest.

    To optimise a lazy query of 150 aggregates takes longer than to run it.
    """
    frame: Any = pl.from_arrow(table)
    aggregates = polars_aggregates(questions)
    counted: Counted = {}
    for breakdown in [*PAIRS, SUBSET[0]]:
        for group, *counts in frame.group_by(breakdown).agg(aggregates).iter_rows():
            counted[breakdown, group] = np.array(counts).reshape(2, -1)
    everyone = _polars_all(frame, questions).row(0)[1:]
    counted[SUBSET[0], SUBSET[2]] = np.array(everyone).reshape(2, -1)
    return pl.DataFrame(_report(counted, questions))


# DuckDB --------------------------------------------------------------------------------------

CONNECTION: Final = duckdb.connect()  # opening one takes longer than a query


def duckdb_sets(table: pa.Table, questions: Sequence[str]) -> pa.Table:
    """One query with a grouping set a breakdown, and NumPy for the rest."""
    breakdowns = [*PAIRS, SUBSET[0]]
    sums = ", ".join(f'coalesce(sum("{q}"::int), 0)' for q in questions)
    counts = ", ".join(f'count("{q}")' for q in questions)
    keys = ", ".join(f"{b}::varchar" for b in breakdowns)
    CONNECTION.register("cases", table)
    query = (
        f"select grouping_id({', '.join(breakdowns)}), coalesce({keys}), {sums}, {counts} "
        f"from cases group by grouping sets ({', '.join(f'({b})' for b in breakdowns)}, ())"
    )
    everything = (1 << len(breakdowns)) - 1
    counted: Counted = {}
    for collapsed, group, *figures in CONNECTION.execute(query).fetchall():
        # The one bit that is not set names the breakdown, the first being the highest.
        kept = (everything ^ collapsed).bit_length()
        key = (breakdowns[-kept], group) if kept else (SUBSET[0], SUBSET[2])
        counted[key] = np.array(figures).reshape(2, -1)
    return pa.table(_report(counted, questions))


PEERS: Final[dict[str, Peer]] = {
    "pandas, chi2_contingency in a loop": pandas_loop,
    "pandas, statsmodels in a loop": statsmodels_loop,
    "pandas, vectorised": pandas_vectorised,
    "polars, lazy": polars_lazy,
    "polars and NumPy": polars_numpy,
    "DuckDB": duckdb_sets,
}
