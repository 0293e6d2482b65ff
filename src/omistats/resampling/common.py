"""Options, Resampled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats._result_tables import Display, TableResult
from omistats.errors import UsageError
from omistats.kernel.bit_counts import unpack
from omistats.model.case_set import CaseSet

__all__ = [
    "Answers",
    "Resampled",
    "answers_of",
    "batches",
    "check_choice",
    "generator",
]


_NUMBERS_AT_ONCE: Final = 1 << 19
_MOST_AT_ONCE: Final = 512


@attrs.frozen(eq=False)
class Answers:
    """Answers of cases, in the order of units.

    Attributes
    ----------
    sufficient, applicable : ndarray of bool, shape (cases, questions)
        What was judged, and what applied.
    order : ndarray of int64 or None
        Where each case stood; None when they were in order.
    starts : ndarray of int64, shape (units + 1,)
        Where each unit begins.
    """

    sufficient: npt.NDArray[np.bool_]
    applicable: npt.NDArray[np.bool_]
    order: npt.NDArray[np.int64] | None
    starts: npt.NDArray[np.int64]


def answers_of(cases: CaseSet, questions: Sequence[str]) -> Answers:
    """Take the answers to some questions out of their bits."""
    ids, packed = cases.framework.question_ids, cases.packed
    at = [ids.index(q) for q in questions]
    yes, asked = (
        np.ascontiguousarray(unpack(packed.answers[rows], len(cases)).T).view(np.bool_)
        for rows in (at, [len(ids) + i for i in at])
    )
    return Answers(yes, asked, packed.order, packed.starts)


def batches(
    total: int, width: int, numbers: int = _NUMBERS_AT_ONCE, most: int = _MOST_AT_ONCE
) -> Iterator[int]:
    """Cut a number of draws of a width into batches of so many numbers."""
    size = max(1, min(most, numbers // max(width, 1)))
    for done in range(0, total, size):
        yield min(size, total - done)


def generator(seed: int, what: str) -> np.random.Generator:
    """Make a generator for one part of a result, whichever other parts are asked for."""
    return np.random.default_rng([seed, *what.encode()])


def check_choice(name: str, value: object, choices: tuple[Any, ...]) -> None:
    """Refuse what is not among the choices."""
    if not any(value is c or (isinstance(c, str) and value == c) for c in choices):
        raise UsageError(f"`{name}` is {' or '.join(map(repr, choices))}, found {value!r}")


@attrs.frozen(eq=False, repr=False)
class Resampled(TableResult):
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

    def _display(self) -> Display:
        columns = ", ".join(self.table.column_names)
        return Display(f"Resampled: {self.table.num_rows:,} rows of {columns}")
