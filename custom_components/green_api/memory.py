"""What was last known of each instance, kept while Home Assistant is down."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.singleton import singleton
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.signal_type import SignalType
import voluptuous as vol

from .const import DOMAIN, LOGGER

SIGNAL_LAST_KNOWN: Final[SignalType[str]] = SignalType(f"{DOMAIN}_last_known")
"""Sent with an entry's id after each change of what is known of its instance."""

_VERSION: Final = 1
_SAVING_INTERVAL: Final = timedelta(hours=1)
_MEMORY: HassKey[Memory] = HassKey(f"{DOMAIN}_memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class LastKnown:
    """Hold what was last known of one instance, however long ago."""

    state: str
    """The cloud's word in snake_case."""

    state_since: datetime
    """When this state was first seen."""

    state_before: str | None = None
    """The one before it, None where none was known."""

    linked: bool | None
    """Whether it is linked to an account, None as long as no state has told."""

    since: datetime
    """When it was first seen to be so."""

    changed: bool = False
    """Whether it was otherwise before, as far as anybody knows."""

    told: bool = True
    """Whether that was told; a loss of the link waits for its grace."""

    login_told: datetime | None = None
    """When the login began of which a QR was told last."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "state": self.state,
            "state_since": self.state_since.isoformat(),
            "state_before": self.state_before,
            "linked": self.linked,
            "since": self.since.isoformat(),
            "changed": self.changed,
            "told": self.told,
            "login_told": self.login_told and self.login_told.isoformat(),
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
        # What a version may lack that knew less; it has a default.
        vol.Optional("state_before"): vol.Any(str, None),
        vol.Optional("changed"): bool,
        vol.Optional("told"): bool,
        vol.Optional("login_told"): vol.Any(None, _moment),
    },
    extra=vol.REMOVE_EXTRA,
)
_FILE: Final = vol.Schema(
    {vol.Required("alive_at"): _moment, vol.Required("instances"): dict},
    extra=vol.REMOVE_EXTRA,
)


class Memory:
    """Remember, an entry each, what was last known."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Start with nothing known."""
        self._hass = hass
        self._store: Store[dict[str, Any]] = Store(hass, _VERSION, DOMAIN)
        self._known: dict[str, LastKnown] = {}
        self.alive_before: datetime | None = None
        """When Home Assistant was last known to run before this start."""

        self._stopped_at: datetime | None = None

    async def async_load(self) -> None:
        """Read what was kept; what makes no sense counts as not there."""
        try:
            stored = await self._store.async_load()
        except HomeAssistantError:
            # Of a later version. To know nothing is better than to do nothing.
            LOGGER.warning("What was last known of the instances can't be read")
            return
        try:
            stored = _FILE(stored)
        except vol.Invalid:
            return
        self.alive_before = stored["alive_at"]
        for entry_id, row in stored["instances"].items():
            try:
                self._known[entry_id] = LastKnown.from_dict(row)
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
        self.save()
        async_dispatcher_send(self._hass, SIGNAL_LAST_KNOWN, entry_id)

    @callback
    def forget(self, entry_id: str) -> None:
        """Forget an entry that is removed."""
        if self._known.pop(entry_id, None) is not None:
            self.save()
            async_dispatcher_send(self._hass, SIGNAL_LAST_KNOWN, entry_id)

    @callback
    def stop(self, _event: Event) -> None:
        """Write down when Home Assistant began to stop: nothing is done any more."""
        self._stopped_at = dt_util.utcnow()
        self.save()

    @callback
    def stamp(self, _: object = None) -> None:
        """Write down that Home Assistant still runs."""
        if self._known:
            self.save()

    @callback
    def save(self) -> None:
        """Write it down, with the present time.

        At once: what is not written would be told again after a crash.
        """
        self._store.async_delay_save(self._content)

    def _content(self) -> dict[str, Any]:
        return {
            "alive_at": (self._stopped_at or dt_util.utcnow()).isoformat(),
            "instances": {
                entry_id: known.as_dict() for entry_id, known in self._known.items()
            },
        }


@singleton(_MEMORY, async_=True)
async def async_load_memory(hass: HomeAssistant) -> Memory:
    """Return the memory of all instances, read once."""
    memory = Memory(hass)
    await memory.async_load()
    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, memory.stop)
    # After a crash it is to be known, roughly, until when there was somebody.
    async_track_time_interval(
        hass, memory.stamp, _SAVING_INTERVAL, cancel_on_shutdown=True
    )
    return memory


def memory_of(hass: HomeAssistant) -> Memory:
    """Return the memory of all instances, once it was read."""
    return hass.data[_MEMORY]
