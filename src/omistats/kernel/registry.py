"""Registries of statistical methods by name."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar, cast

import numpy as np

from omistats.errors import UnknownNameError, UsageError, format_value

__all__ = ["MethodRegistry"]


F = TypeVar("F", bound=Callable[..., Any])


class MethodRegistry(Generic[F]):
    """Methods of one kind by name.

    Names are compared without regard to case, and ``_`` and spaces count as ``-``.

    Parameters
    ----------
    kind : str
        The kind of method, for error messages: ``'interval'``.
    signature : str
        Arguments and results of a method, for authors.
    outputs : int
        The number of arrays that a method returns; 0 if it returns something else.
    over_groups : bool
        Whether the arguments have groups on the last axis, which the results lack.
    reserved : iterable of str
        Names that findings use for methods of another kind.
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
        self._reserved = frozenset(map(_normalised, reserved))
        self._functions: dict[str, F] = {}
        self._aliases: dict[str, str] = {}

    def register(self, name: str, function: F, aliases: Iterable[str] = ()) -> None:
        """Add a method.

        Parameters
        ----------
        name : str
            The name shown in results.
        function : callable
            A function of the form `signature`. It receives checked float64 arrays of one shape,
            and returns arrays of that shape (tests of several groups: without the last axis),
            NaN where the method is undefined. The shapes are checked at each call.
        aliases : iterable of str
            Other names of the method.

        Raises
        ------
        UsageError
            When a name is taken, reserved or empty, or the function cannot be called.
        """
        if isinstance(aliases, str):
            raise UsageError(f"`aliases` must be a list of names; found {aliases!r}")
        names = [name, *aliases]
        for each in names:
            if not isinstance(each, str) or not _normalised(each):
                raise UsageError(f"the name of a method must be non-empty text; found {each!r}")
            if each in self:
                raise UsageError(
                    f"{each!r} is already a name of the {self.kind} {self.name(each)!r}; choose "
                    f"another, or call remove({self.name(each)!r}) first"
                )
            if _normalised(each) in self._reserved:
                raise UsageError(
                    f"{each!r} names a test of weighted or stratified findings; choose another name"
                )
        if not callable(function):
            raise UsageError(f"{name!r} must be a function {self.signature}; found {function!r}")
        self._functions[name] = self._with_shape_check(name, function)
        self._aliases.update((_normalised(each), name) for each in names)

    def _with_shape_check(self, name: str, function: F) -> F:
        """Check what a method returns, so that its author sees which method is wrong."""
        if not self._outputs:
            return function

        @functools.wraps(function)
        def checked(*arguments: Any, **options: Any) -> Any:
            shape = np.shape(arguments[0])[: -1 if self._over_groups else None]
            try:
                returned = function(*arguments, **options)
                parts = (returned,) if self._outputs == 1 else tuple(returned)
                if len(parts) != self._outputs:
                    raise TypeError(f"it returned {len(parts)} arrays")
                arrays = tuple(np.asarray(part, np.float64) for part in parts)
                for array in arrays:
                    if array.shape != shape:
                        raise TypeError(f"it returned an array of shape {array.shape}, not {shape}")
            except (TypeError, ValueError) as error:
                raise UsageError(
                    f"the {self.kind} {name!r} must be a function {self.signature}; {error}"
                ) from error
            return arrays[0] if self._outputs == 1 else arrays

        return cast(F, checked)

    def remove(self, name: str) -> None:
        """Remove a method for the rest of the session.

        Parameters
        ----------
        name : str
            Any of its names.

        Raises
        ------
        UnknownNameError
            When there is no such method.
        """
        removed = self.name(name)
        del self._functions[removed]
        self._aliases = {alias: main for alias, main in self._aliases.items() if main != removed}

    def name(self, asked: str) -> str:
        """Return the main name of a method, given any of its names.

        Raises
        ------
        UnknownNameError
            When there is no such method; near names are listed.
        """
        if not isinstance(asked, str):
            raise UsageError(
                f"the {self.kind} must be one of {', '.join(self)}; found {format_value(asked)}"
            )
        found = self._aliases.get(_normalised(asked))
        if found is None:
            raise UnknownNameError(self.kind, asked, self._functions)
        return found

    def __getitem__(self, asked: str) -> F:
        return self._functions[self.name(asked)]

    def __contains__(self, asked: object) -> bool:
        return isinstance(asked, str) and _normalised(asked) in self._aliases

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)

    def __repr__(self) -> str:
        return f"{self.kind} methods, called as {self.signature}: {', '.join(self)}"


def _normalised(name: str) -> str:
    """Normalise the spelling of a name: ``Agresti_Coull`` becomes ``agresti-coull``."""
    return name.strip().lower().replace("_", "-").replace(" ", "-")
