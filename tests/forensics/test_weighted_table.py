"""A published table of weighted percentages is not accused once it is declared weighted.

`oracles/masculinity_2018.csv` holds the answers to three questions (q0001, q0002, q0005) of
FiveThirtyEight's survey on masculinity of 2018: weighted percentages as printed, rounded half up,
beside unweighted numbers of cases. Source: github.com/fivethirtyeight/data at fcf572c, folder
`masculinity-survey`, CC BY 4.0, written here as one row a figure. Of the 1,615 cases the weights
run from 0.02 to 8.68, and every printed percentage follows from them.

The test of the whole table of 1,820 figures runs where `OMISTATS_WEIGHTED_TABLE` names its file,
with the same columns.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

import omistats as oms

# Internal: a total with its splits; the public face has the report's only.
from omistats.forensics.consistency import (
    PrintedSplit,
    PrintedTotal,
    feasible_counts,
    minimal_conflicts,
)

TABLE = "OMISTATS_WEIGHTED_TABLE"
REASON = "not testable from counts: weighted"

# Two groups of each breakdown; the age group between them is in neither.
SPLITS = {
    "age": ("18 - 34", "65 and up"),
    "ethnicity": ("White", "Non-white"),
    "children": ("Has children", "No children"),
    "orientation": ("Straight", "Gay/Bisexual"),
}

Cells = dict[str, tuple[int, float]]


def read_answers(path: Path) -> list[Cells]:
    """Read the cells of each answer: of each group, its cases and its percentage."""
    answers: dict[tuple[str, str], Cells] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            cells = answers.setdefault((row["variable"], row["answer"]), {})
            figures = int(row["unweighted_base"]), float(row["weighted_percent_printed"])
            cells[row["group"]] = figures
    return list(answers.values())


def total_of(cells: Cells, weighted: bool) -> PrintedTotal:
    n, percent = cells["Adult Men"]
    divisions = []
    for name, (one, two) in SPLITS.items():
        if one in cells and two in cells:
            (n1, p1), (n2, p2) = cells[one], cells[two]
            divisions.append(PrintedSplit(name, n1, n2, p1, p2))
    return PrintedTotal(n, (("all", percent),), tuple(divisions), weighted=weighted)


@pytest.fixture(params=["excerpt", "whole"])
def answers(request: pytest.FixtureRequest, repository: Path) -> list[Cells]:
    if request.param == "excerpt":
        return read_answers(repository / "tests" / "oracles" / "masculinity_2018.csv")
    given = os.environ.get(TABLE)
    if not given:
        pytest.skip(f"needs the whole table; set {TABLE} to its file")
    found = read_answers(Path(given))
    assert sum(map(len, found)) == 1820
    return found


def test_no_percentages_of_a_declared_table_conflict(answers: list[Cells]) -> None:
    assert not any(minimal_conflicts(total_of(cells, weighted=True)) for cells in answers)
    assert all(feasible_counts(total_of(cells, weighted=True)).all() for cells in answers)


def test_the_same_table_is_accused_if_it_is_not_declared(answers: list[Cells]) -> None:
    """Otherwise the test above could not fail."""
    accused = sum(bool(minimal_conflicts(total_of(cells, weighted=False))) for cells in answers)
    assert (accused, len(answers)) in {(5, 13), (89, 189)}


def test_no_figure_or_mark_of_a_declared_table_is_excluded(answers: list[Cells]) -> None:
    pairs = np.array(
        [
            (cells[one][1], cells[one][0], cells[two][1], cells[two][0])
            for cells in answers
            for one, two in SPLITS.values()
            if one in cells and two in cells
        ]
    ).T
    found = oms.forensics.attainable(*pairs, weighted=True)
    assert found.possible.all()
    for mark in ("--", "*", "**", "***"):
        assert found.attains(mark).all()
    assert set(found.reason.tolist()) == {REASON}
    assert np.isnan(found.p_min).all()
    assert np.isnan(found.p_max).all()
    apart = oms.forensics.difference_behind(*pairs, weighted=True)
    printed = (pairs[0] - pairs[2]) / 100
    # Both figures are rounded to a whole percent.
    assert (printed - 0.01 <= apart.least + 1e-12).all()
    assert (apart.most <= printed + 0.01 + 1e-12).all()
    assert (apart.least < apart.most).all()
    assert np.isnan([apart.low, apart.high]).all()
    assert set(apart.reason.tolist()) == {REASON}


def test_counts_tell_nothing_of_the_rounding_of_a_declared_table(answers: list[Cells]) -> None:
    n, percent = zip(*(figures for cells in answers for figures in cells.values()), strict=True)
    found = oms.forensics.infer_rounding(percent, n, weighted=True)
    assert (found.rounding, found.decimals, found.tested) == ("half-up", 0, len(n))
    assert found.possible == ("half-up", "half-even", "nearest", "truncate")
    assert found.reason == REASON
    assert REASON in str(found)
