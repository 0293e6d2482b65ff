"""The report's own Tables 3-11, as printed."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

__all__ = ["load_published"]

SCHEMA = pa.schema(
    [
        ("table", pa.int64()),
        ("row", pa.int64()),
        ("question", pa.string()),
        ("group", pa.string()),
        ("percent", pa.int64()),
        ("n", pa.int64()),
        ("stars", pa.string()),
    ]
)


def load_published() -> pa.Table:
    """Load every printed figure of Tables 3-11 of the 2011 aggregate report.

    Returns
    -------
    pyarrow.Table
        Columns ``table, row, question, group, percent, n, stars``: one line for each of
        the two groups of each of 451 rows. ``row`` counts from 1 within a table;
        ``percent`` is 0-100 as printed; a blank cell is null; ``stars`` is the mark
        of the whole row, repeated on its two lines, null where none is printed.

    Notes
    -----
    Source: HM Inspectorate of Probation, the aggregate report of OMI 2 of March 2011.
    Figures only; no wording.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.load_published().num_rows
    902
    """
    # Reading CSV is wanted only here; keep it off the way to `import omistats`.
    import pyarrow.csv

    options = pyarrow.csv.ConvertOptions(
        column_types=SCHEMA, strings_can_be_null=True, null_values=[""]
    )
    path = Path(__file__).parent / "data" / "published.csv"
    return pyarrow.csv.read_csv(path, convert_options=options)
