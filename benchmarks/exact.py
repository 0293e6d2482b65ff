"""The size of tests and the coverage of intervals over the report's own numbers of cases.

``python -m benchmarks.exact``, from the root of the repository, writes the two CSV files that the
figures of the documentation are drawn from. Nothing is simulated: every table that two
groups of the given sizes can give is counted with its chance, and likewise every count of
one group. Chances run from 5% to 50% in steps of 1%; beyond 50% all is mirrored.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
from scipy.stats import binom, hypergeom

import omistats as oms

__all__ = [
    "ALPHA",
    "CHANCES",
    "COVERAGE_FILE",
    "INTERVALS",
    "SIZE_FILE",
    "TESTS",
    "coverage",
    "published_pairs",
    "published_sizes",
    "read",
    "size",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ALPHA = 0.05
CHANCES = np.arange(5, 51) / 100
TESTS = ("pearson", "yates", "fisher", "fisher-mid-p")
INTERVALS = (
    "wilson",
    "wilson-cc",
    "clopper-pearson",
    "mid-p",
    "jeffreys",
    "agresti-coull",
    "wald",
)
_FIGURES = Path(__file__).parents[1] / "docs" / "_figures"
SIZE_FILE = _FIGURES / "exact_size.csv"
COVERAGE_FILE = _FIGURES / "exact_coverage.csv"


def _printed(first: int, last: int) -> Ints:
    table = oms.omi2.load_published()
    table = table.filter((pc.field("table") >= first) & (pc.field("table") <= last))
    n = np.array(table["n"].to_pylist(), np.float64).reshape(-1, 2)
    return n[~np.isnan(n).any(axis=1)].astype(np.int64)


def published_pairs() -> Ints:
    """Sizes of every two groups that the report compares, the smaller first; each pair once.

    High risk of harm is compared with all other cases, as omistats does.
    """
    within = _printed(3, 6)
    within[:, 1] -= within[:, 0]
    pairs = np.concatenate([within, _printed(7, 11)])
    return np.unique(np.sort(pairs[(pairs > 0).all(axis=1)], axis=1), axis=0)


def published_sizes() -> Ints:
    """Every number of cases behind a printed percentage, once."""
    n = np.array(oms.omi2.load_published()["n"].drop_null().to_pylist())
    return np.unique(n[n > 0])


def _last_rejected(
    rejects: Callable[[Ints, Ints], npt.NDArray[np.bool_]], guess: Ints, s: Ints, least: Ints
) -> Ints:
    """Give for every total the greatest low count that is rejected, or one less than the least.

    What is further from the middle is rejected too, so a walk from a guess finds the border.
    """
    at = np.maximum(guess, least - 1)
    moving = np.flatnonzero(at >= least)
    while moving.size:
        moving = moving[~rejects(at[moving], s[moving])]
        at[moving] -= 1
        moving = moving[at[moving] >= least[moving]]
    moving = np.arange(s.size)
    while moving.size:
        moving = moving[rejects(at[moving] + 1, s[moving])]
        at[moving] += 1
    return at


def size(method: str, n1: int, n2: int, chances: Floats = CHANCES) -> Floats:
    """Give the chance that a test at 5% rejects where both groups have one chance of success.

    Parameters
    ----------
    method : str
        A test, by the name that `omistats.stats.compare` knows.
    n1, n2 : int
        Cases of the two groups.
    chances : ndarray of float64
        Of success.

    Returns
    -------
    ndarray of float64
        One for each chance.
    """
    total = n1 + n2
    s = np.arange(1, total)
    least, most = np.maximum(0, s - n2), np.minimum(n1, s)
    middle = n1 * s / total
    reach = 1.96 * np.sqrt(n1 * n2 * s * (total - s) / (total**2 * (total - 1.0)))

    def low(x: Ints, s: Ints) -> npt.NDArray[np.bool_]:
        # From the middle on nothing is low.
        p = oms.stats.compare(x, n1, s - x, n2, method=method).p_value
        return np.asarray((p < ALPHA) & (x < n1 * s / total))

    def high(y: Ints, s: Ints) -> npt.NDArray[np.bool_]:
        # The failures of the first group, counted down from the top as `low` counts up.
        x = n1 - y
        p = oms.stats.compare(x, n1, s - x, n2, method=method).p_value
        return np.asarray((p < ALPHA) & (x > n1 * s / total))

    below = _last_rejected(low, np.floor(middle - reach).astype(np.int64), s, least)
    above = n1 - _last_rejected(high, np.floor(n1 - middle - reach).astype(np.int64), s, n1 - most)
    rejected = hypergeom.cdf(below, total, n1, s) + hypergeom.sf(above - 1, total, n1, s)
    # All alike is never rejected.
    return np.asarray(binom.pmf(s, total, chances[:, np.newaxis]) @ rejected)


def coverage(method: str, n: int, chances: Floats = CHANCES) -> Floats:
    """Give the chance that a 95% interval holds the chance of success.

    Parameters
    ----------
    method : str
        An interval, by the name that `omistats.stats.interval` knows.
    n : int
        Cases.
    chances : ndarray of float64
        Of success.

    Returns
    -------
    ndarray of float64
        One for each chance.
    """
    k = np.arange(n + 1)
    found = oms.stats.interval(k, n, method=method)
    p = chances[:, np.newaxis]
    held = (found.low <= p) & (p <= found.high)
    return np.asarray((binom.pmf(k, n, p) * held).sum(axis=1))


def _summary(values: Floats) -> list[str]:
    return [f"{v:.6f}" for v in (values.min(), values.mean(), values.max())]


def _write(path: Path, head: list[str], names: tuple[str, ...], rows: list[list[str]]) -> None:
    parts = [f"{name} {what}" for name in names for what in ("least", "mean", "greatest")]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*head, *parts])
        writer.writerows(rows)


def read(path: Path) -> dict[str, Floats]:
    """Give the columns of one of the files."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(r[name]) for r in rows]) for name in rows[0]}


def main() -> int:
    """Enumerate everything and write both files."""
    parser = argparse.ArgumentParser(description="Enumerate sizes and coverages.")
    parser.add_argument("--only", choices=["size", "coverage"], help="write one file")
    only = parser.parse_args().only
    if only != "coverage":
        rows = []
        for n1, n2 in published_pairs().tolist():
            sizes = (_summary(size(test, n1, n2)) for test in TESTS)
            rows.append([str(n1), str(n2), *(v for s in sizes for v in s)])
        _write(SIZE_FILE, ["n1", "n2"], TESTS, rows)
    if only != "size":
        rows = []
        for n in published_sizes().tolist():
            held = (_summary(coverage(method, n)) for method in INTERVALS)
            rows.append([str(n), *(v for s in held for v in s)])
        _write(COVERAGE_FILE, ["n"], INTERVALS, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
