"""The command line, ``ckn-rs``: one module a command, listed in :data:`COMMANDS`.

A command's module has ``add_parser(commands)``, which adds its arguments and returns its parser,
and ``run(arguments)``, which does the work and returns the exit code.
"""

import argparse
import sys
from collections.abc import Sequence

from ckn_rs import __version__, simd_level
from ckn_rs.cli import bench, demo, export, fit, gram, model, status, verify, whiten

COMMANDS = (gram, status, verify, export, fit, whiten, model, bench, demo)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``ckn-rs`` with these arguments (the process's own by default); return the exit code.

    0 is success, 1 a failure that a message on stderr explains, 2 a mistake in the arguments (by
    ``SystemExit``, as argparse does it), 130 an interruption from the keyboard, 143 one by SIGTERM.
    """
    parser = argparse.ArgumentParser(
        prog="ckn-rs",
        description="Exact convolutional kernels (CKN) and neural tangent kernels of images.",
        epilog="It ends with 0, or 1 after an error, 2 after a mistake in the arguments, 130 after "
        "Ctrl-C and 143 after SIGTERM.",
    )
    version = f"ckn-rs {__version__} ({simd_level()})"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(commands).set_defaults(run=command.run)
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except (ImportError, OSError, ValueError) as error:
        print(f"ckn-rs: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        # A job on a store says why.
        print(f"ckn-rs: {error}" if str(error) else "ckn-rs: interrupted", file=sys.stderr)
        return 143 if str(error) else 130
