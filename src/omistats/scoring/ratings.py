"""Ratings of units by bands, and how sure each is: ratings()."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats._result_tables import NO_REASON, Display, Reason, TableResult, matching_rows
from omistats.errors import (
    DataError,
    Problem,
    UnknownNameError,
    UsageError,
    format_value,
    format_values,
)
from omistats.kernel.bands import (
    AT_A_CUT,
    TOO_MANY,
    band_of,
    cases_for_band,
    check_certainty,
    limiting_bands,
    posterior_bands,
    predictive_bands,
    smooth_bands,
)
from omistats.kernel.checks import LARGEST, check_whole
from omistats.kernel.planning import with_population
from omistats.model.framework import ALL
from omistats.model.metadata import is_synthetic
from omistats.model.rating_rule import OVERALL, RatingRule, Standard
from omistats.scoring.build import is_thin
from omistats.scoring.estimators import ComplexDesign
from omistats.scoring.joint_draws import JointDraws
from omistats.scoring.result import Scores
from omistats.scoring.unit_comparison import whole_cases
from omistats.scoring.weaknesses import ScoringContext

__all__ = ["Ratings", "ratings"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_KEY = pa.dictionary(pa.int16(), pa.string())
_NOTE = pa.dictionary(pa.int8(), pa.string())
_MOST_DRAWS = 1_000_000
# Draws that are rated otherwise, for a number of cases needed that rests on them.
_LEAST_WRONG = 5

SCHEMA = pa.schema(
    [
        *((name, _KEY) for name in ("unit", "standard", "item")),
        *((name, pa.int64()) for name in ("k", "n", "cases")),
        ("effective_n", pa.float64()),
        ("percent", pa.float64()),
        ("rating", _NOTE),
        *((name, pa.int64()) for name in ("points", "most_points", "rated", "to_rate")),
        ("posterior_same", pa.float64()),
        ("posterior_higher", pa.float64()),
        ("posterior_lower", pa.float64()),
        ("predictive_other", pa.float64()),
        ("cases_needed", pa.int64()),
        ("draws", pa.int64()),
        ("reason", _NOTE),
        ("cases_needed_reason", _NOTE),
        ("reliability", _NOTE),
        ("not_answered", pa.int64()),
    ]
)
"""The columns of ratings."""

PROBABILITIES = pa.schema(
    [
        *((name, _KEY) for name in ("unit", "standard")),
        ("rating", _NOTE),
        ("points", pa.int64()),
        ("posterior", pa.float64()),
        ("predictive", pa.float64()),
    ]
)
"""The columns of `Ratings.probabilities`."""


class RatingReason(Reason):
    """Why a rating, how sure it is, or the number of cases needed is missing."""

    NO_ANSWERS = "no applicable answers"
    NO_WEIGHT = "no case with a weight above 0"
    NOT_GIVEN = "rated on other evidence, which was not given"
    MISSING_STANDARD = "no standard that counts has a rating"
    PARTIAL = "of the standards that have a rating; others that count have none"
    PARTIAL_ITEMS = "of the items that have a score; others of the standard have none"
    GIVEN = "rated on other evidence, whose doubt is not known"
    NO_CASES = "several items together need the cases: score a CaseSet, not sums"
    ONE_CASE = "one case only: spread between cases unknown"
    ONE_CLUSTER = "one cluster only: spread between clusters unknown"
    NO_EFFECTIVE = "no effective answers under this design"
    NONE_SUFFICES = AT_A_CUT
    TOO_MANY_CASES = TOO_MANY
    FEW_DRAWS = "too few draws for this certainty: raise `draws`"


def ratings(
    scores: Scores,
    rule: RatingRule,
    *,
    given: Mapping[str, Mapping[str, str]] | None = None,
    caseload: Mapping[str, int] | None = None,
    certainty: float = 0.9,
    draws: int = 4000,
    seed: int = 0,
) -> Ratings:
    """Rate units by bands, and say how sure each rating is.

    Parameters
    ----------
    scores : Scores
        Pooled scores by unit, made without ``population``.
    rule : RatingRule
        Bands, standards and the overall rating.
    given : mapping of unit to mapping of standard to band, optional
        Ratings of standards that rest on other evidence than cases. Without one, the overall
        rating of the unit is of the standards that have a rating.
    caseload : mapping of unit to int, optional
        Numbers of cases in the units' caseloads, at most 2**53. All three figures are then about
        samples without replacement from that caseload. A fully sampled caseload has
        probabilities 0 and 1. By default the caseload is infinite.
    certainty : float
        How often a sample of ``cases_needed`` must have this rating; above 0.5 and below 1.
    draws : int
        Number of joint draws, for standards of several items and overall ratings: 100 to
        1,000,000.
    seed : int
        Seed of the draws; they do not depend on the order of cases.

    Returns
    -------
    Ratings
        A row a unit and standard, then a unit's overall rating if the rule has one.

    Raises
    ------
    UsageError
        When these are no such scores, or an option is out of range.
    UnknownNameError
        When an item, standard, band or unit is unknown.
    DataError
        When a caseload is smaller than the sample.

    Notes
    -----
    Three things are told apart. *Posterior*: given this sample, the probability that the
    caseload's own share lies in a band, by Jeffreys' prior on effective answers: Beta(n p + 1/2,
    n q + 1/2); of a known caseload, beta-binomial for the cases not seen. It is a statement under
    that prior, not about services whose shares are known to lie elsewhere. *Predictive*: given
    this sample, how often another sample of the same size would be rated otherwise; from a known
    caseload hypergeometric, given its posterior, good to 0.0001. *Cases needed*: how many cases a
    sample of the unit needs so that it has this rating with the given certainty, were the
    percentages seen the true ones; cases being as informative as those seen.

    Items of a standard, and standards of an overall rating, rest on the same cases. Their joint
    distribution keeps the distribution that each has alone, and how they hang together is that of
    draws of the unit's cases with random weights (the Bayesian bootstrap), times the weights of
    the scores; clusters are drawn whole, and strata keep their size. Cases needed by several items
    are those by which the joint rating is right often enough: they smooth over the steps of whole
    answers, are good to some percent, and are reduced for a known caseload by the finite
    population correction.

    References
    ----------
    Brown, L. D., Cai, T. T. and DasGupta, A. (2001). Interval estimation for a binomial
    proportion. Statistical Science 16, 101-133. Rubin, D. B. (1981). The Bayesian bootstrap.
    Annals of Statistics 9, 130-134. Iman, R. L. and Conover, W. J. (1982). A distribution-free
    approach to inducing rank correlation among input variables. Communications in Statistics B 11,
    311-334.

    Examples
    --------
    >>> import omistats as oms
    >>> scores = oms.scores(oms.omi2.load_synthetic(), by="unit", items=["3"])
    >>> rule = oms.RatingRule.percentages(["low", "middle", "high"], [50, 65])
    >>> oms.ratings(scores.unit("U01", "U02"), rule)
    Ratings from SYNTHETIC cases: 2 ratings of 2 units
    <BLANKLINE>
    unit  standard  percent  rating  points  posterior same  predictive other  cases needed
    U01   3            62.2  middle  1 of 2             92%               16%           101
    U02   3            61.5  middle  1 of 2             99%                6%            69
    posterior: probability that the caseload has this rating, given the sample, by Jeffreys' prior
    predictive: chance that another sample of the same size would be rated otherwise
    cases needed: of the unit, so that 90% of samples are rated so, were these percentages true
    """
    if not isinstance(scores, Scores):
        raise UsageError(
            f"`scores` must be Scores; found {format_value(scores)}. Pass "
            "oms.scores(cases, by='unit')"
        )
    if not isinstance(rule, RatingRule):
        raise UsageError(
            f"`rule` must be a RatingRule; found {format_value(rule)}. A programme has one, or "
            "make it with RatingRule.percentages or RatingRule.from_dict"
        )
    wanted = check_certainty(certainty)
    check_whole("draws", draws, 100, _MOST_DRAWS)
    check_whole("seed", seed, 0)
    table = whole_cases(scores.table, "ratings need")
    rows = table.to_pylist()
    units = [u for u in dict.fromkeys(row["unit"] for row in rows) if u != ALL]
    if not units:
        raise UsageError("`scores` have no units; make them with by='unit'")
    if other := {row["rule"] for row in rows} - {"pooled"}:
        raise UsageError(
            f"`scores` are by rule {format_values(sorted(other))}; make them with rule='pooled'"
        )
    context = scores._context  # noqa: SLF001  # of this package
    if any(np.isinf(row["effective_n"] or 0) for row in rows) or (
        context is not None and context.estimator.fpc_metadata([]) is not None
    ):
        raise UsageError(
            "these scores were made with `population`; make them without, and pass caseload=..."
        )
    items = list(dict.fromkeys(row["item"] for row in rows))
    standards = rule.standards or tuple(Standard(id, id, (id,)) for id in items)
    known = {row["item"] for row in (scores._whole or scores).table.to_pylist()}  # noqa: SLF001
    asked = [item for one in standards for item in one.items]
    if missing := [item for item in asked if item not in items]:
        if unknown := [item for item in missing if item not in known]:
            raise UnknownNameError("item", unknown, sorted(known))
        raise UsageError(
            f"these scores are filtered; they lack {format_values(missing)}. Pass the scores "
            "before `.item(...)`"
        )
    others = _check_given(given, standards, rule, units)
    loads = _check_caseload(caseload, units)
    by_unit = {unit: {r["item"]: r for r in rows if r["unit"] == unit} for unit in units}
    drawn = _cases_drawn(context, by_unit)
    _check_samples(loads, drawn)
    scored = _read_rows(by_unit, set(asked), np.array(rule.cuts), loads, drawn)
    resampled = JointDraws(context, {u: list(own) for u, own in scored.items()}, draws, seed)
    made = _Rater(rule, standards, others, wanted, resampled)
    answered = {
        unit: frozenset(item for item, row in own.items() if row["n"])
        for unit, own in by_unit.items()
    }
    parts = [
        made.rate(_Unit(unit, scored[unit], answered[unit], drawn[unit], loads.get(unit)))
        for unit in units
    ]
    lines = [line for part in parts for line in part[0]]
    chances = [line for part in parts for line in part[1]]
    return Ratings(
        _table(lines, SCHEMA, scores.table.schema.metadata),
        _table(chances, PROBABILITIES, scores.table.schema.metadata),
        rule,
        wanted,
    )


def _check_given(
    given: object, standards: Sequence[Standard], rule: RatingRule, units: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Check ratings on other evidence; return the place of the band of each."""
    example = "units to standards and bands, as {'A': {'staff': 'Good'}}"
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise UsageError(f"`given` must map {example}; found {format_value(given)}")
    names = [one.id for one in standards if not one.items]
    found: dict[str, dict[str, int]] = {}
    for unit, own in given.items():
        if unit not in units:
            raise UnknownNameError("unit", [unit], units)
        if not isinstance(own, Mapping):
            raise UsageError(f"`given` must map {example}; found {format_value(own)}")
        for standard, band in own.items():
            if standard not in names:
                raise UnknownNameError("standard on other evidence", [standard], names)
            if band not in rule.band_names:
                raise UnknownNameError("band", [band], rule.band_names)
        found[unit] = {name: rule.band_names.index(band) for name, band in own.items()}
    return found


def _check_caseload(caseload: object, units: Sequence[str]) -> dict[str, int]:
    if caseload is None:
        return {}
    if not isinstance(caseload, Mapping):
        raise UsageError(f"`caseload` must map units to numbers; found {format_value(caseload)}")
    for unit, number in caseload.items():
        if unit not in units:
            raise UnknownNameError("unit", [unit], units)
        check_whole(f"caseload[{unit!r}]", number, 1, LARGEST)
    if lacking := [unit for unit in units if unit not in caseload]:
        raise UsageError(f"`caseload` lacks {format_values(lacking)}; give all units or none")
    return {unit: int(number) for unit, number in caseload.items()}


def _cases_drawn(
    context: ScoringContext | None, by_unit: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> dict[str, int]:
    """Return how many cases each unit has, applicable or not."""
    if context is None:
        # A bare table knows only of cases with an applicable answer.
        return {
            unit: max((int(row["cases"] or 0) for row in rows.values()), default=0)
            for unit, rows in by_unit.items()
        }
    estimator: Any = context.estimator
    is_complex = isinstance(estimator, ComplexDesign)
    sizes = np.diff(estimator.sample.starts) if is_complex else estimator.units.cases
    return {unit: int(sizes[context.units.index(unit)]) for unit in by_unit}


def _check_samples(caseload: Mapping[str, int], drawn: Mapping[str, int]) -> None:
    rule, hint = "a caseload must be at least as large as the sample", "Correct it."
    problems = [
        Problem(f"caseload of {unit}", rule, f"{size:,}, of which {drawn[unit]:,} were seen", hint)
        for unit, size in caseload.items()
        if size < drawn[unit]
    ]
    if problems:
        raise DataError(problems)


@attrs.frozen(eq=False)
class _Scored:
    """Band probabilities of one item.

    Attributes
    ----------
    row : mapping
        The row of the scores.
    share : float
        From 0 to 1.
    effective : float
        Effective answers; NaN where not known.
    population : float
        Effective answers of the whole caseload; infinite where it is not known.
    posterior, predictive : ndarray of float64, shape (bands,)
        Probabilities of bands.
    reason : RatingReason or None
        Why these are not known.
    size_reason : RatingReason or None
        Why cases needed cannot be told.
    """

    row: Mapping[str, Any]
    share: float
    effective: float
    population: float
    posterior: Floats
    predictive: Floats
    reason: RatingReason | None
    size_reason: RatingReason | None


def _read_rows(
    by_unit: Mapping[str, Mapping[str, Mapping[str, Any]]],
    items: set[str],
    cuts: Floats,
    caseload: Mapping[str, int],
    drawn: Mapping[str, int],
) -> dict[str, dict[str, _Scored]]:
    """Compute what the score of each item says of bands; items without a score are left out."""
    rows = [
        (unit, row)
        for unit, own in by_unit.items()
        for item, row in own.items()
        if item in items and row["n"] and row["percent"] is not None
    ]
    p = np.array([row["percent"] / 100 for _, row in rows], np.float64)
    n = np.array([row["effective_n"] or np.nan for _, row in rows], np.float64)
    seen = np.array([drawn[unit] for unit, _ in rows], np.float64)
    size = np.array([caseload.get(unit, np.inf) for unit, _ in rows], np.float64)
    with np.errstate(invalid="ignore"):
        # Where all was seen exactly n, which the quotient may miss.
        N = np.where(size == seen, n, n * (size / seen))
    posterior, predictive = posterior_bands(n, p, cuts, N), predictive_bands(n, p, cuts, N)
    own_band = (band_of(p, cuts)[:, np.newaxis] == np.arange(len(cuts) + 1)).astype(np.float64)
    census = (size == seen)[:, np.newaxis]
    posterior, predictive = (np.where(census, own_band, x) for x in (posterior, predictive))
    found: dict[str, dict[str, _Scored]] = {unit: {} for unit in by_unit}
    for i, (unit, row) in enumerate(rows):
        reason = None
        if row["cases"] == 1:
            is_cluster = row["reliability"] == "one cluster only"
            reason = RatingReason.ONE_CLUSTER if is_cluster else RatingReason.ONE_CASE
        elif np.isnan(n[i]):
            reason = RatingReason.NO_EFFECTIVE
        found[unit][row["item"]] = _Scored(
            row,
            float(p[i]),
            float(n[i]),
            float(N[i]),
            posterior[i],
            predictive[i],
            None if census[i, 0] else reason,
            reason,
        )
    return found


@attrs.frozen(eq=False)
class _Unit:
    """A unit.

    Attributes
    ----------
    id : str
        Its id.
    scored : mapping of str to _Scored
        Items with a score.
    answered : frozenset of str
        Items with answers; those without a score are of cases without weight.
    drawn : int
        Cases seen, applicable or not.
    caseload : int or None
        Cases there are, where that is known.
    """

    id: str
    scored: Mapping[str, _Scored]
    answered: frozenset[str]
    drawn: int
    caseload: int | None


@attrs.frozen(eq=False)
class _Target:
    """What is rated: a function of the bands of items.

    Attributes
    ----------
    scored : mapping of str to _Scored
        The items.
    outcome : callable
        Function of the bands of each item, arrays of one shape, that returns the place of the
        rating.
    outcomes : int
        How many there are.
    own : int
        The place of the rating given.
    """

    scored: Mapping[str, _Scored]
    outcome: Callable[[Mapping[str, Ints]], Ints]
    outcomes: int
    own: int


class _Rater:
    """Rates one unit after another.

    Parameters are those of `ratings`, checked.
    """

    def __init__(
        self,
        rule: RatingRule,
        standards: Sequence[Standard],
        given: dict[str, dict[str, int]],
        certainty: float,
        resampled: JointDraws,
    ) -> None:
        self._rule, self._standards, self._given = rule, standards, given
        self._certainty, self._resampled = certainty, resampled
        self._cuts = np.array(rule.cuts)
        self._points = np.array([int(band.points) for band in rule.bands])

    def rate(self, unit: _Unit) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Rate the standards of a unit, then the whole."""
        lines, chances, places = [], [], {}
        for standard in self._standards:
            line, chance, place = self._rate_standard(unit, standard)
            lines.append(line)
            chances += chance
            places[standard.id] = place
        if self._rule.overall:
            line, chance = self._rate_overall(unit, places)
            lines.append(line)
            chances += chance
        return lines, chances

    def _rate_standard(
        self, unit: _Unit, standard: Standard
    ) -> tuple[dict[str, Any], list[dict[str, Any]], int | None]:
        names = self._rule.band_names
        line: dict[str, Any] = {"unit": unit.id, "standard": standard.id}
        line["most_points"] = int(self._points[-1])
        if not standard.items:
            place = self._given.get(unit.id, {}).get(standard.id)
            reason = RatingReason.NOT_GIVEN if place is None else RatingReason.GIVEN
            line |= {"reason": reason, "cases_needed_reason": reason}
            if place is not None:
                line |= {"rating": names[place], "points": int(self._points[place])}
            return line, [], place
        own = {item: unit.scored[item] for item in standard.items if item in unit.scored}
        line |= {"rated": len(own), "to_rate": len(standard.items)}
        if not own:
            answered = unit.answered.intersection(standard.items)
            reason = RatingReason.NO_WEIGHT if answered else RatingReason.NO_ANSWERS
            return line | {"reason": reason, "cases_needed_reason": reason}, [], None
        lowest = min(own.values(), key=lambda one: one.share)
        place = int(band_of(lowest.share, self._cuts))
        copied = ("item", "k", "n", "cases", "percent", "effective_n", "reliability")
        line |= {name: lowest.row[name] for name in copied}
        line["not_answered"] = lowest.row.get("not_answered")
        line |= {"rating": names[place], "points": int(self._points[place])}
        target = _Target(own, _lowest, len(names), place)
        doubt = self._doubt(unit, target)
        points = self._points.tolist()
        line |= doubt[0]
        if len(own) < len(standard.items):
            line.setdefault("reason", RatingReason.PARTIAL_ITEMS)
        return line, self._chances(unit, standard.id, names, points, doubt[1:]), place

    def _rate_overall(
        self, unit: _Unit, places: Mapping[str, int | None]
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        counting = [standard for standard in self._standards if standard.counts]
        counted = [standard for standard in counting if places[standard.id] is not None]
        line: dict[str, Any] = {"unit": unit.id, "standard": OVERALL}
        line |= {"rated": len(counted), "to_rate": len(counting)}
        if not counted:
            reason = RatingReason.MISSING_STANDARD
            return line | {"reason": reason, "cases_needed_reason": reason}, []
        most = len(counted) * int(self._points[-1])
        rated = [place for s in counted if (place := places[s.id]) is not None]
        points = int(self._points[rated].sum())
        names = [band.name for band in self._rule.overall]
        own = int(self._rule.overall_place(points, most))
        line |= {"rating": names[own], "points": points, "most_points": most}
        of_cases = [
            [item for item in standard.items if item in unit.scored]
            for standard in counted
            if standard.items
        ]
        if not of_cases:
            reason = RatingReason.GIVEN
            return line | {"reason": reason, "cases_needed_reason": reason}, []
        given = (
            int(self._points[place])
            for s in counted
            if not s.items and (place := places[s.id]) is not None
        )
        fixed = sum(given)

        def outcome(bands: Mapping[str, Ints]) -> Ints:
            parts = [_lowest({item: bands[item] for item in items}) for items in of_cases]
            total = fixed + self._points[np.array(parts)].sum(axis=0)
            return self._rule.overall_place(total, most)

        used = dict.fromkeys(item for items in of_cases for item in items)
        scored = {item: unit.scored[item] for item in used}
        doubt = self._doubt(unit, _Target(scored, outcome, len(names), own))
        line |= doubt[0]
        if len(counted) < len(counting):
            line.setdefault("reason", RatingReason.PARTIAL)
        return line, self._chances(unit, OVERALL, names, [None] * len(names), doubt[1:])

    def _doubt(
        self, unit: _Unit, target: _Target
    ) -> tuple[dict[str, Any], Floats | None, Floats | None]:
        """Say how sure a rating is: columns of its row, and probabilities of all ratings."""
        line = self._cases_needed(unit, target)
        lacking = [one.reason for one in target.scored.values() if one.reason is not None]
        posterior, predictive = (
            {item: getattr(one, name) for item, one in target.scored.items()}
            for name in ("posterior", "predictive")
        )
        joint = _in_doubt(posterior) > 1 or _in_doubt(predictive) > 1
        if not lacking and joint and not self._resampled.has_cases:
            lacking = [RatingReason.NO_CASES]
        if lacking:
            return line | {"reason": lacking[0]}, None, None
        if joint:
            line["draws"] = self._resampled.draws
        after, again = (self._joint(unit, target, bands) for bands in (posterior, predictive))
        line |= {
            "posterior_same": float(after[target.own]),
            "posterior_higher": float(after[target.own + 1 :].sum()),
            "posterior_lower": float(after[: target.own].sum()),
            "predictive_other": float(np.delete(again, target.own).sum()),
        }
        return line, after, again

    def _joint(self, unit: _Unit, target: _Target, chances: Mapping[str, Floats]) -> Floats:
        """Compute probabilities of ratings from those of the bands of each item."""
        doubtful = [item for item, own in chances.items() if own.max() < 1]
        if len(doubtful) > 1:
            ranks = self._resampled.uniform_ranks(unit.id)
            bands = {
                # Bands in the order of the draws, as often as their probability says.
                item: np.searchsorted(own.cumsum()[:-1], ranks[item], side="right")
                for item, own in chances.items()
            }
            size, weights = self._resampled.draws, None
        else:
            # Exactly: every band of the one that is in doubt.
            weights = chances[doubtful[0]] if doubtful else np.ones(1)
            size = len(weights)
            bands = {
                item: np.arange(size) if item in doubtful else np.full(size, own.argmax())
                for item, own in chances.items()
            }
        found = np.bincount(target.outcome(bands), weights, minlength=target.outcomes)
        return np.asarray(found / (self._resampled.draws if weights is None else 1))

    def _cases_needed(self, unit: _Unit, target: _Target) -> dict[str, Any]:
        """Find the cases of the unit needed for a rating; the columns that say so."""
        lacking = [one.size_reason for one in target.scored.values() if one.size_reason is not None]
        if lacking:
            return {"cases_needed_reason": lacking[0]}
        if len(target.scored) == 1 and target.outcome is _lowest:
            (one,) = target.scored.values()
            # Answers in the caseload, which are whole.
            whole = np.rint(one.population) if unit.caseload is not None else None
            found = cases_for_band(one.share, self._cuts, self._certainty, population=whole)
            if reason := str(found.reason):
                return {"cases_needed_reason": RatingReason.texts().index(reason)}
            size = float(found.n) * unit.drawn / one.effective
        elif len(target.scored) > 1 and not self._resampled.has_cases:
            return {"cases_needed_reason": RatingReason.NO_CASES}
        elif (
            len(target.scored) > 1 and (1 - self._certainty) * self._resampled.draws < _LEAST_WRONG
        ):
            return {"cases_needed_reason": RatingReason.FEW_DRAWS}
        else:
            size = self._joint_cases(unit, target)
            if unit.caseload is not None:
                total = np.asarray(float(unit.caseload))
                size = float(total if np.isinf(size) else with_population(np.asarray(size), total))
        if unit.caseload is not None:
            size = min(size, unit.caseload)
        if np.isinf(size) and self._is_at_cut(unit, target):
            return {"cases_needed_reason": RatingReason.NONE_SUFFICES}
        if size > LARGEST:
            return {"cases_needed_reason": RatingReason.TOO_MANY_CASES}
        return {"cases_needed": int(np.ceil(size * (1 - 1e-12)))}

    def _is_at_cut(self, unit: _Unit, target: _Target) -> bool:
        """Tell whether even samples without end would often have another rating."""
        limit = {item: limiting_bands(one.share, self._cuts) for item, one in target.scored.items()}
        return float(self._joint(unit, target, limit)[target.own]) < self._certainty

    def _joint_cases(self, unit: _Unit, target: _Target) -> float:
        """Find cases from which on the joint rating is right often enough; infinite for none."""
        if self._is_at_cut(unit, target):
            return float(np.inf)

        @cache
        def is_enough(cases: float) -> bool:
            chances = {
                item: smooth_bands(cases * one.effective / unit.drawn, one.share, self._cuts)
                for item, one in target.scored.items()
            }
            return float(self._joint(unit, target, chances)[target.own]) >= self._certainty

        enough = 1.0
        # Few cases may happen to be right; four times as many must be too.
        while not (is_enough(enough) and is_enough(2 * enough) and is_enough(4 * enough)):
            enough *= 2
            if enough > LARGEST:
                return enough
        least = enough / 2
        while enough - least > max(1.0, enough / 1000):
            middle = np.floor((least + enough) / 2)
            least, enough = (least, middle) if is_enough(middle) else (middle, enough)
        return float(enough)

    def _chances(
        self,
        unit: _Unit,
        standard: str,
        names: Sequence[str],
        points: Sequence[int | None],
        found: tuple[Floats | None, Floats | None],
    ) -> list[dict[str, Any]]:
        posterior, predictive = found
        if posterior is None or predictive is None:
            return []
        return [
            {
                "unit": unit.id,
                "standard": standard,
                "rating": name,
                "points": points[i],
                "posterior": float(posterior[i]),
                "predictive": float(predictive[i]),
            }
            for i, name in enumerate(names)
        ]


def _lowest(bands: Mapping[str, Ints]) -> Ints:
    """Return the lowest band of several items."""
    return np.asarray(np.min(list(bands.values()), axis=0))


def _in_doubt(chances: Mapping[str, Floats]) -> int:
    """Count the items whose band is not certain."""
    return sum(bool(own.max() < 1) for own in chances.values())


def _table(
    lines: Sequence[Mapping[str, Any]], schema: pa.Schema, metadata: Mapping[bytes, bytes] | None
) -> pa.Table:
    arrays = []
    for field in schema:
        values = [line.get(field.name) for line in lines]
        if field.name in ("reason", "cases_needed_reason"):
            codes = [NO_REASON if value is None else int(value) for value in values]
            array = _arrow.dictionary(np.array(codes, np.int8), RatingReason.texts())
        elif pa.types.is_dictionary(field.type):
            array = pa.array(values, pa.string()).dictionary_encode().cast(field.type)
        else:
            array = pa.array(values, field.type)
        arrays.append(array)
    kept = schema.with_metadata(dict(metadata)) if metadata else schema
    return pa.Table.from_arrays(arrays, schema=kept)


@attrs.frozen(eq=False, repr=False)
class Ratings(TableResult):
    """Ratings of units, and how sure each is.

    The columns are ``unit, standard`` (``overall`` for the sum of points); ``item`` (the lowest,
    which decides), and of that item ``k, n, cases, effective_n, percent`` (0-100),
    ``reliability`` and ``not_answered``; ``rating, points, most_points``; ``rated, to_rate``
    (items of the standard with a score, and in all; of an overall rating, standards that count);
    then

    * *given this sample, of the caseload's share*: ``posterior_same, posterior_higher,
      posterior_lower``, probabilities (0-1) that the rating is this one, a higher or a lower one;
    * *of another sample of the same size*: ``predictive_other``, how often (0-1) it would be
      rated otherwise;
    * *before sampling*: ``cases_needed``, whole cases of the unit, applicable or not, with which a
      sample has this rating in ``certainty`` of draws, were the percentages of all its items the
      true ones; null with a ``cases_needed_reason``, such as that none suffice.

    ``draws`` is the number of joint draws, null where probabilities are exact; from draws they have
    a standard error of at most ``0.5 / sqrt(draws)``. ``reason`` says why something is missing.

    Of an overall rating all columns of the item are null. Of a standard on other evidence these
    are, and ``rated``, ``to_rate``, and all that says how sure it is; so is its rating where it
    was not given. ``not_answered`` is also null where cases cannot say so.

    Attributes
    ----------
    table : pyarrow.Table
        The ratings.
    probabilities : pyarrow.Table
        A row a unit, standard and band: ``unit, standard, rating, points`` (null of an overall
        rating), ``posterior, predictive`` (0-1). Ratings whose probabilities are null have no
        rows.
    rule : RatingRule
        The rule.
    certainty : float
        The certainty of ``cases_needed``.

    Examples
    --------
    >>> import omistats as oms
    >>> scores = oms.scores(oms.omi2.load_synthetic(), by="unit", items=["3"])
    >>> rule = oms.RatingRule.percentages(["low", "high"], [60])
    >>> found = oms.ratings(scores, rule).unit("U12")
    >>> found.table["rating"].to_pylist(), len(found.probabilities)
    (['high'], 2)
    """

    table: pa.Table
    probabilities: pa.Table
    rule: RatingRule
    certainty: float

    def unit(self, *ids: str) -> Ratings:
        """Keep some units.

        Parameters
        ----------
        *ids : str
            Unit ids.

        Returns
        -------
        Ratings
            The same figures.

        Raises
        ------
        UnknownNameError
            When a unit is unknown.
        UsageError
            When no id is given.
        """
        return self._filtered("unit", ids)

    def standard(self, *ids: str) -> Ratings:
        """Keep some standards.

        Parameters
        ----------
        *ids : str
            Ids of standards; ``overall`` is the sum of points.

        Returns
        -------
        Ratings
            The same figures.

        Raises
        ------
        UnknownNameError
            When a standard is unknown.
        UsageError
            When no id is given.
        """
        return self._filtered("standard", ids)

    def _filtered(self, column: str, wanted: Sequence[str]) -> Ratings:
        rows = matching_rows(self.table, column, wanted)
        chances = self.probabilities
        if len(chances):
            own = [value in wanted for value in chances[column].to_pylist()]
            chances = chances.filter(pa.array(own, pa.bool_()))
        return attrs.evolve(self, table=self.table.filter(pa.array(rows)), probabilities=chances)

    def _display(self) -> Display:
        made = "from SYNTHETIC cases: " if is_synthetic(self.table.schema.metadata) else ": "
        units = len(self.table["unit"].unique())
        heading = (
            f"Ratings{' ' if made != ': ' else ''}{made}{len(self)} "
            f"rating{'s' * (len(self) != 1)} of {units} unit{'s' * (units != 1)}"
        )
        titles = [
            *("unit", "standard", "percent", "rating", "points"),
            *("posterior same", "predictive other", "cases needed"),
        ]
        lines = [titles]
        partial: dict[RatingReason, str] = {}
        for row in self.table.slice(0, _SHOWN).to_pylist():
            is_overall = row["standard"] == OVERALL
            needed = "" if row["cases_needed"] is None else f"{row['cases_needed']:,}"
            if row["cases_needed_reason"] == RatingReason.NONE_SUFFICES.text:
                needed = "none suffices"
            # The posterior alone may be 1 by rounding.
            is_certain = row["predictive_other"] == 0
            thin = "?" if is_thin(row["reliability"]) else ""
            points = "" if row["points"] is None else f"{row['points']:g} of {row['most_points']:g}"
            if points and row["rated"] is not None and row["rated"] < row["to_rate"]:
                word = "standards" if is_overall else "items"
                points += f", from {row['rated']} of {row['to_rate']} {word}"
                reason = RatingReason.PARTIAL if is_overall else RatingReason.PARTIAL_ITEMS
                partial[reason] = f"from some {word}: {reason.text}"
            lines.append(
                [
                    row["unit"],
                    row["standard"],
                    "" if row["percent"] is None else f"{row['percent']:.1f}{thin}",
                    row["rating"] or f"({row['reason']})",
                    points,
                    _chance(row["posterior_same"], is_certain),
                    _chance(row["predictive_other"], is_certain),
                    needed,
                ]
            )
        more = len(self) - _SHOWN
        footer = [
            *([f"{more} more ratings: see .table"] if more > 0 else []),
            *(partial[reason] for reason in sorted(partial)),
            (
                "posterior: probability that the caseload has this rating, given the sample, by "
                "Jeffreys' prior"
            ),
            "predictive: chance that another sample of the same size would be rated otherwise",
            (
                f"cases needed: of the unit, so that {100 * self.certainty:g}% of samples are "
                "rated so, were these percentages true"
            ),
        ]
        return Display(heading, lines, footer, labels=2)


_SHOWN = 40


def _chance(value: float | None, is_certain: bool) -> str:
    """Format a probability: 100% and 0% only where nothing is in doubt."""
    if value is None:
        return ""
    text = f"{100 * value:.0f}%"
    if not is_certain and text == "100%":
        return ">99%"
    return "<1%" if not is_certain and text == "0%" else text
