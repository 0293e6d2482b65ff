"""Count and sum in Polars, DuckDB or Spark; only totals come back."""
