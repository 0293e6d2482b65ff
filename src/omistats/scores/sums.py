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
from omistats.model.framework import Framework, Item, Provenance
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
    sufficient, applicable : ndarray of float64, shape (cases, questions)
        0 or 1 each.
    feeds : ndarray of bool, shape (questions, items)
        Which question feeds which item.
    """

    sufficient: Floats
    applicable: Floats
    feeds: npt.NDArray[np.bool_]

    @cached_property
    def by_case(self) -> tuple[Floats, Floats]:
        """Count sufficient and applicable answers, shape (cases, items) each."""
        feeds = self.feeds.astype(np.float64)
        return self.sufficient @ feeds, self.applicable @ feeds


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
    found = [_scored(framework, known[id], known) for id in known if id in asked]
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


def _scored(framework: Framework, item: Item, known: dict[str, Item]) -> Scored:
    questions, sources = [], []
    for question in framework.questions:
        links = [link for link in question.links if item.id in (link.item, known[link.item].parent)]
        if links:
            questions.append(question)
            sources += [question.provenance, *(link.provenance for link in links)]
    return Scored(
        item,
        tuple(q.id for q in questions),
        next((source for source in _WEAKEST if source in sources), "published"),
        sum(q.provenance == "invented" for q in questions),
    )


def case_sums(cases: CaseSet, items: Sequence[Scored]) -> CaseSums:
    """Take the answers of cases out of their bits, in the order of units."""
    ids = cases.framework.question_ids
    used = sorted({ids.index(q) for item in items for q in item.questions})
    rows = [*used, *(len(ids) + i for i in used)]
    answers = unpack(cases.packed.answers[rows], len(cases)).T.astype(np.float64)
    asked = [ids[i] for i in used]
    feeds = np.array([[q in item.questions for item in items] for q in asked], np.bool_)
    return CaseSums(answers[:, : len(used)], answers[:, len(used) :], feeds)
