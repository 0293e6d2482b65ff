"""Exceptions of omistats; `OmistatsError` is the base of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import attrs

__all__ = [
    "DataError",
    "OmistatsError",
    "Problem",
    "UnknownNameError",
    "UsageError",
    "as_tuple",
    "check_choice",
    "format_value",
    "format_values",
    "near_names",
    "visible",
    "with_extra",
]


T = TypeVar("T")

# Control and format characters, lone surrogates, line and paragraph separators.
_UNPRINTABLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


def visible(text: str) -> str:
    r"""Escape what a terminal may act on, as ``\x1b``; line ends too, so text stays one line.

    Escaped are control and format characters (which may hide or reverse text), line ends and
    lone surrogates. All text forms and errors write labels and names with it.
    """
    if text.isprintable():
        return text
    from unicodedata import category

    return "".join(
        c.encode("unicode_escape").decode() if category(c) in _UNPRINTABLE else c for c in text
    )


class OmistatsError(Exception):
    """Base of every error that omistats raises on purpose.

    Its text is safe for a terminal: control characters and line ends of what it quotes are
    escaped. Arguments after the first are details, which have a line each.

    Examples
    --------
    >>> import omistats as oms
    >>> try:
    ...     oms.stats.interval(14, 20, confidence=95)
    ... except oms.OmistatsError as error:
    ...     print(error)
    `confidence` must be between 0 and 1; found 95; did you mean 0.95?
    """

    def __str__(self) -> str:
        first, *details = (visible(str(part)) for part in self.args or ("",))
        return "".join([first, *(f"\n  - {line}" for line in details)])


class UsageError(OmistatsError, ValueError):
    """Arguments that are out of range or do not fit together.

    It is a `ValueError` as well.

    Examples
    --------
    >>> import omistats as oms
    >>> try:
    ...     oms.Inference(margin=5)
    ... except oms.UsageError as error:
    ...     print(error)
    margin is a difference of proportions between 0 and 1, such as 0.05 for five points;
    found 5; did you mean 0.05?
    """


class UnknownNameError(UsageError, KeyError):
    """Unknown names; the message suggests similar ones.

    It is a `UsageError`, and a `KeyError` as well.

    Attributes
    ----------
    what : str
        The kind of name, such as ``'question'`` or ``'test'``.
    names : tuple
        The unknown names.
    known : tuple of str
        The known names.
    hint : str
        What else may have been meant; empty for none.

    Examples
    --------
    >>> import omistats as oms
    >>> try:
    ...     oms.stats.interval(14, 20, method="willson")
    ... except oms.UnknownNameError as error:
    ...     print(error)
    ...     print(error.names, "wilson" in error.known)
    unknown interval 'willson'; did you mean 'wilson' or 'wilson-cc'?
    ('willson',) True
    """

    def __init__(self, what: str, names: object, known: Iterable[str], hint: str = "") -> None:
        self.what, self.known, self.hint = what, tuple(known), hint
        self.names = tuple(names) if isinstance(names, list | tuple) else (names,)
        text = "; ".join(map(self._sentence, self.names))
        super().__init__(f"{text}. {hint}" if hint else text)

    def _sentence(self, name: object) -> str:
        shown = _written(name)
        if near := near_names(str(name) if isinstance(name, str) else shown, self.known, 3):
            return f"unknown {self.what} {shown}; did you mean {' or '.join(map(repr, near))}?"
        if not self.known:
            return f"unknown {self.what} {shown}; there are none to choose from"
        return f"unknown {self.what} {shown}; choose from {', '.join(self.known)}"

    def __str__(self) -> str:
        # KeyError shows the repr of its argument, which would quote the whole sentence.
        return visible(str(self.args[0]))

    def __reduce__(self) -> tuple[object, ...]:
        # A subclass need not take a hint.
        hint = (self.hint,) if self.hint else ()
        return type(self), (self.what, self.names, self.known, *hint)


@attrs.frozen
class Problem:
    """One problem found in the data.

    `DataError` and `Breakdown.problems` list them. As text, a problem is one sentence and the
    next step.

    Attributes
    ----------
    where : str
        The column, unit or question that has the problem.
    rule : str
        What was expected.
    found : str
        The invalid data, shortened.
    hint : str
        The next step.

    Examples
    --------
    >>> import omistats as oms
    >>> try:
    ...     oms.Stratum("tenure", ("owned", "owned"))
    ... except oms.DataError as error:
    ...     problem = error.problems[0]
    >>> problem.where, problem.found
    ('tenure', "'owned', 'owned'")
    >>> print(problem.hint)
    Rename or remove the offending level.
    """

    where: str
    rule: str
    found: str
    hint: str

    def __str__(self) -> str:
        # Names may come from data; a terminal may act on control characters.
        return visible(f"{self.where}: {self.rule}; found {self.found}. {self.hint}")


class DataError(OmistatsError, ValueError):
    """Data that break the rules; the message lists every problem.

    It is a `ValueError` as well.

    Attributes
    ----------
    problems : tuple of Problem
        All problems found, in the order of the message.

    Examples
    --------
    >>> import omistats as oms
    >>> try:
    ...     oms.Findings.from_counts(
    ...         [14, 31], [20, 30], questions=["home_visit"], groups=["owned", "rented"]
    ...     )
    ... except oms.DataError as error:
    ...     print(error)
    1 problem in the data:
      - home_visit, rented: counts are whole, with 0 <= k <= n <= 2**53;
        found k = 31, n = 30. Correct the count; write 0 of 0 for a blank.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{count} problem{'s' if count != 1 else ''} in the data"
        super().__init__("\n".join([f"{head}:", *(f"  - {p}" for p in self.problems)]))

    def __str__(self) -> str:
        return str(self.args[0])  # one line for each problem, which is escaped

    def __reduce__(self) -> tuple[object, ...]:
        # Keeps the problems when the error is raised in another process.
        return type(self), (self.problems,)


def format_values(values: Iterable[object], most: int = 5) -> str:
    """Format the first few values as text, and count the rest."""
    values = list(values)
    if not values:
        return "none"
    text = ", ".join(map(_written, values[:most]))
    rest = len(values) - most
    return f"{text} and {rest} more" if rest > 0 else text


def _written(value: object) -> str:
    """Return the repr of a value, or its type where it has none."""
    if isinstance(value, int) and abs(value) >= 10**60:
        # Python refuses to write out numbers of many thousand digits.
        return "a whole number of more than 60 digits"
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - a value may be of any class
        return f"a value of type {type(value).__name__}"


def format_value(value: object) -> str:
    """Format a value as text if that is short, else name its type."""
    if isinstance(value, list | tuple | dict | set) and len(value) > 5:
        return f"a {type(value).__name__} of {len(value)}"
    text = _written(value)
    short = len(text) <= 60 and "\n" not in text
    return visible(text) if short else f"a value of type {type(value).__name__}"


def near_names(name: str, known: Iterable[str], most: int = 1) -> list[str]:
    """List similar names, the most similar first; case, spaces, "_" and "-" are ignored."""
    from difflib import get_close_matches

    spelled: dict[str, list[str]] = {}
    for one in known:
        spelled.setdefault(_plain(one), []).append(one)
    close = get_close_matches(_plain(name), spelled, n=most)
    return [one for spelling in close for one in spelled[spelling]][:most]


def _plain(name: str) -> str:
    return "".join(name.casefold().replace("_", " ").replace("-", " ").split())


def check_choice(what: str, value: object, known: Sequence[str]) -> None:
    """Check that an option is one of the known words.

    Raises
    ------
    UnknownNameError
        When it is another word; the message suggests similar ones.
    UsageError
        When it is not text.
    """
    if not isinstance(value, str):
        choice = ", ".join(map(repr, known))
        raise UsageError(f"the {what} must be one of {choice}; found {format_value(value)}")
    if value not in known:
        raise UnknownNameError(what, value, known)


def as_tuple(name: str, values: Any, what: str) -> tuple[Any, ...]:
    """Convert an option to a tuple; a single text becomes one entry.

    Raises
    ------
    UsageError
        When the option is not a list.
    """
    if isinstance(values, str):
        return (values,)
    try:
        return tuple(values)
    except TypeError:
        raise UsageError(
            f"`{name}` must be a list of {what}; found {format_value(values)}"
        ) from None


def with_extra(name: str, make: Callable[[], T], library: str = "") -> T:
    """Call a function that needs an optional library, by default one that is called as its extra.

    Raises
    ------
    UsageError
        When the library is not installed; the message names the extra that brings it.
    """
    try:
        return make()
    except ImportError as error:
        raise UsageError(
            f'needs {library or name}; install it with: pip install "omistats[{name}]"'
        ) from error
