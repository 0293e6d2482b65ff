"""Every simulation behind a page runs, and gives what its file has."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from benchmarks import accused_units, false_accusations, school_samples, thin_groups

FIGURES = Path(__file__).parents[1] / "docs" / "_figures"


def committed(name: str) -> list[dict[str, str]]:
    with (FIGURES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("place", [3, 5, 19])
def test_programmes_have_the_p_values_of_scores(place: int) -> None:
    """`run` refuses a programme that the public functions score otherwise."""
    one = accused_units.programmes(20, 20112)[place]
    row = accused_units.run(one, 20, 1)
    assert row["families"] > 0
    assert 0 <= row["effective_below"] <= row["effective_false"] <= 1


def test_the_files_are_of_the_situations_that_are_drawn() -> None:
    units = committed("accused_units.csv")
    for one, row in zip(accused_units.programmes(len(units), 20112), units, strict=True):
        assert (one.kind, str(one.cases), str(one.p)) == (row["kind"], row["cases"], row["p"])
    cells = committed("false_accusations.csv")
    for cell, row in zip(false_accusations.cells(len(cells), 20111), cells, strict=True):
        assert (cell.kind, str(cell.cases), str(cell.p)) == (row["kind"], row["cases"], row["p"])


def test_one_situation_is_simulated() -> None:
    row = false_accusations.run(false_accusations.cells(3, 20111)[2], 40, 20113)
    assert list(row) == list(committed("false_accusations.csv")[0])


def test_the_schools_have_the_true_shares_and_samples_cover_them() -> None:
    whole = school_samples.schools()
    assert len(whole.kind) == 6194
    assert [round(float(share), 3) for share in whole.shares] == [0.827, 0.724, 0.711, 0.673]
    design = school_samples.DESIGNS[2]
    rows = list(school_samples.coverage(whole, design, 20, 1))
    assert all(row["findings"] >= 75 for row in rows)
    assert list(rows[0]) == list(committed("school_samples.csv")[0])


def test_thin_groups_have_the_rates_of_their_file() -> None:
    written = committed("thin_groups.csv")
    sizes, numbers = thin_groups.GROUPS[2], thin_groups.CASELOADS[0]
    made = [*thin_groups.several_groups(sizes), *thin_groups.caseloads(*numbers)]
    texts = [{name: str(value) for name, value in row.items()} for row in made]
    assert texts == [
        row for row in written if row["sizes"] in {texts[0]["sizes"], texts[-1]["sizes"]}
    ]
    one = thin_groups.by_rule("questions", 3, 0.5, 2, 1)
    assert list(one) == list(written[0])
