"""The conditions of automations: how an instance is."""

from abc import abstractmethod
from datetime import timedelta
from typing import Any, ClassVar, Final, Unpack, cast, override

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_FOR, CONF_OPTIONS, CONF_TARGET
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.condition import (
    ATTR_BEHAVIOR,
    BEHAVIOR_ALL,
    BEHAVIOR_ANY,
    Condition,
    ConditionCheckParams,
    ConditionConfig,
)
from homeassistant.helpers.typing import ConfigType
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .memory import async_load_memory, memory_of
from .snapshot import LoginPhase
from .targets import TARGET_SCHEMA, entry_ids_of

# The phases in which somebody is to do something to link the instance.
_ACTIVE: Final = frozenset(
    {
        LoginPhase.PASSWORD,
        LoginPhase.PHONE_CODE,
        LoginPhase.SHOWING,
        LoginPhase.WAITING,
    }
)

_BEHAVIOR: Final = {
    vol.Required(ATTR_BEHAVIOR, default=BEHAVIOR_ANY): vol.In(
        [BEHAVIOR_ANY, BEHAVIOR_ALL]
    )
}


def _schema(options: dict[vol.Marker, Any]) -> vol.Schema:
    return vol.Schema(
        {
            vol.Required(CONF_TARGET): TARGET_SCHEMA,
            vol.Required(CONF_OPTIONS, default={}): {**_BEHAVIOR, **options},
        }
    )


class InstanceCondition(Condition):
    """Hold for any, or for all, of the instances of the target."""

    schema: ClassVar[vol.Schema] = _schema({})

    @classmethod
    @override
    async def async_validate_config(
        cls, hass: HomeAssistant, config: ConfigType
    ) -> ConfigType:
        """Return the config, complete; raises vol.Invalid."""
        return cast("ConfigType", cls.schema(config))

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Take a config that is valid."""
        super().__init__(hass, config)
        self._target = config.target or {}
        self._options = config.options or {}

    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        found = [
            self._holds(entry_id) for entry_id in entry_ids_of(self._hass, self._target)
        ]
        if self._options[ATTR_BEHAVIOR] == BEHAVIOR_ALL:
            return bool(found) and all(found)
        return any(found)

    @abstractmethod
    def _holds(self, entry_id: str) -> bool:
        """Return whether it holds for one instance."""


class IsAuthorizedCondition(InstanceCondition):
    """Hold while an instance is linked, as far as was last known."""

    schema = _schema({vol.Optional(CONF_FOR): cv.positive_time_period})

    @override
    def _holds(self, entry_id: str) -> bool:
        known = memory_of(self._hass).get(entry_id)
        if known is None or not known.linked:
            return False
        duration: timedelta | None = self._options.get(CONF_FOR)
        return not duration or dt_util.utcnow() - known.since >= duration


class IsLoginActiveCondition(InstanceCondition):
    """Hold while a login goes on, with or without a QR."""

    @override
    def _holds(self, entry_id: str) -> bool:
        entry = self._hass.config_entries.async_get_entry(entry_id)
        if entry is None or entry.state is not ConfigEntryState.LOADED:
            return False
        return entry.runtime_data.data.login.phase in _ACTIVE


_CONDITIONS: Final[dict[str, type[Condition]]] = {
    "is_authorized": IsAuthorizedCondition,
    "is_login_active": IsLoginActiveCondition,
}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions by their names."""
    # They may be asked before any entry is set up, or while all are disabled.
    await async_load_memory(hass)
    return _CONDITIONS
