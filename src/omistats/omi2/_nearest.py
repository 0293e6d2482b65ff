"""Whether figures that differ from print had to, and by no less."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from omistats.forensics import Figure, Whole, feasible_counts
from omistats.kernel.significance import STARS
from omistats.omi2._compared import ComparedCell, printed_rows
from omistats.omi2._evidence import Cell, Row, cell_of, wholes_of
from omistats.omi2._sizes import Clash, dataset_clashes, question_clashes

__all__ = ["accounted_for", "had_to_differ", "replaced"]

Value = int | str | None


def accounted_for(cells: Iterable[ComparedCell]) -> frozenset[Cell]:
    """Choose, of all cells, the mismatches that had to be, and to be no smaller."""
    cells = tuple(cells)
    differing: dict[str, dict[Cell, Value]] = defaultdict(dict)
    for cell in cells:
        if not cell.agrees:
            differing[cell.question][cell.place] = cell.recomputed
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in printed_rows(cells):
        rows[row.question].append(row)
    found = (had_to_differ(rows[q], values) for q, values in differing.items())
    return frozenset[Cell]().union(*found)


def had_to_differ(rows: Sequence[Row], recomputed: Mapping[Cell, Value]) -> set[Cell]:
    """Choose, of the figures of a question that differ from print, those that had to.

    Parameters
    ----------
    rows : sequence of Row
        All rows of one question, as printed.
    recomputed : mapping of Cell to int, str or None
        The figures that differ, and what was recomputed in their place; all others agree.

    Returns
    -------
    set of Cell
        Those whose recomputed value is possible beside the figures that agree while print,
        and every value nearer to print than the recomputed one, is not. Other figures that
        differ are left free. Numbers of cases are taken as recomputed.
    """
    sizes = {c: n for c, n in recomputed.items() if c.what == "n" and isinstance(n, int)}
    resized = [_resized(row, sizes) for row in rows]
    needed = {cell for cell in sizes if _size_needed(rows, cell, sizes)}
    broken = {clash.row.key for clash in _clashes(resized) if clash.row is not None}
    for whole in wholes_of(resized, broken):
        agreeing = {name for name in whole.figures if cell_of(name) not in recomputed}
        for name in whole.figures - agreeing:
            if _figure_needed(whole, name, agreeing, recomputed[cell_of(name)]):
                needed.add(cell_of(name))
    return needed


def _figure_needed(
    whole: Whole, name: Hashable, agreeing: Collection[Hashable], value: Value
) -> bool:
    """Say whether a value is possible beside figures that agree, and none nearer to print is."""
    scale = STARS if cell_of(name).what == "stars" else tuple(range(101))
    if value not in scale:
        return False
    place, print_at = scale.index(value), scale.index(_printed(whole, name))
    kept = {*agreeing, name}

    def possible(at: int) -> bool:
        return bool(feasible_counts(replaced(whole, name, scale[at]), kept).any())

    nearer = (at for at in _around(print_at, abs(place - print_at)) if 0 <= at < len(scale))
    return not any(map(possible, nearer)) and possible(place)


def _around(middle: int, distance: int) -> Iterator[int]:
    """Go through the whole numbers nearer than a distance, nearest first."""
    if distance:
        yield middle
    for step in range(1, distance):
        yield from (middle - step, middle + step)


def _printed(whole: Whole, name: Hashable) -> Value:
    if not isinstance(name, Figure):
        return dict(whole.percents)[name]
    division = next(d for d in whole.divisions if d.key == name.division)
    return {"first": division.percent1, "second": division.percent2, "stars": division.stars}[
        name.what
    ]


def replaced(whole: Whole, name: Hashable, value: Value) -> Whole:
    """Print another value in place of one."""
    if not isinstance(name, Figure):
        percents: Any = tuple((n, value if n == name else p) for n, p in whole.percents)
        return attrs.evolve(whole, percents=percents)
    change: dict[str, Any] = {
        {"first": "percent1", "second": "percent2", "stars": "stars"}[name.what]: value
    }
    divisions = tuple(
        attrs.evolve(d, **change) if d.key == name.division else d for d in whole.divisions
    )
    return attrs.evolve(whole, divisions=divisions)


def _resized(row: Row, sizes: Mapping[Cell, int]) -> Row:
    one, two = (sizes.get(row.cell(g, "n"), row.sizes[g]) for g in (0, 1))
    return attrs.evolve(row, sizes=(one, two))


def _clashes(rows: Sequence[Row]) -> list[Clash]:
    return [*question_clashes(rows), *dataset_clashes([rows])]


def _size_needed(rows: Sequence[Row], cell: Cell, sizes: Mapping[Cell, int]) -> bool:
    """Say whether a number of cases clashes with none, and every nearer one to print does."""
    row = next(r for r in rows if r.key == cell[:2])
    printed, value = row.sizes[row.groups.index(str(cell.group))], sizes[cell]

    def possible(n: int) -> bool:
        clashes = _clashes([_resized(r, {**sizes, cell: n}) for r in rows])
        return not any(cell in clash.cells for clash in clashes)

    nearer = (n for n in _around(printed, abs(value - printed)) if n >= 0)
    return not any(map(possible, nearer)) and possible(value)
