"""Tell what happens to an instance: at once, once, and over every restart."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from homeassistant.core import (
    CALLBACK_TYPE,
    CoreState,
    HassJob,
    HomeAssistant,
    callback,
)
from homeassistant.helpers.dispatcher import (
    async_dispatcher_connect,
    async_dispatcher_send,
)
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.start import async_at_started
from homeassistant.util import dt as dt_util
from homeassistant.util.signal_type import SignalType

from .const import CONF_LOSS_GRACE, DOMAIN
from .coordinator import GreenApiConfigEntry
from .memory import memory_of
from .moments import Happening, Moment, MomentTracker, lost

_SIGNAL: Final[SignalType[GreenApiConfigEntry, Happening]] = SignalType(
    f"{DOMAIN}_moment"
)

type Listener = Callable[[GreenApiConfigEntry, Happening], None]


class Teller:
    """Compare each snapshot with what was last known, and tell the difference."""

    def __init__(self, hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
        """Take the entry, whose instance was seen before, or was not."""
        self._hass = hass
        self._entry = entry
        self._memory = memory_of(hass)
        self._tracker = MomentTracker(self._memory.get(entry.entry_id))
        self._grace = timedelta(seconds=entry.options[CONF_LOSS_GRACE])
        self._cancel_loss: CALLBACK_TYPE | None = None

    @callback
    def start(self) -> None:
        """Begin with the present snapshot, and go on until the entry is unloaded."""
        self._take()
        entry = self._entry
        entry.async_on_unload(entry.runtime_data.async_add_listener(self._take))
        entry.async_on_unload(self._await_no_loss)

    @property
    def _is_heard(self) -> bool:
        # While Home Assistant stops nobody acts any more; its next start tells of it.
        return self._hass.state is CoreState.running

    @callback
    def _take(self) -> None:
        if not self._is_heard:
            return
        happenings = self._tracker.take(self._entry.runtime_data.data)
        self._keep()
        for happening in happenings:
            if happening.moment is not Moment.AUTHORIZATION_LOST:
                self._tell(happening)
        self._follow_loss()

    def _keep(self) -> None:
        if (known := self._tracker.known) is not None:
            self._memory.keep(self._entry.entry_id, known)

    @callback
    def _follow_loss(self) -> None:
        """Tell of a loss when it has lasted; forget one that is over."""
        known = self._tracker.known
        if known is None or known.told:
            self._await_no_loss()
            return
        # A clock that was wrong must not put it off for ever.
        lasts = max(dt_util.utcnow() - known.since, timedelta())
        if lasts >= self._grace:
            self._tell_loss()
        elif self._cancel_loss is None:
            job = HassJob(self._tell_loss, "loss of the link", cancel_on_shutdown=True)
            self._cancel_loss = async_call_later(self._hass, self._grace - lasts, job)

    @callback
    def _tell_loss(self, _now: datetime | None = None) -> None:
        self._await_no_loss()
        if not self._is_heard:
            return
        if (known := self._tracker.known) is not None and not known.told:
            self._tracker.known = replace(known, told=True)
            self._keep()
            self._tell(lost(known))

    @callback
    def _await_no_loss(self) -> None:
        if self._cancel_loss is not None:
            self._cancel_loss()
            self._cancel_loss = None

    def _tell(self, happening: Happening) -> None:
        async_dispatcher_send(self._hass, _SIGNAL, self._entry, happening)


@callback
def async_start_telling(hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
    """Tell of an entry's instance from now on, or once Home Assistant has started.

    Automations listen from then on, and what was different before is different still.
    """
    teller = Teller(hass, entry)

    @callback
    def start(_hass: HomeAssistant) -> None:
        teller.start()

    entry.async_on_unload(async_at_started(hass, start))


@callback
def async_listen_moments(hass: HomeAssistant, listener: Listener) -> CALLBACK_TYPE:
    """Let a callback hear what happens to all instances; return how to take it back."""
    return async_dispatcher_connect(hass, _SIGNAL, listener)
