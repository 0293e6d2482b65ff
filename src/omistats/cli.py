"""The command line: every command is one call that a notebook could make."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from omistats.errors import OmistatsError
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
    again = commands.add_parser(
        "reproduce",
        help="recompute the 2011 aggregate report and lay it beside print",
        description="Recompute Tables 3-11 of the 2011 aggregate report from the shipped "
        "synthetic cases, compare every cell with print, and prove what cannot agree.",
    )
    again.add_argument("--out", type=Path, metavar="DIR", help="write the recomputed tables here")
    again.add_argument("--json", action="store_true", help="print JSON instead of text")
    options = parser.parse_args(arguments)
    try:
        return _reproduce(options.out, options.json)
    except (OmistatsError, OSError) as error:
        print(f"omistats: {error}", file=sys.stderr)
        return 2


def _reproduce(out: Path | None, as_json: bool) -> int:
    found = reproduce(progress=_say)
    if out is not None:
        files = write_tables(found, out)
        _say(f"wrote {len(files)} files to {out}")
    print(json.dumps(found.to_dict(), indent=2) if as_json else as_text(found))
    return 0 if found.explained else 1


def _say(what: str) -> None:
    print(f"omistats: {what}", file=sys.stderr)
