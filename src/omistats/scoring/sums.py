"""Sum the answers of cases to the questions of each item."""

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
from omistats.scoring.groups import DomainMembers

__all__ = [
    "CaseSums",
    "Sample",
    "ScoredItem",
    "Strata",
    "case_sums",
    "count_not_answered",
    "question_item_matrix",
    "scored_items",
]

Floats = npt.NDArray[np.float64]
Real = npt.NDArray[np.floating[Any]]
Flags = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]

_WEAKEST_FIRST: tuple[Provenance, ...] = ("invented", "inferred", "published")
# float32 represents whole numbers below this exactly.
_FLOAT32_EXACT = 2.0**24
# Cases unpacked at a time, in whole words of bits: a block that fits the cache; a larger one for
# many cases, because every matrix product may wait for threads on a busy machine.
_BLOCK, _LARGE_BLOCK = 1 << 11, 1 << 14
# Where float32 sums fewer cases than this exactly, float64 is faster.
_MIN_EXACT = 1 << 10


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


def scored_items(framework: Framework, wanted: Iterable[str] | None) -> tuple[ScoredItem, ...]:
    """Find the items that questions feed, in the framework's order.

    A criterion's questions feed its section too.

    Raises
    ------
    UnknownNameError
        When an item is unknown.
    UsageError
        When no question feeds an item that was asked for, or no question feeds any item.
    """
    known = {item.id: item for item in framework.items}
    asked = tuple(known) if wanted is None else as_tuple("items", wanted, "ids of items")
    if not asked and wanted is not None:
        raise UsageError("`items` names none; leave it out to score all that questions feed")
    if unknown := [id for id in asked if not isinstance(id, str) or id not in known]:
        raise UnknownNameError("item", unknown, known)
    links = _links_by_item(framework, known)
    invented = {q.id for q in framework.questions if q.provenance == "invented"}
    found = [_scored_item(known[id], links.get(id, {}), invented) for id in known if id in asked]
    unfed = [s.item.id for s in found if not s.questions]
    if wanted is not None and unfed:
        raise UsageError(f"no question feeds {', '.join(unfed)}; leave the item out")
    scored = tuple(s for s in found if s.questions)
    if not scored:
        raise UsageError(
            f"no question of the framework {framework.name!r} feeds a criterion, a section or a "
            "headline element; give its questions a `criterion` or `headlines`"
        )
    return scored


def _links_by_item(
    framework: Framework, known: Mapping[str, Item]
) -> dict[str, dict[str, set[Provenance]]]:
    """Find the questions that feed each item, and the sources of the questions and links."""
    found: dict[str, dict[str, set[Provenance]]] = {}
    for question in framework.questions:
        for link in question.links:
            for id in (link.item, known[link.item].parent):
                if id is not None:
                    sources = found.setdefault(id, {}).setdefault(question.id, set())
                    sources |= {link.provenance, question.provenance}
    return found


def _scored_item(
    item: Item, links: Mapping[str, set[Provenance]], invented: Container[str]
) -> ScoredItem:
    sources = {source for of_question in links.values() for source in of_question}
    weakest: Provenance = next((s for s in _WEAKEST_FIRST if s in sources), "published")
    return ScoredItem(item, tuple(links), weakest, sum(question in invented for question in links))


@attrs.frozen(eq=False)
class CaseSums:
    """The answers of each case, cases in the order of units.

    Attributes
    ----------
    answers : ndarray of float32, shape (2, questions, cases)
        0 or 1 each: whether sufficient, then whether applicable.
    item_questions : ndarray of float32, shape (questions, items)
        1 where a question feeds an item, else 0.
    """

    answers: npt.NDArray[np.float32]
    item_questions: npt.NDArray[np.float32]

    @cached_property
    def by_case(self) -> npt.NDArray[np.float32]:
        """Sufficient and applicable answers, shape (2, items, cases)."""
        # A case has far fewer answers than float32 counts exactly.
        return self.item_questions.T @ self.answers


def case_sums(cases: CaseSet, items: Sequence[ScoredItem]) -> CaseSums:
    """Unpack the answers of cases to the questions of items."""
    rows, item_questions = question_item_matrix(cases.framework, items)
    answers = unpack(cases.packed.answers[rows], len(cases)).astype(np.float32)
    return CaseSums(answers.reshape(2, len(item_questions), len(cases)), item_questions)


def question_item_matrix(
    framework: Framework, items: Sequence[ScoredItem]
) -> tuple[list[int], npt.NDArray[np.float32]]:
    """Find the questions that feed items.

    Returns
    -------
    rows : list of int
        The rows of packed answers: sufficient for each question, then applicable.
    item_questions : ndarray of float32, shape (questions, items)
        1 where a question feeds an item, else 0.
    """
    ids = framework.question_ids
    place = {id: i for i, id in enumerate(ids)}
    used = sorted({place[q] for item in items for q in item.questions})
    item_questions = np.zeros((len(ids), len(items)), np.float32)
    for i, item in enumerate(items):
        item_questions[[place[q] for q in item.questions], i] = 1
    return [*used, *(len(ids) + i for i in used)], item_questions[used]


def count_not_answered(
    cases: CaseSet, items: Sequence[ScoredItem], members: DomainMembers
) -> npt.NDArray[np.int64]:
    """Count questions that were asked and not answered, shape (units, domains, items)."""
    rows, item_questions = question_item_matrix(cases.framework, items)
    used = rows[: len(item_questions)]
    # Bits of what was not answered come after those of sufficient and of applicable answers.
    rows = [2 * len(cases.framework.question_ids) + i for i in used]
    starts = cases.packed.starts
    out = np.zeros((len(starts) - 1, len(members.domains), len(items)), np.int64)
    for start, stop, words in cases.packed.iter_slices(_LARGE_BLOCK):
        missing = unpack(words[rows], stop - start)
        if not missing.any():
            continue
        by_item = item_questions.T @ missing.astype(np.float32)
        inside = members.flags(start, stop).astype(np.float32)
        within = np.clip(starts - start, 0, stop - start)
        for unit in np.flatnonzero(np.diff(within)):
            own = slice(within[unit], within[unit + 1])
            # A block has far fewer answers than float32 counts exactly.
            out[unit] += (inside[:, own] @ by_item[:, own].T).astype(np.int64)
    return out


@attrs.frozen(eq=False)
class Strata:
    """Variance factors of units as strata.

    Attributes
    ----------
    fpc_scale, centring : ndarray of float64, shape (units,)
        As `omistats.kernel.design.variance_factors` returns them.
    """

    fpc_scale: Floats
    centring: Floats

    def factors(self, all_units: bool) -> tuple[Floats, Floats]:
        """Return both factors, shape (units, 1, 1); (1, units, 1, 1) for single units."""
        # A single unit is a block of one stratum; all units together are strata of one block.
        shape = (-1, 1, 1) if all_units else (1, -1, 1, 1)
        return self.fpc_scale.reshape(shape), self.centring.reshape(shape)


@attrs.frozen(eq=False)
class Sample(Strata):
    """The domains of sampled cases, which are in the order of units; units are strata.

    Attributes
    ----------
    members : ndarray of bool, shape (domains, cases)
        Whether a case is in a domain.
    starts : ndarray of int64, shape (units + 1,)
        Where each unit's cases begin.
    fpc_scale, centring : ndarray of float64, shape (units,)
        As `omistats.kernel.design.variance_factors` returns them.
    """

    members: Flags
    starts: Counts
    fpc_scale: Floats
    centring: Floats

    def sums(self, values: Real, most: float) -> Floats:
        """Sum values of cases over the members of each domain in each unit.

        Parameters
        ----------
        values : ndarray of float32 or float64, shape (sorts, rows, cases)
            The values; whole numbers where float32.
        most : float
            An upper bound of the values.

        Returns
        -------
        ndarray of float64, shape (sorts, units, rows, domains)
            Exact for whole numbers.
        """
        sorts, rows, cases = values.shape
        if most * np.diff(self.starts).max(initial=0) >= _FLOAT32_EXACT:
            values = values.astype(np.float64)
        flat = values.reshape(sorts * rows, cases)
        weights = np.ascontiguousarray(self.members.T, values.dtype)
        domains = len(self.members)
        out = np.empty((sorts, len(self.starts) - 1, rows, domains))
        for unit, (a, b) in enumerate(pairwise(self.starts.tolist())):
            out[:, unit] = (flat[:, a:b] @ weights[a:b]).reshape(sorts, rows, domains)
        return out
