"""What of an instance is published, and where: the options, typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import (
    CONF_CLIENT_ID,
    CONF_HOST,
    CONF_PASSWORD,
    CONF_PORT,
    CONF_USERNAME,
)

from ..broker.settings import BrokerSettings
from ..const import (
    CONF_CA,
    CONF_CERTIFICATE,
    CONF_ID_INSTANCE,
    CONF_KEY,
    CONF_MQTT,
    CONF_MQTT_BASE64,
    CONF_MQTT_BROKER,
    CONF_MQTT_COMMANDS,
    CONF_MQTT_CONNECTION,
    CONF_MQTT_DISCOVERY,
    CONF_MQTT_DISCOVERY_PREFIX,
    CONF_MQTT_PREFIX,
    CONF_TLS,
    DEFAULT_OPTIONS,
    MqttBroker,
    MqttMode,
)
from ..moments import Moment
from .topics import base_topic, discovery_topic, retained_topics


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishSettings:
    """Hold how one instance is published."""

    mode: MqttMode
    base: str
    """The topic above all others of the instance."""

    base64: bool
    commands: bool
    discovery: str | None
    """The discovery topic, None where there is to be none."""

    broker: BrokerSettings | None
    """The broker that the user names, None for Home Assistant's."""

    @classmethod
    def of(cls, entry: ConfigEntry) -> Self:
        """Return the settings of an entry as its options are now.

        Also of one that was never set up: such an entry has not been migrated.
        """
        options = {**DEFAULT_OPTIONS, **entry.options}
        id_instance = entry.data[CONF_ID_INSTANCE]
        mode = MqttMode(options[CONF_MQTT])
        on = mode is not MqttMode.OFF
        prefix = options[CONF_MQTT_DISCOVERY_PREFIX]
        finds = on and options[CONF_MQTT_DISCOVERY]
        connection = options[CONF_MQTT_CONNECTION]
        own = options[CONF_MQTT_BROKER] == MqttBroker.OWN and CONF_HOST in connection
        return cls(
            mode=mode,
            base=base_topic(options[CONF_MQTT_PREFIX], id_instance),
            base64=options[CONF_MQTT_BASE64],
            commands=on and options[CONF_MQTT_COMMANDS],
            discovery=discovery_topic(prefix, id_instance) if finds else None,
            broker=broker_settings(connection) if own else None,
        )

    @property
    def topics(self) -> list[str]:
        """Return all topics that keep what they say, the code's first."""
        below = retained_topics(self.mode, base64=self.base64)
        return [
            *(f"{self.base}/{name}" for name in below),
            *([self.discovery] if self.discovery else []),
        ]

    @property
    def moments(self) -> frozenset[Moment]:
        """Return what `event` tells."""
        about_qr = {Moment.QR_READY, Moment.QR_EXPIRED}
        if self.mode is MqttMode.STATE_AND_QR:
            return frozenset(Moment)
        return frozenset(Moment) - about_qr

    @property
    def target(self) -> tuple[str, int] | None:
        """Return which broker it is, None for Home Assistant's."""
        return (self.broker.host, self.broker.port) if self.broker else None


def broker_settings(connection: Mapping[str, Any]) -> BrokerSettings:
    """Return the settings of a connection as the options hold it."""
    return BrokerSettings(
        host=connection[CONF_HOST],
        port=connection[CONF_PORT],
        client_id=connection[CONF_CLIENT_ID],
        username=connection.get(CONF_USERNAME),
        password=connection.get(CONF_PASSWORD),
        tls=connection.get(CONF_TLS, False),
        ca=connection.get(CONF_CA),
        certificate=connection.get(CONF_CERTIFICATE),
        key=connection.get(CONF_KEY),
    )
