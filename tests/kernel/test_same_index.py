"""Two pandas Series of one call, without cases, must have the same index."""

from __future__ import annotations

import pandas as pd
import pytest

import omistats as oms


class TestNumbersWithoutCases:
    """Functions of numbers go by place, as no rows of a frame are behind them."""

    k = pd.Series([14, 9, 3], ["a", "b", "c"])
    n = pd.Series([20, 30, 9], ["a", "b", "c"])

    def test_the_same_index(self):
        found = oms.stats.interval(self.k, self.n)
        assert found.estimate.tolist() == [14 / 20, 9 / 30, 3 / 9]
        backwards = self.n.to_numpy()[::-1] + 20
        assert oms.stats.interval(self.k, backwards).estimate.tolist() == [14 / 29, 9 / 50, 3 / 40]
        assert oms.stats.interval(self.k, 40).estimate.tolist() == [14 / 40, 9 / 40, 3 / 40]

    @pytest.mark.parametrize(
        "call",
        [
            oms.stats.interval,
            lambda k, n: oms.stats.compare(k, n.sort_index(), 3, n),
            lambda k, n: oms.stats.difference(3, 9, k, n),
            oms.stats.compare_groups,
            oms.stats.trend,
            lambda k, n: oms.stats.stratified(k, n, k, n),
            lambda k, n: oms.stats.equivalence(k, n, 3, 9, margin=0.1),
            oms.stats.ratio,
            lambda k, n: oms.stats.ratio(k, k, weight=n),
            lambda k, n: oms.stats.compare_weighted(k > 3, n, weight=n.sort_index()),
            lambda k, n: oms.stats.power(k / 20, 0.5, n, n),
            lambda k, n: oms.stats.detectable(k / 20, n, n),
            lambda k, n: oms.stats.sample_size(k / 20, n / 40),
            lambda k, n: oms.stats.sample_for_precision(0.1, p=k / 20, population=n),
            lambda k, n: oms.stats.band_probabilities(n, k / 20, cuts=[0.5]),
            oms.forensics.infer_rounding,
            lambda k, n: oms.forensics.attainable(k, n, 50, 30),
            lambda k, n: oms.forensics.difference_behind(k, n, 50, 30),
            lambda k, n: oms.forensics.survivors(k, k, k, k, n.astype(str)),
        ],
    )
    def test_two_that_are_not_in_the_same_order(self, call):
        with pytest.raises(oms.UsageError, match="must have the same index"):
            call(self.k, self.n.iloc[::-1])

    def test_data_frames_of_counts_go_by_the_names_of_questions_and_groups(self):
        names = {"questions": ["plan", "visit"], "groups": ["north", "south"]}
        k = pd.DataFrame([[4, 3], [2, 1]], ["visit", "plan"], ["south", "north"])
        found = oms.Findings.from_counts(k, k + 5, **names).table
        counted = {(r["question"], r["group"]): r["k"] for r in found.to_pylist()}
        assert counted == {(q, g): k.loc[q, g] for q in names["questions"] for g in names["groups"]}
        # Other labels say nothing, and one question may be a Series.
        plain = k.set_axis([1, 2]).set_axis(["x", "y"], axis=1)
        found = oms.Findings.from_counts(plain, plain + 5, **names).table
        assert found["k"].to_pylist() == [4, 3, 2, 1]
        one = pd.Series({"south": 4, "north": 3})
        found = oms.Findings.from_counts(one, one + 5, questions=["plan"], groups=names["groups"])
        assert found.table["k"].to_pylist() == [3, 4]
        with pytest.raises(oms.UsageError, match="must have the same columns"):
            oms.Findings.from_counts(k, (k + 5)[["north", "south"]], **names)
