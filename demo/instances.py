"""The instances of the demo, as Home Assistant and MQTT name them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from uuid import NAMESPACE_OID, uuid5

PREFIX = "green_api"

INSTANCES = MappingProxyType(
    {
        "1101000001": "whatsapp",
        "4100000001": "telegram",
        "3100000001": "max",
    }
)
"""The demo's: idInstance to messenger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoInstance:
    """One instance with all of its names."""

    id_instance: str
    messenger: str
    """The messenger's own spelling of its name, such as ``WhatsApp``."""
    token: str = field(repr=False)

    @classmethod
    def of(cls, listed: Mapping[str, Any]) -> DemoInstance:
        """Make it of what the simulator's control API lists."""
        return cls(
            id_instance=listed["id_instance"],
            messenger=listed["title"],
            token=listed["token"],
        )

    @property
    def title(self) -> str:
        """Return the name of the config entry and the device."""
        return f"{self.messenger} {self.id_instance}"

    @property
    def entry_id(self) -> str:
        """Return the id of the seeded config entry."""
        # Of no use to whoever looks for the instance's number in a text.
        return uuid5(NAMESPACE_OID, self.id_instance).hex

    @property
    def device_id(self) -> str:
        """Return the id of the seeded device."""
        return uuid5(NAMESPACE_OID, f"device {self.id_instance}").hex

    @property
    def camera(self) -> str:
        """Return the entity id of the camera with the login QR."""
        return self._entity("camera", "login_qr_live")

    @property
    def image(self) -> str:
        """Return the entity id of the image with the login QR."""
        return self._entity("image", "login_qr")

    @property
    def sensor(self) -> str:
        """Return the entity id of the state sensor."""
        return self._entity("sensor", "state")

    @property
    def login_sensor(self) -> str:
        """Return the entity id of the sensor that tells where the login stands."""
        return self._entity("sensor", "login")

    @property
    def login_button(self) -> str:
        """Return the entity id of the button that asks for a login QR."""
        return self._entity("button", "show_login_qr")

    @property
    def logout_button(self) -> str:
        """Return the entity id of the button that logs out."""
        return self._entity("button", "log_out")

    @property
    def reboot_button(self) -> str:
        """Return the entity id of the button that restarts the instance."""
        return self._entity("button", "reboot")

    def topic(self, name: str) -> str:
        """Return the full MQTT topic, such as that of ``qr/image``."""
        return f"{PREFIX}/{self.id_instance}/{name}"

    def _entity(self, domain: str, key: str) -> str:
        return f"{domain}.{self.messenger.lower()}_{self.id_instance}_{key}"
