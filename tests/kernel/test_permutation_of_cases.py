"""Permutation of cases against scipy, enumeration by hand, and exact tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats
from tests.kernel import permutation_recount as recount

# Internal: only scores reach it, one item at a time.
from omistats.kernel.permutation import permutation_test


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_all_assignments_are_compared_where_they_are_few(data):
    """Every assignment within blocks by itertools, statistics in fractions, so ties are ties."""
    cases = data.draw(st.integers(2, 7))
    n = data.draw(st.lists(st.integers(0, 4), min_size=cases, max_size=cases))
    k = [data.draw(st.integers(0, m)) for m in n]
    groups = data.draw(st.integers(2, min(3, cases)))
    spare = st.lists(st.integers(0, groups - 1), min_size=cases - groups, max_size=cases - groups)
    labels = data.draw(st.permutations([*range(groups), *data.draw(spare)]))
    block = data.draw(st.lists(st.integers(0, 1), min_size=cases, max_size=cases))
    found = permutation_test([k], [n], labels, block=block, permutations=5000, rng=rng())
    seen = [recount.apart(k, n, ways) for ways in recount.relabellings(labels, block)]
    assert found.exact
    assert found.permutations == len(seen)
    answered = {g for g, m in zip(labels, n, strict=True) if m}
    if len(answered) > 1:
        reached = sum(x >= recount.apart(k, n, labels) for x in seen)
        assert found.p_value[0] == pytest.approx(reached / len(seen), rel=1e-12)
    else:
        assert np.isnan(found.p_value[0])


def test_one_answer_a_case_is_a_hypergeometric_table():
    """With one answer a case the difference orders tables as the count in the first group does."""
    k = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0])
    group = np.array([0] * 5 + [1] * 7)
    found = permutation_test([k], [np.ones(12)], group, permutations=10_000, rng=rng())
    table = stats.hypergeom(12, int(k.sum()), 5)
    differences = {x: abs(x / 5 - (k.sum() - x) / 7) for x in range(6)}
    observed = differences[int(k[:5].sum())]
    expected = sum(table.pmf(x) for x, d in differences.items() if d >= observed - 1e-12)
    assert found.p_value[0] == pytest.approx(expected, rel=1e-12)


def test_one_answer_a_case_in_groups_of_one_size_is_fisher_exact_test():
    for first, second in [(6, 2), (7, 1), (4, 4), (8, 0)]:
        k = np.array([1] * first + [0] * (8 - first) + [1] * second + [0] * (8 - second))
        found = permutation_test(
            [k], [np.ones(16)], np.repeat([0, 1], 8), permutations=20_000, rng=rng()
        )
        table = [[first, 8 - first], [second, 8 - second]]
        assert found.exact
        assert found.p_value[0] == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-12)


def test_scipy_agrees_on_all_assignments():
    """scipy.stats.permutation_test (1.14) with the same statistic and every assignment."""
    k = np.array([3, 1, 4, 2, 0, 5, 1, 2, 2])
    n = np.array([4, 3, 5, 5, 2, 5, 4, 2, 5])

    def apart(first: np.ndarray, second: np.ndarray) -> float:
        one, other = first.astype(int), second.astype(int)
        return float(abs(k[one].sum() / n[one].sum() - k[other].sum() / n[other].sum()))

    rows = np.arange(9)
    theirs = stats.permutation_test(
        (rows[:4], rows[4:]), apart, vectorized=False, n_resamples=np.inf, alternative="greater"
    )
    mine = permutation_test([k], [n], np.repeat([0, 1], [4, 5]), permutations=200, rng=rng())
    assert mine.exact
    assert mine.p_value[0] == pytest.approx(theirs.pvalue, rel=1e-12)


def test_scipy_agrees_on_one_answer_a_case():
    """scipy.stats.permutation_test (1.14) of a difference of means, exact, two-sided."""
    k = np.array([1, 1, 0, 1, 1, 0, 0, 0, 1, 0])

    def means(first: np.ndarray, second: np.ndarray, axis: int) -> np.ndarray:
        return abs(first.mean(axis=axis) - second.mean(axis=axis))

    theirs = stats.permutation_test(
        (k[:4], k[4:]), means, vectorized=True, n_resamples=np.inf, alternative="greater"
    )
    mine = permutation_test([k], [np.ones(10)], np.repeat([0, 1], [4, 6]), rng=rng())
    assert mine.p_value[0] == pytest.approx(theirs.pvalue, rel=1e-12)


@pytest.mark.parametrize("block", [None, [0, 1, 1, 0, 0, 1, 0, 1, 0]])
def test_drawn_assignments_approach_the_share_of_all(block):
    """Three groups; one block or two, whose cases are mixed."""
    k, n = [2, 0, 1, 3, 1, 0, 2, 1, 3], [3, 2, 2, 3, 1, 2, 4, 0, 3]
    group = [0, 0, 1, 1, 1, 2, 2, 0, 2]
    options = {"block": block, "rng": rng()}
    exact = permutation_test([k], [n], group, permutations=10_000, **options)
    drawn = permutation_test(
        [k] * 2, [n] * 2, group, permutations=exact.permutations - 1, **options
    )
    assert exact.exact
    assert not drawn.exact
    share = exact.p_value[0]
    error = 4.5 * np.sqrt(share * (1 - share) / drawn.permutations)
    assert drawn.p_value == pytest.approx([share, share], abs=error)


def test_answers_beyond_single_precision_are_counted():
    """Sums above 2**24 need double precision; all cases alike but one."""
    n = np.full(9, 1 << 23)
    k = n - np.array([1, 0, 0, 0, 0, 0, 0, 0, 0])
    found = permutation_test([k], [n], [0, 1, 1, 1, 1, 1, 1, 1, 1], rng=rng())
    assert found.p_value[0] == pytest.approx(1 / 9)


def test_draws_are_counted_with_the_observed_one():
    """Phipson and Smyth (2010): (b + 1) / (B + 1), so that none is 0."""
    k, n = np.array([5] * 20 + [0] * 30), np.full(50, 5)
    found = permutation_test([k], [n], [0] * 20 + [1] * 30, permutations=99, rng=rng())
    assert found.p_value[0] == 1 / 100


LEVELS = {
    # cases, others, questions, true score, correlation of each: bounds of the share rejected at 5%
    "alike": ((8, 60, 10, 0.8, 0.15, 0.15), (0.0, 0.065)),
    "thin": ((3, 20, 2, 0.9, 0.3, 0.3), (0.0, 0.065)),
    "one question": ((5, 40, 1, 0.95, 0.3, 0.3), (0.0, 0.065)),
    "unlike": ((8, 60, 10, 0.5, 0.4, 0.05), (0.15, 0.3)),
    "unlike, equal sizes": ((30, 30, 10, 0.5, 0.4, 0.05), (0.0, 0.075)),
}


@pytest.mark.slow
@pytest.mark.parametrize(("cell", "bounds"), LEVELS.values(), ids=LEVELS)
def test_level_where_cases_are_exchangeable_and_where_not(cell, bounds):
    """1,500 data sets without a difference, of 199 permutations each.

    The level is held where answers of a case are alike to the same degree in both groups. Where
    they are more alike in the smaller group it is not, as docs/methodology/effective-answers.md
    says.
    """
    cases, others, questions, score, *rho = cell
    draws = np.random.default_rng(20)
    wrong = 0
    for _ in range(1500):
        shares = [
            draws.beta(score * (1 / r - 1), (1 - score) * (1 / r - 1), size)
            for r, size in zip(rho, (cases, others), strict=True)
        ]
        k = draws.binomial(questions, np.concatenate(shares))
        n = np.full(len(k), questions)
        group = np.repeat([0, 1], [cases, others])
        wrong += permutation_test([k], [n], group, permutations=199, rng=draws).p_value[0] <= 0.05
    assert bounds[0] <= wrong / 1500 <= bounds[1]
