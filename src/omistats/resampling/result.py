"""What resampling gives: a table that other libraries read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pyarrow as pa

from omistats.findings.frames import to_pandas, to_polars

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = ["Resampled"]


@attrs.frozen(eq=False, repr=False)
class Resampled:
    """The outcome of `omistats.max_t` or `omistats.bootstrap`.

    It speaks the Arrow PyCapsule protocol: ``pa.table(found)``.

    Attributes
    ----------
    table : pyarrow.Table
        One row a result; columns are those that the function lists. The metadata is that
        of the cases.

    Examples
    --------
    Of synthetic cases, and of fewer draws than make limits steady:

    >>> import omistats as oms
    >>> cases = oms.omi2.load_synthetic()
    >>> found = oms.bootstrap(cases, of="scores", items=["reoffending"], by="unit", draws=20)
    >>> len(found)
    16
    >>> found.to_polars()["unit"][-1], f"{found.to_pandas()['percent'].iloc[-1]:.1f}"
    ('all', '71.0')
    """

    table: pa.Table

    def to_pandas(self) -> pd.DataFrame:
        """Return a pandas data frame; it needs pandas.

        Returns
        -------
        pandas.DataFrame
            The rows of ``table``; labels are categoricals, its metadata stands in ``attrs``.

        Raises
        ------
        UsageError
            When pandas is not installed; it is the extra ``omistats[pandas]``.
        """
        return to_pandas(self.table)

    def to_polars(self) -> pl.DataFrame:
        """Return a polars data frame; it needs polars.

        Returns
        -------
        polars.DataFrame
            The rows of ``table``; labels are categoricals.

        Raises
        ------
        UsageError
            When polars is not installed; it is the extra ``omistats[polars]``.
        """
        return to_polars(self.table)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        return f"Resampled: {self.table.num_rows:,} rows of {', '.join(self.table.column_names)}"
