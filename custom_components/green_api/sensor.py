"""The sensors: state, login and account of the instance."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .api.models import InstanceState, Messenger
from .coordinator import GreenApiConfigEntry
from .entity import GreenApiEntity
from .snapshot import InstanceData, LoginPhase

# Everything comes from the coordinator.
PARALLEL_UPDATES = 0

LOGIN_ATTRIBUTES: Final = (
    "began_at",
    "ends_at",
    "problem",
    "detail",
    "sequence",
    "issued_at",
    "expires_at",
)


def _no_attributes(_data: InstanceData) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, kw_only=True)
class GreenApiSensorDescription(SensorEntityDescription):
    """Describe a sensor by what it takes from the snapshot."""

    value_fn: Callable[[InstanceData], str | datetime | None]
    attributes_fn: Callable[[InstanceData], Mapping[str, Any]] = _no_attributes
    messengers: frozenset[Messenger] = frozenset(Messenger)


def _known_state(data: InstanceData) -> str | None:
    return None if data.state is InstanceState.UNKNOWN else data.state


def _login_attributes(data: InstanceData) -> Mapping[str, Any]:
    """Return what is known of the login; the rest has no attribute."""
    login, code = data.login, data.login.code
    values = (
        login.began_at,
        login.ends_at,
        login.problem,
        login.detail,
        code.sequence if code else None,
        code.issued_at if code else None,
        code.expires_at if code else None,
    )
    named = zip(LOGIN_ATTRIBUTES, values, strict=True)
    return {name: value for name, value in named if value is not None}


def _code_valid_until(data: InstanceData) -> datetime | None:
    code = data.login.code
    return code.expires_at if code else None


def _suspended_until(data: InstanceData) -> datetime | None:
    # Afterwards the cloud may still tell when it was over.
    return data.suspended_until if data.state is InstanceState.SUSPENDED else None


def _account(data: InstanceData) -> str | None:
    return data.account.label if data.account else None


def _account_name(data: InstanceData) -> str | None:
    return (data.account.name or None) if data.account else None


DESCRIPTIONS = (
    GreenApiSensorDescription(
        key="state",
        translation_key="state",
        device_class=SensorDeviceClass.ENUM,
        options=[item for item in InstanceState if item is not InstanceState.UNKNOWN],
        value_fn=_known_state,
    ),
    GreenApiSensorDescription(
        key="login",
        translation_key="login",
        device_class=SensorDeviceClass.ENUM,
        options=list(LoginPhase),
        value_fn=lambda data: data.login.phase,
        attributes_fn=_login_attributes,
    ),
    GreenApiSensorDescription(
        key="code_valid_until",
        translation_key="code_valid_until",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        # Each code would be a row of the recorder, and the login tells the same.
        entity_registry_enabled_default=False,
        value_fn=_code_valid_until,
    ),
    GreenApiSensorDescription(
        key="suspended_until",
        translation_key="suspended_until",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        messengers=frozenset({Messenger.TELEGRAM, Messenger.MAX}),
        value_fn=_suspended_until,
    ),
    GreenApiSensorDescription(
        key="account",
        translation_key="account",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=_account,
    ),
    GreenApiSensorDescription(
        key="account_name",
        translation_key="account_name",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        # Only the WebSocket tells it.
        messengers=frozenset({Messenger.WHATSAPP}),
        value_fn=_account_name,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: GreenApiConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of an instance, as far as its messenger has them."""
    coordinator = entry.runtime_data
    async_add_entities(
        GreenApiSensor(coordinator, description)
        for description in DESCRIPTIONS
        if coordinator.messenger in description.messengers
    )


class GreenApiSensor(GreenApiEntity, SensorEntity):
    """Show one value of the snapshot."""

    entity_description: GreenApiSensorDescription

    # They change with every code and are of no use afterwards.
    _unrecorded_attributes = frozenset(LOGIN_ATTRIBUTES)

    @property
    @override
    def native_value(self) -> str | datetime | None:
        """Return the value, None while it is not known."""
        return self.entity_description.value_fn(self.coordinator.data)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        """Return what else there is to say."""
        return self.entity_description.attributes_fn(self.coordinator.data)
