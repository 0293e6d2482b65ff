"""The methods that can be asked for by name, and how a user adds one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar, cast

import numpy as np

from omistats.errors import UnknownNameError, UsageError, format_value

__all__ = ["MethodRegistry"]


F = TypeVar("F", bound=Callable[..., Any])


def _plain(name: str) -> str:
    """Fold the spellings of one name: ``Agresti_Coull`` is ``agresti-coull``."""
    return name.strip().lower().replace("_", "-").replace(" ", "-")


def _is_own(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).partition(".")[0] == "omistats"


class MethodRegistry(Generic[F]):
    """Methods of one kind by name.

    Names are compared without regard to case, and ``_`` is as good as ``-``.

    Parameters
    ----------
    kind : str
        What the methods are, as errors say it: ``'interval'``.
    signature : str
        How one is called and what it gives back, for authors.
    outputs : int
        How many arrays it gives; 0 where it gives something else.
    over_groups : bool
        Whether groups lie on the last axis of what it takes, and what it gives is without.
    reserved : iterable of str
        Names that mean something else where methods are chosen.
    """

    def __init__(
        self,
        kind: str,
        signature: str,
        *,
        outputs: int,
        over_groups: bool = False,
        reserved: Iterable[str] = (),
    ) -> None:
        self.kind, self.signature = kind, signature
        self._outputs, self._over_groups = outputs, over_groups
        self._reserved = frozenset(map(_plain, reserved))
        self._functions: dict[str, F] = {}
        self._aliases: dict[str, str] = {}
        self._added: set[str] = set()

    def register(self, name: str, function: F, aliases: Iterable[str] = ()) -> None:
        """Add a method.

        Parameters
        ----------
        name : str
            What it is called in results.
        function : callable
            As `signature` says. It takes float64 arrays of one shape that have been checked,
            and gives arrays of that shape (tests of several groups: without the last axis), NaN
            where it is undefined. What else it gives is refused when it is called.
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
            own = self._aliases[_plain(taken[0])]
            raise UsageError(
                f"{taken[0]!r} is the name of the {self.kind} {own!r} already; choose another, or "
                f"take one of yours away first with remove({own!r})"
            )
        if kept := [n for n in names if _plain(n) in self._reserved]:
            raise UsageError(f"{kept[0]!r} means something else to findings; choose another name")
        if _is_own(function) or not self._outputs:
            self._functions[name] = function
        else:
            self._functions[name] = self._guarded(name, function)
            self._added.add(name)
        self._aliases.update((_plain(n), name) for n in names)

    def _guarded(self, name: str, function: F) -> F:
        """Check what a user's function gives, so that a slip is not found far from here."""

        def guarded(*arguments: Any, **named: Any) -> Any:
            shape = np.shape(arguments[0])[: -1 if self._over_groups else None]
            try:
                given = function(*arguments, **named)
                parts = (given,) if self._outputs == 1 else tuple(given)
                if len(parts) != self._outputs:
                    raise TypeError(f"it gave {len(parts)} arrays")
                arrays = [np.asarray(part, np.float64) for part in parts]
                for array in arrays:
                    if array.shape != shape:
                        raise TypeError(f"it gave an array of shape {array.shape}, not {shape}")
            except (TypeError, ValueError) as error:
                raise UsageError(
                    f"the {self.kind} {name!r} is called as {self.signature}; {error}"
                ) from error
            return arrays[0] if self._outputs == 1 else tuple(arrays)

        return cast(F, guarded)

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
        if own not in self._added:
            raise UsageError(f"the {self.kind} {own!r} belongs to omistats and stays")
        del self._functions[own]
        self._added.discard(own)
        self._aliases = {alias: kept for alias, kept in self._aliases.items() if kept != own}

    def name(self, asked: str) -> str:
        """Give a method's own name, whichever of its names was asked for.

        Raises
        ------
        UnknownNameError
            When there is none; near names are listed.
        """
        if not isinstance(asked, str):
            raise UsageError(
                f"the {self.kind} is one name of {', '.join(self)}; found {format_value(asked)}"
            )
        found = self._aliases.get(_plain(asked))
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
