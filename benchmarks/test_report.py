"""The report says what was measured, and of which contestant something is asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks import fisher, report, resampling
from benchmarks.interleave import Timings


def _quicken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times of nothing: contestants of the report that take seconds are not run."""
    names = ("omistats", resampling.ROWS, "another loop", "part: product")
    times = Timings(names, np.array([[0.1], [3.0], [9.0], [0.05]]), np.ones((4, 1)))
    tables = fisher.programme_tables(1)
    race = fisher.race
    kinds = dict.fromkeys(resampling.ASKED, times)
    monkeypatch.setattr(fisher, "programme_tables", lambda: tables[:, :40])
    monkeypatch.setattr(fisher, "race", lambda given, _: race(given, 2))
    monkeypatch.setattr(resampling, "compare", lambda _rounds, _draws: kinds)
    monkeypatch.setattr(report, "compare", lambda _table, _rounds: _one(report.FROM_ARROW))
    monkeypatch.setattr(report, "compare_scores", lambda _cases, _rounds: _one(report.SCORES_READY))
    monkeypatch.setattr(
        report, "import_times", lambda _: {"numpy, pyarrow": (0.1, 0.1), "omistats": (0.12, 0.12)}
    )
    monkeypatch.setattr(report, "peak_memory", lambda: 123.0)


def _one(name: str) -> Timings:
    names = (name, report.PREPARED)
    return Timings(names, np.full((2, 1), 0.01), np.full((2, 1), 0.01))


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    _quicken(monkeypatch)
    return report.measure(1, 1)


def test_what_is_asked_is_of_the_loop_that_most_would_write(found: dict[str, Any]) -> None:
    lines = found["inference"]["drawn"]["lines"]
    asked = {x["kind"]: (x["contestant"], x["asked"]) for x in lines if x["asked"]}
    assert asked == {kind: (resampling.ROWS, n) for kind, n in resampling.ASKED.items()}
    assert {round(x["ratio"], 9) for x in lines if x["asked"]} == {30.0}


def test_the_first_loop_beside_resampling_is_the_one_that_is_asked_of() -> None:
    assert resampling.WAYS[0] == resampling.ROWS


def test_fishers_race_is_told_as_it_was(found: dict[str, Any]) -> None:
    told = found["inference"]["tests"]
    assert told["tables"] == 40
    assert told["ratio"] == pytest.approx(1e3 * told["loop_s"] / told["call_ms"])


def test_the_text_has_every_part(found: dict[str, Any]) -> None:
    text = report.as_markdown(found)
    for part in ("## Scores", "## Fisher's test", "## Cases drawn again", "## Import and memory"):
        assert text.count(part) == 1
    assert f"| {resampling.ROWS} | 3000 | 1000 | 30.0 (30.0-30.0) | 25 |" in text
    assert "| part: product | 50 | 1000 | 0.5 (0.5-0.5) |  |" in text


def test_the_slow_part_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    _quicken(monkeypatch)
    left = report.measure(1, 1, inference=False)
    assert left["inference"] is None
    assert "Fisher" not in report.as_markdown(left)
