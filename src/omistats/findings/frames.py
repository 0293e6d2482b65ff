"""Result tables as the frames of other libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from omistats.errors import with_extra

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = ["to_pandas", "to_polars"]


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
