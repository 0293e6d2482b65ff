"""Programmes as folders: three that are shipped, and one made up by the tests."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.programmes.made_up import MADE_UP, write

import omistats as oms
from omistats.programmes import Programme

# Internal: cases of any programme.
from omistats.programmes.simulation import golden_output, simulate_cases


@pytest.fixture(scope="module")
def made_up(tmp_path_factory) -> Programme:
    return oms.programmes.load(write(tmp_path_factory.mktemp("library_visits")))


@pytest.fixture(scope="module", params=["omi2", "youth_justice", "seizure_clinic", "made up"])
def programme(request, made_up) -> Programme:
    return made_up if request.param == "made up" else oms.programmes.load(request.param)


@pytest.fixture(scope="module")
def cases(programme) -> oms.CaseSet:
    if (programme.folder / "cases.parquet").exists():
        return programme.load_cases()
    return simulate_cases(programme.framework, programme.units, cases=300, seed=2)


# --- reading --------------------------------------------------------------------------------


def test_the_shipped_ones_are_listed_and_read():
    assert oms.programmes.names() == ("omi2", "seizure_clinic", "youth_justice")
    for name in oms.programmes.names():
        found = oms.programmes.load(name)
        assert found.name == name
        assert found.title
        assert found.unit in ("inspection", "clinic", "area")
        assert oms.programmes.load(found.folder).framework == found.framework


def test_the_second_round_is_what_python_says():
    found = oms.programmes.load("omi2")
    assert found.framework == oms.omi2.DEMONSTRATION
    ours = [(u.id, u.name, u.synonyms) for u in oms.omi2.UNITS]
    assert [(u.id, u.name, u.synonyms) for u in found.units] == ours


def test_the_made_up_one_is_read(made_up):
    assert (made_up.unit, made_up.breaks) == ("unit", {})
    framework = made_up.framework
    assert framework.name == "library_visits"
    welcome, _, lift, signed = framework.questions
    assert welcome.sufficient == ("four", "five")
    assert lift.asked_if == ((("size", ("large",)),),)
    assert signed.headlines == (oms.Link("place", "invented"),)
    assert framework.not_answered == "not sufficient"
    assert made_up.units[1] == oms.Unit("central", "Central", ["City"])
    assert [b.key for b in made_up.breakdowns] == ["size", "town"]
    assert "library_visits" in repr(made_up)


def test_a_break_in_the_series_is_kept():
    breaks = oms.programmes.load("seizure_clinic").breaks
    assert list(breaks) == ["2"]
    assert "water safety" in breaks["2"]


def test_invented_content_says_so():
    for name in oms.programmes.names():
        found = oms.programmes.load(name)
        assert "invented" in found.note or "made up" in found.note
        made = found.load_cases()
        assert made.metadata[b"synthetic"] == b"true"
        assert "SYNTHETIC" in repr(made)


# --- everything works on everything -----------------------------------------------------------


def answers_of(cases: oms.CaseSet, question: oms.Question) -> list[str | None]:
    """Return levels, or words for what has none; None for not applicable."""
    words = {True: "sufficient", False: "not sufficient", "not applicable": None}
    return [words.get(a, a) for a in cases[question.id].to_pylist()]


def test_golden_output_and_a_recount_in_plain_python(programme, cases):
    golden = golden_output(cases)
    if (programme.folder / "golden.json").exists():
        stored = json.loads((programme.folder / "golden.json").read_text())
        assert stored == json.loads(json.dumps(golden))
    framework = programme.framework
    counted = framework.not_answered == "not sufficient"
    units = cases["unit"].to_pylist()
    scores: dict[str, list[int]] = {}
    for question in framework.questions:
        cut = question.sufficient or ("sufficient",)
        items = {link.item for link in question.links}
        items |= {framework.item(item).parent for item in items} - {None}
        total = [0, 0, 0]
        for unit, answer in zip(units, answers_of(cases, question), strict=True):
            missing = answer == "not answered"
            answered = answer in question.answers or (missing and counted)
            total = [total[0] + (answer in cut), total[1] + answered, total[2] + missing]
            for key in (f"{owner} {item}" for owner in (unit, "all") for item in items):
                k, n = scores.get(key, (0, 0))
                scores[key] = [k + (answer in cut), n + answered]
        if framework.not_answered is None:
            total[2] = None
        assert golden["findings"][question.id] == total
    assert golden["scores"] == scores


def test_questions_are_asked_only_where_their_rule_holds(programme, cases):
    framework = programme.framework
    held = pa.table(cases).column_names
    strata = {s.name: cases[s.name].to_pylist() for s in framework.strata if s.name in held}
    known = strata | {q.id: answers_of(cases, q) for q in framework.questions}
    for question in framework.questions:
        for i, answer in enumerate(known[question.id]):
            asked = any(
                all(known[name][i] in levels for name, levels in one) for one in question.asked_if
            )
            # None is not applicable.
            assert answer is None or asked or not question.asked_if
    routed = {q.id for q in framework.questions if q.asked_if}
    assert (
        routed
        == {
            "omi2": set(),
            "youth_justice": set(),
            "seizure_clinic": {"asked_mental_health", "support_given", "valproate_form"},
            "library_visits": {"lift", "lift_signed"},
        }[programme.name]
    )


def test_findings_scores_levels_and_ratings(programme, cases):
    findings = oms.recompute(cases, by="unit")
    assert len(findings) > 0
    scores = oms.scores(cases, by="unit", breakdowns=programme.breakdowns[:1])
    assert len(scores) > 0
    assert len(oms.levels(cases, by="unit")) > len(findings)
    rule = programme.rating or oms.RatingRule.percentages(["low", "high"], [60])
    ratings = oms.ratings(scores, rule)
    assert set(ratings.table["unit"].to_pylist()) == set(cases.units)
    assert len(oms.recompute(cases, breakdowns=[]).comparisons()) == len(
        programme.framework.known_ids
    )
    crossed = [tuple(s.name for s in programme.framework.strata[:2])]
    assert len(oms.recompute(cases, breakdowns=crossed)) > 0


def test_streams_and_engines_count_the_same(programme, cases, tmp_path, monkeypatch):
    from omistats.model import files

    framework = programme.framework
    path = tmp_path / "cases.parquet"
    pq.write_table(pa.table(cases), path, row_group_size=50)
    table = pa.table(cases)
    text = pa.table(
        {
            name: column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
    )
    expected = oms.tally(cases, by="unit")
    monkeypatch.setattr(files, "ROWS", 64)
    sources = [path, pl.DataFrame(text).lazy(), duckdb.from_arrow(text)]
    for source in sources:
        found = oms.tally(source, framework=framework, by="unit")
        place = [found.units.index(u) for u in expected.units if u in found.units]
        own = [expected.units.index(found.units[i]) for i in place]
        for name, array in expected.arrays().items():
            np.testing.assert_array_equal(found.arrays()[name][place], array[own], name)
    saved = tmp_path / "tally.arrow"
    expected.write(saved)
    again = oms.Tally.read(saved, framework=framework)
    for name, array in expected.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array)
    by_unit = [f(cases, by="unit").table.to_pylist() for f in (oms.levels, oms.scores)]
    for source in sources[1:]:
        for count, ours in zip((oms.levels, oms.scores), by_unit, strict=True):
            theirs = count(source, framework=framework, by="unit").table.to_pylist()
            assert by_key(theirs) == by_key(ours)
    sums = oms.score_tally(sources[1], framework=framework)
    assert by_key(oms.scores(sums, by="unit").table.to_pylist()) == by_key(by_unit[1])
    whole = oms.scores(cases, by="unit").table
    assert oms.scores(path, framework=framework, by="unit").table["k"].equals(whole["k"])
    mine = oms.levels(cases).table
    theirs = oms.levels(path, framework=framework).table
    assert mine["k"].equals(theirs["k"])
    assert mine["not_answered"].equals(theirs["not_answered"])


def by_key(rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], tuple[int, int, int | None]]:
    """Return the counts of rows, by what they are of."""
    keys = ("unit", "breakdown", "group", "question", "item", "level")
    return {
        tuple(row.get(key) for key in keys): (row["k"], row["n"], row.get("not_answered"))
        for row in rows
    }


def test_the_rest_of_the_library(programme, cases):
    scores = oms.scores(cases, by="unit")
    item = scores.table["item"].to_pylist()[0]
    compared = scores.units(item, draws=20, threshold=50)
    assert len(compared) == len(cases.units)
    assert set(compared.table["below_threshold"].to_pylist()) <= {"no", "point", "interval"}
    pairs = compared.pairs()
    assert len(pairs) == len(cases.units) * (len(cases.units) - 1) // 2
    assert len(scores.weaknesses()) > 0
    stratum = programme.framework.strata[0]
    assert len(oms.characteristics(cases, [stratum.name])) > 0
    plan = oms.plan_sample(cases, size=15, cells=[stratum.name])
    drawn = plan.draw(seed=1)
    assert len(drawn) >= 15
    assert oms.design_weights(drawn, cases, cells=[stratum.name]) is not None
    assert len(oms.representativeness(drawn, cases)) > 0
    found = oms.bootstrap(cases, of="scores", items=[item], draws=20)
    assert len(found) > 0
    assert len(oms.max_t(cases, breakdowns=[stratum.name], permutations=50)) > 0
    halves = [cases.filter(np.arange(len(cases)) % 2 == part) for part in (0, 1)]
    now, before = (oms.recompute(half, by="unit") for half in halves)
    assert len(now.compare(before)) > 0
    one, two = (oms.scores(half, by="unit") for half in halves)
    assert len(one.compare(two)) > 0
    regions = dict.fromkeys(cases.units, "all of them")
    assert cases.regroup(regions).units == ("all of them",)


def test_cases_survive_every_format(programme, cases, tmp_path):
    path = tmp_path / "cases.parquet"
    pq.write_table(pa.table(cases), path)
    frames: list[Any] = [
        pa.table(cases),
        pq.read_table(path),
        pl.DataFrame(pa.table(cases)),
        pa.table(cases).to_pandas(),
    ]
    for frame in frames:
        again = oms.CaseSet.from_data(frame, framework=programme.framework, units=cases.units)
        for question in programme.framework.questions:
            assert again[question.id].equals(cases[question.id]), question.id


def test_a_folder_without_cases_says_so(made_up):
    with pytest.raises(oms.DataError, match="a programme's cases"):
        made_up.load_cases()


def test_nothing_in_a_folder_is_run(tmp_path):
    folder = write(tmp_path)
    (folder / "__init__.py").write_text("raise RuntimeError('was run')")
    assert oms.programmes.load(folder).name == "library_visits"


def test_scores_carry_what_was_not_answered():
    programme = oms.programmes.load("youth_justice")
    cases = programme.load_cases()
    for policy in ("left out", "not sufficient"):
        made = cases.with_not_answered(policy)
        found = oms.scores(made, by="unit", breakdowns=["sex"]).table.to_pylist()
        units, sexes = cases["unit"].to_pylist(), cases["sex"].to_pylist()
        for row in found:
            feeding = [
                q for q in programme.framework.questions if row["item"] in {x.item for x in q.links}
            ]
            if row["level"] == "section":
                continue
            expected = answered = 0
            for question in feeding:
                for i, answer in enumerate(answers_of(cases, question)):
                    inside = row["unit"] in ("all", units[i])
                    if inside and row["group"] in (None, sexes[i]):
                        expected += answer == "not answered"
                        answered += answer in question.answers
            assert row["not_answered"] == expected
            assert row["n"] == answered + expected * (policy == "not sufficient")


def test_crosses_are_standard_breakdowns(tmp_path):
    text = MADE_UP["framework.toml"].replace('"size", "town"]', '"size", ["size", "town"]]')
    programme = oms.programmes.load(write(tmp_path, framework=text))
    assert programme.framework.breakdowns == ("size", ("size", "town"))
    assert [b.key for b in programme.breakdowns] == ["size", "size x town"]
    cases = simulate_cases(programme.framework, programme.units, cases=80)
    found = oms.recompute(cases).table["group"].unique().to_pylist()
    assert found[:3] == ["small", "large", "small, north"]
    assert len(oms.levels(cases).breakdown("size x town")) > 0


def folder_with_cases(tmp_path, units, **metadata):
    folder = write(tmp_path)
    programme = oms.programmes.load(folder)
    table = pa.table(simulate_cases(programme.framework, [oms.Unit(u) for u in units], cases=40))
    ids = [f"c{i}" for i in range(40)]
    if not metadata:
        table = table.set_column(0, "case_id", [ids]).replace_schema_metadata({})
    pq.write_table(table, folder / "cases.parquet")
    return programme


def test_loaded_cases_have_all_units_of_the_programme(tmp_path):
    made = folder_with_cases(tmp_path, ["central"])
    assert made.load_cases().units == ("east", "central")


def test_loaded_cases_of_a_unit_that_is_not_declared_are_refused(tmp_path):
    made = folder_with_cases(tmp_path, ["elsewhere"])
    with pytest.raises(oms.DataError, match="elsewhere"):
        made.load_cases()


def test_synthetic_cases_may_have_units_of_their_own(tmp_path):
    made = folder_with_cases(tmp_path, ["elsewhere"], synthetic=True)
    assert made.load_cases().units == ("elsewhere",)
    made = folder_with_cases(tmp_path, ["elsewhere", "east"], synthetic=True)
    with pytest.raises(oms.DataError, match="elsewhere"):
        made.load_cases()


def test_cases_are_simulated_for_units_only(made_up):
    with pytest.raises(oms.UsageError, match=r"at least one unit; found none. Pass units="):
        simulate_cases(made_up.framework, ())
    assert simulate_cases(made_up.framework, [oms.Unit("a")], cases=5).units == ("a",)
