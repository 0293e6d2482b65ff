"""Whether a sample represents its caseload."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Breakdown
from omistats.characteristics.columns import asked_for
from omistats.characteristics.goodness import (
    distance,
    drawn_fit,
    exact_p_value,
    fit,
    standardised,
)
from omistats.characteristics.pairing import Pair, disagreements, pairs
from omistats.characteristics.representativeness import Line, Representativeness, laid_out
from omistats.errors import UnknownNameError, UsageError, described, listed
from omistats.kernel.designs import Population
from omistats.model.cases import CaseSet
from omistats.model.drawn import Column, Drawn, Lonely, draw, is_drawn
from omistats.model.strata import ALL
from omistats.tallies import By, check_by

__all__ = ["representativeness"]

Floats = npt.NDArray[np.float64]

_BOOSTED = "boosted on purpose: shown, not tested"
_WHOLE = "the whole caseload is in the sample: nothing to test"
_ALIKE = "all cases of the caseload are alike"
_NOBODY = "no case in the sample whose level is known"
_ABSENT = "no case in the caseload whose level is known"
_HELD = "the design holds these shares, or leaves nothing to tell their error by"


def representativeness(
    sample: CaseSet,
    caseload: CaseSet,
    *,
    of: Iterable[str | Breakdown | type[Breakdown]] | None = None,
    boosted: Iterable[str] = (),
    weight: Column = None,
    stratum: Column = "unit",
    cluster: Column = None,
    population: str | Population = None,
    lonely: Lonely = "error",
    by: By | None = None,
    check_ids: bool = True,
) -> Representativeness:
    """Lay a sample beside the caseload that it was drawn from.

    Parameters
    ----------
    sample : CaseSet
        The cases drawn.
    caseload : CaseSet
        All cases that could have been drawn, those of the sample among them; under a framework
        that need not ask any question.
    of : iterable of str or Breakdown, optional
        Names of strata or breakdowns, and breakdowns; every stratum of the sample's framework
        by default.
    boosted : iterable of str, optional
        Characteristics whose shares were raised on purpose: they are shown and not tested
        (weighted, they are tested like all).
    weight, stratum, cluster : str or array_like, optional
        How cases were drawn, as in `omistats.recompute`: a column, or one value a case. Where
        any of these or ``population`` is given, weighted shares stand beside the plain ones,
        with a test that goes by the design.
    population : float, mapping of str to float, str or array_like, optional
        The same: how many of what was drawn each stratum has.
    lonely : {'error', 'null', 'remove', 'adjust'}
        The same: what to do about a stratum of which one was drawn. Without a design it does
        not matter.
    by : {'unit'}, optional
        Give every unit, then all together; by default only all together.
    check_ids : bool
        Refuse a sample with a case that is not in the caseload, by ``case_id``, or is there
        in another unit. Say False where ids were changed on purpose.

    Returns
    -------
    Representativeness
        A row a unit, characteristic and level: counts and percentages of both, their
        difference, and a test of each characteristic.

    Raises
    ------
    UsageError
        When arguments do not fit together, or a case may have several of a characteristic.
    UnknownNameError
        When a characteristic or column is unknown.
    DataError
        When the sample cannot have come from the caseload: it is larger, has cases, units or
        levels that the caseload lacks, or more of a level than there are, all told at once; or
        when weights and the like cannot be what they should.

    Notes
    -----
    Cases are taken as drawn without replacement and with equal chances within their unit. In
    one unit the test is Pearson's goodness of fit with the finite correction
    ``(N - 1) / (N - n)``; over units, deviations and their covariances are summed. Cases
    whose level is not known are shown and are outside percentages and tests. That a test finds
    nothing does not show that a sample is representative; look at the standardised differences.

    References
    ----------
    Yang, D. and Dalton, J. E. (2012). A unified approach to measuring the effect size between
    two groups using SAS. SAS Global Forum, paper 335 (``distance``). Rao, J. N. K. and Scott,
    A. J. (1981). Journal of the American Statistical Association 76, 221-230 (weighted test).

    Examples
    --------
    >>> import omistats as oms
    >>> caseload = oms.omi2.load_synthetic()
    >>> sample = caseload.filter([i % 8 == 0 for i in range(len(caseload))])
    >>> oms.representativeness(sample, caseload, of=["gender"])
    Representativeness of 277 SYNTHETIC cases of a caseload of 2,213, unit all
    <BLANKLINE>
    characteristic               n  sample %  caseload %  difference  standardised  p_value
    gender          male       246      88.8        88.4        +0.4          0.01    0.802
                    female      31      11.2        11.6        -0.4         -0.01
                    not known    0
    """
    check_by(by)
    for name, value in (("sample", sample), ("caseload", caseload)):
        if not isinstance(value, CaseSet):
            raise UsageError(f"`{name}` is a CaseSet, found {described(value)}")
    asked = asked_for(of, sample.framework)
    names = [one.name for one in asked]
    on_purpose = listed("boosted", boosted, "names of characteristics")
    if unknown := [name for name in on_purpose if name not in names]:
        raise UnknownNameError("boosted characteristic", unknown, names)
    found = pairs(sample, caseload, asked, check_ids)
    design: dict[str, Any] = {
        "weight": weight,
        "stratum": stratum,
        "cluster": cluster,
        "population": population,
    }
    drawn = draw(sample, lonely, **design) if is_drawn(**design) else None
    units = [(u, slice(i, i + 1)) for i, u in enumerate(sample.units)] if by == "unit" else []
    blocks = [*units, (ALL, slice(0, len(sample.units)))]
    lines = [
        _line(unit, where, pair, pair.name in on_purpose, sample, drawn)
        for unit, where in blocks
        for pair in found
    ]
    return Representativeness(
        laid_out(lines, sample, caseload, drawn is not None),
        dict(_sizes(sample, caseload, blocks)),
        disagreements(sample, caseload, found) if check_ids else {},
    )


def _sizes(
    sample: CaseSet, caseload: CaseSet, blocks: list[tuple[str, slice]]
) -> Iterator[tuple[str, tuple[int, int]]]:
    n = np.bincount(sample.unit_codes, minlength=len(sample.units))
    counts = np.bincount(caseload.unit_codes, minlength=len(caseload.units)).tolist()
    theirs = dict(zip(caseload.units, counts, strict=True))
    N = np.array([theirs.get(unit, 0) for unit in sample.units])
    for unit, where in blocks:
        yield unit, (int(n[where].sum()), int(N[where].sum()))


def _line(
    unit: str, where: slice, pair: Pair, boosted: bool, sample: CaseSet, drawn: Drawn | None
) -> Line:
    """Compare one characteristic in one unit, or in all."""
    if pair.reason is not None:
        return Line.blank(unit, pair.name, pair.column, pair.reason)
    n, N = pair.n[where, :-1].astype(np.float64), pair.N[where, :-1].astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        p, P = n.sum(axis=0) / n.sum(), N.sum(axis=0) / N.sum()
        of_units = np.nan_to_num(N / N.sum(axis=1, keepdims=True))
    expected = n.sum(axis=1) @ of_units
    reason = _reason(n, N, boosted)
    tested = fit(n, N) if reason is None else None
    there = N.sum(axis=0) > 0
    line = Line(
        unit=unit,
        name=pair.name,
        column=pair.column,
        levels=pair.levels,
        n=pair.n[where].sum(axis=0),
        N=pair.N[where].sum(axis=0),
        p=p,
        P=P,
        standardised=standardised(p, P),
        distance=distance(p, P),
        expected=expected,
        smallest_expected=float(expected[there].min()) if there.any() and n.sum() else np.nan,
        test=tested,
        exact_p_value=exact_p_value(n, N) if reason is None else np.nan,
        reason=reason,
    )
    return line if drawn is None else _weighted(line, where, pair, P, sample, drawn, n, N)


def _weighted(
    line: Line,
    where: slice,
    pair: Pair,
    P: Floats,
    sample: CaseSet,
    drawn: Drawn,
    n: Floats,
    N: Floats,
) -> Line:
    starts, order = sample.packed.starts, sample.packed.order
    rows = slice(int(starts[where.start]), int(starts[where.stop]))
    codes = (pair.codes if order is None else pair.codes[order])[rows]
    weight = drawn.weight[rows]
    used = np.where(codes >= 0, weight, 0.0)
    totals = np.bincount(np.maximum(codes, 0), used, len(pair.levels))
    with np.errstate(invalid="ignore", divide="ignore"):
        p = totals / totals.sum()
    reason = _reason(n, N, boosted=False)
    test = None
    if reason is None:
        test = drawn_fit(codes, weight, P, drawn.design, rows)
        if np.isnan(test.p_value):
            test, reason = None, _HELD
    return attrs.evolve(
        line,
        weighted_p=p,
        weighted_standardised=standardised(p, P),
        weighted_distance=distance(p, P),
        weighted_test=test,
        weighted_reason=reason,
    )


def _reason(n: Floats, N: Floats, boosted: bool) -> str | None:
    """Say why there is no test, if there is none."""
    if not N.sum():
        return _ABSENT
    if not n.sum():
        return _NOBODY
    if boosted:
        return _BOOSTED
    if (N.sum(axis=0) > 0).sum() < 2:
        return _ALIKE
    if n.sum() == N.sum():
        return _WHOLE
    return None if not np.isnan(fit(n, N).p_value) else _ALIKE
