"""Scores on effective answers, from cases, sums and engines, against a recount in plain Python."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st
from tests.scoring import effective_recount as slow
from tests.scoring.programme import (
    BREAKDOWNS,
    FRAMEWORK,
    ITEMS,
    SIZES,
    STRATA,
    WALD,
    case_set,
    feeds,
    have_spread,
    read,
)
from tests.scoring.test_recount import cases as random_cases, compared, members

import omistats as oms

Row = dict[str, Any]
Rows = list[Row]
ASKED: dict[str, Any] = {"by": "unit", "breakdowns": BREAKDOWNS}
CASELOADS = {"north": 60, "south": 28, "east": 110, "west": 45, "coast": 1000, "isle": 3}
ALONE = "one case only: spread between cases unknown"
IN_FULL = "all cases are known, so groups are compared without a test"


def close(found: float | None, expected: float | None, rel: float = 1e-9) -> None:
    assert found == (None if expected is None else pytest.approx(expected, rel=rel, abs=1e-9))


class Recount:
    """The groups of cases that a table of scores has rows of."""

    def __init__(
        self,
        rows: Rows,
        item: str,
        *,
        weight: Callable[[Row], float] = lambda row: 1.0,
        fraction: Callable[[Row], float] = lambda row: 0.0,
        stratum: Callable[[Row], str] = lambda row: row["unit"],
        cluster: Callable[[Row], str] = lambda row: row["case_id"],
    ) -> None:
        self.rows, self.item = rows, item
        self.weight, self.fraction, self.stratum, self.cluster = weight, fraction, stratum, cluster

    def strata(self, rows: Iterable[Row], together: bool) -> list[list[slow.Case]]:
        found: dict[str, dict[str, list[slow.Case]]] = {}
        for row in rows:
            one = slow.case(row, feeds(self.item), self.weight(row), self.fraction(row))
            own = found.setdefault("" if together else self.stratum(row), {})
            own.setdefault(self.cluster(row), []).append(one)
        return [[slow.cluster(cases) for cases in own.values()] for own in found.values()]

    def of(self, rows: Iterable[Row], together: bool = False) -> slow.Group | None:
        return slow.group(self.strata(rows, together))

    def check(self, line: Row, complement: str = "all", confidence: float = 0.95) -> None:
        """Compare one row of scores."""
        here = [r for r in self.rows if line["unit"] in ("all", r["unit"])]
        member = members(line["breakdown"], line["group"])
        # Groups lie across strata; the group of all cases is the unit itself.
        own = self.of((r for r in here if member(r)), line["group"] not in (None, "all"))
        figures = ("percent", "low", "high", "effective_n", "effective_df", "cases")
        if own is None:
            # Answers of weight 0 are counted in n.
            counted = 0 if line["n"] else None
            assert [line[name] for name in figures] == [*[None] * 5, counted]
            assert line["reliability"] is None
            if not line["n"]:
                assert line["reason"] == "no applicable answers"
        else:
            close(line["percent"], 100 * own.p)
            close(line["effective_n"], own.n)
            close(line["effective_df"], None if math.isinf(own.df) else own.df)
            assert line["cases"] == own.cases
            ends = slow.interval(own, confidence)
            close(line["low"], None if ends is None else 100 * ends[0])
            close(line["high"], None if ends is None else 100 * ends[1])
            assert line["interval_method"] == ("wilson-effective" if ends else None)
            if ends is None:
                assert (line["reason"], line["reliability"]) == (ALONE, "one case only")
        if line["breakdown"] is not None:
            self.check_test(line, here, complement, confidence)
        elif own is not None and own.known and line["unit"] != "all":
            rest = self.of(r for r in self.rows if r["unit"] != line["unit"])
            self.check_reliability(line, own, rest, slow.compare(own, rest), confidence)

    def check_test(self, line: Row, here: Rows, complement: str, confidence: float) -> None:
        sides = compared(line["breakdown"], complement)
        groups = [self.of((r for r in here if side(r)), together=True) for side in sides]
        pair = len(groups) == 2
        test = slow.compare(*groups) if pair else slow.omnibus(groups)
        if test is None:
            assert line["p_value"] is line["statistic"] is line["stars"] is line["method"] is None
            return
        close(line["p_value"], test.p_value, 1e-7)
        close(line["statistic"], test.statistic, 1e-7)
        close(line["df2"], None if math.isinf(test.df) else test.df)
        if pair:
            assert groups[0] is not None
            assert groups[1] is not None
            close(line["difference"], 100 * (groups[0].p - groups[1].p))
            assert line["method"] == ("yates" if test.corrected else "pearson") + "-effective"
            if line["group"] == "f" and line["unit"] == "all":
                # The search over likelihoods has half the digits.
                ends = slow.difference(groups[0], groups[1], confidence)
                assert line["difference_low"] == pytest.approx(100 * ends[0], abs=1e-4)
                assert line["difference_high"] == pytest.approx(100 * ends[1], abs=1e-4)
        else:
            # Two groups that are left are compared as two are.
            left = sum(group is not None and group.known for group in groups)
            corrected = "yates" if left == 2 else "haldane"
            assert line["method"] == (corrected if test.corrected else "pearson") + "-effective"
            assert line["difference"] is None
        if line["group"] == "all":
            return
        at = [side for side, group in enumerate(groups) if group is not None]
        own = next(
            side for side in range(len(sides))
            if line["group"] == (["high"], ["f", "m"], ["early", "late", "never"])[
                ("harm", "gender", "plan").index(line["breakdown"])
            ][side]
        )  # fmt: skip
        one = groups[own]
        if own in at and one is not None and one.known:
            rest = slow.group(
                part
                for side in sides
                if side is not sides[own]
                for part in self.strata((r for r in here if side(r)), together=True)
            )
            self.check_reliability(line, one, rest, test, confidence)

    def check_reliability(
        self,
        line: Row,
        own: slow.Group,
        rest: slow.Group | None,
        test: slow.Test | None,
        confidence: float,
    ) -> None:
        p = math.nan if test is None else test.p_value
        few = rest is not None and rest.known and slow.too_few(own, rest, p, 1 - confidence)
        assert line["reliability"] == ("too few cases to tell" if few else "ok")


def read_by_unit() -> Rows:
    """Give the committed cases in the order of a case set."""
    return sorted(read(), key=lambda row: list(SIZES).index(row["unit"]))


@pytest.mark.parametrize("complement", ["all", "known"])
@pytest.mark.parametrize("item", ["1", "1.1", "2.2", "safety"])
def test_every_figure_equals_a_recount(item, complement):
    found = oms.scores(case_set(read()), items=item, complement=complement, confidence=0.9, **ASKED)
    lines = found.table.to_pylist()
    recount = Recount(read(), item)
    for line in lines:
        recount.check(line, complement, 0.9)
    seen = {line["method"] for line in lines}
    assert seen >= {"pearson-effective", "yates-effective", "haldane-effective"}


@settings(max_examples=25, deadline=None)
@given(rows=random_cases(lonely=True), item=st.sampled_from(["1", "2", "2.2", "safety"]))
def test_random_cases_equal_a_recount(rows, item):
    """Units and groups of one case, without an answer, or whose answers are all alike."""
    recount = Recount(rows, item)
    for line in oms.scores(case_set(rows), items=item, **ASKED).table.to_pylist():
        recount.check(line)


@settings(max_examples=15, deadline=None)
@given(rows=random_cases(lonely=True), seed=st.integers(0, 2**32 - 1))
def test_random_weights_equal_a_recount(rows, seed):
    rows.sort(key=lambda row: list(SIZES).index(row["unit"]))
    weight = np.random.default_rng(seed).choice([0.0, 0.5, 1.0, 3.25], len(rows))
    if not weight.any():
        return
    of = {row["case_id"]: float(w) for row, w in zip(rows, weight, strict=True)}
    recount = Recount(rows, "safety", weight=lambda row: of[row["case_id"]])
    found = oms.scores(case_set(rows), items="safety", weight=weight, **ASKED)
    for line in found.table.to_pylist():
        recount.check(line)


@pytest.mark.parametrize("item", ["1", "safety"])
def test_samples_of_caseloads_equal_a_recount(item):
    found = oms.scores(case_set(read()), items=item, population=CASELOADS, **ASKED)
    plain = oms.scores(case_set(read()), items=item, **ASKED)
    recount = Recount(
        read(), item, fraction=lambda row: SIZES[row["unit"]] / CASELOADS[row["unit"]]
    )
    more = 0
    for line, other in zip(found.table.to_pylist(), plain.table.to_pylist(), strict=True):
        # A group of several has its reliability from sums that do not tell fractions apart.
        line["reliability"] = None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Recount, "check_reliability", lambda *given: None)
            if line["cases"] != 1:
                recount.check(line)
        if line["unit"] in ("south", "all"):
            more += line["effective_n"] > other["effective_n"]
            assert line["high"] - line["low"] < other["high"] - other["low"]
    assert more > 10


def test_strata_inside_units_stay_strata_of_units():
    rows = read_by_unit()

    def ward(row: Row) -> str:
        return f"{row['unit']}{int(row['case_id'][1:]) % 2}"

    found = oms.scores(case_set(rows), items="1", stratum=[ward(r) for r in rows], **ASKED)
    recount = Recount(rows, "1", stratum=ward)
    for line in found.table.to_pylist():
        recount.check(line)
    plain = oms.scores(case_set(rows), items="1", **ASKED).table["effective_n"].to_pylist()
    assert found.table["effective_n"].to_pylist() != plain


SAID = ("reason", "reliability")


def test_clusters_inside_groups_count_as_cases():
    rows = read_by_unit()

    def team(row: Row) -> str:
        return f"{row['unit']} {row['gender']} {int(row['case_id'][1:]) % 4}"

    found = oms.scores(case_set(rows), items="1", cluster=[team(r) for r in rows], **ASKED)
    recount = Recount(rows, "1", cluster=team)
    checked = 0
    for line in found.table.to_pylist():
        if line["breakdown"] in (None, "gender"):
            # The recount knows of cases only.
            texts = {name: (line[name] or "").replace("cluster", "case") for name in SAID}
            recount.check({**line, **{name: text or None for name, text in texts.items()}})
            checked += 1
    assert checked == 7 * 3
    assert "one cluster only" in found.table["reliability"].to_pylist()
    whole = found.unit("all").breakdown().table.to_pylist()[0]
    assert whole["cases"] == len({team(r) for r in rows}) < len(rows)


def test_clusters_that_cross_groups_keep_walds_test_and_say_so():
    rows = read_by_unit()
    cluster = [f"{row['unit']} {row['gender']} {int(row['case_id'][1:]) % 4}" for row in rows]
    options: dict[str, Any] = {"items": "1", "cluster": cluster, **ASKED}
    found = oms.scores(case_set(rows), **options).table
    by_name = oms.scores(case_set(rows), df="design", **WALD, **options).table
    told = have_spread(found)
    assert 0 < sum(told.to_pylist()) < len(told)
    lines, theirs = (table.filter(told).to_pylist() for table in (found, by_name))
    crossed = [
        (mine, theirs) for mine, theirs in zip(lines, theirs, strict=True)
        # Plans and harm differ within teams; the group `all` of a complement has whole teams.
        if mine["breakdown"] in ("plan", "harm")
    ]  # fmt: skip
    assert {mine["method"] for mine, _ in crossed} - {None} == {"wald-f"}
    for mine, theirs in crossed:
        for name in ("statistic", "df", "df2", "p_value", "stars", "difference_low", "method"):
            assert mine[name] == theirs[name], name
        if mine["group"] != "all":
            assert mine["interval_method"] in ("wald-t", None)
            assert (mine["low"], mine["high"]) == (theirs["low"], theirs["high"])
    others = {line["method"] for line in lines if line["breakdown"] == "gender"}
    assert others - {None} <= {"pearson-effective", "yates-effective"}


@pytest.mark.parametrize("varying", ["cluster across units", "weight within a cluster"])
def test_where_the_rule_does_not_hold_everything_is_walds(varying):
    rows = read_by_unit()
    number = [int(row["case_id"][1:]) for row in rows]
    if varying == "cluster across units":
        design: dict[str, Any] = {"cluster": [f"w{n % 11}" for n in number], "stratum": None}
    else:
        design = {
            "cluster": [f"{r['unit']}{n % 7}" for r, n in zip(rows, number, strict=True)],
            "weight": [1.0 + n % 4 for n in number],
        }
    found = oms.scores(case_set(rows), items="1", **ASKED, **design)
    by_name = oms.scores(case_set(rows), items="1", df="design", **WALD, **ASKED, **design)
    names = ["low", "high", "p_value", "df2", "method", "interval_method"]
    told = have_spread(found.table)
    assert 0 < sum(told.to_pylist()) < len(found)
    mine, theirs = (x.table.filter(told).select(names) for x in (found, by_name))
    assert mine.equals(theirs)
    assert set(found.table["interval_method"].to_pylist()) - {None} == {"wald-t"}
    # Effective answers that no interval goes by are not shown.
    for name in ("effective_n", "effective_df"):
        assert found.table[name].null_count == len(found), name


# --- sums, parts and engines ----------------------------------------------------------------


def in_order(rows: Rows) -> oms.CaseSet:
    """Make a case set with units in the order that engines give them."""
    data = {name: [row[name] for row in rows] for name in pa.table(case_set(rows)).column_names}
    return oms.CaseSet.from_data(data, framework=FRAMEWORK, units=sorted(SIZES))


def plain_table(rows: Rows) -> pa.Table:
    columns = ["case_id", "unit", *STRATA, *FRAMEWORK.question_ids]
    return pa.table({name: [row[name] for row in rows] for name in columns})


@pytest.mark.parametrize("population", [None, CASELOADS])
@pytest.mark.parametrize("complement", ["all", "known"])
def test_sums_parts_and_engines_give_the_table_of_cases(complement, population):
    rows = read()
    want = oms.scores(in_order(rows), complement=complement, population=population, **ASKED).table
    options: dict[str, Any] = {"breakdowns": BREAKDOWNS, "complement": complement}
    whole = oms.score_tally(in_order(rows), **options)
    parts = [oms.score_tally(in_order(rows[i::3]), **options) for i in range(3)]
    for sums in (whole, parts[2].merge(parts[0], parts[1])):
        assert oms.scores(sums, by="unit", population=population).table.equals(want)
    table = plain_table(rows)
    with duckdb.connect() as connection:
        connection.register("rows", table)
        connection.execute("CREATE TABLE cases AS SELECT * FROM rows")
        for source in (pl.DataFrame(table).lazy(), connection.table("cases")):
            got = oms.scores(
                source, framework=FRAMEWORK, complement=complement, population=population, **ASKED
            )
            assert got.table.equals(want)


@settings(max_examples=10, deadline=None)
@given(rows=random_cases(lonely=True), data=st.data())
def test_random_parts_give_the_table_of_cases(rows, data):
    want = oms.scores(case_set(rows), **ASKED).table
    part = data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)))
    first, *others = (
        oms.score_tally(
            case_set([r for r, p in zip(rows, part, strict=True) if p == i]),
            breakdowns=BREAKDOWNS,
        )
        for i in range(3)
    )
    assert oms.scores(first.merge(*others), by="unit").table.equals(want)


# --- claims about units ---------------------------------------------------------------------

ONE = oms.Framework("one", [oms.Question("a1", "A", oms.Link("1.1", "published"))], items=ITEMS)


def one_question(**units: Sequence[bool | None]) -> oms.CaseSet:
    """Make cases with one question."""
    answers = [(unit, answer) for unit, own in units.items() for answer in own]
    data = {
        "case_id": list(range(len(answers))),
        "unit": [unit for unit, _ in answers],
        "a1": pa.array([answer for _, answer in answers], pa.bool_()),
    }
    return oms.CaseSet.from_data(data, framework=ONE)


@pytest.mark.parametrize("without", [0, 4])
def test_none_of_one_is_not_credibly_below_30_of_40(without):
    """One case is asked, whether or not the unit has others."""
    cases = one_question(small=[False, *[None] * without], large=[True] * 30 + [False] * 10)
    scores = oms.scores(cases, by="unit", items="1.1")
    (row,) = scores.weaknesses("small").table.to_pylist()
    assert (row["percent"], row["rest_percent"], row["difference"]) == (0, 75, -75)
    assert row["p_value"] is row["p_adjusted"] is row["credible"] is row["low"] is None
    assert (row["reason"], row["reliability"]) == (ALONE, "one case only")
    assert len(scores.weaknesses("small").credible()) == 0
    assert scores.units("1.1", draws=2).pairs()["higher"].to_pylist() == [None]
    if without:
        # By Wald's test it was, beyond doubt: the one answer does not differ from itself.
        wald = oms.scores(cases, by="unit", items="1.1", **WALD).weaknesses("small").table
        assert wald["credible"].to_pylist() == [True]
        assert wald["p_value"][0].as_py() < 1e-20


def test_few_cases_all_alike_have_a_wide_interval():
    cases = one_question(small=[False] * 3, large=[True] * 30 + [False] * 10)
    (small,) = oms.scores(cases, by="unit", items="1.1").unit("small").table.to_pylist()
    assert (small["low"], small["percent"]) == (0, 0)
    # Wilson's of 0 of 3: 1.96² / (3 + 1.96²).
    assert small["high"] == pytest.approx(100 * 3.841458820694124 / 6.841458820694124, rel=1e-9)


def test_ten_identical_units_do_not_differ():
    names = [f"u{i}" for i in range(10)]
    rows = [r for r in read() if r["unit"] == "coast"]
    copies = [
        {**row, "unit": unit, "case_id": f"{unit}{row['case_id']}"}
        for unit in names
        for row in rows
    ]
    cases = oms.CaseSet.from_data(plain_table(copies), framework=FRAMEWORK, units=names)
    found = oms.scores(cases, by="unit").units("safety", draws=50)
    pairs = found.pairs().to_pylist()
    assert len(pairs) == 45
    assert {(row["higher"], row["p_value"], row["difference"]) for row in pairs} == {(None, 1, 0)}
    for row in found.table.to_pylist():
        assert (row["joint_low"], row["joint_high"]) == (1, 10)
        assert (row["above"], row["below"]) == (0, 0)
    assert float(found.heterogeneity.p_value) == pytest.approx(1)
    assert oms.scores(cases, by="unit").weaknesses().credible().num_rows == 0


def test_ten_units_drawn_alike_are_seldom_told_apart():
    """Cases are good or bad in most of their answers, and a unit has few."""
    rng = np.random.default_rng(20110303)
    names, wrong, by_wald = [f"u{i}" for i in range(10)], 0, 0
    for _ in range(40):
        cases = 4 * len(names)
        quality = rng.beta(2.1, 0.9, cases)
        data: dict[str, Any] = {"case_id": range(cases), "unit": np.repeat(names, 4)}
        data |= {name: pa.nulls(cases, pa.string()) for name in STRATA}
        data |= {q: rng.random(cases) < quality for q in FRAMEWORK.question_ids}
        made = oms.CaseSet.from_data(pa.table(data), framework=FRAMEWORK)
        for rules in ({}, WALD):
            units = oms.scores(made, by="unit", items="safety", **rules).units("safety", draws=2)
            told = units.pairs()["higher"].null_count < 45
            wrong += told and not rules
            by_wald += told and bool(rules)
    assert wrong == 0
    assert by_wald > 10


# --- one question ---------------------------------------------------------------------------


def asked_once() -> oms.CaseSet:
    columns = ["case_id", "unit", *STRATA, "a1"]
    strata = [oms.Stratum(name, levels) for name, levels in STRATA.items()]
    framework = oms.Framework(
        "once", ONE.questions, strata=strata, items=ITEMS, breakdowns=("gender", "plan")
    )
    rows = [{**row, "case_id": f"{row['case_id']}.{i}"} for i in range(6) for row in read()]
    return oms.CaseSet.from_data(plain_table(rows).select(columns), framework=framework)


@pytest.mark.parametrize("complement", ["all", "known"])
def test_one_question_has_the_intervals_and_tests_of_findings(complement):
    cases = asked_once()
    options: dict[str, Any] = {**ASKED, "complement": complement}
    found = oms.scores(cases, items="1.1", **options).table.to_pylist()
    scores = {(r["unit"], r["breakdown"], r["group"]): r for r in found}
    findings = oms.recompute(
        cases, by="unit", breakdowns=BREAKDOWNS, inference=oms.Inference(complement=complement)
    ).table.to_pylist()
    sizes: dict[Any, list[tuple[int, int]]] = {}
    for row in findings:
        if row["breakdown"] == "gender":
            sizes.setdefault(row["unit"], []).append((row["k"], row["n"]))
    tested = corrected = 0
    for row in findings:
        mine = scores[row["unit"], row["breakdown"], row["group"]]
        assert (mine["k"], mine["n"], mine["percent"]) == (row["k"], row["n"], row["percent"])
        if row["n"]:
            close(mine["low"], row["low"], 1e-12)
            close(mine["high"], row["high"], 1e-12)
        if row["expected"] is not None and row["expected"] >= 5:
            close(mine["p_value"], row["p_value"], 1e-12)
            close(mine["statistic"], row["statistic"], 1e-12)
            assert (mine["method"], mine["df2"]) == ("pearson-effective", None)
            assert mine["stars"] == row["stars"]
            tested += 1
        elif row["p_value"] is not None and row["breakdown"] == "gender":
            # Below 5 a score has Yates' correction, and a finding has not.
            (k1, n1), (k2, n2) = sizes[row["unit"]]
            yates = oms.stats.compare(k1, n1, k2, n2, method="yates")
            close(mine["p_value"], float(yates.p_value), 1e-12)
            assert mine["method"] == "yates-effective"
            assert mine["p_value"] > row["p_value"]
            corrected += 1
    assert tested > 20
    assert corrected
    # So has the score of all cases, whose units are strata.
    whole = scores["all", None, None]
    wilson = oms.stats.interval(whole["k"], whole["n"])
    close(whole["low"], 100 * float(wilson.low), 1e-12)
    close(whole["high"], 100 * float(wilson.high), 1e-12)
    assert (whole["effective_n"], whole["effective_df"]) == (whole["n"], None)


# --- comparisons follow the rule of the scores ----------------------------------------------


def unit_groups(rows: Rows, item: str) -> dict[str, slow.Group]:
    recount = Recount(rows, item)
    groups = {unit: recount.of(r for r in rows if r["unit"] == unit) for unit in SIZES}
    return {unit: one for unit, one in groups.items() if one is not None}


@pytest.mark.parametrize("others", [None, ["south", "east"]])
def test_weaknesses_equal_a_recount(others):
    rows = read()
    found = oms.scores(case_set(rows), by="unit").weaknesses(others=others).table.to_pylist()
    assert len(found) == 6 * 4
    for row in found:
        recount = Recount(rows, row["item"])
        own = recount.of(r for r in rows if r["unit"] == row["unit"])
        named = set(SIZES if others is None else others) - {row["unit"]}
        rest = recount.of(r for r in rows if r["unit"] in named)
        test = slow.compare(own, rest)
        assert test is not None
        assert own is not None
        assert rest is not None
        close(row["p_value"], test.p_value, 1e-7)
        close(row["statistic"], test.statistic, 1e-7)
        close(row["df"], None if math.isinf(test.df) else test.df)
        close(row["difference"], 100 * (own.p - rest.p))
        assert row["method"] == ("yates" if test.corrected else "pearson") + "-effective"
        ends = slow.difference(own, rest, 0.95)
        assert row["low"] == pytest.approx(100 * ends[0], abs=1e-4)
        assert row["high"] == pytest.approx(100 * ends[1], abs=1e-4)
        few = slow.too_few(own, rest, test.p_value, 0.05)
        assert row["reliability"] == ("too few cases to tell" if few else "ok")


def test_pairs_and_heterogeneity_equal_a_recount():
    rows = read()
    groups = unit_groups(rows, "safety")
    units = oms.scores(case_set(rows), by="unit").units("safety", draws=50)
    for row in units.pairs().to_pylist():
        one, two = groups[row["unit"]], groups[row["other"]]
        test = slow.compare(one, two)
        assert test is not None
        close(row["p_value"], test.p_value, 1e-7)
        assert row["p_adjusted"] >= row["p_value"] / 2
        ends = slow.difference(one, two, 0.95)
        assert row["low"] == pytest.approx(100 * ends[0], abs=1e-4)
        assert row["high"] == pytest.approx(100 * ends[1], abs=1e-4)
    test = slow.omnibus(groups.values())
    assert test is not None
    close(float(units.heterogeneity.statistic), test.statistic)
    close(float(units.heterogeneity.p_value), test.p_value, 1e-7)


def test_comparisons_of_walds_scores_are_walds():
    scores = oms.scores(case_set(read()), by="unit", **WALD)
    found = scores.weaknesses().table
    assert found["method"].unique().to_pylist() == ["wald-chi-square"]
    assert found["df"].null_count == len(found)
    low, high, gap = (np.array(found[n].to_pylist()) for n in ("low", "high", "difference"))
    np.testing.assert_allclose(high - gap, gap - low, rtol=1e-9)
    mixed = oms.scores(case_set(read()), by="unit", interval="wald", test="effective")
    assert mixed.table["interval_method"].unique().to_pylist() == ["wald"]
    assert set(mixed.weaknesses().table["method"].to_pylist()) <= {
        "pearson-effective", "yates-effective",
    }  # fmt: skip


def test_filters_of_a_view_do_not_change_adjusted_p_values():
    scores = oms.scores(oms.omi2.load_synthetic(), by="unit", breakdowns=["gender"])
    views: list[Callable[[oms.Scores], oms.Scores]] = [
        lambda s: s.item("1.3"),
        lambda s: s.level("criterion"),
        lambda s: s.level("criterion").item("1.3", "2.2"),
        lambda s: s.unit("U01", "all"),
        lambda s: s.unit("U01").item("1.3"),
        lambda s: s.breakdown(),
    ]
    for family in ("unit", "all"):
        whole = {
            (r["unit"], r["item"]): r for r in scores.weaknesses(family=family).table.to_pylist()
        }
        for view in views:
            rows = view(scores).weaknesses("U01", family=family).table.to_pylist()
            assert rows
            assert {row["family"] for row in rows} == {family}
            for row in rows:
                assert row == whole[row["unit"], row["item"]]
    # One item by itself would have the smaller p-value.
    (one,) = scores.item("1.3").weaknesses("U01").table.to_pylist()
    assert one["p_adjusted"] > one["p_value"]


def test_a_named_family_says_so():
    scores = oms.scores(oms.omi2.load_synthetic(), by="unit")
    plain = {r["item"]: r["p_value"] for r in scores.weaknesses("U01").table.to_pylist()}
    found = scores.weaknesses("U01", items=["1.3", "2.2"])
    rows = {r["item"]: r for r in found.table.to_pylist()}
    assert set(rows) == {"1.3", "2.2"}
    assert {r["family"] for r in rows.values()} == {"unit, named items"}
    assert "holm over the named items of each unit" in repr(found)
    small, large = sorted(rows, key=lambda item: plain[item])
    first = min(1.0, 2 * plain[small])
    close(rows[small]["p_adjusted"], first)
    close(rows[large]["p_adjusted"], max(first, plain[large]))
    every = scores.weaknesses(items=["1.3"], family="all").table
    assert every["family"].unique().to_pylist() == ["all, named items"]
    assert "named items of all units" in repr(scores.weaknesses(items=["1.3"], family="all"))
    with pytest.raises(oms.UnknownNameError, match=r"unknown item '1\.33'"):
        scores.weaknesses("U01", items=["1.33"])
    with pytest.raises(oms.UsageError, match="`items` names no items"):
        scores.weaknesses("U01", items=[])


# --- ends of the range ----------------------------------------------------------------------


def test_a_census_leaves_no_doubt():
    found = oms.scores(case_set(read()), population=SIZES, **ASKED)
    for row in found.table.to_pylist():
        if not row["n"]:
            continue
        assert row["low"] == row["high"] == pytest.approx(row["percent"], rel=1e-14)
        assert math.isinf(row["effective_n"])
        assert row["p_value"] is None
        if row["breakdown"] is None:
            assert row["reason"] is None
        elif row["difference"] is not None:
            assert row["reason"] == IN_FULL
            assert row["difference_low"] == row["difference"] == row["difference_high"]
    for row in found.weaknesses().table.to_pylist():
        assert row["reason"] == "all cases are known, so the unit is compared without a test"
        assert row["low"] == row["difference"] == row["high"]
        assert row["p_value"] is row["credible"] is None


def test_a_census_is_compared_with_a_sample():
    found = oms.scores(case_set(read()), by="unit", population={**CASELOADS, "north": 34})
    north, south = found.weaknesses(others=["north", "south"]).table.to_pylist()[:8:4]
    assert (north["unit"], south["unit"]) == ("north", "south")
    assert north["p_value"] == pytest.approx(south["p_value"], rel=1e-12)
    assert 0 < north["p_value"] < 1
    assert north["difference"] == -south["difference"]


def test_one_huge_weight_leaves_the_answers_of_one_case():
    rows = read_by_unit()
    weight = [1e9 if row["case_id"] == "s026" else 1.0 for row in rows]
    heavy = next(row for row in rows if row["case_id"] == "s026")
    given = [heavy[q] for q in feeds("1") if heavy[q] is not None]
    found = oms.scores(case_set(rows), items="1", weight=weight, by="unit").table.to_pylist()
    whole = found[-1]
    assert whole["unit"] == "all"
    assert whole["percent"] == pytest.approx(100 * sum(given) / len(given), abs=1e-5)
    assert 1 <= whole["effective_n"] <= len(given) + 1e-6
    assert 0 <= whole["low"] <= whole["percent"] <= whole["high"] <= 100
    assert whole["high"] - whole["low"] > 50
    # Units without that case do not depend on it.
    plain = oms.scores(case_set(rows), items="1", by="unit", weight=[1.0] * len(rows))
    for mine, theirs in zip(found[:5], plain.table.to_pylist(), strict=False):
        close(mine["low"], theirs["low"], 1e-12)
        close(mine["effective_n"], theirs["effective_n"], 1e-12)


def test_an_effective_interval_by_name_is_the_default():
    plain = oms.scores(case_set(read()), **ASKED).table
    named = oms.scores(case_set(read()), interval="effective", test="effective", **ASKED).table
    assert named.equals(plain)
    for lonely in ("null", "remove", "adjust"):
        assert oms.scores(case_set(read()), lonely=lonely, **ASKED).table.equals(plain)


def test_a_census_whose_strata_cross_units_is_a_census():
    """Every stratum was drawn whole, so that every unit and group is known too."""
    rows = read_by_unit()
    stratum = [("odd", "even")[int(row["case_id"][1:]) % 2] for row in rows]
    population = np.array([float(stratum.count(name)) for name in stratum])
    found = oms.scores(case_set(rows), stratum=stratum, population=population, items="1", **ASKED)
    for row in found.table.to_pylist():
        if row["n"]:
            assert math.isinf(row["effective_n"])
            assert row["low"] == row["high"]
            assert row["p_value"] is None
    for row in found.weaknesses().table.to_pylist():
        assert row["reason"] == "all cases are known, so the unit is compared without a test"
    pairs = found.units("1", draws=2).pairs()
    assert set(pairs["reason"].to_pylist()) == {IN_FULL}


def test_the_group_of_all_cases_is_the_unit():
    found = oms.scores(case_set(read()), **ASKED).table.to_pylist()
    whole = {(r["unit"], r["item"]): r for r in found if r["breakdown"] is None}
    names = ("k", "n", "percent", "low", "high", "effective_n", "effective_df", "cases")
    seen = 0
    for row in found:
        if row["group"] == "all":
            seen += 1
            assert [row[name] for name in names] == [
                whole[row["unit"], row["item"]][name] for name in names
            ]
    assert seen > 20


# --- where Wald's rules stand in ------------------------------------------------------------


def three_questions(**units: Sequence[Sequence[bool | None]]) -> oms.CaseSet:
    """Cases with three answers each."""
    rows = [(unit, answers) for unit, cases in units.items() for answers in cases]
    data = {"case_id": list(range(len(rows))), "unit": [unit for unit, _ in rows]}
    for i in range(3):
        data[f"q{i}"] = pa.array([answers[i] for _, answers in rows], pa.bool_())
    framework = oms.Framework(
        "three",
        [oms.Question(f"q{i}", "Q", oms.Link("1.1", "published")) for i in range(3)],
        items=ITEMS,
    )
    return oms.CaseSet.from_data(data, framework=framework)


ALIKE = "cases all alike: their spread is not known"


@pytest.mark.parametrize("rule", ["questions", "cases"])
def test_few_cases_all_alike_are_not_credibly_below_by_another_rule(rule):
    rng = random.Random(3)
    large = [[rng.random() < 0.75 for _ in range(3)] for _ in range(40)]
    cases = three_questions(small=[[False] * 3] * 4, large=large)
    scores = oms.scores(cases, by="unit", items="1.1", rule=rule)
    small = scores.unit("small").table.to_pylist()[0]
    assert small["percent"] == 0
    assert small["low"] is small["high"] is small["se"] is None
    assert (small["reason"], small["reliability"]) == (ALIKE, "too few cases to tell")
    found = {r["unit"]: r for r in scores.weaknesses().table.to_pylist()}
    row, other = found["small"], found["large"]
    assert row["difference"] < -60
    assert row["p_value"] is row["credible"] is row["low"] is None
    assert row["reason"] == ALIKE
    assert other["reason"] == "cases of the other units all alike: their spread is not known"
    # By name R's rules hold: a standard error of 0 is taken for certainty.
    named = oms.scores(cases, by="unit", items="1.1", rule=rule, **WALD)
    assert named.weaknesses("small").table["credible"].to_pylist() == [True]


@pytest.mark.parametrize("rule", ["questions", "cases"])
def test_few_cases_are_tested_but_said_to_be_few_by_another_rule(rule):
    rng = random.Random(4)

    def draw(size: int, p: float) -> list[list[bool]]:
        return [[rng.random() < p for _ in range(3)] for _ in range(size)]

    cases = three_questions(few=draw(11, 0.2), many=draw(60, 0.75), more=draw(60, 0.35))
    scores = oms.scores(cases, by="unit", items="1.1", rule=rule)
    grades = {r["unit"]: r["reliability"] for r in scores.table.to_pylist()}
    assert grades == {"few": "too few cases to tell", "many": "ok", "more": "ok", "all": "ok"}
    found = {r["unit"]: r for r in scores.weaknesses().table.to_pylist()}
    assert found["few"]["p_adjusted"] < 0.05
    assert found["few"]["method"] == "wald-f"
    assert found["few"]["credible"] is None
    assert found["more"]["credible"] is True
    named = oms.scores(cases, by="unit", items="1.1", rule=rule, df="design", **WALD)
    assert named.weaknesses("few").table["credible"].to_pylist() == [True]
    assert set(named.table["reliability"].to_pylist()) == {"ok"}
    earlier = oms.scores(cases, by="unit", items="1.1", rule=rule)
    change = scores.compare(earlier).table.to_pylist()
    assert {r["unit"]: r["reliability"] for r in change} == grades


def test_pairs_are_not_tested_where_clusters_cross_units():
    rng = random.Random(5)
    sizes = {"few": (12, 0.1), "many": (60, 0.8), "more": (60, 0.3)}
    drawn = {
        unit: [[rng.random() < p for _ in range(3)] for _ in range(size)]
        for unit, (size, p) in sizes.items()
    }
    cases = three_questions(**drawn)
    cluster = [f"c{i % 66}" for i in range(len(cases))]
    scores = oms.scores(cases, by="unit", items="1.1", cluster=cluster, stratum=None)
    assert scores.table["interval_method"].to_pylist() == ["wald-t"] * 4
    assert scores.unit("few").table["reliability"].to_pylist() == ["too few cases to tell"]
    # How two units move together is not in a table of scores.
    units = scores.units("1.1")
    for row in units.pairs().to_pylist():
        assert row["difference"] is not None
        for name in ("se", "low", "high", "p_value", "p_adjusted", "higher"):
            assert row[name] is None, name
        assert row["reason"] == (
            "clusters lie across units: compare two by weaknesses(unit, others=[...])"
        )
    assert np.isnan(units.heterogeneity.p_value)
    for name in ("joint_low", "joint_high", "above", "below"):
        assert units.table[name].to_pylist() == [None] * 3, name
    # Two units at a time, with their covariance.
    (row,) = scores.weaknesses("more", others=["many"]).table.to_pylist()
    assert (row["method"], row["credible"]) == ("wald-f", True)
    (row,) = scores.weaknesses("few", others=["many"]).table.to_pylist()
    assert row["p_value"] < 1e-6
    assert row["credible"] is None
    # By name a user has taken it on.
    named = oms.scores(cases, by="unit", items="1.1", cluster=cluster, stratum=None, **WALD)
    assert named.units("1.1").pairs()["p_value"].null_count == 0


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["questions", "cases"])
@pytest.mark.parametrize("size", [3, 30])
def test_units_drawn_alike_are_seldom_credibly_below_by_another_rule(rule, size):
    """At 5% two-sided, a unit is below by chance in 2.5% of programmes."""
    rng = np.random.default_rng(size)
    below = 0
    for _ in range(150):
        chance = rng.beta(4.0, 1.0, size + 120)
        given = rng.random((size + 120, 3)) < chance[:, np.newaxis]
        answers = np.where(rng.random(given.shape) < 0.6, given, None).tolist()
        cases = three_questions(small=answers[:size], large=answers[size:])
        scores = oms.scores(cases, by="unit", items="1.1", rule=rule)
        below += len(scores.weaknesses("small").credible())
    # Three standard errors above 2.5%.
    assert below <= 150 * (0.025 + 3 * math.sqrt(0.025 * 0.975 / 150))


@pytest.mark.slow
def test_a_family_of_all_units_is_not_accused_by_its_tails():
    """36 units of 5 cases that do not differ, 8 items: Yates' test alone accuses in a third."""
    rng = np.random.default_rng(6)
    items = [oms.Item(f"1.{i}", "criterion", "C") for i in range(8)]
    framework = oms.Framework(
        "alike",
        [oms.Question(f"q{i}", "Q", oms.Link(f"1.{i}", "published")) for i in range(8)],
        items=items,
    )
    accused = 0
    for _ in range(40):
        data = {"case_id": list(range(180)), "unit": [f"u{i // 5}" for i in range(180)]}
        data |= {f"q{i}": pa.array(rng.random(180) < 0.95) for i in range(8)}
        cases = oms.CaseSet.from_data(data, framework=framework)
        found = oms.scores(cases, by="unit").weaknesses(family="all")
        accused += len(found.credible()) > 0
    # Three standard errors above 2.5%.
    assert accused <= 40 * (0.025 + 3 * math.sqrt(0.025 * 0.975 / 40))


def test_questions_that_hardly_applied_are_too_few_for_their_mean():
    rng = np.random.default_rng(7)
    given = rng.random((200, 3)) < 0.5
    applied = np.column_stack([rng.random((200, 2)) < 0.9, rng.random(200) < 0.04])
    answers = np.where(applied, given, None).tolist()
    cases = three_questions(one=answers[:100], two=answers[100:])
    for rule, grade in (("questions", "too few cases to tell"), ("cases", "ok")):
        for weight in (None, [1.0, 2.0] * 100):
            table = oms.scores(cases, by="unit", rule=rule, items="1.1", weight=weight).table
            assert set(table["reliability"].to_pylist()) == {grade}
