"""A recount of the shipped cases in plain Python: no kernel, no package data structures.

The printed figures come straight from the shipped CSV file and the cases from the shipped
Parquet file; everything between is spelled out here a second time, from the publication's
notes: percentages half up, Pearson's chi-square without continuity correction, high risk
of harm against all other cases.
"""

from __future__ import annotations

import csv
import math
from fractions import Fraction
from importlib.resources import files
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from omistats.omi2 import load_published

# Internal: the generator of shipped cases is run by maintainers, not by users.
from omistats.omi2.synthesis.generate import generate

SPLIT_BY = {7: "supervision_type", 8: "gender", 9: "ethnicity", 10: "disability", 11: "age_group"}
DATA = files("omistats.omi2") / "data"

# Proved impossible elsewhere from print alone: ppo_contact's splits need 213 of 271, which is
# 79%; and for the two stars no counts behind the printed percentages will do (chi-square between
# high and other cases is always beyond 0.1% and 1%).
EXPECTED = [
    ("stars", 3, 9, "plan_informed", "***"),
    ("percent", 5, 5, "ppo_contact", 79),
    ("stars", 6, 2, "plan_participation", "**"),
]


def printed_rows() -> list[tuple[int, int, list[dict[str, str]]]]:
    rows: dict[tuple[int, int], list[dict[str, str]]] = {}
    with (DATA / "published.csv").open(encoding="utf-8") as file:
        for line in csv.DictReader(file):
            rows.setdefault((int(line["table"]), int(line["row"])), []).append(line)
    return [(*key, lines) for key, lines in rows.items()]


def stars(k1: int, n1: int, k2: int, n2: int) -> str:
    s, total = k1 + k2, n1 + n2
    if s in (0, total):
        return "--"
    # The sum over four cells of (observed - expected)^2 / expected, exactly.
    x = Fraction(0)
    for k, n in ((k1, n1), (k2, n2)):
        for seen, expected in (
            (k, Fraction(n * s, total)),
            (n - k, Fraction(n * (total - s), total)),
        ):
            x += (seen - expected) ** 2 / expected
    p = math.erfc(math.sqrt(x / 2))
    return "*" * sum(p < level for level in (0.05, 0.01, 0.001)) or "--"


def recount(table: pa.Table) -> tuple[dict[str, int], list[tuple[Any, ...]]]:
    """Compare every printed cell; return the number of cells and those that differ."""
    cases = table.to_pydict()
    total = {"n": 0, "percent": 0, "stars": 0}
    differ: list[tuple[Any, ...]] = []

    def count(question: str, column: str | None, level: str) -> tuple[int, int]:
        answers = [
            answer
            for answer, is_level in zip(
                cases[question],
                cases[column] if column else [level] * len(cases[question]),
                strict=True,
            )
            if is_level == level and answer is not None
        ]
        return sum(answers), len(answers)

    for number, row, lines in printed_rows():
        question = lines[0]["question"]
        counted = []
        for line in lines:
            column = SPLIT_BY.get(number, "risk_of_harm")
            k, n = count(question, None if line["group"] == "all" else column, line["group"])
            counted.append((k, n))
            if line["n"] == "":
                if number in SPLIT_BY and n:
                    differ.append(("blank", number, row, question, n))
                continue
            total["n"] += 1
            total["percent"] += 1
            if n != int(line["n"]):
                differ.append(("n", number, row, question, n))
            percent = math.floor(Fraction(100 * k, n) + Fraction(1, 2)) if n else None
            if percent != int(line["percent"]):
                differ.append(("percent", number, row, question, percent))
        if all(line["n"] for line in lines):
            total["stars"] += 1
            (k1, n1), (k2, n2) = counted
            if number not in SPLIT_BY:
                k2, n2 = k2 - k1, n2 - n1
            if stars(k1, n1, k2, n2) != lines[0]["stars"]:
                differ.append(("stars", number, row, question, stars(k1, n1, k2, n2)))
        elif number not in SPLIT_BY and counted[1] != counted[0]:
            differ.append(("blank", number, row, question, counted[1][1]))
    return total, differ


@pytest.fixture(scope="module")
def shipped() -> pa.Table:
    with (files("omistats.programmes") / "omi2" / "cases.parquet").open("rb") as file:
        return pq.read_table(file)


def test_every_printed_figure_except_the_impossible_ones(shipped: pa.Table) -> None:
    total, differ = recount(shipped)
    assert total == {"n": 892, "percent": 892, "stars": 441}
    assert differ == EXPECTED


@pytest.mark.slow
def test_another_seed_recounts_to_the_same_figures(shipped: pa.Table) -> None:
    other = generate(load_published(), seed=7)
    _, differ = recount(other)
    assert differ == EXPECTED
    # Other cases, not the same ones in another order.
    columns = shipped.column_names[1:]
    assert sorted(map(repr, other.select(columns).to_pylist())) != sorted(
        map(repr, shipped.select(columns).to_pylist())
    )


def test_the_recount_notices_a_missing_case(shipped: pa.Table) -> None:
    _, differ = recount(shipped.slice(1))
    assert len([d for d in differ if d[0] == "n"]) > 100
