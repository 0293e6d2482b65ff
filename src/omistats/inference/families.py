"""Adjustments of p-values for the number of tests made."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError, UsageError
from omistats.inference.options import Inference
from omistats.inference.options import column_of as name_of
from omistats.kernel.multiplicity import ADJUSTMENTS
from omistats.model.strata import ALL

__all__ = ["adjusted", "column_of"]

Floats = npt.NDArray[np.float64]


def column_of(adjustment: str | None, inference: Inference) -> str:
    """Name the column of p-values that were adjusted so; None is for those that were not.

    Raises
    ------
    UnknownNameError
        When they were not adjusted so.
    """
    if adjustment is None:
        return "p_value"
    if not inference.adjust:
        raise UsageError(
            "these findings were not adjusted; make them with "
            f"inference=Inference(adjust={adjustment!r})"
        )
    own = ADJUSTMENTS.name(adjustment) if adjustment in ADJUSTMENTS else adjustment
    if own not in inference.adjust:
        raise UnknownNameError("adjustment of these findings", adjustment, inference.adjust)
    return name_of(own)


def adjusted(p_value: Floats, units: tuple[str, ...], inference: Inference) -> dict[str, Floats]:
    """Give the p-values adjusted within their families, a column for every adjustment.

    Parameters
    ----------
    p_value : ndarray of float64, shape (units, splits, questions)
        NaN where nothing was tested: such comparisons are in no family.
    units : tuple of str
        The units; ``all``, made of the others, is never in a family with them.
    inference : Inference
        Which adjustments, in which families.

    Raises
    ------
    UsageError
        When there is nothing to adjust.
    """
    if inference.adjust and not p_value.size:
        raise UsageError("there are no comparisons to adjust p-values of; leave `adjust` out")
    alone = sum(unit != ALL for unit in units)
    out = {}
    for name in inference.adjust:
        parts = [p_value[:alone], p_value[alone:]]
        done = [_in_families(p, name, inference.family) for p in parts if len(p)]
        out[name_of(name)] = np.concatenate(done)
    return out


def _in_families(p: Floats, name: str, family: str) -> Floats:
    units, splits, questions = p.shape
    if family == "breakdown":
        flat = np.swapaxes(p, 0, 1).reshape(splits, units * questions)
        found = ADJUSTMENTS[name](flat).reshape(splits, units, questions)
        return np.swapaxes(found, 0, 1)
    shapes = {
        "table": p.shape,
        "unit": (units, splits * questions),
        "everything": (1, units * splits * questions),
    }
    return np.asarray(ADJUSTMENTS[name](p.reshape(shapes[family])).reshape(p.shape))
