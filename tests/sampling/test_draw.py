"""Drawing: who is drawn, that it can be repeated, and that weights give the caseload back."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings, strategies as st
from scipy.stats import chisquare
from tests.sampling.caseloads import ASKED, FRAMEWORK, NAMES, made_of, plain, shuffled, table_of
from tests.sampling.test_plan import caseloads

import omistats as oms

# Internal: which cases a plan draws, known before it is drawn.
from omistats.sampling.cells import cross
from omistats.sampling.plan import draw_rows

BOOST = {"risk_of_harm": {"high": 20}}


def ids(cases: oms.CaseSet) -> list[int]:
    return cases["case_id"].to_pylist()


@settings(max_examples=30)
@given(caseloads(), st.integers(1, 40), st.integers(0, 2**64))
def test_the_sample_is_the_plan_and_weights_give_the_caseload_back(counts, size, seed):
    caseload = made_of(counts)
    try:
        plan = oms.plan_sample(caseload, size=size)
    except oms.DataError:
        assume(False)
    sample = plan.draw(seed)
    assert len(set(ids(sample))) == len(sample)
    assert set(ids(sample)) <= set(ids(caseload))
    rows = pa.table(sample).to_pylist()
    key = [(row["unit"], *(row[name] for name in NAMES)) for row in rows]
    assert Counter(key) == {k: n for k, n in table_of(plan).items() if n}
    weights = [
        Fraction(row["population"], table_of(plan)[k]) for row, k in zip(rows, key, strict=True)
    ]
    for row, k, weight in zip(rows, key, weights, strict=True):
        assert row["population"] == counts[k]
        assert row["weight"] == float(weight) > 0
    for i, level in {(i, k[i]) for k in counts for i in range(4)}:
        there = sum(n for k, n in counts.items() if k[i] == level)
        inside = [j for j, k in enumerate(key) if k[i] == level]
        assert sum(weights[j] for j in inside) == there  # exactly
        assert sum(rows[j]["weight"] for j in inside) == pytest.approx(there, rel=1e-9)


def test_the_order_of_rows_does_not_matter():
    caseload = made_of(plain() | plain("B", 2), note=[f"n{i}" for i in range(600)])
    plan = oms.plan_sample(caseload, size=60, at_least=BOOST)
    again = oms.plan_sample(shuffled(caseload, 1), size=60, at_least=BOOST)
    assert pa.table(plan.draw(7)).equals(pa.table(again.draw(7)))
    assert ids(plan.draw(7)) == sorted(ids(plan.draw(7)))  # unit A has the lower ids
    assert ids(plan.draw(7)) != ids(plan.draw(8))


def test_text_ids_are_drawn_alike_in_any_order():
    counts = plain()
    caseload = made_of(counts, case_id=[f"c{i * 7919 % 997:03d}" for i in range(200)])
    found = oms.plan_sample(caseload, size=60).draw(1)
    again = oms.plan_sample(shuffled(caseload, 4), size=60).draw(1)
    assert ids(found) == ids(again) == sorted(ids(found))


def test_another_unit_or_cell_does_not_change_who_is_drawn():
    alone = oms.plan_sample(made_of(plain()), size=60, at_least=BOOST).draw(11)
    both = oms.plan_sample(made_of(plain() | plain("B")), size=60, at_least=BOOST).draw(11)
    of_a = both.filter(pa.array([u == "A" for u in both["unit"].to_pylist()]))
    assert ids(of_a) == ids(alone)
    # The units are equal but for their name, and are not drawn alike.
    assert [i - 200 for i in ids(both)[60:]] != ids(alone)


def test_a_larger_sample_keeps_the_cases_of_a_smaller_one():
    caseload = made_of(plain(scale=3))
    few, more = (oms.plan_sample(caseload, size=n, keep=()) for n in (60, 120))
    assert all(table_of(more)[key] >= n for key, n in table_of(few).items())
    assert set(ids(few.draw(5))) < set(ids(more.draw(5)))


def test_the_method_is_the_one_that_is_documented():
    counts = plain()
    caseload = shuffled(made_of(counts), 2)
    plan = oms.plan_sample(caseload, size=60)
    expected = []
    rows = pa.table(caseload).to_pylist()
    for key, n in table_of(plan).items():
        members = sorted(
            row["case_id"] for row in rows if (row["unit"], *(row[c] for c in NAMES)) == key
        )
        digest = hashlib.sha256(json.dumps(key).encode()).digest()
        words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
        numbers = np.random.PCG64(np.random.SeedSequence(2011, spawn_key=words))
        lots = {case: int(numbers.random_raw()) for case in members}
        expected += sorted(members, key=lots.__getitem__)[:n]
    assert ids(plan.draw(2011)) == sorted(expected)
    # As drawn with NumPy 2.4, and with every other.
    assert ids(plan.draw(2011))[:12] == PINNED


PINNED = [1, 2, 5, 15, 16, 18, 21, 27, 29, 31, 41, 50]


def test_every_subset_is_equally_likely():
    caseload = made_of({("A", "high", "male", "white"): 6})
    cells = cross(caseload, NAMES)
    found = Counter(
        tuple(draw_rows(caseload, cells, np.array([2]), s).tolist()) for s in range(3000)
    )
    assert found.keys() == set(itertools.combinations(range(6), 2))
    assert chisquare(list(found.values())).pvalue > 0.001


def test_a_sample_says_how_it_was_drawn_and_that_it_is_made_up():
    made_up = oms.omi2.simulate(units=2, seed=1, sizes=(300, 320))
    caseload = oms.CaseSet.from_data(made_up, framework=oms.omi2.CASELOAD)
    plan = oms.plan_sample(caseload, size=80, at_least={"risk_of_harm": {"high": 0.5}})
    sample = plan.draw(seed=9)
    said = json.loads(sample.metadata[b"sampling"])
    assert said["seed"] == 9
    assert said["size"] == {"S01": 80, "S02": 80}
    assert said["at_least"] == {"risk_of_harm": {"high": 0.5}}
    assert (said["cells"], said["keep"]) == (
        ["risk_of_harm", "gender", "ethnicity"],
        ["gender", "ethnicity"],
    )
    assert sample.metadata[b"synthetic"] == b"true"
    for table in (plan.table, plan.margins, plan.units):
        assert table.schema.metadata[b"synthetic"] == b"true"
    assert "SYNTHETIC" in repr(plan)
    assert "SYNTHETIC" in repr(sample)
    assert plan.to_pandas().attrs["synthetic"] == "true"


def test_units_keep_their_order_and_names():
    units = [oms.Unit("B", "Bravo"), oms.Unit("A", "Alpha"), oms.Unit("C", "Charlie")]
    counts = plain("B") | plain("A")
    base = pa.table(made_of(counts))
    caseload = oms.CaseSet.from_data(base, framework=FRAMEWORK, units=units)
    sample = oms.plan_sample(caseload, size=50).draw(0)
    assert sample.units == ("B", "A", "C")
    assert sample.unit_names == {"B": "Bravo", "A": "Alpha", "C": "Charlie"}
    assert sample["unit"].to_pylist() == ["B"] * 50 + ["A"] * 50


def test_labels_that_run_into_each_other_are_refused():
    strata = (oms.Stratum("one", ("a", "a / b")), oms.Stratum("two", ("b / c", "c")))
    rows = [("a", "b / c"), ("a / b", "c")] * 2
    caseload = oms.CaseSet.from_data(
        {
            "case_id": range(4),
            "unit": ["U"] * 4,
            "one": [row[0] for row in rows],
            "two": [row[1] for row in rows],
        },
        framework=oms.Framework("odd", (), strata),
    )
    plan = oms.plan_sample(caseload, size=4)
    with pytest.raises(oms.DataError, match="U / a / b / c"):
        plan.draw(1)


@pytest.mark.parametrize("seed", [-1, 1.5, None, "1", True])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(oms.UsageError, match="seed"):
        oms.plan_sample(made_of(plain()), size=60).draw(seed)


def test_columns_of_a_sample_are_what_findings_and_scores_take():
    caseload = made_of(plain())
    sample = oms.plan_sample(caseload, size=60, at_least=BOOST, least=2).draw(3)
    answers = {q: pa.array([i % 3 > 0 for i in range(60)]) for q in ASKED.question_ids}
    table = pa.table({**{name: sample[name] for name in sample}, **answers})
    cases = oms.CaseSet.from_data(table, framework=ASKED)
    design = {"weight": "weight", "stratum": "sampling_stratum", "population": "population"}

    class Gender(oms.Breakdown):
        key = "gender"
        groups = ("male", "female")

    found = oms.recompute(cases, breakdowns=[Gender], **design).table
    weight = np.array(cases["weight"].to_pylist())
    male = np.array(cases["gender"].to_pylist()) == "male"
    yes = np.array([i % 3 > 0 for i in range(60)])
    assert found["percent"][0].as_py() == pytest.approx(
        100 * (weight * yes)[male].sum() / weight[male].sum()
    )
    # Some cells are of one case and drawn whole: nothing is left to chance in them.
    assert 1 in sample["population"].to_pylist()
    score = oms.scores(cases, **design).table
    assert score.equals(oms.scores(cases, lonely="adjust", **design).table)
    assert score["percent"][0].as_py() == pytest.approx(100 * (weight * yes).sum() / weight.sum())
