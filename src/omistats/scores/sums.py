"""What each case contributes to each score."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError, UsageError
from omistats.kernel.tally import unpack
from omistats.model.cases import CaseSet
from omistats.model.framework import Framework, Item, Provenance, Question
from omistats.model.strata import names

__all__ = ["CaseSums", "Scored", "case_sums", "scored_items"]

Floats = npt.NDArray[np.float64]

_WEAKEST: tuple[Provenance, ...] = ("invented", "inferred", "published")


@attrs.frozen
class Scored:
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
    sufficient, applicable : ndarray of float32, shape (cases, questions)
        0 or 1 each.
    feeds : ndarray of bool, shape (questions, items)
        Which question feeds which item.
    """

    sufficient: npt.NDArray[np.float32]
    applicable: npt.NDArray[np.float32]
    feeds: npt.NDArray[np.bool_]

    @cached_property
    def by_case(self) -> tuple[Floats, Floats]:
        """Count sufficient and applicable answers, shape (cases, items) each."""
        # A case has far fewer answers than float32 counts exactly.
        feeds = self.feeds.astype(np.float32)
        k, n = self.sufficient @ feeds, self.applicable @ feeds
        return k.astype(np.float64), n.astype(np.float64)


def scored_items(framework: Framework, wanted: Iterable[str] | None) -> tuple[Scored, ...]:
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
    asked = tuple(known) if wanted is None else names(wanted)
    if unknown := [id for id in asked if id not in known]:
        raise UnknownNameError("item", unknown, known)
    fed = _links(framework, known)
    found = [_scored(known[id], fed.get(id, {})) for id in known if id in asked]
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
    framework: Framework, known: dict[str, Item]
) -> dict[str, dict[Question, list[Provenance]]]:
    """Give the questions that feed each item, and where each link is known from."""
    fed: dict[str, dict[Question, list[Provenance]]] = {}
    for question in framework.questions:
        for link in question.links:
            for id in {link.item, known[link.item].parent} - {None}:
                fed.setdefault(str(id), {}).setdefault(question, []).append(link.provenance)
    return fed


def _scored(item: Item, fed: dict[Question, list[Provenance]]) -> Scored:
    sources = {source for links in fed.values() for source in links}
    sources |= {question.provenance for question in fed}
    return Scored(
        item,
        tuple(question.id for question in fed),
        next((source for source in _WEAKEST if source in sources), "published"),
        sum(question.provenance == "invented" for question in fed),
    )


def case_sums(cases: CaseSet, items: Sequence[Scored]) -> CaseSums:
    """Take the answers of cases out of their bits, in the order of units."""
    ids = cases.framework.question_ids
    used = sorted({ids.index(q) for item in items for q in item.questions})
    rows = [*used, *(len(ids) + i for i in used)]
    answers = unpack(cases.packed.answers[rows], len(cases)).astype(np.float32).T
    asked = [ids[i] for i in used]
    feeds = np.array([[q in item.questions for item in items] for q in asked], np.bool_)
    return CaseSums(answers[:, : len(used)], answers[:, len(used) :], feeds)
