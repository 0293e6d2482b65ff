"""Tell which passage of a text is which example."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from omistats.omi2.good_practice.fingerprint import distances, fingerprint
from omistats.omi2.good_practice.index import Known
from omistats.omi2.good_practice.passages import Passage, Passages

__all__ = ["Matched", "match"]

NEAR: Final = 36
"""Bits in which fingerprints of one text may differ; those of two examples differ in more."""


@attrs.frozen
class Matched:
    """Which passage is which example.

    Parameters
    ----------
    found : dict
        The passage of each id that was found.
    repeated : tuple of (str, Passage)
        Passages that give an example once more under its criterion, with its id.
    elsewhere : tuple of (str, Passage)
        Passages that give an example under another criterion than its own, with its id.
    unknown : tuple of Passage
        Passages that are no example.
    """

    found: dict[str, Passage]
    repeated: tuple[tuple[str, Passage], ...]
    elsewhere: tuple[tuple[str, Passage], ...]
    unknown: tuple[Passage, ...]


def match(cut: Passages, known: Sequence[Known]) -> Matched:
    """Find out which passage is which example: the nearest under the same criterion."""
    found: dict[str, Passage] = {}
    repeated: list[tuple[str, Passage]] = []
    elsewhere: list[tuple[str, Passage]] = []
    unknown: list[Passage] = []
    apart = distances([fingerprint(p.text) for p in cut.closed], [k.fingerprint for k in known])
    # The closest first, so that of two renderings of one example the better one is taken.
    order = sorted(range(len(cut.closed)), key=lambda i: (int(apart[i].min()), i))
    for i in order:
        passage = cut.closed[i]
        near = sorted((int(d), k) for k, d in enumerate(apart[i]) if d <= NEAR)
        own = [known[k].id for _, k in near if known[k].criterion == passage.criterion]
        if own and own[0] not in found:
            found[own[0]] = passage
        elif own:
            repeated.append((own[0], passage))
        elif near:
            elsewhere.append((known[near[0][1]].id, passage))
        else:
            unknown.append(passage)
    unknown.sort(key=lambda p: p.line)
    return Matched(found, _by_line(repeated), _by_line(elsewhere), tuple(unknown))


def _by_line(found: list[tuple[str, Passage]]) -> tuple[tuple[str, Passage], ...]:
    return tuple(sorted(found, key=lambda pair: pair[1].line))
