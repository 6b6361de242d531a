"""The command line: a table in, its clusters out. One file a command; this one finds it and tells what went wrong."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from .. import __version__
from .._show.text import shortened
from . import fit
from .errors import CommandError, reason
from .terminal import Printer

# Each has SUMMARY, DESCRIPTION and EPILOG for the help, add_arguments(parser) and run(arguments).
COMMANDS = {"fit": fit}


class Parser(argparse.ArgumentParser):
    """Tells wrong usage in one line, like any other error, and prints like the commands."""

    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{message} (see {self.prog} --help)")

    def _print_message(self, message: str, file: Any = None) -> None:
        printer = Printer(file)
        printer.write(message)
        printer.finish()


def build_parser() -> Parser:
    """The arguments of all commands and their help."""
    parser = Parser(prog="ckmeans", description="Exact k-means clustering of tables.")
    parser.add_argument("--version", action="version", version=f"ckmeans {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.SUMMARY,
            description=module.DESCRIPTION,
            epilog=module.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name; those of the process when None.

    Returns
    -------
    int
        0 when all went well, 2 after wrong usage, bad input or an output that could not be written or printed, 130
        after Ctrl-C, 141 when the reader of an output went away.
    """
    errors = Printer(sys.stderr)
    try:
        args = build_parser().parse_args(argv)
        args.run(args)
        return 0
    except KeyboardInterrupt:
        errors.print("ckmeans: interrupted")
        return 130
    except BrokenPipeError:
        return 141
    except CommandError as error:
        message = str(error)
    except MemoryError:
        message = "not enough memory"
    except OSError as error:
        message = ": ".join(filter(None, [error.filename and str(error.filename), reason(error)]))
    except ImportError as error:
        if not (error.name or "").startswith("pyarrow"):
            raise
        message = "reading and writing tables needs pyarrow: install ckmeans-native[cli]"
    errors.print("ckmeans: error: " + shortened(message.replace("\n", "?"), 1000))
    return 2
