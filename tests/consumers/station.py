"""A publisher that follows docs/mqtt.md, without Home Assistant."""

import asyncio
from datetime import UTC, datetime, timedelta
import hashlib
import io
import json
from typing import Any, Self

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
import segno

from demo.places import INTEGRATION
from demo.ports import HOST

_TOPICS = (
    "availability",
    "state",
    "attributes",
    "qr/availability",
    "qr/image",
    "qr/meta",
)


def qr_png(text: str) -> bytes:
    """Return a login QR."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="png", scale=4)
    return out.getvalue()


class Station:
    """An instance's publisher, without Home Assistant."""

    def __init__(
        self,
        port: int,
        *,
        id_instance: str = "1101000001",
        modern: bool = True,
        user: str | None = None,
        password: str | None = None,
    ) -> None:
        """Take the broker's port; modern is MQTT 5."""
        self.id_instance = id_instance
        self._port = port
        self._modern = modern
        version = MQTTProtocolVersion.MQTTv5 if modern else MQTTProtocolVersion.MQTTv311
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=version)
        self._client.username_pw_set(user, password)

    async def __aenter__(self) -> Self:
        """Connect."""
        await asyncio.to_thread(self._client.connect, HOST, self._port)
        self._client.loop_start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def say(
        self,
        name: str,
        payload: str | bytes | dict[str, Any],
        *,
        expiry: int | None = None,
        retain: bool = True,
    ) -> None:
        """Publish on a topic of the instance and wait for the broker."""
        properties = None
        if expiry is not None and self._modern:
            properties = Properties(PacketTypes.PUBLISH)
            properties.MessageExpiryInterval = expiry
        info = self._client.publish(
            f"green_api/{self.id_instance}/{name}",
            json.dumps(payload) if isinstance(payload, dict) else payload,
            1,
            retain and (expiry is None or self._modern),
            properties,
        )
        await asyncio.to_thread(info.wait_for_publish, 10)

    async def say_state(self, state: str, **attributes: object) -> None:
        """Publish all but the pictures."""
        said = {"messenger": "whatsapp", "login": "idle", "problem": None}
        await self.say("availability", "online")
        await self.say("state", state)
        await self.say("attributes", {**said, "account": None, **attributes})

    async def say_code(self, text: str, seconds: int) -> datetime:
        """Publish a code that lives so long; return when it dies."""
        now = datetime.now(UTC)
        expires_at = now + timedelta(seconds=seconds)
        png = qr_png(text)
        meta = _meta(
            png,
            valid=True,
            sequence=1,
            issued_at=now.isoformat(timespec="milliseconds"),
            expires_at=expires_at.isoformat(timespec="milliseconds"),
        )
        await self.say("qr/image", png, expiry=seconds)
        await self.say("qr/meta", meta, expiry=seconds)
        await self.say("qr/availability", "online", expiry=seconds)
        return expires_at

    async def say_still(self, situation: str) -> bytes:
        """Publish a still picture; return it."""
        path = INTEGRATION / "images" / f"{situation}.png"
        png = await asyncio.to_thread(path.read_bytes)
        await self.say("qr/availability", "offline")
        await self.say("qr/image", png)
        await self.say("qr/meta", _meta(png, situation=situation))
        return png

    async def clear(self, *names: str) -> None:
        """Remove what is retained, by default on all topics."""
        for name in names or _TOPICS:
            await self.say(name, b"")


def _meta(png: bytes, **known: object) -> dict[str, Any]:
    nothing = dict.fromkeys(("sequence", "issued_at", "expires_at", "situation"))
    return {
        "valid": False,
        **nothing,
        "mime": "image/png",
        "bytes": len(png),
        "sha256": hashlib.sha256(png).hexdigest(),
        **known,
    }
