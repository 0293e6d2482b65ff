"""Read TOML files and find the line of each of their keys."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import attrs

from omistats.errors import DataError, Problem, format_value, format_values

__all__ = ["TomlFile", "read_toml"]

Key = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(r"""^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*\S+?)*)\s*=""")
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
        text = path.read_bytes().decode()
    except FileNotFoundError:
        what, hint = "no such file", "Add it to the folder."
        raise DataError([Problem(str(path), "must be in the folder", what, hint)]) from None
    except OSError as error:
        what = error.strerror or str(error)
        raise DataError([Problem(str(path), "must be readable", what, "Check it.")]) from error
    except UnicodeDecodeError as error:
        what = f"a byte that is not, at {error.start:,}"
        raise DataError([Problem(str(path), "must be UTF-8", what, "Save it as UTF-8.")]) from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what = str(error)
        raise DataError([Problem(str(path), "must be TOML", what, "Correct that line.")]) from error
    return TomlFile(name, data, _find_lines(text), [])


def _find_lines(text: str) -> dict[Key, int]:
    """Find the line of each table and key; keys of inline tables are on the line of the table."""
    lines: dict[Key, int] = {}
    seen: dict[Key, int] = {}
    table: Key = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            parts = _parts(header[2])
            if header[1] == "[[":
                place = seen.get(parts, -1) + 1
                seen[parts] = place
                table = (*parts, place)
            else:
                table = parts
                if parts[:1] in seen and len(parts) > 1:
                    # A table of the entry before it.
                    table = (parts[0], seen[parts[:1]], *parts[1:])
            lines.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            lines.setdefault((*table, *_parts(assignment[1])), number)
    return lines


def _parts(dotted: str) -> Key:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


@attrs.frozen(eq=False)
class TomlFile:
    """A TOML file, and the problems found in it so far.

    Attributes
    ----------
    name : str
        The name of the file.
    data : dict
        What it holds.
    lines : dict of tuple to int
        The line of each key: its path from the root, with the place of an entry in a list.
    problems : list of Problem
        The problems found.
    """

    name: str
    data: dict[str, Any]
    lines: dict[Key, int]
    problems: list[Problem]

    def where(self, *path: str | int) -> str:
        """Name the file, line and key of a value."""
        line = None
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                line = self.lines[path[:end]]
                break
        key = ""
        for part in path:
            key += f"[{part}]" if isinstance(part, int) else f"{'.' if key else ''}{part}"
        return self.name + (f" line {line}" if line else "") + (f", {key}" if key else "")

    def add(self, path: Key, rule: str, found: object, hint: str = "Correct it.") -> None:
        """Note a problem of a value."""
        text = found if isinstance(found, str) else format_value(found)
        self.problems.append(Problem(self.where(*path), rule, text, hint))

    def check_keys(self, path: Key, table: Mapping[str, Any], known: Sequence[str]) -> None:
        """Note keys that are not known."""
        for key in table:
            if key not in known:
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
