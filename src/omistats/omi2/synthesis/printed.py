"""Everything printed about a question, gathered from the published table."""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.breakdowns import RiskOfHarm
from omistats.errors import UsageError, shown
from omistats.kernel.significance import STARS
from omistats.omi2.tables import FIRST_SPLIT, TABLES

__all__ = ["CHARACTERISTICS", "RISK", "Printed", "PrintedRow", "read_printed"]

Ints = npt.NDArray[np.int64]

CHARACTERISTICS: Final = {
    number: table.breakdown for number, table in TABLES.items() if number >= FIRST_SPLIT
}
"""The characteristic that each of the split tables splits by."""

RISK: Final = RiskOfHarm.key


@attrs.frozen
class PrintedRow:
    """One printed row: two groups' percentages and Ns, and the code of its stars.

    A blank percentage is -1, a blank N is 0, and blank stars are None.
    """

    percent: tuple[int, int]
    n: tuple[int, int]
    stars: int | None


@attrs.frozen
class Printed:
    """Everything printed about one question.

    Attributes
    ----------
    question : str
        Its id.
    risk : PrintedRow
        High risk of harm and all cases. Where the question is for high cases only, the
        second group is blank.
    splits : dict of str to PrintedRow
        By characteristic, the row of that characteristic's table.
    """

    question: str
    risk: PrintedRow
    splits: dict[str, PrintedRow]

    @property
    def high_only(self) -> bool:
        """Whether the question is asked of high cases alone."""
        return self.risk.n[1] == 0

    @property
    def total(self) -> int:
        """The number of applicable cases."""
        return self.risk.n[0] if self.high_only else self.risk.n[1]

    def applicable(self) -> dict[str, Ints]:
        """Count applicable cases by characteristic: first group, second group, the rest."""
        out = {
            name: np.array([*row.n, self.total - sum(row.n)], np.int64)
            for name, row in self.splits.items()
        }
        high = self.risk.n[0]
        out[RISK] = np.array([high, self.total - high], np.int64)
        return out


def read_printed(published: pa.Table) -> list[Printed]:
    """Gather the published table by question.

    Parameters
    ----------
    published : pyarrow.Table
        As `omistats.omi2.load_published` gives it.

    Returns
    -------
    list of Printed
        In the order of the rows of the split tables.

    Raises
    ------
    UsageError
        When there are no rows, or some table lacks a question.
    """
    lines: dict[tuple[int, int], list[dict[str, object]]] = {}
    for line in published.to_pylist():
        lines.setdefault((line["table"], line["row"]), []).append(line)
    risk: dict[str, PrintedRow] = {}
    splits: dict[str, dict[str, PrintedRow]] = {}
    for (table, _), pair in sorted(lines.items()):
        name, row = str(pair[0]["question"]), _row(pair)
        if table in CHARACTERISTICS:
            splits.setdefault(name, {})[CHARACTERISTICS[table]] = row
        else:
            risk[name] = row
    incomplete = [
        name
        for name in {**risk, **splits}
        if name not in risk or len(splits.get(name, ())) < len(CHARACTERISTICS)
    ]
    if incomplete or not splits:
        raise UsageError(
            "every question needs a row in Tables 3-6 and one in each of Tables 7-11; missing for "
            f"{shown(incomplete) if incomplete else 'all'}. Pass the whole of load_published()."
        )
    return [Printed(name, risk[name], rows) for name, rows in splits.items()]


def _row(pair: list[dict[str, object]]) -> PrintedRow:
    first, second = pair
    stars = first["stars"]
    single = first["n"] is None or second["n"] is None
    return PrintedRow(
        percent=(_number(first["percent"], -1), _number(second["percent"], -1)),
        n=(_number(first["n"], 0), _number(second["n"], 0)),
        # Stars beside a single group test nothing.
        stars=None if stars is None or single else STARS.index(str(stars)),
    )


def _number(value: object, blank: int) -> int:
    return value if isinstance(value, int) else blank
