"""Write reference numbers of the Python package svy beside this script.

    pip install svy==0.35.0
    python tests/oracles/svy_package.py

svy (MIT licence, https://pypi.org/project/svy) estimates by Taylor linearisation in code of its own
(Rust). Cases are those of ``survey_cases.csv``, ``survey_tests_cases.csv`` and ``scores_cases.csv``
in this folder, which the R scripts use too. The tests of omistats read the CSV files and need no
svy.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import svy

HERE = Path(__file__).parent
VERSION = "0.35.0"
CLUSTERS = {"case_id": None, "team": "team"}
STRATA = {"none": None, "unit": "unit"}

Row = dict[str, Any]


def designs(cases: pl.DataFrame) -> Iterator[tuple[Row, svy.Sample]]:
    """Lay the cases out with and without clusters, strata, weights and finite populations."""
    flags = False, True
    for cluster, stratum, weighted, corrected in product(CLUSTERS, STRATA, flags, flags):
        design = svy.Design(
            psu=CLUSTERS[cluster],
            stratum=STRATA[stratum],
            wgt="weight" if weighted else "one",
            pop_size=f"population_{cluster}_{stratum}" if corrected else None,
        )
        labels = {
            "cluster": cluster,
            "stratum": stratum,
            "weighted": weighted,
            "corrected": corrected,
        }
        yield labels, svy.Sample(cases.with_columns(one=pl.lit(1.0)), design)


def figures(row: Row) -> Row:
    """Pick the estimate, its standard error and its interval by t."""
    return {
        "estimate": row["est"],
        "se": row["se"],
        "low": row["lci"],
        "high": row["uci"],
        "df": row["df"],
    }


def ratios() -> Iterator[Row]:
    """Estimate ratios of all cases and of domains; intervals are Wald's."""
    for labels, sample in designs(pl.read_csv(HERE / "survey_cases.csv")):
        for by in (None, "group", "unit"):
            for row in sample.estimation.ratio("k", "n", by=by).to_polars().to_dicts():
                yield (
                    labels | {"by": by or "all", "domain": row[by] if by else "all"} | figures(row)
                )


def tested_cases() -> pl.DataFrame:
    """Read the cases of the tests; those of no known group are a group of their own."""
    cases = pl.read_csv(HERE / "survey_tests_cases.csv")
    return cases.with_columns(pl.col("two", "three").fill_null("unknown"))


def proportions() -> Iterator[Row]:
    """Estimate proportions of all cases and of groups; intervals are of the logit."""
    for labels, sample in designs(tested_cases()):
        for y, by in product(("usual", "high"), (None, "two", "three")):
            found = sample.estimation.prop(y, by=by, where=pl.col(y).is_not_null())
            for row in found.to_polars().to_dicts():
                if row[y] == 1:
                    domain = row[by] if by else "all"
                    yield labels | {"y": y, "by": by or "all", "domain": domain} | figures(row)


def tests() -> Iterator[Row]:
    """Test groups by Rao and Scott's corrections."""
    for labels, sample in designs(tested_cases()):
        for y, group in product(("usual", "high"), ("two", "three")):
            found = sample.categorical.tabulate(
                y, group, where=pl.col(y).is_not_null() & (pl.col(group) != "unknown")
            ).stats
            yield labels | {
                "y": y,
                "group": group,
                "f": found.f.value,
                "df": found.f.df_num,
                "df2": found.f.df_den,
                "f_p": found.f.p_value,
                "chi_square": found.chisq.value,
                "chi_square_df": found.chisq.df,
                "chi_square_p": found.chisq.p_value,
            }


def scores() -> Iterator[Row]:
    """Estimate scores of units, and of groups inside all units, which are strata."""
    cases = pl.read_csv(HERE / "scores_cases.csv")
    feeds = pl.read_csv(HERE / "scores_feeds.csv")
    for item in feeds["item"].unique(maintain_order=True).to_list():
        own = feeds.filter(pl.col("item") == item)["question"].to_list()
        given = cases.select(own).cast(pl.Int64)
        made = cases.with_columns(
            k=given.sum_horizontal().cast(pl.Float64),
            n=pl.sum_horizontal(given[q].is_not_null() for q in own).cast(pl.Float64),
            one=pl.lit(1.0),
            gender=pl.col("gender").fill_null("unknown"),
            plan=pl.col("plan").fill_null("unknown"),
        )
        sample = svy.Sample(made, svy.Design(stratum="unit", wgt="one"))
        for by in (None, "unit", "gender", "plan"):
            for row in sample.estimation.ratio("k", "n", by=by).to_polars().to_dicts():
                yield {
                    "item": item,
                    "by": by or "all",
                    "domain": row[by] if by else "all",
                    **figures(row),
                }


def main() -> None:
    """Write the four files."""
    if svy.__version__ != VERSION:
        raise SystemExit(f"these are the numbers of svy {VERSION}; found {svy.__version__}")
    for name, rows in (
        ("ratios", ratios()),
        ("proportions", proportions()),
        ("tests", tests()),
        ("scores", scores()),
    ):
        pl.DataFrame(list(rows)).write_csv(HERE / f"svy_{name}.csv")


if __name__ == "__main__":
    main()
