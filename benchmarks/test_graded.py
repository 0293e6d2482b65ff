"""Counting levels gives polars' counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.graded import made_up, omistats_counts, polars_counts


@pytest.mark.parametrize("count", [omistats_counts, polars_counts])
def test_levels_of_24_questions(benchmark: Callable[..., Any], count: Callable[..., Any]) -> None:
    table = made_up(20_000)
    found = benchmark(count, table)
    assert found == omistats_counts(table)
    assert sum(found.values()) > 0
