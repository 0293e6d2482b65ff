"""Commands of the programme: reproduce the report, find good practice."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from omistats.errors import UsageError

__all__ = ["add_commands"]


def add_commands(commands: Any) -> None:
    """Add ``reproduce`` and ``practice`` to the command line.

    Parameters
    ----------
    commands : argparse subparsers
        Each command sets ``run``, a function of the parsed options that returns the exit status.
    """
    _add_reproduce(commands)
    _add_practice(commands)


def _add_reproduce(commands: Any) -> None:
    command = commands.add_parser(
        "reproduce",
        help="recompute the 2011 aggregate report and lay it beside print",
        description="Recompute Tables 3-11 of the 2011 aggregate report from the shipped "
        "synthetic cases, compare every cell with print, and prove what cannot agree.",
    )
    command.add_argument("--out", type=Path, metavar="DIR", help="write the recomputed tables here")
    command.add_argument("--json", action="store_true", help="print JSON instead of text")
    command.set_defaults(run=_reproduce)


def _add_practice(commands: Any) -> None:
    from omistats.omi2.good_practice.search import KINDS

    command = commands.add_parser(
        "practice",
        help="find published examples of good practice",
        description="Find the published examples of good practice that stand under a criterion "
        "or are about a theme. What is given twice, as two themes, means either.",
    )
    command.add_argument(
        "--criterion", action="append", metavar="ID", help="a general criterion, as 2.3"
    )
    command.add_argument("--theme", action="append", metavar="ID", help="a theme, as alcohol")
    command.add_argument("--kind", choices=KINDS, help="one person's case, or a way of working")
    command.add_argument("--unit", metavar="NAME", help="leave out this unit's own, as wiltshire")
    command.add_argument("--limit", type=int, metavar="N", help="the most examples to give")
    command.add_argument(
        "--publication", metavar="PATH", help="the publication as plain text, to show the texts"
    )
    command.add_argument(
        "--encoding", metavar="NAME", help="of the publication, if not UTF-8, as cp1252"
    )
    command.add_argument("--json", action="store_true", help="print JSON instead of text")
    command.set_defaults(run=_practice)


def _reproduce(options: argparse.Namespace) -> int:
    from omistats.omi2.report import as_text, write_tables
    from omistats.omi2.reproduction import reproduce

    found = reproduce(progress=_say)
    if options.out is not None:
        files = write_tables(found, options.out)
        _say(f"wrote {len(files)} files to {options.out}")
    print(json.dumps(found.to_dict(), indent=2) if options.json else as_text(found))
    return 0 if found.explained else 1


def _practice(options: argparse.Namespace) -> int:
    from omistats.omi2.good_practice.publication import read_good_practice
    from omistats.omi2.good_practice.search import practice

    path = options.publication
    how = {} if options.encoding is None else {"encoding": options.encoding}
    if path is None and how:
        raise UsageError("--encoding is that of the --publication; give both")
    found = practice(
        criterion=options.criterion,
        theme=options.theme,
        kind=options.kind,
        unit=options.unit,
        limit=options.limit,
        text=None if path is None else read_good_practice(path, **how),
    )
    # JSON escapes every control character.
    print(json.dumps(found.to_dict(), indent=2) if options.json else found)
    return 0


def _say(what: str) -> None:
    print(f"omistats: {what}", file=sys.stderr)
