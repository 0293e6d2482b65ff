"""How time grows with cases, questions, units and groups.

``python -m benchmarks.curves [--rounds 9]``, from the root of the repository. Cases are
prepared and synthetic; every time ends with the finished table. The points of a curve are timed
by turns.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

import omistats as oms
from benchmarks.bulk import Calls, prepared
from benchmarks.cases import QUESTIONS
from benchmarks.interleave import interleave
from benchmarks.large_cases import large_batches

__all__ = ["curve_figures", "curves"]

CASES: Final = (1_000, 4_000, 16_000, 64_000, 256_000, 1_000_000)
UNITS: Final = (1, 5, 35, 140, 560)
ASKED: Final = (1, 5, 15, 40, 75)
GROUPS: Final = (2, 4, 8, 16, 32)
MIDDLE: Final = 16_000
"""Cases where it is something else that grows."""


def _cases(cases: int, units: int = 35) -> oms.CaseSet:
    return prepared(pa.Table.from_batches(large_batches(cases, units=units)))


def _grouped(groups: int) -> oms.Breakdown:
    """A breakdown of so many groups, which cases are in by turns."""
    labels = tuple(f"g{i}" for i in range(groups))

    class Turns(oms.Breakdown):
        key = "turns"

        def classify(self, cases: oms.CaseSet) -> Any:
            return np.array(labels)[np.arange(len(cases)) % groups]

    Turns.groups = labels
    return Turns()


def curves(scale: float = 1.0) -> dict[str, Calls]:
    """What is timed: by curve and point. ``scale`` makes all fewer cases."""
    middle = _cases(int(MIDDLE * scale))
    out: dict[str, Calls] = {"cases": {}, "questions": {}, "units": {}, "groups": {}}
    for count in CASES:
        ready = _cases(int(count * scale))
        out["cases"][str(count)] = lambda ready=ready: oms.recompute(ready).table
    for count in ASKED:
        some = QUESTIONS[:count]
        out["questions"][str(count)] = lambda some=some: oms.recompute(middle, questions=some).table
    for count in UNITS:
        ready = _cases(int(MIDDLE * scale), units=count)
        out["units"][str(count)] = lambda ready=ready: oms.recompute(ready, by="unit").table
    for count in GROUPS:
        split = [_grouped(count)]
        out["groups"][str(count)] = lambda split=split: (
            oms.recompute(middle, breakdowns=split).table
        )
    return out


def curve_figures(rounds: int, scale: float = 1.0) -> dict[str, Sequence[dict[str, float]]]:
    """Points of every curve, ready for JSON: how many, and what they took."""
    found = {}
    for name, calls in curves(scale).items():
        times = interleave(calls, rounds)
        found[name] = [{"at": int(n), "ms": 1e3 * times.median(n)} for n in times.names]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Time reports as everything grows.")
    parser.add_argument("--rounds", type=int, default=9)
    for name, points in curve_figures(parser.parse_args().rounds).items():
        shown = ", ".join(f"{p['at']:,}: {p['ms']:.2f} ms" for p in points)
        print(f"{name}: {shown}")


if __name__ == "__main__":
    main()
