"""The contract's topics, and how long what they say stays true; see docs/mqtt.md."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import floor
from typing import Final

from ..const import MqttMode

AVAILABILITY: Final = "availability"
STATE: Final = "state"
ATTRIBUTES: Final = "attributes"
QR_AVAILABILITY: Final = "qr/availability"
QR_BASE64: Final = "qr/base64"
QR_IMAGE: Final = "qr/image"
QR_META: Final = "qr/meta"
EVENT: Final = "event"
COMMAND: Final = "command"
RESPONSE: Final = "response"

STATE_TOPICS: Final = (AVAILABILITY, STATE, ATTRIBUTES)
QR_TOPICS: Final = (QR_AVAILABILITY, QR_IMAGE, QR_META)

# Of a code, in seconds; by the slowest rhythm it is less than half of that.
_LONGEST_LIFE: Final = 60

ONLINE: Final = "online"
OFFLINE: Final = "offline"


@dataclass(frozen=True, slots=True)
class Message:
    """Hold what a topic says; at most one of the times is given."""

    payload: str | bytes = field(repr=False)
    expires_at: datetime | None = None
    """When the message becomes untrue by itself."""

    lease: timedelta | None = None
    """How long the message stays true unless it is said again."""

    stand_in: str | bytes | None = field(default=None, repr=False)
    """What a late subscriber is to find where messages know no expiry."""

    @property
    def lasting(self) -> bool:
        """Return whether the message stays true until something happens."""
        return self.expires_at is None and self.lease is None

    def seconds_left(self, now: datetime) -> int:
        """Return for how many whole seconds a message that is not lasting is true."""
        if self.lease is not None:
            return floor(self.lease.total_seconds())
        if self.expires_at is None:
            return 0
        left = floor((self.expires_at - now).total_seconds())
        # Should the clock be set back, no code lives longer for it.
        return min(left, _LONGEST_LIFE)


def base_topic(prefix: str, id_instance: str) -> str:
    """Return the topic above all topics of an instance."""
    return f"{prefix}/{id_instance}"


def discovery_topic(prefix: str, id_instance: str) -> str:
    """Return the topic by which another Home Assistant finds an instance."""
    return f"{prefix}/device/green_api_{id_instance}/config"


def retained_topics(mode: MqttMode, *, base64: bool) -> tuple[str, ...]:
    """Return the topics that keep what they say, below the base, the code's first."""
    if mode is MqttMode.OFF:
        return ()
    if mode is MqttMode.STATE:
        return STATE_TOPICS
    return (*QR_TOPICS, *((QR_BASE64,) if base64 else ()), *STATE_TOPICS)
