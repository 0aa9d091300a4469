"""An instance that is linked before its entry is created."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, override

from homeassistant.config_entries import SOURCE_USER, ConfigEntry
from homeassistant.core import HomeAssistant, callback

from .api.client import GreenApiClient
from .api.models import Account, StateReading
from .const import CONF_ACCOUNT_NAME, CONF_ID_INSTANCE, DOMAIN, MINOR_VERSION
from .coordinator import GreenApiCoordinator, names_of
from .stills import Situation


class CandidateCoordinator(GreenApiCoordinator):
    """Keep the snapshot of an instance as long as the dialog of its set-up is open.

    Its entry is known to nobody else. What outlives a login belongs to the instance,
    and so the entry goes on where the dialog has ended.
    """

    def __init__(  # noqa: PLR0913  what an entry and a coordinator are made of
        self,
        hass: HomeAssistant,
        client: GreenApiClient,
        stills: Mapping[Situation, bytes],
        *,
        title: str,
        data: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> None:
        """Take what the entry is going to be created with."""
        entry = ConfigEntry(
            data=data,
            discovery_keys=MappingProxyType({}),
            domain=DOMAIN,
            minor_version=MINOR_VERSION,
            options=options,
            source=SOURCE_USER,
            subentries_data=None,
            title=title,
            unique_id=data[CONF_ID_INSTANCE],
            version=1,
        )
        super().__init__(hass, entry, client, stills)
        self._names: Mapping[str, Any] = {}

    @property
    def entry_data(self) -> dict[str, Any]:
        """Return what the entry is to be created with, as far as is known by now."""
        return {**self.config_entry.data, **self._names}

    @callback
    def begin(self, reading: StateReading) -> None:
        """Start from a state that was read just now."""
        self.data = self._take_reading(reading)

    @callback
    def end(self) -> None:
        """Stop all that goes on; the dialog is over."""
        self.login.close()
        self.hass.async_create_task(self.async_shutdown())

    @callback
    @override
    def take_account(self, account: Account) -> None:
        """Keep the account's name for the entry."""
        self._names = {CONF_ACCOUNT_NAME: names_of(account)}

    @override
    def _start_fetching_account(self) -> None:
        """Do nothing: the entry will ask."""

    @override
    def _ask_for_token(self) -> None:
        """Do nothing: the dialog says so by itself."""
