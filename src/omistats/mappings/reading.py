"""Rows of an export on their way to cases: what is decided so far, doubts, and the log."""

from __future__ import annotations

from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.mappings.layouts import Columns
from omistats.mappings.mapping import CaseMapping, Layout
from omistats.model.case_set import CaseSet
from omistats.model.framework import Framework, stored_labels
from omistats.model.metadata import SYNTHETIC
from omistats.model.raw_table import RawColumn, RawTable
from omistats.model.treatment import LEFT_OUT, Treated, Treatment
from omistats.model.units import Unit
from omistats.model.validation import validate_frame
from omistats.programmes.toml_files import Key

__all__ = ["ERROR", "NOTE", "QUESTION", "Coded", "Codes", "Doubt", "Flags", "Reading"]

Codes = npt.NDArray[np.signedinteger[Any]]
Flags = npt.NDArray[np.bool_]

ERROR: Final = "error"
"""How bad a doubt is: cases are not made."""
QUESTION: Final = "question"
"""A person should look at it: a case was left out, or a value became unknown."""
NOTE: Final = "note"
"""Worth knowing."""

# Row numbers that are kept of values; of rows left out all are.
_MOST_ROWS = 1_000


@attrs.frozen(eq=False)
class Doubt:
    """Something in the data that a person should look at.

    Attributes
    ----------
    column : str
        The header; empty for whole rows.
    value : str or None
        The value in the file.
    rule : str
        What was expected, or done.
    suggestion : str
        What to do.
    severity : {'error', 'question', 'note'}
        Whether cases can be made.
    rows : ndarray of int
        The positions of the rows; empty for the whole column.
    """

    column: str
    value: str | None
    rule: str
    suggestion: str
    severity: str
    rows: npt.NDArray[np.intp]


@attrs.frozen(eq=False)
class Coded:
    """A column after recoding.

    Attributes
    ----------
    codes : ndarray of int
        One entry a row, -1 for null.
    labels : tuple of str
        The label of each code.
    """

    codes: Codes
    labels: tuple[str, ...]


@attrs.define(eq=False)
class Reading:
    """Rows on their way to cases."""

    table: RawTable
    mapping: CaseMapping
    layout_name: str
    columns: Columns
    framework: Framework
    units: tuple[Unit, ...]
    doubts: list[Doubt] = attrs.field(factory=list)
    log: list[Treated] = attrs.field(factory=list)
    left_out: list[Treated] = attrs.field(factory=list)
    keep: Flags = attrs.field(init=False)
    ids: pa.Array = attrs.field(init=False)
    coded: dict[str, Coded] = attrs.field(factory=dict)
    kept: dict[str, pa.Array] = attrs.field(factory=dict)
    # What else distinguishes rows with one id.
    compared: dict[str, Codes] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.keep = np.ones(len(self.table), np.bool_)

    @property
    def layout(self) -> Layout:
        """The layout that is used."""
        return self.mapping.layouts[self.layout_name]

    @property
    def path(self) -> Key:
        """Where the layout is in the mapping."""
        return ("layouts", self.layout_name)

    def column(self, *place: str) -> RawColumn:
        """Return the column of a place in the layout."""
        return self.columns[(*self.path, *place)]

    def numbers(self, rows: npt.NDArray[np.intp], most: int | None = _MOST_ROWS) -> tuple[int, ...]:
        """Return the row numbers of positions, as a spreadsheet program shows them."""
        return tuple(self.table.rows[rows[:most]].tolist())

    def doubt(
        self,
        column: str,
        value: str | None,
        rule: str,
        suggestion: str,
        severity: str,
        rows: npt.NDArray[np.intp],
    ) -> None:
        """Note something to look at."""
        self.doubts.append(Doubt(column, value, rule, suggestion, severity, rows))

    def leave_out(
        self, rows: npt.NDArray[np.intp], column: str, rule: str, value: str | None = None
    ) -> None:
        """Leave rows out, and say why; those that are out already are not counted again."""
        rows = rows[self.keep[rows]]
        if len(rows):
            self.keep[rows] = False
            numbers = self.numbers(rows, None)
            self.left_out.append(Treated(LEFT_OUT, column, rule, value, None, len(rows), numbers))

    def cases(self) -> CaseSet:
        """Make the cases of the rows that are kept.

        Raises
        ------
        DataError
            When an answer is given to a question that the case is not asked.
        """
        whole = bool(self.keep.all())
        mask = None if whole else pa.array(self.keep)
        arrays: dict[str, pa.Array] = {"case_id": self.ids if whole else self.ids.filter(mask)}
        for name, coded in self.coded.items():
            codes = coded.codes if whole else coded.codes[self.keep]
            question = self.framework.question(name) if name in self._questions() else None
            arrays[name] = (
                _arrow.dictionary(codes, coded.labels)
                if question is None or stored_labels(self.framework, question) is not None
                # Labels are sufficient and not sufficient, in this order.
                else pa.array(codes == 0, mask=codes < 0)
            )
        arrays |= {name: a if whole else a.filter(mask) for name, a in self.kept.items()}
        metadata = self.treatment().to_metadata()
        if self.mapping.synthetic:
            metadata[SYNTHETIC] = b"true"
        used = set(_arrow.used_labels(_arrow.codes_of(arrays["unit"]), self.coded["unit"].labels))
        units = [unit for unit in self.units if unit.id in used] or None
        table = pa.table(arrays).replace_schema_metadata(metadata)
        # The rules on repeated ids have made them unique.
        columns, ids, kept = validate_frame(table, self.framework, units, check_ids=False)
        names = {unit.id: unit.name for unit in units or ()}
        return CaseSet(self.framework, ids, kept, columns, names)

    def _questions(self) -> frozenset[str]:
        return frozenset(self.framework.question_ids)

    def treatment(self) -> Treatment:
        """Return the log."""
        table = self.table
        return Treatment.of_entries(
            [*self.left_out, *self.log],
            file=table.place.partition(", sheet ")[0],
            sheet=table.sheet or "",
            mapping=self.mapping.name,
            layout=self.layout_name,
            rows=len(table),
            cases=int(self.keep.sum()),
        )
