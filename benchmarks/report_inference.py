"""The part of the benchmarks' report on inference: cases drawn again, Fisher's test, scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import fisher, resampling
from benchmarks.lines import lines
from benchmarks.scores import (
    SCORES_ASKED,
    SCORES_FROM_ARROW,
    SCORES_READY,
    compare_scores,
    programme,
)

__all__ = ["inference_figures"]

DRAWS = 2000
_LOOP = "scipy.stats.fisher_exact in a loop"
_CALL = "omistats, one call"


def inference_figures(rounds: int, slow: int) -> list[dict[str, Any]]:
    """W3, then Fisher's test and scores, ready for JSON; the loops of all take minutes."""
    out = [_drawn(kind, times) for kind, times in resampling.compare(slow, DRAWS).items()]
    return [*out, _fisher(fisher.race(fisher.programme_tables(), rounds)), _scores(slow)]


def _drawn(kind: str, times: Any) -> dict[str, Any]:
    # What is asked is of the first loop, the one that most would write.
    own, loop, *_ = times.names
    mark = resampling.ASKED.get(kind)
    asked = {} if mark is None else {loop: {"prepared": mark}}
    return {
        "id": f"W3 {kind}",
        "title": f"{DRAWS:,} draws: {kind}",
        "work": "shuffles or draws of the shipped cases, which are synthetic; results were checked "
        "to differ by no more than chance",
        "lines": lines(times, {"prepared": own}, asked),
    }


def _fisher(found: fisher.Race) -> dict[str, Any]:
    loop, call = float(found.parts.sum()), float(np.median(found.calls))
    quartiles = (loop / np.quantile(found.calls, [0.75, 0.25])).tolist()
    ratio = {"ratio": found.ratio, "quartiles": quartiles, "asked": fisher.ASKED}
    even = {"ratio": 1.0, "quartiles": [1.0, 1.0], "asked": None}
    common = {"limit": False, "cpu_ms": None}
    return {
        "id": "Fisher",
        "title": "Fisher's test of a programme's tables",
        "work": f"{found.tables:,} tables of a simulated programme, {found.distinct:,} of them "
        "distinct; the loop went over them once, in parts with calls between",
        "lines": [
            {
                **common,
                "contestant": _CALL,
                "wall_ms": 1e3 * call,
                "rounds": found.calls.size,
                "ratios": {"prepared": even},
            },
            {
                **common,
                "contestant": _LOOP,
                "wall_ms": 1e3 * loop,
                "rounds": 1,
                "ratios": {"prepared": ratio},
            },
        ],
    }


def _scores(rounds: int) -> dict[str, Any]:
    cases = programme()
    bases = {"prepared": SCORES_READY, "from Arrow": SCORES_FROM_ARROW}
    asked = {name: {"prepared": times} for name, times in SCORES_ASKED.items()}
    return {
        "id": "Scores",
        "title": "Scores of 36 reports",
        "work": f"every criterion, section and headline element of {len(cases):,} simulated cases, "
        "for everyone and in six breakdowns, with clustered standard errors; omistats also gives "
        "intervals, design effects, differences and tests, which the others do not",
        "lines": lines(compare_scores(cases, rounds), bases, asked),
    }
