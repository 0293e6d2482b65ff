"""Read TOML files and find the line of each of their keys."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs

from omistats.errors import DataError, Problem, format_value, format_values

__all__ = ["Key", "TomlFile", "read_toml"]

Key = tuple[str | int, ...]

_MOST_BYTES = 16 << 20


def read_toml(path: Path) -> TomlFile:
    """Read a TOML file.

    Raises
    ------
    DataError
        When it is missing, larger than 16 MB, not UTF-8, or not TOML.
    """
    name = path.name
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES or not path.is_file():
            what = f"{size:,} bytes" if path.is_file() else "no plain file"
            raise DataError(
                [Problem(str(path), "must be a file of at most 16 MB", what, "Check the path.")]
            )
        # Some editors begin a file with a byte order mark.
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        what, hint = "no such file", "Add it to the folder."
        raise DataError([Problem(str(path), "must be in the folder", what, hint)]) from None
    except OSError as error:
        what = error.strerror or str(error)
        raise DataError([Problem(str(path), "must be readable", what, "Check it.")]) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        where, what = f"{name} line {line}", f"the byte {error.object[error.start]:#04x}"
        raise DataError([Problem(where, "must be UTF-8", what, "Save it as UTF-8.")]) from error
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # A ValueError of its own class, or one of a number with too many digits.
        what, _, place = str(error).partition(" (at ")
        line_of_error = re.match(r"line (\d+)", place)
        where = f"{name} line {line_of_error[1]}" if line_of_error else name
        if place.startswith("end of document"):
            where = f"{name} line {text.count(chr(10)) + 1}"
        if not isinstance(error, tomllib.TOMLDecodeError | RecursionError):
            # Python refuses to read such a number, and says how to allow it.
            digits = re.search(r"=?\s*([+-]?[0-9_]{4300,})", text)
            where = name
            if digits:
                where += f" line {text.count(chr(10), 0, digits.start(1)) + 1}"
            what = "a whole number of more than 4,300 digits"
        hint = "Correct the line or the one above."
        raise DataError([Problem(where, "must be TOML", what, hint)]) from error
    return TomlFile(name, data, text, [])


_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_QUOTES = ('"""', "'''", '"', "'")
_ESCAPES = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_PLAIN_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}


class _Locator:
    """Find the line of each table, key and entry of a list, in text that is known to be TOML."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text.replace("\r\n", "\n"), 0
        self._lines: dict[Key, int] = {}
        self._places: dict[Key, int] = {}
        self._counted, self._line = 0, 1

    def find(self) -> dict[Key, int]:
        """Return the line of each path: its keys, with the place of an entry in a list."""
        table: Key = ()
        while self._skip_blanks():
            line = self._line_here()
            if self._text[self._at] == "[":
                is_list = self._text.startswith("[[", self._at)
                self._at += 1 + is_list
                table = self._header(self._key(), is_list)
                self._at = self._text.index("]", self._at) + 1 + is_list
                self._lines.setdefault(table, line)
            else:
                self._assignment(table)
        return self._lines

    def _line_here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _skip_blanks(self, more: str = "") -> bool:
        """Move to the next sign that is no space, line break or comment; say if there is one."""
        text = self._text
        while self._at < len(text):
            sign = text[self._at]
            if sign == "#":
                end = text.find("\n", self._at)
                self._at = len(text) if end < 0 else end
            elif sign in " \t\n" or sign in more:
                self._at += 1
            else:
                return True
        return False

    def _header(self, parts: tuple[str, ...], is_list: bool) -> Key:
        """Turn the name of a table into its path: of a list, the latest entry."""
        path: Key = ()
        for part in parts[:-1]:
            path = (*path, part)
            if path in self._places:
                path = (*path, self._places[path])
        path = (*path, parts[-1])
        if is_list:
            self._places[path] = self._places.get(path, -1) + 1
            path = (*path, self._places[path])
        return path

    def _key(self) -> tuple[str, ...]:
        parts = []
        while True:
            self._skip_blanks()
            if self._text[self._at] in "\"'":
                parts.append(self._quoted())
            else:
                bare = _BARE_KEY.match(self._text, self._at)
                assert bare is not None  # noqa: S101  # it is TOML
                parts.append(bare[0])
                self._at = bare.end()
            self._skip_blanks()
            if self._text[self._at] != ".":
                return tuple(parts)
            self._at += 1

    def _assignment(self, table: Key) -> None:
        line = self._line_here()
        path = (*table, *self._key())
        self._lines.setdefault(path, line)
        self._at = self._text.index("=", self._at) + 1
        self._value(path)

    def _value(self, path: Key) -> None:
        self._skip_blanks()
        sign = self._text[self._at]
        if sign in "\"'":
            self._quoted()
        elif sign in "[{":
            self._at += 1
            place = 0
            while self._skip_blanks(",") and self._text[self._at] not in "]}":
                if sign == "{":
                    self._assignment(path)
                    continue
                entry = (*path, place)
                self._lines.setdefault(entry, self._line_here())
                self._value(entry)
                place += 1
            self._at += 1
        else:
            while self._at < len(self._text) and self._text[self._at] not in ",]}#\n":
                self._at += 1

    def _quoted(self) -> str:
        """Move past a text in quotes and return it, as a key needs."""
        text, start = self._text, self._at
        quote = next(q for q in _QUOTES if text.startswith(q, start))
        at = start + len(quote)
        while not text.startswith(quote, at):
            at += 2 if text[at] == "\\" and quote[0] == '"' else 1
        self._at = at + len(quote)
        if len(quote) == 3:
            # Up to two more quotes may end the text itself.
            while self._at < len(text) and text[self._at] == quote[0]:
                self._at += 1
        inside = text[start + len(quote) : at]
        return _ESCAPES.sub(_unescape, inside) if quote == '"' else inside


def _unescape(found: re.Match[str]) -> str:
    code = found[1] or found[2]
    return chr(int(code, 16)) if code else _PLAIN_ESCAPES.get(found[3], found[3])


@attrs.frozen(eq=False)
class TomlFile:
    """A TOML file, and the problems found in it so far.

    Attributes
    ----------
    name : str
        The name of the file.
    data : dict
        What it holds.
    text : str
        The file.
    problems : list of Problem
        The problems found.
    """

    name: str
    data: dict[str, Any]
    text: str
    problems: list[Problem]

    @cached_property
    def lines(self) -> dict[Key, int]:
        """The line of each path: keys from the root, with the place of an entry in a list.

        Found when the first problem asks for one.
        """
        return _Locator(self.text).find()

    def where(self, *path: str | int) -> str:
        """Name the file, line and key of a value."""
        line = None
        for end in range(len(path), -1, -1):
            # A table that has no line of its own begins with its first part.
            inside = (n for key, n in self.lines.items() if end and key[:end] == path[:end])
            line = self.lines.get(path[:end], min(inside, default=None))
            if line is not None:
                break
        key = ""
        for part in path:
            if isinstance(part, int):
                key += f"[{part}]"
            else:
                name = part if part.isprintable() else repr(part)
                key += f"{'.' if key else ''}{name}"
        return self.name + (f" line {line}" if line else "") + (f", {key}" if key else "")

    def add(self, path: Key, rule: str, found: object, hint: str = "Correct it.") -> None:
        """Note a problem of a value."""
        text = found if isinstance(found, str) else format_value(found)
        self.problems.append(Problem(self.where(*path), rule, text, hint))

    def check_keys(self, path: Key, table: Mapping[str, Any], known: Sequence[str]) -> None:
        """Note keys that are not known."""
        for key in table:
            if key not in known:
                from difflib import get_close_matches

                near = get_close_matches(key, known, n=1)
                hint = f"Did you mean {near[0]!r}?" if near else f"Use {format_values(known, 20)}."
                self.add((*path, key), "must be a known key", repr(key), hint)

    def take(self, path: Key, table: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
        """Return a value of a type; note another type and return the default."""
        value = table.get(key, default)
        good = isinstance(value, kind) and not (kind is not bool and isinstance(value, bool))
        if key in table and not good:
            self.add((*path, key), f"must be {_TYPES[kind]}", value)
            return default
        return value

    def tables(self, key: str) -> list[tuple[int, dict[str, Any]]]:
        """Return the tables of a list, with their places; note what is no table."""
        values = self.take((), self.data, key, list, [])
        for i, value in enumerate(values):
            if not isinstance(value, dict):
                self.add((key, i), "must be a table", value)
        return [(i, value) for i, value in enumerate(values) if isinstance(value, dict)]


_TYPES = {str: "text", bool: "true or false", list: "a list", dict: "a table", int: "a number"}
