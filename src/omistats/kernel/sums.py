"""Sums over the cases of strata, checked, and what makes variances of them."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import DataError, Problem, UsageError
from omistats.kernel.counts import as_numbers
from omistats.kernel.designs import LONELY, check_lonely, factors
from omistats.kernel.linear import located

__all__ = ["BulkLonely", "Sums", "as_moments", "sums"]

Floats = npt.NDArray[np.float64]
BulkLonely = Literal["error", "nan", "remove", "adjust"]


@attrs.frozen(eq=False)
class Sums:
    """Moments, and the strata they come from.

    Attributes
    ----------
    moments : ndarray of float64, shape (5, strata, ...)
        Sums of k, n, k², k n and n².
    scale, shared : ndarray of float64, shape (strata, ...)
        As `omistats.kernel.designs.factors` gives them, but 0 where the domain has nothing.
    """

    moments: Floats
    scale: Floats
    shared: Floats


def as_moments(values: npt.ArrayLike) -> Floats:
    """Return moments as float64, or refuse their shape."""
    m = as_numbers(values, "moments")
    if m.ndim < 2 or m.shape[-1] != 5:
        raise UsageError(f"moments have shape (..., strata, 5), found {m.shape}")
    return m


def sums(
    moments: Floats,
    cases: npt.ArrayLike,
    population: npt.ArrayLike | None,
    lonely: str,
) -> Sums:
    """Bring moments and strata to one shape, checked and as `omistats.kernel.linear` has it."""
    check_lonely(lonely, (*LONELY, "nan"))
    drawn = as_numbers(cases, "cases")
    there = np.asarray(np.inf) if population is None else as_numbers(population, "population")
    try:
        shape = np.broadcast_shapes(moments.shape[:-1], drawn.shape, there.shape)
    except ValueError as error:
        raise UsageError(
            f"moments {moments.shape}, cases {drawn.shape} and population {there.shape}: "
            "expected shapes that broadcast, strata last"
        ) from error
    m = np.broadcast_to(moments, (*shape, 5))
    wrong = _problems(m, drawn, there)
    if wrong:
        raise DataError(wrong)
    touched = (m != 0).any(axis=-1)
    scale, shared = factors(drawn, None if population is None else there, lonely)
    scale = np.where(touched, scale, 0.0)
    alone = np.isnan(scale)
    if lonely == "error" and alone.any():
        hint = "Merge strata, or say lonely='nan', 'remove' or 'adjust'."
        rule = "two cases or more in each stratum"
        raise DataError([Problem("cases", rule, "one " + located(alone), hint)])
    return Sums(
        np.moveaxis(m, (-1, -2), (0, 1)),
        np.moveaxis(scale, -1, 0),
        np.moveaxis(np.broadcast_to(shared, shape), -1, 0),
    )


def _problems(m: Floats, drawn: Floats, there: Floats) -> list[Problem]:
    with np.errstate(invalid="ignore"):
        possible = ((m >= 0) & (m < np.inf)).all(axis=-1)
        checks = (
            (
                "moments",
                ~possible | ((drawn == 0) & (m != 0).any(axis=-1)),
                "sums over the cases drawn, known and not negative",
                "Sum over counted cases only; one without answers has 0 and 0.",
            ),
            (
                "cases",
                ~((drawn >= 0) & (drawn < np.inf) & (drawn == np.floor(drawn))),
                "whole numbers of cases drawn",
                "Count the cases of each stratum, in the domain or not.",
            ),
            (
                "population",
                ~(there >= drawn),
                "no fewer cases than were drawn",
                "Give numbers of cases, not sampling fractions, of all that could be drawn.",
            ),
        )
    return [
        Problem(name, rule, f"others {located(bad)}", hint)
        for name, bad, rule, hint in checks
        if bad.any()
    ]
