"""Ratings: published ones, posterior and predictive against simulation, rules and errors."""

from __future__ import annotations

import csv
import pickle
from typing import Any

import numpy as np
import pytest
from tests.factories import ORACLES
from tests.scoring.programme import case_set, read

import omistats as oms

# Internal: the place of a share among bands.
from omistats.kernel.bands import band_of, posterior_bands, predictive_bands, unseen_bands

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


def test_published_ratings_follow_the_points():
    """83 youth inspections, June 2022 to February 2025 (data-to-insight/
    hmi-probation-youth-justice-scrape @9dd53af, from reports under the Open Government Licence).

    The score is a share of 36 points (of 24 for Ceredigion, where eight standards counted). One
    score and one rating were misread by the script that took them from the reports.
    """
    youth = oms.programmes.load("youth_justice").rating
    assert youth is not None
    assert sum(standard.counts for standard in youth.standards) * 3 == youth.most_points == 36
    edges = [band.start / 36 for band in youth.overall[1:]]
    names = [band.name.lower() for band in youth.overall]
    usable, exceptions = 0, []
    with (ORACLES / "youth_ratings.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            share = float(row["score_percent"]) / 100
            points = [p for p in (36, 24) if abs(share * p - round(share * p)) < 0.004 * p / 36]
            if not points or row["overall_rating"].lower() not in names:
                continue
            usable += 1
            whole = round(share * points[0]) / points[0]
            if names[int(band_of(whole, edges))] != row["overall_rating"].lower():
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
    loads = {row["unit"]: 80 for row in scores.table.to_pylist() if row["unit"] != "all"}
    whole, known = oms.ratings(scores, simple), oms.ratings(scores, simple, caseload=loads)
    sizes = {u: sum(row["unit"] == u for row in read()) for u in loads}
    for row in scores.table.to_pylist():
        if row["unit"] == "all" or row["reliability"] == "one case only":
            continue
        p, n = row["percent"] / 100, row["effective_n"]
        cuts = [0.5, 0.65, 0.8]
        for found, posterior in (
            (whole, posterior_bands(n, p, cuts)),
            (known, unseen_bands(n, p, cuts, sizes[row["unit"]] / 80)),
        ):
            rows = found.unit(row["unit"]).probabilities.to_pylist()
            np.testing.assert_allclose([r["posterior"] for r in rows], posterior, atol=1e-12)
            predictive = predictive_bands(n, p, cuts)
            np.testing.assert_allclose([r["predictive"] for r in rows], predictive, atol=1e-12)
            (line,) = found.unit(row["unit"]).table.to_pylist()
            place = int(band_of(p, cuts))
            assert line["posterior_same"] == pytest.approx(posterior[place])
            assert line["predictive_other"] == pytest.approx(1 - predictive[place])
            three = sum(line[f"posterior_{x}"] for x in ("same", "higher", "lower"))
            assert three == pytest.approx(1)


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
            assert row["reason"] == "needs the cases, which these scores do not hold"
        if row["standard"] == "acting" and row["rating"] and row["cases"] > 1:
            assert row["posterior_same"] is not None


def test_texts_name_the_three_apart():
    found = oms.ratings(scored(), rule())
    text, html = repr(found), found._repr_html_()
    for word in ("posterior same", "predictive other", "cases needed"):
        assert word in text
        assert word in html
    assert "SYNTHETIC" not in text


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        (
            {"bands": [{**BANDS[0], "below": 45}, *BANDS[1:]]},
            [r"bands\[1\]\.from: must begin where the band below ends, at 45", "leave a gap"],
        ),
        (
            {"bands": [{**BANDS[0], "below": 55}, *BANDS[1:]]},
            ["Bands overlap there"],
        ),
        ({"bands": [*BANDS[:3], {**BANDS[3], "points": 1}]}, ["must have more points"]),
        ({"bands": [*BANDS[:3], {**BANDS[3], "below": 95}]}, ["must reach 100"]),
        ({"bands": [{**BANDS[0], "name": "Good"}, *BANDS[1:]]}, ["must be used once"]),
        ({"bands": "Good"}, ["must be a list of tables"]),
        ({"most_points": 12}, [r"must be the 3 standards that count times 3 points; found 12"]),
        (
            {"overall": [*OVERALL[:3], {**OVERALL[3], "to": 10}]},
            [r"overall\[3\]\.to: the highest band must reach 9 points"],
        ),
        ({"overall": [OVERALL[0], {**OVERALL[1], "from": 1}, *OVERALL[2:]]}, ["overlap"]),
        ({"standards": [{"id": "overall"}]}, ["'overall' is the sum of all"]),
        ({"standard": []}, ["did you mean 'standards'"]),
    ],
)
def test_impossible_rules_are_listed(changes, messages):
    with pytest.raises(oms.DataError) as caught:
        rule(**changes)
    for message in messages:
        assert caught.match(message)


def test_all_problems_of_a_rule_are_reported_together():
    with pytest.raises(oms.DataError) as caught:
        rule(bands=[*BANDS[:2], {**BANDS[2], "from": 70}, BANDS[3]], standard=[], most_points="x")
    assert len(caught.value.problems) >= 3


def test_impossible_calls():
    plain, scores = rule(), scored()
    with pytest.raises(oms.UsageError, match="must be Scores"):
        oms.ratings(case_set(read()), plain)  # type: ignore[arg-type]
    with pytest.raises(oms.UsageError, match="must be a RatingRule"):
        oms.ratings(scores, {"bands": []})  # type: ignore[arg-type]
    with pytest.raises(oms.UsageError, match='by="unit"'):
        oms.ratings(oms.scores(case_set(read())), plain)
    with pytest.raises(oms.UsageError, match="caseload="):
        oms.ratings(scored(population=100), plain)
    with pytest.raises(oms.UnknownNameError, match="item"):
        oms.ratings(scores, oms.RatingRule.percentages(["a", "b"], [50], items=["9"]))
    with pytest.raises(oms.UsageError, match="filtered"):
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
    with pytest.raises(oms.UsageError, match="draws"):
        oms.ratings(scores, plain, draws=10)
    with pytest.raises(oms.DataError, match="one fewer than names"):
        oms.RatingRule.percentages(["a", "b"], [50, 60])
