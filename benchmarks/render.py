"""The benchmarks' figures as Markdown and as a chart.

``python -m benchmarks.render results.json [--chart chart.svg]``, from the root of the repository,
prints the Markdown. The documentation is made of the same text when it is built.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["as_markdown", "asked_of", "draw", "draw_curves"]

_CURVES = {
    "cases": "cases, one national report",
    "questions": "questions",
    "units": "units, and all of them together",
    "groups": "groups of one breakdown",
}


def asked_of(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Everything that has a mark to reach, in the order of the races."""
    for race in found["races"]:
        for line in race["lines"]:
            for base, ratio in line["ratios"].items():
                if ratio["asked"] is not None:
                    within = line["limit"]
                    met = ratio["ratio"] <= ratio["asked"] if within else None
                    yield {
                        "race": race,
                        "contestant": line["contestant"],
                        "base": base,
                        "within": within,
                        "met": ratio["ratio"] >= ratio["asked"] if met is None else met,
                        **ratio,
                    }


def _number(value: float) -> str:
    """Two or three figures, whatever the size."""
    return f"{value:,.0f}" if value >= 99.5 else f"{value:.1f}" if value >= 9.95 else f"{value:.2f}"


def _ratio(ratio: dict[str, Any]) -> str:
    low, high = map(_number, ratio["quartiles"])
    return f"{_number(ratio['ratio'])} ({low}–{high})"


def _summary(found: dict[str, Any]) -> Iterator[str]:
    yield "| workload | against | from | ratio (quartiles) | asked | reached |"
    yield "|---|---|---|---:|---:|---|"
    for row in asked_of(found):
        asked = f"{'within' if row['within'] else 'at least'} {row['asked']:g}"
        cells = (
            row["race"]["title"],
            row["contestant"],
            row["base"],
            _ratio(row),
            asked,
            "yes" if row["met"] else "**no**",
        )
        yield f"| {' | '.join(cells)} |"


def _race(race: dict[str, Any]) -> Iterator[str]:
    yield f"### {race['title']}"
    yield ""
    yield f"{race['work'][0].upper()}{race['work'][1:]}."
    yield ""
    bases = list(race["lines"][0]["ratios"])
    yield f"| | rounds | median, ms | {' | '.join(f'to omistats, {b}' for b in bases)} |"
    yield f"|---|---:|---:|{'---:|' * len(bases)}"
    for line in race["lines"]:
        if not line["limit"]:
            ratios = " | ".join(_ratio(line["ratios"][base]) for base in bases)
            cells = (line["contestant"], line["rounds"], _number(line["wall_ms"]), ratios)
            yield f"| {' | '.join(map(str, cells))} |"
    limits = [line for line in race["lines"] if line["limit"]]
    if limits:
        yield ""
        yield "The machine's own limits, measured in the same rounds:"
        yield ""
        for line in limits:
            times = ", ".join(f"{_ratio(line['ratios'][base])} times ({base})" for base in bases)
            name = line["contestant"].partition(": ")[2]
            yield f"- {name}: {_number(line['wall_ms'])} ms; omistats takes {times}."
    yield ""


def _marks(found: dict[str, Any]) -> Iterator[str]:
    yield "| | measured | asked |"
    yield "|---|---:|---:|"
    for line in found["marks"]:
        unit = f" {line['unit']}" if line["unit"] else ""
        measured, asked = _number(line["measured"]), line["asked"]
        under = "" if asked is None else f"under {asked:g}{unit}"
        yield f"| {line['what']} | {measured}{unit} | {under} |"


def as_markdown(found: dict[str, Any]) -> str:
    """Lay the figures out for people, headings from the second level on."""
    rates = found["limits"]
    where = ", ".join(f"{key} {value}" for key, value in found["machine"].items())
    out = [
        "## The machine",
        "",
        f"Taken on {found['date']} with {where}.",
        "",
        f"- memory copied: {rates['copy_gb_s']:.1f} GB/s, read and written",
        f"- matrix product in single precision: {rates['product_gflop_s']:.0f} GFLOP/s",
        f"- cached file read: {rates['read_gb_s']:.1f} GB/s",
        "",
        "## What was asked",
        "",
        *_summary(found),
        "",
        "## Workloads",
        "",
    ]
    for race in found["races"]:
        out += _race(race)
    out += ["## Import and memory", "", *_marks(found), ""]
    return "\n".join(out)


def draw(found: dict[str, Any], ax: Any, colours: tuple[str, str, str]) -> None:
    """Draw how many times as long as omistats the peers of every workload take."""
    peer, asked_colour, grey = colours
    races = [r for r in found["races"] if any(x["ratios"] for x in r["lines"])]
    labels: list[str] = []
    for race in races:
        base = next(iter(race["lines"][0]["ratios"]))
        for line in race["lines"]:
            ratio = line["ratios"][base]
            if line["limit"] or line["contestant"].startswith(("omistats", "part")):
                continue
            place = -len(labels)
            labels.append(f"{race['id']}: {line['contestant']}")
            low, high = ratio["quartiles"]
            ax.plot([low, high], [place, place], color=peer, linewidth=1)
            ax.plot(ratio["ratio"], place, "o", color=peer, markersize=4)
            if ratio["asked"]:
                ax.plot(ratio["asked"], place, "|", color=asked_colour, markersize=9)
    ax.axvline(1, color=grey, linewidth=0.8)
    ax.set_xscale("log")
    ax.set_yticks([-i for i in range(len(labels))], labels, fontsize=7)
    ax.set_ylim(0.5 - len(labels), 0.5)
    ax.set_xlabel("times as long as omistats; the bar is what was asked")


def draw_curves(found: dict[str, Any], panels: Any, colour: str) -> None:
    """Draw time against cases, questions, units and groups, one panel each."""
    for panel, (name, points) in zip(panels, found["curves"].items(), strict=True):
        at, ms = ([p[key] for p in points] for key in ("at", "ms"))
        panel.plot(at, ms, "o-", color=colour, markersize=4)
        panel.set_xscale("log")
        panel.set_yscale("log")
        # Marks at what was measured, in plain numbers: powers of ten overlap.
        panel.set_xticks(at, [f"{value:,}" for value in at], rotation=30, fontsize=8)
        panel.set_xticks([], minor=True)
        ends = [min(ms), max(ms)]
        panel.set_yticks(ends, [f"{value:.3g}" for value in ends])
        panel.set_yticks([], minor=True)
        panel.set_xlabel(_CURVES[name])
        panel.set_ylabel("ms")


def main() -> None:
    parser = argparse.ArgumentParser(description="Lay out the figures of the benchmarks.")
    parser.add_argument("results", type=Path, help="what `python -m benchmarks.report` wrote")
    parser.add_argument("--chart", type=Path, help="draw a chart there")
    options = parser.parse_args()
    found = json.loads(options.results.read_text(encoding="utf-8"))
    print(as_markdown(found))
    if options.chart is not None:
        # Only charts need it, and no benchmark does.
        import matplotlib.pyplot as plt

        figure, ax = plt.subplots(figsize=(8, 10), layout="constrained")
        draw(found, ax, ("#0b5a8a", "#c8590a", "#767676"))
        figure.savefig(options.chart)


if __name__ == "__main__":
    main()
