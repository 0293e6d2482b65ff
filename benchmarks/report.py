"""The benchmarks' report: ratios of one run, as Markdown and JSON.

``python -m benchmarks.report [--rounds 15] [--out DIR]``, from the root of the repository.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

import omistats as oms
from benchmarks.agreement import differences
from benchmarks.cases import FRAMEWORK, QUESTIONS, as_text, national
from benchmarks.interleave import Timings, interleave, machine
from benchmarks.peers import PEERS
from benchmarks.processes import import_times, peak_memory
from benchmarks.report_inference import inference_figures, inference_lines
from benchmarks.scores import SCORES_ASKED, SCORES_READY, compare_scores, programme

__all__ = ["FROM_ARROW", "PREPARED", "as_markdown", "measure"]

FROM_ARROW = "omistats, from Arrow"
PREPARED = "omistats, cases read before"

ASKED = {"pandas, chi2_contingency in a loop": 80, "polars, lazy": 10, "polars and NumPy": 10}
"""How many times faster than these a national report is meant to be."""


def from_arrow(table: pa.Table) -> pa.Table:
    """One national report, all checks of the data included."""
    return oms.recompute(oms.CaseSet.from_data(table, framework=FRAMEWORK)).table


def contestants(table: pa.Table) -> dict[str, Callable[[], Any]]:
    """Omistats from the table and from cases read before, and every peer from the table."""
    ready = oms.CaseSet.from_data(table, framework=FRAMEWORK)
    peers = {name: (lambda peer=peer: peer(table, QUESTIONS)) for name, peer in PEERS.items()}
    return {
        FROM_ARROW: lambda: from_arrow(table),
        PREPARED: lambda: oms.recompute(ready).table,
        **peers,
    }


def compare(table: pa.Table, rounds: int) -> Timings:
    """Time one national report by every means, having seen that all reports are the same.

    Raises
    ------
    ValueError
        When a report differs from that of omistats: times of unlike work say nothing.
    """
    calls = contestants(table)
    ours = from_arrow(table)
    wrong = [f"{name}: {d}" for name, call in calls.items() for d in differences(call(), ours)]
    if wrong:
        raise ValueError("reports differ:\n" + "\n".join(wrong[:10]))
    return interleave(calls, rounds)


def _score_lines(timings: Timings) -> list[dict[str, Any]]:
    lines = []
    for name in timings.names:
        low, high = timings.spread(name, SCORES_READY)
        lines.append(
            {
                "contestant": name,
                "wall_ms": 1e3 * timings.median(name),
                "cpu_ms": 1e3 * timings.median(name, cpu=True),
                "ratio": timings.ratio(name, SCORES_READY),
                "ratio_quartiles": [low, high],
                "ratio_cpu": timings.ratio(name, SCORES_READY, cpu=True),
                "asked": SCORES_ASKED.get(name),
            }
        )
    return lines


def _lines(timings: Timings) -> list[dict[str, Any]]:
    lines = []
    for name in timings.names:
        low, high = timings.spread(name, FROM_ARROW)
        lines.append(
            {
                "contestant": name,
                "wall_ms": 1e3 * timings.median(name),
                "cpu_ms": 1e3 * timings.median(name, cpu=True),
                "ratio": timings.ratio(name, FROM_ARROW),
                "ratio_quartiles": [low, high],
                "ratio_cpu": timings.ratio(name, FROM_ARROW, cpu=True),
                "ratio_to_prepared": timings.ratio(name, PREPARED),
                "asked": ASKED.get(name),
            }
        )
    return lines


def measure(rounds: int, processes: int, *, inference: bool = True) -> dict[str, Any]:
    """Run every benchmark and return the figures, ready for JSON.

    Those of ``inference`` have loops beside them that take minutes.
    """
    table = national()
    cases = programme()
    imports = import_times(processes)
    base, ours = imports["numpy, pyarrow"], imports["omistats"]
    return {
        "machine": machine(),
        "cases": f"{table.num_rows:,} synthetic cases, {len(QUESTIONS)} questions, 6 breakdowns",
        "rounds": rounds,
        "national": {
            "labels as dictionaries": _lines(compare(table, rounds)),
            "labels as text": _lines(compare(as_text(table), rounds)),
        },
        "scores": {
            "cases": f"{len(cases):,} simulated cases in {len(cases.units)} units",
            # The slowest contestant takes seconds a round.
            "rounds": (rounds + 1) // 2,
            "lines": _score_lines(compare_scores(cases, (rounds + 1) // 2)),
        },
        "inference": inference_figures(rounds) if inference else None,
        "import": {
            "numpy_pyarrow_ms": 1e3 * base[0],
            "omistats_ms": 1e3 * ours[0],
            "ratio": ours[0] / base[0],
            "ratio_cpu": ours[1] / base[1],
            "asked": 1.5,
        },
        "reproduce_peak_mb": {"measured": peak_memory(), "asked": 400},
    }


def as_markdown(found: dict[str, Any]) -> str:
    """Lay the figures out for people."""
    where = ", ".join(f"{key} {value}" for key, value in found["machine"].items())
    out = [
        "# Benchmarks",
        "",
        f"One national report of {found['cases']}, from an Arrow table to the finished table",
        f"of findings; medians of {found['rounds']} interleaved rounds. All reports were checked",
        "to be the same before they were timed. Omistats also checks the data and gives",
        "intervals, which the others do not.",
        "",
        f"Taken with {where}.",
    ]
    for form, lines in found["national"].items():
        out += [
            "",
            f"## {form.capitalize()}",
            "",
            "| | wall, ms | cpu, ms | ratio (quartiles) | by cpu | to cases read before | asked |",
            "|---|---:|---:|---:|---:|---:|---:|",
        ]
        for line in lines:
            low, high = line["ratio_quartiles"]
            out.append(
                f"| {line['contestant']} | {line['wall_ms']:.2f} | {line['cpu_ms']:.2f} | "
                f"{line['ratio']:.1f} ({low:.1f}-{high:.1f}) | {line['ratio_cpu']:.1f} | "
                f"{line['ratio_to_prepared']:.1f} | {line['asked'] or ''} |"
            )
    scored = found["scores"]
    out += [
        "",
        "## Scores",
        "",
        f"Scores of every criterion, section and headline element, of {scored['cases']} and of",
        "all together, for everyone and in the groups of six breakdowns, with clustered standard",
        f"errors; medians of {scored['rounds']} interleaved rounds. The figures of all were",
        "checked to be the same. Omistats also gives intervals, design effects, differences and",
        "tests, which the others do not. Pandas starts from a frame with answers as numbers",
        "and labels as categories.",
        "",
        "| | wall, ms | cpu, ms | ratio (quartiles) | by cpu | asked |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for line in scored["lines"]:
        low, high = line["ratio_quartiles"]
        out.append(
            f"| {line['contestant']} | {line['wall_ms']:.1f} | {line['cpu_ms']:.1f} | "
            f"{line['ratio']:.1f} ({low:.1f}-{high:.1f}) | {line['ratio_cpu']:.1f} | "
            f"{line['asked'] or ''} |"
        )
    if found["inference"] is not None:
        out += inference_lines(**found["inference"])
    imports, peak = found["import"], found["reproduce_peak_mb"]
    out += [
        "",
        "## Import and memory",
        "",
        f"- `import omistats` takes {imports['ratio']:.2f} times `import numpy, pyarrow`",
        f"  ({imports['omistats_ms']:.0f} and {imports['numpy_pyarrow_ms']:.0f} ms;",
        f"  {imports['ratio_cpu']:.2f} by cpu); asked: at most {imports['asked']}.",
        f"- `omistats reproduce` peaks at {peak['measured']:.0f} MB; asked: under {peak['asked']}.",
        "",
    ]
    return "\n".join(out)


def main() -> int:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description="Time omistats beside its peers.")
    parser.add_argument("--rounds", type=int, default=15, help="rounds of every contestant")
    parser.add_argument("--processes", type=int, default=15, help="rounds of fresh imports")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write report.md and report.json")
    options = parser.parse_args()
    found = measure(options.rounds, options.processes)
    text = as_markdown(found)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "report.md").write_text(text, encoding="utf-8")
        (options.out / "report.json").write_text(json.dumps(found, indent=2), encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
