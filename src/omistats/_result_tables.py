"""Result tables: export to files and data frames, and show as text or HTML."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.errors import UnknownNameError, UsageError, format_value, visible, with_extra

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = [
    "NO_REASON",
    "Display",
    "Reason",
    "TableResult",
    "matching_rows",
    "printable",
    "to_pandas",
    "to_polars",
]


# Control and format characters, lone surrogates, line and paragraph separators.
_UNPRINTABLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


def printable(text: str) -> str:
    """Remove control and format characters and lone surrogates from running text.

    Line ends are kept; other white space becomes spaces. Labels and names are escaped instead,
    by `omistats.errors.visible`.
    """
    if text.isascii() and text.isprintable():
        return text
    from unicodedata import category

    spaced = (" " if c in "\t\v\f\x85\xa0" else c for c in text)
    return "".join(c for c in spaced if c == "\n" or category(c) not in _UNPRINTABLE)


class Reason(IntEnum):
    """Base class of the reasons in a result table: codes of a dictionary column, with texts.

    A subclass lists the text of each member, in the order of the codes.
    """

    text: str

    def __new__(cls, text: str) -> Self:
        """Create the next member; codes start at 0."""
        member = int.__new__(cls, len(cls.__members__))
        member._value_ = len(cls.__members__)
        member.text = text
        return member

    @classmethod
    def texts(cls) -> tuple[str, ...]:
        """List the texts in the order of the codes."""
        return tuple(member.text for member in cls)


NO_REASON: Final = -1
"""The code of a row without a reason; null in the table."""


def _as_lines(text: str | Sequence[str]) -> tuple[str, ...]:
    """Convert one line or several to a tuple; empty text is no line."""
    return ((text,) if text else ()) if isinstance(text, str) else tuple(text)


@attrs.frozen
class Display:
    """The text of a result: a heading, a table and a footer.

    Attributes
    ----------
    heading : str or sequence of str
        The line or lines above the table.
    lines : sequence of sequence of str
        Rows of cells, the first of them titles; empty for no table.
    footer : str or sequence of str
        The line or lines below the table; empty for none.
    labels : int
        Number of columns, from the left, that are aligned left in text.

    Notes
    -----
    A line is one line: line ends and control characters, which only labels can have, are escaped.
    """

    heading: Sequence[str] = attrs.field(converter=_as_lines)
    lines: Sequence[Sequence[str]] = ()
    footer: Sequence[str] = attrs.field(converter=_as_lines, default=())
    labels: int = 1

    def as_text(self) -> str:
        """Format as plain text that is safe for a terminal."""
        heading, footer = (list(map(visible, part)) for part in (self.heading, self.footer))
        if not self.lines:
            return "\n".join(heading)
        lines = [[visible(cell) for cell in line] for line in self.lines]
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        text = [
            "  ".join(
                cell.ljust(w) if i < self.labels else cell.rjust(w)
                for i, (cell, w) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        return "\n".join([*heading, "", *text, *footer])

    def as_html(self) -> str:
        """Format as an HTML table for notebooks; all text is escaped."""
        from html import escape

        def safe(text: str) -> str:
            return escape(visible(text))

        body = ""
        for i, line in enumerate(self.lines):
            tag = "th" if i == 0 else "td"
            body += "<tr>" + "".join(f"<{tag}>{safe(c)}</{tag}>" for c in line) + "</tr>"
        above, below = (
            "".join(f"<p>{safe(line)}</p>" for line in part) for part in (self.heading, self.footer)
        )
        return f"{above}<table>{body}</table>{below}"


class TableResult:
    """Base class of results that hold an Arrow table in the attribute ``table``.

    Undefined figures are null in the table. A subclass defines in ``_display`` what its text and
    HTML forms show.
    """

    __slots__ = ()

    def _display(self) -> Display:
        """Return what the text and HTML forms show."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return self._display().as_text()

    def _repr_html_(self) -> str:
        return self._display().as_html()

    if TYPE_CHECKING:

        @property
        def table(self) -> pa.Table:
            """The result."""

    def write_parquet(self, path: str | Path) -> None:
        """Write the table to a Parquet file, replacing an existing one.

        Parameters
        ----------
        path : str or Path
            The file; its folder must exist.

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
        """Return a pandas data frame with labels as categoricals and metadata in ``attrs``.

        Returns
        -------
        pandas.DataFrame
            With the columns of the table; nulls are NaN.

        Raises
        ------
        UsageError
            When pandas is not installed; install ``omistats[pandas]``.

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
        """Return a polars data frame with labels as categoricals.

        Returns
        -------
        polars.DataFrame
            With the columns of the table; nulls stay null.

        Raises
        ------
        UsageError
            When polars is not installed; install ``omistats[polars]``.

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
    """Convert a table to a pandas data frame, with its metadata in ``attrs``."""
    frame: pd.DataFrame = with_extra("pandas", table.to_pandas)
    # pandas drops Arrow's metadata, which marks synthetic cases.
    metadata = table.schema.metadata or {}
    frame.attrs.update({k.decode(): v.decode() for k, v in metadata.items()})
    return frame


def to_polars(table: pa.Table) -> pl.DataFrame:
    """Convert a table to a polars data frame."""

    def make() -> pl.DataFrame:
        import polars as pl

        return pl.DataFrame(table)

    return with_extra("polars", make)


def matching_rows(
    table: pa.Table, column: str, wanted: Sequence[str], known: Sequence[str] | None = None
) -> npt.NDArray[np.bool_]:
    """Find the rows that have one of the wanted labels.

    Parameters
    ----------
    table : pyarrow.Table
        A result table.
    column : str
        A dictionary column; null matches nothing.
    wanted : sequence of str
        One or more labels.
    known : sequence of str, optional
        Labels that exist, with or without rows; by default those that rows have.

    Raises
    ------
    UsageError
        When no label is given, or one is not text.
    UnknownNameError
        When a label is unknown.
    """
    codes = table[column].combine_chunks()
    indices = codes.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    names = codes.dictionary.to_pylist()
    if known is None:
        # A filtered table still has the labels of what was filtered out.
        known = [names[i] for i in np.unique(indices[indices >= 0]).tolist()]
    if not wanted:
        raise UsageError(f"name at least one {column}: {', '.join(known)}")
    if odd := [name for name in wanted if not isinstance(name, str)]:
        example = ", ".join(map(repr, known[:2]))
        raise UsageError(
            f"`{column}` takes one id per argument, as .{column}({example}); found "
            f"{', '.join(map(format_value, odd[:3]))}"
        )
    if unknown := [name for name in wanted if name not in known]:
        raise UnknownNameError(column, unknown, known)
    # A table without rows may have lost its labels.
    return np.isin(indices, [i for i, name in enumerate(names) if name in wanted])
