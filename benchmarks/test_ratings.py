"""The simulation of ratings that are called sure: its files say what a small run says."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.ratings import COVERAGE, LOWEST, coverage, lowest

DRAWS = 2000


def check(path: Path, again: Iterable[dict[str, Any]], names: tuple[str, ...]) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        kept = list(csv.DictReader(file))
    for one, other in zip(kept, again, strict=True):
        for name, value in other.items():
            if not isinstance(value, float):
                assert one[name] == str(value)
            elif name in names:
                # Five standard errors of a percentage.
                assert abs(float(one[name]) - value) < 5 * 50 / DRAWS**0.5


def test_the_files_agree_with_a_small_run() -> None:
    names = ("rated rightly", "said", "called sure", "rated otherwise", "as predicted")
    check(COVERAGE, coverage(DRAWS, 5), names)
    check(LOWEST, lowest(DRAWS, 5), ("rated Good", "too low", "posterior of Good"))


def test_evenly_spread_shares_keep_what_is_called_sure() -> None:
    with COVERAGE.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    even = [line for line in lines if line["true shares"] == "even"]
    assert len(even) == len(lines) // 3
    assert all(float(line["right if sure"]) >= 90 for line in even)
