"""Command line of omistats: commands for any programme, and those that a programme provides."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NoReturn

from omistats.errors import DataError, OmistatsError, UnknownNameError, visible
from omistats.mappings.commands import add_commands as add_general_commands

__all__ = ["main"]

_PACKAGE = __name__.partition(".")[0]
_DEFAULT_PROGRAMME = "omi2"
_GENERAL = "check"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``omistats``; those of the process by default. ``--programme NAME``
        before the command chooses the programme that provides it.

    Returns
    -------
    int
        The exit status of the command; 2 when it could not be carried out.
    """
    first = _Parser(prog="omistats", add_help=False, allow_abbrev=False)
    first.add_argument(
        "--programme",
        metavar="NAME",
        help=f"programme that provides the commands; default: {_DEFAULT_PROGRAMME}",
    )
    parser = _Parser(
        prog="omistats",
        description="Statistics of inspection case assessments.",
        parents=[first],
        allow_abbrev=False,
    )
    # Importing the root here would be a cycle; it is loaded by now.
    version = sys.modules[_PACKAGE].__version__
    parser.add_argument("--version", action="version", version=f"omistats {version}")
    try:
        # The programme must be known before its commands can be parsed.
        chosen, rest = first.parse_known_args(arguments)
        commands = parser.add_subparsers(dest="command", required=True)
        if _GENERAL not in rest[:1]:
            default = chosen.programme is None
            _find_commands(_DEFAULT_PROGRAMME if default else chosen.programme)(commands)
        add_general_commands(commands)
        options = parser.parse_args(arguments)
        status: int = options.run(options)
    except OmistatsError as error:
        # A single problem is printed without the heading of a list.
        problems = error.problems if isinstance(error, DataError) else ()
        print(f"omistats: {problems[0] if len(problems) == 1 else error}", file=sys.stderr)
        return 2
    except OSError as error:
        # The message may quote the name of a file.
        print(f"omistats: {visible(str(error))}", file=sys.stderr)
        return 2
    return status


class _Parser(argparse.ArgumentParser):
    """Parser whose errors are safe for a terminal; parsers of commands are of this class too."""

    def error(self, message: str) -> NoReturn:
        super().error(visible(message))


def _find_commands(programme: str) -> Callable[[Any], None]:
    """Import the function that adds a programme's commands.

    Raises
    ------
    UnknownNameError
        When there is no module ``omistats.<programme>.commands``.
    """
    unknown = UnknownNameError("programme", programme, [_DEFAULT_PROGRAMME])
    if not programme.isidentifier():
        raise unknown
    name = f"{_PACKAGE}.{programme}.commands"
    try:
        add_commands: Callable[[Any], None] = import_module(name).add_commands
    except ModuleNotFoundError as error:
        # Any other missing module is a fault of the installation, not of the name.
        if error.name in (name, name.removesuffix(".commands")):
            raise unknown from None
        raise
    return add_commands
