"""Units against each other: funnels, heterogeneity, ranks, and a flag for early return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.errors import UsageError, shown
from omistats.kernel.dispersion import Dispersion, Heterogeneity, dispersion, heterogeneity
from omistats.kernel.funnel import flags, limits, shortfall
from omistats.kernel.rank_sets import rank_sets
from omistats.kernel.ranks import ranks
from omistats.kernel.standard_scores import standard_scores, within_design_effect
from omistats.model.marks import is_synthetic
from omistats.model.strata import ALL

__all__ = ["Inflation", "UnitComparison", "compare_units"]

Floats = npt.NDArray[np.float64]
Inflation = Literal["none", "multiplicative", "additive"]

_LEVELS = (0.95, 0.998)


@attrs.frozen(eq=False, repr=False)
class UnitComparison:
    """One score, unit beside unit.

    Attributes
    ----------
    item : str
        The item scored.
    table : pyarrow.Table
        A row a unit: ``unit, order`` (what the units were put in order by), ``k, n, percent,
        se, low, high``; the funnel's limits ``low_95, high_95, low_99_8, high_99_8``
        (percent) and ``beyond`` (the greatest confidence whose limits the unit is outside;
        0 inside all); ``z`` and the two ways of allowing for overdispersion,
        ``z_multiplicative`` and ``z_additive``; ``rank`` (1 is the highest) with its
        interval ``rank_low, rank_high``, the range that holds for all units at once,
        ``joint_low, joint_high``, and the probability of being in the ``lowest_quarter``;
        ``short`` of the threshold, if one was given: ``no, merely, credibly``.
    baseline : float
        The centre line, in percent.
    design_effect : float
        The pooled within-unit design effect that the funnel's variance was multiplied by;
        NaN, and nothing multiplied, where no unit varies within.
    dispersion : Dispersion
        ``phi`` and ``tau2``; both are reported, never both applied.
    heterogeneity : Heterogeneity
        Whether units differ by more than their standard errors.
    settings : dict
        Scale, overdispersion applied, threshold, draws and seed.
    """

    item: str
    table: pa.Table
    baseline: float
    design_effect: float
    dispersion: Dispersion
    heterogeneity: Heterogeneity
    settings: Mapping[str, Any]

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Export the table."""
        return self.table.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        h, d = self.heterogeneity, self.dispersion
        made_up = "SYNTHETIC " * is_synthetic(self.table.schema.metadata)
        outside = int((self.table["beyond"].to_numpy() >= _LEVELS[1]).sum())
        return (
            f"UnitComparison of {self.item}: {self.table.num_rows} {made_up}units, baseline "
            f"{self.baseline:.1f}%, {outside} beyond 99.8% limits; design effect "
            f"{self.design_effect:.2f}, Q {float(h.statistic):.1f} on {float(h.df):g}, "
            f"phi {float(d.phi):.2f}, tau2 {float(d.tau2):.2g}"
        )


def compare_units(
    table: pa.Table,
    item: str,
    *,
    baseline: float | None = None,
    scale: Literal["normal", "arcsine"] = "normal",
    overdispersion: Inflation = "none",
    threshold: float | None = None,
    order: Mapping[str, Any] | None = None,
    draws: int = 10_000,
    seed: int = 0,
) -> UnitComparison:
    """Lay units side by side; see `Scores.units`."""
    if overdispersion not in ("none", "multiplicative", "additive"):
        raise UsageError(
            f"`overdispersion` is 'none', 'multiplicative' or 'additive', found {overdispersion!r}"
        )
    for name, value in (("baseline", baseline), ("threshold", threshold)):
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
            raise UsageError(f"`{name}` is a percentage, found {value!r}")
        if not 1 <= value < 100:
            hint = f"; did you mean {100 * value:g}?" if 0 < value < 1 else ""
            raise UsageError(f"`{name}` is a percentage from 1 to below 100, found {value!r}{hint}")
    whole = table.filter(table["breakdown"].is_null())
    if not whole.num_rows:
        raise UsageError("units are compared on scores of all their cases; do not filter those out")
    whole = whole.filter(pa.array([i == item for i in whole["item"].to_pylist()]))
    units = whole["unit"].to_pylist()
    if whole["rule"][0].as_py() != "pooled":
        raise UsageError("a funnel is for pooled scores, whose n says how sure they are")
    if ALL not in units or len(units) < 3:
        raise UsageError(
            "two units or more are compared, beside all together; make the scores with "
            'by="unit" and do not filter units'
        )
    together = units.index(ALL)
    order_of = _order([u for u in units if u != ALL], order)
    rows = whole.take(pa.array([units.index(u) for u, _ in order_of]))

    def column(name: str) -> Floats:
        values: Floats = rows[name].cast(pa.float64()).fill_null(np.nan).to_numpy()
        return values

    p, se, n = column("percent") / 100, column("se") / 100, column("n")
    centre = whole["percent"][together].as_py() if baseline is None else baseline
    if centre is None:
        raise UsageError(f"no unit has applicable answers to the questions of {item!r}")
    effect = float(within_design_effect(p, se, n))
    # Where no unit varies within there is nothing to inflate by.
    inflation = effect if effect > 0 else 1.0
    z = standard_scores(p, centre / 100, n, scale=scale, inflation=inflation)
    over = dispersion(z.z, z.s)
    applied = {
        "phi": float(over.phi) if overdispersion == "multiplicative" else 1.0,
        "tau2": float(over.tau2) if overdispersion == "additive" else 0.0,
    }
    funnel = limits(
        centre / 100, n, confidence=_LEVELS, scale=scale, inflation=inflation, **applied
    )
    confidence = whole["confidence"][0].as_py()
    ranked = ranks(p, se, confidence=confidence, draws=draws, seed=seed)
    joint = rank_sets(p, se, confidence=confidence)
    arrays = {
        "unit": pa.array([u for u, _ in order_of]),
        "order": _column([value for _, value in order_of]),
        **{name: rows[name].combine_chunks() for name in ("k", "n")},
        **{name: rows[name].combine_chunks() for name in ("percent", "se", "low", "high")},
        "low_95": _arrow.floats(100 * funnel.low[:, 0]),
        "high_95": _arrow.floats(100 * funnel.high[:, 0]),
        "low_99_8": _arrow.floats(100 * funnel.low[:, 1]),
        "high_99_8": _arrow.floats(100 * funnel.high[:, 1]),
        "beyond": _arrow.floats(flags(p, funnel).beyond),
        "z": _arrow.floats(z.z),
        "z_multiplicative": _arrow.floats(over.z_multiplicative),
        "z_additive": _arrow.floats(over.z_additive),
        "rank": _arrow.floats(ranked.rank),
        "rank_low": _arrow.floats(ranked.low),
        "rank_high": _arrow.floats(ranked.high),
        "joint_low": _arrow.floats(joint.low),
        "joint_high": _arrow.floats(joint.high),
        "lowest_quarter": _arrow.floats(ranked.lowest_quarter),
        "short": _short(column("percent"), column("high"), threshold),
    }
    return UnitComparison(
        item,
        pa.table(arrays).replace_schema_metadata(table.schema.metadata),
        float(centre),
        effect,
        over,
        heterogeneity(p, se),
        {
            "scale": scale,
            "overdispersion": overdispersion,
            "threshold": threshold,
            "confidence": confidence,
            "draws": draws,
            "seed": seed,
        },
    )


def _column(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except pa.ArrowException:  # what Arrow cannot hold can still be read
        return pa.array([None if v is None else str(v) for v in values])


def _short(percent: Floats, high: Floats, threshold: float | None) -> pa.Array:
    if threshold is None:
        return pa.nulls(len(percent), pa.string())
    words = shortfall(percent, high, threshold).tolist()
    # Without an interval nobody can tell whether a low score is credibly so.
    known = (~np.isnan(high)).tolist()
    return pa.array(
        [word if ok else None for word, ok in zip(words, known, strict=True)], pa.string()
    )


def _order(units: Sequence[str], order: Mapping[str, Any] | None) -> list[tuple[str, Any]]:
    """Put units in the order of what is known of them, the unknown last and as declared."""
    if order is None:
        return [(unit, None) for unit in units]
    # NaN and NaT, which differ from themselves, are what nobody knows; so is a null.
    order = {unit: value for unit, value in order.items() if value is not None and value == value}
    if stray := sorted(set(order) - set(units)):
        raise UsageError(f"`order` names {shown(stray)}; units are {shown(units, 8)}")
    try:
        dated = sorted((u for u in units if order.get(u) is not None), key=lambda u: order[u])
    except TypeError as error:
        raise UsageError(f"`order` gives values that can be compared; {error}") from error
    rest = [u for u in units if order.get(u) is None]
    return [(u, order[u]) for u in dated] + [(u, None) for u in rest]
