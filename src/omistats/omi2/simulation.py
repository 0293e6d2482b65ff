"""Simulate cases of a whole programme."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats._arrow.build import dictionary
from omistats.errors import UnknownNameError, UsageError, format_value
from omistats.kernel.checks import check_whole
from omistats.model.case_set import CaseSet
from omistats.omi2.cases import load_synthetic
from omistats.omi2.framework import DEMONSTRATION, STANDARD_NAMES
from omistats.omi2.synthesis.answers import CIRCUMSTANCES

__all__ = ["simulate"]


Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_UNIT_SIZES: Final = (100, 220)
_MOST_UNITS: Final = 9_999
_MOST_CASES: Final = 1_000_000
# On the log odds scale, where 10 makes all answers of a unit alike.
_MOST_SD: Final = 10
_SWEEPS: Final = 8
# Invented: the correlation between questions about one circumstance in whether they apply.
_CIRCUMSTANCE_CORRELATION: Final = 0.9
# Normal effects flatten a logistic curve by about sqrt(1 + c^2 variance), where c is
# 16 sqrt(3) / (15 pi) (Zeger, Liang and Albert, Biometrics 44, 1988).
_FLATTEN: Final = (16 * math.sqrt(3) / (15 * math.pi)) ** 2

_VERSION: Final = "1"


def simulate(
    units: int = 35,
    *,
    seed: int = 2009,
    sizes: int | tuple[int, int] = _UNIT_SIZES,
    unit_sd: float = 0.25,
    case_sd: float = 0.5,
    difference: Mapping[str, float] | None = None,
) -> CaseSet:
    """Simulate cases of a whole programme, for trials, teaching and power studies.

    Parameters
    ----------
    units : int, optional
        The number of units. The default is the number of Trusts that the programme inspected.
    seed : int, optional
        The same seed gives the same cases, as long as NumPy does not change the streams of its
        default generator between versions.
    sizes : int or (int, int), optional
        The number of cases of every unit, or the smallest and largest number. The default is
        the size of samples; whole caseloads are larger.
    unit_sd : float, optional
        The standard deviation of unit effects on the log odds scale: of an overall effect of
        each unit, and again of its effect on each question.
    case_sd : float, optional
        The standard deviation of case effects on the log odds scale. It correlates the answers
        within a case.
    difference : mapping of str to float, optional
        Log odds ratios to build in, by characteristic: the odds of a sufficient answer to any
        question in the first level of the characteristic, relative to all other cases. They
        hold approximately, on average over units and cases. Groups then do not differ in any
        other way; with ``{}`` they do not differ at all. By default groups differ on each
        question about as in the published tables.

    Returns
    -------
    CaseSet
        With the framework `DEMONSTRATION`, ids ``SYN-SIM-...`` and units ``S01``, ``S02``, ...
        The metadata mark the cases as ``synthetic`` and ``simulated`` and keep the arguments.

    Raises
    ------
    UsageError
        When an argument is out of range.
    UnknownNameError
        When a characteristic is unknown.

    Notes
    -----
    All six characteristics of a case are drawn together, from the cases of `load_synthetic`.
    Whether a question applies and whether work was sufficient follow logistic models with one
    effect for every group, fitted to the same cases, so rates by group are near the printed
    ones except for chance. Questions about one circumstance of a case mostly apply together.
    Unlike the shipped cases, these do not reproduce the printed figures.

    Examples
    --------
    >>> import omistats as oms
    >>> cases = oms.omi2.simulate(units=3, seed=1)
    >>> len(cases.units), cases.metadata[b"simulated"]
    (3, b'true')
    """
    _check(units, seed, sizes, unit_sd, case_sd, difference)
    low, high = (sizes, sizes) if isinstance(sizes, int | np.integer) else sizes
    model = _model()
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(units), rng.integers(low, high + 1, units))
    who = rng.integers(0, model.cell.size, unit.size)
    cell = model.cell[who]
    questions = len(DEMONSTRATION.questions)
    applicable = _correlated(unit.size, rng) < model.apply[cell]
    steep = math.sqrt(1 + _FLATTEN * (2 * unit_sd**2 + case_sd**2))
    logits = model.sufficient if difference is None else model.with_difference(difference)
    effect = rng.normal(0.0, unit_sd, (units, 1)) + rng.normal(0.0, unit_sd, (units, questions))
    odds = (steep * logits)[cell] + effect[unit] + rng.normal(0.0, case_sd, (unit.size, 1))
    sufficient = rng.logistic(size=odds.shape) < odds
    width = max(4, len(str(unit.size)))
    columns = {
        "case_id": pa.array([f"SYN-SIM-{i:0{width}d}" for i in range(1, unit.size + 1)]),
        "unit": dictionary(unit.astype(np.int16), [f"S{u:02d}" for u in range(1, units + 1)]),
    }
    for name, codes in model.codes.items():
        levels = DEMONSTRATION.stratum(name).levels
        columns[name] = dictionary(codes[who].astype(np.int8), levels)
    for i, question in enumerate(DEMONSTRATION.question_ids):
        # Columns of a cases x questions array are strided; Arrow needs contiguous memory.
        yes, no = np.ascontiguousarray(sufficient[:, i]), np.ascontiguousarray(~applicable[:, i])
        columns[question] = pa.array(yes, pa.bool_(), mask=no)
    arguments = {"units": units, "seed": seed, "unit_sd": unit_sd, "case_sd": case_sd}
    table = pa.table(columns).replace_schema_metadata(
        {
            "synthetic": "true",
            "simulated": "true",
            "description": "Simulated cases; no row is a real case and no unit a real Trust.",
            "generator": "omistats.omi2.simulate",
            "generator_version": _VERSION,
            **{name: str(value) for name, value in arguments.items()},
            "sizes": f"{low}-{high}",
            "difference": json.dumps(
                None if difference is None else {k: float(v) for k, v in difference.items()}
            ),
        }
    )
    return CaseSet.from_data(table, framework=DEMONSTRATION)


@attrs.frozen
class _Model:
    """Model of the answers, by cell of cases with equal characteristics.

    Attributes
    ----------
    codes : dict of str to ndarray of int64, shape (cases,)
        By characteristic, the level of each shipped case, -1 where unclassified.
    cell : ndarray of int64, shape (cases,)
        The cell of each shipped case.
    apply : ndarray of float64, shape (cells, questions)
        Normal quantiles of the probability that a question applies.
    sufficient : ndarray of float64, shape (cells, questions)
        Logits of the probability of a sufficient answer.
    overall : ndarray of float64, shape (questions,)
        The same logits over all cases.
    """

    codes: dict[str, Ints]
    cell: Ints
    apply: Floats
    sufficient: Floats
    overall: Floats

    def with_difference(self, difference: Mapping[str, float]) -> Floats:
        """Return logits with the given differences between groups and no others."""
        _, first = np.unique(self.cell, return_index=True)
        shift = np.zeros(first.size)
        for name, value in difference.items():
            shift += value * ((self.codes[name][first] == 0) - (self.codes[name] == 0).mean())
        return np.asarray(self.overall + shift[:, None], np.float64)


@cache
def _model() -> _Model:
    from scipy.special import ndtri

    cases = load_synthetic()
    codes = {
        name: cases[name].indices.fill_null(-1).to_numpy().astype(np.int64)
        for name in STANDARD_NAMES
    }
    _, first, cell = np.unique(
        np.stack(list(codes.values())), axis=1, return_index=True, return_inverse=True
    )
    cell = cell.reshape(-1)
    answers = [cases[q] for q in DEMONSTRATION.question_ids]
    applicable = np.stack([a.is_valid().to_numpy(zero_copy_only=False) for a in answers], axis=1)
    sufficient = np.stack(
        [a.fill_null(False).to_numpy(zero_copy_only=False) for a in answers], axis=1
    )
    size = np.bincount(cell).astype(np.float64)
    n, k = (np.zeros((size.size, len(answers))) for _ in range(2))
    np.add.at(n, cell, applicable)
    np.add.at(k, cell, sufficient)
    groups = [codes[name][first] for name in codes]
    everyone = np.broadcast_to(size[:, None], n.shape)
    overall = _logit(k.sum(axis=0), n.sum(axis=0), 0.5)
    # A question that applies to no case of a group stays inapplicable there, but no group is
    # certain to be sufficient or not: hence the smaller continuity count here.
    chance = 1 / (1 + np.exp(-_main_effects(n, everyone, groups, 1e-6)))
    return _Model(codes, cell, ndtri(chance), _main_effects(k, n, groups, 0.5), overall)


def _main_effects(k: Floats, n: Floats, groups: list[Ints], least: float) -> Floats:
    """Fit logits with one effect for every group, so that each group has its observed rate.

    Each sweep shifts the groups of one characteristic after the other to their rates;
    ``least`` replaces counts of zero.
    """
    logits = np.tile(_logit(k.sum(axis=0), n.sum(axis=0), least), (n.shape[0], 1))
    for _ in range(_SWEEPS):
        for codes in groups:
            for level in range(codes.max() + 1):
                at = codes == level
                of = n[at].sum(axis=0)
                now = (n[at] / (1 + np.exp(-logits[at]))).sum(axis=0)
                step = _logit(k[at].sum(axis=0), of, least) - _logit(now, of, least)
                logits[at] += np.where(of > 0, step, 0.0)
    return logits


def _logit(k: Floats, n: Floats, least: float) -> Floats:
    k = np.clip(k, least, np.maximum(n - least, least))
    return np.asarray(np.log(k / np.maximum(n - k, least)), np.float64)


def _correlated(cases: int, rng: np.random.Generator) -> Floats:
    """Draw standard normals, correlated between questions about one circumstance."""
    ids = DEMONSTRATION.question_ids
    out = rng.standard_normal((cases, len(ids)))
    for questions in CIRCUMSTANCES:
        at = [ids.index(q) for q in questions]
        trait = rng.standard_normal((cases, 1))
        out[:, at] = (
            math.sqrt(_CIRCUMSTANCE_CORRELATION) * trait
            + math.sqrt(1 - _CIRCUMSTANCE_CORRELATION) * out[:, at]
        )
    return out


def _check(
    units: int,
    seed: int,
    sizes: object,
    unit_sd: float,
    case_sd: float,
    difference: Mapping[str, float] | None,
) -> None:
    if not _is_whole(units) or not 0 < units <= _MOST_UNITS:
        raise UsageError(
            f"`units` must be a whole number from 1 to {_MOST_UNITS:,}; found {format_value(units)}"
        )
    check_whole("seed", seed, 0)
    ends: Any = (sizes, sizes) if _is_whole(sizes) else sizes
    pair = isinstance(ends, tuple | list) and len(ends) == 2 and all(map(_is_whole, ends))
    if not pair or not 0 < ends[0] <= ends[1] <= _MOST_CASES:
        raise UsageError(
            f"`sizes` must be a whole number from 1 to {_MOST_CASES:,}, or two of them in "
            f"ascending order; found {format_value(sizes)}"
        )
    for name, value in (("unit_sd", unit_sd), ("case_sd", case_sd)):
        if isinstance(value, bool) or not _is_finite(value) or not 0 <= value <= _MOST_SD:
            raise UsageError(
                f"`{name}` must be a number from 0 to {_MOST_SD}; found {format_value(value)}"
            )
    if difference is None:
        return
    if not isinstance(difference, Mapping):
        raise UsageError(
            "`difference` must map characteristics to log odds ratios; found "
            f"{format_value(difference)}; pass a dict such as {{'gender': 0.3}}"
        )
    if unknown := [name for name in difference if name not in STANDARD_NAMES]:
        raise UnknownNameError("characteristic", unknown, STANDARD_NAMES)
    for name, value in difference.items():
        if not _is_finite(value):
            raise UsageError(
                f"`difference` of {name!r} must be a finite number; found {format_value(value)}"
            )


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float | np.number) and math.isfinite(value)
