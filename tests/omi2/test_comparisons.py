"""Printed comparisons, against the shipped figures and loops over counts."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep

import omistats as oms
from omistats import DataError, UnknownNameError, UsageError


def prints(k: int, n: int) -> int:
    """Half up, by hand."""
    return math.floor((100 * k) / n + 0.5)


def test_every_printed_row_is_one_line_with_its_figures() -> None:
    published = oms.omi2.load_published().to_pylist()
    lines = oms.omi2.comparisons().to_pylist()
    # 451 rows and 441 with two groups: counted in the report.
    assert len(lines) == len(published) / 2 == 451
    assert sum(line["low"] is not None for line in lines) == 441
    for line, one, two in zip(lines, published[::2], published[1::2], strict=True):
        for side, printed in (("1", one), ("2", two)):
            assert line["group" + side] == printed["group"]
            assert line["percent" + side] == printed["percent"]
            assert line["n" + side] == printed["n"]
        assert line["stars"] == one["stars"]
        assert line["question"] == one["question"]
        assert (line["contrast"] == "complement") == (line["table"] < 7)


@pytest.mark.parametrize("place", [(3, 1), (4, 20), (6, 2), (8, 5), (9, 12), (11, 36)])
def test_bounds_are_those_of_a_loop(place: tuple[int, int]) -> None:
    line = next(
        line for line in oms.omi2.comparisons().to_pylist() if (line["table"], line["row"]) == place
    )
    p1, n1, p2, n2 = (line[c] for c in ("percent1", "n1", "percent2", "n2"))
    pairs = [
        (a, b) for a in range(n1 + 1) for b in range(n2 + 1)
        if prints(a, n1) == p1 and prints(b, n2) == p2
    ]  # fmt: skip
    if line["contrast"] == "complement":
        n2 -= n1
        pairs = [(a, b - a) for a, b in pairs if 0 <= b - a <= n2]
    apart = [100 * (a / n1 - b / n2) for a, b in pairs]
    ends = [
        confint_proportions_2indep(a, n1, b, n2, method="newcomb", compare="diff") for a, b in pairs
    ]
    assert line["least"] == pytest.approx(min(apart), abs=1e-9)
    assert line["most"] == pytest.approx(max(apart), abs=1e-9)
    assert line["low"] == pytest.approx(100 * min(low for low, _ in ends), abs=1e-7)
    assert line["high"] == pytest.approx(100 * max(high for _, high in ends), abs=1e-7)


@pytest.mark.parametrize("adjustment", ["bh", "holm"])
def test_survivors_are_those_counted_by_the_bounds_of_every_table(adjustment: str) -> None:
    lines = oms.omi2.comparisons(adjustment=adjustment).to_pylist()
    for bound in oms.omi2.survivors(adjustments=[adjustment]).to_pylist()[:-1]:
        here = [line for line in lines if line["table"] == bound["table"]]
        assert sum(bool(line["survives"]) for line in here) == bound["least"]
        assert sum(line["survives"] is None for line in here) == len(here) - bound["tests"]
        assert all(line["stars"] != "--" for line in here if line["survives"])


def test_level_applies_to_adjusted_p_values_and_confidence_to_intervals() -> None:
    for bound in oms.omi2.survivors(adjustments=["bh"], level=0.001).to_pylist()[:-1]:
        strict = oms.omi2.comparisons(level=0.001, confidence=0.5).to_pylist()
        here = [line for line in strict if line["table"] == bound["table"]]
        assert sum(bool(line["survives"]) for line in here) == bound["least"]
    loose = oms.omi2.comparisons().to_pylist()
    assert sum(bool(r["survives"]) for r in strict) < sum(bool(r["survives"]) for r in loose)
    assert {line["breakdown"] for line in loose} == {t.breakdown for t in oms.omi2.TABLES.values()}


def test_some_tables_and_another_confidence_are_accepted() -> None:
    printed = oms.omi2.load_published().slice(0, 2)
    (wide,) = oms.omi2.comparisons(printed, confidence=0.99).to_pylist()
    (narrow,) = oms.omi2.comparisons(printed, confidence=0.9).to_pylist()
    assert wide["survives"]
    assert wide["low"] < narrow["low"] < narrow["least"] == wide["least"]
    assert oms.omi2.comparisons(printed.slice(0, 0)).num_rows == 0


def test_arguments_out_of_range_raise() -> None:
    with pytest.raises(UsageError, match="confidence"):
        oms.omi2.comparisons(confidence=95)
    with pytest.raises(UsageError, match="level"):
        oms.omi2.comparisons(level=5)
    with pytest.raises(UnknownNameError, match="adjustment"):
        oms.omi2.comparisons(adjustment="hope")
    with pytest.raises(DataError):
        oms.omi2.comparisons(pa.table({"table": [3]}))
