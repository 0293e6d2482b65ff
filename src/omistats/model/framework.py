"""A programme's questions and strata, and what each question feeds."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Literal, TypeVar, get_args

import attrs

from omistats.errors import DataError, Problem, UnknownNameError, UsageError, listed, shown
from omistats.model.strata import RESERVED, Stratum, names

__all__ = ["Framework", "Item", "Level", "Link", "Provenance", "Question"]

T = TypeVar("T")

Provenance = Literal["published", "inferred", "invented"]
"""Where a statement comes from: print, our reading of it, or our imagination."""

Level = Literal["criterion", "section", "headline"]


@attrs.frozen
class Item:
    """Something that questions feed: a general criterion, a section or a headline element.

    Parameters
    ----------
    id : str
        As ``1.2`` or ``risk_of_harm``.
    level : {'criterion', 'section', 'headline'}
        What kind of item it is.
    label : str
        A short statement.
    parent : str or None
        The section of a criterion.
    statement : str
        What is expected, in a sentence.
    purpose : str
        The purpose of a sentence that the item stands for, where it stands for one.
    ended : bool
        Whether the programme dropped the item before its end.
    """

    id: str
    level: Level
    label: str
    parent: str | None = None
    statement: str = ""
    purpose: str = ""
    ended: bool = False


@attrs.frozen
class Link:
    """A question's membership of an item, and where that is known from.

    Parameters
    ----------
    item : str
        Id of the criterion or headline element.
    provenance : {'published', 'inferred', 'invented'}
        Whether a source prints the membership.
    """

    item: str
    provenance: Provenance


def _links(values: Iterable[Link]) -> tuple[Link, ...]:
    if isinstance(values, str | Link):
        link = f'Link("{values}", "inferred")' if isinstance(values, str) else repr(values)
        raise UsageError(f"`headlines` lists links; write headlines=[{link}]")
    return listed("headlines", values, "links, as [Link('safety', 'inferred')]")


@attrs.frozen
class Question:
    """One aspect of work judged in a case.

    Parameters
    ----------
    id : str
        Stable name; the column in a case file.
    label : str
        A short label for people.
    criterion : Link or None
        The general criterion the question belongs to.
    headlines : tuple of Link
        The headline elements it is known to contribute to.
    printed : tuple of (int, int)
        The published tables and rows where it appears.
    provenance : {'published', 'inferred', 'invented'}
        Where the question itself is known from.
    """

    id: str
    label: str
    criterion: Link | None = None
    headlines: tuple[Link, ...] = attrs.field(converter=_links, default=())
    printed: tuple[tuple[int, int], ...] = ()
    provenance: Provenance = "published"

    @property
    def links(self) -> tuple[Link, ...]:
        """Every link, criterion first."""
        return ((self.criterion,) if self.criterion else ()) + self.headlines


def _questions(values: Iterable[Question]) -> tuple[Question, ...]:
    return listed("questions", values, "Questions")


def _strata(values: Iterable[Stratum]) -> tuple[Stratum, ...]:
    return listed("strata", values, "Stratum declarations")


def _items(values: Iterable[Item]) -> tuple[Item, ...]:
    return listed("items", values, "Items")


@attrs.frozen
class Framework:
    """What a programme asks of every case, and how its cases differ.

    Parameters
    ----------
    name : str
        Short name of the programme.
    questions : tuple of Question
        In the order of report.
    strata : tuple of Stratum
        Characteristics of a case.
    items : tuple of Item
        Criteria, sections and headline elements.
    breakdowns : tuple of str
        Names of the standard breakdowns.

    Raises
    ------
    DataError
        When names repeat, are reserved, or a link leads nowhere; all are listed.

    Examples
    --------
    >>> framework = Framework(
    ...     "demo", [Question("home_visit", "Home visited")], [Stratum("gender", ("f", "m"))]
    ... )
    >>> framework.question("home_visit").label
    'Home visited'
    """

    name: str
    questions: tuple[Question, ...] = attrs.field(converter=_questions)
    strata: tuple[Stratum, ...] = attrs.field(converter=_strata, default=())
    items: tuple[Item, ...] = attrs.field(converter=_items, default=())
    breakdowns: tuple[str, ...] = attrs.field(converter=names, default=())

    def __attrs_post_init__(self) -> None:
        columns = [q.id for q in self.questions] + [s.name for s in self.strata]
        kinds = ((Question, self.questions), (Stratum, self.strata), (Item, self.items))
        problems = [
            Problem(self.name, f"expected a {kind.__name__}", repr(part), "Make one of it.")
            for kind, parts in kinds
            for part in parts
            if not isinstance(part, kind)
        ]
        if problems:
            raise DataError(problems)
        for q in self.questions:
            if not isinstance(q.id, str) or not q.id:
                hint = "Give it a name."
                problems.append(Problem(self.name, "a question's id is text", repr(q.id), hint))
            if odd := [link for link in q.links if not isinstance(link, Link)]:
                hint = 'Write Link("1.1", "published").'
                problems.append(Problem(str(q.id), "expected a Link", shown(odd), hint))
                continue
            for source in (q.provenance, *(link.provenance for link in q.links)):
                if source not in get_args(Provenance):
                    rule = f"provenance is one of {shown(get_args(Provenance))}"
                    problems.append(Problem(str(q.id), rule, repr(source), "Choose one."))
        if problems:
            raise DataError(problems)
        if repeated := sorted({n for n in columns if columns.count(n) > 1}):
            problems.append(
                Problem(
                    self.name,
                    "questions and strata need distinct names",
                    shown(repeated),
                    "Rename one of each pair.",
                )
            )
        if taken := sorted(set(columns) & set(RESERVED)):
            problems.append(
                Problem(self.name, "these names are reserved", shown(taken), "Choose others.")
            )
        known = {item.id for item in self.items}
        problems += self._item_problems()
        problems += [
            Problem(
                q.id, "a link leads to an item of the framework", link.item, "Declare the item."
            )
            for q in self.questions
            for link in q.links
            if link.item not in known
        ]
        if problems:
            raise DataError(problems)

    def _item_problems(self) -> list[Problem]:
        ids = [item.id for item in self.items]
        found = []
        if repeated := sorted({id for id in ids if ids.count(id) > 1}):
            rule = "an item's id stands once, whatever its level"
            found.append(Problem(self.name, rule, shown(repeated), "Rename one of each pair."))
        sections = {item.id for item in self.items if item.level == "section"}
        for item in self.items:
            if item.level not in get_args(Level):
                rule = f"a level is one of {shown(get_args(Level))}"
                found.append(Problem(item.id, rule, repr(item.level), "Choose one."))
            if item.parent is not None and item.parent not in sections:
                rule = "a parent is a section of the framework"
                found.append(Problem(item.id, rule, repr(item.parent), "Declare the section."))
        return found

    @cached_property
    def question_ids(self) -> tuple[str, ...]:
        """Ids of the questions, in order."""
        return tuple(q.id for q in self.questions)

    @cached_property
    def known_ids(self) -> tuple[str, ...]:
        """Ids of the questions that are not invented, in order."""
        return tuple(q.id for q in self.questions if q.provenance != "invented")

    def question(self, id: str) -> Question:
        """Return one question.

        Raises
        ------
        UnknownNameError
            When there is none of that id; near ones are listed.
        """
        return _find("question", id, {q.id: q for q in self.questions})

    def item(self, id: str) -> Item:
        """Return one criterion, section or headline element.

        Raises
        ------
        UnknownNameError
            When there is none of that id.
        """
        return _find("item", id, {i.id: i for i in self.items})

    def stratum(self, name: str) -> Stratum:
        """Return one stratum.

        Raises
        ------
        UnknownNameError
            When there is none of that name.
        """
        return _find("stratum", name, {s.name: s for s in self.strata})

    def select(self, questions: Iterable[str] | None) -> tuple[str, ...]:
        """Return question ids in the framework's order, all of them for None.

        Raises
        ------
        UnknownNameError
            When an id is no question; all such ids are listed.
        """
        if questions is None:
            return self.question_ids
        asked = listed("questions", questions, "question ids")
        if unknown := [id for id in asked if id not in self.question_ids]:
            distinct = {str(id): id for id in unknown}
            raise UnknownNameError(
                "question", [distinct[id] for id in sorted(distinct)], self.question_ids
            )
        wanted = set(asked)
        return tuple(id for id in self.question_ids if id in wanted)


def _find(what: str, name: str, known: dict[str, T]) -> T:
    if name not in known:
        raise UnknownNameError(what, name, known)
    return known[name]
