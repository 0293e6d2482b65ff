"""Units against each other: funnels, heterogeneity, ranks, and a flag for early return."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.errors import UsageError, check_word, described
from omistats.findings import show
from omistats.findings.frames import Exports
from omistats.kernel.dispersion import Dispersion, Heterogeneity, dispersion, heterogeneity
from omistats.kernel.funnel import flags, funnel_limits, shortfall
from omistats.kernel.rank_sets import rank_sets
from omistats.kernel.ranks import check_whole, ranks
from omistats.kernel.standard_scores import SCALES, standard_scores, within_design_effect
from omistats.model.marks import is_synthetic
from omistats.model.strata import ALL
from omistats.scores.caseloads import drawn_from
from omistats.scores.charts import require_all_units, whole_cases
from omistats.scores.options import refuse
from omistats.scores.order import in_order, order_column
from omistats.scores.pairs import pairs_table
from omistats.scores.text import lines_of_units

__all__ = ["Inflation", "UnitComparison", "compare_units"]

Floats = npt.NDArray[np.float64]
Inflation = Literal["none", "multiplicative", "additive"]

_LEVELS = (0.95, 0.998)


@attrs.frozen(eq=False, repr=False)
class UnitComparison(Exports):
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
        interval ``rank_low, rank_high``, and the range that holds for all units at once,
        ``joint_low, joint_high``; how many units it is credibly ``above`` and how many
        ``below`` (int64, see `pairs`); the probability of being in the ``lowest_quarter``
        and its Monte Carlo standard error ``lowest_quarter_se``; ``short`` of the threshold,
        if one was given: ``no, merely, credibly``; ``reason`` why the score or its standard
        error is missing. A unit without a standard error (of one case) has no rank, and takes
        none from the others: ranks, ranges and counts are of and among the units that have
        one. A standard error of 0 (every case alike, or a caseload drawn whole) is taken for
        certainty. Without a ``reason`` these are null: all three of z where the baseline is 0
        or 100 on the normal scale; ``z_additive`` where only one unit has a ``z``;
        ``lowest_quarter`` and its error where fewer than four units have a rank; ``order`` of
        a unit that has none; ``short`` without a threshold.
    baseline : float
        The centre line, in percent.
    design_effect : float
        The pooled within-unit design effect that the funnel's variance was multiplied by,
        without correction for caseloads; NaN, and nothing multiplied, where cases do not
        differ within any unit.
    dispersion : Dispersion
        ``phi`` and ``tau2``; both are reported, never both applied.
    heterogeneity : Heterogeneity
        Whether units differ by more than their standard errors; NaN where a unit has a
        standard error of 0 (``exact`` counts them), or fewer than two have one.
    settings : dict
        Scale, overdispersion applied, threshold, confidence, draws, seed, and population: the
        caseloads by unit that standard errors are corrected for, or None.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.scores(oms.omi2.load_synthetic(), by="unit", items=["3"]).units("3")
    >>> found
    UnitComparison of 3: 15 SYNTHETIC units, baseline 57.1%, 6 beyond 99.8% limits;
    design effect 1.16, Q 367.6 on 14, phi 14.47, tau2 0.0044
    >>> found.pairs().select(["unit", "other", "higher"]).slice(3, 2).to_pylist()
    [{'unit': 'U01', 'other': 'U05', 'higher': None},
     {'unit': 'U01', 'other': 'U06', 'higher': 'U01'}]
    """

    item: str
    table: pa.Table
    baseline: float
    design_effect: float
    dispersion: Dispersion
    heterogeneity: Heterogeneity
    settings: Mapping[str, Any]

    def pairs(self) -> pa.Table:
        """Compare every unit with every other, to tell which really differ.

        Returns
        -------
        pyarrow.Table
            A row a pair, in the order of ``table``: ``unit, other, difference`` (the first
            less the second, in percentage points), ``se, low, high`` and the two-sided
            ``p_value`` of this pair by itself, at the confidence of the scores and by the
            normal distribution; ``p_adjusted``, which allows for all pairs; ``higher``, the
            unit credibly higher by it, null where neither is; ``reason`` why a figure is
            missing. Whatever ``higher`` says of all pairs is right at once with that
            confidence.

        Notes
        -----
        Units are independent. The adjustment is the one that ``joint_low, joint_high,
        above, below`` rest on, see `omistats.kernel.pairs.pairs`.
        """
        return pairs_table(self.table, self.settings["confidence"])

    def __repr__(self) -> str:
        h, d = self.heterogeneity, self.dispersion
        made_up = "SYNTHETIC " * is_synthetic(self.table.schema.metadata)
        drawn = ", errors corrected for caseloads" * (self.settings["population"] is not None)
        outside = int((self.table["beyond"].to_numpy() >= _LEVELS[1]).sum())
        return (
            f"UnitComparison of {self.item}: {self.table.num_rows} {made_up}units, baseline "
            f"{self.baseline:.1f}%, {outside} beyond 99.8% limits; design effect "
            f"{self.design_effect:.2f}, Q {float(h.statistic):.1f} on {float(h.df):g}, "
            f"phi {float(d.phi):.2f}, tau2 {float(d.tau2):.2g}{drawn}"
        )

    def _repr_html_(self) -> str:
        return show.as_html(repr(self), lines_of_units(self.table), "all columns are in .table")


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
    _check_options(table, item, baseline, scale, overdispersion, threshold, order, draws, seed)
    whole = whole_cases(table, "a comparison is of")
    whole = whole.filter(pa.array([i == item for i in whole["item"].to_pylist()]))
    units = whole["unit"].to_pylist()
    if whole["rule"][0].as_py() != "pooled":
        raise UsageError(
            "a funnel is for pooled scores, whose n says how sure they are; make the scores with "
            'rule="pooled"'
        )
    require_all_units(whole, "a comparison is of")
    together = units.index(ALL)
    order_of = in_order([u for u in units if u != ALL], order)
    rows = whole.take(pa.array([units.index(u) for u, _ in order_of]))

    def column(name: str) -> Floats:
        values: Floats = rows[name].cast(pa.float64()).fill_null(np.nan).to_numpy()
        return values

    p, se, n = column("percent") / 100, column("se") / 100, column("n")
    centre = whole["percent"][together].as_py() if baseline is None else baseline
    if centre is None:
        raise UsageError(f"no unit has applicable answers to the questions of {item!r}")
    drawn = drawn_from(table)
    effect = float(within_design_effect(p, se, n)) if drawn is None else drawn.effect(item)
    # Where cases do not differ within any unit there is nothing to inflate by.
    effect = effect if effect > 0 else np.nan
    inflation = 1.0 if np.isnan(effect) else effect
    z = standard_scores(p, centre / 100, n, scale=scale, inflation=inflation)
    over = dispersion(z.z, z.s)
    applied = {
        "phi": float(over.phi) if overdispersion == "multiplicative" else 1.0,
        "tau2": float(over.tau2) if overdispersion == "additive" else 0.0,
    }
    funnel = funnel_limits(
        centre / 100, n, confidence=_LEVELS, scale=scale, inflation=inflation, **applied
    )
    confidence = whole["confidence"][0].as_py()
    ranked = ranks(p, se, confidence=confidence, draws=draws, seed=seed)
    joint = rank_sets(p, se, confidence=confidence)
    arrays = {
        "unit": pa.array([u for u, _ in order_of]),
        "order": order_column([value for _, value in order_of]),
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
        "above": _counts(joint.below),
        "below": _counts(joint.above),
        "lowest_quarter": _arrow.floats(ranked.lowest_quarter),
        "lowest_quarter_se": _arrow.floats(ranked.lowest_quarter_error),
        "short": _short(column("percent"), column("high"), threshold),
        "reason": rows["reason"].cast(pa.string()).combine_chunks(),
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
            "population": None if drawn is None else dict(drawn.caseloads),
        },
    )


def _check_options(
    table: pa.Table,
    item: object,
    baseline: object,
    scale: object,
    overdispersion: object,
    threshold: object,
    order: Any,
    draws: object,
    seed: object,
) -> None:
    """Refuse all that cannot be meant at once."""
    there = [unit for unit in table["unit"].unique().to_pylist() if unit != ALL]

    def check_item() -> None:
        if not isinstance(item, str):
            raise UsageError(
                f"`item` is the id of one item, found {described(item)}; compare item by item"
            )
        check_word("item", item, table["item"].unique().to_pylist())

    refuse(
        check_item,
        lambda: _check_percentage("baseline", baseline),
        lambda: check_word("scale", scale, SCALES),
        lambda: check_word("allowance for overdispersion", overdispersion, get_args(Inflation)),
        lambda: _check_percentage("threshold", threshold),
        # Of units that were filtered out more is said than that they are not there.
        lambda: in_order(there, order) if there else None,
        lambda: check_whole("draws", draws, 2),
        lambda: check_whole("seed", seed, 0),
    )


def _check_percentage(name: str, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise UsageError(f"`{name}` is a percentage, found {described(value)}")
    if not 1 <= value < 100:
        hint = f"; did you mean {100 * value:g}?" if 0 < value < 1 else ""
        raise UsageError(f"`{name}` is a percentage from 1 to below 100, found {value!r}{hint}")


def _counts(values: Floats) -> pa.Array:
    known = ~np.isnan(values)
    return _arrow.primitive(np.where(known, values, 0).astype(np.int64), known)


def _short(percent: Floats, high: Floats, threshold: float | None) -> pa.Array:
    if threshold is None:
        return pa.nulls(len(percent), pa.string())
    words = shortfall(percent, high, threshold).tolist()
    # Without an interval nobody can tell whether a low score is credibly so.
    known = (~np.isnan(high)).tolist()
    return pa.array(
        [word if ok else None for word, ok in zip(words, known, strict=True)], pa.string()
    )
