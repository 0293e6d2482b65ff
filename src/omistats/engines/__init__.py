"""Counting where the data are: in Polars, DuckDB or Spark; only counts come back."""

from omistats.engines.counting import count_engine
from omistats.engines.sources import is_engine
from omistats.engines.sums import sum_engine

__all__ = ["count_engine", "is_engine", "sum_engine"]
