"""ScoredItem, per-case sums."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError, UsageError, as_tuple
from omistats.kernel.bit_counts import unpack
from omistats.model.case_set import CaseSet
from omistats.model.framework import Framework, Item, Provenance

__all__ = [
    "WHOLE",
    "CaseSums",
    "Sample",
    "ScoredItem",
    "Strata",
    "case_sums",
    "mask_unsupported",
    "question_item_matrix",
    "scored_items",
]


_WEAKEST: tuple[Provenance, ...] = ("invented", "inferred", "published")


@attrs.frozen
class ScoredItem:
    """An item and the questions that feed it.

    Attributes
    ----------
    item : Item
        A criterion, a section or a headline element.
    questions : tuple of str
        Ids, in the order of the framework.
    provenance : {'published', 'inferred', 'invented'}
        The weakest source among the questions and their links.
    invented : int
        How many of the questions are invented.
    """

    item: Item
    questions: tuple[str, ...]
    provenance: Provenance
    invented: int


@attrs.frozen(eq=False)
class CaseSums:
    """Answers of cases, in the order of units.

    Attributes
    ----------
    answers : ndarray of float32, shape (2, questions, cases)
        0 or 1 each: whether sufficient, then whether applicable.
    feeds : ndarray of float32, shape (questions, items)
        1 where a question feeds an item, else 0.
    """

    answers: npt.NDArray[np.float32]
    feeds: npt.NDArray[np.float32]

    @cached_property
    def by_case(self) -> npt.NDArray[np.float32]:
        """Count sufficient and applicable answers, shape (2, items, cases)."""
        # A case has far fewer answers than float32 counts exactly.
        return self.feeds.T @ self.answers


def scored_items(framework: Framework, wanted: Iterable[str] | None) -> tuple[ScoredItem, ...]:
    """Find the items that questions feed, in the framework's order.

    A criterion's questions feed its section too.

    Raises
    ------
    UnknownNameError
        When an item is unknown.
    UsageError
        When an item was asked for that no question feeds, or none has any.
    """
    known = {item.id: item for item in framework.items}
    asked = tuple(known) if wanted is None else as_tuple("items", wanted, "ids of items")
    if not asked and wanted is not None:
        raise UsageError("`items` names none; leave it out to score all that questions feed")
    if unknown := [id for id in asked if not isinstance(id, str) or id not in known]:
        raise UnknownNameError("item", unknown, known)
    fed = _links(framework, known)
    invented = {q.id for q in framework.questions if q.provenance == "invented"}
    found = [_scored(known[id], fed.get(id, {}), invented) for id in known if id in asked]
    empty = [s.item.id for s in found if not s.questions]
    if wanted is not None and empty:
        raise UsageError(f"no question feeds {', '.join(empty)}; leave the item out")
    scored = tuple(s for s in found if s.questions)
    if not scored:
        raise UsageError(
            f"no question of the framework {framework.name!r} feeds a criterion, a section or a "
            "headline element; give its questions a `criterion` or `headlines`"
        )
    return scored


def _links(
    framework: Framework, known: Mapping[str, Item]
) -> dict[str, dict[str, set[Provenance]]]:
    """Give the questions that feed each item, and where question and links are known from."""
    fed: dict[str, dict[str, set[Provenance]]] = {}
    for question in framework.questions:
        for link in question.links:
            for id in (link.item, known[link.item].parent):
                if id is not None:
                    sources = fed.setdefault(id, {}).setdefault(question.id, set())
                    sources |= {link.provenance, question.provenance}
    return fed


def _scored(item: Item, fed: Mapping[str, set[Provenance]], invented: Container[str]) -> ScoredItem:
    sources = {source for links in fed.values() for source in links}
    weakest: Provenance = next((source for source in _WEAKEST if source in sources), "published")
    return ScoredItem(item, tuple(fed), weakest, sum(question in invented for question in fed))


def case_sums(cases: CaseSet, items: Sequence[ScoredItem]) -> CaseSums:
    """Take the answers of cases out of their bits, in the order of units."""
    rows, feeds = question_item_matrix(cases.framework, items)
    answers = unpack(cases.packed.answers[rows], len(cases)).astype(np.float32)
    return CaseSums(answers.reshape(2, len(feeds), len(cases)), feeds)


def question_item_matrix(
    framework: Framework, items: Sequence[ScoredItem]
) -> tuple[list[int], npt.NDArray[np.float32]]:
    """Find the questions that feed items.

    Returns
    -------
    rows : list of int
        Where packed answers have the sufficient of each, then the applicable.
    feeds : ndarray of float32, shape (questions, items)
        1 where a question feeds an item, else 0.
    """
    ids = framework.question_ids
    place = {id: i for i, id in enumerate(ids)}
    used = sorted({place[q] for item in items for q in item.questions})
    feeds = np.zeros((len(ids), len(items)), np.float32)
    for i, item in enumerate(items):
        feeds[[place[q] for q in item.questions], i] = 1
    return [*used, *(len(ids) + i for i in used)], feeds[used]


Floats = npt.NDArray[np.float64]
Real = npt.NDArray[np.floating[Any]]
Flags = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]

WHOLE = 2.0**24
"""Below it float32 counts exactly."""


@attrs.frozen(eq=False)
class Strata:
    """What makes variances of the sums of units, which are strata.

    Attributes
    ----------
    scale, shared : ndarray of float64, shape (units,)
        As `omistats.kernel.design.variance_factors` gives them.
    """

    scale: Floats
    shared: Floats

    def laid(self, together: bool) -> tuple[Floats, Floats]:
        """Give scale and shared, shape (units, 1, 1); (1, units, 1, 1) for units by themselves."""
        # By itself a unit is a block with one stratum; together they are strata of one block.
        shape = (-1, 1, 1) if together else (1, -1, 1, 1)
        return self.scale.reshape(shape), self.shared.reshape(shape)


@attrs.frozen(eq=False)
class Sample(Strata):
    """Who was drawn, in the order of units, which are strata.

    Attributes
    ----------
    members : ndarray of bool, shape (domains, cases)
        Who is in which domain.
    starts : ndarray of int64, shape (units + 1,)
        Where each unit's cases begin.
    scale, shared : ndarray of float64, shape (units,)
        As `omistats.kernel.design.variance_factors` gives them.
    """

    members: Flags
    starts: Counts
    scale: Floats
    shared: Floats

    def sums(self, values: Real, most: float) -> Floats:
        """Sum values of cases over the members of each domain in each unit.

        Parameters
        ----------
        values : ndarray of float32 or float64, shape (sorts, rows, cases)
            What is summed; whole numbers where it is float32.
        most : float
            No value is larger.

        Returns
        -------
        ndarray of float64, shape (sorts, units, rows, domains)
            Exact for whole numbers.
        """
        sorts, rows, cases = values.shape
        if most * np.diff(self.starts).max(initial=0) >= WHOLE:
            values = values.astype(np.float64)
        flat = values.reshape(sorts * rows, cases)
        weights = np.ascontiguousarray(self.members.T, values.dtype)
        domains = len(self.members)
        out = np.empty((sorts, len(self.starts) - 1, rows, domains))
        for unit, (a, b) in enumerate(pairwise(self.starts.tolist())):
            out[:, unit] = (flat[:, a:b] @ weights[a:b]).reshape(sorts, rows, domains)
        return out


def mask_unsupported(se: Floats, design_effect: Floats, n: Floats, removed: Flags) -> None:
    """Make NaN, in place, what rests on removed units alone: nothing showed how sure it is.

    Parameters
    ----------
    se, design_effect : ndarray of float64, shape (1, items, domains)
        Of all units together.
    n : ndarray of float64, shape (units, items, domains)
        Applicable answers.
    removed : ndarray of bool, shape (units,)
        Units of one case that contribute nothing.
    """
    bare = ~(n[~removed] > 0).any(axis=0) & (n[removed] > 0).any(axis=0)
    se[:, bare] = design_effect[:, bare] = np.nan
