"""The shipped cases have the published scores through questions marked as invented.

The scores are counted here in plain Python from the shipped file.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from importlib.resources import files

import attrs
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, strategies as st

import omistats as oms
from omistats.omi2 import load_published

# Internal: the generator of shipped cases is run by maintainers, not by users.
from omistats.omi2.framework import answers_needed
from omistats.omi2.synthesis.answers import fit, portions, unit_totals
from omistats.omi2.synthesis.generate import generate
from omistats.omi2.synthesis.selection import InfeasibleError

DEMONSTRATION, FRAMEWORK = oms.omi2.DEMONSTRATION, oms.omi2.FRAMEWORK
INVENTED = [q for q in DEMONSTRATION.questions if q.provenance == "invented"]

# Printed in the findings of the aggregate report (its headline paragraphs and Chart 1).
PRINTED = {
    "1": (76, None, None),
    "2": (76, None, None),
    "3": (57, None, None),
    "risk_of_harm": (72, 64, 80),
    "reoffending": (71, 43, 87),
    "compliance": (79, 69, 85),
}


def half_up(k: int, n: int) -> int:
    return math.floor(Fraction(100 * k, n) + Fraction(1, 2))


def feeds(framework: oms.Framework, item: str) -> list[str]:
    return [
        q.id
        for q in framework.questions
        if any(link.item == item or link.item.startswith(f"{item}.") for link in q.links)
    ]


def counted(table: pa.Table, questions: list[str]) -> dict[str, tuple[int, int]]:
    """Sum sufficient and applicable answers, by unit and for all."""
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    units = table["unit"].to_pylist()
    for question in questions:
        for unit, answer in zip(units, table[question].to_pylist(), strict=True):
            if answer is not None:
                for key in (unit, "all"):
                    totals[key][0] += answer
                    totals[key][1] += 1
    return {key: (k, n) for key, (k, n) in totals.items()}


@pytest.fixture(scope="module")
def shipped() -> pa.Table:
    with (files("omistats.programmes") / "omi2" / "cases.parquet").open("rb") as file:
        return pq.read_table(file)


# --- the framework


def test_published_scores_are_those_printed() -> None:
    found = {s.item: (s.percent, s.low, s.high) for s in oms.omi2.PUBLISHED_SCORES}
    assert found == PRINTED
    for score in oms.omi2.PUBLISHED_SCORES:
        assert FRAMEWORK.item(score.item).level == score.level


def test_the_framework_itself_has_no_invented_question() -> None:
    assert not [q.id for q in FRAMEWORK.questions if q.provenance == "invented"]
    assert not [
        q.id for q in FRAMEWORK.questions if any(k.provenance == "invented" for k in q.links)
    ]


def test_the_demonstration_is_the_framework_and_invented_questions() -> None:
    published = [q for q in DEMONSTRATION.questions if q.provenance != "invented"]
    assert published == list(FRAMEWORK.questions)
    assert list(DEMONSTRATION.questions) == published + INVENTED
    assert DEMONSTRATION.known_ids == FRAMEWORK.question_ids
    same = {"items", "strata", "breakdowns"}
    assert all(getattr(DEMONSTRATION, name) == getattr(FRAMEWORK, name) for name in same)


@pytest.mark.parametrize("question", INVENTED, ids=lambda q: q.id)
def test_an_invented_question_is_marked_everywhere(question: oms.Question) -> None:
    assert question.id.startswith("invented_")
    assert question.label.startswith("Invented question")
    assert question.printed == ()
    assert {link.provenance for link in question.links} == {"invented"}
    assert question.criterion is not None
    assert DEMONSTRATION.item(question.criterion.item).parent in ("1", "2")
    assert len(question.headlines) <= 1


def test_section_3_has_no_invented_question() -> None:
    assert feeds(DEMONSTRATION, "3") == feeds(FRAMEWORK, "3")
    assert len(feeds(FRAMEWORK, "3")) == 8


# --- the scores


@pytest.mark.parametrize("item", PRINTED)
def test_scores_print_as_published(shipped: pa.Table, item: str) -> None:
    percent, low, high = PRINTED[item]
    found = counted(shipped, feeds(DEMONSTRATION, item))
    assert half_up(*found.pop("all")) == percent
    if low is not None:
        units = [half_up(k, n) for k, n in found.values()]
        assert len(units) == 15
        assert (min(units), max(units)) == (low, high)


@pytest.mark.parametrize("item", [i for i in PRINTED if i != "3"])
def test_the_published_questions_alone_do_not_give_them(shipped: pa.Table, item: str) -> None:
    found = counted(shipped, feeds(FRAMEWORK, item))
    assert half_up(*found["all"]) < PRINTED[item][0]


@pytest.mark.slow
def test_another_seed_gives_the_same_scores() -> None:
    other = generate(load_published(), seed=11)
    for item in PRINTED:
        test_scores_print_as_published(other, item)


def test_invented_answers_are_plausible(shipped: pa.Table) -> None:
    for question in INVENTED:
        found = counted(shipped, [question.id])
        k, n = found.pop("all")
        assert 0.9 < n / 2213 < 1
        assert 0.7 < k / n < 0.97
        for unit, (unit_k, unit_n) in found.items():
            assert 0.5 < unit_k / unit_n < 1, (question.id, unit)


def test_units_differ_in_order_and_size_from_item_to_item(shipped: pa.Table) -> None:
    headlines = ("risk_of_harm", "reoffending", "compliance")
    scores = np.array(
        [
            [k / n for unit, (k, n) in sorted(found.items()) if unit != "all"]
            for found in (counted(shipped, feeds(DEMONSTRATION, h)) for h in headlines)
        ]
    )
    related = np.corrcoef(scores)[np.triu_indices(3, 1)]
    assert (related < 0.95).all()
    assert len({tuple(np.argsort(row)) for row in scores}) == 3


# --- what uses it


def test_invented_questions_of_loaded_cases_are_marked() -> None:
    cases = oms.omi2.load_synthetic()
    assert cases.framework is DEMONSTRATION
    assert cases.extra == ()
    again = oms.CaseSet.from_data(pa.table(cases), framework=FRAMEWORK)
    assert again.extra == tuple(q.id for q in INVENTED)


def test_recompute_leaves_the_invented_out_unless_named() -> None:
    cases = oms.omi2.load_synthetic()
    published = oms.recompute(cases)
    assert published.table["question"].combine_chunks().unique().to_pylist() == list(
        FRAMEWORK.question_ids
    )
    again = oms.CaseSet.from_data(pa.table(cases), framework=FRAMEWORK)
    assert oms.recompute(again).table.equals(published.table)
    named = oms.recompute(cases, questions=["invented_01"], breakdowns=["gender"])
    assert named.table["question"].to_pylist() == ["invented_01"] * 2


# --- the arithmetic


def test_answers_needed_for_section_1(shipped: pa.Table) -> None:
    k, n = counted(shipped, feeds(FRAMEWORK, "1"))["all"]
    needed = answers_needed(k, n, percent=76, rate=95)
    assert 20_000 < needed < 21_000
    # As Fractions: one answer less and 75 is printed still.
    assert half_up_of(k, n, needed, 95) == 76
    assert half_up_of(k, n, needed - 1, 95) == 75


def half_up_of(k: int, n: int, more: int, rate: int) -> int:
    return math.floor((100 * k + rate * more) * Fraction(1, n + more) + Fraction(1, 2))


@given(st.integers(1, 500), st.integers(0, 500), st.integers(0, 100), st.integers(0, 100))
def test_answers_needed_is_the_least_number(n: int, k: int, percent: int, rate: int) -> None:
    assume(k <= n)
    start = half_up(k, n)
    try:
        needed = answers_needed(k, n, percent=percent, rate=rate)
    except oms.UsageError:
        # The score tends to the rate and never passes it.
        assert half_up_of(k, n, 10**7, rate) != percent
        return
    if start == percent:
        assert needed == 0
        return
    assert half_up_of(k, n, needed - 1, rate) != percent
    # If one answer moves the score past the percentage, it prints a value beyond it.
    found = half_up_of(k, n, needed, rate)
    assert (found >= percent) if start < percent else (found <= percent)


def test_answers_needed_raises_if_no_number_is_enough() -> None:
    with pytest.raises(oms.UsageError, match=r"70% moves 66\.7% to print as 76%"):
        answers_needed(2, 3, percent=76, rate=70)
    with pytest.raises(oms.UsageError, match="`n` at least 1"):
        answers_needed(0, 0, percent=76, rate=70)
    assert answers_needed(76, 100, percent=76, rate=0) == 0


def test_fit_keeps_odds_ratios_and_meets_both_margins() -> None:
    n = np.array([[40.0, 60.0, 10.0], [30.0, 30.0, 90.0]])
    chance = np.array([[0.5, 0.6, 0.2], [0.3, 0.9, 0.7]])
    rows, columns = np.array([70.0, 80.0]), np.array([40.0, 60.0, 50.0])
    p = fit(n, chance, rows, columns)
    assert np.allclose((n * p).sum(axis=1), rows)
    assert np.allclose((n * p).sum(axis=0), columns)

    def ratios(q: np.ndarray) -> Iterator[float]:
        odds = q / (1 - q)
        for j in (1, 2):
            yield odds[0, 0] * odds[1, j] / (odds[0, j] * odds[1, 0])

    assert np.allclose(list(ratios(p)), list(ratios(chance)))


def test_unit_totals_have_the_score_and_its_range() -> None:
    (score,) = (s for s in oms.omi2.PUBLISHED_SCORES if s.item == "reoffending")
    n = np.array([900.0, 1200.0, 1500.0, 800.0])
    totals = unit_totals(score, n, np.array([0.3, -1.2, 0.9, 0.4]))
    assert half_up(int(totals.sum()), int(n.sum())) == 71
    printed = [half_up(int(k), int(of)) for k, of in zip(totals, n, strict=True)]
    assert (printed[1], printed[2]) == (43, 87)
    assert 43 < printed[0] < printed[3] < 87


def test_unit_totals_need_a_range() -> None:
    with pytest.raises(oms.UsageError, match="none is printed for '1'"):
        unit_totals(oms.omi2.PUBLISHED_SCORES[0], np.ones(2), np.array([0.0, 1.0]))


def test_portions_meet_the_total_within_bounds() -> None:
    assert portions(7, np.array([2.6, 3.1, 1.2]), np.array([9, 9, 9])).tolist() == [3, 3, 1]
    assert portions(7, np.array([5.0, 1.0, 1.0]), np.array([3, 9, 9])).sum() == 7
    with pytest.raises(InfeasibleError):
        portions(10, np.array([5.0, 5.0]), np.array([4, 5]))


def test_a_published_score_cannot_be_changed() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        oms.omi2.PUBLISHED_SCORES[0].percent = 1  # type: ignore[misc]
