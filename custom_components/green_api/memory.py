"""What was last known of each instance, kept while Home Assistant is down."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.signal_type import SignalType
import voluptuous as vol

from .const import DOMAIN

SIGNAL_LAST_KNOWN: Final[SignalType[str]] = SignalType(f"{DOMAIN}_last_known")
"""Sent with an entry's id after each change of what is known of its instance."""

_VERSION: Final = 1
_MEMORY: HassKey[Memory] = HassKey(f"{DOMAIN}_memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class LastKnown:
    """Hold what was last known of one instance, however long ago."""

    state: str
    """The cloud's word in snake_case."""

    state_since: datetime
    """When this state was first seen."""

    linked: bool | None
    """Whether it is linked to an account, None as long as no state has told."""

    since: datetime
    """When it was first seen to be so."""

    changed: bool = False
    """Whether it was otherwise before, as far as anybody knows."""

    told: bool = True
    """Whether that was told; a loss of the link waits for its grace."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "state": self.state,
            "state_since": self.state_since.isoformat(),
            "linked": self.linked,
            "since": self.since.isoformat(),
            "changed": self.changed,
            "told": self.told,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return what was stored; raises vol.Invalid."""
        return cls(**_STORED(stored))


def _moment(value: object) -> datetime:
    moment = dt_util.parse_datetime(value) if isinstance(value, str) else None
    if moment is None or moment.tzinfo is None:
        msg = "no moment"
        raise vol.DatetimeInvalid(msg)
    return moment


_STORED: Final = vol.Schema(
    {
        vol.Required("state"): str,
        vol.Required("state_since"): _moment,
        vol.Required("linked"): vol.Any(bool, None),
        vol.Required("since"): _moment,
        vol.Required("changed"): bool,
        vol.Required("told"): bool,
    }
)


class Memory:
    """Remember, an entry each, what was last known."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Start with nothing known."""
        self._hass = hass
        self._store: Store[dict[str, Any]] = Store(hass, _VERSION, DOMAIN)
        self._known: dict[str, LastKnown] = {}

    async def async_load(self) -> None:
        """Read what was kept; a row that makes no sense counts as not there."""
        for entry_id, stored in (await self._store.async_load() or {}).items():
            try:
                self._known[entry_id] = LastKnown.from_dict(stored)
            except vol.Invalid:
                continue

    def get(self, entry_id: str) -> LastKnown | None:
        """Return what was last known of an entry's instance."""
        return self._known.get(entry_id)

    @callback
    def keep(self, entry_id: str, known: LastKnown) -> None:
        """Remember it, and tell who listens."""
        if self._known.get(entry_id) == known:
            return
        self._known[entry_id] = known
        self._save()
        async_dispatcher_send(self._hass, SIGNAL_LAST_KNOWN, entry_id)

    @callback
    def forget(self, entry_id: str) -> None:
        """Forget an entry that is removed."""
        if self._known.pop(entry_id, None) is not None:
            self._save()
            async_dispatcher_send(self._hass, SIGNAL_LAST_KNOWN, entry_id)

    def _save(self) -> None:
        # At once: what is not written would be told again after a crash.
        self._store.async_delay_save(self._content)

    def _content(self) -> dict[str, Any]:
        return {entry_id: known.as_dict() for entry_id, known in self._known.items()}


async def async_load_memory(hass: HomeAssistant) -> Memory:
    """Return the memory of all instances, read once."""
    if _MEMORY not in hass.data:
        memory = Memory(hass)
        await memory.async_load()
        hass.data[_MEMORY] = memory
    return hass.data[_MEMORY]


def memory_of(hass: HomeAssistant) -> Memory:
    """Return the memory of all instances, once it was read."""
    return hass.data[_MEMORY]
