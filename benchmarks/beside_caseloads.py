"""Samples beside their caseloads, and names matched to units, with peers, in one run.

``python -m benchmarks.beside_caseloads [rounds]``, from the root of the repository.

The peers are what a notebook has: pandas counts and a loop of ``scipy.stats.chisquare``, and names
put into lower case and looked up in a dictionary. Neither checks anything. Results must agree
before anything is timed.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import stats

import omistats as oms
from benchmarks.interleave import Timings, interleave, machine
from benchmarks.sampling import caseload

__all__ = [
    "NAMES",
    "OF",
    "by_loop",
    "compare_names",
    "compare_samples",
    "main",
    "matched_by_pandas",
]

OF = ("gender", "ethnicity", "disability", "age_group")
NAMES = 200_000


def by_loop(sample: pd.DataFrame, cases: pd.DataFrame) -> dict[tuple[str, str], float]:
    """P-values as a notebook has them: pandas counts, one chi-square at a time."""
    found = {}
    for name in OF:
        mine = pd.crosstab(sample["unit"], sample[name])
        theirs = pd.crosstab(cases["unit"], cases[name]).reindex_like(mine)
        for unit in mine.index:
            observed, there = mine.loc[unit].to_numpy(), theirs.loc[unit].to_numpy()
            n, size = observed.sum(), there.sum()
            statistic = stats.chisquare(observed, there / size * n).statistic
            statistic *= (size - 1) / (size - n)
            found[str(unit), name] = float(stats.chi2.sf(statistic, len(observed) - 1))
    return found


def compare_samples(rounds: int, units: int = 35) -> Timings:
    """Lay samples of a half beside their caseloads, unit by unit.

    Raises
    ------
    AssertionError
        When p-values differ.
    """
    cases = caseload(units)
    sample = cases.filter(np.random.default_rng(1).random(len(cases)) < 0.5)
    frames = [pa.table(c).select(["unit", *OF]).to_pandas() for c in (sample, cases)]

    def ours() -> pa.Table:
        return oms.representativeness(sample, cases, of=OF, by="unit").table

    loop = by_loop(*frames)
    rows = [row for row in ours().to_pylist() if row["unit"] != "all"]
    p_values = {(row["unit"], row["characteristic"]): row["p_value"] for row in rows}
    assert p_values.keys() == loop.keys()
    np.testing.assert_allclose([p_values[key] for key in loop], list(loop.values()), atol=1e-9)
    return interleave({"omistats": ours, "pandas and scipy": lambda: by_loop(*frames)}, rounds)


def matched_by_pandas(names: pd.Series, known: dict[str, str]) -> pd.Series:
    """Look names up once case, "and" and the words around them are out of the way."""
    plain = names.str.lower().str.replace("&", "and").str.removesuffix(" probation trust")
    return plain.map(known)


def compare_names(rounds: int, rows: int = NAMES) -> Timings:
    """Match names in three spellings.

    Raises
    ------
    AssertionError
        When ids differ.
    """
    units = oms.omi2.UNITS
    spelled = [
        name
        for unit in units
        for name in (unit.name, unit.name.upper(), f"{unit.name} Probation Trust")
    ]
    names = pd.Series(np.resize(spelled, rows))
    known = {unit.name.lower().replace("&", "and"): unit.id for unit in units}
    column = pa.array(names, pa.string())

    def ours() -> pa.Array:
        return oms.match_units(column, units).ids

    assert ours().to_pylist() == matched_by_pandas(names, known).to_list()
    return interleave({"omistats": ours, "pandas": lambda: matched_by_pandas(names, known)}, rounds)


def main() -> None:
    """Print the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    print(machine())
    for what, times in (
        (f"{len(OF)} characteristics of 35 samples beside caseloads", compare_samples(rounds)),
        (f"{NAMES:,} names matched to 36 units", compare_names(rounds)),
    ):
        print(what)
        base, peer = times.names
        for name in times.names:
            print(f"  {name:<18}{1000 * times.median(name):9.2f} ms")
        low, high = times.spread(peer, base)
        ratio = times.ratio(peer, base)
        print(f"  {peer} / omistats {ratio:.1f} (quartiles of rounds {low:.1f} to {high:.1f})")


if __name__ == "__main__":
    main()
