"""The triggers of automations: what happens to an instance."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Final, cast, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_FOR, CONF_OPTIONS, CONF_TARGET
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.event import async_track_point_in_utc_time
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
from .const import CONF_LOSS_GRACE
from .memory import SIGNAL_LAST_KNOWN, LastKnown, memory_of
from .moments import Happening, Moment, lost
from .targets import entry_ids_of, names_of
from .teller import async_listen_moments

CONF_FROM: Final = "from"
CONF_TO: Final = "to"

_STATES: Final = [item for item in InstanceState if item is not InstanceState.UNKNOWN]
_SOME_STATES: Final = vol.All(cv.ensure_list, [vol.In(_STATES)])
_FOR: Final[dict[vol.Marker, Any]] = {
    vol.Optional(CONF_FOR, default=timedelta()): cv.positive_time_period
}


def _schema(options: dict[vol.Marker, Any]) -> vol.Schema:
    return vol.Schema(
        {
            vol.Required(CONF_TARGET): cv.TARGET_FIELDS,
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
        waits = _Waits(self._hass)

        @callback
        def wait(entry: ConfigEntry, happening: Happening, due: datetime) -> None:
            run = partial(
                run_action,
                {**names_of(self._hass, entry), **_facts_of(happening)},
                f"{entry.title}: {self.title}",
            )
            if self._duration:
                holds = partial(self._still_holds, happening)
                waits.start(entry.entry_id, due, holds, run)
            else:
                run()

        @callback
        def take(entry: ConfigEntry, happening: Happening) -> None:
            if self._wants(happening) and entry.entry_id in self._entry_ids:
                wait(entry, happening, dt_util.utcnow() + self._duration)

        # A restart, or an edit, must not make it wait for ever.
        for entry_id in self._entry_ids if self._duration else ():
            entry = self._hass.config_entries.async_get_entry(entry_id)
            known = memory_of(self._hass).get(entry_id)
            if entry and known and (begun := self._begun(entry, known)):
                happening, since = begun
                if (due := since + self._duration) > dt_util.utcnow():
                    wait(entry, happening, due)
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

    @property
    def _entry_ids(self) -> set[str]:
        return entry_ids_of(self._hass, self._target)

    def _wants(self, happening: Happening) -> bool:
        """Return whether it is what the trigger waits for."""
        return happening.moment is self.moment and not happening.repeated

    def _still_holds(self, happening: Happening, known: LastKnown) -> bool:
        """Return whether what happened is so still, for triggers with `for`."""
        raise NotImplementedError

    def _begun(
        self, entry: ConfigEntry, known: LastKnown
    ) -> tuple[Happening, datetime] | None:
        """Return what holds already and since when; None where none can tell."""
        return None


class AuthorizedTrigger(MomentTrigger):
    """Fire when an instance was linked to an account."""

    moment = Moment.AUTHORIZED
    title = "linked"
    schema = _schema(_FOR)

    @override
    def _still_holds(self, happening: Happening, known: LastKnown) -> bool:
        return known.linked is True

    @override
    def _begun(
        self, entry: ConfigEntry, known: LastKnown
    ) -> tuple[Happening, datetime] | None:
        if known.linked and known.changed:
            return Happening(self.moment), known.since
        return None


class AuthorizationLostTrigger(MomentTrigger):
    """Fire when an instance has lost its link, as soon as that was told."""

    moment = Moment.AUTHORIZATION_LOST
    title = "link lost"
    schema = _schema(_FOR)

    @override
    def _still_holds(self, happening: Happening, known: LastKnown) -> bool:
        return known.linked is False

    @override
    def _begun(
        self, entry: ConfigEntry, known: LastKnown
    ) -> tuple[Happening, datetime] | None:
        if known.linked is False and known.changed:
            grace = timedelta(seconds=entry.options[CONF_LOSS_GRACE])
            return lost(known), known.since + grace
        return None


class StateChangedTrigger(MomentTrigger):
    """Fire when the state of an instance has become another one."""

    moment = Moment.STATE_CHANGED
    title = "state changed"
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
    def _still_holds(self, happening: Happening, known: LastKnown) -> bool:
        return known.state == happening.facts["to"]


class QrReadyTrigger(MomentTrigger):
    """Fire when the first login QR of a login is there to be scanned."""

    moment = Moment.QR_READY
    title = "login QR ready"


class PasswordRequiredTrigger(MomentTrigger):
    """Fire when a login wants the two-factor password."""

    moment = Moment.PASSWORD_REQUIRED
    title = "password required"


class _Waits:
    """Keep what has begun, an entry each, until its time has come or it is over."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin with nothing."""
        self._hass = hass
        self._waits: dict[str, tuple[Callable[[LastKnown], bool], CALLBACK_TYPE]] = {}

    @callback
    def start(
        self,
        entry_id: str,
        due: datetime,
        holds: Callable[[LastKnown], bool],
        run: Callable[[], object],
    ) -> None:
        """Run at that time unless it holds no longer; one wait for each entry."""
        self._end(entry_id)

        @callback
        def end(_now: datetime) -> None:
            del self._waits[entry_id]
            run()

        cancel = async_track_point_in_utc_time(self._hass, end, due)
        self._waits[entry_id] = (holds, cancel)

    @callback
    def check(self, entry_id: str) -> None:
        """End the wait where what it waits for is so no longer."""
        if entry_id in self._waits:
            holds, _ = self._waits[entry_id]
            known = memory_of(self._hass).get(entry_id)
            if known is None or not holds(known):
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
    return _TRIGGERS
