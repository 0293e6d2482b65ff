"""How large the differences are, with intervals."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from omistats.inference.options import Inference
from omistats.inference.pairs import Pairs, pairs
from omistats.inference.within import within_units
from omistats.kernel.differences import DIFFERENCES
from omistats.kernel.equivalence import two_one_sided
from omistats.kernel.homogeneity import breslow_day
from omistats.kernel.relative import ODDS_RATIOS, RISK_RATIOS
from omistats.kernel.stratified import mantel_haenszel_difference, mantel_haenszel_odds_ratio
from omistats.tallies import Tally

__all__ = ["effects", "equivalence", "heterogeneity"]

Floats = npt.NDArray[np.float64]
Kernel = Callable[..., tuple[Floats, Floats, Floats]]


def effects(
    counts: Tally, two: Pairs, inference: Inference, strata: Tally | None
) -> dict[str, Floats]:
    """Give estimates and limits of the effects that were asked for.

    Parameters
    ----------
    counts : Tally
        Of the units that are reported.
    two : Pairs
        Their comparisons of two.
    inference : Inference
        Which effects, by which methods.
    strata : Tally or None
        The same counts by unit, for effects within units.

    Returns
    -------
    dict of str to ndarray, shape (units, splits, questions)
        Columns of findings; NaN where more than two groups are compared. Differences are
        in percentage points.
    """
    shape = (len(counts.units), len(counts.splits), len(counts.questions))
    out: dict[str, Floats] = {}
    for name in inference.effects:
        kernel = _kernel(name, inference)
        values = (
            within_units(counts, strata, partial(_sides, complement=inference.complement), kernel)
            if inference.stratified
            else kernel(*two.sides)
        )
        for part, value in zip(("", "_low", "_high"), values, strict=True):
            laid = np.full(shape, np.nan)
            laid[:, two.splits] = 100.0 * value if name == "difference" else value
            out[name + part] = laid
    return out


def equivalence(counts: Tally, two: Pairs, margin: float | None) -> dict[str, Floats]:
    """Give p-values of equivalence within a margin, if there is one."""
    if margin is None:
        return {}
    laid = np.full((len(counts.units), len(counts.splits), len(counts.questions)), np.nan)
    laid[:, two.splits] = np.maximum(*two_one_sided(*two.sides, np.full(two.k1.shape, margin)))
    return {"p_equivalence": laid}


def heterogeneity(
    counts: Tally, two: Pairs, inference: Inference, strata: Tally | None
) -> dict[str, Floats]:
    """Test whether the odds ratio is the same in all units, by Breslow and Day with Tarone."""
    shape = (len(counts.units), len(counts.splits), len(counts.questions))
    sides = partial(_sides, complement=inference.complement)
    found = within_units(counts, strata, sides, partial(breslow_day, tarone=True))
    out = {}
    for name, value in zip(("statistic", "df", "p_value"), found, strict=True):
        laid = np.full(shape, np.nan)
        laid[:, two.splits] = value
        out[f"homogeneity_{name}"] = laid
    return out


def _sides(tally: Tally, complement: str) -> tuple[Floats, ...]:
    return pairs(tally, complement).sides


def _kernel(effect: str, inference: Inference) -> Kernel:
    level = {"confidence": inference.confidence}
    if inference.stratified:
        common = {
            "difference": mantel_haenszel_difference,
            "odds_ratio": mantel_haenszel_odds_ratio,
        }
        return partial(common[effect], **level)
    of_effect = {"difference": DIFFERENCES, "risk_ratio": RISK_RATIOS, "odds_ratio": ODDS_RATIOS}
    return partial(of_effect[effect][getattr(inference, effect)], **level)
