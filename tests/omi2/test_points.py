"""The 22 figures that the report counts from its tables."""

from __future__ import annotations

from collections import Counter

import attrs
import pytest

import omistats as oms

# Read in the report's text: table, figure.
PRINTED = {
    3: [19, 12, 18, 13],
    4: [13, 5, 12],
    5: [9, 4],
    6: [10, 8, 7],
    7: [30],
    8: [67, 8],
    9: [68, 7],
    10: [70, 5],
    11: [58, 17, 16],
}


@pytest.fixture(scope="module")
def findings():
    return oms.recompute(oms.omi2.load_synthetic())


@pytest.fixture(scope="module")
def points(findings):
    return oms.omi2.main_points(findings)


def test_every_printed_figure_is_computed(points):
    found: dict[int, list[int]] = {}
    for point in points:
        found.setdefault(point.table, []).append(point.printed)
    assert found == PRINTED
    assert sum(len(v) for v in PRINTED.values()) == len(points) == 22


def test_all_agree(points):
    assert [p for p in points if not p.agrees] == []
    assert [p.point.value for p in points] == [p.printed for p in points]


def test_counted_again_from_the_printed_tables_alone(points):
    """Thresholds and marks are printed; only the higher group needs both percentages."""
    lines = oms.omi2.load_published().to_pylist()
    again = []
    for point in points:
        mine = [x for x in lines if x["table"] == point.table]
        pairs = [
            p for p in zip(mine[::2], mine[1::2], strict=True) if None not in (p[0]["n"], p[1]["n"])
        ]
        different = [p for p in pairs if p[0]["stars"] != "--"]
        words = point.point.sentence
        if "reach" in words:
            threshold = int(words.split("reach ")[1].split("%")[0])
            again.append(sum(p[1]["percent"] >= threshold for p in pairs))
        elif "no significant" in words:
            again.append(len(pairs) - len(different))
        elif "favour" in words:
            place = 0 if words.endswith("high") else 1
            again.append(sum(p[place]["percent"] > p[1 - place]["percent"] for p in different))
        else:
            again.append(len(different))
    assert again == [p.printed for p in points]


def test_denominators(points):
    """13 of the 17 questions with a figure for all cases; 30 of 68 with two groups."""
    of = {(p.table, p.point.kind, p.printed): p.point.of for p in points}
    assert of[4, "reach", 13] == of[4, "reach", 5] == 17
    assert of[7, "differ", 30] == 68
    assert of[3, "alike", 18] == 31
    assert of[11, "higher", 16] == 17


def test_sentences_differ_and_carry_their_figure(points):
    assert max(Counter((p.table, p.point.sentence) for p in points).values()) == 1
    for point in points:
        assert point.point.sentence.startswith(f"{point.point.value} of {point.point.of} ")


def test_disagreement_shows(points):
    assert not attrs.evolve(points[0], printed=20).agrees


def test_findings_by_unit_give_the_points_of_all(findings, points):
    by_unit = oms.recompute(oms.omi2.load_synthetic(), by="unit")
    assert oms.omi2.main_points(by_unit) == points


def test_a_missing_breakdown_is_named(findings):
    cases = oms.omi2.load_synthetic()
    with pytest.raises(oms.UnknownNameError, match="risk_of_harm"):
        oms.omi2.main_points(oms.recompute(cases, breakdowns=["gender"]))
