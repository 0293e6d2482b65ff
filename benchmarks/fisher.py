"""Fisher's test of every table of a programme, in one call and in a loop.

``python -m benchmarks.fisher [--rounds 10]``, from the root of the repository.

The tables are those of 75 questions, six breakdowns and 70 simulated units: 31,500. A loop over
``scipy.stats.fisher_exact`` takes a minute or more, so it is cut into as many parts as there are
rounds, and between any two parts omistats tests all tables once. Every p-value of the loop
is compared with that of the call.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time

import attrs
import numpy as np
import numpy.typing as npt
from scipy.stats import fisher_exact

import omistats as oms
from benchmarks.interleave import machine

__all__ = ["ASKED", "Race", "as_markdown", "disagreements", "programme_tables", "race"]

ASKED = 100
"""How many times faster than the loop the call is meant to be."""

Tables = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class Race:
    """What a loop and calls took, in seconds, by turns.

    Attributes
    ----------
    tables : int
        How many tables each of them tested.
    parts : ndarray of float64
        The parts of the loop: together they are one pass over all tables.
    calls : ndarray of float64
        Calls, each of which tests all tables.
    distinct : int
        Tables that are not the same as another.
    """

    tables: int
    parts: Floats
    calls: Floats
    distinct: int

    @property
    def ratio(self) -> float:
        """How many times the median call the whole loop takes."""
        return float(self.parts.sum() / np.median(self.calls))


def programme_tables(units: int = 70, seed: int = 2009) -> Tables:
    """Counts k1, n1, k2, n2 of every question, breakdown and unit of a simulated programme."""
    cases = oms.omi2.simulate(units, seed=seed)
    questions = [q.id for q in oms.omi2.FRAMEWORK.questions][:75]
    counts = oms.tally(cases, by="unit", breakdowns=oms.omi2.STANDARD, questions=questions)
    rows = []
    for split, at in zip(counts.splits, counts.offsets, strict=False):
        k1, n1, k2, n2 = (c[:units, at + i] for i in (0, 1) for c in (counts.k, counts.n))
        if split.contrast == "complement":
            k2, n2 = k2 - k1, n2 - n1
        rows.append(np.stack([k1, n1, k2, n2]).reshape(4, -1))
    return np.concatenate(rows, axis=1)


def _call(tables: Tables) -> Floats:
    return oms.stats.compare(*tables, method="fisher").p_value


def _loop(tables: Tables) -> Floats:
    return np.array([fisher_exact([[a, n - a], [c, m - c]])[1] for a, n, c, m in tables.T.tolist()])


def disagreements(tables: Tables, looped: Floats) -> list[str]:
    """Tables whose p-values differ by more than a billionth; empty groups have none here."""
    found = _call(tables)
    both = (tables[1] > 0) & (tables[3] > 0)
    wrong = np.flatnonzero(
        np.where(both, ~(abs(found - looped) <= 1e-9 * looped), ~np.isnan(found))
    )
    return [f"{tables[:, i].tolist()}: {found[i]!r}, not {looped[i]!r}" for i in wrong]


def race(tables: Tables, rounds: int) -> Race:
    """Time one pass of the loop, cut into parts, and a call between any two parts.

    Raises
    ------
    ValueError
        When p-values differ: times of unlike work say nothing.
    """
    parts, calls, looped = [], [], []
    _call(tables)
    gc.collect()
    gc.disable()
    try:
        for part in np.array_split(tables, rounds, axis=1):
            began = time.perf_counter()
            looped.append(_loop(part))
            parts.append(time.perf_counter() - began)
            began = time.perf_counter()
            _call(tables)
            calls.append(time.perf_counter() - began)
    finally:
        gc.enable()
    if wrong := disagreements(tables, np.concatenate(looped)):
        raise ValueError("p-values differ:\n" + "\n".join(wrong[:10]))
    distinct = np.unique(tables, axis=1).shape[1]
    return Race(tables.shape[1], np.array(parts), np.array(calls), distinct)


def as_markdown(found: Race) -> str:
    """Lay the times out."""
    where = ", ".join(f"{key} {value}" for key, value in machine().items())
    low, high = np.quantile(found.calls, [0.25, 0.75])
    called = f"{np.median(found.calls):.3f} ({low:.3f}-{high:.3f})"
    return "\n".join(
        [
            "# Fisher's test of a programme's tables",
            "",
            f"{found.tables:,} tables, {found.distinct:,} of them distinct; none was left out for",
            "being like another. All p-values were the same to nine digits.",
            "",
            f"Taken with {where}.",
            "",
            "| | seconds |",
            "|---|---:|",
            f"| scipy.stats.fisher_exact in a loop | {found.parts.sum():.1f} |",
            f"| omistats in one call, median of {found.calls.size} (quartiles) | {called} |",
            f"| ratio | {found.ratio:.0f}; asked: {ASKED} |",
            "",
        ]
    )


def main() -> int:
    """Race and print."""
    parser = argparse.ArgumentParser(description="Time Fisher's test beside a loop.")
    parser.add_argument("--rounds", type=int, default=10, help="parts of the loop")
    parser.add_argument("--units", type=int, default=70, help="simulated")
    options = parser.parse_args()
    print(as_markdown(race(programme_tables(options.units), options.rounds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
