"""The command ``omistats check``: an export against a mapping."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from omistats._result_tables import printable
from omistats.errors import UsageError

__all__ = ["add_commands"]


def add_commands(commands: Any) -> None:
    """Add the command ``check``.

    Parameters
    ----------
    commands : argparse subparsers
        The command sets ``run``, a function of the parsed options that returns the exit status.
    """
    command = commands.add_parser(
        "check",
        help="check an export and propose a mapping for it",
        description="List what is doubtful in an export: unknown codes, units that are not "
        "matched, impossible dates, repeated ids, columns that are not used, questions that are "
        "missing. Without a mapping that fits, propose one; with one, say what has changed.",
        allow_abbrev=False,
    )
    command.add_argument("file", type=Path, metavar="FILE", help="workbook, CSV, SPSS, ... file")
    command.add_argument(
        "--programme",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help="programme of the cases, or its folder; by default that of the mapping",
    )
    command.add_argument(
        "--mapping", type=Path, metavar="FILE", help="mapping of an earlier export"
    )
    command.add_argument("--layout", metavar="NAME", help="layout of the mapping to check by")
    command.add_argument("--sheet", metavar="NAME", help="sheet to propose a mapping for")
    command.add_argument("--out", type=Path, metavar="FILE", help="write the mapping to this file")
    command.add_argument(
        "--force", action="store_true", help="let --out replace a file that is there"
    )
    command.add_argument("--json", action="store_true", help="print JSON instead of text")
    command.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> int:
    from omistats.mappings.export_check import check

    out = options.out
    if out is not None and out.exists() and not options.force:
        raise UsageError(f"{out} exists; name another file, or pass --force to replace it")
    found = check(
        options.file,
        programme=options.programme,
        mapping=options.mapping,
        layout=options.layout,
        sheet=options.sheet,
    )
    # JSON escapes every control character.
    print(json.dumps(found.to_dict(), indent=2) if options.json else found)
    if out is not None:
        found.save(out)
        print(f"omistats: wrote {printable(str(out))}", file=sys.stderr)
    return 0 if found.ready else 1
