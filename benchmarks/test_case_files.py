"""Cases from files: what is timed counts the same. Here the files are small."""

from __future__ import annotations

from pathlib import Path

from benchmarks.case_files import (
    ASKED,
    QUESTIONS,
    UNITS,
    file_figures,
    tally_counts,
    write_case_files,
)


def test_files_hold_the_same_cases(tmp_path: Path) -> None:
    counts = [tally_counts(path) for path in write_case_files(tmp_path, 2_000).values()]
    assert counts[0].shape == (2, len(UNITS), len(QUESTIONS))
    assert (counts[0] == counts[1]).all()
    assert 0 < counts[0][0].sum() < counts[0][1].sum() < 2_000 * len(QUESTIONS)


def test_both_are_timed_beside_polars(tmp_path: Path) -> None:
    for found in file_figures(2_000, 1, tmp_path):
        asked = {x["contestant"] for x in found["lines"] if x["ratios"]["the file"]["asked"]}
        assert asked == set(ASKED)
