"""What a connection could leave behind."""

from contextlib import suppress
from pathlib import Path
import threading


def sockets() -> int:
    """Return how many of them this process has open."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the folder's own
            count += link.readlink().name.startswith("socket:")
    return count


def paho_threads() -> list[str]:
    """Return the names of paho's threads."""
    return [thread.name for thread in threading.enumerate() if "paho" in thread.name]
