"""What comes with one entry a row: labels, numbers and weights, all their faults together."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from omistats.errors import Problem, UsageError, shown
from omistats.kernel.counts import LARGEST, as_numbers

__all__ = ["codes", "known_codes", "numbers", "weights"]

Codes = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]


def codes(
    values: npt.ArrayLike, name: str, rows: int, problems: list[Problem]
) -> tuple[Codes, list[Any]] | None:
    """Return labels as codes from 0, and what each stands for; add to ``problems``."""
    mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else False
    try:
        given: Any = np.asarray(values)
    except ValueError as error:
        raise UsageError(f"{name}: expected one label a row, found {error}") from error
    rule = "one label a row"
    if given.shape != (rows,):
        hint = f"Give {rows} labels, as many as rows."
        problems.append(Problem(name, rule, f"an array of shape {given.shape}", hint))
        return None
    if given.dtype.kind in "biufmMUS":
        missing = mask | ((given != given) if given.dtype.kind in "fmM" else False)
        lost = np.flatnonzero(np.broadcast_to(missing, (rows,)))
    else:
        lost = np.flatnonzero([_is_missing(v) for v in given.tolist()] | np.asarray(mask))
    if lost.size:
        hint = "Leave such rows out, or give them a label of their own."
        problems.append(Problem(name, rule, f"none at rows {shown(lost.tolist())}", hint))
        return None
    if given.dtype.kind in "biufmMUS":
        labels, inverse = np.unique(given, return_inverse=True)
        return inverse.astype(np.intp), labels.tolist()
    index: dict[Any, int] = {}
    try:
        numbers = [index.setdefault(v, len(index)) for v in given.tolist()]
    except TypeError as error:
        problems.append(Problem(name, rule, str(error), "Labels are text, numbers or dates."))
        return None
    return np.array(numbers, np.intp), list(index)


def known_codes(
    values: npt.ArrayLike, name: str, rows: int, problems: list[Problem]
) -> tuple[Codes, list[Any]] | None:
    """Return labels as codes from 0, and -1 where one is missing; add to ``problems``."""
    mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else False
    given: Any = np.asarray(values)
    if given.shape != (rows,):
        hint = f"Give {rows} values, as many as rows, and None where one is missing."
        found = f"an array of shape {given.shape}"
        problems.append(Problem(name, "one value a row", found, hint))
        return None
    missing = np.array([_is_missing(v) for v in given.tolist()], bool) | mask
    if missing.all():
        return np.full(rows, -1, np.intp), []
    known = codes(given[~missing], name, int((~missing).sum()), problems)
    if known is None:
        return None
    out = np.full(rows, -1, np.intp)
    out[~missing] = known[0]
    return out, known[1]


def numbers(
    values: npt.ArrayLike, name: str, rows: int | None, problems: list[Problem]
) -> Floats | None:
    """Return numbers of 0 to 2**53, one a row; add to ``problems`` what they are instead."""
    found = as_numbers(values, name)
    rule = "numbers from 0 to 2**53, one a row"
    if found.ndim != 1 or (rows is not None and len(found) != rows):
        need = "one number a row" if rows is None else f"{rows} numbers, as many as rows"
        hint = f"Give {need}."
        problems.append(Problem(name, rule, f"an array of shape {found.shape}", hint))
        return None
    bad = np.flatnonzero(~((found >= 0) & (found <= LARGEST)))
    if bad.size:
        text = ", ".join(f"{found[i]:g} at row {i}" for i in bad[:5].tolist())
        text += f" and {bad.size - 5} more" if bad.size > 5 else ""
        hint = "Leave such rows out; one that should not count has 0."
        problems.append(Problem(name, rule, text, hint))
        return None
    return found


def weights(weight: npt.ArrayLike, rows: int, problems: list[Problem]) -> Floats | None:
    """Return weights, the largest 1; add to ``problems``."""
    found = as_numbers(weight, "weight")
    rule = "weights are finite and not negative, one a row"
    if found.shape != (rows,):
        hint = f"Give {rows} weights, as many as rows."
        problems.append(Problem("weight", rule, f"an array of shape {found.shape}", hint))
        return None
    bad = np.flatnonzero(~((found >= 0) & (found < np.inf)))
    if bad.size:
        text = ", ".join(f"{found[i]:g} at row {i}" for i in bad[:5].tolist())
        text += f" and {bad.size - 5} more" if bad.size > 5 else ""
        hint = "Find the weights; a case that should not count has weight 0."
        problems.append(Problem("weight", rule, text, hint))
        return None
    top = found.max(initial=0.0)
    if rows and top == 0:
        hint = "Give some case a weight."
        problems.append(Problem("weight", "some weight is above 0", "none", hint))
        return None
    # Only their proportions matter, and these neither overflow nor vanish.
    return found / top if rows else found


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):
        # pandas' NA refuses to be true or false.
        return True
