"""The forms of MQTT: their fields, and which of them an error belongs to."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.const import (
    CONF_CLIENT_ID,
    CONF_HOST,
    CONF_PASSWORD,
    CONF_PORT,
    CONF_USERNAME,
)
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol

from .broker.errors import (
    BrokerCertificateExpired,
    BrokerCertificateRefused,
    BrokerClientIdRefused,
    BrokerCredentialsRefused,
    BrokerError,
    BrokerNotFound,
    BrokerRefused,
    BrokerTlsFailed,
    BrokerUnreachable,
    BrokerUntrusted,
    BrokerWrongHost,
    InvalidCa,
    InvalidCertificate,
)
from .const import (
    CONF_CA,
    CONF_CERTIFICATE,
    CONF_KEY,
    CONF_MQTT,
    CONF_MQTT_BASE64,
    CONF_MQTT_BROKER,
    CONF_MQTT_COMMANDS,
    CONF_MQTT_DISCOVERY,
    CONF_MQTT_DISCOVERY_PREFIX,
    CONF_MQTT_PREFIX,
    CONF_TLS,
    DEFAULT_OPTIONS,
    MqttBroker,
    MqttMode,
)
from .mqtt_input import CONF_ENCRYPTION, CONF_MORE, LARGEST_PORT

CONF_SAVE_ANYWAY: Final = "save_anyway"

MQTT_SELECTOR: Final = SelectSelector(
    SelectSelectorConfig(options=list(MqttMode), translation_key=CONF_MQTT)
)
_BROKER: Final = SelectSelector(
    SelectSelectorConfig(options=list(MqttBroker), translation_key=CONF_MQTT_BROKER)
)
_PORT: Final = NumberSelector(
    NumberSelectorConfig(min=1, max=LARGEST_PORT, mode=NumberSelectorMode.BOX)
)
_TEXT: Final = TextSelector(TextSelectorConfig(autocomplete="off"))
_PASSWORD: Final = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")
)
_PEM: Final = TextSelector(TextSelectorConfig(multiline=True))

_MORE: Final = vol.Schema(
    {
        vol.Required(CONF_MQTT_COMMANDS): BooleanSelector(),
        vol.Required(CONF_MQTT_BASE64): BooleanSelector(),
        vol.Required(CONF_MQTT_DISCOVERY): BooleanSelector(),
        vol.Required(CONF_MQTT_DISCOVERY_PREFIX): _TEXT,
    }
)
_ENCRYPTION: Final = vol.Schema(
    {
        vol.Required(CONF_TLS): BooleanSelector(),
        vol.Optional(CONF_CA): _PEM,
        vol.Optional(CONF_CERTIFICATE): _PEM,
        vol.Optional(CONF_KEY): _PEM,
    }
)

_SECRETS: Final = frozenset({CONF_PASSWORD, CONF_KEY})

_FIELD_OF_ERROR: Final[dict[type[BrokerError], str]] = {
    BrokerCertificateExpired: CONF_ENCRYPTION,
    BrokerCertificateRefused: CONF_ENCRYPTION,
    BrokerClientIdRefused: CONF_CLIENT_ID,
    BrokerCredentialsRefused: CONF_USERNAME,
    BrokerNotFound: CONF_HOST,
    BrokerRefused: CONF_PORT,
    BrokerTlsFailed: CONF_ENCRYPTION,
    BrokerUnreachable: CONF_HOST,
    BrokerUntrusted: CONF_ENCRYPTION,
    BrokerWrongHost: CONF_HOST,
    InvalidCa: CONF_ENCRYPTION,
    InvalidCertificate: CONF_ENCRYPTION,
}


def mqtt_schema(*, opened: bool) -> vol.Schema:
    """Return the form of what is published, its section open or not."""
    return vol.Schema(
        {
            vol.Required(CONF_MQTT): MQTT_SELECTOR,
            vol.Required(CONF_MQTT_BROKER): _BROKER,
            vol.Required(CONF_MQTT_PREFIX): _TEXT,
            vol.Required(CONF_MORE): section(_MORE, {"collapsed": not opened}),
        }
    )


def broker_schema(*, opened: bool, may_save: bool) -> vol.Schema:
    """Return the form of one's own broker, its section open or not.

    `may_save` adds the choice to save it although nobody has answered.
    """
    fields: dict[vol.Marker, object] = {
        vol.Required(CONF_HOST): _TEXT,
        # A number selector gives fractions.
        vol.Optional(CONF_PORT): vol.All(_PORT, vol.Coerce(int)),
        vol.Optional(CONF_USERNAME): _TEXT,
        vol.Optional(CONF_PASSWORD): _PASSWORD,
        vol.Optional(CONF_CLIENT_ID): _TEXT,
        vol.Required(CONF_ENCRYPTION): section(_ENCRYPTION, {"collapsed": not opened}),
    }
    if may_save:
        fields[vol.Required(CONF_SAVE_ANYWAY, default=False)] = BooleanSelector()
    return vol.Schema(fields)


def uses_more(options: Mapping[str, Any]) -> bool:
    """Return whether something in the section is not as it is by default."""
    fields = map(str, _MORE.schema)
    return any(options[field] != DEFAULT_OPTIONS[field] for field in fields)


def without_secrets(connection: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a connection a form may show."""
    return {
        field: value for field, value in connection.items() if field not in _SECRETS
    }


def field_of(error: BrokerError) -> str:
    """Return which field an error belongs to; others belong to the form."""
    return _FIELD_OF_ERROR.get(type(error), "base")
