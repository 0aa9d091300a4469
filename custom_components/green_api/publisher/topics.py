"""The contract: which topics there are and what they say; see docs/mqtt.md."""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
import json
from typing import Final

from ..const import MqttMode
from ..coordinator import Picture
from ..snapshot import InstanceData, LoginCode

AVAILABILITY: Final = "availability"
STATE: Final = "state"
ATTRIBUTES: Final = "attributes"
QR_AVAILABILITY: Final = "qr/availability"
QR_IMAGE: Final = "qr/image"
QR_META: Final = "qr/meta"

STATE_TOPICS: Final = (AVAILABILITY, STATE, ATTRIBUTES)
QR_TOPICS: Final = (QR_AVAILABILITY, QR_IMAGE, QR_META)

ONLINE: Final = "online"
OFFLINE: Final = "offline"


@dataclass(frozen=True, slots=True)
class Message:
    """Hold what a topic says."""

    payload: str | bytes = field(repr=False)
    expires_at: datetime | None = None
    """When the message becomes untrue; None for one that stays true."""


def topics(base: str, mode: MqttMode) -> list[str]:
    """Return all topics of an instance, the code's first."""
    names: dict[MqttMode, tuple[str, ...]] = {
        MqttMode.OFF: (),
        MqttMode.STATE: STATE_TOPICS,
        MqttMode.STATE_AND_QR: (*QR_TOPICS, *STATE_TOPICS),
    }
    return [f"{base}/{name}" for name in names[mode]]


def base_topic(prefix: str, id_instance: str) -> str:
    """Return the topic above all topics of an instance."""
    return f"{prefix}/{id_instance}"


def messages(
    data: InstanceData, picture: Picture, mode: MqttMode, *, leaving: bool = False
) -> dict[str, Message]:
    """Return what every topic is to say, in the order of sending.

    A consumer that sees `qr/availability` online finds the code already there,
    and sees it go offline before the code goes. `leaving` tells that nobody
    keeps the topics true any longer.
    """
    state = {
        STATE: Message(data.reading.word),
        ATTRIBUTES: Message(_attributes(data)),
        AVAILABILITY: Message(OFFLINE if leaving else ONLINE),
    }
    if mode is MqttMode.OFF:
        return {}
    if mode is MqttMode.STATE:
        return state
    code = data.login.code if picture.situation is None else None
    availability = {QR_AVAILABILITY: Message(ONLINE if code else OFFLINE)}
    expires_at = code.expires_at if code else None
    pictures = {
        QR_IMAGE: Message(picture.png, expires_at),
        QR_META: Message(_meta(picture, code), expires_at),
    }
    return pictures | availability | state if code else availability | pictures | state


def _attributes(data: InstanceData) -> str:
    return json.dumps(
        {
            "messenger": data.messenger,
            "since": data.since.isoformat(timespec="seconds"),
            "login": data.login.phase,
            "problem": data.problem,
            "account": data.account.masked if data.account else None,
        }
    )


def _meta(picture: Picture, code: LoginCode | None) -> str:
    return json.dumps(
        {
            "valid": code is not None,
            "sequence": code.sequence if code else None,
            "issued_at": _stamp(code.issued_at) if code else None,
            "expires_at": _stamp(code.expires_at) if code else None,
            "situation": picture.situation,
            "mime": "image/png",
            "bytes": len(picture.png),
            "sha256": sha256(picture.png).hexdigest(),
        }
    )


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
