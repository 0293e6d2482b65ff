"""Shuffles: every one of them where data are tiny, and how they are drawn where they are not."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from tests.factories import oracle
from tests.kernel import permutation_recount as recount

# Internal: shuffles one by one, of which `max_t` reports p-values only.
from omistats.kernel.multiplicity import step_down
from omistats.kernel.resampling import (
    Layout,
    cmh_shuffles,
    count_fixed,
    count_shuffled,
    draw_labels,
    pearson_shuffles,
)


def layout(
    answers: Any, groups: Any, units: Any = None, count: int | None = None, kept: Any = None
) -> Layout:
    """Lay out cases (rows) that are sorted by unit; None is not applicable."""
    answers = np.array(answers, object)
    groups = np.array(groups, np.int64)
    units = np.zeros(len(groups), np.int64) if units is None else np.array(units)
    starts = np.searchsorted(units, np.arange(units.max(initial=0) + 2))
    nothing = np.zeros((len(starts) - 1, answers.shape[1]))
    kept_k, kept_n = kept or (nothing, nothing)
    return Layout(
        answers == True,  # noqa: E712  # of objects, None among them
        answers != None,  # noqa: E711
        groups,
        count or int(groups.max()) + 1,
        starts,
        kept_k,
        kept_n,
    )


def statistics(cases: Layout, labels: Any, stratified: bool) -> np.ndarray[Any, Any]:
    test = cmh_shuffles if stratified else pearson_shuffles
    return test(next(count_shuffled(cases, [labels])), *cases.totals())[0]


def as_labels(relabelled: Any, groups: int) -> np.ndarray[Any, Any]:
    return np.array(relabelled).T.astype(np.min_scalar_type(groups))


ANSWERS = st.lists(
    st.lists(st.sampled_from([True, False, None]), min_size=3, max_size=3), min_size=4, max_size=6
)


@given(answers=ANSWERS, data=st.data())
@settings(max_examples=60, deadline=None)
def test_all_shuffles_of_tiny_data_are_as_recounted_in_fractions(
    answers: list[list[bool | None]], data: st.DataObject
) -> None:
    size = len(answers)
    stratified = data.draw(st.booleans())
    count = 2 if stratified else data.draw(st.integers(2, 3))
    groups = data.draw(st.lists(st.integers(0, count - 1), min_size=size, max_size=size))
    units = sorted(data.draw(st.lists(st.integers(0, 1), min_size=size, max_size=size)))
    units = [u - units[0] for u in units] if stratified else [0] * size
    cases = layout(answers, groups, units, count)
    every = list(recount.relabellings(groups, units))

    def slow(labels: Any) -> list[Fraction | None]:
        return [
            recount.cmh(column, labels, units) if stratified else recount.pearson(column, labels)
            for column in zip(*answers, strict=True)
        ]

    expected = [slow(labels) for labels in every]
    found = statistics(cases, as_labels(every, count), stratified)
    np.testing.assert_allclose(
        found, [[np.nan if v is None else float(v) for v in row] for row in expected], atol=1e-12
    )
    observed = slow(groups)
    tested = [i for i, v in enumerate(observed) if v is not None]
    if tested:
        known = [observed[i] or Fraction(0) for i in tested]
        shuffled = [[row[i] or Fraction(0) for i in tested] for row in expected]
        outcome = step_down(
            statistics(cases, cases.labels(), stratified)[0][tested],
            np.array_split(found[:, tested], 3),
        )
        assert outcome.shuffles == len(every)
        alone = [sum(s[i] >= v for s in shuffled) for i, v in enumerate(known)]
        assert outcome.alone.tolist() == alone
        adjusted = np.array(recount.step_down(known, shuffled))
        np.testing.assert_allclose(
            outcome.p_adjusted(), (adjusted + 1) / (len(every) + 1), rtol=1e-14
        )


@given(answers=ANSWERS, data=st.data())
@settings(max_examples=40, deadline=None)
def test_by_itself_a_question_of_fixed_n_is_shuffled_among_its_own_cases(
    answers: list[list[bool | None]], data: st.DataObject
) -> None:
    """Any count that a shuffle gives, some relabelling of the applicable cases gives too."""
    size = len(answers)
    groups = data.draw(st.lists(st.integers(0, 1), min_size=size, max_size=size))
    units = sorted(data.draw(st.lists(st.integers(0, 1), min_size=size, max_size=size)))
    units = [u - units[0] for u in units]
    cases = layout(answers, groups, units, 2)
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    for u, (k, n) in enumerate(next(count_fixed(cases, [20], rng))):
        for q, column in enumerate(zip(*answers, strict=True)):
            asked = [i for i in range(size) if units[i] == u and column[i] is not None]
            mine = [groups[i] for i in asked]
            assert set(n[:, 0, q].tolist()) == {mine.count(0)}
            possible = {
                sum(g == 0 and bool(column[i]) for g, i in zip(labels, asked, strict=True))
                for labels in recount.relabellings(mine, [0] * len(mine))
            }
            assert set(k[:, 0, q].tolist()) <= possible


def test_fixed_n_shuffles_a_question_evenly_and_questions_together() -> None:
    # Five cases; the second question applies to three of them, the third is the first again.
    answers = [
        [True, None, True],
        [True, True, True],
        [False, False, False],
        [False, None, False],
        [False, False, False],
    ]
    cases = layout(answers, [0, 0, 1, 1, 1])
    k, n = next(next(count_fixed(cases, [6000], np.random.default_rng(3))))
    assert (n == [2, 1, 2]).all()
    assert (k[..., 0] == k[..., 2]).all()
    # Hypergeometric: 0, 1, 2 of 2 with chances 3/10, 6/10, 1/10; and 1 in 3.
    shares = np.array([(k[:, 0, 0] == i).mean() for i in range(3)])
    np.testing.assert_allclose(shares, [0.3, 0.6, 0.1], atol=4 * (0.25 / 6000) ** 0.5)
    assert k[:, 0, 1].mean() == pytest.approx(1 / 3, abs=4 * (0.25 / 6000) ** 0.5)


def test_every_shuffle_is_equally_likely() -> None:
    cases = layout([[True]] * 7, [0, 0, 1, 2, 0, 1, 1], [0, 0, 0, 0, 1, 1, 1])
    labels = draw_labels(cases, 9000, np.random.default_rng(5))
    drawn = Counter(map(bytes, labels.T))
    every = [bytes(way) for way in recount.relabellings([0, 0, 1, 2, 0, 1, 1], cases_units(cases))]
    assert len(every) == 12 * 3
    assert set(drawn) == set(every)
    expected = 9000 / len(every)
    statistic = sum((drawn[way] - expected) ** 2 / expected for way in every)
    # The 0.9999 quantile of chi-square on 35 degrees of freedom is 74.9.
    assert statistic < 74.9


def cases_units(cases: Layout) -> list[int]:
    return np.repeat(np.arange(len(cases.bounds)), np.diff(cases.starts)).tolist()


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(0, 4), st.integers(0, 99))
def test_blocks_keep_the_sizes_of_their_groups(groups: list[int], units: int, seed: int) -> None:
    where = sorted(np.random.default_rng(seed).integers(0, units + 1, len(groups)).tolist())
    cases = layout(np.full((len(groups), 1), True), groups, np.array(where, int), 4)
    labels = draw_labels(cases, 5, np.random.default_rng(seed))
    assert labels.shape == (len(groups), 5)
    for (a, b), sizes in zip(cases.bounds, cases.sizes(), strict=True):
        assert sizes.tolist() == [groups[a:b].count(g) for g in range(4)]
        for shuffle in labels[a:b].T:
            assert np.bincount(shuffle, minlength=4).tolist() == sizes.tolist()


def test_shuffles_are_the_same_however_many_steps_are_drawn_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cases = layout([[True]] * 9, [0, 0, 1, 2, 0, 1, 1, 1, 0], [0, 0, 0, 0, 1, 1, 1, 1, 1])
    whole = draw_labels(cases, 8, np.random.default_rng(1))
    for few in (1, 17, 30):
        monkeypatch.setattr("omistats.kernel.resampling._STEPS_AT_ONCE", few)
        assert (draw_labels(cases, 8, np.random.default_rng(1)) == whole).all()


@pytest.mark.parametrize("size", [4095, 4096, 9000])
def test_two_counts_in_one_number_stay_apart(size: int) -> None:
    rng = np.random.default_rng(size)
    applicable = np.ones((size, 3), np.bool_)
    applicable[:, 1] = rng.random(size) < 0.5
    sufficient = applicable & (rng.random((size, 3)) < [1.0, 0.5, 0.99])
    starts, nothing = np.array([0, size]), np.zeros((1, 3))
    group = rng.integers(0, 2, size)
    group[: size - 5] = 0
    cases = Layout(sufficient, applicable, group, 2, starts, nothing, nothing)
    k, n = next(next(count_shuffled(cases, [cases.labels()])))
    assert (k[0, 0] == sufficient[group == 0].sum(axis=0)).all()
    assert (n[0, 0] == applicable[group == 0].sum(axis=0)).all()


@pytest.mark.parametrize("stratified", [False, True])
def test_what_is_kept_counts_in_the_last_group(stratified: bool) -> None:
    """Cases that are not shuffled are as if the last group had them, wherever it is."""
    answers = [[True], [False], [True], [True], [False], [True]]
    units = [0, 0, 0, 1, 1, 1]
    kept = np.array([[2.0], [1.0]]), np.array([[2.0], [4.0]])
    if not stratified:
        kept = kept[0].sum(axis=0, keepdims=True), kept[1].sum(axis=0, keepdims=True)
    where = units if stratified else [0] * 6
    few = layout(answers, [0, 1, 1, 0, 1, 1], where, kept=kept)
    extra = [[True]] * 2 + [[True]] + [[False]] * 3
    order = np.argsort([*where, *([0, 0, 1, 1, 1, 1] if stratified else [0] * 6)], kind="stable")
    everyone = np.array([*answers, *extra])[order]
    groups = np.array([0, 1, 1, 0, 1, 1, *[1] * 6])[order]
    together = layout(
        everyone, groups, np.sort([*where, *([0, 0, 1, 1, 1, 1] if stratified else [0] * 6)])
    )
    np.testing.assert_allclose(
        statistics(few, few.labels(), stratified),
        statistics(together, together.labels(), stratified),
        rtol=1e-13,
    )


def shuffled_cases(by: str, question: str) -> Layout:
    rows = sorted(oracle("permutation_cases.csv"), key=lambda row: row["unit"])
    answers = [[{"1": True, "0": False, "": None}[row[question]]] for row in rows]
    groups = ["abc".index(row[by]) for row in rows]
    return layout(answers, groups, ["ABC".index(row["unit"]) for row in rows])


@pytest.mark.parametrize(
    "line", oracle("permutation_cmh.csv"), ids=lambda r: "-".join(r.values())[:8]
)
def test_coin_has_the_same_cmh_statistic(line: dict[str, str]) -> None:
    cases = shuffled_cases(line["breakdown"], line["question"])
    counts = next(count_shuffled(cases, [cases.labels()]))
    statistic, df = cmh_shuffles(counts, *cases.totals())
    assert statistic[0, 0] == pytest.approx(float(line["statistic"]), rel=1e-12)
    assert df[0, 0] == float(line["df"])


def test_a_group_that_is_not_there_takes_its_degree_of_freedom_with_it() -> None:
    answers = [[True], [False], [True], [True], [False], [False]]
    units = [0, 0, 0, 1, 1, 1]
    two = layout(answers, [0, 1, 1, 0, 1, 0], units, 2)
    for absent in (0, 1, 2):
        names = [g for g in range(3) if g != absent]
        three = layout(answers, [names[g] for g in (0, 1, 1, 0, 1, 0)], units, 3)
        for test in (pearson_shuffles, cmh_shuffles):
            (a, da), (b, db) = (
                test(next(count_shuffled(c, [c.labels()])), *c.totals()) for c in (two, three)
            )
            np.testing.assert_allclose(a, b, rtol=1e-12)
            assert da == db == 1
