"""The command line, ``ckn-rs``. Each command is a module, listed in :data:`COMMANDS`.

A command's module has ``add_parser(commands)``, which adds its arguments and returns its parser,
and ``run(arguments)``, which does the work and returns the exit code.
"""

import argparse
import sys
from collections.abc import Sequence

from ckn_rs import _core
from ckn_rs._support.termination import Terminated
from ckn_rs.cli import (
    _output,
    bench,
    demo,
    export,
    fit,
    gram,
    model,
    predict,
    status,
    verify,
    whiten,
)

COMMANDS = (gram, status, verify, export, fit, predict, whiten, model, bench, demo)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``ckn-rs`` with these arguments (the process's own by default); return the exit code.

    The code is 0 after success, and 1 after an error, which a message on stderr explains. It is 130
    after an interruption from the keyboard, and 143 after SIGTERM. If the reader of a pipe closes
    it early, as ``head`` does, the code is 1, without a message. After a mistake in the arguments
    argparse raises ``SystemExit`` with the code 2.
    """
    try:
        try:
            arguments = _parser().parse_args(argv)
            return int(arguments.run(arguments))
        finally:
            _output.flush()
    except (ImportError, OSError, ValueError) as error:
        if not _output.reader_is_gone(error):
            print(f"ckn-rs: {error}", file=sys.stderr)
        _output.discard_unwritten()
        return 1
    except Terminated as error:
        print(f"ckn-rs: {error}", file=sys.stderr)
        return 143
    except KeyboardInterrupt:
        print("ckn-rs: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ckn-rs",
        description="Exact convolutional kernels (CKN) and neural tangent kernels of images.",
        epilog="It ends with 0, or 1 after an error, 2 after a mistake in the arguments, 130 after "
        "Ctrl-C and 143 after SIGTERM.",
    )
    version = f"ckn-rs {_core.__version__} ({_core.simd_level()})"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(commands).set_defaults(run=command.run)
    return parser
