"""What a programme asks, and what each question feeds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import attrs

from omistats.errors import UsageError, listed

__all__ = ["Item", "Level", "Link", "Provenance", "Question"]

Provenance = Literal["published", "inferred", "invented"]
"""Where a statement comes from: print, our reading of it, or our imagination."""

Level = Literal["criterion", "section", "headline"]


@attrs.frozen
class Item:
    """Something that questions feed: a general criterion, a section or a headline element.

    A `Framework` checks it.

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
    """A question's membership of an item, and where that is known from.

    A `Framework` checks it.

    Parameters
    ----------
    item : str
        Id of the criterion or headline element.
    provenance : {'published', 'inferred', 'invented'}
        Whether a source prints the membership, we read it so, or made it up.

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
        link = f'Link("{values}", "inferred")' if isinstance(values, str) else repr(values)
        raise UsageError(f"`headlines` lists links; write headlines=[{link}]")
    return listed("headlines", values, "links, as [Link('safety', 'inferred')]")


@attrs.frozen
class Question:
    """One aspect of work judged in a case.

    A `Framework` checks it.

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
        Where the question itself is known from. Invented ones are counted only when asked for.

    Raises
    ------
    UsageError
        When ``headlines`` is no list of links.

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
