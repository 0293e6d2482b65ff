"""Characteristics of every unit and of all together, beside pandas, in one run.

    python -m benchmarks.characteristics [rounds]

Both start from cases in memory, and end with a table of a row a unit, characteristic and level,
those not known included; counts must agree before anything is timed.
"""

from __future__ import annotations

import sys
from typing import Any

import pandas as pd
import pyarrow as pa

import omistats as oms
from benchmarks.interleave import Timings, interleave, machine

OF = ("supervision_type", "gender", "ethnicity", "disability", "age_group", "risk_of_harm")

Counts = dict[tuple[str, str, str | None], int]


def by_value_counts(frame: pd.DataFrame) -> pd.DataFrame:
    """Count as one would in pandas: a characteristic at a time, and once more for all."""
    parts = []
    for name in OF:
        units = frame.groupby("unit", observed=False)[name].value_counts(dropna=False, sort=False)
        whole = frame[name].value_counts(dropna=False, sort=False)
        part = units.rename("n").reset_index().rename(columns={name: "level"})
        rest = whole.rename("n").reset_index().rename(columns={name: "level"}).assign(unit="all")
        # Put together as text: levels of one characteristic are no categories of another.
        both = [p.astype({"unit": object, "level": object}) for p in (part, rest)]
        parts.append(pd.concat(both).assign(characteristic=name))
    out = pd.concat(parts, ignore_index=True)
    heads = out.groupby(["unit", "characteristic"])["n"].transform("sum")
    known = out["n"].where(out["level"].notna(), 0)
    base = known.groupby([out["unit"], out["characteristic"]]).transform("sum")
    out["percent"] = 100 * out["n"] / heads
    out["percent_known"] = (100 * out["n"] / base).where(out["level"].notna())
    return out


def counts(rows: list[dict[str, Any]]) -> Counts:
    """Leave out counts of 0, which pandas gives for some levels only."""
    return {
        (
            row["unit"],
            row["characteristic"],
            row["level"] if isinstance(row["level"], str) else None,
        ): int(row["n"])
        for row in rows
        if row["n"]
    }


def race(rounds: int, table: pa.Table) -> Timings:
    """Time both, after seeing that they count alike.

    Raises
    ------
    AssertionError
        When counts differ.
    """
    cases = oms.CaseSet.from_data(table, framework=oms.omi2.DEMONSTRATION)
    frame = pa.table(cases).select(["unit", *OF]).to_pandas()

    def ours() -> pa.Table:
        return oms.characteristics(cases, OF, by="unit").table

    assert counts(ours().to_pylist()) == counts(by_value_counts(frame).to_dict("records"))
    return interleave({"omistats": ours, "pandas": lambda: by_value_counts(frame)}, rounds)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    table = pa.table(oms.omi2.simulate(35, seed=1))
    times = race(rounds, table)
    print(machine())
    print(f"{table.num_rows:,} cases, 35 units and all together, {len(OF)} characteristics")
    low, high = times.spread("pandas", "omistats")
    for name in times.names:
        print(f"{name:<10}{1000 * times.median(name):8.2f} ms")
    ratio = times.ratio("pandas", "omistats")
    print(f"pandas / omistats {ratio:.1f} (quartiles of rounds {low:.1f} to {high:.1f})")


if __name__ == "__main__":
    main()
