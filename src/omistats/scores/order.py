"""Units in the order of what a caller knows of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from omistats.errors import UsageError, shown

__all__ = ["in_order", "order_column"]


def in_order(units: Sequence[str], order: Mapping[str, Any] | None) -> list[tuple[str, Any]]:
    """Pair units with what they are ordered by, the unknown last and as declared.

    Raises
    ------
    UsageError
        When it is no mapping, names units that there are not, or gives values that do not
        compare with each other.
    """
    if order is None:
        return [(unit, None) for unit in units]
    if not isinstance(order, Mapping):
        raise UsageError(
            "`order` maps each unit to what it is sorted by, as {'U01': date(2010, 3, 1)}; "
            f"found {type(order).__name__}"
        )
    known = set(units)
    if stray := [key for key in order if key not in known]:
        raise UsageError(f"`order` names {shown(stray)}; units are {shown(units, 8)}")
    given = {unit: _plain(value) for unit, value in order.items()}
    dated = [u for u in units if not _is_missing(given.get(u))]
    try:
        dated = sorted(dated, key=lambda u: given[u])
    except (TypeError, ValueError) as error:
        kinds = {type(given[u]).__name__: u for u in reversed(dated)}
        listed = ", ".join(f"{kind} for {kinds[kind]!r}" for kind in reversed(kinds))
        raise UsageError(
            f"`order` gives values that can be compared with each other; found {listed} ({error}). "
            "Pass numbers, dates or text, all of one kind"
        ) from error
    rest = [(u, None) for u in units if u not in set(dated)]
    return [*((u, given[u]) for u in dated), *rest]


def order_column(values: Sequence[Any]) -> pa.Array:
    """Make a column of what units were ordered by; what Arrow cannot hold is put as text."""
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return pa.array([None if v is None else str(v) for v in values])


def _plain(value: Any) -> Any:
    if isinstance(value, pa.Scalar):
        return value.as_py()
    if isinstance(value, np.datetime64) and np.datetime_data(value)[0] in ("W", "D"):
        # Arrow takes an array of dates, but no list of numpy's.
        return value.astype("datetime64[D]").item()
    return value


def _is_missing(value: Any) -> bool:
    """Tell what stands for nothing: NaN and NaT are unlike themselves, pandas' NA will not say."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except TypeError:
        return type(value).__name__ == "NAType"
    except ValueError:  # an array has many answers; it is a value, if a strange one
        return False
