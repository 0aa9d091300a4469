"""Free ports on the loopback address."""

from collections.abc import Mapping
from contextlib import ExitStack
import errno
import socket

from .errors import DemoError

HOST = "127.0.0.1"


def choose_ports(wanted: Mapping[str, int]) -> dict[str, int]:
    """Return a free port for each option; 0 means any.

    Raises DemoError, naming the option, where a port cannot be had.
    """
    chosen: dict[str, int] = {}
    # Those already chosen stay bound until all are, so that no two are the same.
    with ExitStack() as bound:
        for option, port in sorted(wanted.items(), key=lambda item: -item[1]):
            for other, taken in chosen.items():
                if port == taken:
                    problem = f"{other} and {option} are both {port}"
                    raise DemoError(problem, "give each a port of its own")
            probe = bound.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                raise _refusal(error, option, port) from None
            chosen[option] = probe.getsockname()[1]
    return chosen


def _refusal(error: OSError, option: str, port: int) -> DemoError:
    remedy = f"choose another one with {option}, or 0 for any free one"
    if error.errno == errno.EADDRINUSE:
        return DemoError(f"port {port} is taken", remedy)
    if error.errno == errno.EACCES:
        return DemoError(f"port {port} needs more rights", remedy)
    return DemoError(f"port {port} cannot be had: {error.strerror}", remedy)
