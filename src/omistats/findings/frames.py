"""Result tables as the frames of other libraries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from omistats.errors import with_extra

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = ["Exports", "to_pandas", "to_polars"]


class Exports:
    """The ways out of a result whose attribute ``table`` is an Arrow table."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def table(self) -> pa.Table:
            """The result."""

    def write_parquet(self, path: str | Path) -> None:
        """Write the table to a Parquet file, replacing one that is there."""
        import pyarrow.parquet as pq

        pq.write_table(self.table, path)

    def to_pandas(self) -> pd.DataFrame:
        """Return a pandas data frame; labels become categoricals, metadata ``attrs``."""
        return to_pandas(self.table)

    def to_polars(self) -> pl.DataFrame:
        """Return a polars data frame; labels become categoricals."""
        return to_polars(self.table)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Export the table."""
        return self.table.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        rows: int = self.table.num_rows
        return rows


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """Return a pandas data frame; what the cases say of themselves stands in ``attrs``."""
    frame: pd.DataFrame = with_extra("pandas", table.to_pandas)
    # pandas drops Arrow's metadata; what the cases say of themselves must not go with it.
    metadata = table.schema.metadata or {}
    frame.attrs.update({k.decode(): v.decode() for k, v in metadata.items()})
    return frame


def to_polars(table: pa.Table) -> pl.DataFrame:
    """Return a polars data frame."""

    def make() -> pl.DataFrame:
        import polars as pl

        return pl.DataFrame(table)

    return with_extra("polars", make)
