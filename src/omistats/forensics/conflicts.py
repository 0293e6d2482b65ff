"""The smallest sets of printed figures that contradict one another."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import reduce
from itertools import product
from operator import and_

import numpy as np

from omistats.forensics.chains import Whole, feasible_counts

__all__ = ["minimal_conflicts"]


def minimal_conflicts(whole: Whole) -> tuple[frozenset[Hashable], ...]:
    """Find every smallest set of printed figures that no counts satisfy together.

    Parameters
    ----------
    whole : Whole
        What is printed.

    Returns
    -------
    tuple of frozenset
        Each is contradictory, and is so no longer when any of its figures is dropped; no
        other minimal set exists. Smallest first. Empty if the figures hold together.

    Notes
    -----
    All subsets of figures are covered. Of each division only those subsets matter that
    narrow the counts of the whole more than a smaller one does, which leaves few.

    Examples
    --------
    >>> from omistats.forensics import Figure, Division, Whole
    >>> whole = Whole(271, (("all", 78),), (Division("gender", 261, 10, 79, 80, "--"),))
    >>> [len(conflict) for conflict in minimal_conflicts(whole)]
    [3]
    >>> Figure("gender", "stars") in minimal_conflicts(whole)[0]
    False
    """
    if feasible_counts(whole).any():
        return ()
    parts = [_options(whole, (name,)) for name, _ in whole.percents]
    parts += [_options(whole, [f for d in same for f in d.figures]) for same in whole.splits]
    everything = (1 << (whole.n + 1)) - 1
    # What all figures of a part and of the parts after it allow.
    after = [everything]
    for options in reversed(parts):
        after.append(reduce(and_, (allowed for _, allowed in options), after[-1]))
    after.reverse()
    found: set[frozenset[Hashable]] = set()

    def extend(depth: int, chosen: frozenset[Hashable], counts: int) -> None:
        if not counts:
            found.add(chosen)
        elif not counts & after[depth]:
            for figures, allowed in parts[depth]:
                extend(depth + 1, chosen | figures, counts & allowed)

    extend(0, frozenset(), everything)
    minimal: list[frozenset[Hashable]] = []
    for conflict in sorted(found, key=lambda c: (len(c), sorted(map(repr, c)))):
        if not any(smaller <= conflict for smaller in minimal):
            minimal.append(conflict)
    return tuple(minimal)


def _options(whole: Whole, figures: Sequence[Hashable]) -> list[tuple[frozenset[Hashable], int]]:
    """Give the subsets of a part's figures worth keeping, with the counts they allow as bits."""
    options: list[tuple[frozenset[Hashable], int]] = []
    for keep in sorted(product((False, True), repeat=len(figures)), key=sum):
        subset = frozenset(f for f, k in zip(figures, keep, strict=True) if k)
        allowed = np.packbits(feasible_counts(whole, subset), bitorder="little")
        bits = int.from_bytes(allowed.tobytes(), "little")
        # A subset that allows what a smaller one allows is in no minimal conflict.
        if not any(bits == b and smaller < subset for smaller, b in options):
            options.append((subset, bits))
    return options
