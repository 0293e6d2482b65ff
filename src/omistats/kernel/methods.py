"""The methods that can be asked for by name, and how a user adds one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from omistats.errors import UnknownNameError, UsageError

__all__ = ["Methods"]

F = TypeVar("F", bound=Callable[..., Any])


def _plain(name: str) -> str:
    """Fold the spellings of one name: ``Agresti_Coull`` is ``agresti-coull``."""
    return name.strip().lower().replace("_", "-").replace(" ", "-")


class Methods(Generic[F]):
    """Methods of one kind by name.

    Names are compared without regard to case, and ``_`` is as good as ``-``.

    Parameters
    ----------
    kind : str
        What the methods are, as errors say it: ``'interval'``.
    signature : str
        How one is called and what it gives back, for authors.
    """

    def __init__(self, kind: str, signature: str) -> None:
        self.kind, self.signature = kind, signature
        self._functions: dict[str, F] = {}
        self._aliases: dict[str, str] = {}

    def register(self, name: str, function: F, aliases: Iterable[str] = ()) -> None:
        """Add a method.

        Parameters
        ----------
        name : str
            What it is called in results.
        function : callable
            As `signature` says. It takes float64 arrays of one shape that have been checked,
            and gives NaN where it is undefined.
        aliases : iterable of str
            Other names to find it by.

        Raises
        ------
        UsageError
            When a name is taken or is none, or the function cannot be called.
        """
        if isinstance(aliases, str):
            raise UsageError(f"aliases are a list of names, found {aliases!r}")
        names = [name, *aliases]
        if bad := [n for n in names if not isinstance(n, str) or not _plain(n)]:
            raise UsageError(f"a method is found by a name, not {bad[0]!r}")
        if not callable(function):
            raise UsageError(f"{name!r} is called as {self.signature}; found {function!r}")
        if taken := [n for n in names if _plain(n) in self._aliases]:
            raise UsageError(
                f"there is a {self.kind} {self._aliases[_plain(taken[0])]!r} already; "
                f"choose another name than {taken[0]!r}"
            )
        self._functions[name] = function
        self._aliases.update((_plain(n), name) for n in names)

    def remove(self, name: str) -> None:
        """Take away a method that was added.

        Parameters
        ----------
        name : str
            Any of its names.

        Raises
        ------
        UnknownNameError
            When there is none.
        UsageError
            When it is one of omistats' own.
        """
        own = self.name(name)
        if getattr(self._functions[own], "__module__", "").partition(".")[0] == "omistats":
            raise UsageError(f"the {self.kind} {own!r} belongs to omistats and stays")
        del self._functions[own]
        self._aliases = {alias: kept for alias, kept in self._aliases.items() if kept != own}

    def name(self, asked: str) -> str:
        """Give a method's own name, whichever of its names was asked for.

        Raises
        ------
        UnknownNameError
            When there is none; near names are listed.
        """
        found = self._aliases.get(_plain(asked)) if isinstance(asked, str) else None
        if found is None:
            raise UnknownNameError(self.kind, asked, self._functions)
        return found

    def __getitem__(self, asked: str) -> F:
        return self._functions[self.name(asked)]

    def __contains__(self, asked: object) -> bool:
        return isinstance(asked, str) and _plain(asked) in self._aliases

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)

    def __repr__(self) -> str:
        return f"{self.kind} methods, called as {self.signature}: {', '.join(self)}"
