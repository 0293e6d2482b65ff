"""Ratings: published ones, their doubt against recounts and simulation, and errors."""

from __future__ import annotations

import csv
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from tests.factories import ORACLES
from tests.scoring.programme import case_set, read

import omistats as oms

# Internal: bands of a share, which have closed forms.
from omistats.kernel.bands import band_of, posterior_bands, predictive_bands

BANDS = [
    {"name": "Inadequate", "from": 0, "below": 50, "points": 0},
    {"name": "Requires improvement", "from": 50, "below": 65, "points": 1},
    {"name": "Good", "from": 65, "below": 80, "points": 2},
    {"name": "Outstanding", "from": 80, "points": 3},
]
NAMES = [band["name"] for band in BANDS]
OVERALL = [
    {"name": "Inadequate", "from": 0, "to": 1},
    {"name": "Requires improvement", "from": 2, "to": 4},
    {"name": "Good", "from": 5, "to": 7},
    {"name": "Outstanding", "from": 8, "to": 9},
]


def rule(**changes: Any) -> oms.RatingRule:
    standards = [
        {"id": "finding out", "items": ["1.1", "1.2"]},
        {"id": "acting", "items": ["2.1"]},
        {"id": "leadership"},
        {"id": "extra", "items": ["2.2"], "counts": False},
    ]
    data = {"bands": BANDS, "standards": standards, "overall": OVERALL, "most_points": 9}
    return oms.RatingRule.from_dict({**data, **changes})


def scored(**options: Any) -> oms.Scores:
    return oms.scores(case_set(read()), by="unit", **options)


UNITS = {row["unit"] for row in read()}


def simple_cases(answers: Any, units: Any, **columns: Any) -> oms.CaseSet:
    """Make cases of a table of answers, shape (cases, questions); NaN is not applicable.

    Each question is an item of its own, Q0, Q1 and so on.
    """
    answers = np.asarray(answers, float)
    ids = [f"q{i}" for i in range(answers.shape[1])]
    framework = oms.Framework(
        "demo",
        [oms.Question(id, id, oms.Link(id.upper(), "published")) for id in ids],
        items=[oms.Item(id.upper(), "criterion", id) for id in ids],
    )
    data = {"case_id": list(range(len(answers))), "unit": list(units), **columns}
    data |= {
        id: [None if np.isnan(x) else bool(x) for x in answers[:, i]] for i, id in enumerate(ids)
    }
    return oms.CaseSet.from_data(data, framework=framework)


def of_items(*standards: Any, **more: Any) -> oms.RatingRule:
    """Make a rule of standards, each an id with its items."""
    data = {"bands": BANDS, "standards": [{"id": id, "items": own} for id, own in standards]}
    return oms.RatingRule.from_dict({**data, **more})


def test_published_ratings_follow_the_points():
    """83 youth inspections, June 2022 to February 2025 (data-to-insight/
    hmi-probation-youth-justice-scrape @9dd53af, from reports under the Open Government Licence).

    The score is a share of 36 points (of 24 for Ceredigion, where eight standards counted). One
    score and one rating were misread by the script that took them from the reports.
    """
    youth = oms.programmes.load("youth_justice").rating
    assert youth is not None
    assert sum(standard.counts for standard in youth.standards) * 3 == youth.most_points == 36
    names = [band.name.lower() for band in youth.overall]
    usable, exceptions = 0, []
    with (ORACLES / "youth_ratings.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            share = float(row["score_percent"]) / 100
            points = [p for p in (36, 24) if abs(share * p - round(share * p)) < 0.004 * p / 36]
            if not points or row["overall_rating"].lower() not in names:
                continue
            usable += 1
            place = youth.overall_place(round(share * points[0]), points[0])
            if names[place] != row["overall_rating"].lower():
                exceptions.append(row["unit"])
    assert usable == 81
    assert exceptions == ["West Sussex"]


def test_bands_and_points_are_those_of_the_lowest_item():
    scores = {(r["unit"], r["item"]): r for r in scored().table.to_pylist()}
    found = oms.ratings(scored(), rule(), given={"north": {"leadership": "Good"}})
    for row in found.table.to_pylist():
        if row["standard"] in ("overall", "leadership"):
            continue
        items = {"finding out": ["1.1", "1.2"], "acting": ["2.1"], "extra": ["2.2"]}
        own = [scores[row["unit"], item] for item in items[row["standard"]]]
        own = [r for r in own if r["n"]]
        if not own:
            assert row["reason"] == "no applicable answers"
            continue
        lowest = min(own, key=lambda r: r["percent"])
        place = sum(lowest["percent"] >= cut for cut in (50, 65, 80))
        assert (row["item"], row["rating"], row["points"]) == (
            lowest["item"],
            NAMES[place],
            place,
        )
    overall = {r["unit"]: r for r in found.standard("overall").table.to_pylist()}
    rows = {(r["unit"], r["standard"]): r for r in found.table.to_pylist()}
    parts = [rows["north", s]["points"] for s in ("finding out", "acting", "leadership")]
    assert overall["north"]["points"] == sum(parts)
    assert overall["north"]["most_points"] == 9
    assert overall["north"]["reason"] is None
    assert overall["south"]["most_points"] == 6
    assert overall["south"]["reason"].startswith("of the standards that have a rating")
    for row in overall.values():
        share = row["points"] / row["most_points"]
        assert row["rating"] == NAMES[sum(share >= start / 9 for start in (2, 5, 8))]


def test_one_item_has_the_closed_forms():
    scores = scored(items=["2.1"])
    simple = oms.RatingRule.percentages(NAMES, [50, 65, 80])
    sizes = {u: sum(row["unit"] == u for row in read()) for u in sorted(UNITS)}
    loads = dict.fromkeys(sizes, 80)
    whole, known = oms.ratings(scores, simple), oms.ratings(scores, simple, caseload=loads)
    for row in scores.table.to_pylist():
        if row["unit"] == "all" or row["reliability"] == "one case only":
            continue
        p, n = row["percent"] / 100, row["effective_n"]
        cuts = [0.5, 0.65, 0.8]
        for found, total in ((whole, np.inf), (known, n * 80 / sizes[row["unit"]])):
            rows = found.unit(row["unit"]).probabilities.to_pylist()
            posterior = posterior_bands(n, p, cuts, total)
            predictive = predictive_bands(n, p, cuts, total)
            np.testing.assert_allclose([r["posterior"] for r in rows], posterior, atol=1e-12)
            np.testing.assert_allclose([r["predictive"] for r in rows], predictive, atol=1e-12)
            (line,) = found.unit(row["unit"]).table.to_pylist()
            place = int(band_of(p, cuts))
            assert line["posterior_same"] == pytest.approx(posterior[place])
            assert line["predictive_other"] == pytest.approx(1 - predictive[place])
            three = sum(line[f"posterior_{x}"] for x in ("same", "higher", "lower"))
            assert three == pytest.approx(1)
            assert line["draws"] is None
            population = None if total == np.inf else round(total)
            needed = float(oms.stats.cases_for_band(p, cuts, population=population).n)
            cases = min(np.ceil(needed * sizes[row["unit"]] / n), 80 if population else np.inf)
            assert line["cases_needed"] == cases


def test_joint_draws_keep_what_each_item_has_alone():
    """A standard of one item, drawn with the others, as in its closed form."""
    single = [{"id": "a", "items": ["1.1"]}, {"id": "b", "items": ["1.2"]}]
    bands = [{"name": n, "from": i, "to": i} for i, n in enumerate(("w", "x", "y"))]
    two = {**BANDS[0], "below": 65}, {"name": "Met", "from": 65, "points": 1}
    joint = oms.RatingRule.from_dict(
        {"bands": list(two), "standards": single, "overall": bands, "most_points": 2}
    )
    scores = scored(items=["1.1", "1.2"])
    found = oms.ratings(scores, joint, draws=20_000, seed=3)
    for unit in ("north", "south", "east"):
        chances = found.unit(unit).probabilities.to_pylist()
        met = {r["standard"]: r["posterior"] for r in chances if r["rating"] == "Met"}
        total = [r["posterior"] for r in chances if r["standard"] == "overall"]
        # The mean of the sum is the sum of the means, however items hang together.
        mean = total[1] + 2 * total[2]
        assert mean == pytest.approx(met["a"] + met["b"], abs=4 * 0.7 / 20_000**0.5)
        assert sum(total) == pytest.approx(1)


def test_items_of_the_same_answers_are_rated_together():
    """Two items with the same questions are both met or neither; their lowest is one of them."""
    link = [oms.Link("2", "invented")]
    questions = [oms.Question(f"q{i}", "Q", oms.Link("1", "invented"), link) for i in range(3)]
    items = [oms.Item("1", "criterion", "One"), oms.Item("2", "headline", "Two")]
    framework = oms.Framework("twins", questions, items=items)
    rng = np.random.default_rng(4)
    data: dict[str, Any] = {"case_id": list(range(40)), "unit": ["A"] * 40}
    data |= {f"q{i}": (rng.random(40) < 0.66).tolist() for i in range(3)}
    scores = oms.scores(oms.CaseSet.from_data(data, framework=framework), by="unit")
    standards = [{"id": "both", "items": ["1", "2"]}, {"id": "one", "items": ["1"]}]
    both = oms.RatingRule.from_dict({"bands": BANDS, "standards": standards})
    rows = oms.ratings(scores, both, draws=20_000).probabilities.to_pylist()
    twins, alone = (
        np.array([r["posterior"] for r in rows if r["standard"] == s]) for s in ("both", "one")
    )
    np.testing.assert_allclose(twins, alone, atol=4 * 0.5 / 20_000**0.5)


def test_neither_order_nor_process_matters():
    rows = read()
    mixed = [rows[i] for i in np.random.default_rng(1).permutation(len(rows))]

    def made(given: list[dict[str, Any]]) -> oms.Ratings:
        names = sorted({row["unit"] for row in rows})
        data = {name: [row[name] for row in given] for name in given[0]}
        cases = oms.CaseSet.from_data(data, framework=case_set(rows).framework, units=names)
        return oms.ratings(oms.scores(cases, by="unit"), rule())

    one, two = made(rows), made(mixed)
    assert one.table.equals(two.table)
    assert one.probabilities.equals(two.probabilities)
    assert pickle.loads(pickle.dumps(one)).table.equals(one.table)  # our own


def test_without_cases_joint_ratings_say_so():
    sums = oms.score_tally(case_set(read()))
    found = oms.ratings(oms.scores(sums, by="unit"), rule()).table.to_pylist()
    for row in found:
        if row["standard"] in ("finding out", "overall") and row["rating"]:
            assert row["posterior_same"] is None
            assert row["reason"].startswith("several items together need the cases")
            assert row["cases_needed"] is None
            assert row["cases_needed_reason"] == row["reason"]
        if row["standard"] == "acting" and row["rating"] and row["cases"] > 1:
            assert row["posterior_same"] is not None


def test_texts_name_the_three_apart():
    found = oms.ratings(scored(), rule())
    text, html = repr(found), found._repr_html_()
    for word in ("posterior same", "predictive other", "cases needed"):
        assert word in text
        assert word in html
    assert "SYNTHETIC" not in text


def test_impossible_calls():
    plain, scores = rule(), scored()
    with pytest.raises(oms.UsageError, match=r"must be Scores; .* Pass oms.scores\(cases, by="):
        oms.ratings(case_set(read()), plain)  # type: ignore[arg-type]
    with pytest.raises(oms.UsageError, match="must be a RatingRule"):
        oms.ratings(scores, {"bands": []})  # type: ignore[arg-type]
    with pytest.raises(oms.UsageError, match=r"no units; make them with by='unit'"):
        oms.ratings(oms.scores(case_set(read())), plain)
    with pytest.raises(oms.UsageError, match=r"by rule 'cases'; make them with rule='pooled'"):
        oms.ratings(scored(rule="cases"), plain)
    with pytest.raises(oms.UsageError, match="caseload="):
        oms.ratings(scored(population=100), plain)
    with pytest.raises(oms.UnknownNameError, match="item"):
        oms.ratings(scores, oms.RatingRule.percentages(["a", "b"], [50], items=["9"]))
    with pytest.raises(oms.UsageError, match=r"filtered; they lack .* before `.item\(...\)`"):
        oms.ratings(scores.item("1.1"), plain)
    with pytest.raises(oms.UnknownNameError, match="band"):
        oms.ratings(scores, plain, given={"north": {"leadership": "Fine"}})
    with pytest.raises(oms.UnknownNameError, match="standard"):
        oms.ratings(scores, plain, given={"north": {"acting": "Good"}})
    with pytest.raises(oms.UnknownNameError, match="unit"):
        oms.ratings(scores, plain, caseload={"nowhere": 10})
    with pytest.raises(oms.DataError, match="at least as large as the sample"):
        oms.ratings(
            scores,
            plain,
            caseload=dict.fromkeys(
                [u for u in scores.table["unit"].unique().to_pylist() if u != "all"], 2
            ),
        )
    with pytest.raises(oms.DataError) as caught:
        oms.ratings(scores, plain, caseload=dict.fromkeys(UNITS, 1))
    assert len(caught.value.problems) == len(UNITS)
    for draws in (10, 10**7, 10**400, 500.0, True, "many"):
        with pytest.raises(oms.UsageError, match="draws"):
            oms.ratings(scores, plain, draws=draws)  # type: ignore[arg-type]
    for seed in (-1, 1.5, None):
        with pytest.raises(oms.UsageError, match="seed"):
            oms.ratings(scores, plain, seed=seed)  # type: ignore[arg-type]
    for certainty in (0.5, 90, 10**400, "high"):
        with pytest.raises(oms.UsageError, match="certainty"):
            oms.ratings(scores, plain, certainty=certainty)  # type: ignore[arg-type]
    for given in (5, "Good", ["north"], {"north": 5}, {"north": [["leadership"]]}):
        with pytest.raises(oms.UsageError, match="`given`"):
            oms.ratings(scores, plain, given=given)  # type: ignore[arg-type]
    for unit, own in (("x", {}), (10**400, {}), ("north", {"x": "Good"})):
        with pytest.raises(oms.UnknownNameError):
            oms.ratings(scores, plain, given={unit: own})  # type: ignore[dict-item]
    for band in ([], ["Good"], None, 10**5000):
        with pytest.raises(oms.UnknownNameError, match="band"):
            oms.ratings(scores, plain, given={"north": {"leadership": band}})  # type: ignore[dict-item]
    for load in (10**400, -1, 0, 1.5, "x", None, 2**53 + 1):
        with pytest.raises(oms.UsageError, match="caseload"):
            oms.ratings(scores, plain, caseload=dict.fromkeys(UNITS, load))  # type: ignore[arg-type]
    with pytest.raises(oms.UsageError, match="`caseload` lacks"):
        oms.ratings(scores, plain, caseload={"north": 100})
    with pytest.raises(oms.UsageError, match="`caseload`"):
        oms.ratings(scores, plain, caseload=100)  # type: ignore[arg-type]


def test_of_a_census_nothing_is_in_doubt():
    """Posterior, predictive and cases needed are all about the same caseload."""
    sizes = {unit: sum(row["unit"] == unit for row in read()) for unit in UNITS}
    for scores in (scored(), oms.scores(oms.score_tally(case_set(read())), by="unit")):
        given = {unit: {"leadership": "Good"} for unit in UNITS}
        found = oms.ratings(scores, rule(), caseload=sizes, given=given)
        for row in found.table.to_pylist():
            if row["rating"] is None or row["standard"] == "leadership":
                continue
            assert row["posterior_same"] == 1
            assert row["predictive_other"] == 0
            assert row["draws"] is None
            assert row["reason"] is None or row["reason"].startswith("of the standards that have")
            if row["cases_needed"] is not None:
                assert row["cases_needed"] <= sizes[row["unit"]]


def test_a_caseload_bounds_all_three():
    scores = scored()
    sizes = {unit: sum(row["unit"] == unit for row in read()) for unit in UNITS}
    before = oms.ratings(scores, rule()).table.to_pylist()
    for times in (2, 20, 10**7, 2**45):
        loads = {unit: times * size for unit, size in sizes.items()}
        after = oms.ratings(scores, rule(), caseload=loads).table.to_pylist()
        for one, other in zip(before, after, strict=True):
            if one["posterior_same"] is None:
                continue
            assert other["cases_needed"] <= loads[one["unit"]]
            if one["cases_needed"] is not None:
                assert other["cases_needed"] <= one["cases_needed"] + 1
            if times > 10**6:
                same = pytest.approx(one["posterior_same"], abs=1e-3)
                assert other["posterior_same"] == same
                assert other["predictive_other"] == pytest.approx(one["predictive_other"], abs=1e-3)


def test_a_share_at_a_cut_says_that_none_suffices():
    cases = simple_cases([[1.0]] * 13 + [[0.0]] * 7, ["A"] * 20)
    scores, at_cut = oms.scores(cases, by="unit"), of_items(("s", ["Q0"]))
    (row,) = oms.ratings(scores, at_cut).table.to_pylist()
    assert (row["rating"], row["cases_needed"]) == ("Good", None)
    assert row["cases_needed_reason"] == "a share is at a cut: no number of cases suffices"
    assert "none suffices" in repr(oms.ratings(scores, at_cut))
    (known,) = oms.ratings(scores, at_cut, caseload={"A": 200}).table.to_pylist()
    assert known["cases_needed"] <= 200
    assert known["cases_needed_reason"] is None
    # Near a cut many do, and the number is given.
    near = simple_cases([[1.0]] * 1301 + [[0.0]] * 699, ["A"] * 2000)
    (row,) = oms.ratings(oms.scores(near, by="unit"), at_cut).table.to_pylist()
    assert row["cases_needed"] == pytest.approx(1_475_000, rel=0.02)


def test_a_row_without_cases_needed_says_why():
    data = [[1.0, np.nan], [0.0, np.nan], [1.0, np.nan], [1.0, 1.0]]
    cases = simple_cases(data, ["A"] * 3 + ["B"])
    found = oms.ratings(
        oms.scores(cases, by="unit"),
        oms.RatingRule.from_dict(
            {
                "bands": BANDS,
                "standards": [
                    *({"id": id, "items": [item]} for id, item in (("a", "Q0"), ("b", "Q1"))),
                    *({"id": id} for id in ("given", "lacking")),
                ],
            }
        ),
        given={"A": {"given": "Good"}},
    )
    rows = {(r["unit"], r["standard"]): r for r in found.table.to_pylist()}
    assert all(
        (row["cases_needed"] is None) == (row["cases_needed_reason"] is not None)
        for row in rows.values()
    )
    why = {key: row["cases_needed_reason"] for key, row in rows.items()}
    assert why["A", "a"] is None
    assert why["A", "b"] == "no applicable answers"
    assert why["A", "given"] == "rated on other evidence, whose doubt is not known"
    assert why["A", "lacking"] == "rated on other evidence, which was not given"
    assert why["B", "a"].startswith("one case only")


@pytest.mark.parametrize("source", ["cases", "sums"])
def test_an_overall_rating_with_one_item_of_cases_has_its_doubt(source):
    """The others are given, so that all doubt is that of the one, without draws."""
    cases = case_set(read())
    scores = oms.scores(oms.score_tally(cases) if source == "sums" else cases, by="unit")
    bands = [{"name": name, "from": i, "to": i} for i, name in enumerate("defghij")]
    standards = [{"id": "acting", "items": ["2.1"]}, {"id": "staff"}]
    one = oms.RatingRule.from_dict(
        {"bands": BANDS, "standards": standards, "overall": bands, "most_points": 6}
    )
    given = {unit: {"staff": "Requires improvement"} for unit in UNITS}
    found = oms.ratings(scores, one, given=given)
    for unit in sorted(UNITS):
        acting, overall = (found.unit(unit).standard(s) for s in ("acting", "overall"))
        (item,), (row,) = acting.table.to_pylist(), overall.table.to_pylist()
        if item["posterior_same"] is None:
            assert row["reason"] == item["reason"]
            continue
        assert row["reason"] is None
        assert (row["rated"], row["to_rate"], row["draws"]) == (2, 2, None)
        for name in ("posterior", "predictive"):
            of_item, of_sum = (x.probabilities[name].to_pylist() for x in (acting, overall))
            # One point is given, so that bands of the sum are those of the item, one further.
            np.testing.assert_allclose(of_sum, [0, *of_item, 0, 0], atol=1e-12)
        assert row["predictive_other"] == pytest.approx(item["predictive_other"])
        assert row["cases_needed"] == pytest.approx(item["cases_needed"], rel=0.35)


def test_an_overall_rating_that_lacks_standards_says_so_and_has_its_doubt():
    found = oms.ratings(scored(), rule())
    lowest = {r["standard"]: r for r in found.unit("north").table.to_pylist()}
    row = lowest["overall"]
    assert row["reason"] == "of the standards that have a rating; others that count have none"
    assert (row["rated"], row["to_rate"]) == (2, 3)
    assert row["posterior_same"] is not None
    assert row["most_points"] == 6
    # With one standard left it is that of the one, scaled.
    one = oms.ratings(scored(items=["2.1"]), of_items(("acting", ["2.1"])))
    alone = oms.RatingRule.from_dict(
        {
            "bands": BANDS,
            "standards": [{"id": "acting", "items": ["2.1"]}, {"id": "staff"}],
            "overall": [
                *({"name": f"{i}", "from": 2 * i, "to": 2 * i + 1} for i in range(3)),
                {"name": "3", "from": 6, "to": 6},
            ],
            "most_points": 6,
        }
    )
    scaled = oms.ratings(scored(items=["2.1"]), alone)
    for unit in sorted(UNITS):
        (of_item,) = one.unit(unit).table.to_pylist()
        (row,) = scaled.unit(unit).standard("overall").table.to_pylist()
        if of_item["posterior_same"] is not None:
            assert row["posterior_same"] == pytest.approx(of_item["posterior_same"])
            assert row["reason"].startswith("of the standards that have a rating")
            assert (row["rated"], row["to_rate"]) == (1, 2)


def test_the_lowest_of_items_of_different_cases_multiplies():
    """Half of the cases answer each question, so that the two shares are independent."""
    rng = np.random.default_rng(4)
    answers = np.full((120, 2), np.nan)
    answers[:60, 0], answers[60:, 1] = rng.random(60) < 0.72, rng.random(60) < 0.75
    cases = simple_cases(answers, ["A"] * 120)
    three = of_items(("a", ["Q0"]), ("b", ["Q1"]), ("c", ["Q0", "Q1"]))
    for caseload in (None, {"A": 200}):
        found = oms.ratings(oms.scores(cases, by="unit"), three, draws=40_000, caseload=caseload)
        for kind in ("posterior", "predictive"):
            a, b, c = (np.array(found.standard(name).probabilities[kind]) for name in "abc")
            above = [np.cumsum(x[::-1])[::-1] for x in (a, b)]
            np.testing.assert_allclose(np.cumsum(c[::-1])[::-1], above[0] * above[1], atol=0.012)


def clustered_cases(seed: int) -> tuple[oms.CaseSet, Any]:
    """Make cases whose two items agree in cases of weight 9, and disagree in those of weight 1."""
    rng = np.random.default_rng(seed)
    heavy = np.arange(200) % 2 == 0
    first = rng.random(200) < 0.65
    second = np.where(heavy, first, ~first | (rng.random(200) < 0.5))
    answers = np.stack([first, second], axis=1).astype(float)
    return simple_cases(answers, ["A"] * 200), np.where(heavy, 9.0, 1.0)


def test_joint_draws_have_the_weights_of_the_scores():
    """Items that agree in the cases that weigh hang together more than without weights."""
    cases, weight = clustered_cases(3)
    both = of_items(("a", ["Q0"]), ("b", ["Q1"]), ("both", ["Q0", "Q1"]))
    found = oms.ratings(oms.scores(cases, by="unit", weight=weight), both, draws=40_000)
    a, b, c = (
        np.array(found.standard(name).probabilities["posterior"]) for name in ("a", "b", "both")
    )
    # A recount: weighted bootstrap of cases, each item's ranks put in the order of its own bands.
    rng = np.random.default_rng(9)
    draws = 40_000
    drawn = rng.exponential(size=(draws, 200)) * weight
    data = np.array([cases["q0"].to_pylist(), cases["q1"].to_pylist()], float)
    share = (drawn @ data.T) / drawn.sum(axis=1, keepdims=True)
    ranks = share.argsort(axis=0).argsort(axis=0) / draws
    bands = [np.searchsorted(own.cumsum()[:-1], ranks[:, i]) for i, own in enumerate((a, b))]
    expected = np.bincount(np.minimum(*bands), minlength=4) / draws
    np.testing.assert_allclose(c, expected, atol=0.015)
    # Without weights the items would be nearly independent, and the lowest lower.
    plain = rng.exponential(size=(draws, 200))
    share = (plain @ data.T) / plain.sum(axis=1, keepdims=True)
    assert abs(np.corrcoef(share.T)[0, 1]) < 0.35
    ranks = share.argsort(axis=0).argsort(axis=0) / draws
    bands = [np.searchsorted(own.cumsum()[:-1], ranks[:, i]) for i, own in enumerate((a, b))]
    other = np.bincount(np.minimum(*bands), minlength=4) / draws
    assert np.abs(other - c).max() > 0.03


def test_clusters_are_drawn_whole_and_strata_keep_their_size():
    """Items agree cluster by cluster, not case by case; and only strata differ."""
    rng = np.random.default_rng(5)
    cluster = np.repeat(np.arange(60), 4)
    sign = np.repeat(rng.random(60) < 0.5, 4)
    answers = np.stack(
        [rng.random(240) < np.where(sign, 0.95, 0.35), rng.random(240) < np.where(sign, 0.95, 0.35)]
    ).T
    cases = simple_cases(answers.astype(float), ["A"] * 240)
    both = of_items(("a", ["Q0"]), ("b", ["Q1"]), ("both", ["Q0", "Q1"]))

    def lowest(**design: Any) -> tuple[Any, Any]:
        found = oms.ratings(oms.scores(cases, by="unit", **design), both, draws=20_000)
        own = [np.array(found.standard(s).probabilities["posterior"]) for s in ("a", "b", "both")]
        above = [np.cumsum(x[::-1])[::-1] for x in own]
        return above[2], above[0] * above[1]

    whole, independent = lowest(cluster=cluster)
    assert (whole >= independent - 0.01).all()
    assert (whole - independent).max() > 0.1
    # Within strata of what makes items agree they are independent.
    stratified, independent = lowest(stratum=sign.astype(int))
    np.testing.assert_allclose(stratified, independent, atol=0.03)


def test_designs_without_effective_answers_say_so():
    cases = simple_cases(
        (np.arange(24).reshape(12, 2) % 3 > 0).astype(float), ["A"] * 6 + ["B"] * 6
    )
    crossing = np.tile(np.arange(6), 2)
    found = oms.ratings(
        oms.scores(cases, by="unit", cluster=crossing, stratum=None), of_items(("s", ["Q0", "Q1"]))
    )
    for row in found.table.to_pylist():
        assert row["rating"] is not None
        assert row["posterior_same"] is row["cases_needed"] is None
        assert row["reason"] == row["cases_needed_reason"]
        assert row["reason"] == "no effective answers under this design"
    none = oms.scores(cases, by="unit", weight=[0.0] * 6 + [1.0] * 6)
    rows = oms.ratings(none, of_items(("s", ["Q0"]))).unit("A").table.to_pylist()
    assert rows[0]["rating"] is None
    assert rows[0]["reason"] == "no case with a weight above 0"


def test_cases_needed_of_the_lowest_are_of_all_items_together():
    """Four items of independent answers, each with a true share of 72%."""
    rng = np.random.default_rng(2)
    answers = np.zeros((100, 4))
    for i in range(4):
        answers[rng.permutation(100)[:72], i] = 1
    cases = simple_cases(answers, ["A"] * 100)
    names = [f"Q{i}" for i in range(4)]
    found = oms.ratings(oms.scores(cases, by="unit"), of_items(("one", ["Q0"]), ("four", names)))
    one, four = (row["cases_needed"] for row in found.table.to_pylist())
    assert one == oms.stats.cases_for_band(0.72, [0.5, 0.65, 0.8]).n == 106
    # Independent: each must have its band in so many samples that all four do in 90%.
    size = np.arange(10, 500)
    chance = oms.stats.band_probabilities(size, 0.72, [0.5, 0.65, 0.8]).probability
    lowest = chance[:, 2:].sum(axis=1) ** 4 - chance[:, 3] ** 4
    smooth = np.convolve(lowest, np.ones(21) / 21, "valid")
    expected = size[10:-10][np.flatnonzero(smooth < 0.9)[-1]]
    assert four == pytest.approx(expected, rel=0.07)
    assert four > 1.4 * one


def test_a_certainty_beyond_the_draws_is_not_told():
    found = oms.ratings(scored(), rule(), certainty=0.9999).table.to_pylist()
    joint = [row for row in found if row["draws"]]
    assert joint
    for row in joint:
        assert row["cases_needed"] is None
        assert row["cases_needed_reason"] == "too few draws for this certainty: raise `draws`"
    single = [row for row in found if row["standard"] == "acting" and row["posterior_same"]]
    assert any(row["cases_needed"] for row in single)


def test_a_unit_has_the_same_draws_whatever_else_is_asked():
    scores = scored()
    whole = oms.ratings(scores, rule(), seed=7)
    part = oms.ratings(scores.unit("east"), rule(), seed=7)
    assert part.table.to_pylist() == whole.unit("east").table.to_pylist()
    assert not oms.ratings(scores, rule(), seed=8).table.equals(whole.table)


def test_programmes_need_nothing_from_scoring():
    code = (
        "import sys, omistats as oms; oms.programmes.load('youth_justice').rating; "
        "oms.RatingRule.percentages(['a', 'b'], [50]); "
        "assert not [m for m in sys.modules if m.startswith('omistats.scoring')]"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_standard_rated_on_some_of_its_items_says_so():
    """One item without answers is left out, and the rating is of the others."""
    answers = np.array([[1.0, np.nan]] * 12 + [[0.0, np.nan]] * 3 + [[1.0, 1.0]] * 15)
    cases = simple_cases(answers, ["A"] * 15 + ["B"] * 15)
    standards = [{"id": "both", "items": ["Q0", "Q1"]}, {"id": "one", "items": ["Q0"]}]
    overall = [{"name": "low", "from": 0, "to": 3}, {"name": "high", "from": 4, "to": 6}]
    made = rule(standards=standards, overall=overall, most_points=6)
    found = oms.ratings(oms.scores(cases, by="unit"), made)
    reasons = {(r["unit"], r["standard"]): r["reason"] for r in found.table.to_pylist()}
    assert reasons["A", "both"] == (
        "of the items that have a score; others of the standard have none"
    )
    assert reasons["A", "one"] is reasons["B", "both"] is None
    text = repr(found)
    assert "3 of 3, from 1 of 2 items" in text
    assert "from some items: of the items that have a score; others of the" in text
    assert text.count(", from ") == 1


def test_an_overall_rating_from_some_standards_says_of_how_many():
    text = repr(oms.ratings(scored(), rule()).standard("overall"))
    assert ", from 2 of 3 standards" in text
    assert "from some standards: of the standards that have a rating" in text
    given = {unit: {"leadership": "Good"} for unit in UNITS}
    assert "of 3 standards" not in repr(oms.ratings(scored(), rule(), given=given))


def test_what_is_nearly_certain_is_not_shown_as_certain():
    """99.6% is no 100% and 0.3% no 0%; of a census both are exact."""
    answers = [[1.0]] * 29 + [[0.0]]
    scores = oms.scores(simple_cases(answers, ["A"] * 30), by="unit")
    made = oms.RatingRule.percentages(["low", "high"], [70])
    found = oms.ratings(scores, made)
    (row,) = found.table.to_pylist()
    assert 0.995 < row["posterior_same"] < 1
    assert 0 < row["predictive_other"] < 0.005
    assert repr(found).splitlines()[3].split()[-3:-1] == [">99%", "<1%"]
    census = oms.ratings(scores, made, caseload={"A": 30})
    assert repr(census).splitlines()[3].split()[-3:-1] == ["100%", "0%"]


def test_ratings_carry_what_was_not_answered():
    question = oms.Question("q", "Q", oms.Link("1", "invented"))
    framework = oms.Framework(
        "missing", [question], (), [oms.Item("1", "criterion", "One")], not_answered="left out"
    )
    answers = ["sufficient"] * 5 + ["not answered"] * 3
    data = {"case_id": range(8), "unit": ["A"] * 8, "q": answers}
    cases = oms.CaseSet.from_data(data, framework=framework)
    scores = oms.scores(cases, by="unit")
    (row,) = oms.ratings(scores, oms.RatingRule.percentages(["a", "b"], [50])).table.to_pylist()
    assert (row["n"], row["not_answered"]) == (5, 3)
    assert "what was not answered is left out of n; see the column not_answered" in repr(scores)
    strict = oms.scores(cases.with_not_answered("not sufficient"), by="unit")
    assert "what was not answered counts as not sufficient" in repr(strict)
    plain = oms.ratings(scored(), rule()).table
    assert plain["not_answered"].null_count == len(plain)
    assert "not answered" not in repr(scored())
