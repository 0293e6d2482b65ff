"""A programme's questions, strata and items, and the framework that holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final, Literal, TypeVar, get_args

import attrs

from omistats.errors import (
    DataError,
    Problem,
    UnknownNameError,
    UsageError,
    as_tuple,
    format_value,
    format_values,
)

__all__ = [
    "ALL",
    "NOT_ANSWERED",
    "NOT_APPLICABLE",
    "Condition",
    "Framework",
    "Item",
    "Level",
    "Link",
    "NotAnswered",
    "Provenance",
    "Question",
    "Stratum",
    "as_tuple_of_str",
    "check_framework",
    "circle_problems",
    "columns_behind",
    "stored_labels",
]


Provenance = Literal["published", "inferred", "invented"]
"""Where a statement comes from: a publication, our reading of it, or our invention."""

Level = Literal["criterion", "section", "headline"]
"""Kinds of items."""


NotAnswered = Literal["left out", "not sufficient"]
"""Policy for what was not answered: leave out of n, or count as not sufficient."""

NOT_ANSWERED: Final = "not answered"
NOT_APPLICABLE: Final = "not applicable"
"""Labels of the two states in which a question has no answer."""

SUFFICIENT = ("sufficient", "not sufficient")
"""Labels of the answers to a question without levels of its own."""

Condition = tuple[tuple[str, tuple[str, ...]], ...]
"""Characteristics or questions with the levels they may have; all must hold."""


@attrs.frozen
class Item:
    """A general criterion, a section or a headline element, which questions contribute to.

    A `Framework` checks it.

    Parameters
    ----------
    id : str
        Such as ``1.2`` or ``risk_of_harm``.
    level : {'criterion', 'section', 'headline'}
        The kind of item.
    label : str
        A short label.
    parent : str or None
        Id of the section that a criterion belongs to.
    statement : str
        What is expected, as a sentence.
    purpose : str
        The purpose of sentencing that the item represents, if it represents one.
    ended : bool
        True when the programme dropped the item before its end.

    Examples
    --------
    >>> import omistats as oms
    >>> section = oms.Item("1", "section", "Assessing")
    >>> oms.Item("1.2", "criterion", "Harm assessed", parent=section.id).parent
    '1'
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
    """Link from a question to an item, and where it is known from.

    A `Framework` checks it.

    Parameters
    ----------
    item : str
        Id of the criterion or headline element.
    provenance : {'published', 'inferred', 'invented'}
        Whether a source prints the link, we inferred it, or we invented it.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.Link("1.2", "published")
    Link(item='1.2', provenance='published')
    """

    item: str
    provenance: Provenance


def _links(values: Iterable[Link]) -> tuple[Link, ...]:
    if isinstance(values, str | Link):
        name = repr(values)[1:-1]
        link = f'Link("{name}", "inferred")' if isinstance(values, str) else repr(values)
        raise UsageError(f"`headlines` must be a list; write headlines=[{link}]")
    return as_tuple("headlines", values, "links, as [Link('safety', 'inferred')]")


def _level_names(values: Iterable[str]) -> tuple[str, ...]:
    return as_tuple("levels", values, "text, as ['fully met', 'partly met', 'not met']")


def _sufficient(values: Iterable[str]) -> tuple[str, ...]:
    return as_tuple("sufficient", values, "levels, as ['fully met']")


def as_tuple_of_str(values: Iterable[str]) -> tuple[str, ...]:
    """Convert labels to a tuple; a single text becomes one label."""
    if isinstance(values, str):
        return (values,)
    try:
        return tuple(values)
    except TypeError:
        raise UsageError(f"expected a list of names; found {format_value(values)}") from None


def _pairs(values: Any) -> tuple[tuple[int, int], ...]:
    """Convert numbers of published tables and rows to pairs."""
    try:
        pairs = tuple(tuple(pair) for pair in values)
    except TypeError:
        pairs = ((),)
    if any(len(pair) != 2 or {*map(type, pair)} != {int} for pair in pairs):
        raise UsageError(
            "`printed` must be a list of pairs of whole numbers, a table and a row, as [(3, 1)]; "
            f"found {format_value(values)}"
        )
    return pairs


def _conditions(values: Any) -> tuple[Condition, ...]:
    """Convert a mapping, or a list of mappings of which one must hold."""
    if values is None:
        return ()
    try:
        several = (values,) if isinstance(values, Mapping) else tuple(values)
        pairs = (one.items() if isinstance(one, Mapping) else one for one in several)
        return tuple(
            tuple((name, as_tuple_of_str(levels)) for name, levels in one) for one in pairs
        )
    except (TypeError, ValueError):
        raise UsageError(
            "`asked_if` must name characteristics or questions and the levels they may have, as "
            f'{{"risk_of_harm": ["high"]}}; found {format_value(values)}'
        ) from None


@attrs.frozen
class Question:
    """One aspect of work that is judged in a case.

    A `Framework` checks it.

    Parameters
    ----------
    id : str
        A stable name; the name of its column in a case file.
    label : str
        A short label for people.
    criterion : Link or None
        The general criterion the question belongs to.
    headlines : tuple of Link
        The headline elements that the question is known to contribute to.
    printed : tuple of (int, int)
        The published tables and rows that print the question, as pairs of whole numbers; empty
        where none is known. Nothing is computed from them.
    provenance : {'published', 'inferred', 'invented'}
        Where the question is known from. Invented questions are counted only on request.
    levels : tuple of str
        The answers that can be given, from best to worst or from worst to best if they are
        ordered. Without any, an answer is sufficient or not sufficient.
    sufficient : tuple of str
        The levels that count as sufficient; of ordered levels the best, or the best few.
    ordered : bool
        Whether the levels are ordered.
    asked_if : mapping of str to levels, or list of such mappings
        Which cases the question is asked of: the levels that characteristics of the case, or its
        answers to other questions, must have. All of a mapping must hold, and one mapping of a
        list. Elsewhere the question is not applicable. Where a characteristic or answer that it
        names is not known, an answer stands and a blank is not applicable. By default it is asked
        of every case.

    Attributes
    ----------
    answers : tuple of str
        The levels, or ``sufficient`` and ``not sufficient`` without any.

    Raises
    ------
    UsageError
        When ``headlines`` is not a list of links, ``printed`` not one of pairs, or ``asked_if``
        not a mapping.

    Examples
    --------
    >>> import omistats as oms
    >>> question = oms.Question(
    ...     "home_visit",
    ...     "Home visited",
    ...     criterion=oms.Link("1.2", "published"),
    ...     headlines=[oms.Link("risk_of_harm", "inferred")],
    ... )
    >>> [link.item for link in question.links]
    ['1.2', 'risk_of_harm']
    >>> graded = oms.Question(
    ...     "plan",
    ...     "Plan covers risk",
    ...     levels=["fully met", "mostly met", "partly met", "not met"],
    ...     sufficient=["fully met", "mostly met"],
    ...     asked_if={"risk_of_harm": "high"},
    ... )
    >>> graded.answers[:2], graded.asked_if
    (('fully met', 'mostly met'), ((('risk_of_harm', ('high',)),),))
    """

    id: str
    label: str
    criterion: Link | None = None
    headlines: tuple[Link, ...] = attrs.field(converter=_links, default=())
    printed: tuple[tuple[int, int], ...] = attrs.field(converter=_pairs, default=())
    provenance: Provenance = "published"
    levels: tuple[str, ...] = attrs.field(converter=_level_names, default=())
    sufficient: tuple[str, ...] = attrs.field(converter=_sufficient, default=())
    ordered: bool = True
    asked_if: tuple[Condition, ...] = attrs.field(converter=_conditions, default=())

    @property
    def links(self) -> tuple[Link, ...]:
        """All links, the criterion first."""
        return ((self.criterion,) if self.criterion else ()) + self.headlines

    @property
    def answers(self) -> tuple[str, ...]:
        """The answers that can be given."""
        return self.levels or SUFFICIENT

    @property
    def conditions_on(self) -> tuple[str, ...]:
        """The characteristics and questions that decide whether the question is asked."""
        names = (name for condition in self.asked_if for name, _ in condition)
        return tuple(dict.fromkeys(names))


def _no_text(values: Iterable[Any]) -> list[Any]:
    """Return the values that are no text, or blank."""
    return [value for value in values if not isinstance(value, str) or not value.strip()]


def _level_problems(question: Question) -> list[Problem]:
    """Check the levels of a question, and which of them are sufficient."""
    levels, sufficient = question.levels, question.sufficient
    where, found = f"{question.id}, levels", []
    hint = "Name the level."
    for key, names in (("levels", levels), ("sufficient", sufficient)):
        if odd := _no_text(names):
            what = f"{question.id}, {key}"
            found.append(Problem(what, "levels must be text", format_values(odd), hint))
    if found:
        return found
    if not levels:
        if sufficient:
            rule = "sufficient levels need levels"
            hint = "Pass levels=..., from best to worst."
            found.append(Problem(where, rule, format_values(sufficient), hint))
        return found
    if repeated := sorted({x for x in levels if levels.count(x) > 1}):
        hint = "Name each once."
        found.append(Problem(where, "levels must be distinct", format_values(repeated), hint))
    if taken := [x for x in levels if x in (ALL, NOT_ANSWERED, NOT_APPLICABLE)]:
        rule = f"{ALL!r}, {NOT_ANSWERED!r} and {NOT_APPLICABLE!r} are reserved"
        found.append(Problem(where, rule, format_values(taken), "Leave them out or rename them."))
    if not 2 <= len(levels) <= _MAX_LEVELS - 2:
        rule = f"a question has 2 to {_MAX_LEVELS - 2} levels"
        found.append(Problem(where, rule, str(len(levels)), "Merge or add levels."))
    return found + _cut_problems(question, bool(found))


def _cut_problems(question: Question, levels_are_wrong: bool) -> list[Problem]:
    """Check which levels of a question are sufficient."""
    levels, sufficient = question.levels, question.sufficient
    found: list[Problem] = []
    where = f"{question.id}, sufficient"
    if unknown := [x for x in sufficient if x not in levels]:
        rule = f"the cut must name levels of the question: {format_values(levels, 12)}"
        found.append(Problem(where, rule, format_values(unknown), "Correct it."))
    if len(set(sufficient)) < len(sufficient):
        hint = "Name each once."
        found.append(Problem(where, "levels must be distinct", format_values(sufficient), hint))
    elif not found and not levels_are_wrong and not 0 < len(sufficient) < len(levels):
        rule = "some levels must be sufficient and some not"
        what = "all" if sufficient else "none"
        found.append(Problem(where, rule, what, "Pass sufficient=... with the best levels."))
    elif not found and not levels_are_wrong and question.ordered:
        ends = (set(levels[: len(sufficient)]), set(levels[-len(sufficient) :]))
        if set(sufficient) not in ends:
            rule = f"the sufficient ones of ordered levels are the first or the last of {levels}"
            hint = "List levels in order, or pass ordered=False."
            found.append(Problem(where, rule, format_values(sufficient), hint))
    return found


ALL = "all"
"""The reserved label of all units, or all cases, together."""

_RESERVED = ("case_id", "unit", ALL)
"""Names that questions, strata, levels and units may not have."""

# How values that stand for a missing one are printed.
_MISSING = ("None", "nan", "NaT", "<NA>", "''")

# Levels are coded in 8 bits.
_MAX_LEVELS = 127


@attrs.frozen
class Stratum:
    """A characteristic of cases, and its levels.

    Parameters
    ----------
    name : str
        The column's name.
    levels : tuple of str
        All levels, in the order in which they are reported. A null in the data means an
        unknown characteristic, and is not a level.
    required : bool
        Whether every case file must have the column.

    Raises
    ------
    DataError
        When there are no levels or more than 127, levels repeat, a level is no text or blank, or
        a level or the name is reserved.
    UsageError
        When ``levels`` is not a list.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.Stratum("tenure", ("owned", "rented", "none"))
    Stratum(name='tenure', levels=('owned', 'rented', 'none'), required=True)
    """

    name: str
    levels: tuple[str, ...] = attrs.field(converter=_level_names)
    required: bool = True

    def __attrs_post_init__(self) -> None:
        problems = []
        where = self.name if isinstance(self.name, str) else "stratum"
        if not isinstance(self.name, str) or not self.name.strip():
            hint = "Write the name of its column."
            found = format_value(self.name)
            problems.append(Problem("stratum", "a stratum's name must be text", found, hint))
        elif self.name in _RESERVED:
            problems.append(
                Problem(
                    self.name, "a stratum must not have a reserved name", self.name, "Rename it."
                )
            )
        if odd := [v for v in self.levels if not isinstance(v, str) or not v.strip()]:
            hint = "Write it as text."
            if numbers := [v for v in odd if isinstance(v, int) and not isinstance(v, bool)]:
                hint = f"Write it as text, as '{format_value(numbers[0])}', in the data too."
            elif any(format_values([v]) in _MISSING for v in odd):
                hint = "Leave it out: null in the data means that it is not known."
            rule = "levels must be text that is not blank"
            problems.append(Problem(where, rule, format_values(odd), hint))
        texts = [v for v in self.levels if isinstance(v, str)]
        is_all = any(v.strip().casefold() == ALL for v in texts)
        if not self.levels or len(set(texts)) < len(texts) or is_all:
            problems.append(
                Problem(
                    where,
                    f"levels must be distinct, at least one, and none of them {ALL!r}",
                    format_values(self.levels),
                    "Rename or remove the offending level.",
                )
            )
        if len(self.levels) > _MAX_LEVELS:
            problems.append(
                Problem(
                    where,
                    f"at most {_MAX_LEVELS} levels",
                    str(len(self.levels)),
                    "Merge levels, or leave the column out of the framework.",
                )
            )
        if problems:
            raise DataError(problems)


T = TypeVar("T")


def _breakdown_names(values: Any) -> tuple[Any, ...]:
    return tuple(
        tuple(x) if isinstance(x, list) else x
        for x in as_tuple("breakdowns", values, "names, as ['sex', 'risk']")
    )


def _questions(values: Iterable[Question]) -> tuple[Question, ...]:
    return as_tuple("questions", values, "Questions")


def _strata(values: Iterable[Stratum]) -> tuple[Stratum, ...]:
    return as_tuple("strata", values, "Stratum declarations")


def _items(values: Iterable[Item]) -> tuple[Item, ...]:
    return as_tuple("items", values, "Items")


@attrs.frozen
class Framework:
    """The questions, strata, items and standard breakdowns of a programme.

    Parameters
    ----------
    name : str
        Short name of the programme.
    questions : tuple of Question
        In the order in which they are reported.
    strata : tuple of Stratum
        Characteristics of a case.
    items : tuple of Item
        Criteria, sections and headline elements.
    breakdowns : tuple of str or tuple
        Names of the standard breakdowns; a tuple of names crosses them.
    not_answered : {'left out', 'not sufficient'} or None
        What to do with applicable questions without an answer: leave them out of n, or count them
        as not sufficient. By default cases cannot say that a question was not answered.
    blank : {'not applicable', 'not answered'}
        What a blank (null) answer means, where the question is asked.

    Attributes
    ----------
    question_ids : tuple of str
        Ids of the questions, in order.
    known_ids : tuple of str
        Ids of the questions that are not invented, in order.
    counts_not_answered : bool
        Whether what was not answered counts as not sufficient.

    Raises
    ------
    DataError
        When names repeat or are reserved, a link or a parent names an unknown item, levels or
        the sufficient ones are wrong, a question is asked on a condition that cannot be, or an
        entry has the wrong type; all problems are listed.
    UsageError
        When questions, strata, items or breakdowns are not lists.

    Examples
    --------
    >>> import omistats as oms
    >>> safety = oms.Item("safety", "headline", "Safety")
    >>> link = oms.Link(safety.id, "invented")
    >>> visit = oms.Question("home_visit", "Home visited", headlines=[link])
    >>> plan = oms.Question("plan", "Plan made")
    >>> framework = oms.Framework(
    ...     "demo", [visit, plan], [oms.Stratum("gender", ("f", "m"))], [safety]
    ... )
    >>> framework.question("home_visit").label, framework.item("safety").level
    ('Home visited', 'headline')
    >>> framework.stratum("gender").levels, framework.select(["plan", "home_visit"])
    (('f', 'm'), ('home_visit', 'plan'))
    """

    name: str
    questions: tuple[Question, ...] = attrs.field(converter=_questions)
    strata: tuple[Stratum, ...] = attrs.field(converter=_strata, default=())
    items: tuple[Item, ...] = attrs.field(converter=_items, default=())
    breakdowns: tuple[str | tuple[str, ...], ...] = attrs.field(
        converter=_breakdown_names, default=()
    )
    not_answered: NotAnswered | None = None
    blank: Literal["not applicable", "not answered"] = NOT_APPLICABLE

    def __attrs_post_init__(self) -> None:
        kinds = ((Question, self.questions), (Stratum, self.strata), (Item, self.items))
        problems = [
            Problem(
                self.name if isinstance(self.name, str) else "framework",
                f"expected a {kind.__name__}",
                format_value(part),
                f"Pass a {kind.__name__}.",
            )
            for kind, parts in kinds
            for part in parts
            if not isinstance(part, kind)
        ]
        if problems:
            raise DataError(problems)
        problems += self._text_problems()
        for q in self.questions:
            if not isinstance(q.id, str) or not q.id:
                hint = "Give it a name."
                problems.append(
                    Problem(self.name, "a question's id must be text", format_value(q.id), hint)
                )
                continue
            if odd := [link for link in q.links if not isinstance(link, Link)]:
                hint = 'Write Link("1.1", "published").'
                problems.append(Problem(q.id, "expected a Link", format_values(odd), hint))
                continue
        if problems:
            raise DataError(problems)
        columns = [q.id for q in self.questions] + [s.name for s in self.strata]
        if repeated := sorted({n for n in columns if columns.count(n) > 1}):
            problems.append(
                Problem(
                    self.name,
                    "questions and strata need distinct names",
                    format_values(repeated),
                    "Rename one of each pair.",
                )
            )
        if taken := sorted(set(columns) & set(_RESERVED)):
            problems.append(
                Problem(
                    self.name, "these names are reserved", format_values(taken), "Choose others."
                )
            )
        known = {item.id for item in self.items}
        rule = f"provenance must be one of {format_values(get_args(Provenance))}"
        problems += [
            Problem(q.id, rule, format_value(source), "Choose one.")
            for q in self.questions
            for source in (q.provenance, *(link.provenance for link in q.links))
            if source not in get_args(Provenance)
        ]
        problems += self._item_problems()
        problems += self._answer_problems()
        levels = {q.id: _level_problems(q) for q in self.questions}
        problems += [p for own in levels.values() for p in own]
        problems += self._routing_problems({id for id, own in levels.items() if own})
        problems += [
            Problem(
                q.id, "a link must name an item of the framework", link.item, "Declare the item."
            )
            for q in self.questions
            for link in q.links
            if link.item not in known
        ]
        if problems:
            raise DataError(problems)

    def _text_problems(self) -> list[Problem]:
        """Check the types of names and labels, which the other checks rely on."""
        found = []

        def check(where: object, what: str, value: object) -> None:
            if not isinstance(value, str):
                hint = "Write it in quotation marks."
                found.append(Problem(str(where), f"{what} must be text", format_value(value), hint))

        check("framework", "a name", self.name)
        for names in self.breakdowns:
            for name in names if isinstance(names, tuple) else (names,):
                check("breakdowns", "a breakdown", name)
        for q in self.questions:
            if isinstance(q.id, str):
                check(q.id, "a label", q.label)
                if not isinstance(q.ordered, bool):
                    rule, hint = "`ordered` must be true or false", "Correct it."
                    found.append(Problem(q.id, rule, format_value(q.ordered), hint))
                for link in q.links:
                    if isinstance(link, Link):
                        check(q.id, "an item's id", link.item)
        for item in self.items:
            check("items", "an item's id", item.id)
            for key in ("label", "statement", "purpose"):
                check(item.id if isinstance(item.id, str) else "items", key, getattr(item, key))
        return found

    def _item_problems(self) -> list[Problem]:
        ids = [item.id for item in self.items]
        found = []
        if repeated := sorted({id for id in ids if ids.count(id) > 1}):
            rule = "item ids must be unique, whatever the level"
            found.append(
                Problem(self.name, rule, format_values(repeated), "Rename one of each pair.")
            )
        sections = {item.id for item in self.items if item.level == "section"}
        for item in self.items:
            if item.level not in get_args(Level):
                rule = f"a level must be one of {format_values(get_args(Level))}"
                found.append(Problem(item.id, rule, format_value(item.level), "Choose one."))
            parent = item.parent
            if parent is not None and not (isinstance(parent, str) and parent in sections):
                rule, hint = "a parent must be a section of the framework", "Declare the section."
                found.append(Problem(item.id, rule, format_value(parent), hint))
        return found

    def _answer_problems(self) -> list[Problem]:
        found = []
        policies = get_args(NotAnswered)
        if self.not_answered is not None and self.not_answered not in policies:
            rule = f"`not_answered` must be one of {format_values(policies)}, or None"
            found.append(Problem(self.name, rule, format_value(self.not_answered), "Choose one."))
        blanks = (NOT_APPLICABLE, NOT_ANSWERED)
        if self.blank not in blanks:
            rule = f"`blank` must be one of {format_values(blanks)}"
            found.append(Problem(self.name, rule, format_value(self.blank), "Choose one."))
        elif self.blank == NOT_ANSWERED and self.not_answered is None:
            rule = "blanks that are not answered need a policy"
            hint = "Pass not_answered='left out' or 'not sufficient'."
            found.append(Problem(self.name, rule, "`not_answered` is None", hint))
        return found

    def _routing_problems(self, wrong_levels: set[str]) -> list[Problem]:
        """Check that conditions name what there is, and that no question waits for itself."""
        strata = {s.name: s.levels for s in self.strata}
        known = strata | {q.id: q.answers for q in self.questions}
        found = []
        for question in self.questions:
            where = f"{question.id}, asked_if"
            for condition in question.asked_if:
                if not condition:
                    rule = "a condition must name something"
                    hint = "Leave `asked_if` out for a question that is always asked."
                    found.append(Problem(where, rule, "an empty one", hint))
                for name, levels in condition:
                    if not isinstance(name, str) or name not in known:
                        rule = "a condition must name a characteristic or a question"
                        near = UnknownNameError("name", [name], known)
                        found.append(Problem(where, rule, str(near), "Declare it, or correct it."))
                    elif name in wrong_levels:
                        continue
                    elif odd := [level for level in levels if level not in known[name]]:
                        rule = f"levels of {name} are {format_values(known[name], 12)}"
                        hint = "Name levels that it has."
                        found.append(Problem(where, rule, format_values(odd), hint))
                    elif not levels:
                        rule = f"a condition must name levels of {name}"
                        found.append(Problem(where, rule, "none", "Name at least one."))
        return found + circle_problems({q.id: q.conditions_on for q in self.questions})

    @cached_property
    def _places(self) -> dict[str, int]:
        return {q.id: i for i, q in enumerate(self.questions)}

    @property
    def counts_not_answered(self) -> bool:
        """Whether what was not answered counts as not sufficient."""
        return self.not_answered == "not sufficient"

    @cached_property
    def routed(self) -> tuple[Question, ...]:
        """Questions that are asked on a condition, after those whose answers they wait for."""
        waits = {
            q.id: [name for name in q.conditions_on if name in self._places]
            for q in self.questions
            if q.asked_if
        }
        order = TopologicalSorter(waits).static_order()
        return tuple(self.question(id) for id in order if id in waits)

    def with_cut(self, sufficient: Mapping[str, Iterable[str]] | Iterable[str]) -> Framework:
        """Change which levels count as sufficient.

        Parameters
        ----------
        sufficient : mapping of str to levels, or levels
            The sufficient levels of some questions; or of every question that has levels.

        Returns
        -------
        Framework
            The same questions with other cuts.

        Raises
        ------
        UnknownNameError
            When a question is unknown.
        UsageError
            When ``sufficient`` is neither a mapping nor a list, or is a list and no question has
            levels.
        DataError
            When a cut is none of the question's levels.
        """
        if isinstance(sufficient, Mapping):
            cuts = {self.question(id).id: levels for id, levels in sufficient.items()}
        else:
            levels = _sufficient(sufficient)
            cuts = {q.id: levels for q in self.questions if q.levels}
            if not cuts:
                raise UsageError(
                    f"`sufficient` is for questions with levels; found none in {self.name!r}. "
                    "Declare them with Question(levels=...)"
                )
        changed = [attrs.evolve(q, sufficient=cuts.get(q.id, q.sufficient)) for q in self.questions]
        try:
            return attrs.evolve(self, questions=changed)
        except DataError as error:
            if isinstance(sufficient, Mapping):
                raise
            hint = "Pass a mapping of question to levels."
            raise DataError([attrs.evolve(one, hint=hint) for one in error.problems]) from None

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

        Parameters
        ----------
        id : str
            The id of the question.

        Returns
        -------
        Question
            The question with that id.

        Raises
        ------
        UnknownNameError
            When no question has that id; the message suggests similar ids.
        """
        return _find("question", id, {q.id: q for q in self.questions})

    def item(self, id: str) -> Item:
        """Return one criterion, section or headline element.

        Parameters
        ----------
        id : str
            The id of the item.

        Returns
        -------
        Item
            The item with that id.

        Raises
        ------
        UnknownNameError
            When no item has that id.
        """
        return _find("item", id, {i.id: i for i in self.items})

    def stratum(self, name: str) -> Stratum:
        """Return one stratum.

        Parameters
        ----------
        name : str
            The name of the stratum.

        Returns
        -------
        Stratum
            The stratum with that name.

        Raises
        ------
        UnknownNameError
            When no stratum has that name.
        """
        return _find("stratum", name, {s.name: s for s in self.strata})

    def select(self, questions: Iterable[str] | None) -> tuple[str, ...]:
        """Return question ids in the framework's order; for None, all of them.

        Parameters
        ----------
        questions : iterable of str or None
            Ids, in any order; a text is one id. None stands for all, including invented ones.

        Returns
        -------
        tuple of str
            The ids, each once.

        Raises
        ------
        UnknownNameError
            When ids are unknown; all of them are listed.
        UsageError
            When ``questions`` is not a list.
        """
        if questions is None:
            return self.question_ids
        requested = as_tuple("questions", questions, "question ids")
        known = set(self.question_ids)
        if unknown := [id for id in requested if not isinstance(id, str) or id not in known]:
            distinct = {id if isinstance(id, str) else format_value(id): id for id in unknown}
            raise UnknownNameError(
                "question", [distinct[id] for id in sorted(distinct)], self.question_ids
            )
        wanted = set(requested)
        return tuple(id for id in self.question_ids if id in wanted)


def circle_problems(waits: Mapping[str, Iterable[str]]) -> list[Problem]:
    """Name questions that wait for their own answers, one problem a circle.

    Parameters
    ----------
    waits : mapping of str to iterable of str
        What each question waits for; names of other things are ignored.
    """
    left = {id: [name for name in names if name in waits] for id, names in waits.items()}
    found = []
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            circle: list[str] = error.args[1]
            rule, hint = "no question may wait for its own answer", "Take a condition away."
            found.append(Problem(f"{circle[0]}, asked_if", rule, " -> ".join(circle), hint))
            # Further circles lie elsewhere.
            left |= {id: [] for id in circle}
        else:
            return found


def columns_behind(framework: Framework, questions: Iterable[str]) -> set[str]:
    """List the columns that decide whether questions are asked, and on what these depend.

    Parameters
    ----------
    questions : iterable of str
        Question ids; other names are ignored.

    Returns
    -------
    set of str
        Names of strata and ids of questions.
    """
    known = {q.id: q for q in framework.questions}
    found: set[str] = set()
    waiting = [id for id in questions if id in known]
    while waiting:
        new = set(known[waiting.pop()].conditions_on) - found
        found |= new
        waiting += [name for name in new if name in known]
    return found


def stored_labels(framework: Framework, question: Question) -> tuple[str, ...] | None:
    """List the labels that a stored column of answers may hold.

    Parameters
    ----------
    question : Question
        One of the questions.

    Returns
    -------
    tuple of str or None
        None if the column is Boolean. Null is not applicable, unless the labels name that.
    """
    if not question.levels and framework.not_answered is None:
        return None
    more = () if framework.not_answered is None else (NOT_ANSWERED,)
    return (*question.answers, *more, *((NOT_APPLICABLE,) * (framework.blank == NOT_ANSWERED)))


def check_framework(value: object) -> Framework:
    """Check that the argument ``framework`` is a `Framework`."""
    if not isinstance(value, Framework):
        raise UsageError(f"`framework` must be a Framework; found {format_value(value)}")
    return value


def _find(what: str, name: str, known: dict[str, T]) -> T:
    if not isinstance(name, str) or name not in known:
        raise UnknownNameError(what, [name], known)
    return known[name]
