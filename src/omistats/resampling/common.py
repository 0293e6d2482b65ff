"""Option checks, answers and the result class shared by `bootstrap` and `max_t`."""

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
    "check_option",
]


_NUMBERS_AT_ONCE: Final = 1 << 19
_MOST_AT_ONCE: Final = 512


@attrs.frozen(eq=False, repr=False)
class Resampled(TableResult):
    """Result of `omistats.max_t` or `omistats.bootstrap`.

    It implements the Arrow PyCapsule protocol: ``pa.table(found)``.

    Attributes
    ----------
    table : pyarrow.Table
        One row per result, with the columns listed by the function. The metadata is that of
        the cases.

    Examples
    --------
    Synthetic cases, with too few draws for stable limits:

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


@attrs.frozen(eq=False)
class Answers:
    """Answers of cases, sorted by unit.

    Attributes
    ----------
    sufficient, applicable : ndarray of bool, shape (cases, questions)
        Whether each answer is sufficient, and whether the question is applicable.
    order : ndarray of int64 or None
        Original row of each case; None if the cases were sorted already.
    starts : ndarray of int64, shape (units + 1,)
        The first case of each unit, and the number of cases.
    """

    sufficient: npt.NDArray[np.bool_]
    applicable: npt.NDArray[np.bool_]
    order: npt.NDArray[np.int64] | None
    starts: npt.NDArray[np.int64]


def answers_of(cases: CaseSet, questions: Sequence[str]) -> Answers:
    """Unpack the answers to some questions."""
    ids, packed = cases.framework.question_ids, cases.packed
    at = [ids.index(q) for q in questions]
    sufficient, applicable = (
        np.ascontiguousarray(unpack(packed.answers[rows], len(cases)).T).view(np.bool_)
        for rows in (at, [len(ids) + i for i in at])
    )
    return Answers(sufficient, applicable, packed.order, packed.starts)


def batches(
    total: int, width: int, numbers: int = _NUMBERS_AT_ONCE, most: int = _MOST_AT_ONCE
) -> Iterator[int]:
    """Divide draws into batches and yield the size of each.

    Parameters
    ----------
    total : int
        Number of draws.
    width : int
        Numbers held for each draw.
    numbers : int
        Most numbers held at a time.
    most : int
        Most draws in a batch.

    Yields
    ------
    int
    """
    size = max(1, min(most, numbers // max(width, 1)))
    for done in range(0, total, size):
        yield min(size, total - done)


def check_option(name: str, value: object, choices: tuple[Any, ...]) -> None:
    """Check that an option is one of its choices, which may be words, None or booleans."""
    if not any(value is c or (isinstance(c, str) and value == c) for c in choices):
        raise UsageError(f"`{name}` must be {' or '.join(map(repr, choices))}; found {value!r}")
