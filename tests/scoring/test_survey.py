"""Scores against R's survey package: the made-up cases and the shipped ones.

tests/oracles/scores.R (R 4.2.2, survey 4.1.1) computed the numbers from the cases as CSV: svyratio
and svyby(covmat=TRUE) on svydesign(~case_id, strata=~unit) of case-level sums, with fpc=~caseload
where caseloads are given, svycontrast (the delta method) for means over questions, Wald's test by
hand from vcov.
"""

from __future__ import annotations

import csv
from functools import cache
from typing import Any

import pytest
from tests.factories import oracle
from tests.scoring.export import STAMP, stamp
from tests.scoring.programme import BREAKDOWNS, CASES, FEEDS, case_set, feeds, generate, read

import omistats as oms

MADE_UP = oracle("scores_estimates.csv"), oracle("scores_tests.csv")
POPULATION = oracle("scores_population_estimates.csv"), oracle("scores_population_tests.csv")
CASELOADS = {"north": 60, "south": 28, "east": 110, "west": 45, "coast": 1000, "isle": 3}
SHIPPED = oracle("scores_shipped_estimates.csv"), oracle("scores_shipped_tests.csv")
DIGITS = 1e-10
ENDS = {
    ("wald", None): ("low", "high"),
    ("wald", "design"): ("t_low", "t_high"),
    ("logit", None): ("logit_low", "logit_high"),
    ("logit", "design"): ("logit_t_low", "logit_t_high"),
}
Key = tuple[Any, ...]
Row = dict[str, Any]


def by_key(table: Any) -> dict[Key, Row]:
    found = {(r["unit"], r["breakdown"], r["item"], r["group"]): r for r in table.to_pylist()}
    assert len(found) == table.num_rows
    return found


@cache
def made_up(rule: Any, lonely: str, interval: Any, df: Any, complement: Any) -> dict[Key, Row]:
    rows = read()
    if lonely != "error":
        rows = [row for row in rows if row["unit"] != "isle" or row["case_id"] == "s026"]
    given: dict[str, Any] = {"rule": rule, "lonely": lonely, "interval": interval, "df": df}
    given["test"] = "wald"
    cases = case_set(rows)
    found = oms.scores(cases, by="unit", breakdowns=BREAKDOWNS, complement=complement, **given)
    return by_key(found.table)


@cache
def drawn_from_caseloads(rule: Any, interval: Any, df: Any, complement: Any) -> dict[Key, Row]:
    given: dict[str, Any] = {"rule": rule, "interval": interval, "df": df, "complement": complement}
    given["test"] = "wald"
    found = oms.scores(
        case_set(read()), by="unit", breakdowns=BREAKDOWNS, population=CASELOADS, **given
    )
    return by_key(found.table)


@cache
def shipped(interval: Any, df: Any) -> dict[Key, Row]:
    cases = oms.omi2.load_synthetic()
    found = oms.scores(
        cases, by="unit", breakdowns=oms.omi2.STANDARD, interval=interval, df=df, test="wald"
    )
    return by_key(found.table)


def close(found: Any, expected: str, what: object) -> None:
    # Figures that are 0 here are 1e-14 in R, a difference of sums.
    assert found == pytest.approx(float(expected), rel=DIGITS, abs=1e-11), what


def check_estimate(line: dict[str, str], found: Row, interval: str, df: str | None) -> None:
    assert (found["k"], found["n"]) == (int(line["k"]), int(line["n"]))
    close(found["percent"], line["percent"], line)
    close(found["se"], line["se"], line)
    if found["low"] is not None:
        assert found["interval_method"] == (f"{interval}-t" if df else interval)
    for mine, theirs in zip(("low", "high"), ENDS[interval, df], strict=True):
        if line[theirs]:
            close(found[mine], line[theirs], (mine, line))
        else:
            # Only a logit interval has no limits, and only at 0 and 100.
            assert interval == "logit"
            assert found[mine] is None
            assert found["percent"] in (0, 100)
            assert found["reason"] is not None


def check_test(line: dict[str, str], found: Row, df: str | None) -> None:
    close(found["statistic"], line["f" if df else "statistic"], line)
    close(found["p_value"], line["f_p" if df else "p"], line)
    assert found["method"] == ("wald-f" if df else "wald-chi-square")
    assert found["df"] == int(line["df"])
    assert found["df2"] == (int(line["design_df"]) if df else None)
    ends = ENDS["wald", df]
    for mine, theirs in zip(
        ("difference", "difference_low", "difference_high"), ("difference", *ends), strict=True
    ):
        if line["difference"]:
            close(found[mine], line[theirs], (mine, line))
        else:
            assert found[mine] is None
    p = found["p_value"]
    assert found["stars"] == (
        "***" if p < 0.001 else "**" if p < 0.01 else "*" if p < 0.05 else "--"
    )


def test_the_made_up_cases_are_those_that_the_numbers_are_of():
    with CASES.open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == generate()
    found = [(row["item"], row["question"]) for row in oracle(FEEDS.name)]
    assert found == [(i, q) for i in dict.fromkeys(i for i, _ in found) for q in feeds(i)]


def test_the_oracle_covers_rules_units_groups_and_lonely_units():
    estimates, tests = MADE_UP
    assert len(estimates) == 1176
    assert len(tests) == 445
    assert {(r["rule"], r["lonely"]) for r in tests} == {
        *((rule, "error") for rule in ("pooled", "questions", "cases")),
        ("pooled", "remove"), ("pooled", "adjust"), ("questions", "adjust"), ("cases", "remove"),
    }  # fmt: skip
    assert {r["unit"] for r in estimates} == {
        "all", "north", "south", "east", "west", "coast", "isle",
    }  # fmt: skip


@pytest.mark.parametrize(("interval", "df"), ENDS)
def test_estimates_and_intervals_of_the_made_up_cases(interval, df):
    checked: dict[Key, set[Key]] = {}
    for line in MADE_UP[0]:
        if line["group"] == "rest":
            continue
        known = line["breakdown"] == "harm_known"
        way = line["rule"], line["lonely"], "known" if known else "all"
        group = line["group"] if line["breakdown"] else None
        breakdown = "harm" if known else line["breakdown"] or None
        key = line["unit"], breakdown, line["item"], group
        check_estimate(line, made_up(way[0], way[1], interval, df, way[2])[key], interval, df)
        checked.setdefault(way, set()).add(key)
    # Each row of R once, and no row missing: of pooled scores in every unit, of the others in
    # two of the seven and, without groups, in a third.
    of_r = sum(r["group"] != "rest" for r in MADE_UP[0])
    assert sum(len(keys) for keys in checked.values()) == of_r
    for rule in ("pooled", "questions", "cases"):
        expected = {
            key for key, r in made_up(rule, "error", interval, df, "all").items()
            if (rule == "pooled" or key[0] in ("north", "all") or key[:2] == ("isle", None))
            and key[3] != "all" and r["n"] > 0
        }  # fmt: skip
        assert checked[rule, "error", "all"] == expected


@pytest.mark.parametrize("df", [None, "design"])
def test_differences_and_tests_of_the_made_up_cases(df):
    first = {"gender": "f", "plan": "early", "harm": "high"}
    for line in MADE_UP[1]:
        known = line["breakdown"] == "harm_known"
        breakdown = "harm" if known else line["breakdown"]
        scores = made_up(line["rule"], line["lonely"], "wald", df, "known" if known else "all")
        found = scores[line["unit"], breakdown, line["item"], first[breakdown]]
        check_test(line, found, df)
        contrast = {"harm": "complement", "harm_known": "known complement"}
        assert found["contrast"] == contrast.get(line["breakdown"], "groups")


@pytest.mark.parametrize(("interval", "df"), ENDS)
def test_estimates_and_intervals_of_samples_from_caseloads(interval, df):
    checked: dict[Key, set[Key]] = {}
    for line in POPULATION[0]:
        if line["group"] == "rest":
            continue
        breakdown, group = line["breakdown"] or None, line["group"] if line["breakdown"] else None
        known = breakdown == "harm_known"
        way = line["rule"], "known" if known else "all"
        key = line["unit"], "harm" if known else breakdown, line["item"], group
        found = drawn_from_caseloads(way[0], interval, df, way[1])[key]
        checked.setdefault(way, set()).add(key)
        check_estimate(line, found, interval, df)
        # A caseload that was sampled whole has a standard error of 0.
        if line["unit"] == "isle":
            assert found["se"] == 0
    # Each row of R once, and no score missing: of pooled scores in every unit, of the others
    # in one and in all together; a known complement differs in its own breakdown only.
    of_r = sum(r["group"] != "rest" for r in POPULATION[0])
    assert sum(len(keys) for keys in checked.values()) == of_r
    assert set(checked) == {
        (r, c) for r in ("pooled", "questions", "cases") for c in ("all", "known")
    }
    for (rule, complement), keys in checked.items():
        assert keys == {
            key for key, r in drawn_from_caseloads(rule, interval, df, complement).items()
            if (rule == "pooled" or key[0] in ("north", "all")) and key[3] != "all" and r["n"] > 0
            and (complement == "all" or key[1] == "harm")
        }  # fmt: skip


@pytest.mark.parametrize("df", [None, "design"])
def test_differences_and_tests_of_samples_from_caseloads(df):
    checked: dict[Key, set[Key]] = {}
    first = {"gender": "f", "plan": "early", "harm": "high"}
    for line in POPULATION[1]:
        known = line["breakdown"] == "harm_known"
        breakdown = "harm" if known else line["breakdown"]
        scores = drawn_from_caseloads(line["rule"], "wald", df, "known" if known else "all")
        key = line["unit"], breakdown, line["item"], first[breakdown]
        check_test(line, scores[key], df)
        checked.setdefault((line["rule"], "known" if known else "all"), set()).add(key)
    assert sum(len(keys) for keys in checked.values()) == len(POPULATION[1])
    for (rule, complement), keys in checked.items():
        # Groups of a caseload that was sampled whole are not tested.
        assert keys == {
            key for key, r in drawn_from_caseloads(rule, "wald", df, complement).items()
            if (rule == "pooled" or key[0] in ("north", "all")) and r["p_value"] is not None
            and key[3] == first[key[1]] and (complement == "all" or key[1] == "harm")
        }  # fmt: skip
    assert len(checked) == 6


def test_nothing_is_tested_that_r_could_not_test():
    lines = {
        (r["unit"], r["breakdown"], r["item"]) for r in MADE_UP[1]
        if r["rule"] == "pooled" and r["lonely"] == "error" and r["breakdown"] != "harm_known"
    }  # fmt: skip
    scores = made_up("pooled", "error", "wald", None, "all")
    tested = {key[:3] for key, row in scores.items() if row["p_value"] is not None}
    assert tested == lines


def test_the_shipped_cases_are_those_that_the_numbers_are_of():
    # The numbers hold for these cases and links only. When the shipped cases change, run the two
    # commands at the top of scores.R for the shipped cases again.
    assert stamp(oms.omi2.load_synthetic()) == STAMP.read_text(encoding="utf-8")


@pytest.mark.parametrize(("interval", "df"), ENDS)
def test_estimates_and_intervals_of_the_shipped_cases(interval, df):
    scores = shipped(interval, df)
    checked = set()
    for line in SHIPPED[0]:
        if line["group"] == "rest":
            continue
        group = line["group"] if line["breakdown"] else None
        key = line["unit"], line["breakdown"] or None, line["item"], group
        check_estimate(line, scores[key], interval, df)
        checked.add(key)
    # Each row of R once, and none missing.
    assert len(checked) == sum(r["group"] != "rest" for r in SHIPPED[0])
    # Every score of all units and of the first, and the other units' of all their cases; but not
    # the rows of the group `all`, which are those of everyone, nor those without an answer.
    expected = {
        key for key, row in scores.items()
        if (key[0] in ("U01", "all") or key[1] is None) and key[3] != "all" and row["n"] > 0
    }  # fmt: skip
    assert checked == expected


@pytest.mark.parametrize("df", [None, "design"])
def test_differences_and_tests_of_the_shipped_cases(df):
    scores = shipped("wald", df)
    first = {b.key: b.groups[0] for b in oms.omi2.STANDARD}
    checked = set()
    for line in SHIPPED[1]:
        key = line["unit"], line["breakdown"], line["item"], first[line["breakdown"]]
        check_test(line, scores[key], df)
        checked.add(key)
    assert len(checked) == len(SHIPPED[1])
    # Everything that was tested of all units and of the first.
    assert checked == {
        key for key, r in scores.items()
        if key[0] in ("U01", "all") and r["p_value"] is not None and key[3] == first[key[1]]
    }  # fmt: skip
