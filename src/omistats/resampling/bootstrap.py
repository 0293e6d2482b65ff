"""Bootstrap()."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, Literal

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.groups import compared_sides, is_member
from omistats.breakdowns.registry import resolve
from omistats.counting.tally import By
from omistats.errors import UnknownNameError, UsageError
from omistats.kernel.checks import check_confidence, check_whole
from omistats.kernel.resampling import count_drawn, draw_weights, spread, sum_drawn
from omistats.model.batches import read_cases
from omistats.model.case_set import CaseSet
from omistats.model.framework import ALL, Framework
from omistats.resampling.common import (
    Resampled,
    answers_of,
    batches,
    check_choice,
    generator,
)
from omistats.scoring.rules import RULES
from omistats.scoring.sums import CaseSums, case_sums, scored_items

__all__ = [
    "Block",
    "Domains",
    "Estimator",
    "bootstrap",
    "columns_of",
    "finding_estimator",
    "labels_of",
    "make_domains",
    "score_estimator",
]


Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class Estimator:
    """What is summed over cases, and what is made of the sums.

    Attributes
    ----------
    ids : tuple of str
        What is estimated: questions, or items.
    values : ndarray of float32 or float64, shape (cases, columns)
        What each case adds; in float32 whole numbers, sufficient and applicable answers.
    percent : callable
        From sums (..., columns) to percentages (..., ids); NaN where there is none.
    counts : ndarray of float32, shape (cases, 2 * ids)
        Sufficient, then applicable answers of each case.
    """

    ids: tuple[str, ...]
    values: npt.NDArray[np.floating]
    percent: Callable[[Floats], Floats]
    counts: npt.NDArray[np.float32]

    def drawn(
        self, members: npt.NDArray[np.bool_], weights: npt.NDArray[np.float32], a: int, b: int
    ) -> Floats:
        """Sum over the members of domains among the cases from a to b, in each draw."""
        total = count_drawn if self.values.dtype == np.float32 else sum_drawn
        return total(self.values[a:b], members[:, a:b], weights)


def finding_estimator(cases: CaseSet, questions: Iterable[str] | None) -> Estimator:
    """Estimate the percentage of each question."""
    framework = cases.framework
    ids = framework.known_ids if questions is None else framework.select(questions)
    if not ids:
        raise UsageError("no questions to estimate; pass questions=[...]")
    answers = answers_of(cases, ids)
    values = np.concatenate([answers.sufficient, answers.applicable], axis=1).astype(np.float32)
    return Estimator(tuple(ids), values, _ratio, values)


def score_estimator(cases: CaseSet, items: Iterable[str] | None, rule: str) -> Estimator:
    """Estimate the score of each item by a scoring rule."""
    if rule not in RULES:
        raise UnknownNameError("scoring rule", rule, RULES)
    scored = scored_items(cases.framework, items)
    sums = case_sums(cases, scored)
    ids = tuple(s.item.id for s in scored)
    k, n = (by_case.T for by_case in sums.by_case)
    counts = np.concatenate([k, n], axis=1)
    if rule == "pooled":
        return Estimator(ids, counts, _ratio, counts)
    if rule == "cases":
        asked = n > 0
        share = np.divide(k, n, out=np.zeros(n.shape), where=asked, dtype=np.float64)
        values = np.concatenate([share, asked], axis=1)
        return Estimator(ids, values, _ratio, counts)
    # Cases first: sufficient, then applicable answers to each question.
    answers = np.concatenate([given.T for given in sums.answers], axis=1)
    return Estimator(ids, answers, _mean_of_questions(sums), counts)


def _ratio(sums: Floats) -> Floats:
    k, n = np.split(sums, 2, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(100.0 * k / n, np.float64)


def _mean_of_questions(sums: CaseSums) -> Callable[[Floats], Floats]:
    feeds = sums.feeds.astype(np.float64)

    def percent(drawn: Floats) -> Floats:
        each = _ratio(drawn)
        asked = ~np.isnan(each)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = (np.where(asked, each, 0.0) @ feeds) / (asked @ feeds)
        return np.asarray(mean, np.float64)

    return percent


Flags = npt.NDArray[np.bool_]
Index = npt.NDArray[np.intp]


@attrs.frozen(eq=False)
class Domains:
    """Groups of cases, in the order of units.

    Attributes
    ----------
    labels : tuple of (str or None, str or None)
        Breakdown and group of each domain that is reported; None for all cases.
    members : ndarray of bool, shape (domains, cases)
        Who is in each; after those reported come the other sides of complements.
    first, second : ndarray of intp, shape (reported,)
        The domains whose difference is reported beside each; -1 where there is none.
    blocks : tuple of (int, int)
        From and to of the domains of each breakdown.
    """

    labels: tuple[tuple[str | None, str | None], ...]
    members: Flags
    first: Index
    second: Index
    blocks: tuple[tuple[int, int], ...]

    def rows(self, ids: int) -> tuple[Index, Index]:
        """Give domain and place among the ids of every row: by breakdown, id, group."""
        domain, place = [], []
        for a, b in self.blocks:
            domain.append(np.tile(np.arange(a, b), ids))
            place.append(np.repeat(np.arange(ids), b - a))
        return np.concatenate(domain), np.concatenate(place)


def make_domains(
    cases: CaseSet, splits: Sequence[Breakdown], everyone: bool, known: bool
) -> Domains:
    """Lay out the groups of breakdowns, with or without all cases before them."""
    packed = cases.packed
    labels: list[tuple[str | None, str | None]] = [(None, None)] * everyone
    blocks = [(0, 1)] * everyone
    first, second = [-1] * everyone, [-1] * everyone
    flags = np.ones((int(everyone), len(cases)), np.bool_)
    rests: list[Flags] = []
    if splits:
        reported = sum(len(s.groups) for s in splits)
        shown: list[Flags] = []
        for split in splits:
            codes = split.codes(cases)
            codes = codes if packed.order is None else codes[packed.order]
            a, size = len(labels), len(split.groups)
            shown += [is_member(split, codes, group) for group in range(size)]
            labels += [(split.key, group) for group in split.groups]
            blocks.append((a, a + size))
            other = a + 1
            if split.contrast == "complement":
                rests.append(compared_sides(split, codes, known) == 1)
                other = everyone + reported + len(rests) - 1
            first += [a if size == 2 else -1] * size
            second += [other if size == 2 else -1] * size
        flags = np.concatenate([flags, shown])
    members = np.concatenate([flags, *(r[np.newaxis] for r in rests)])
    return Domains(tuple(labels), members, np.array(first), np.array(second), tuple(blocks))


@attrs.frozen(eq=False)
class Block:
    """Estimates of a unit, or of all together.

    Attributes
    ----------
    unit : str
        Which.
    observed, counts : ndarray of float64, shape (domains, ids), (domains, 2 * ids)
        Percentages of the cases themselves, and their sufficient and applicable answers.
    percent : ndarray of float64, shape (draws, domains, ids)
        Percentages in every draw.
    """

    unit: str
    observed: Floats
    counts: Floats
    percent: Floats


def columns_of(
    block: Block, estimator: Estimator, domains: Domains, confidence: float
) -> tuple[str, dict[str, npt.NDArray[Any]]]:
    """Lay out the numbers of a unit, row by row."""
    width, reported = len(estimator.ids), len(domains.labels)
    domain, place = domains.rows(width)
    counts = block.counts.astype(np.int64)
    found = spread(block.percent[:, :reported], confidence)
    pair = domains.first >= 0
    apart = np.full((reported, width), np.nan)
    apart[pair] = block.observed[domains.first[pair]] - block.observed[domains.second[pair]]
    between = {name: np.full((reported, width), np.nan) for name in ("se", "low", "high")}
    # The groups of a breakdown share their difference.
    for a in np.unique(domains.first[pair]).tolist():
        b = int(domains.second[a])
        drawn = spread(block.percent[:, a] - block.percent[:, b], confidence)
        for name, values in between.items():
            values[domains.first == a] = getattr(drawn, name)
    arrays = {
        "k": counts[:, :width],
        "n": counts[:, width:],
        "percent": block.observed,
        "se": found.se,
        "low": found.low,
        "high": found.high,
        "difference": apart,
        **{f"difference_{name}": values for name, values in between.items()},
        "undefined": found.undefined,
    }
    return block.unit, {name: array[domain, place] for name, array in arrays.items()}


def labels_of(
    units: list[str], ids: tuple[str, ...], domains: Domains, kind: str
) -> dict[str, pa.Array]:
    """Give the columns that say what each row is of."""
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


_WEIGHTS_AT_ONCE: Final = 1 << 22
_DRAWS_AT_ONCE: Final = 500


def bootstrap(
    source: Any,
    *,
    of: Literal["findings", "scores"] = "findings",
    by: By | None = None,
    breakdowns: Iterable[Breakdown | type[Breakdown] | str] | None = None,
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
    """Draw cases or units again, and see how findings or scores vary.

    Parameters
    ----------
    source : CaseSet, data frame, table of an engine, record batch reader, data set, or path
        The cases, all of which are read into memory, from files, readers and the tables of
        engines as well. All but a case set need ``framework``.
    of : {'findings', 'scores'}
        Percentages of questions, or scores of items.
    by : {'unit'}, optional
        Every unit, then all together; by default only all together.
    breakdowns : iterable of Breakdown or str, optional
        For findings the framework's standard ones by default; for scores none, and all
        cases come first in any case.
    questions, items : iterable of str, optional
        For findings, ids of questions, by default every one that is not invented; for scores
        ids of items, by default all that questions feed.
    rule : {'pooled', 'questions', 'cases'}
        How scores are made; see `omistats.scores`.
    resample : {'cases', 'units'}
        Draw cases within each unit, as many as it has: other cases of these units. Or draw
        whole units, as many as there are: other units like these.
    draws : int
        How many.
    confidence : float
        Of intervals, between 0 and 1.
    complement : {'all', 'known'}
        What the subset of a complement differs from: all cases outside it, or those whose
        characteristic is known.
    seed : int
        The same seed gives the same draws, as long as NumPy keeps the streams of its
        default generator.
    framework : Framework, optional
        What to check the source against; a case set carries its own.

    Returns
    -------
    Resampled
        One row a unit, breakdown, question or item, and group: ``unit, breakdown``,
        ``question`` or ``item``, ``group`` (dictionary), ``k, n`` (int64, of the cases
        themselves), ``percent, se, low, high`` (percent), ``difference, difference_se,
        difference_low, difference_high`` (percentage points, first group less second, where
        there are two), ``undefined`` (draws in which nothing applied, left out),
        ``resample, draws, confidence``, and ``rule`` for scores. Null where nothing applied.

    Raises
    ------
    UsageError
        When options do not fit together or are out of range, or a source that is no case set
        comes without ``framework``.
    UnknownNameError
        When a question, an item, a breakdown or the rule is unknown.
    DataError
        When the source cannot be read as cases, or a breakdown is ill declared or labels cases
        outside its groups.

    Notes
    -----
    Limits are percentiles of the draws (definition 6 of Hyndman and Fan). Within a unit of m
    cases the variance comes out (m - 1) / m of the unbiased one; a unit of one case adds
    nothing to it. With units drawn the factor is the same for their number.

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
    check_choice("of", of, ("findings", "scores"))
    check_choice("by", by, (None, "unit"))
    check_choice("resample", resample, ("cases", "units"))
    check_choice("complement", complement, ("all", "known"))
    check_whole("draws", draws, 2)
    check_whole("seed", seed, 0)
    check_confidence(confidence)
    _check_fit(of, by, questions, items, rule, resample)
    cases = read_cases(source, framework)
    if of == "findings":
        estimator = finding_estimator(cases, questions)
        wanted = cases.framework.breakdowns if breakdowns is None else breakdowns
    else:
        estimator = score_estimator(cases, items, rule)
        wanted = () if breakdowns is None else breakdowns
    wanted = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    splits = resolve(wanted, cases.framework) if wanted else ()
    domains = make_domains(cases, splits, of == "scores", complement == "known")
    if not domains.labels:
        raise UsageError("nothing to estimate; pass breakdowns=[...]")
    blocks = (
        _units_drawn(cases, estimator, domains, draws, seed)
        if resample == "units"
        else _cases_drawn(cases, estimator, domains, by, draws, seed)
    )
    parts = [columns_of(block, estimator, domains, confidence) for block in blocks]
    kind = "question" if of == "findings" else "item"
    table = labels_of([unit for unit, _ in parts], estimator.ids, domains, kind)
    for name in parts[0][1]:
        table[name] = pa.array(np.concatenate([c[name] for _, c in parts]), from_pandas=True)
    rows = len(table["group"])
    fixed = {"resample": resample, **({"rule": rule} if of == "scores" else {})}
    for name, value in fixed.items():
        table[name] = _arrow.dictionary(np.zeros(rows, np.int8), [value])
    table["draws"] = pa.array(np.full(rows, draws, np.int64))
    table["confidence"] = pa.array(np.full(rows, float(confidence)))
    return Resampled(pa.table(table).replace_schema_metadata(dict(cases.metadata) or None))


def _check_fit(
    of: str, by: str | None, questions: object, items: object, rule: str, resample: str
) -> None:
    wrong = []
    if of == "findings" and (items is not None or rule != "pooled"):
        wrong.append("`items` and `rule` are of scores; say of='scores', or choose `questions`")
    if of == "scores" and questions is not None:
        wrong.append("scores are of items; choose `items`, or say of='findings'")
    if resample == "units" and by == "unit":
        wrong.append("where units are drawn they are not reported one by one; leave `by` out")
    if wrong:
        raise UsageError("; ".join(wrong))


def _sums(values: npt.NDArray[Any], domains: Domains, a: int, b: int) -> Floats:
    """Sum over the cases themselves, from one to another."""
    once = np.ones((1, b - a), np.float32)
    out: Floats = sum_drawn(values[a:b], domains.members[:, a:b], once)[0]
    return out


def _cases_drawn(
    cases: CaseSet, estimator: Estimator, domains: Domains, by: By | None, draws: int, seed: int
) -> Iterator[Block]:
    starts = cases.packed.starts
    chances = [generator(seed, unit) for unit in cases.units]
    shape = (len(domains.members), estimator.values.shape[1])
    if by is None:
        percent = np.empty((draws, shape[0], len(estimator.ids)))
        done = 0
        for size in batches(draws, len(cases), _WEIGHTS_AT_ONCE, _DRAWS_AT_ONCE):
            weights = draw_weights(starts, size, chances)
            drawn = estimator.drawn(domains.members, weights, 0, len(cases))
            percent[done : done + size] = estimator.percent(drawn)
            done += size
    else:
        total = np.zeros((draws, *shape))
        for unit, chance, (a, b) in zip(
            cases.units, chances, pairwise(starts.tolist()), strict=True
        ):
            weights = draw_weights(np.array([0, b - a]), draws, [chance])
            drawn = estimator.drawn(domains.members, weights, a, b)
            total += drawn
            yield _block(unit, estimator, domains, a, b, estimator.percent(drawn))
        percent = estimator.percent(total)
    yield _block(ALL, estimator, domains, 0, len(cases), percent)


def _units_drawn(
    cases: CaseSet, estimator: Estimator, domains: Domains, draws: int, seed: int
) -> Iterator[Block]:
    # A declared unit without cases is not there to be drawn.
    bounds = [(a, b) for a, b in pairwise(cases.packed.starts.tolist()) if b > a]
    each = np.array([_sums(estimator.values, domains, a, b) for a, b in bounds])
    if len(bounds) < 2:
        raise UsageError(
            f"units are drawn from two or more, found {len(bounds)} with cases; "
            "say resample='cases'"
        )
    starts = np.array([0, len(bounds)])
    percent = np.empty((draws, each.shape[1], len(estimator.ids)))
    chance, done = generator(seed, "units drawn"), 0
    flat = each.reshape(len(bounds), -1)
    for size in batches(draws, flat.shape[1]):
        weights = draw_weights(starts, size, [chance]).astype(np.float64)
        drawn = (weights @ flat).reshape(size, *each.shape[1:])
        percent[done : done + size] = estimator.percent(drawn)
        done += size
    yield _block(ALL, estimator, domains, 0, len(cases), percent)


def _block(
    unit: str, estimator: Estimator, domains: Domains, a: int, b: int, percent: Floats
) -> Block:
    observed = estimator.percent(_sums(estimator.values, domains, a, b))
    return Block(unit, observed, _sums(estimator.counts, domains, a, b), percent)
