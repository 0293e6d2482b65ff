"""Scores whose groups, units and pairs are compared by permuting cases."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from tests.scoring.programme import case_set, read

import omistats as oms

ITEMS = ["1.1", "safety"]
PERMUTED = {"test": "permutation", "permutations": 499, "seed": 3}


def scored(rows=None, **options):
    cases = case_set(read() if rows is None else rows)
    return oms.scores(
        cases, by="unit", breakdowns=["gender", "plan"], items=ITEMS, **{**PERMUTED, **options}
    )


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
    other = usual["p_value"].drop_null().to_numpy()
    assert np.corrcoef(found, other)[0, 1] > 0.8


def test_neither_the_order_of_cases_nor_another_result_matters():
    rows = read()
    mixed = [rows[i] for i in np.random.default_rng(5).permutation(len(rows))]
    units = sorted({row["unit"] for row in rows})

    def made(given):
        data = {name: [row[name] for row in given] for name in given[0]}
        cases = oms.CaseSet.from_data(data, framework=case_set(rows).framework, units=units)
        return oms.scores(cases, by="unit", breakdowns=["gender"], items=ITEMS, **PERMUTED)

    one, two = made(rows), made(mixed)
    assert one.table["p_value"].equals(two.table["p_value"])
    assert one.weaknesses().table["p_value"].equals(two.weaknesses().table["p_value"])
    pairs = [s.units("safety", draws=2).pairs()["p_value"] for s in (one, two)]
    assert pairs[0].equals(pairs[1])


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
    "options",
    [
        {"rule": "cases"},
        {"weight": [1.0] * len(read())},
        {"cluster": [str(i // 2) for i in range(len(read()))], "stratum": None},
        {"population": 1000},
    ],
)
def test_permutation_needs_plain_cases(options):
    with pytest.raises(oms.UsageError, match="needs pooled scores of cases in memory"):
        scored(**options)


def test_sums_cannot_be_permuted():
    sums = oms.score_tally(case_set(read()), items=ITEMS)
    with pytest.raises(oms.UsageError, match="needs pooled scores of cases in memory"):
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


def test_two_cases_a_side_are_compared_in_full():
    framework = oms.Framework(
        "small",
        [oms.Question("a", "A", oms.Link("1", "invented"))],
        items=[oms.Item("1", "section", "One")],
    )
    data = {"case_id": [1, 2, 3, 4], "unit": ["A", "A", "B", "B"], "a": [1, 1, 0, 0]}
    cases = oms.CaseSet.from_data(data, framework=framework)
    made = oms.scores(cases, by="unit", test="permutation")
    rows = made.weaknesses(level="section").table.to_pylist()
    assert [row["p_value"] for row in rows] == [1 / 3, 1 / 3]
    assert {row["method"] for row in rows} == {"permutation-exact"}
    assert (
        attrs.evolve(made)
        .weaknesses(level="section")
        .table.equals(made.weaknesses(level="section").table)
    )
