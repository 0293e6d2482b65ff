"""Bootstrap findings and scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, Literal

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.breakdowns.base import Breakdown, BreakdownLike
from omistats.breakdowns.groups import compared_sides, is_member
from omistats.breakdowns.registry import resolve
from omistats.counting.tally import By, resolve_breakdowns
from omistats.errors import UnknownNameError, UsageError
from omistats.kernel.checks import check_confidence, check_whole
from omistats.kernel.resampling import count_drawn, draw_weights, generator, spread, sum_drawn
from omistats.model.batches import read_cases
from omistats.model.case_set import CaseSet
from omistats.model.framework import ALL, Framework
from omistats.resampling.common import (
    Resampled,
    answers_of,
    batches,
    check_option,
)
from omistats.scoring.rules import RULES
from omistats.scoring.sums import CaseSums, case_sums, scored_items

__all__ = ["bootstrap"]


Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Index = npt.NDArray[np.intp]

_WEIGHTS_AT_ONCE: Final = 1 << 22
_DRAWS_AT_ONCE: Final = 500


def bootstrap(
    source: Any,
    *,
    of: Literal["findings", "scores"] = "findings",
    by: By | None = None,
    breakdowns: Iterable[BreakdownLike] | None = None,
    questions: Iterable[str] | None = None,
    items: Iterable[str] | None = None,
    rule: Literal["pooled", "questions", "cases"] = "pooled",
    resample: Literal["cases", "units"] = "cases",
    draws: int = 2000,
    confidence: float = 0.95,
    complement: Literal["all", "known"] = "all",
    seed: int = 0,
    framework: Framework | None = None,
) -> Resampled:
    """Estimate standard errors and limits of findings or scores by the bootstrap.

    Parameters
    ----------
    source : CaseSet, data frame, table of an engine, record batch reader, data set, or path
        The cases. All are read into memory, also from files, readers and tables of
        engines. Sources other than a case set need ``framework``.
    of : {'findings', 'scores'}
        Percentages of questions, or scores of items.
    by : {'unit'}, optional
        Report each unit, then all units together; by default only all together.
    breakdowns : iterable of Breakdown or str, optional
        Instances, classes, or names. For findings the framework's standard breakdowns by
        default, and all cases as one group for an empty list; for scores none by default, and all
        cases always come first.
    questions, items : iterable of str, optional
        For findings the ids of questions, by default all that are not invented; for scores
        the ids of items, by default all that have questions.
    rule : {'pooled', 'questions', 'cases'}
        The scoring rule; see `omistats.scores`.
    resample : {'cases', 'units'}
        ``'cases'`` draws cases within each unit, as many as it has, and generalises to other
        cases of these units. ``'units'`` draws whole units, as many as there are, and
        generalises to other units like these.
    draws : int
        Number of bootstrap draws.
    confidence : float
        Confidence of the intervals, between 0 and 1.
    complement : {'all', 'known'}
        The cases that the subset of a complement is compared with: all cases outside it, or
        only those whose characteristic is known.
    seed : int
        Seed of the random numbers. The same seed gives the same draws, as long as NumPy
        keeps the streams of its default generator.
    framework : Framework, optional
        The framework to check the source against; a case set has its own.

    Returns
    -------
    Resampled
        One row per unit, breakdown, question or item, and group: ``unit, breakdown``,
        ``question`` or ``item``, ``group`` (dictionary), ``k, n`` (int64, observed counts),
        ``percent, se, low, high`` (percent), ``difference, difference_se, difference_low,
        difference_high`` (percentage points, first group less second, where there are two
        groups), ``undefined`` (number of draws without applicable answers, which are
        excluded), ``resample, draws, confidence``, and ``rule`` for scores. Null without
        applicable answers.

    Raises
    ------
    UsageError
        When options contradict each other or are out of range, or a source other than a
        case set comes without ``framework``.
    UnknownNameError
        When a question, an item, a breakdown or the rule is unknown.
    DataError
        When the source cannot be read as cases, or a breakdown is declared wrongly or returns
        labels outside its groups.

    Notes
    -----
    Limits are percentiles of the draws (definition 6 of Hyndman and Fan). For a unit of m
    cases the bootstrap variance is (m - 1) / m of the unbiased variance; a unit of one case
    contributes 0. When units are drawn, m is the number of units.

    References
    ----------
    Efron (1979), Annals of Statistics 7:1-26. Davison and Hinkley (1997), Bootstrap Methods
    and their Application, Cambridge, sections 3.2 and 3.8.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.bootstrap(oms.omi2.load_synthetic(), of="scores", items=["reoffending"])
    >>> row = found.table.to_pylist()[0]
    >>> print(f"{row['percent']:.1f} ± {row['se']:.1f}")
    71.0 ± 0.3
    """
    check_option("of", of, ("findings", "scores"))
    check_option("by", by, (None, "unit"))
    check_option("resample", resample, ("cases", "units"))
    check_option("complement", complement, ("all", "known"))
    check_whole("draws", draws, 2)
    check_whole("seed", seed, 0)
    check_confidence(confidence)
    _check_combination(of, by, questions, items, rule, resample)
    cases = read_cases(source, framework)
    if isinstance(breakdowns, str):
        breakdowns = (breakdowns,)
    if of == "findings":
        estimator = _finding_estimator(cases, questions)
        splits = resolve_breakdowns(breakdowns, cases.framework)
    else:
        estimator = _score_estimator(cases, items, rule)
        # Scores of all cases are always among the results.
        wanted = () if breakdowns is None else tuple(breakdowns)
        splits = resolve(wanted, cases.framework) if wanted else ()
    domains = _make_domains(cases, splits, of == "scores", complement == "known")
    estimates = (
        _resample_units(cases, estimator, domains, draws, seed)
        if resample == "units"
        else _resample_cases(cases, estimator, domains, by, draws, seed)
    )
    parts = [_numeric_columns(unit, estimator, domains, confidence) for unit in estimates]
    kind = "question" if of == "findings" else "item"
    table = _label_columns([unit for unit, _ in parts], estimator.ids, domains, kind)
    for name in parts[0][1]:
        table[name] = pa.array(np.concatenate([c[name] for _, c in parts]), from_pandas=True)
    rows = len(table["group"])
    constants = {"resample": resample, **({"rule": rule} if of == "scores" else {})}
    for name, value in constants.items():
        table[name] = _arrow.dictionary(np.zeros(rows, np.int8), [value])
    table["draws"] = pa.array(np.full(rows, draws, np.int64))
    table["confidence"] = pa.array(np.full(rows, float(confidence)))
    return Resampled(pa.table(table).replace_schema_metadata(dict(cases.metadata) or None))


def _check_combination(
    of: str, by: str | None, questions: object, items: object, rule: str, resample: str
) -> None:
    if of == "findings" and (items is not None or rule != "pooled"):
        raise UsageError("`items` and `rule` apply to scores; pass of='scores' or `questions`")
    if of == "scores" and questions is not None:
        raise UsageError("`questions` apply to findings; pass of='findings' or `items`")
    if resample == "units" and by == "unit":
        raise UsageError("resample='units' reports all units together; leave `by` out")


def _resample_cases(
    cases: CaseSet, estimator: _Estimator, domains: _Domains, by: By | None, draws: int, seed: int
) -> Iterator[_Estimates]:
    """Draw cases within each unit."""
    starts = cases.packed.starts
    generators = [generator(seed, unit) for unit in cases.units]
    shape = (len(domains.members), estimator.values.shape[1])
    if by is None:
        percent = np.empty((draws, shape[0], len(estimator.ids)))
        done = 0
        for size in batches(draws, len(cases), _WEIGHTS_AT_ONCE, _DRAWS_AT_ONCE):
            weights = draw_weights(starts, size, generators)
            drawn = estimator.sum_draws(domains.members, weights, 0, len(cases))
            percent[done : done + size] = estimator.percent(drawn)
            done += size
    else:
        total = np.zeros((draws, *shape))
        for unit, rng, (a, b) in zip(
            cases.units, generators, pairwise(starts.tolist()), strict=True
        ):
            weights = draw_weights(np.array([0, b - a]), draws, [rng])
            drawn = estimator.sum_draws(domains.members, weights, a, b)
            total += drawn
            yield _estimates(unit, estimator, domains, a, b, estimator.percent(drawn))
        percent = estimator.percent(total)
    yield _estimates(ALL, estimator, domains, 0, len(cases), percent)


def _resample_units(
    cases: CaseSet, estimator: _Estimator, domains: _Domains, draws: int, seed: int
) -> Iterator[_Estimates]:
    """Draw whole units, among those that have cases."""
    bounds = [(a, b) for a, b in pairwise(cases.packed.starts.tolist()) if b > a]
    if len(bounds) < 2:
        raise UsageError(
            f"resample='units' needs two or more units with cases; found {len(bounds)}; "
            "pass resample='cases'"
        )
    sums = np.array([_observed_sums(estimator.values, domains, a, b) for a, b in bounds])
    starts = np.array([0, len(bounds)])
    percent = np.empty((draws, sums.shape[1], len(estimator.ids)))
    # The text enters the seed; another text would give other draws.
    rng, done = generator(seed, "units drawn"), 0
    flat = sums.reshape(len(bounds), -1)
    for size in batches(draws, flat.shape[1]):
        weights = draw_weights(starts, size, [rng]).astype(np.float64)
        drawn = (weights @ flat).reshape(size, *sums.shape[1:])
        percent[done : done + size] = estimator.percent(drawn)
        done += size
    yield _estimates(ALL, estimator, domains, 0, len(cases), percent)


def _estimates(
    unit: str, estimator: _Estimator, domains: _Domains, a: int, b: int, percent: Floats
) -> _Estimates:
    observed = estimator.percent(_observed_sums(estimator.values, domains, a, b))
    counts = _observed_sums(estimator.counts, domains, a, b)
    return _Estimates(unit, observed, counts, percent)


def _observed_sums(values: npt.NDArray[Any], domains: _Domains, a: int, b: int) -> Floats:
    """Sum values of the cases from a to b over each domain."""
    once = np.ones((1, b - a), np.float32)
    out: Floats = sum_drawn(values[a:b], domains.members[:, a:b], once)[0]
    return out


@attrs.frozen(eq=False)
class _Estimator:
    """Values to sum over cases, and the function from sums to percentages.

    Attributes
    ----------
    ids : tuple of str
        Ids of the questions or items to estimate.
    values : ndarray of float32 or float64, shape (cases, columns)
        Contribution of each case. Values in float32 are counts: sufficient, then applicable
        answers.
    percent : callable
        From sums (..., columns) to percentages (..., ids); NaN without applicable answers.
    counts : ndarray of float32, shape (cases, 2 * ids)
        Sufficient, then applicable answers of each case.
    """

    ids: tuple[str, ...]
    values: npt.NDArray[np.floating]
    percent: Callable[[Floats], Floats]
    counts: npt.NDArray[np.float32]

    def sum_draws(self, members: Flags, weights: npt.NDArray[np.float32], a: int, b: int) -> Floats:
        """Sum the values of the cases from a to b over each domain in each draw."""
        total = count_drawn if self.values.dtype == np.float32 else sum_drawn
        return total(self.values[a:b], members[:, a:b], weights)


def _finding_estimator(cases: CaseSet, questions: Iterable[str] | None) -> _Estimator:
    """Make the estimator of each question's percentage."""
    framework = cases.framework
    ids = framework.known_ids if questions is None else framework.select(questions)
    if not ids:
        raise UsageError("no questions to estimate; pass questions=[...]")
    answers = answers_of(cases, ids)
    values = np.concatenate([answers.sufficient, answers.applicable], axis=1).astype(np.float32)
    return _Estimator(tuple(ids), values, _ratio, values)


def _score_estimator(cases: CaseSet, items: Iterable[str] | None, rule: str) -> _Estimator:
    """Make the estimator of each item's score under a scoring rule."""
    if rule not in RULES:
        raise UnknownNameError("scoring rule", rule, RULES)
    scored = scored_items(cases.framework, items)
    sums = case_sums(cases, scored)
    ids = tuple(s.item.id for s in scored)
    k, n = (by_case.T for by_case in sums.by_case)
    counts = np.concatenate([k, n], axis=1)
    if rule == "pooled":
        return _Estimator(ids, counts, _ratio, counts)
    if rule == "cases":
        applicable = n > 0
        share = np.divide(k, n, out=np.zeros(n.shape), where=applicable, dtype=np.float64)
        values = np.concatenate([share, applicable], axis=1)
        return _Estimator(ids, values, _ratio, counts)
    answers = np.concatenate([given.T for given in sums.answers], axis=1)
    return _Estimator(ids, answers, _mean_of_questions(sums), counts)


def _ratio(sums: Floats) -> Floats:
    k, n = np.split(sums, 2, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(100.0 * k / n, np.float64)


def _mean_of_questions(sums: CaseSums) -> Callable[[Floats], Floats]:
    """Return the function that averages the percentages of each item's questions."""
    item_questions = sums.item_questions.astype(np.float64)

    def percent(drawn: Floats) -> Floats:
        by_question = _ratio(drawn)
        applicable = ~np.isnan(by_question)
        with np.errstate(divide="ignore", invalid="ignore"):
            total = np.where(applicable, by_question, 0.0) @ item_questions
            mean = total / (applicable @ item_questions)
        return np.asarray(mean, np.float64)

    return percent


@attrs.frozen(eq=False)
class _Domains:
    """Groups of cases to estimate, with cases sorted by unit.

    Attributes
    ----------
    labels : tuple of (str or None, str or None)
        Breakdown and group of each reported domain; None for all cases.
    members : ndarray of bool, shape (domains, cases)
        Cases of each reported domain, followed by those of the rest of each complement.
    first, second : ndarray of intp, shape (reported,)
        The two domains whose difference each row reports; -1 for no difference.
    blocks : tuple of (int, int)
        First domain of each breakdown, and the domain after its last.
    """

    labels: tuple[tuple[str | None, str | None], ...]
    members: Flags
    first: Index
    second: Index
    blocks: tuple[tuple[int, int], ...]

    def rows(self, ids: int) -> tuple[Index, Index]:
        """Return the domain and the id of each row, sorted by breakdown, id and group."""
        domain, place = [], []
        for a, b in self.blocks:
            domain.append(np.tile(np.arange(a, b), ids))
            place.append(np.repeat(np.arange(ids), b - a))
        return np.concatenate(domain), np.concatenate(place)


def _make_domains(
    cases: CaseSet, splits: Sequence[Breakdown], with_all: bool, known: bool
) -> _Domains:
    """Assign cases to the groups of breakdowns, optionally after a domain of all cases."""
    packed = cases.packed
    labels: list[tuple[str | None, str | None]] = [(None, None)] * with_all
    blocks = [(0, 1)] * with_all
    first, second = [-1] * with_all, [-1] * with_all
    flags = np.ones((int(with_all), len(cases)), np.bool_)
    rests: list[Flags] = []
    if splits:
        reported = sum(len(s.groups) for s in splits)
        groups: list[Flags] = []
        for split in splits:
            codes = split.codes(cases)
            codes = codes if packed.order is None else codes[packed.order]
            a, size = len(labels), len(split.groups)
            groups += [is_member(split, codes, group) for group in range(size)]
            labels += [(split.key, group) for group in split.groups]
            blocks.append((a, a + size))
            other = a + 1
            if split.contrast == "complement":
                rests.append(compared_sides(split, codes, known) == 1)
                other = with_all + reported + len(rests) - 1
            first += [a if size == 2 else -1] * size
            second += [other if size == 2 else -1] * size
        flags = np.concatenate([flags, groups])
    members = np.concatenate([flags, *(r[np.newaxis] for r in rests)])
    return _Domains(tuple(labels), members, np.array(first), np.array(second), tuple(blocks))


@attrs.frozen(eq=False)
class _Estimates:
    """Observed and resampled percentages of one unit, or of all units together.

    Attributes
    ----------
    unit : str
        The unit, or the label of all units.
    observed : ndarray of float64, shape (domains, ids)
        Observed percentages.
    counts : ndarray of float64, shape (domains, 2 * ids)
        Observed sufficient and applicable answers.
    percent : ndarray of float64, shape (draws, domains, ids)
        Percentages in each draw.
    """

    unit: str
    observed: Floats
    counts: Floats
    percent: Floats


def _numeric_columns(
    estimates: _Estimates, estimator: _Estimator, domains: _Domains, confidence: float
) -> tuple[str, dict[str, npt.NDArray[Any]]]:
    """Return a unit and its columns of numbers."""
    width, reported = len(estimator.ids), len(domains.labels)
    domain, place = domains.rows(width)
    counts, observed = estimates.counts.astype(np.int64), estimates.observed
    found = spread(estimates.percent[:, :reported], confidence)
    paired = domains.first >= 0
    difference = np.full((reported, width), np.nan)
    difference[paired] = observed[domains.first[paired]] - observed[domains.second[paired]]
    spreads = {name: np.full((reported, width), np.nan) for name in ("se", "low", "high")}
    # Both groups of a breakdown report the same difference.
    for a in np.unique(domains.first[paired]).tolist():
        b = int(domains.second[a])
        drawn = spread(estimates.percent[:, a] - estimates.percent[:, b], confidence)
        for name, values in spreads.items():
            values[domains.first == a] = getattr(drawn, name)
    arrays = {
        "k": counts[:, :width],
        "n": counts[:, width:],
        "percent": observed,
        "se": found.se,
        "low": found.low,
        "high": found.high,
        "difference": difference,
        **{f"difference_{name}": values for name, values in spreads.items()},
        "undefined": found.undefined,
    }
    return estimates.unit, {name: array[domain, place] for name, array in arrays.items()}


def _label_columns(
    units: list[str], ids: tuple[str, ...], domains: _Domains, kind: str
) -> dict[str, pa.Array]:
    """Return the columns of unit, breakdown, question or item, and group."""
    domain, place = domains.rows(len(ids))
    keys = [name for name, _ in domains.labels]
    groups = [name for _, name in domains.labels]
    columns: dict[str, tuple[Sequence[str | None], npt.NDArray[np.intp]]]
    columns = {"unit": (units, np.repeat(np.arange(len(units)), len(domain)))}
    columns["breakdown"] = (keys, np.tile(domain, len(units)))
    columns[kind] = (ids, np.tile(place, len(units)))
    columns["group"] = (groups, np.tile(domain, len(units)))
    out = {}
    for name, (labels, at) in columns.items():
        names = list(dict.fromkeys(x for x in labels if x is not None))
        codes = np.array(
            [-1 if label is None else names.index(label) for label in labels], np.int16
        )
        out[name] = _arrow.dictionary(codes[at], names)
    return out
