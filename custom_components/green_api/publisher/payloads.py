"""What the topics say, made of a snapshot; see docs/mqtt.md."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
import json
from typing import Any, Final

from homeassistant.util import dt as dt_util

from ..const import MqttMode
from ..coordinator import Picture
from ..moments import Happening
from ..snapshot import InstanceData, LoginCode
from .settings import PublishSettings
from .topics import (
    ATTRIBUTES,
    AVAILABILITY,
    OFFLINE,
    ONLINE,
    QR_AVAILABILITY,
    QR_BASE64,
    QR_IMAGE,
    QR_META,
    STATE,
    Message,
)

# `online` is said again before what was said has expired: a last will may not be
# ours, and does not cross a bridge whose own broker dies.
LEASE: Final = timedelta(seconds=150)
LEASE_RENEWAL: Final = timedelta(seconds=60)


def messages(
    data: InstanceData,
    picture: Picture,
    settings: PublishSettings,
    *,
    waiting: Picture,
    leaving: bool = False,
) -> dict[str, Message]:
    """Return what every topic is to say, in the order of sending.

    A consumer that sees `qr/availability` online finds the code already there,
    and sees it go offline before the code goes. `waiting` is what stands in for a code
    where it cannot be retained. `leaving` tells that nobody keeps the
    topics true any longer.
    """
    if settings.mode is MqttMode.OFF:
        return {}
    state = {
        STATE: Message(data.reading.word),
        ATTRIBUTES: Message(_attributes(data)),
        AVAILABILITY: (
            Message(OFFLINE)
            if leaving
            else Message(ONLINE, lease=LEASE, stand_in=OFFLINE)
        ),
    }
    if settings.mode is MqttMode.STATE:
        return state
    code = data.login.code if picture.situation is None else None
    if code is None:
        stills = _pictures(picture, None, settings)
        return {
            QR_AVAILABILITY: Message(OFFLINE),
            **{name: Message(payload) for name, payload in stills.items()},
            **state,
        }
    stand_ins = _pictures(waiting, None, settings)
    shown = {
        name: Message(payload, code.expires_at, stand_in=stand_ins[name])
        for name, payload in _pictures(picture, code, settings).items()
    }
    # Brokers count whole seconds, and get this one last: it must not outlive the rest.
    expires_at = code.expires_at - timedelta(seconds=1)
    shown[QR_AVAILABILITY] = Message(ONLINE, expires_at, stand_in=OFFLINE)
    return shown | state


def event(happening: Happening) -> str:
    """Return what `event` says of something that happens now."""
    return _json(
        {
            "event": happening.moment,
            "at": _stamp(dt_util.utcnow()),
            **happening.facts,
        }
    )


def response(
    command: str, error: str | None = None, transaction: str | None = None
) -> str:
    """Return what `response` says of a command; an error is a word."""
    return _json(
        {
            "command": command,
            "ok": error is None,
            "error": error,
            "transaction": transaction,
        }
    )


def _pictures(
    picture: Picture, code: LoginCode | None, settings: PublishSettings
) -> dict[str, str | bytes]:
    pictures: dict[str, str | bytes] = {QR_IMAGE: picture.png}
    if settings.base64:
        pictures[QR_BASE64] = _data_uri(picture.png)
    return {**pictures, QR_META: _meta(picture, code)}


def _attributes(data: InstanceData) -> str:
    return _json(
        {
            "messenger": data.messenger,
            "since": data.since.isoformat(timespec="seconds"),
            "login": data.login.phase,
            "problem": data.problem,
            "account": data.account.masked if data.account else None,
        }
    )


def _meta(picture: Picture, code: LoginCode | None) -> str:
    return _json(
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


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode()}"


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content)


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
