"""The command line: every command is one call that a notebook could make."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omistats.errors import DataError, OmistatsError, UsageError
from omistats.omi2.good_practice.publication import read_good_practice
from omistats.omi2.good_practice.search import KINDS, practice, printable
from omistats.omi2.report import as_text, write_tables
from omistats.omi2.reproduction import reproduce

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``omistats``; those of the process by default.

    Returns
    -------
    int
        0 when everything is as it should be; 1 when a difference from print is not
        explained; 2 when the command could not be carried out.
    """
    parser = argparse.ArgumentParser(
        prog="omistats", description="Inspection case assessments into findings."
    )
    # The root is loaded by now, and nothing below it imports from it.
    version = sys.modules[__name__.partition(".")[0]].__version__
    parser.add_argument("--version", action="version", version=f"omistats {version}")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_reproduce(commands)
    _add_practice(commands)
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options)
    except (OmistatsError, OSError) as error:
        # One problem needs no list. A message may quote the file that it is about.
        problems = error.problems if isinstance(error, DataError) else ()
        said = problems[0] if len(problems) == 1 else error
        print(f"omistats: {printable(str(said))}", file=sys.stderr)
        return 2
    return status


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
    found = reproduce(progress=_say)
    if options.out is not None:
        files = write_tables(found, options.out)
        _say(f"wrote {len(files)} files to {options.out}")
    print(json.dumps(found.to_dict(), indent=2) if options.json else as_text(found))
    return 0 if found.explained else 1


def _practice(options: argparse.Namespace) -> int:
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
