"""Cells with too few cases, merged with their neighbours by a rule."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from omistats.sampling.cells import Key

__all__ = ["Part", "merge"]


@attrs.frozen
class Part:
    """Cells that are weighted as one.

    Attributes
    ----------
    cells : tuple of int
        Their places in the order of cells, ascending.
    keys : tuple of Key
        Their names.
    n, population : int
        Cases inspected, and cases of the caseload.
    """

    cells: tuple[int, ...]
    keys: tuple[Key, ...]
    n: int
    population: int

    def sparse(self, least: int) -> bool:
        """Say whether there are too few cases, and more were there to inspect."""
        return self.n < min(least, self.population)

    def joined(self, other: Part) -> Part:
        """Put two parts together."""
        pairs = zip(self.cells + other.cells, self.keys + other.keys, strict=True)
        order = sorted(pairs, key=lambda pair: pair[0])
        return Part(
            tuple(place for place, _ in order),
            tuple(key for _, key in order),
            self.n + other.n,
            self.population + other.population,
        )


def merge(parts: Iterable[Part], least: int) -> list[Part]:
    """Merge sparse cells with neighbours, the last characteristic giving way first.

    Parameters
    ----------
    parts : iterable of Part
        Single cells, in order.
    least : int
        Cases inspected that a part needs, unless its caseload has fewer.

    Returns
    -------
    list of Part
        In the order of their first cells. Parts may be sparse still: those that nothing is
        left for but to be merged across the first characteristic, or across units.

    Notes
    -----
    The sparsest first; it joins a part that differs from it in the last characteristic only.
    When such are used up it joins one that differs in the characteristic before, of those one
    that has later levels in common with it if there is one. Of several it joins the part with
    the most cases inspected, whose weights that changes least; of equals the first.
    """
    now = sorted(parts, key=lambda part: part.cells)
    deepest = len(now[0].keys[0]) - 1 if now else 0
    # A key begins with the unit and the first characteristic, which parts have in common.
    for depth in range(deepest, 1, -1):
        families: dict[Key, list[Part]] = {}
        for part in now:
            families.setdefault(part.keys[0][:depth], []).append(part)
        now = [part for family in families.values() for part in _within(family, depth, least)]
    return sorted(now, key=lambda part: part.cells)


def _within(family: list[Part], depth: int, least: int) -> list[Part]:
    """Merge sparse parts of those that agree in what comes before ``depth``."""
    while len(family) > 1:
        sparse = [part for part in family if part.sparse(least)]
        if not sparse:
            break
        poorest = min(sparse, key=lambda part: (part.n, part.population, part.cells))
        later = {key[depth + 1 :] for key in poorest.keys}
        others = [part for part in family if part is not poorest]
        nearest = max(
            others,
            key=lambda part: (
                not later.isdisjoint(key[depth + 1 :] for key in part.keys),
                part.n,
                [-place for place in part.cells],
            ),
        )
        family = [p for p in others if p is not nearest] + [nearest.joined(poorest)]
    return family
