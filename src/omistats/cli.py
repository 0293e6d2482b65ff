"""Command line of omistats; the commands are those of a programme."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from omistats._result_tables import printable
from omistats.errors import DataError, OmistatsError, UnknownNameError

__all__ = ["main"]

_DEFAULT = "omi2"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``omistats``; those of the process by default. ``--programme NAME``
        before the command chooses whose commands there are.

    Returns
    -------
    int
        The exit status of the command; 2 when it could not be carried out.
    """
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument(
        "--programme",
        metavar="NAME",
        default=_DEFAULT,
        help="whose commands; by default %(default)s",
    )
    chosen, _ = first.parse_known_args(arguments)
    parser = argparse.ArgumentParser(
        prog="omistats",
        description="Statistics of inspection case assessments.",
        parents=[first],
    )
    # The root is loaded by now, and nothing below it imports from it.
    version = sys.modules[__name__.partition(".")[0]].__version__
    parser.add_argument("--version", action="version", version=f"omistats {version}")
    try:
        add_commands = _commands_of(chosen.programme)
        add_commands(parser.add_subparsers(dest="command", required=True))
        options = parser.parse_args(arguments)
        status: int = options.run(options)
    except (OmistatsError, OSError) as error:
        # One problem needs no list. A message may quote the file that it is about.
        problems = error.problems if isinstance(error, DataError) else ()
        text = problems[0] if len(problems) == 1 else error
        print(f"omistats: {printable(str(text))}", file=sys.stderr)
        return 2
    return status


def _commands_of(programme: str) -> Any:
    """Import the function that adds a programme's commands.

    Raises
    ------
    UnknownNameError
        When no programme of that name is shipped.
    """
    package = __name__.partition(".")[0]
    name = f"{package}.{programme}.commands"
    if not programme.isidentifier() or find_spec(f"{package}.{programme}") is None:
        raise UnknownNameError("programme", programme, [_DEFAULT])
    if find_spec(name) is None:
        raise UnknownNameError("programme", programme, [_DEFAULT])
    return import_module(name).add_commands
