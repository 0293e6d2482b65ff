"""Surviving marks of the report, and cases that print as the report within their bounds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from tests.factories import rows

import omistats as oms
from omistats import DataError, UnknownNameError


@pytest.fixture(scope="module")
def bounds() -> list[dict[str, object]]:
    return rows(oms.omi2.survivors())


def test_every_table_and_all_of_them_by_each_adjustment(bounds: list[dict[str, object]]) -> None:
    assert [(b["table"], b["adjustment"]) for b in bounds] == [
        (t, a) for t in (*range(3, 12), None) for a in ("holm", "bh")
    ]
    together = [b for b in bounds if b["table"] is None]
    for name in ("tests", "stars", "unexplained"):
        alone = [b[name] for b in bounds if b["table"] and b["adjustment"] == "holm"]
        assert {b[name] for b in together} == {sum(alone)}  # type: ignore[arg-type]
    # 441 rows with two groups, of which Pearson's test earns 439 marks.
    assert (together[0]["tests"], together[0]["unexplained"]) == (441, 2)


def test_bounds_are_nested(bounds: list[dict[str, int]]) -> None:
    for b in bounds:
        assert 0 <= b["least_by_percent"] <= b["least"] <= b["most"] <= b["most_by_percent"]
    for holm, bh in zip(bounds[::2], bounds[1::2], strict=True):
        assert holm["least"] <= bh["least"]
        assert holm["most"] <= bh["most"]


@pytest.mark.parametrize("adjustment", ["holm", "bh"])
def test_counts_that_print_as_the_report_lie_within_the_bounds(
    bounds: list[dict[str, int]], adjustment: str
) -> None:
    """The shipped cases print as the report where possible, so their count is within the bounds."""
    found = oms.recompute(oms.omi2.load_synthetic(), breakdowns=oms.omi2.FRAMEWORK.breakdowns)
    p = {(r["breakdown"], r["question"]): r["p_value"] for r in found.table.to_pylist()}
    printed = {
        (r["table"], r["question"])
        for r in oms.omi2.load_published().to_pylist()
        if r["n"] is None or r["n"] == 0
    }
    for b in bounds:
        if b["table"] is None or b["adjustment"] != adjustment:
            continue
        table = oms.omi2.TABLES[b["table"]]
        family = [
            np.nan if p[table.breakdown, q] is None else p[table.breakdown, q]
            for q in table.questions
            if (b["table"], q) not in printed
        ]
        survive = int((oms.stats.adjust(family, adjustment) < 0.05).sum())
        assert b["least_by_percent"] <= survive <= b["most_by_percent"], b["table"]


def test_other_tables_raise() -> None:
    with pytest.raises(DataError):
        oms.omi2.survivors(pa.table({"table": [3]}))
    with pytest.raises(UnknownNameError):
        oms.omi2.survivors(adjustments=["none"])


def test_a_table_without_rows_raises() -> None:
    nothing = oms.omi2.load_published().slice(0, 0)
    with pytest.raises(oms.UsageError, match="the family is empty"):
        oms.omi2.survivors(nothing)
