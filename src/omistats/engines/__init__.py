"""Engines: count and sum in Polars, DuckDB or Spark, and fetch only totals."""
