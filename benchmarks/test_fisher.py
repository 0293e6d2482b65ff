"""One call tests what a loop tests. Results are asserted; times only reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import omistats as oms
from benchmarks.fisher import as_markdown, disagreements, programme_tables, race


@pytest.fixture(scope="module")
def tables() -> Any:
    return programme_tables(3)


def test_a_programme_has_a_table_for_every_question_breakdown_and_unit(tables: Any) -> None:
    assert tables.shape == (4, 75 * 6 * 3)
    k1, n1, k2, n2 = tables
    assert ((k1 >= 0) & (k1 <= n1) & (k2 >= 0) & (k2 <= n2)).all()


def test_the_call_and_the_loop_agree(tables: Any) -> None:
    found = race(tables, rounds=3)
    assert found.tables == tables.shape[1]
    assert found.parts.size == found.calls.size == 3
    assert "ratio" in as_markdown(found)


def test_a_wrong_p_value_is_found(tables: Any) -> None:
    wrong = disagreements(tables, np.full(tables.shape[1], 0.123))
    assert len(wrong) > tables.shape[1] / 2


def test_31500_tables_in_one_call(benchmark: Callable[..., Any]) -> None:
    tables = programme_tables()
    found = benchmark(oms_fisher, tables)
    assert found.shape == (31_500,)


def oms_fisher(tables: Any) -> Any:
    return oms.stats.compare(*tables, method="fisher").p_value
