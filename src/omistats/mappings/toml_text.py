"""Write a mapping as TOML that people can read and edit."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from omistats.mappings.mapping import CaseMapping, Layout

__all__ = ["Comments", "toml_text"]

Comments = Mapping[tuple[str | int, ...], str]
"""Comments by the path of the entry that they stand above."""

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_WIDTH = 100

_HEADINGS = {
    "codes": 'Of each answer or level, the codes that mean it: "" is an empty cell, '
    '"*" any other text.',
    "rules": "What to do with rows that are no usable case.",
    "ages": "What to do with dates from which no age group follows.",
    "units": "Further names of units.",
}


def toml_text(mapping: CaseMapping, comments: Comments) -> str:
    """Write a mapping as TOML.

    Parameters
    ----------
    mapping : CaseMapping
        The mapping.
    comments : mapping of tuple to str
        Comments by the path of the entry that they stand above.
    """
    writer = _Writer(comments)
    writer.comment(())
    writer.line("format = 1")
    for key in ("programme", "title", "note", "match", "synthetic"):
        value = getattr(mapping, key)
        if value != getattr(type(mapping)(), key) or key in ("programme", "match"):
            writer.entry((key,), value)
    for name in ("rules", "ages"):
        group = getattr(mapping, name)
        values = {k: v for k, v in attrs.asdict(group).items() if v is not None}
        writer.table((name,), values, _HEADINGS[name])
    units = mapping.units
    writer.table(
        ("units",),
        {"affixes": units.affixes, **({"unknown": units.unknown} if units.unknown else {})},
        _HEADINGS["units"],
    )
    if units.synonyms:
        writer.table(("units", "synonyms"), units.synonyms)
    heading = _HEADINGS["codes"]
    for name, codes in mapping.codes.items():
        writer.table(("codes", name), codes, heading)
        heading = ""
    for name, layout in mapping.layouts.items():
        writer.layout(name, layout)
    return "\n".join(writer.lines) + "\n"


class _Writer:
    """Lines of TOML, each with its comment above it."""

    def __init__(self, comments: Comments) -> None:
        self.lines: list[str] = []
        self._comments = comments

    def line(self, text: str) -> None:
        self.lines.append(text)

    def comment(self, path: tuple[str | int, ...], default: str = "") -> None:
        text = self._comments.get(path, default)
        for line in text.splitlines():
            self.line(f"# {_printable(line)}".rstrip())

    def entry(self, path: tuple[str, ...], value: Any) -> None:
        self.comment(path)
        self.line(f"{_key(path[-1])} = {_value(value)}")

    def table(self, path: tuple[str, ...], values: Mapping[str, Any], heading: str = "") -> None:
        self.line("")
        self.comment(path, heading)
        self.line(f"[{'.'.join(map(_key, path))}]")
        for key, value in values.items():
            self.entry((*path, key), value)

    def layout(self, name: str, layout: Layout) -> None:
        path = ("layouts", name)
        empty = type(layout)()
        groups = ("questions", "characteristics", "keep")
        plain = {
            key: value
            for key, value in attrs.asdict(layout, recurse=False).items()
            if key not in groups and (value != getattr(empty, key) or key in ("id", "unit"))
        }
        self.table(path, {key: plain[key] for key in sorted(plain, key=_order)})
        for group in ("characteristics", "questions", "keep"):
            entries = getattr(layout, group)
            if not entries:
                continue
            self.line("")
            self.comment((*path, group))
            self.line(f"[{'.'.join(map(_key, (*path, group)))}]")
            for key, given in entries.items():
                fields = {
                    k: v
                    for k, v in attrs.asdict(given, recurse=False).items()
                    if v != getattr(type(given)(), k)
                }
                # One table of codes is written without brackets.
                if len(fields.get("codes", ())) == 1:
                    fields["codes"] = fields["codes"][0]
                inside = ", ".join(f"{k} = {_value(v, inline=True)}" for k, v in fields.items())
                self.comment((*path, group, key))
                self.line(f"{_key(key)} = {{ {inside} }}" if inside else f"{_key(key)} = {{}}")


_FIRST = ("title", "sheet", "header_row", "footer_rows", "encoding", "separator", "dates", "labels")


def _order(key: str) -> tuple[int, str]:
    rest = ("id", "unit", "ignore", "absent")
    return ((*_FIRST, *rest).index(key), key)


def _key(key: str) -> str:
    return key if _BARE.match(key) else _text(key)


def _value(value: Any, *, inline: bool = False) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | dt.date):
        return str(value)
    if isinstance(value, str):
        return _text(value)
    entries = [_text(entry) for entry in value]
    line = f"[{', '.join(entries)}]"
    if inline or len(line) <= _WIDTH - 20:
        return line
    return "[\n" + "".join(f"  {entry},\n" for entry in entries) + "]"


_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def _text(text: str) -> str:
    return '"' + "".join(_sign(sign) for sign in text) + '"'


def _sign(sign: str) -> str:
    if sign in _SHORT:
        return _SHORT[sign]
    # A space that is none to the eye stays visible.
    if sign.isprintable():
        return sign
    code = ord(sign)
    if 0xD800 <= code <= 0xDFFF:
        return "\\ufffd"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)
