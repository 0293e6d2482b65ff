"""Commands of the programme: reproduce the report, find good practice."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from omistats.errors import UsageError, visible

__all__ = ["add_commands"]


def add_commands(commands: Any) -> None:
    """Add the commands ``reproduce`` and ``practice``.

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
        help="recompute the 2011 aggregate report and compare it with the printed figures",
        description="Recompute Tables 3-11 of the 2011 aggregate report from the shipped "
        "synthetic cases, compare every cell with the printed one, and prove which printed "
        "figures no data can produce.",
    )
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="folder to write the recomputed tables to"
    )
    command.add_argument("--json", action="store_true", help="print JSON instead of text")
    command.set_defaults(run=_reproduce)


def _add_practice(commands: Any) -> None:
    from omistats.omi2.good_practice.search import KINDS

    command = commands.add_parser(
        "practice",
        help="find published examples of good practice",
        description="Find the published examples of good practice under a criterion or about a "
        "theme. An option given several times, as two themes, means any of them.",
    )
    command.add_argument(
        "--criterion", action="append", metavar="ID", help="general criterion, such as 2.3"
    )
    command.add_argument("--theme", action="append", metavar="ID", help="theme, such as alcohol")
    command.add_argument("--kind", choices=KINDS, help="work with one person, or a way of working")
    command.add_argument(
        "--unit", metavar="NAME", help="leave out the examples of this unit, such as wiltshire"
    )
    command.add_argument("--limit", type=int, metavar="N", help="maximum number of examples")
    command.add_argument(
        "--publication",
        metavar="PATH",
        help="the publication as plain text, to show the texts of examples",
    )
    command.add_argument(
        "--encoding",
        metavar="NAME",
        help="encoding of the publication if it is not UTF-8, such as cp1252",
    )
    command.add_argument("--json", action="store_true", help="print JSON instead of text")
    command.set_defaults(run=_practice)


def _reproduce(options: argparse.Namespace) -> int:
    from omistats.omi2.report import as_text, write_tables
    from omistats.omi2.reproduction import reproduce

    found = reproduce(progress=_report)
    if options.out is not None:
        files = write_tables(found, options.out)
        _report(f"wrote {len(files)} files to {options.out}")
    print(json.dumps(found.to_dict(), indent=2) if options.json else as_text(found))
    return 0 if found.explained else 1


def _practice(options: argparse.Namespace) -> int:
    from omistats.omi2.good_practice.publication import read_good_practice
    from omistats.omi2.good_practice.search import practice

    path = options.publication
    encoding = {} if options.encoding is None else {"encoding": options.encoding}
    if path is None and encoding:
        raise UsageError(
            "--encoding needs --publication, whose encoding it is; pass both or leave it out"
        )
    found = practice(
        criterion=options.criterion,
        theme=options.theme,
        kind=options.kind,
        unit=options.unit,
        limit=options.limit,
        text=None if path is None else read_good_practice(path, **encoding),
    )
    # JSON escapes every control character.
    print(json.dumps(found.to_dict(), indent=2) if options.json else found)
    return 0


def _report(progress: str) -> None:
    print(f"omistats: {visible(progress)}", file=sys.stderr)
