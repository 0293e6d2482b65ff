"""Scores whose groups, units and pairs are compared by permuting cases."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pyarrow.compute as pc
import pytest
from tests.kernel import permutation_recount as recount
from tests.kernel.permutation_recount import apart as statistic
from tests.scoring.programme import case_set, read

import omistats as oms

ITEMS = ["1.1", "safety"]
PERMUTED = {"test": "permutation", "permutations": 499, "seed": 3}


def scored(rows=None, **options):
    cases = case_set(read() if rows is None else rows)
    asked = {"by": "unit", "breakdowns": ["gender", "plan"], "items": ITEMS}
    return oms.scores(cases, **{**asked, **PERMUTED, **options})


def test_only_p_values_differ_from_the_default():
    mine, usual = scored().table, scored(test=None).table
    changed = {"p_value", "statistic", "df", "df2", "stars", "method", "reliability"}
    for name in mine.column_names:
        if name not in changed:
            assert mine[name].equals(usual[name]), name
    p_value, methods = mine["p_value"], set(mine["method"].to_pylist())
    assert p_value.is_null().equals(usual["p_value"].is_null())
    assert methods <= {"permutation", "permutation-exact", None}
    assert "permutation" in methods
    found = p_value.drop_null().to_numpy()
    assert ((found > 0) & (found <= 1)).all()
    # Where cases are many the two tests agree, but for what 499 permutations can tell.
    many = pc.and_(pc.is_valid(p_value), pc.greater_equal(usual["cases"], 12))
    found, other = (x.filter(many)["p_value"].to_numpy() for x in (mine, usual))
    assert len(found) > 20
    assert np.corrcoef(found, other)[0, 1] > 0.9


def test_p_values_do_not_depend_on_the_order_of_cases_or_units():
    rows = read()
    mixed = [rows[i] for i in np.random.default_rng(5).permutation(len(rows))]
    units = sorted({row["unit"] for row in rows})

    def made(given, names):
        data = {name: [row[name] for row in given] for name in given[0]}
        cases = oms.CaseSet.from_data(data, framework=case_set(rows).framework, units=names)
        return oms.scores(cases, by="unit", breakdowns=["gender", "plan"], items=ITEMS, **PERMUTED)

    def by_name(table, *names):
        return {tuple(row[n] for n in names): row["p_value"] for row in table.to_pylist()}

    def pairs(scores):
        table = scores.units("safety", draws=2).pairs()
        return {frozenset((r["unit"], r["other"])): r["p_value"] for r in table.to_pylist()}

    one = made(rows, units)
    of_scores = by_name(one.table, "unit", "breakdown", "group", "item")
    for other in (made(mixed, units), made(mixed, units[::-1])):
        assert by_name(other.table, "unit", "breakdown", "group", "item") == of_scores
        weak = [by_name(s.weaknesses(level="headline").table, "unit", "item") for s in (one, other)]
        assert weak[0] == weak[1]
        assert pairs(one) == pairs(other)


def test_p_values_do_not_depend_on_what_else_was_asked_for():
    both, few = scored(), scored(breakdowns=["plan"], items=["safety"])
    rows = few.table.to_pylist()
    others = {(r["unit"], r["breakdown"], r["group"], r["item"]): r for r in both.table.to_pylist()}
    for row in rows:
        other = others[row["unit"], row["breakdown"], row["group"], row["item"]]
        assert row["p_value"] == other["p_value"]
    assert any(row["p_value"] is not None for row in rows)
    whole = scored(by=None)
    assert whole.table["p_value"].equals(both.unit("all").table["p_value"])


def test_the_seed_and_the_number_of_permutations_matter():
    one = scored().table["p_value"]
    assert one.equals(scored().table["p_value"])
    assert not one.equals(scored(seed=4).table["p_value"])
    assert not one.equals(scored(permutations=500).table["p_value"])


def test_a_unit_is_compared_with_the_rest_case_by_case():
    """Recounted from the exported table: a shuffle of the unit's place among all cases."""
    rows = read()
    framework = case_set(rows).framework
    feeds = [q.id for q in framework.questions if any(x.item == "safety" for x in q.links)]
    feeds = [q.id for q in framework.questions if q.id in feeds and q.provenance != "invented"]
    found = scored(permutations=4999).weaknesses(level="headline")
    line = next(r for r in found.table.to_pylist() if r["unit"] == "south")
    k = np.array([sum(row[q] is True or row[q] == 1 for q in feeds) for row in rows])
    n = np.array([sum(row[q] is not None for q in feeds) for row in rows])
    own = np.array([row["unit"] == "south" for row in rows])
    assert (line["k"], line["n"]) == (k[own].sum(), n[own].sum())

    def apart(inside):
        return abs(k[inside].sum() / n[inside].sum() - k[~inside].sum() / n[~inside].sum())

    draws = np.random.default_rng(11)
    reached = np.mean([apart(draws.permutation(own)) >= apart(own) - 1e-12 for _ in range(5000)])
    error = 4 * np.sqrt(max(reached * (1 - reached), 1e-3) * 2 / 5000)
    assert line["p_value"] == pytest.approx(reached, abs=error)
    assert line["method"] == "permutation"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"rule": "cases"}, "`rule`"),
        ({"weight": [1.0] * len(read())}, "`weight`"),
        (
            {"cluster": [str(i // 2) for i in range(len(read()))], "stratum": None},
            "`stratum`, `cluster`",
        ),
        ({"population": 1000}, "`population`"),
    ],
)
def test_permutation_needs_plain_cases(options, found):
    with pytest.raises(oms.UsageError, match=f"must be of pooled scores .*; found {found}. Leave"):
        scored(**options)


def test_sums_cannot_be_permuted():
    sums = oms.score_tally(case_set(read()), items=ITEMS)
    with pytest.raises(oms.UsageError, match="needs the cases; found a ScoreTally"):
        oms.scores(sums, test="permutation")
    with pytest.raises(oms.UsageError, match="`permutations` must be"):
        scored(permutations=0)
    with pytest.raises(oms.UsageError, match="`seed` must be"):
        scored(seed=-1)


def test_a_unit_of_one_case_has_no_test():
    rows = [row for row in read() if row["unit"] != "south"] + [
        next(row for row in read() if row["unit"] == "south")
    ]
    found = scored(rows).weaknesses(level="headline").table.to_pylist()
    (line,) = [r for r in found if r["unit"] == "south"]
    if line["n"]:
        assert line["p_value"] is None
        assert line["reason"].startswith("one case only")


ONE_ITEM = oms.Framework(
    "small",
    [oms.Question(q, q.upper(), oms.Link("1", "invented")) for q in ("a", "b")],
    [oms.Stratum("side", ("left", "right")), oms.Stratum("third", ("x", "y", "z"))],
    items=[oms.Item("1", "section", "One")],
    breakdowns=("side", "third"),
)


def small(units, answers, side=None, third=None):
    """Make cases of two questions; ``answers`` are pairs, None where not applicable."""
    size = len(units)
    data = {
        "case_id": [f"c{i}" for i in range(size)],
        "unit": list(units),
        "side": side or ["left", *["right"] * (size - 1)],
        "third": third or ["x", "y", *["z"] * (size - 2)],
        "a": [pair[0] for pair in answers],
        "b": [pair[1] for pair in answers],
    }
    return oms.CaseSet.from_data(data, framework=ONE_ITEM)


def sums(answers):
    return [sum(x or 0 for x in pair) for pair in answers], [
        sum(x is not None for x in pair) for pair in answers
    ]


ANSWERS = [(1, 1), (1, 0), (1, None), (0, 0), (1, 1), (0, None), (0, 0), (1, 0), (0, 0)]
UNITS = "AAAABBBBB"


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("side", ["left", "left", "right", "right", "left", "left", "right", "right", "right"]),
        ("third", ["x", "y", "z", "y", "x", "x", "y", "y", "z"]),
    ],
)
def test_groups_are_permuted_within_each_unit(name, labels):
    """Every assignment that keeps the groups of each unit, by itertools and in fractions."""
    cases = small(UNITS, ANSWERS, **{name: labels})
    made = oms.scores(cases, by="unit", breakdowns=[name], test="permutation", permutations=5000)
    k, n = sums(ANSWERS)
    for unit in ("A", "B", "all"):
        own = [i for i, u in enumerate(UNITS) if unit in (u, "all")]
        rows = [r for r in made.table.to_pylist() if (r["unit"], r["breakdown"]) == (unit, name)]
        ways = recount.relabellings([labels[i] for i in own], [UNITS[i] for i in own])
        k_own, n_own = [k[i] for i in own], [n[i] for i in own]
        seen = [statistic(k_own, n_own, way) for way in ways]
        observed = statistic(k_own, n_own, [labels[i] for i in own])
        share = sum(x >= observed for x in seen) / len(seen)
        found = {row["p_value"] for row in rows} - {None}
        assert list(found) == ([pytest.approx(share, rel=1e-12)] if found else [])
        assert {row["method"] for row in rows} <= {"permutation-exact", None}
    assert found


def test_units_and_pairs_are_permuted_over_all_their_cases():
    units = "AAAABBBBBCC"
    answers = [*ANSWERS, (1, 1), (1, None)]
    made = oms.scores(small(units, answers), by="unit", test="permutation", permutations=5000)
    k, n = sums(answers)

    def share(own):
        chosen = [i for i, u in enumerate(units) if u in own[0] + own[1]]
        labels = [int(units[i] in own[1]) for i in chosen]
        k_own, n_own = [k[i] for i in chosen], [n[i] for i in chosen]
        places = range(len(labels))
        seen = [
            statistic(k_own, n_own, [int(i in way) for i in places])
            for way in combinations(places, sum(labels))
        ]
        return sum(x >= statistic(k_own, n_own, labels) for x in seen) / len(seen)

    for row in made.weaknesses(level="section").table.to_pylist():
        rest = "ABC".replace(row["unit"], "")
        assert row["p_value"] == pytest.approx(share((row["unit"], rest)), rel=1e-12)
    few = made.weaknesses("A", level="section", others=["C"]).table.to_pylist()
    assert few[0]["p_value"] == pytest.approx(share(("A", "C")), rel=1e-12)
    compared = made.units("1", draws=2).pairs().to_pylist()
    assert len(compared) == 3
    for row in compared:
        assert row["p_value"] == pytest.approx(share((row["unit"], row["other"])), rel=1e-12)


def test_pairs_are_permuted_whatever_the_interval():
    usual, wald = scored(), scored(interval="wald")
    one, other = (s.units("safety", draws=2) for s in (usual, wald))
    for name in ("p_value", "p_adjusted", "higher"):
        assert one.pairs()[name].equals(other.pairs()[name]), name
    for name in ("joint_low", "joint_high", "above", "below"):
        assert one.table[name].equals(other.table[name]), name
    assert not one.pairs()["low"].equals(other.pairs()["low"])


def test_two_cases_a_side_are_too_few_to_tell():
    """Two cases against two: of 6 assignments, 2 are as far apart."""
    made = oms.scores(
        small("AABB", [(1, 1), (1, 1), (0, 0), (0, 0)]), by="unit", test="permutation"
    )
    rows = made.weaknesses(level="section").table.to_pylist()
    assert [row["p_value"] for row in rows] == [1 / 3, 1 / 3]
    assert {row["method"] for row in rows} == {"permutation-exact"}
    assert {row["reliability"] for row in rows} == {"too few cases to tell"}


def test_a_unit_that_is_told_apart_is_not_too_few_to_tell():
    """Two cases all wrong against eight: the farthest of 45 assignments."""
    answers = [(0, 0)] * 2 + [(1, 1)] * 5 + [(0, 1), (0, 1), (1, 0)]
    cases = small("AABBBBBBBB", answers)
    usual, permuted = (
        oms.scores(cases, by="unit", **options)
        .weaknesses("A", level="section")
        .table.to_pylist()[0]
        for options in ({}, {"test": "permutation"})
    )
    assert usual["reliability"] == "too few cases to tell"
    assert permuted["p_value"] == pytest.approx(1 / 45)
    assert permuted["credible"]
    assert permuted["reliability"] == "ok"


def test_rounds_are_compared_on_effective_answers():
    rows = read()
    earlier = [row for i, row in enumerate(rows) if i % 3]

    def change(**options):
        now, before = (
            oms.scores(case_set(part), by="unit", items=ITEMS, **options)
            for part in (rows, earlier)
        )
        return now.compare(before).table

    found, usual = change(**PERMUTED), change()
    for name in ("change", "change_low", "change_high", "p_value", "method", "reliability"):
        assert found[name].equals(usual[name]), name
    assert found["p_value"].null_count < len(found)
