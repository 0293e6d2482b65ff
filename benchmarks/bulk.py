"""W1, one national report, and W2, 36 reports: 35 units and all of them together.

``python -m benchmarks.bulk [--rounds 15] [--slow 3]``, from the root of the repository.

Every contestant ends with a finished Arrow table of counts, percentages and p-values, and
all tables are checked to be the same before anything is timed. Peers start from an Arrow
table. Omistats starts from it too (``from Arrow``), checks of the data included, or from cases
that were checked before (``prepared``).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa

import omistats as oms
from benchmarks.agreement import KEYS, UNIT_KEYS, differences
from benchmarks.cases import FRAMEWORK, QUESTIONS, as_text, national, programme
from benchmarks.data_table import DataTable, has_data_table
from benchmarks.interleave import interleave
from benchmarks.limits import Product, product_of
from benchmarks.lines import FROM_ARROW, LIMIT, PREPARED, lines
from benchmarks.peers import PEERS
from benchmarks.unit_peers import UNIT_PEERS

__all__ = [
    "ARRAYS",
    "BASES",
    "LOOP",
    "Calls",
    "bare",
    "bulk_figures",
    "prepared",
    "recomputed",
    "same_or_raise",
    "show",
    "w1",
    "w2",
    "w2_arrays",
]

Calls = dict[str, Callable[[], Any]]

LOOP: Final = "pandas, chi2_contingency in a loop"
DATA_TABLE: Final = "R data.table, prepared"
ARRAYS: Final = "omistats, arrays without the table"
BARE: Final = f"{LIMIT}product and p-values"
BASES: Final = {"prepared": PREPARED, "from Arrow": FROM_ARROW}

_POLARS = ("polars, lazy", "polars and NumPy")
W1_ASKED: Final = {LOOP: {"prepared": 200, "from Arrow": 80}} | {
    name: {"prepared": 25, "from Arrow": 10} for name in _POLARS
}
W2_ASKED: Final = {LOOP: {"prepared": 1800, "from Arrow": 900}} | {
    name: {"prepared": 30, "from Arrow": 15} for name in _POLARS
}
ARRAYS_ASKED: Final = {BARE: {"prepared": 2}}


def same_or_raise(
    tables: Mapping[str, Callable[[], Any]], ours: Any, keys: tuple[str, ...]
) -> None:
    """See that all contestants give the same report.

    Raises
    ------
    ValueError
        When one differs from that of omistats: times of unlike work say nothing.
    """
    wrong = [
        f"{name}: {d}" for name, call in tables.items() for d in differences(call(), ours, keys)
    ]
    if wrong:
        raise ValueError("reports differ:\n" + "\n".join(wrong[:10]))


def recomputed(source: Any, by: Any = None) -> pa.Table:
    """Reports of an Arrow table, all checks of the data included, or of cases."""
    cases = source
    if not isinstance(source, oms.CaseSet):
        cases = oms.CaseSet.from_data(source, framework=FRAMEWORK)
    return oms.recompute(cases, by=by).table


def prepared(table: pa.Table) -> oms.CaseSet:
    """Cases checked, and their bits made."""
    cases = oms.CaseSet.from_data(table, framework=FRAMEWORK)
    # Bits are made once for a set of cases, when it is first counted.
    oms.tally(cases, by="unit")
    return cases


def _race(
    table: pa.Table,
    peers: Mapping[str, Any],
    by: Any,
    rounds: int,
    slow: Mapping[str, int],
    asked: Mapping[str, Mapping[str, float]],
) -> list[dict[str, Any]]:
    ready = prepared(table)
    calls: Calls = {
        FROM_ARROW: lambda: recomputed(table, by),
        PREPARED: lambda: recomputed(ready, by),
        **{name: (lambda peer=peer: peer(table, QUESTIONS)) for name, peer in peers.items()},
    }
    keys = KEYS if by is None else UNIT_KEYS
    ours = recomputed(table, by)
    least = {BARE: bare(ready, by).p_values}
    if not has_data_table():
        same_or_raise(calls, ours, keys)
        return lines(interleave(calls | least, rounds, slow), BASES, asked)
    with DataTable(table, QUESTIONS, by_unit=by is not None) as r:
        same_or_raise({**calls, DATA_TABLE: r.result}, ours, keys)
        timed = {**calls, DATA_TABLE: r.run, **least}
        return lines(interleave(timed, rounds, slow), BASES, asked)


def w1(rounds: int, table: pa.Table | None = None) -> list[dict[str, Any]]:
    """One national report."""
    return _race(national() if table is None else table, PEERS, None, rounds, {}, W1_ASKED)


def w2(rounds: int, slow: int, table: pa.Table | None = None) -> list[dict[str, Any]]:
    """The reports of 35 units and of all together; the pandas loop has ``slow`` rounds."""
    cases = programme() if table is None else table
    return _race(cases, UNIT_PEERS, "unit", rounds, {LOOP: slow}, W2_ASKED)


def bare(ready: oms.CaseSet, by: Any) -> Product:
    """The least that the reports need.

    Raises
    ------
    ValueError
        When it gives other p-values than omistats.
    """
    least = product_of(ready, QUESTIONS, by)
    table = oms.recompute(ready, by=by).table
    # A comparison's p-value stands on both its rows; the bare product has it once.
    ours = table["p_value"].to_numpy().reshape(-1, 6, len(QUESTIONS), 2)[..., 0]
    if not np.allclose(least.p_values(), ours, rtol=1e-9, atol=0, equal_nan=True):
        raise ValueError("p-values of the bare product differ from those of omistats")
    return least


def w2_arrays(rounds: int, table: pa.Table | None = None) -> list[dict[str, Any]]:
    """The numbers of 36 reports before the table is made of them, beside the bare minimum."""
    ready = prepared(programme() if table is None else table)
    least = bare(ready, "unit")
    calls: Calls = {
        ARRAYS: lambda: oms.recompute(ready, by="unit"),
        "part: the tally": lambda: oms.tally(ready, by="unit"),
        BARE: least.p_values,
        f"{LIMIT}product alone": least.counts,
    }
    return lines(interleave(calls, rounds), {"prepared": ARRAYS}, ARRAYS_ASKED)


def bulk_figures(rounds: int, slow: int) -> list[dict[str, Any]]:
    """W1 and W2, ready for JSON."""
    return [
        {
            "id": "W1",
            "title": "One national report",
            "work": "2,213 synthetic cases, 75 questions, six breakdowns",
            "lines": w1(rounds),
        },
        {
            "id": "W1 text",
            "title": "One national report, labels as text",
            "work": "the same, as a file of comma-separated values gives it",
            "lines": w1(rounds, as_text(national())),
        },
        {
            "id": "W2",
            "title": "36 reports",
            "work": "5,596 simulated cases of 35 units, and all of them together",
            "lines": w2(rounds, slow),
        },
        {
            "id": "W2 arrays",
            "title": "36 reports, arrays without the table",
            "work": "counts, percentages, intervals and p-values of the same reports",
            "lines": w2_arrays(rounds),
        },
    ]


def show(races: list[dict[str, Any]]) -> None:
    """Print races."""
    for race in races:
        print(f"\n{race['id']} {race['title']}: {race['work']}")
        for line in race["lines"]:
            ratios = "  ".join(
                f"{base} {r['ratio']:.1f} ({r['quartiles'][0]:.1f}-{r['quartiles'][1]:.1f})"
                f" asked {r['asked'] or '-'}"
                for base, r in line["ratios"].items()
            )
            print(f"{line['contestant']:<40}{line['wall_ms']:>10.2f} ms  {ratios}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Time one report and 36 beside peers.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--slow", type=int, default=3, help="rounds of what takes seconds")
    options = parser.parse_args()
    show(bulk_figures(options.rounds, options.slow))


if __name__ == "__main__":
    main()
