"""The part of the benchmarks' report on inference: Fisher's test, and cases drawn again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks import fisher, resampling
from benchmarks.interleave import Timings

__all__ = ["inference_figures", "inference_lines"]

DRAWS = 2000
RESAMPLED = 3
"""Rounds of resampling: its slowest loop takes ten seconds or more."""


def inference_figures(rounds: int) -> dict[str, Any]:
    """Run the benchmarks of inference, whose loops take minutes; ready for JSON."""
    return {
        "tests": _fisher(fisher.race(fisher.programme_tables(), rounds)),
        "drawn": {
            "draws": DRAWS,
            "rounds": RESAMPLED,
            "lines": _resampling(resampling.compare(RESAMPLED, DRAWS)),
        },
    }


def _fisher(found: fisher.Race) -> dict[str, Any]:
    return {
        "tables": found.tables,
        "distinct": found.distinct,
        "loop_s": float(found.parts.sum()),
        "call_ms": 1e3 * float(np.median(found.calls)),
        "calls": found.calls.size,
        "ratio": found.ratio,
        "asked": fisher.ASKED,
    }


def _resampling(found: Mapping[str, Timings]) -> list[dict[str, Any]]:
    """Lines of every contestant; the first of each kind is the one others are measured by."""
    lines = []
    for kind, timings in found.items():
        own, *others = timings.names
        for name in (own, *others):
            low, high = timings.spread(name, own)
            lines.append(
                {
                    "kind": kind,
                    "contestant": name,
                    "wall_ms": 1e3 * timings.median(name),
                    "cpu_ms": 1e3 * timings.median(name, cpu=True),
                    "ratio": timings.ratio(name, own),
                    "ratio_quartiles": [low, high],
                    # What is asked is of the first loop, the one that most would write.
                    "asked": resampling.ASKED.get(kind) if name in others[:1] else None,
                }
            )
    return lines


def inference_lines(tests: dict[str, Any], drawn: dict[str, Any]) -> list[str]:
    """Lay those figures out for people."""
    out = [
        "",
        "## Fisher's test",
        "",
        f"{tests['tables']:,} tables of a simulated programme, {tests['distinct']:,} of them",
        f"distinct: {tests['loop_s']:.1f} s in a loop over scipy.stats.fisher_exact,",
        f"{tests['call_ms']:.0f} ms in one call, the median of {tests['calls']} between parts of",
        f"the loop. Ratio {tests['ratio']:.0f}; asked: {tests['asked']}. All p-values were the",
        "same to nine digits.",
        "",
        "## Cases drawn again",
        "",
        f"{drawn['draws']:,} shuffles or draws of the shipped cases, which are synthetic;",
        f"medians of {drawn['rounds']} interleaved rounds. Results were checked to differ by no",
        "more than chance. Lines called part are no contestants: they show what one product or",
        "the random numbers take by themselves.",
        "",
        "| | | wall, ms | cpu, ms | ratio (quartiles) | asked |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for line in drawn["lines"]:
        low, high = line["ratio_quartiles"]
        out.append(
            f"| {line['kind']} | {line['contestant']} | {line['wall_ms']:.0f} | "
            f"{line['cpu_ms']:.0f} | {line['ratio']:.1f} ({low:.1f}-{high:.1f}) | "
            f"{line['asked'] or ''} |"
        )
    return out
