"""The log of what was done to the rows of an export on their way to cases."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs
import pyarrow as pa

from omistats._result_tables import Display, TableResult

__all__ = ["LEFT_OUT", "NOT_READ", "NOT_USED", "TREATMENT", "Treated", "Treatment"]

TREATMENT: Final = b"treatment"
"""The metadata key of the log."""

LEFT_OUT: Final = "left out"
"""The step of rows that are no cases."""

NOT_USED: Final = "not used"
"""The step of columns that nothing is made of."""

NOT_READ: Final = "not read"
"""The step of rows that are no data, such as a total below the table."""

_FORMAT = 1

SCHEMA: Final = pa.schema(
    [
        ("step", pa.string()),
        ("column", pa.string()),
        ("rule", pa.string()),
        ("from", pa.string()),
        ("to", pa.string()),
        ("rows", pa.int64()),
        ("row_numbers", pa.list_(pa.int64())),
    ]
)


@attrs.frozen
class Treated:
    """One entry of the log.

    Attributes
    ----------
    step : str
        Such as ``recoded`` or ``left out``.
    column : str
        The header; empty for whole rows.
    rule : str
        The rule of the mapping that was applied.
    before, after : str or None
        The value in the file, and what became of it; None for none.
    rows : int
        Number of rows.
    row_numbers : tuple of int
        Their numbers in the sheet or file: of all rows left out, of others the first few.
    """

    step: str
    column: str
    rule: str
    before: str | None
    after: str | None
    rows: int
    row_numbers: tuple[int, ...] = ()


@attrs.frozen(eq=False, repr=False)
class Treatment(TableResult):
    """What was done to an export on its way to cases, as `CaseSet.treatment` has it.

    Attributes
    ----------
    table : pyarrow.Table
        One row an entry: ``step`` (``recoded``, ``set to unknown``, ``not answered``, ``left out``
        and others), ``column`` (the header), ``rule``, ``from`` and ``to`` (null for none),
        ``rows`` (how many) and ``row_numbers`` (as a spreadsheet program shows them: of every
        row left out; of recodings none; else of the first thousand).
    file, sheet : str
        The file, and its sheet if it has several.
    mapping, layout : str
        The mapping, and which of its layouts was used.
    rows, cases : int
        Rows that were read, and cases that were made of them.

    Examples
    --------
    >>> import omistats as oms
    >>> frame = {"Ref": ["1", "2", "3"], "Area": ["Kent", "Kent", None], "Seen": ["Y", "N", "Y"]}
    >>> mapping = oms.mappings.CaseMapping(
    ...     layouts={
    ...         "frame": oms.mappings.Layout(
    ...             id="Ref",
    ...             unit="Area",
    ...             questions={"seen": oms.mappings.QuestionColumn("Seen", codes=("yes_no",))},
    ...         )
    ...     },
    ...     codes={"yes_no": {"sufficient": ("Y",), "not sufficient": ("N",)}},
    ...     rules=oms.mappings.Rules(no_unit="leave out"),
    ... )
    >>> framework = oms.Framework("visits", [oms.Question("seen", "Seen at home")])
    >>> cases = oms.read_cases(frame, mapping, framework=framework)
    >>> cases.treatment.rows, cases.treatment.cases
    (3, 2)
    >>> cases.treatment.left_out.to_pylist()[0]["row_numbers"]
    [3]
    >>> print(cases.treatment.summary())
    Read from dict by mapping: 3 rows, 2 cases
    left out: 1 row without a unit (3)
    recoded: 3 values in 1 column
    """

    table: pa.Table
    file: str
    sheet: str
    mapping: str
    layout: str
    rows: int
    cases: int

    @classmethod
    def of_entries(
        cls,
        entries: Sequence[Treated],
        *,
        file: str,
        sheet: str = "",
        mapping: str = "",
        layout: str = "",
        rows: int,
        cases: int,
    ) -> Treatment:
        """Make a log of its entries.

        Parameters
        ----------
        entries : sequence of Treated
            The entries, in order.
        file, sheet, mapping, layout : str
            Where the rows are from.
        rows, cases : int
            Rows read and cases made.

        Examples
        --------
        >>> from omistats.model.treatment import Treatment
        >>> Treatment.of_entries([], file="a.csv", rows=2, cases=2).cases
        2
        """
        values = zip(*(attrs.astuple(entry) for entry in entries), strict=True)
        arrays = [pa.array(list(v), f.type) for v, f in zip(values, SCHEMA, strict=False)]
        table = pa.Table.from_arrays(arrays, schema=SCHEMA) if entries else SCHEMA.empty_table()
        return cls(table, file, sheet, mapping, layout, rows, cases)

    @classmethod
    def from_metadata(cls, metadata: Mapping[bytes, bytes] | None) -> Treatment | None:
        """Read the log that metadata of cases or findings carry.

        Parameters
        ----------
        metadata : mapping of bytes to bytes or None
            Such as ``findings.table.schema.metadata``.

        Returns
        -------
        Treatment or None
            None where there is none that this version can read.

        Examples
        --------
        >>> from omistats.model.treatment import Treatment
        >>> Treatment.from_metadata({}) is None
        True
        """
        try:
            found = json.loads((metadata or {})[TREATMENT])
            if found.pop("format") != _FORMAT:
                return None
            entries = [
                Treated(step, column, rule, before, after, rows, tuple(numbers))
                for step, column, rule, before, after, rows, numbers in found.pop("entries")
            ]
            return cls.of_entries(entries, **found)
        except (KeyError, ValueError, TypeError, AttributeError, pa.ArrowException):
            return None

    def to_metadata(self) -> dict[bytes, bytes]:
        """Return the log as an entry of metadata, which travels with the cases.

        Returns
        -------
        dict of bytes to bytes
            One entry.
        """
        entries = [list(row.values()) for row in self.table.to_pylist()]
        names = ("file", "sheet", "mapping", "layout", "rows", "cases")
        head = {"format": _FORMAT, **{name: getattr(self, name) for name in names}}
        text = json.dumps({**head, "entries": entries}, separators=(",", ":"))
        return {TREATMENT: text.encode()}

    @property
    def left_out(self) -> pa.Table:
        """The entries of rows that are no cases."""
        import pyarrow.compute as pc

        return self.table.filter(pc.equal(self.table["step"], LEFT_OUT))

    def summary(self) -> str:
        """Say in a few lines what was done.

        Returns
        -------
        str
            A line on the source, one for each kind of row left out, and one for each other step.
        """
        return "\n".join([self._heading(), *self._lines()])

    def _heading(self) -> str:
        sheet = f', sheet "{self.sheet}"' if self.sheet else ""
        by = f" by {self.mapping}" if self.mapping else ""
        return (
            f"Read from {self.file}{sheet}{by}: {_counted(self.rows, 'row')}, "
            f"{_counted(self.cases, 'case')}"
        )

    def _lines(self) -> Iterable[str]:
        steps: dict[str, list[dict[str, Any]]] = {}
        for row in self.table.to_pylist():
            steps.setdefault(row["step"], []).append(row)
        for row in steps.pop(LEFT_OUT, []):
            numbers = _numbers(row["row_numbers"])
            yield f"{LEFT_OUT}: {_counted(row['rows'], 'row')} {row['rule']} ({numbers})"
        for step, rows in steps.items():
            columns = len({row["column"] for row in rows})
            if step == NOT_USED:
                yield f"{step}: {', '.join(row['column'] for row in rows)}"
            elif step == NOT_READ:
                numbers = _numbers([number for row in rows for number in row["row_numbers"]])
                yield f"{step}: {_counted(len(rows), 'row')} {rows[0]['rule']} ({numbers})"
            else:
                values = _counted(sum(row["rows"] for row in rows), "value")
                yield f"{step}: {values} in {_counted(columns, 'column')}"

    def _display(self) -> Display:
        titles = ("step", "column", "rule", "from", "to", "rows")
        lines = [
            tuple(_cell(row[title]) for title in titles)
            for row in self.table.slice(0, 60).to_pylist()
        ]
        more = self.table.num_rows - len(lines)
        footer = f"and {more} more entries in .table" if more > 0 else ""
        return Display(self._heading(), [titles, *lines] if lines else (), footer, 5)


def _cell(value: object) -> str:
    text = "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'s' * (count != 1)}"


def _numbers(rows: Sequence[int], most: int = 10) -> str:
    more = f" and {len(rows) - most:,} more" if len(rows) > most else ""
    return ", ".join(f"{row}" for row in rows[:most]) + more
