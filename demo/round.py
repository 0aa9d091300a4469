"""The round that an instance makes: code, scan, authorized, logged out, code."""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256
from http import HTTPStatus
import json
import time

from simulator.control import ControlClient, ControlError

from .errors import DemoError
from .hass_client import HomeAssistantClient
from .instances import DemoInstance
from .mqtt_watch import MqttWatch
from .qr import read_qr
from .waiting import until

# What a scan may take until it is seen everywhere.
SCAN_SECONDS = 5.0

# The wait for the cloud's next code, and for the poll that fetches it.
CODE_SECONDS = 30.0

# The still picture comes with the state, and the code before it may be in a proxy.
STILL_SECONDS = 5.0


class Round:
    """Play and observe one instance, as people and other machines do."""

    def __init__(
        self,
        phone: ControlClient,
        watch: MqttWatch,
        client: HomeAssistantClient,
        instance: DemoInstance,
    ) -> None:
        """Take the simulated phone, MQTT, Home Assistant and the instance."""
        self._phone = phone
        self._watch = watch
        self._client = client
        self._instance = instance
        self._seen = "nothing yet"

    async def wait_for_code(
        self, other_than: str | None = None, *, seconds: float = CODE_SECONDS
    ) -> tuple[str, bytes]:
        """Wait until one PNG is everywhere and reads as the phone's present code.

        Return what the code says, and the PNG. Raises DemoError.
        """

        async def probe() -> tuple[str, bytes] | None:
            png = await self._picture()
            code = await self._phone.code(self._instance.id_instance)
            if png is None or code is None:
                return None
            payload: str = code["payload"]
            if payload == other_than or await _read(png) != payload:
                self._seen = "a picture that is not the phone's present code"
                return None
            return (payload, png) if self._announced(valid=True) else None

        return await self._until("a login QR is everywhere", probe, seconds)

    async def scan(self, payload: str) -> tuple[str, dict[str, float]]:
        """Scan a code that was read from the picture.

        Return what the code said, and the seconds until the authorization was
        seen: where to seconds. Raises DemoError where that takes too long.
        """
        instance, client = self._instance, self._client
        while True:
            start = time.monotonic()
            try:
                await self._phone.scan(instance.id_instance, payload)
                break
            except ControlError as error:
                if error.status != HTTPStatus.CONFLICT:
                    raise
                # The cloud has renewed it in this moment.
                payload, _ = await self.wait_for_code(other_than=payload)

        async def measure(wait: Awaitable[object]) -> float:
            await wait
            return time.monotonic() - start

        waits: dict[str, Awaitable[object]] = {
            "sensor authorized": client.wait_for_state(
                instance.sensor, "authorized", seconds=SCAN_SECONDS
            ),
            "MQTT state authorized": self._watch.wait_for(
                instance.topic("state"), b"authorized", seconds=SCAN_SECONDS
            ),
            "the automation's notification": client.wait_until(
                "the automation notifies",
                lambda: instance.sensor in client.notifications,
                seconds=SCAN_SECONDS,
            ),
        }
        times = await asyncio.gather(*(measure(wait) for wait in waits.values()))
        return payload, dict(zip(waits, times, strict=True))

    async def wait_for_still(self) -> bytes:
        """Wait until one still picture is everywhere, and return its PNG.

        Raises DemoError, also where the code went before it was called off.
        """

        async def probe() -> bytes | None:
            png = await self._picture()
            if png is None:
                return None
            if await _read(png) is not None:
                self._seen = "a picture that is still a code"
                return None
            return png if self._announced(valid=False) else None

        png = await self._until("a still picture is everywhere", probe, STILL_SECONDS)
        called_off = self._last("qr/availability", b"offline")
        replaced = self._last("qr/image", png)
        if called_off > replaced:
            problem = "the code was replaced before qr/availability went offline"
            raise DemoError(problem)
        return png

    async def log_out(self) -> None:
        """Perform the integration's action."""
        entry = {"config_entry_id": [self._instance.entry_id]}
        await self._client.act("green_api.logout", entry)

    async def _picture(self) -> bytes | None:
        """Return the PNG if it is the same everywhere."""
        camera = await self._client.camera_picture(self._instance.camera)
        image = await self._client.image_picture(self._instance.image)
        mqtt = self._watch.payload(self._instance.topic("qr/image"))
        if camera == image == mqtt:
            return camera
        sizes = [len(picture or b"") for picture in (camera, image, mqtt)]
        self._seen = f"different pictures on camera, image and MQTT, of {sizes} bytes"
        return None

    def _announced(self, *, valid: bool) -> bool:
        """Return whether the topics beside the picture say the same as it."""
        wanted = b"online" if valid else b"offline"
        available = self._watch.payload(self._instance.topic("qr/availability"))
        meta = json.loads(self._watch.payload(self._instance.topic("qr/meta")) or "{}")
        png = self._watch.payload(self._instance.topic("qr/image")) or b""
        self._seen = f"qr/availability {available!r}, qr/meta {meta}"
        return (
            available == wanted
            and meta.get("valid") is valid
            and meta.get("sha256") == sha256(png).hexdigest()
        )

    def _last(self, name: str, payload: bytes) -> int:
        """Return the place of a topic's last such message among all messages."""
        topic = self._instance.topic(name)
        return max(
            place
            for place, message in enumerate(self._watch.history)
            if message.topic == topic and message.payload == payload
        )

    async def _until[T](
        self, what: str, probe: Callable[[], Awaitable[T | None]], seconds: float
    ) -> T:
        try:
            return await until(what, probe, seconds=seconds)
        except DemoError as error:
            problem = f"{self._instance.title}: {error}; seen was {self._seen}"
            raise DemoError(problem) from None


async def _read(picture: bytes) -> str | None:
    return await asyncio.to_thread(read_qr, picture)
