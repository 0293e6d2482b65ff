"""Whether the files that make up a source have the same columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import attrs
import pyarrow as pa

from omistats.errors import DataError, Problem, shown
from omistats.model.framework import Framework
from omistats.model.pieces import Piece
from omistats.model.reading import KEYS, column_problems

__all__ = ["check_schemas"]


def check_schemas(
    pieces: Sequence[Piece], framework: Framework | None, wanted: Collection[str] | None
) -> None:
    """Refuse pieces that lack columns, or have columns of other types than the first.

    Raises
    ------
    DataError
        With each problem once, and the pieces that have it.
    """
    first = pieces[0]
    required: set[str] = set()
    if framework is not None:
        required = {*KEYS, *framework.question_ids}
        required.update(s.name for s in framework.strata if s.required)
    found: dict[Problem, list[str]] = {}
    for piece in pieces:
        problems = [] if framework is None else column_problems(piece.schema.names, framework)
        if piece is not first:
            told = required.difference(piece.schema.names)
            problems += [p for p in _differences(first, piece, wanted) if p.where not in told]
        for problem in problems:
            found.setdefault(problem, []).append(piece.name)
    if found:
        raise DataError(
            [
                problem
                if len(pieces) == 1 and names == [first.name]
                else attrs.evolve(problem, where=f"{_some(names)}: {problem.where}")
                for problem, names in found.items()
            ]
        )


def _differences(first: Piece, piece: Piece, wanted: Collection[str] | None) -> list[Problem]:
    here, there = _types(piece.schema), _types(first.schema)
    problems = []
    for name in there if wanted is None else wanted:
        rule = f"all files have it with the type that it has in {first.name}, {there[name]}"
        hint = "Write all files with one schema."
        if name not in here:
            problems.append(Problem(name, rule, "no such column", hint))
        elif not _alike(here[name], there[name]):
            problems.append(Problem(name, rule, str(here[name]), hint))
    if wanted is None and (more := sorted(here.keys() - there.keys())):
        rule = f"all files have the columns of {first.name}"
        problems.append(Problem("columns", rule, f"besides these {shown(more)}", "Drop them."))
    return problems


def _types(schema: pa.Schema) -> Mapping[str, pa.DataType]:
    return {field.name: field.type for field in schema}


def _alike(one: pa.DataType, other: pa.DataType) -> bool:
    """Compare types; how wide the codes of a dictionary are does not matter."""
    if pa.types.is_dictionary(one) and pa.types.is_dictionary(other):
        return bool(one.value_type == other.value_type)
    return bool(one == other)


def _some(names: Sequence[str]) -> str:
    rest = len(names) - 3
    return ", ".join(names[:3]) + (f" and {rest} more" if rest > 0 else "")
