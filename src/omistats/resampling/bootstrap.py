"""How far findings and scores would vary had other cases, or other units, been drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.registry import resolve
from omistats.errors import UsageError
from omistats.kernel.bootstrap import draw_weights, sum_drawn
from omistats.kernel.face import check_confidence
from omistats.model.cases import CaseSet
from omistats.model.framework import Framework
from omistats.model.sources import read_cases
from omistats.model.strata import ALL
from omistats.resampling.domains import Domains, make_domains
from omistats.resampling.estimators import Estimator, finding_estimator, score_estimator
from omistats.resampling.options import batches, check_choice, check_whole, generator
from omistats.resampling.result import Resampled
from omistats.resampling.rows import Block, columns_of, labels_of
from omistats.tallies import By

__all__ = ["bootstrap"]

Floats = npt.NDArray[np.float64]

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
