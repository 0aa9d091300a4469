"""The stream of login codes of an instance."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

from .client import GreenApiClient
from .models import Messenger, ScanEvent

# What a slow answer may take on top of the documented times, in seconds.
SLOW_ANSWER: Final = 2.0


@dataclass(frozen=True, slots=True)
class CodeRhythm:
    """Tell how a messenger's codes come and go, in seconds."""

    poll: float
    """From one request to the next."""

    renewal: float
    """From one code to its successor."""

    @property
    def margin(self) -> float:
        """Return what it may take to hear of a successor."""
        return self.poll + SLOW_ANSWER

    @property
    def life(self) -> float:
        """Return how long a code may be shown without being confirmed.

        It includes the margin, so that a code does not go dark just before its
        successor comes.
        """
        return self.renewal + self.margin


# From the vendor: WhatsApp renews its code every 20 s and wants to be asked every
# second; Telegram and MAX want to be asked for a fresh code every 5 s.
RHYTHMS: Final = {
    Messenger.WHATSAPP: CodeRhythm(poll=1.0, renewal=20.0),
    Messenger.TELEGRAM: CodeRhythm(poll=5.0, renewal=5.0),
    Messenger.MAX: CodeRhythm(poll=5.0, renewal=5.0),
}

# The socket sends a successor by itself.
SOCKET_RHYTHM: Final = CodeRhythm(poll=0.0, renewal=20.0)


async def poll_scan_events(
    client: GreenApiClient, rhythm: CodeRhythm
) -> AsyncGenerator[ScanEvent]:
    """Ask for a code again and again; repeats of one code come through.

    Raises a GreenApiError as soon as a request fails.
    """
    loop = asyncio.get_running_loop()
    while True:
        asked_at = loop.time()
        yield await client.get_qr()
        await asyncio.sleep(max(0.0, asked_at + rhythm.poll - loop.time()))
