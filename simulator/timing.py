"""How long things take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long an instance takes for what it does, in the clock's seconds."""

    start: float = 0
    """A new instance has state ``null`` for so long."""
    qr: float = 0
    """The first code comes so long after the instance became notAuthorized."""
    scan: float = 0
    """After a scan, or any other way in, the instance is ``starting`` for so long."""
    reboot: float = 3
    """After a reboot the instance is ``starting`` for so long."""
    ask_limit: float = 0
    """Whoever asks for codes this long without a break drives the instance to
    ``starting``, where it stays until a reboot; 0: never."""
