"""What can be chosen about every benchmark."""

import argparse

from demo.command import add_environment


def add_repeat(parser: argparse.ArgumentParser, what: str) -> None:
    """Add how often something is measured."""
    parser.add_argument(
        "--repeat",
        type=positive,
        default=10,
        metavar="N",
        help=f"{what} (default: %(default)s)",
    )


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add where it is measured, and in which form it is told."""
    parser.add_argument(
        "--markdown", action="store_true", help="print the table for a document"
    )
    add_environment(parser)


def positive(text: str) -> int:
    """Read a whole number above 0, of what a person has typed."""
    if text.isascii() and text.isdecimal() and int(text) > 0:
        return int(text)
    msg = f"{text!r} is not a whole number above 0"
    raise argparse.ArgumentTypeError(msg)


def not_negative(text: str) -> int:
    """Read a whole number, of what a person has typed."""
    if text.isascii() and text.isdecimal():
        return int(text)
    msg = f"{text!r} is not a whole number"
    raise argparse.ArgumentTypeError(msg)
