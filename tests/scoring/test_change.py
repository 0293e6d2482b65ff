"""Change of scores between rounds: recounted case by case, pairing, refusals."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from tests.factories import rows as as_rows
from tests.scoring import effective_recount as slow
from tests.scoring.programme import BREAKDOWNS, FRAMEWORK, ITEMS, SIZES, WALD, framework, read
from tests.scoring.test_effective import Recount
from tests.scoring.test_recount import cases as random_cases, members

import omistats as oms
from omistats.inference.change import Change

Row = dict[str, Any]
ASKED: dict[str, Any] = {"by": "unit", "breakdowns": BREAKDOWNS}
KEYS = ("unit", "breakdown", "group", "item")
NULL = ("change", "change_low", "change_high", "statistic", "df", "df2", "p_value", "p_adjusted")


def case_set(rows: list[Row], asked: oms.Framework = FRAMEWORK) -> oms.CaseSet:
    columns = ["case_id", "unit", *(s.name for s in asked.strata), *asked.question_ids]
    data = {name: [row[name] for row in rows] for name in columns}
    units = [unit for unit in SIZES if any(row["unit"] == unit for row in rows)]
    return oms.CaseSet.from_data(data, framework=asked, units=units)


def by_key(table: Any) -> dict[tuple[str | None, ...], Row]:
    return {tuple(row[name] for name in KEYS): row for row in as_rows(table)}


def split(seed: int = 5, share: float = 0.55) -> tuple[list[Row], list[Row]]:
    """Deal the committed cases out to two rounds."""
    first = np.random.default_rng(seed).random(len(read())) < share
    return tuple(
        [row for row, here in zip(read(), first, strict=True) if here == wanted]
        for wanted in (True, False)
    )  # type: ignore[return-value]


@pytest.fixture(scope="module")
def cases() -> tuple[list[Row], list[Row]]:
    return split()


@pytest.fixture(scope="module")
def scored(cases: tuple[list[Row], list[Row]]) -> tuple[oms.Scores, oms.Scores]:
    now, before = (oms.scores(case_set(rows), **ASKED) for rows in cases)
    return now, before


def group_of(rows: list[Row], line: Row, **options: Any) -> slow.Group | None:
    here = [r for r in rows if line["unit"] in ("all", r["unit"])]
    member = members(line["breakdown"], line["group"])
    recount = Recount(rows, line["item"], **options)
    # Groups lie across units; the group of all cases has units as strata.
    return recount.of((r for r in here if member(r)), line["group"] not in (None, "all"))


def check_effective(row: Row, now: slow.Group | None, before: slow.Group | None) -> str:
    """Compare one row of a change with the recount of both rounds; return what it was."""
    if now is None or before is None:
        assert {row[name] for name in NULL} == {None}
        assert row["reason"].startswith("no applicable answers")
        return "none"
    assert row["change"] == pytest.approx(100 * (now.p - before.p), abs=1e-9)
    test = slow.compare(now, before)
    if test is None:
        assert row["p_value"] is row["change_low"] is None
        which = "this" if not now.known else "the earlier"
        assert row["reason"] == f"one case only in {which} round: spread between cases unknown"
        assert row["reliability"] == "one case only"
        return "alone"
    assert row["reason"] is None
    assert row["p_value"] == pytest.approx(test.p_value, rel=1e-7)
    assert row["statistic"] == pytest.approx(test.statistic, rel=1e-7, abs=1e-12)
    assert row["df"] == 1
    assert row["df2"] == (None if math.isinf(test.df) else pytest.approx(test.df))
    assert row["method"] == ("yates" if test.corrected else "pearson") + "-effective"
    assert row["interval_method"] == "score-effective"
    few = slow.too_few(now, before, test.p_value, 0.05)
    few |= slow.too_few(before, now, test.p_value, 0.05)
    assert row["reliability"] == ("too few cases to tell" if few else "ok")
    overall = (now.n * now.p + before.n * before.p) / (now.n + before.n)
    smallest = min(now.n, before.n) * min(overall, 1 - overall)
    assert row["expected"] == pytest.approx(smallest, abs=1e-9)
    return "few" if few else "tested"


class TestOnEffectiveAnswers:
    def test_every_row_is_recounted(self, cases, scored):
        now, before = scored
        change = now.compare(before)
        assert isinstance(change, Change)
        assert list(by_key(change)) == list(by_key(now))
        seen = [
            check_effective(row, *(group_of(rows, row) for rows in cases))
            for row in as_rows(change)
        ]
        assert len(seen) > 300
        # Isles of three cases are dealt out to both rounds.
        assert {"tested", "few", "alone"} <= set(seen)

    def test_intervals_are_found_by_a_search_over_likelihoods(self, cases, scored):
        now, before = scored
        found = 0
        for row in as_rows(now.level("headline").breakdown().compare(before)):
            one, other = (group_of(rows, row) for rows in cases)
            if one is None or other is None or not (one.known and other.known):
                continue
            ends = slow.difference(one, other, 0.95)
            assert row["change_low"] == pytest.approx(100 * ends[0], abs=1e-4)
            assert row["change_high"] == pytest.approx(100 * ends[1], abs=1e-4)
            assert (row["change_low"] > 0 or row["change_high"] < 0) == (row["p_value"] < 0.05)
            found += 1
        assert found > 8

    def test_the_figures_of_both_rounds_are_theirs(self, scored):
        now, before = map(by_key, scored)
        for place, row in by_key(scored[0].compare(scored[1])).items():
            for name in ("k", "n", "percent"):
                assert row[name] == now[place][name]
                assert row[f"previous_{name}"] == before[place][name]
            assert row["level"] == now[place]["level"]
            assert row["previous_item"] == row["item"]

    @pytest.mark.parametrize(
        ("adjust", "name"), [("bh", "fdr_bh"), ("holm", "holm"), ("bonferroni", "bonferroni")]
    )
    def test_the_family_is_every_change_tested(self, scored, adjust, name):
        change = scored[0].compare(scored[1], adjust=adjust)
        for is_all in (False, True):
            family = [
                r
                for r in as_rows(change)
                if r["p_value"] is not None
                and (r["unit"] == "all") == is_all
                # All cases, again as a group of a complement, are one change.
                and r["group"] != "all"
            ]
            wanted = multipletests([r["p_value"] for r in family], method=name)[1]
            assert [r["p_adjusted"] for r in family] == pytest.approx(wanted)
            assert f"over all {len(family)}" in change.family

    def test_views_are_parts_of_the_whole(self, scored):
        now, before = scored
        whole = by_key(now.compare(before))
        for view, earlier in (
            (now.unit("south"), before),
            (now.breakdown("gender").item("1", "safety"), before.unit("north", "all")),
            (now.breakdown(), before.level("criterion")),
        ):
            part = by_key(view.compare(earlier))
            assert set(part) == set(by_key(view)) & set(by_key(earlier))
            assert part == {place: whole[place] for place in part}
            tests = sum(r["p_value"] is not None for r in whole.values())
            assert f"of {tests} tests shown" in repr(view.compare(earlier))

    def test_weights_strata_and_clusters(self, cases):
        def weight(row: Row) -> float:
            return 1.0 + len(row["case_id"]) % 2 + int(row["case_id"][-1]) % 3

        def stratum(row: Row) -> str:
            return f"{row['unit']} {int(row['case_id'][-1]) % 2}"

        made = [
            oms.scores(
                case_set(rows),
                weight=[weight(r) for r in rows],
                stratum=[stratum(r) for r in rows],
                **ASKED,
            )
            for rows in cases
        ]
        seen = {
            check_effective(
                row, *(group_of(rows, row, weight=weight, stratum=stratum) for rows in cases)
            )
            for row in as_rows(made[0].compare(made[1]))
        }
        assert "tested" in seen

    def test_caseloads_that_are_known_whole(self, cases):
        sizes = [{u: sum(r["unit"] == u for r in rows) for u in SIZES} for rows in cases]
        now, before = (
            oms.scores(case_set(rows), by="unit", population=own)
            for rows, own in zip(cases, sizes, strict=True)
        )
        for row in as_rows(now.compare(before)):
            if row["change"] is None:
                continue
            ends = [row["change_low"], row["change_high"]]
            assert ends == pytest.approx([row["change"]] * 2, abs=1e-12)
            assert row["p_value"] is row["stars"] is None
            assert row["reason"].startswith("all cases are known")
        sample = oms.scores(case_set(cases[1]), by="unit")
        for row in as_rows(now.unit("north").compare(sample)):
            assert row["p_value"] is not None
            assert row["change_low"] <= row["change"] <= row["change_high"]

    def test_sums_give_what_cases_give(self, cases, scored):
        now = oms.scores(oms.score_tally(case_set(cases[0]), breakdowns=BREAKDOWNS), by="unit")
        assert now.compare(scored[1]).table.equals(scored[0].compare(scored[1]).table)

    def test_permuted_scores_are_compared_on_effective_answers(self, cases, scored):
        made = [
            oms.scores(case_set(rows), test="permutation", permutations=19, seed=1, **ASKED)
            for rows in cases
        ]
        found = made[0].compare(made[1]).table
        assert found["p_value"].equals(scored[0].compare(scored[1]).table["p_value"])

    def test_scores_that_were_pickled(self, scored):
        now, before = scored
        again, earlier = (pickle.loads(pickle.dumps(s)) for s in scored)
        assert again.compare(earlier).table.equals(now.compare(before).table)
        change = pickle.loads(pickle.dumps(now.compare(before)))
        assert repr(change) == repr(now.compare(before))

    def test_thin_rows_are_marked(self, scored):
        shown = repr(scored[0].unit("isle").compare(scored[1]))
        assert "one case only" in shown or "too few cases to tell" in shown
        assert any(line.rstrip().endswith("?") for line in shown.splitlines())


def one_question(k: int, n: int) -> oms.Scores:
    """Score n cases with one answer each."""
    asked = oms.Framework(
        "one",
        [oms.Question("q", "Question", oms.Link("1.1", "published"))],
        [oms.Stratum("sex", ("f", "m"))],
        items=[oms.Item("1", "section", "First"), oms.Item("1.1", "criterion", "A", parent="1")],
    )
    data = {
        "case_id": range(n),
        "unit": ["U"] * n,
        "sex": ["f"] * n,
        "q": [i < k for i in range(n)],
    }
    return oms.scores(oms.CaseSet.from_data(data, framework=asked), items=["1.1"])


COUNTS = st.integers(2, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(deadline=None, max_examples=60)
@given(COUNTS, COUNTS)
def test_one_answer_a_case_is_pearsons_test(one, other):
    """Yates's where a cell expects fewer than 5, without where not: as scipy has it."""
    row = as_rows(one_question(*one).compare(one_question(*other)))[0]
    cells = np.array([[one[0], one[1] - one[0]], [other[0], other[1] - other[0]]])
    if not cells.sum(axis=0).all():
        assert row["p_value"] == 1
        assert row["change"] == 0
        return
    few = stats.contingency.expected_freq(cells).min() < 5
    # Yates moves cells towards what they expect, and no further.
    tested = stats.chi2_contingency(cells, correction=bool(few))
    if abs(stats.contingency.expected_freq(cells).min() - 5) > 1e-9:
        assert row["p_value"] == pytest.approx(tested.pvalue, rel=1e-6)
    assert row["previous_n"] == other[1]
    assert -100 <= row["change_low"] <= row["change"] <= row["change_high"] <= 100


def test_one_question_is_the_change_of_findings():
    counts = (25, 40), (40, 90)
    row = as_rows(one_question(*counts[0]).compare(one_question(*counts[1])))[0]
    now, before = (
        oms.Findings.from_counts([k], [n], questions=["q"], groups=["x"]) for k, n in counts
    )
    wanted = as_rows(now.compare(before))[0]
    for name in ("change", "statistic", "p_value", "expected"):
        assert row[name] == pytest.approx(wanted[name], rel=1e-12)


@settings(deadline=None, max_examples=25)
@given(random_cases(), random_cases())
def test_rounds_swapped_and_rounds_alike(rows, others):
    asked: dict[str, Any] = {"by": "unit", "breakdowns": ["gender"]}
    now, before = (oms.scores(case_set(r), **asked) for r in (rows, others))
    forth, back = by_key(now.compare(before)), by_key(before.compare(now))
    assert set(forth) == set(back)
    for place, row in forth.items():
        other = back[place]
        assert (row["change"] is None) == (other["change"] is None)
        assert (row["reason"] is None) == (row["p_value"] is not None)
        if row["change"] is not None:
            assert row["change"] == -other["change"]
            assert row["reliability"] == other["reliability"]
        if row["p_value"] is not None:
            assert row["p_value"] == pytest.approx(other["p_value"], rel=1e-9)
            assert row["change_low"] == pytest.approx(-other["change_high"], abs=1e-7)
            assert row["change_low"] - 1e-9 <= row["change"] <= row["change_high"] + 1e-9
    again = oms.scores(case_set(rows), **asked)
    for row in as_rows(now.compare(again)):
        assert row["change"] in (0.0, None)
        assert row["p_value"] is None or row["p_value"] == 1


class TestByWald:
    def row(self, change: Change) -> Row:
        return next(r for r in as_rows(change) if r["unit"] == "north" and r["item"] == "1.1")

    @pytest.mark.parametrize("rule", ["pooled", "questions", "cases"])
    @pytest.mark.parametrize("df", [None, "design"])
    def test_every_row_by_scipys_t(self, cases, rule, df):
        asked = {**ASKED, **WALD, "rule": rule, "df": df, "lonely": "null"}
        now, before = (oms.scores(case_set(rows), **asked) for rows in cases)
        figures, earlier = by_key(now), by_key(before)
        sizes = [
            {
                unit: sum(r["unit"] == unit for r in rows) - 1
                for unit in SIZES
                if any(r["unit"] == unit for r in rows)
            }
            for rows in cases
        ]
        tested = 0
        for place, row in by_key(now.compare(before)).items():
            s1, s0 = figures[place]["se"], earlier[place]["se"]
            if row["change"] is None or not s1 or not s0:
                assert row["p_value"] is None
                continue
            own = [
                sum(size.values()) if row["unit"] == "all" else size[row["unit"]] for size in sizes
            ]
            v1, v0 = s1**2, s0**2
            spread = (v1 + v0) ** 0.5
            if df:
                nu = (v1 + v0) ** 2 / (v1**2 / own[0] + v0**2 / own[1])
                law = stats.t(nu)
                assert row["df"] == pytest.approx(nu)
            else:
                law = stats.norm()
                assert row["df"] is None
            z = row["change"] / spread
            assert row["statistic"] == pytest.approx(z)
            assert row["p_value"] == pytest.approx(2 * law.sf(abs(z)), rel=1e-9)
            half = law.ppf(0.975) * spread
            wanted = max(row["change"] - half, -100), min(row["change"] + half, 100)
            assert (row["change_low"], row["change_high"]) == pytest.approx(wanted)
            assert row["method"] == row["interval_method"] == ("wald-t" if df else "wald")
            tested += 1
        assert tested > 200

    def test_other_rules_come_with_t(self, cases):
        now, before = (
            oms.scores(case_set(rows), rule="cases", by="unit", lonely="null") for rows in cases
        )
        assert self.row(now.compare(before))["method"] == "wald-t"

    def test_clusters_that_cross_groups_are_compared_by_wald(self, cases):
        asked = {"by": "unit", "breakdowns": ["gender"], "lonely": "null"}
        made = [
            oms.scores(
                case_set(rows),
                cluster=[f"{r['unit']} {int(r['case_id'][-1])}" for r in rows],
                **asked,
            )
            for rows in cases
        ]
        found = [r for r in as_rows(made[0].compare(made[1])) if r["p_value"] is not None]
        methods = {r["method"] for r in found if r["breakdown"] == "gender"}
        assert methods == {"wald-t"}
        assert {r["method"] for r in found if r["breakdown"] is None} <= {
            "pearson-effective",
            "yates-effective",
        }

    def test_no_spread(self):
        rows = [
            {**row, **{q: q.startswith("a") or None for q in FRAMEWORK.question_ids}}
            for row in read()
            if row["unit"] != "isle"
        ]
        asked = {**WALD, "items": ["1.1"]}
        now, before = (oms.scores(case_set(r), **asked) for r in (rows, rows[::2]))
        row = as_rows(now.compare(before))[0]
        assert (row["change"], row["p_value"], row["stars"]) == (0.0, None, "--")
        assert row["reason"] == "every answer is the same"
        effective = [oms.scores(case_set(r), items=["1.1"]) for r in (rows, rows[::2])]
        row = as_rows(effective[0].compare(effective[1]))[0]
        assert (row["change"], row["p_value"], row["stars"]) == (0.0, 1.0, "--")
        assert row["change_low"] < 0 < row["change_high"]


class TestWhatCannotBeCompared:
    def test_units_of_one_round(self, cases):
        here = [r for r in cases[0] if r["unit"] != "east"]
        there = [r for r in cases[1] if r["unit"] != "west"]
        now, before = (oms.scores(case_set(r), by="unit", items=["1"]) for r in (here, there))
        reasons = {r["unit"]: r["reason"] for r in as_rows(now.compare(before))}
        assert reasons["west"] == "unit only in this round"
        assert reasons["east"] == "unit only in the earlier round"
        assert list(reasons)[-1] == "east"
        assert "unit only in this round: 1" in repr(now.compare(before))
        for row in as_rows(now.compare(before)):
            if row["unit"] in ("east", "west"):
                assert {row[name] for name in NULL} == {None}

    def test_breakdowns_and_items_of_one_round(self, cases):
        now = oms.scores(case_set(cases[0]), breakdowns=["gender"], items=["1", "1.1"])
        before = oms.scores(case_set(cases[1]), breakdowns=["plan"], items=["1", "safety"])
        found = as_rows(now.compare(before))
        reasons = {(r["item"], r["breakdown"]): r["reason"] for r in found}
        assert reasons[("1", None)] is None
        assert reasons[("1.1", None)] == "item only in this round"
        assert reasons[("safety", None)] == "item only in the earlier round"
        assert reasons[("1", "gender")] == "breakdown only in this round"
        assert reasons[("1", "plan")] == "breakdown only in the earlier round"
        levels = {r["item"]: r["level"] for r in found}
        assert levels == {"1": "section", "1.1": "criterion", "safety": "headline"}

    def changed(self, cases, **changes):
        """Score the second round under a framework that differs."""
        now = oms.scores(case_set(cases[0]), by="unit")
        before = oms.scores(case_set(cases[1], framework(**changes)), by="unit")
        return now, before

    def test_a_label_that_changed(self, cases):
        items = [
            oms.Item(i.id, i.level, f" {i.label.upper()}  " if i.id == "1.1" else i.label, i.parent)
            for i in ITEMS
        ]
        now, before = self.changed(cases, items=items)
        assert not any("changed" in (r["reason"] or "") for r in as_rows(now.compare(before)))
        items[0] = oms.Item("1", "section", "Another thing")
        now, before = self.changed(cases, items=items)
        found = {r["item"]: r for r in as_rows(now.compare(before)) if r["unit"] == "north"}
        assert found["1"]["reason"] == "the item's label changed"
        assert {found["1"][name] for name in NULL} == {None}
        assert found["1"]["n"]
        assert found["1"]["previous_n"]
        assert found["1.1"]["change"] is not None
        with pytest.raises(oms.DataError, match="'Finding out' here and 'Another thing'") as caught:
            now.compare(before, strict=True)
        assert [p.where for p in caught.value.problems] == ["1"]
        vouched = now.compare(before, items={"1": "1"}, strict=True)
        assert by_key(vouched)["north", None, None, "1"]["change"] is not None
        apart = now.compare(before, items={"1": None}, strict=True)
        reasons = [r["reason"] for r in as_rows(apart) if (r["unit"], r["item"]) == ("north", "1")]
        assert reasons == ["item only in this round", "item only in the earlier round"]

    def test_questions_that_changed(self, cases):
        questions = [
            oms.Question(
                "a0" if q.id == "a1" else q.id,
                {"b1": "Reworded", "c1": " question  C1"}.get(q.id, q.label),
                None if q.id == "d1" else q.criterion,
                q.headlines,
                provenance=q.provenance,
            )
            for q in FRAMEWORK.questions
        ]
        rows = [{**r, "a0": r["a1"]} for r in cases[1]]
        now, before = self.changed((cases[0], rows), questions=questions)
        found = {r["item"]: r for r in as_rows(now.compare(before)) if r["unit"] == "all"}
        changed = {i for i, r in found.items() if r["reason"] == "the item's questions changed"}
        # a1 feeds 1.1, 1 and safety; b1 1.2 and both headlines; 2.2 fed by d1 has no score.
        assert changed == {"1", "1.1", "1.2", "2", "safety", "progress"}
        assert found["2.2"]["reason"] == "item only in this round"
        assert found["2.1"]["change"] is not None
        with pytest.raises(oms.DataError) as caught:
            now.compare(before, strict=True)
        assert {p.where for p in caught.value.problems} == changed
        assert "'a1' only in this round; 'a0' only in the earlier round" in str(caught.value)
        assert "'b1' with another label" in str(caught.value)
        pairs = {"a0": "a1", "b1": "b1"}
        paired = now.compare(before, questions=pairs)
        left = {r["item"] for r in as_rows(paired) if "questions" in (r["reason"] or "")}
        assert left == {"2"}
        assert now.compare(
            before, questions={"a0": "a1", "b1": "b1"}, items={"2": "2"}, strict=True
        )

    def test_a_renamed_item(self, cases):
        items = [
            oms.Item("wellbeing" if i.id == "safety" else i.id, i.level, i.label, i.parent)
            for i in ITEMS
        ]
        questions = [
            oms.Question(
                q.id,
                q.label,
                q.criterion,
                [
                    oms.Link("wellbeing" if x.item == "safety" else x.item, x.provenance)
                    for x in q.headlines
                ],
                provenance=q.provenance,
            )
            for q in FRAMEWORK.questions
        ]
        now, before = self.changed(cases, items=items, questions=questions)
        row = by_key(now.compare(before, items={"wellbeing": "safety"}))[
            "all", None, None, "safety"
        ]
        assert row["previous_item"] == "wellbeing"
        same = oms.scores(case_set(cases[1]), by="unit")
        wanted = by_key(now.compare(same))["all", None, None, "safety"]
        assert row["change"] == wanted["change"]
        assert row["p_value"] == wanted["p_value"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"rule": "cases"}, "found rule='pooled' here and rule='cases' in the earlier scores"),
            ({"test": "wald"}, "found test='effective' here and test='wald'"),
            ({"confidence": 0.9}, "found confidence=0.95 here and confidence=0.9"),
        ],
    )
    def test_other_rules(self, cases, scored, options, message):
        before = oms.scores(case_set(cases[1]), by="unit", lonely="null", **options)
        with pytest.raises(oms.UsageError, match=message):
            scored[0].compare(before)

    def test_other_degrees_of_freedom(self, cases):
        now, before = (
            oms.scores(case_set(rows), df=df, lonely="null", **WALD)
            for rows, df in zip(cases, (None, "design"), strict=True)
        )
        with pytest.raises(oms.UsageError, match="df=None here and df='design'"):
            now.compare(before)

    def test_another_interval_of_scores_is_no_other_test(self, cases, scored):
        before = oms.scores(case_set(cases[1]), interval="logit", lonely="null", **ASKED)
        found = scored[0].compare(before).table["p_value"]
        assert found.equals(scored[0].compare(scored[1]).table["p_value"])

    def test_weighted_and_unweighted(self, cases, scored):
        weighted = oms.scores(case_set(cases[1]), weight=np.ones(len(cases[1])), **ASKED)
        for one, other, which in ((scored[0], weighted, "this"), (weighted, scored[0], "the earl")):
            with pytest.raises(oms.UsageError, match=f"score {which}.* round with weights too"):
                one.compare(other)

    def test_the_same_scores(self, scored):
        for other in (scored[0], scored[0].unit("north")):
            with pytest.raises(oms.UsageError, match="both rounds are the same scores"):
                scored[0].compare(other)

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"adjust": "hommel"}, oms.UnknownNameError, "unknown adjustment 'hommel'"),
            ({"items": {"z": "1"}}, oms.UnknownNameError, "item of the earlier round 'z'"),
            ({"items": {"1": "z"}}, oms.UnknownNameError, "item of this round 'z'"),
            ({"items": {"1": "2"}}, oms.UsageError, "'2' would be compared with '1' and '2'"),
            ({"questions": {"z": "a1"}}, oms.UnknownNameError, "question of the earlier round"),
            ({"questions": ["a1"]}, oms.UsageError, "`questions` must map earlier ids"),
            ({"strict": 1}, oms.UsageError, "`strict` must be True or False"),
        ],
    )
    def test_arguments(self, scored, options, error, message):
        with pytest.raises(error, match=message):
            scored[0].compare(scored[1], **options)

    def test_no_scores(self, scored):
        with pytest.raises(oms.UsageError, match="expected Scores; found dict"):
            scored[0].compare({})

    def test_nothing_in_common(self, cases):
        now, before = (
            oms.scores(case_set(rows), items=[item])
            for rows, item in zip(cases, ("1", "2"), strict=True)
        )
        with pytest.raises(oms.UsageError, match="the rounds have no item in common"):
            now.compare(before)

    def test_a_bare_table(self, scored):
        bare = oms.Scores(scored[1].table, FRAMEWORK)
        with pytest.raises(oms.UsageError, match="a bare table lacks"):
            scored[0].compare(bare)
