"""Simulate synthetic cases of a programme.

    python -m omistats.programmes.simulation NAME [--cases N] [--seed S]

writes ``cases.parquet`` and ``golden.json`` into the folder of a shipped programme.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.errors import UsageError
from omistats.findings.compute import recompute
from omistats.kernel.checks import check_whole
from omistats.model.case_set import CaseSet
from omistats.model.framework import (
    NOT_ANSWERED,
    NOT_APPLICABLE,
    Framework,
    Question,
    check_framework,
    stored_labels,
)
from omistats.model.metadata import SYNTHETIC, SYNTHETIC_ID
from omistats.model.units import Unit, as_units
from omistats.scoring.compute import scores

__all__ = ["golden_output", "simulate_cases"]

_UNKNOWN, _NOT_APPLICABLE, _NOT_ANSWERED = 0.03, 0.06, 0.04


def simulate_cases(
    framework: Framework, units: Sequence[Unit], *, cases: int = 240, seed: int = 1
) -> CaseSet:
    """Simulate cases of a framework, with its levels and routing.

    Parameters
    ----------
    framework : Framework
        The questions and strata.
    units : sequence of Unit
        The units, at least one, between which cases are shared out at random.
    cases : int
        Number of cases.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    CaseSet
        Cases marked as synthetic. A case that does well on one question tends to on others;
        units differ; groups do not.

    Raises
    ------
    UsageError
        When a number is out of range, or ``units`` is no list of units or names none.
    """
    check_framework(framework)
    units = as_units(units)
    if not units:
        raise UsageError(
            "`units` must name at least one unit; found none. Pass units=[oms.Unit('a')]"
        )
    check_whole("cases", cases, 1)
    check_whole("seed", seed, 0)
    rng = np.random.default_rng(seed)
    unit = rng.integers(0, len(units), cases)
    ability = rng.normal(0, 0.5, len(units))[unit] + rng.normal(0, 0.8, cases)
    data: dict[str, Any] = {
        "case_id": [f"{SYNTHETIC_ID}{i:05d}" for i in range(1, cases + 1)],
        "unit": [units[i].id for i in unit],
    }
    for stratum in framework.strata:
        drawn = rng.choice(np.array(stratum.levels, object), cases)
        drawn[rng.random(cases) < _UNKNOWN] = None
        data[stratum.name] = drawn.tolist()
    ordered = [*(q for q in framework.questions if not q.asked_if), *framework.routed]
    for question in ordered:
        data[question.id] = _answers(question, framework, data, ability, rng)
    columns = {
        name: pa.array(values, pa.bool_() if _is_boolean(name, framework) else None)
        for name, values in data.items()
    }
    table = pa.table(columns).replace_schema_metadata({SYNTHETIC: b"true"})
    return CaseSet.from_data(table, framework=framework, units=units)


def _is_boolean(name: str, framework: Framework) -> bool:
    return name in framework.question_ids and (
        stored_labels(framework, framework.question(name)) is None
    )


def _answers(
    question: Question,
    framework: Framework,
    data: dict[str, Any],
    ability: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> list[Any]:
    cases, levels = len(ability), question.answers
    ease, width = rng.normal(0.4, 0.6), 1.2
    place = np.argsort(rng.permutation(len(levels)))
    if question.ordered or not question.levels:
        # From best to worst.
        cut = question.sufficient or levels[:1]
        place = np.arange(len(levels))
        if set(cut) != set(levels[: len(cut)]):
            place = place[::-1]
    quality = ability + ease + rng.logistic(0, 0.6, cases)
    steps = np.linspace(width, -width, len(levels) - 1) if len(levels) > 2 else np.zeros(1)
    code = (quality[:, np.newaxis] < steps).sum(axis=1)
    answers: list[Any] = [levels[place[c]] for c in code]
    asked = np.ones(cases, np.bool_)
    if question.asked_if:
        asked = np.array(
            [
                any(
                    all(data[name][i] in named for name, named in condition)
                    for condition in question.asked_if
                )
                for i in range(cases)
            ]
        )
    chance = rng.random(cases)
    for i in range(cases):
        if not asked[i] or chance[i] < _NOT_APPLICABLE:
            answers[i] = NOT_APPLICABLE
        elif framework.not_answered is not None and chance[i] > 1 - _NOT_ANSWERED:
            answers[i] = NOT_ANSWERED
    if _is_boolean(question.id, framework):
        named = {levels[0]: True, levels[1]: False}
        return [named.get(answer) for answer in answers]
    return answers


def golden_output(cases: CaseSet) -> dict[str, Any]:
    """Compute what a programme's cases are checked against.

    Parameters
    ----------
    cases : CaseSet
        Cases of the programme, with units.

    Returns
    -------
    dict
        ``findings``: k, n and what was not answered of every question, for all cases together;
        ``scores``: k and n of every item and unit.
    """
    found = recompute(cases, breakdowns=[], questions=cases.framework.question_ids).table
    scored = scores(cases, by="unit").table.to_pylist()
    return {
        "findings": {
            row["question"]: [row["k"], row["n"], row.get("not_answered")]
            for row in found.to_pylist()
        },
        "scores": {f"{row['unit']} {row['item']}": [row["k"], row["n"]] for row in scored},
    }


def main() -> None:
    """Write the cases of a shipped programme, and what they are checked against."""
    import pyarrow.parquet as pq

    from omistats.programmes.programme import load

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--cases", type=int, default=240)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    programme = load(asked.name)
    if programme.folder.joinpath("cases.parquet").exists() and not (
        programme.folder.joinpath("golden.json").exists()
    ):
        parser.error(f"{asked.name} has cases that are not made here")
    made = simulate_cases(programme.framework, programme.units, cases=asked.cases, seed=asked.seed)
    pq.write_table(pa.table(made), programme.folder / "cases.parquet")
    text = json.dumps(golden_output(made), indent=1) + "\n"
    Path(programme.folder / "golden.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
