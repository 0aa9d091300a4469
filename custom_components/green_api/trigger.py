"""The triggers of automations: what happens to an instance."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, cast, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_FOR, CONF_OPTIONS, CONF_TARGET
from homeassistant.core import (
    CALLBACK_TYPE,
    CoreState,
    HassJob,
    HomeAssistant,
    callback,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.trigger import (
    Trigger,
    TriggerActionRunner,
    TriggerConfig,
    TriggerNotTriggeredReporter,
)
from homeassistant.helpers.typing import ConfigType
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .api.models import InstanceState
from .const import CONF_LOSS_GRACE, DOMAIN
from .memory import SIGNAL_LAST_KNOWN, async_load_memory, memory_of
from .moments import Happening, Moment, changed, lost
from .targets import TARGET_SCHEMA, entry_ids_of, names_of
from .teller import async_listen_moments

CONF_FROM: Final = "from"
CONF_TO: Final = "to"

_STATES: Final = [
    item.value for item in InstanceState if item is not InstanceState.UNKNOWN
]
_SOME_STATES: Final = vol.All(cv.ensure_list, [vol.In(_STATES)])
_FOR: Final[dict[vol.Marker, Any]] = {
    vol.Optional(CONF_FOR, default=timedelta()): cv.positive_time_period
}


# How often is looked whether Home Assistant has started.
_START_CHECK: Final = timedelta(seconds=1)

type _Run = Callable[[ConfigEntry, Happening], None]


@dataclass(frozen=True, slots=True)
class _Begun:
    """Hold what holds now, since when, and after what time it is told at all."""

    happening: Happening
    since: datetime
    grace: timedelta = timedelta()

    def left(self, duration: timedelta) -> timedelta:
        """Return in what time it will have held for so long."""
        # A clock that was wrong must not put it off for ever.
        lasts = max(dt_util.utcnow() - self.since, timedelta())
        return self.grace + duration - lasts


def _schema(options: dict[vol.Marker, Any]) -> vol.Schema:
    return vol.Schema(
        {
            vol.Required(CONF_TARGET): TARGET_SCHEMA,
            vol.Required(CONF_OPTIONS, default={}): options,
        }
    )


class MomentTrigger(Trigger):
    """Fire when something happens to an instance of the target.

    With the option `for`, where it has one: when it has stayed so for that time.
    """

    moment: ClassVar[Moment]
    title: ClassVar[str]
    schema: ClassVar[vol.Schema] = _schema({})

    @classmethod
    @override
    async def async_validate_config(
        cls, hass: HomeAssistant, config: ConfigType
    ) -> ConfigType:
        """Return the config, complete; raises vol.Invalid."""
        return cast("ConfigType", cls.schema(config))

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Take a config that is valid."""
        super().__init__(hass, config)
        self._target = config.target or {}
        self._options = config.options or {}
        self._duration: timedelta = self._options.get(CONF_FOR, timedelta())

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        """Run the action whenever it happens, until detached."""
        waits = _Waits(self._hass, self._begun)

        @callback
        def run(entry: ConfigEntry, happening: Happening) -> None:
            targeted = entry_ids_of(self._hass, self._target)
            if entry.entry_id in targeted and not entry.disabled_by:
                run_action(
                    {**names_of(self._hass, entry), **_facts_of(happening)},
                    f"{self.title} of {entry.title}",
                )

        @callback
        def take(entry: ConfigEntry, happening: Happening) -> None:
            if not self._wants(happening):
                return
            if self._duration:
                waits.start(entry, self._duration, run)
            else:
                run(entry, happening)

        if self._duration:
            # A restart, or an edit, must not make it wait for ever.
            for entry in self._hass.config_entries.async_entries(DOMAIN):
                waits.resume(entry, self._duration, run)
        stops = (
            async_listen_moments(self._hass, take),
            async_dispatcher_connect(self._hass, SIGNAL_LAST_KNOWN, waits.check),
            waits.close,
        )

        @callback
        def detach() -> None:
            for stop in stops:
                stop()

        return detach

    def _wants(self, happening: Happening) -> bool:
        """Return whether it is what the trigger waits for."""
        return happening.moment is self.moment and not happening.repeated

    def _begun(self, entry: ConfigEntry) -> _Begun | None:
        """Return what holds now, and since when; for triggers with `for`."""
        raise NotImplementedError


class AuthorizedTrigger(MomentTrigger):
    """Fire when an instance was linked to an account."""

    moment = Moment.AUTHORIZED
    title = "authorization"
    schema = _schema(_FOR)

    @override
    def _begun(self, entry: ConfigEntry) -> _Begun | None:
        known = memory_of(self._hass).get(entry.entry_id)
        if known and known.linked and known.changed:
            return _Begun(Happening(self.moment), known.since)
        return None


class AuthorizationLostTrigger(MomentTrigger):
    """Fire when an instance has lost its link, as soon as that was told."""

    moment = Moment.AUTHORIZATION_LOST
    title = "loss of authorization"
    schema = _schema(_FOR)

    @override
    def _begun(self, entry: ConfigEntry) -> _Begun | None:
        known = memory_of(self._hass).get(entry.entry_id)
        if known and known.linked is False and known.changed and known.told:
            grace = timedelta(seconds=entry.options[CONF_LOSS_GRACE])
            return _Begun(lost(known), known.since, grace)
        return None


class StateChangedTrigger(MomentTrigger):
    """Fire when the state of an instance has become another one."""

    moment = Moment.STATE_CHANGED
    title = "state change"
    schema = _schema(
        {
            vol.Optional(CONF_FROM, default=list): _SOME_STATES,
            vol.Optional(CONF_TO, default=list): _SOME_STATES,
            **_FOR,
        }
    )

    @override
    def _wants(self, happening: Happening) -> bool:
        return super()._wants(happening) and all(
            happening.facts[name] in self._options[name]
            for name in (CONF_FROM, CONF_TO)
            if self._options[name]
        )

    @override
    def _begun(self, entry: ConfigEntry) -> _Begun | None:
        known = memory_of(self._hass).get(entry.entry_id)
        if known and known.state_before and self._wants(happening := changed(known)):
            return _Begun(happening, known.state_since)
        return None


class QrReadyTrigger(MomentTrigger):
    """Fire when the first login QR of a login is there to be scanned."""

    moment = Moment.QR_READY
    title = "login QR"


class PasswordRequiredTrigger(MomentTrigger):
    """Fire when a login wants the two-factor password."""

    moment = Moment.PASSWORD_REQUIRED
    title = "password request"


class _Waits:
    """Keep what has begun, an entry each, until its time has come or it is over."""

    def __init__(
        self, hass: HomeAssistant, begun: Callable[[ConfigEntry], _Begun | None]
    ) -> None:
        """Take what tells how it stands with an entry now."""
        self._hass = hass
        self._begun = begun
        self._waits: dict[str, tuple[datetime, CALLBACK_TYPE]] = {}

    @callback
    def start(self, entry: ConfigEntry, duration: timedelta, run: _Run) -> None:
        """Run when what holds now has held for so long, unless it ends before."""
        if (begun := self._begun(entry)) is not None:
            self._start(entry, begun, begun.left(duration), run)

    @callback
    def resume(self, entry: ConfigEntry, duration: timedelta, run: _Run) -> None:
        """Go on where the time has not come yet, or came while nobody was there."""
        if (begun := self._begun(entry)) is not None:
            left = begun.left(duration)
            if left > timedelta() or self._is_missed(dt_util.utcnow() + left):
                self._start(entry, begun, left, run)

    def _is_missed(self, due: datetime) -> bool:
        """Return whether Home Assistant was down then, and is only just starting."""
        alive_before = memory_of(self._hass).alive_before
        starts = self._hass.state is not CoreState.running
        return starts and alive_before is not None and due > alive_before

    def _start(
        self, entry: ConfigEntry, begun: _Begun, left: timedelta, run: _Run
    ) -> None:
        self._end(entry.entry_id)

        @callback
        def end(_now: datetime) -> None:
            if self._hass.state is not CoreState.running:
                # What is known may change by then, which ends the wait. Not by the
                # event of the start: who is taken off while it fires hears it still.
                wait(_START_CHECK)
                return
            del self._waits[entry.entry_id]
            # After a crash it is to be known that this time had come.
            memory_of(self._hass).save()
            run(entry, begun.happening)

        job = HassJob(end, f"trigger of {entry.title}", cancel_on_shutdown=True)

        def wait(time: timedelta) -> None:
            cancel = async_call_later(self._hass, time, job)
            self._waits[entry.entry_id] = (begun.since, cancel)

        wait(max(left, timedelta()))

    @callback
    def check(self, entry_id: str) -> None:
        """End the wait where what it waits for is so no longer, or is so anew."""
        if entry_id in self._waits:
            since, _ = self._waits[entry_id]
            entry = self._hass.config_entries.async_get_entry(entry_id)
            begun = self._begun(entry) if entry else None
            if begun is None or begun.since != since:
                self._end(entry_id)

    @callback
    def close(self) -> None:
        """End all."""
        for entry_id in list(self._waits):
            self._end(entry_id)

    def _end(self, entry_id: str) -> None:
        if entry_id in self._waits:
            _, cancel = self._waits.pop(entry_id)
            cancel()


def _facts_of(happening: Happening) -> dict[str, Any]:
    names = {"from": "from_state", "to": "to_state"}
    return {names.get(name, name): fact for name, fact in happening.facts.items()}


_TRIGGERS: Final[dict[str, type[Trigger]]] = {
    trigger.moment: trigger
    for trigger in (
        AuthorizedTrigger,
        AuthorizationLostTrigger,
        StateChangedTrigger,
        QrReadyTrigger,
        PasswordRequiredTrigger,
    )
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers by their names."""
    # They may be attached before any entry is set up, or while all are disabled.
    await async_load_memory(hass)
    return _TRIGGERS
