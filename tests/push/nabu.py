"""Home Assistant Cloud: of its functions those that are used, and no more.

The real one needs packages that only those have who use it.
"""

import sys
from types import ModuleType

from homeassistant.core import HomeAssistant
import pytest

MODULE = "homeassistant.components.cloud"


class NabuCasa:
    """Give cloudhooks as Home Assistant Cloud does to one who has a subscription."""

    def __init__(self) -> None:
        """Begin without any cloudhook."""
        self.hooks: dict[str, str] = {}
        self.active = True
        self.connected = True
        self.works = True
        self._made = 0

    def async_active_subscription(self, _hass: HomeAssistant) -> bool:
        """Return whether the user pays."""
        return self.active

    def async_is_connected(self, _hass: HomeAssistant) -> bool:
        """Return whether there is a connection."""
        return self.connected

    async def async_get_or_create_cloudhook(
        self, _hass: HomeAssistant, webhook_id: str
    ) -> str:
        """Return the address of a webhook."""
        if not (self.connected and self.works):
            raise ValueError(webhook_id)
        if webhook_id not in self.hooks:
            self._made += 1
            self.hooks[webhook_id] = f"https://hooks.nabu.casa/{self._made:064x}"
        return self.hooks[webhook_id]

    async def async_delete_cloudhook(
        self, _hass: HomeAssistant, webhook_id: str
    ) -> None:
        """Take the address back."""
        if webhook_id not in self.hooks:
            raise ValueError(webhook_id)
        del self.hooks[webhook_id]


FUNCTIONS = [name for name in vars(NabuCasa) if name.startswith("async_")]


def set_up_nabu_casa(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> NabuCasa:
    """Let Home Assistant have its cloud."""
    nabu_casa = NabuCasa()
    module = ModuleType(MODULE)
    for name in FUNCTIONS:
        setattr(module, name, getattr(nabu_casa, name))
    monkeypatch.setitem(sys.modules, MODULE, module)
    hass.config.components.add("cloud")
    return nabu_casa
