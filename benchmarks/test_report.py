"""The report says what was measured, and of which contestant something is asked."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from benchmarks import fisher, report_inference, resampling
from benchmarks.interleave import Timings, interleave
from benchmarks.lines import LIMIT, lines
from benchmarks.render import as_markdown, asked_of
from benchmarks.report_inference import inference_figures

OWN, LOOP, PART = "omistats", resampling.ROWS, f"{LIMIT}one product"


def _times(*names: str) -> Timings:
    wall = np.array([[0.1], [3.0], [0.05]])[: len(names)]
    return Timings(names, wall, np.ones_like(wall))


@pytest.fixture
def races(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Times of nothing: contestants that take seconds are not run."""
    tables = fisher.programme_tables(1)[:, :40]
    race = fisher.race
    kinds = dict.fromkeys(resampling.ASKED, _times(OWN, LOOP, PART))
    scores = _times(report_inference.SCORES_READY, report_inference.SCORES_FROM_ARROW)
    monkeypatch.setattr(fisher, "programme_tables", lambda: tables)
    monkeypatch.setattr(fisher, "race", lambda given, _: race(given, 2))
    monkeypatch.setattr(resampling, "compare", lambda _rounds, _draws: kinds)
    monkeypatch.setattr(report_inference, "compare_scores", lambda _cases, _rounds: scores)
    return inference_figures(1, 1)


@pytest.fixture
def found(races: list[dict[str, Any]]) -> dict[str, Any]:
    mark = {"what": "a mark", "measured": 123.4, "unit": "MB", "asked": 150}
    rates = {"copy_gb_s": 9.0, "product_gflop_s": 80.0, "read_gb_s": 4.0}
    return {
        "date": "2026-01-01",
        "machine": {"python": "CPython"},
        "limits": rates,
        "races": races,
        "marks": [mark],
        "curves": {},
    }


def test_what_is_asked_of_resampling_is_of_the_loop_that_most_would_write(
    races: list[dict[str, Any]],
) -> None:
    drawn = [line for race in races if race["id"].startswith("W3") for line in race["lines"]]
    asked = [line for line in drawn if line["ratios"]["prepared"]["asked"]]
    assert {line["contestant"] for line in asked} == {LOOP}
    assert sorted(line["ratios"]["prepared"]["asked"] for line in asked) == [25, 25, 40]
    assert resampling.WAYS[0] == resampling.ROWS


def test_a_ratio_to_a_limit_is_turned_round(races: list[dict[str, Any]]) -> None:
    ratios = {x["contestant"]: x["ratios"]["prepared"]["ratio"] for x in races[0]["lines"]}
    assert ratios == pytest.approx({OWN: 1, LOOP: 30, PART: 2})


def test_fishers_race_is_told_as_it_was(races: list[dict[str, Any]]) -> None:
    (told,) = (race for race in races if race["id"] == "Fisher")
    call, loop = told["lines"]
    assert told["work"].startswith("40 tables")
    assert loop["ratios"]["prepared"]["ratio"] == pytest.approx(loop["wall_ms"] / call["wall_ms"])


@pytest.mark.parametrize(("name", "asked", "met"), [(LOOP, 25, True), (LOOP, 31, False)])
def test_a_mark_is_reached_or_not(name: str, asked: float, met: bool) -> None:
    line = lines(_times(OWN, LOOP, PART), {"prepared": OWN}, {name: {"prepared": asked}})
    (row,) = asked_of({"races": [{"lines": line}]})
    assert row["met"] is met


@pytest.mark.parametrize(("asked", "met"), [(2.5, True), (1.5, False)])
def test_a_limit_is_an_upper_mark(asked: float, met: bool) -> None:
    line = lines(_times(OWN, LOOP, PART), {"prepared": OWN}, {PART: {"prepared": asked}})
    (row,) = asked_of({"races": [{"lines": line}]})
    assert row["met"] is met


def test_the_text_says_all(found: dict[str, Any]) -> None:
    text = as_markdown(json.loads(json.dumps(found)))
    for part in ("## The machine", "## What was asked", "## Workloads", "## Import and memory"):
        assert text.count(part + "\n") == 1
    title = "2,000 draws: max-T, free"
    assert f"| {title} | {LOOP} | prepared | 30.0 (30.0–30.0) | at least 25 | yes |" in text
    assert f"| {LOOP} | 1 | 3,000 | 30.0 (30.0–30.0) |" in text
    assert "- one product: 50.0 ms; omistats takes 2.00 (2.00–2.00) times (prepared)." in text
    assert "| a mark | 123 MB | under 150 MB |" in text
    assert text.count("**no**") == sum(not row["met"] for row in asked_of(found))


def test_slow_contestants_sit_rounds_out() -> None:
    calls: list[str] = []
    run = {n: lambda n=n: calls.append(n) for n in "ab"}
    times = interleave(run, rounds=5, slow={"b": 2})
    assert times.rounds("a") == 5
    assert times.rounds("b") == 2
    # No untimed calls of the slow one.
    assert calls.count("b") == 2
    assert np.isfinite([times.median("b"), times.ratio("b", "a"), *times.spread("b", "a")]).all()
