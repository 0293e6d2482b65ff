"""All cases together and crossed breakdowns, in everything that takes breakdowns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from tests.graded_cases import assert_same_counts, frame, framework, in_group, recount

import omistats as oms

CROSS = ("sex", "risk")
GROUPS = [f"{sex}, {risk}" for sex in ("girl", "boy") for risk in ("high", "medium", "low")]
DATA = frame(7, 240)


def cases(policy: Any = "left out") -> oms.CaseSet:
    return oms.CaseSet.from_data(DATA, framework=framework(policy))


def counts(fits: Any, unit: str = "all", policy: str = "left out") -> Any:
    return recount(DATA, policy, "not applicable", lambda c: unit in ("all", c["unit"]) and fits(c))


class TestCrossed:
    def test_findings_have_a_group_for_each_combination(self):
        found = oms.recompute(cases(), by="unit", breakdowns=[CROSS])
        rows = found.table.to_pylist()
        assert {r["breakdown"] for r in rows} == {"sex x risk"}
        assert [r["group"] for r in rows][:6] == GROUPS
        for row in rows:
            expected = counts(in_group(row["breakdown"], row["group"]), row["unit"])
            got = row["k"], row["n"], row["not_answered"]
            assert got == expected[row["question"]]

    def test_one_test_of_all_groups(self):
        rows = oms.recompute(cases(), breakdowns=[CROSS], questions=["plan"]).table.to_pylist()
        table = [[r["k"], r["n"] - r["k"]] for r in rows]
        expected = stats.chi2_contingency(table, correction=False)
        assert rows[0]["df"] == 5
        assert {r["p_value"] for r in rows} == {rows[0]["p_value"]}
        assert rows[0]["p_value"] == pytest.approx(expected.pvalue)

    def test_who_is_in_no_group_of_one_is_in_none_of_the_cross(self):
        (row,) = oms.recompute(cases(), breakdowns=[CROSS]).unclassified.to_pylist()
        unknown = sum(None in pair for pair in zip(DATA["sex"], DATA["risk"], strict=True))
        assert (row["unclassified"], row["excluded"]) == (unknown, 0)

    def test_labels_left_out_of_one_are_left_out_of_the_cross(self):
        class HighOrLow(oms.Breakdown):
            key = "risk"
            groups = ("high", "low")
            excluded = ("medium",)

        (row,) = oms.recompute(cases(), breakdowns=[("sex", HighOrLow)]).unclassified.to_pylist()
        pairs = list(zip(DATA["sex"], DATA["risk"], strict=True))
        unknown = sum(None in pair for pair in pairs)
        assert row["unclassified"] + row["excluded"] == unknown + sum(
            r == "medium" and s is not None for s, r in pairs
        )

    def test_levels(self):
        rows = oms.levels(cases(), breakdowns=[CROSS], questions=["plan"]).table.to_pylist()
        assert list(dict.fromkeys(r["group"] for r in rows)) == GROUPS
        for row in rows:
            fits = in_group("sex x risk", row["group"])
            inside = [
                c
                for i, c in enumerate(DATA["plan"])
                if fits({"sex": DATA["sex"][i], "risk": DATA["risk"][i]})
            ]
            assert row["k"] == inside.count(row["level"])

    @pytest.mark.parametrize("policy", ["left out", "not sufficient"])
    def test_scores(self, policy):
        feeds = {"work": ("plan", "seen", "shared"), "contact": ("method",)}
        found = oms.scores(cases(policy), by="unit", breakdowns=[CROSS, "sex"]).table.to_pylist()
        assert {r["breakdown"] for r in found} == {None, "sex x risk", "sex"}
        for row in found:
            key = row["breakdown"] or "all"
            fits = in_group(key, row["group"] or "all")
            expected = counts(fits, row["unit"], policy)
            sums = np.sum([expected[q] for q in feeds[row["item"]]], axis=0).tolist()
            assert [row["k"], row["n"], row["not_answered"]] == sums

    def test_bootstrap_and_permutation(self):
        made = cases()
        found = oms.bootstrap(made, breakdowns=[CROSS], draws=20, seed=1).table.to_pylist()
        exact = oms.recompute(made, breakdowns=[CROSS]).table.to_pylist()
        percents = {(r["question"], r["group"]): r["percent"] for r in exact}
        assert {r["group"] for r in found} >= set(GROUPS)
        for row in found:
            if row["group"] in GROUPS and row.get("percent") is not None:
                expected = percents[row["question"], row["group"]]
                assert row["percent"] == pytest.approx(expected)
        p_values = oms.max_t(made, breakdowns=[CROSS], permutations=50, seed=1)
        assert set(p_values.table["breakdown"].to_pylist()) == {"sex x risk"}

    def test_what_cannot_be_crossed(self):
        class High(oms.Breakdown):
            key = "risk"
            groups = ("high", "all")
            contrast = "complement"

        for wrong in (("sex",), ("sex", "sex"), ("sex", High), ("sex", ("sex", "risk")), ()):
            with pytest.raises(oms.UsageError, match=r"cross|expected a Breakdown"):
                oms.recompute(cases(), breakdowns=[wrong])
        with pytest.raises(oms.UnknownNameError, match="did you mean 'risk'"):
            oms.recompute(cases(), breakdowns=[("sex", "rsik")])


class TestAllCases:
    def test_findings(self):
        rows = oms.recompute(cases(), by="unit", breakdowns=[]).table.to_pylist()
        assert {(r["breakdown"], r["group"]) for r in rows} == {("all", "all")}
        for row in rows:
            expected = counts(lambda c: True, row["unit"])
            assert (row["k"], row["n"], row["not_answered"]) == expected[row["question"]]
            assert row["p_value"] is None
            assert row["stars"] is None
            assert row["reason"] == "no second group to compare with"

    def test_levels_scores_and_bootstrap(self):
        rows = oms.levels(cases(), breakdowns=[]).table.to_pylist()
        assert {(r["breakdown"], r["group"], r["p_value"]) for r in rows} == {("all", "all", None)}
        scores = oms.scores(cases(), breakdowns=[]).table
        assert scores["breakdown"].null_count == len(scores)
        found = oms.bootstrap(cases(), breakdowns=[], draws=10, seed=1)
        assert found.table["group"].unique().to_pylist() == ["all"]


@pytest.mark.parametrize("breakdowns", [[], [CROSS], [CROSS, "sex"]])
@pytest.mark.parametrize("policy", ["left out", "not sufficient"])
class TestTallies:
    def test_saved_merged_and_regrouped(self, breakdowns, policy, tmp_path):
        made = cases(policy)
        whole = oms.tally(made, by="unit", breakdowns=breakdowns)
        whole.write(tmp_path / "tally.arrow")
        again = oms.Tally.read(tmp_path / "tally.arrow", framework=made.framework)
        assert_same_counts(again, whole)
        halves = [made.filter(np.arange(240) % 2 == part) for part in (0, 1)]
        one, two = (oms.tally(half, by="unit", breakdowns=breakdowns) for half in halves)
        assert_same_counts(one.merge(two), whole)
        regions = {u: "north" if u < "U2" else "south" for u in made.units}
        assert_same_counts(
            whole.regroup(regions),
            oms.tally(made.regroup(regions), by="unit", breakdowns=breakdowns),
        )
        assert_same_counts(whole.collapse_units(), oms.tally(made, breakdowns=breakdowns))
        found = oms.recompute(again, by="unit").table
        assert found.equals(oms.recompute(made, by="unit", breakdowns=breakdowns).table)

    def test_sums_behind_scores(self, breakdowns, policy, tmp_path):
        made = cases(policy)
        whole = oms.score_tally(made, breakdowns=breakdowns)
        whole.write(tmp_path / "sums.arrow")
        again = oms.ScoreTally.read(tmp_path / "sums.arrow", framework=made.framework)
        halves = [made.filter(np.arange(240) % 2 == part) for part in (0, 1)]
        one, two = (oms.score_tally(half, breakdowns=breakdowns) for half in halves)
        expected = oms.scores(made, by="unit", breakdowns=breakdowns).table
        for sums in (whole, again, one.merge(two), whole.replace(whole.drop_units("U1"))):
            found = oms.scores(sums, by="unit").table
            assert found["not_answered"].equals(expected["not_answered"])
            assert found["n"].equals(expected["n"])
        regions = {u: "north" if u < "U2" else "south" for u in made.units}
        got = oms.scores(whole.regroup(regions), by="unit").table
        want = oms.scores(made.regroup(regions), by="unit", breakdowns=breakdowns).table
        assert got["not_answered"].equals(want["not_answered"])


def test_sums_of_another_cut_or_policy_are_refused(tmp_path):
    made = cases()
    oms.score_tally(made).write(tmp_path / "sums.arrow")
    oms.tally(made, breakdowns=[]).write(tmp_path / "tally.arrow")
    known = made.framework
    for other, words in (
        (known.with_cut({"plan": ["fully met"]}), "sufficient levels"),
        (framework("not sufficient"), "not answered: left out then, not sufficient now"),
    ):
        with pytest.raises(oms.DataError, match=words):
            oms.ScoreTally.read(tmp_path / "sums.arrow", framework=other)
        with pytest.raises(oms.UsageError, match=words):
            oms.Tally.read(tmp_path / "tally.arrow", framework=other)
        for one, two in (
            (oms.score_tally(made), oms.score_tally(oms.CaseSet.from_data(DATA, framework=other))),
            (oms.tally(made), oms.tally(oms.CaseSet.from_data(DATA, framework=other))),
        ):
            with pytest.raises(oms.UsageError, match="framework"):
                one.merge(two)  # type: ignore[attr-defined]


def test_sums_that_cannot_be():
    import attrs

    sums = oms.score_tally(cases())
    assert sums.not_answered is not None
    for wrong, words in (
        (sums.not_answered - 1000, "0 or more"),
        (sums.not_answered + 1000, "every question of every case"),
        (sums.not_answered[:1], "must be int64 of shape"),
        (sums.not_answered.tolist(), "found list"),
    ):
        with pytest.raises(oms.UsageError, match=words):
            attrs.evolve(sums, not_answered=wrong)


def test_wide_tables_and_text_say_what_was_not_answered():
    found = oms.recompute(cases(), questions=["plan", "seen"])
    girl, boy = (counts(in_group("sex", group)) for group in ("girl", "boy"))
    for row in found.wide().to_pylist():
        numbers = row["girl not answered"], row["boy not answered"]
        assert numbers == (girl[row["question"]][2], boy[row["question"]][2])
    total = sum(one[q][2] for one in (girl, boy) for q in ("plan", "seen"))
    assert f"not answered, in this table: {total}" in repr(found)
    assert "not_answered" not in found.comparisons().column_names
    without = oms.CaseSet.from_data(
        {"case_id": [1], "unit": ["A"], "seen": [True]},
        framework=oms.Framework("plain", [oms.Question("seen", "Seen")]),
    )
    plain = oms.recompute(without, breakdowns=[])
    assert "all not answered" not in plain.wide().column_names
    assert "not answered" not in repr(plain)
