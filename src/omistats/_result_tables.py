"""TableResult base (was Exports): to_pandas/to_polars/write_parquet/Arrow, filter_labels(), text and HTML repr."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from omistats.errors import with_extra

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = ["Exports", "as_html", "as_text", "to_pandas", "to_polars"]


class Exports:
    """The ways out of a result whose attribute ``table`` is an Arrow table.

    Undefined figures are null in the table.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def table(self) -> pa.Table:
            """The result."""

    def write_parquet(self, path: str | Path) -> None:
        """Write the table to a Parquet file, replacing one that is there.

        Parameters
        ----------
        path : str or Path
            The file; its folder has to be there.

        Raises
        ------
        OSError
            When the file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import omistats as oms
        >>> import pyarrow.parquet as pq
        >>> findings = oms.Findings.from_counts(
        ...     [14, 9], [20, 30], questions=["home_visit"], groups=["A", "B"]
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     findings.write_parquet(Path(folder, "findings.parquet"))
        ...     pq.read_table(Path(folder, "findings.parquet"))["k"].to_pylist()
        [14, 9]
        """
        import pyarrow.parquet as pq

        pq.write_table(self.table, path)

    def to_pandas(self) -> pd.DataFrame:
        """Return a pandas data frame; labels become categoricals, metadata ``attrs``.

        Returns
        -------
        pandas.DataFrame
            With the columns of the table; null is missing there too, NaN among numbers and labels.

        Raises
        ------
        UsageError
            When pandas is not installed; it is the extra ``omistats[pandas]``.

        Examples
        --------
        >>> import omistats as oms
        >>> findings = oms.Findings.from_counts(
        ...     [14, 9], [20, 30], questions=["home_visit"], groups=["A", "B"]
        ... )
        >>> findings.to_pandas()["percent"].tolist()
        [70.0, 30.0]
        """
        return to_pandas(self.table)

    def to_polars(self) -> pl.DataFrame:
        """Return a polars data frame; labels become categoricals.

        Returns
        -------
        polars.DataFrame
            With the columns of the table; null stays null.

        Raises
        ------
        UsageError
            When polars is not installed; it is the extra ``omistats[polars]``.

        Examples
        --------
        >>> import omistats as oms
        >>> findings = oms.Findings.from_counts(
        ...     [14, 9], [20, 30], questions=["home_visit"], groups=["A", "B"]
        ... )
        >>> findings.to_polars()["percent"].to_list()
        [70.0, 30.0]
        """
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


def as_text(head: str, lines: Sequence[Sequence[str]], tail: str, labels: int = 1) -> str:
    """Align lines, the first of them titles, between a sentence before and one after.

    The first ``labels`` columns are flush left, the others flush right.
    """
    if not lines:
        return head
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = [
        "  ".join(
            cell.ljust(w) if i < labels else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([head, "", *text, *([tail] if tail else [])])


def as_html(head: str, lines: Sequence[Sequence[str]], tail: str) -> str:
    """Lay the same out for a notebook; every cell is escaped."""
    from html import escape

    body = ""
    for i, line in enumerate(lines):
        tag = "th" if i == 0 else "td"
        body += "<tr>" + "".join(f"<{tag}>{escape(c)}</{tag}>" for c in line) + "</tr>"
    after = f"<p>{escape(tail)}</p>" if tail else ""
    return f"<p>{escape(head)}</p><table>{body}</table>{after}"
