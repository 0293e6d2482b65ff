"""Rows of pandas Series and data frames: they go by their index, never by place alone.

Whatever has ``iloc`` is taken for pandas, which is not imported.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from omistats.errors import Problem, UsageError, format_values

__all__ = ["check_same_index", "index_of", "is_pandas", "order_by_index", "same_index", "take_rows"]


_HINT = "Give it that index; or pass its `.to_numpy()`, if it is in the order of "


def is_pandas(values: object) -> bool:
    """Tell whether an object is a pandas Series or data frame, or one of a library like it."""
    return hasattr(values, "iloc") and hasattr(values, "index")


def index_of(values: Any) -> Any:
    """Return the index of a Series or data frame; None for anything else."""
    return values.index if is_pandas(values) else None


def take_rows(index: Any, rows: npt.NDArray[Any]) -> Any:
    """Take the labels of some rows, by number or by a mask; None stays None."""
    return None if index is None else index[rows]


def order_by_index(
    values: Any,
    index: Any,
    rows: int,
    where: str,
    what: str,
    problems: list[Problem],
    *,
    from_rows: bool = False,
) -> Any:
    """Put a Series in the order of rows with an index; return anything else as it is.

    Parameters
    ----------
    values : object
        A Series or data frame, or anything else.
    index : pandas.Index or None
        The labels of the rows, or None if they have none.
    rows : int
        The number of rows.
    where : str
        Name of the argument.
    what : str
        What the rows are, such as ``the cases``.
    problems : list of Problem
        Receives the problem of a Series whose labels are not those of the rows.
    from_rows : bool
        Whether the values were made of the rows, without an index. Labels 0, 1, 2, ... are then
        places, unless the rows have these numbers in another order.

    Notes
    -----
    The labels must be those of the rows, in any order if they are distinct. Two things are
    refused because they could mean either order: labels 0, 1, 2, ... beside the same numbers in
    another order, and other labels beside rows that have none. A Series of another length is
    left to the check of lengths.
    """
    own = index_of(values)
    if own is None or len(own) != rows or same_index(own, index):
        return values
    rule = f"a Series goes by its index, which must be that of {what}"
    expected = "these came without an index" if index is None else f"those are {_labels(index)}"
    if index is not None:
        order, numbered = _places(own, index), _is_default(own)
        if from_rows and numbered and order is None:
            return values
        if order is not None and not numbered:
            return values.iloc[order]
        if not (own.is_unique and index.is_unique):
            rule += ", in the same order if labels repeat"
    problems.append(Problem(where, rule, f"{_labels(own)}; {expected}", f"{_HINT}{what}."))
    return values


def same_index(one: Any, other: Any) -> bool:
    """Tell whether two indexes are the same; rows without one have the index 0, 1, 2, ..."""
    if other is None:
        return _is_default(one)
    return one is other or bool(one.equals(other))


def check_same_index(**arguments: Any) -> None:
    """Check that Series and data frames of one length have the same index.

    Raises
    ------
    UsageError
        When they have not, as their rows would be paired wrongly.
    """
    first: dict[tuple[str, int], tuple[str, Any]] = {}
    for name, value in arguments.items():
        if not is_pandas(value):
            continue
        for axis in ("index", "columns"):
            if (labels := getattr(value, axis, None)) is None:
                continue
            other, known = first.setdefault((axis, len(labels)), (name, labels))
            if not same_index(labels, known):
                raise UsageError(
                    f"`{other}` and `{name}` must have the same {axis}; found {_labels(known)} "
                    f"and {_labels(labels)}. Reindex one of them, or pass `.to_numpy()` of both "
                    "if they are in the same order"
                )


def _is_default(index: Any) -> bool:
    """Tell whether labels are 0, 1, 2, ... as pandas gives them."""
    if not len(index):
        return True
    if (step := getattr(index, "step", None)) is not None:  # a RangeIndex
        return bool(index.start == 0 and step == 1)
    labels = np.asarray(index)
    return labels.dtype.kind in "iu" and bool((labels == np.arange(len(labels))).all())


def _places(own: Any, index: Any) -> npt.NDArray[np.intp] | None:
    """Find the place of each label among those of a Series; None if it has others."""
    if not (own.is_unique and index.is_unique):
        return None
    try:
        places: npt.NDArray[np.intp] = own.get_indexer(index)
    except (TypeError, ValueError):  # labels that cannot be compared
        return None
    return places if bool((places >= 0).all()) else None


def _labels(index: Any) -> str:
    """Format the first few labels."""
    return f"labels {format_values(index[:3].tolist())}" + ", ..." * (len(index) > 3)
