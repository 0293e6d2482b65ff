"""A name that is no known one, however it is written."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from omistats.errors import UnknownNameError

__all__ = ["UnknownSpellingError"]

# More than this to choose from is no help.
_MOST = 60


class UnknownSpellingError(UnknownNameError):
    """Names of which near ones are looked for in any case, and the choice is given once."""

    def __init__(self, what: str, names: object, known: Iterable[str]) -> None:
        super().__init__(what, names, known)
        written: dict[str, list[str]] = {}
        for spelling in dict.fromkeys(self.known):
            written.setdefault(spelling.casefold(), []).append(spelling)
        sentences, far = [], []
        for name in self.names:
            plain = get_close_matches(str(name).casefold(), written, n=3)
            near = [spelling for found in plain for spelling in written[found]]
            if near:
                said = " or ".join(map(repr, near))
                sentences.append(f"unknown {what} {name!r}; did you mean {said}?")
            else:
                far.append(repr(name))
        if far:
            sentences.append(f"unknown {what} {', '.join(far)}; {self._choice()}")
        self.args = ("; ".join(sentences),)

    def _choice(self) -> str:
        if len(self.known) > _MOST:
            return f"none of {len(self.known)} is near, and the error's `known` lists them"
        return f"choose from {', '.join(self.known)}"
