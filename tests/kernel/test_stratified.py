"""Comparisons within strata against R, metafor, statsmodels and every arrangement of a stratum."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from statsmodels.stats.contingency_tables import StratifiedTable
from tests.factories import oracle
from tests.kernel import stratified_recount as recount

import omistats as oms
from omistats import UsageError

# Internal: the test of several groups is public through findings only, which take no bare counts.
from omistats.kernel.stratified import cmh_groups, expected_cells

# R 4.2.2 and metafor 3.8.1; tests/oracles/stratified.R made the counts and the numbers.
TWO = oracle("stratified_two.csv")
SEVERAL = oracle("stratified_several.csv")

MEN, OF_MEN = [512, 353, 120, 138, 53, 22], [825, 560, 325, 417, 191, 373]
WOMEN, OF_WOMEN = [89, 17, 202, 131, 94, 24], [108, 25, 593, 375, 393, 341]

FIELDS = (
    "statistic", "df", "p_value",
    "odds_ratio", "odds_ratio_low", "odds_ratio_high",
    "difference", "difference_low", "difference_high",
    "breslow_day", "breslow_day_p_value", "tarone", "tarone_p_value",
)  # fmt: skip


def counts(row: dict[str, str]) -> list[Any]:
    return [np.array(row[name].split(), float) for name in ("k1", "n1", "k2", "n2")]


def close(found: Any, expected: str | float, rel: float = 1e-11) -> None:
    assert float(found) == pytest.approx(float(expected), rel=rel, abs=1e-15, nan_ok=True)


def test_agrees_with_mantelhaen_test_of_r_on_admissions_to_berkeley():
    """mantelhaen.test(UCBAdmissions), correct = FALSE and TRUE; men over women, by department.

    Breslow-Day and Tarone are those of metafor's rma.mh.
    """
    found = oms.stats.stratified(MEN, OF_MEN, WOMEN, OF_WOMEN)
    with_correction = oms.stats.stratified(MEN, OF_MEN, WOMEN, OF_WOMEN, correction=True)
    assert f"{found.statistic:.9f}" == "1.524606660"
    assert f"{with_correction.statistic:.9f}" == "1.426946229"
    assert f"{found.odds_ratio:.9f}" == "0.904696828"
    assert f"{found.odds_ratio_low:.9f}" == "0.771907362"
    assert f"{found.odds_ratio_high:.9f}" == "1.060329764"
    assert f"{found.breslow_day:.9f}" == "18.825513705"
    assert f"{found.tarone:.9f}" == "18.825501252"
    assert (found.method, with_correction.method) == ("cmh", "cmh-cc")
    assert (found.stars, found.strata, found.df) == ("--", 6, 1)
    # Without departments men are ahead: the difference is one between departments.
    assert oms.stats.compare(sum(MEN), sum(OF_MEN), sum(WOMEN), sum(OF_WOMEN)).stars == "***"


def test_agrees_with_r_and_metafor():
    """mantelhaen.test for test and odds ratio, rma.mh for the rest."""
    assert len(TWO) == 120
    assert sum(0 < int(r["strata"]) < len(r["n1"].split()) for r in TWO) > 10
    for row in TWO:
        found = oms.stats.stratified(*counts(row))
        for name in ("statistic", "p_value", "odds_ratio", "odds_ratio_low", "odds_ratio_high"):
            close(getattr(found, name), row[name])
        close(found.difference, row["difference"])
        z = NormalDist().inv_cdf(0.975)
        half = z * float(row["difference_se"])
        if half > 1e-7:
            close(found.difference_low, max(float(row["difference"]) - half, -1))
            close(found.difference_high, min(float(row["difference"]) + half, 1))
        else:
            # Answers all alike: the formula has no variance, and there is nothing to limit.
            assert np.isnan(found.difference_low)
            assert np.isnan(found.difference_high)
        for name in ("breslow_day", "tarone"):
            close(getattr(found, name), row[name], rel=1e-9)
            close(getattr(found, f"{name}_p_value"), row[f"{name}_p"], rel=1e-9)
        assert found.strata == int(row["strata"])
        other = oms.stats.stratified(*counts(row), correction=True, confidence=0.9)
        close(other.statistic, row["corrected"])
        close(other.p_value, row["corrected_p"])
        close(other.odds_ratio_low, row["odds_ratio_low90"])
        close(other.odds_ratio_high, row["odds_ratio_high90"])


def test_agrees_with_statsmodels():
    """Its Breslow-Day counts strata that cannot tell, so only full ones are compared."""
    for row in TWO:
        k1, n1, k2, n2 = counts(row)
        full = (n1 > 0) & (n2 > 0) & (k1 + k2 > 0) & (k1 + k2 < n1 + n2)
        if full.sum() < 2 or (k1 * k2 * (n1 - k1) * (n2 - k2))[full].min() == 0:
            continue
        k1, n1, k2, n2 = (v[full] for v in (k1, n1, k2, n2))
        reference = StratifiedTable(np.array([[k1, n1 - k1], [k2, n2 - k2]]))
        found = oms.stats.stratified(k1, n1, k2, n2)
        close(found.odds_ratio, reference.oddsratio_pooled)
        low, high = reference.oddsratio_pooled_confint()
        close(found.odds_ratio_low, low)
        close(found.odds_ratio_high, high)
        close(found.statistic, reference.test_null_odds().statistic)
        for name, adjust in (("breslow_day", False), ("tarone", True)):
            equal = reference.test_equal_odds(adjust=adjust)
            close(getattr(found, name), equal.statistic, rel=1e-8)
            close(getattr(found, f"{name}_p_value"), equal.pvalue, rel=1e-8)


def test_several_groups_agree_with_mantelhaen_test_of_r():
    assert len(SEVERAL) == 60
    for row in SEVERAL:
        k, n = (np.array([v.split() for v in row[c].split("|")], float) for c in "kn")
        statistic, df, p_value = cmh_groups(k, n)
        close(statistic, row["statistic"])
        assert float(df) == float(row["df"])
        close(p_value, row["p_value"])


stratum = st.tuples(st.integers(0, 6), st.integers(0, 6)).flatmap(
    lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
)
strata = st.lists(stratum, min_size=1, max_size=5)


def run(rows: Any, **options: Any) -> Any:
    return oms.stats.stratified(*np.array(rows).T, **options)


def same(a: Any, b: Any, names: tuple[str, ...] = FIELDS) -> None:
    for name in names:
        x, y = getattr(a, name), getattr(b, name)
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-9, err_msg=name)


@given(strata)
def test_equals_the_recount_over_every_arrangement(rows):
    found, exact = run(rows), recount.cmh(rows)
    if exact is None:
        assert np.isnan(found.statistic)
        assert found.strata == 0
    else:
        close(found.statistic, float(exact), rel=1e-12)
    if any(n1 and n2 for _, n1, _, n2 in rows):
        close(found.difference, float(recount.difference(rows)), rel=1e-12)
    if found.odds_ratio < np.inf:
        exact = recount.odds_ratio(rows)
        close(found.odds_ratio, float(exact), rel=1e-12)
        if found.strata > 1 and exact:
            close(found.breslow_day, recount.breslow_day(rows, tarone=False), rel=1e-8)
            loss = max(float(found.breslow_day), 1.0)
            tarone = recount.breslow_day(rows, tarone=True)
            assert float(found.tarone) == pytest.approx(tarone, abs=1e-8 * loss)


@given(
    st.integers(2, 4).flatmap(
        lambda groups: st.lists(
            st.lists(
                st.integers(1, 3).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
                min_size=groups,
                max_size=groups,
            ),
            min_size=1,
            max_size=3,
        )
    )
)
def test_several_groups_equal_the_recount(rows):
    """All groups are in all strata, so that one that tells anything links them all."""
    assume(any(0 < sum(k for k, _ in row) < sum(n for _, n in row) for row in rows))
    k, n = np.array(rows).transpose(2, 1, 0)
    close(cmh_groups(k, n)[0], float(recount.cmh_groups(rows)), rel=1e-10)


@given(strata)
def test_two_groups_are_the_case_of_several(rows):
    k1, n1, k2, n2 = np.array(rows).T
    found = cmh_groups([k1, k2], [n1, n2])
    two = run(rows)
    for a, b in zip(found, (two.statistic, two.df, two.p_value), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@given(stratum)
def test_one_stratum_is_pearson_shrunk(row):
    """One stratum of T cases: (T - 1) / T times Pearson's chi-square."""
    pearson = oms.stats.compare(*row)
    total = row[1] + row[3]
    found = run([row])
    if not np.isnan(pearson.statistic):
        close(found.statistic, float(pearson.statistic) * (total - 1) / total)
    else:
        assert np.isnan(found.statistic)
    assert np.isnan([found.breslow_day, found.tarone]).all()


@given(strata)
def test_what_swapping_groups_does(rows):
    a, b = run(rows), run([(k2, n2, k1, n1) for k1, n1, k2, n2 in rows])
    same(a, b, ("statistic", "p_value", "breslow_day", "tarone", "strata"))
    close(a.difference, -float(b.difference))
    close(a.difference_low, -float(b.difference_high), rel=1e-9)
    if 0 < a.odds_ratio < np.inf:
        close(a.odds_ratio, 1 / float(b.odds_ratio))
        close(a.odds_ratio_low, 1 / float(b.odds_ratio_high), rel=1e-9)


@given(strata)
def test_what_fails_mirrors_what_succeeds(rows):
    a, b = run(rows), run([(n1 - k1, n1, n2 - k2, n2) for k1, n1, k2, n2 in rows])
    same(a, b, ("statistic", "p_value", "breslow_day", "tarone", "strata"))
    close(a.difference, -float(b.difference))


@given(strata, st.randoms())
def test_the_order_of_strata_does_not_matter(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    same(run(rows), run(shuffled))


@given(strata, st.sampled_from([(0, 0, 0, 0), (2, 5, 0, 0), (0, 0, 0, 4), (1, 1, 0, 0)]))
def test_a_stratum_without_one_of_the_groups_changes_nothing(rows, empty):
    same(run(rows), run([*rows, empty]), (*FIELDS, "strata"))


@given(strata, st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_a_stratum_where_all_answer_alike_is_in_the_difference_alone(rows, n1, n2, good):
    """It has the difference 0, and says nothing of odds."""
    alike = (n1 * good, n1, n2 * good, n2)
    a, b = run(rows), run([*rows, alike])
    same(a, b, tuple(name for name in FIELDS if "difference" not in name))
    if not np.isnan(a.difference):
        assert abs(b.difference) <= abs(a.difference) + 1e-15


@given(strata)
def test_the_intervals_hold_their_estimates(rows):
    a = run(rows)
    for name in ("odds_ratio", "difference"):
        low, x, high = (getattr(a, f"{name}{end}") for end in ("_low", "", "_high"))
        assert np.isnan(low) or low <= x + 1e-12 <= high + 2e-12
    low, high = a.difference_low, a.difference_high
    assert np.isnan(low) == np.isnan(high)
    # No interval has no width: where nothing varies its limits are unknown.
    assert np.isnan(low) or -1 <= low < high <= 1
    if any(0 < k < n for k1, n1, k2, n2 in rows if n1 and n2 for k, n in ((k1, n1), (k2, n2))):
        assert not np.isnan(low)


def test_as_different_as_can_be_is_one_and_no_more():
    found = oms.stats.stratified([5, 0], [5, 0], [0, 0], [1, 1])
    assert found.difference == 1


@pytest.mark.parametrize(
    ("counts", "difference"),
    [
        (([1], [1], [0], [1]), 1),
        (([5, 3], [5, 3], [0, 0], [7, 11]), 1),
        (([0, 0], [9, 3], [13, 1], [13, 1]), -1),
        (([0, 0], [4, 9], [0, 0], [7, 2]), 0),
        (([6, 0], [6, 5], [3, 0], [3, 4]), 0),
        (([10, 70, 1], [10, 70, 1], [0, 0, 0], [30, 90, 49]), 1),
    ],
)
def test_where_nothing_varies_a_difference_has_no_limits(counts, difference):
    found = oms.stats.stratified(*counts)
    assert found.difference == pytest.approx(difference, abs=1e-15)
    assert np.isnan(found.difference_low)
    assert np.isnan(found.difference_high)


@given(strata)
def test_correction_takes_half_a_case_off_or_nothing(rows):
    a, b = run(rows), run(rows, correction=True)
    assert np.isnan(a.statistic) or b.statistic <= a.statistic
    same(a, b, FIELDS[3:])


def test_broadcasts_with_strata_last():
    k = np.array([[MEN, WOMEN], [WOMEN, MEN]])
    n = np.array([[OF_MEN, OF_WOMEN], [OF_WOMEN, OF_MEN]])
    found = oms.stats.stratified(k, n, WOMEN, OF_WOMEN)
    assert found.statistic.shape == found.stars.shape == found.strata.shape == (2, 2)
    same(
        oms.stats.stratified(MEN, OF_MEN, WOMEN, OF_WOMEN),
        type(found)(*(getattr(found, f.name)[0, 0] for f in type(found).__attrs_attrs__)),
    )
    assert found.statistic[0, 1] == 0
    one = oms.stats.stratified(MEN, OF_MEN, WOMEN, OF_WOMEN)
    assert all(isinstance(getattr(one, name), np.ndarray) for name in (*FIELDS, "strata", "stars"))
    assert one.statistic.shape == ()


def test_nothing_to_compare_is_nan_without_a_warning():
    alone = oms.stats.stratified([3, 0], [5, 0], [0, 2], [0, 4])
    assert np.isnan([getattr(alone, name) for name in FIELDS]).all()
    assert (alone.stars, alone.strata) == ("", 0)
    alike = oms.stats.stratified([5, 0], [5, 2], [3, 0], [3, 4])
    assert np.isnan(alike.statistic)
    assert np.isnan(alike.odds_ratio)
    assert (alike.stars, alike.strata, alike.difference) == ("--", 0, 0)
    missing = oms.stats.stratified([3, np.nan], [5, 6], [2, 2], [4, 4])
    assert np.isnan([getattr(missing, name) for name in FIELDS]).all()
    assert missing.stars == ""
    none = oms.stats.stratified([], [], [], [])
    assert np.isnan(none.statistic)


def test_an_odds_ratio_at_either_end_has_no_interval():
    found = oms.stats.stratified([5, 4], [5, 4], [2, 1], [5, 4])
    assert np.isposinf(found.odds_ratio)
    assert np.isnan([found.odds_ratio_low, found.odds_ratio_high, found.breslow_day]).all()
    assert found.p_value < 0.05
    assert oms.stats.stratified([2, 1], [5, 4], [5, 4], [5, 4]).odds_ratio == 0


def test_zero_cells_in_some_strata_leave_an_interval():
    found = oms.stats.stratified([5, 3], [5, 6], [2, 2], [5, 7])
    assert 0 < found.odds_ratio_low < found.odds_ratio < found.odds_ratio_high < np.inf


def test_groups_absent_everywhere_take_their_degree_of_freedom_with_them():
    k, n = np.array([[3, 4], [1, 6], [5, 2]]), np.array([[6, 9], [7, 8], [8, 7]])
    expected = cmh_groups(k, n)
    found = cmh_groups(np.insert(k, 1, 0, axis=0), np.insert(n, 1, 0, axis=0))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found[1] == 2
    # The third group is only where all answer alike.
    assert cmh_groups([[3, 0], [1, 0], [0, 0]], [[6, 4], [7, 2], [0, 5]])[1] == 1
    assert np.isnan(cmh_groups([[3, 0], [0, 1]], [[6, 0], [0, 5]])).all()


def test_sets_of_groups_that_share_no_stratum_are_compared_each_within_itself():
    one = np.array([[3, 1], [6, 7]])
    two = np.array([[5, 2], [9, 8]])
    k, n = np.zeros((4, 2)), np.zeros((4, 2))
    k[:2, 0], n[:2, 0] = one
    k[2:, 1], n[2:, 1] = two
    apart = [cmh_groups(x[0][:, np.newaxis], x[1][:, np.newaxis])[0] for x in (one, two)]
    statistic, df, _ = cmh_groups(k, n)
    assert float(statistic) == pytest.approx(float(sum(apart)), rel=1e-12)
    assert df == 2


@given(st.floats(1e-3, 1e3), st.integers(1, 400), st.integers(1, 400), st.integers(1, 400))
def test_expected_cells_have_the_margins_and_the_odds_ratio(w, n1, n2, s):
    assume(s < n1 + n2)
    a, (b, c, d) = expected_cells(*(np.float64(v) for v in (w, n1, n2, s)))
    assert a + b == pytest.approx(n1, rel=1e-9)
    assert c + d == pytest.approx(n2, rel=1e-9)
    assert a + c == pytest.approx(s, rel=1e-9)
    assert min(a, b, c, d) > 0
    assert math.log(a * d / (b * c)) == pytest.approx(math.log(w), abs=1e-9)


def test_small_p_values_keep_their_digits():
    """Against exact fractions and the standard library's erfc."""
    found = oms.stats.stratified([190] * 10, [200] * 10, [120] * 10, [200] * 10)
    close(found.statistic, float(recount.cmh([(190, 200, 120, 200)] * 10)), rel=1e-12)
    assert 1e-160 < found.p_value < 1e-120
    assert found.p_value == pytest.approx(math.erfc(math.sqrt(float(found.statistic) / 2)))


class TestBadInput:
    def test_counts_without_strata(self):
        with pytest.raises(UsageError, match="one entry for each stratum, on the last axis"):
            oms.stats.stratified(3, 5, 2, 4)

    @pytest.mark.parametrize("k", [[6, 1], [-1, 1], [1.5, 1]])
    def test_impossible_counts(self, k):
        with pytest.raises(UsageError, match="0 <= k <= n"):
            oms.stats.stratified(k, [5, 5], [2, 2], [4, 4])
        with pytest.raises(UsageError, match="0 <= k <= n"):
            oms.stats.stratified([2, 2], [4, 4], k, [5, 5])

    def test_shapes_that_do_not_fit(self):
        with pytest.raises(UsageError, match="broadcast"):
            oms.stats.stratified([1, 2], [3, 4], [1, 2, 3], [3, 4, 5])

    def test_confidence(self):
        with pytest.raises(UsageError, match=r"did you mean 0\.95"):
            oms.stats.stratified(MEN, OF_MEN, WOMEN, OF_WOMEN, confidence=95)
