"""The camera with the login QR, as still and as live stream."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, override

from aiohttp import web
from homeassistant.components.camera import Camera, CameraEntityDescription
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import GreenApiConfigEntry, GreenApiCoordinator
from .entity import PictureEntity

# Everything comes from the coordinator.
PARALLEL_UPDATES = 0

DESCRIPTION = CameraEntityDescription(key="qr_camera", translation_key="login_qr")

# Keeps proxies from closing a stream that has nothing new, and finds out about
# viewers that went without a word; proxies commonly allow 60 s.
RESEND_INTERVAL: Final = 55.0

BOUNDARY: Final = "green-api-picture"


async def async_setup_entry(
    hass: HomeAssistant,
    entry: GreenApiConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the camera of an instance."""
    async_add_entities([GreenApiCamera(entry.runtime_data)])


class GreenApiCamera(PictureEntity, Camera):
    """Show the picture of the moment."""

    def __init__(self, coordinator: GreenApiCoordinator) -> None:
        """Take the coordinator of the instance."""
        PictureEntity.__init__(self, coordinator, DESCRIPTION)
        Camera.__init__(self)
        self.content_type = "image/png"
        self._png = coordinator.picture.png
        self._viewers: set[asyncio.Event] = set()
        self._ended = False

    @override
    async def async_added_to_hass(self) -> None:
        """End the streams with Home Assistant."""
        await super().async_added_to_hass()
        self.async_on_remove(
            self.hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, self._end_streams)
        )

    @override
    async def async_will_remove_from_hass(self) -> None:
        """End the streams with the entity."""
        self._end_streams()
        await super().async_will_remove_from_hass()

    @override
    async def async_camera_image(
        self, width: int | None = None, height: int | None = None
    ) -> bytes:
        """Return the PNG in its own size; counts as somebody looking."""
        self.coordinator.look()
        return self.coordinator.picture.png

    @override
    async def handle_async_mjpeg_stream(
        self, request: web.Request
    ) -> web.StreamResponse:
        """Send every new picture at once, as long as the viewer stays.

        Only its beginning counts as somebody looking: a stream stays open on a
        dashboard that nobody looks at.
        """
        response = web.StreamResponse(
            headers={"Content-Type": f"multipart/x-mixed-replace; boundary={BOUNDARY}"}
        )
        await response.prepare(request)
        self.coordinator.look()
        with self._viewer() as changed:
            while not self._ended:
                changed.clear()
                await response.write(self._part() * 2)
                with suppress(TimeoutError):
                    async with asyncio.timeout(RESEND_INTERVAL):
                        await changed.wait()
        return response

    def _part(self) -> bytes:
        # The caller sends each part twice: Chromium shows a part only when the
        # next one begins, so a single part would show the code before this one.
        png = self.coordinator.picture.png
        head = (
            f"--{BOUNDARY}\r\n"
            f"Content-Type: {self.content_type}\r\n"
            f"Content-Length: {len(png)}\r\n\r\n"
        )
        return head.encode() + png + b"\r\n"

    @contextmanager
    def _viewer(self) -> Iterator[asyncio.Event]:
        changed = asyncio.Event()
        self._viewers.add(changed)
        try:
            yield changed
        finally:
            self._viewers.discard(changed)

    @callback
    def _end_streams(self, _event: Event | None = None) -> None:
        self._ended = True
        self._wake_viewers()

    @callback
    def _wake_viewers(self) -> None:
        for changed in self._viewers:
            changed.set()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        if (png := self.coordinator.picture.png) != self._png:
            self._png = png
            self._wake_viewers()
        super()._handle_coordinator_update()
