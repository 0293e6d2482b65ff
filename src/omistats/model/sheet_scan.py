"""What is to know of a sheet before python-calamine reads it."""

from __future__ import annotations

import attrs

from omistats.errors import DataError, Problem
from omistats.model.raw_table import printable

__all__ = ["SheetScan", "protected", "unreadable"]

Cell = tuple[int, int]
_MOST_FORMULAS = 1_000


@attrs.define(eq=False)
class SheetScan:
    """What python-calamine does not say about a sheet; rows and columns count from 0.

    Attributes
    ----------
    rows, columns : int
        Size of the used area, from the first cell of the sheet.
    text_bytes : int
        Size of the text of all cells.
    errors : dict of (int, int) to str
        The cells that hold an error, such as ``#N/A``.
    formulas : list of (int, int)
        The first cells whose formula has no stored value.
    formula_count : int
        Number of such cells.
    hidden_rows, hidden_columns : list of int
        The hidden rows and columns of the used area.
    merged : list of (int, int, int, int)
        First row and column, and last row and column, of merged cells.
    """

    rows: int = 0
    columns: int = 0
    text_bytes: int = 0
    errors: dict[Cell, str] = attrs.field(factory=dict)
    formulas: list[Cell] = attrs.field(factory=list)
    formula_count: int = 0
    hidden_rows: list[int] = attrs.field(factory=list)
    hidden_columns: list[int] = attrs.field(factory=list)
    merged: list[tuple[int, int, int, int]] = attrs.field(factory=list)

    def add_formula(self, cell: Cell) -> None:
        """Note a formula without a stored value."""
        self.formula_count += 1
        if len(self.formulas) < _MOST_FORMULAS:
            self.formulas.append(cell)

    def use(self, row: int, column: int) -> None:
        """Extend the used area to a cell."""
        if row >= self.rows:
            self.rows = row + 1
        if column >= self.columns:
            self.columns = column + 1


def unreadable(where: str, error: BaseException) -> DataError:
    """Return the error of a workbook that cannot be read."""
    found = printable(str(error) or type(error).__name__)
    hint = "Check that the file exists and is complete; save it again in a spreadsheet program."
    return DataError([Problem(where, "expected a readable workbook", found, hint)])


def protected(where: str) -> DataError:
    """Return the error of a workbook that is protected by a password."""
    hint = "Open it in a spreadsheet program and save it without a password."
    return DataError([Problem(where, "a workbook must be readable", "a password is needed", hint)])
