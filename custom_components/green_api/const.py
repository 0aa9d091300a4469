"""What the other modules share: names, and numbers with their reasons."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
import logging
from typing import Any, Final

DOMAIN: Final = "green_api"
LOGGER: Final = logging.getLogger(__package__)

CONF_ID_INSTANCE: Final = "id_instance"
CONF_API_TOKEN_INSTANCE: Final = "api_token_instance"  # noqa: S105  a name
CONF_API_URL: Final = "api_url"
CONF_MESSENGER: Final = "messenger"

MQTT_DOMAIN: Final = "mqtt"
CONF_MQTT: Final = "mqtt"
CONF_MQTT_PREFIX: Final = "mqtt_prefix"
CONF_MQTT_TOPICS: Final = "mqtt_topics"
CONF_MQTT_BASE64: Final = "mqtt_base64"
CONF_MQTT_COMMANDS: Final = "mqtt_commands"
CONF_MQTT_DISCOVERY: Final = "mqtt_discovery"
CONF_MQTT_DISCOVERY_PREFIX: Final = "mqtt_discovery_prefix"
CONF_MQTT_BROKER: Final = "mqtt_broker"
CONF_MQTT_CONNECTION: Final = "mqtt_connection"
DEFAULT_MQTT_PREFIX: Final = "green_api"
DEFAULT_DISCOVERY_PREFIX: Final = "homeassistant"

# The keys of CONF_MQTT_CONNECTION beside Home Assistant's own.
CONF_TLS: Final = "tls"
CONF_CA: Final = "ca"
CONF_CERTIFICATE: Final = "certificate"
CONF_KEY: Final = "key"

CONF_PUSH: Final = "push"
CONF_PUSH_SETTINGS: Final = "push_settings"
CONF_LOSS_GRACE: Final = "loss_grace"

CONF_LOGIN_WINDOW: Final = "login_window"
CONF_LOGIN_ALWAYS: Final = "login_always"
CONF_POLL_INTERVAL: Final = "poll_interval"
CONF_QR_DOMAIN: Final = "qr_domain"
CONF_ACCOUNT_NAME: Final = "account_name"


class MqttMode(StrEnum):
    """Name how much of an instance is published by MQTT."""

    OFF = "off"
    STATE = "state"
    STATE_AND_QR = "state_and_qr"


class MqttBroker(StrEnum):
    """Name whose broker an instance is published on."""

    HOME_ASSISTANT = "home_assistant"
    OWN = "own"
    """One that the user names, over a connection of the instance's own."""


class PushMode(StrEnum):
    """Name how the cloud tells of a change by itself."""

    OFF = "off"
    WEBHOOK = "webhook"
    """It posts to a webhook of Home Assistant."""

    QUEUE = "queue"
    """It keeps notifications until they are received."""


MINOR_VERSION: Final = 4
"""Of the config entries; the major version is 1."""

QR_DOMAIN: Final = "qr.green-api.com"
"""The vendor's host of the QR page; a customer's own is a CNAME to it."""

CONSOLE_URL: Final = "https://console.green-api.com"
EXAMPLE_API_URL: Final = "https://api.green-api.com"

# The vendor's advice for an instance that is not being changed.
DEFAULT_POLL_INTERVAL: Final = 60
SHORTEST_POLL_INTERVAL: Final = 30
LONGEST_POLL_INTERVAL: Final = 3600

# Where the cloud tells of changes by itself, which may get lost.
SAFETY_POLL_INTERVAL: Final = timedelta(minutes=5)

# A state that flaps is to raise no alarm: shorter losses are not told, in seconds.
DEFAULT_LOSS_GRACE: Final = 30
LONGEST_LOSS_GRACE: Final = 3600

# A scan must be seen within five seconds, and one request a second is the limit
# that all clients of the instance share.
LOGIN_POLL_INTERVAL: Final = timedelta(seconds=3)

# States that end by themselves or by somebody's next step, within minutes.
PASSING_POLL_INTERVAL: Final = timedelta(seconds=10)

# A failed request now and then is normal: the limits are shared with every other
# client of the instance. What lasts longer is an outage.
OUTAGE_GRACE: Final = timedelta(seconds=60)

# A rejection of the credentials can pass, as seen with new instances. The last one
# is repeated.
REFUSED_RETRIES: Final = (
    timedelta(seconds=10),
    timedelta(seconds=30),
    timedelta(minutes=5),
)

# After a logout or a reboot the cloud can show the old state for a while.
SETTLING_TIME: Final = timedelta(minutes=1)

# More than five minutes of asking for codes can drive an instance to `starting`.
LONGEST_LOGIN_WINDOW: Final = 5
DEFAULT_LOGIN_WINDOW: Final = LONGEST_LOGIN_WINDOW
LOGIN_PAUSE: Final = timedelta(minutes=1)

# The first code can take so long, which is more than one window.
FIRST_CODE_TIME: Final = timedelta(minutes=10)

# A WebSocket that could not be had, or broke, is not tried again before. Nor is it as
# long as codes come by asking: its first frame may take longer than a code lives.
SOCKET_RETRY: Final = timedelta(minutes=1)

# After a logout an instance is not to be rebooted for three to five minutes.
REBOOT_PAUSE: Final = timedelta(minutes=3)

# A session of a WebSocket takes 100 s; a much shorter one is not worth the next.
SOCKET_LEAST: Final = 10.0

# How long the state may lag behind the news that the instance is authorized.
STATE_LAG: Final = timedelta(seconds=5)

# A start takes five minutes, and up to fifteen were seen.
STARTING_LIMIT: Final = timedelta(minutes=10)

# How long the codes of a login by phone number can be entered. To ask for the next
# one earlier drives an instance to `starting`, or sends nothing.
PAIRING_CODE_LIFE: Final = timedelta(seconds=150)
PHONE_CODE_LIFE: Final = timedelta(minutes=5)

# Where the cloud says that there were too many attempts, but not until when.
ATTEMPTS_PAUSE: Final = timedelta(minutes=1)

# An open dashboard fetches the picture of an ended window at once: nobody asked.
REFETCH_TIME: Final = timedelta(seconds=15)

DEFAULT_OPTIONS: Final[Mapping[str, Any]] = {
    CONF_LOGIN_WINDOW: DEFAULT_LOGIN_WINDOW,
    CONF_LOGIN_ALWAYS: False,
    CONF_POLL_INTERVAL: DEFAULT_POLL_INTERVAL,
    CONF_LOSS_GRACE: DEFAULT_LOSS_GRACE,
    CONF_PUSH: PushMode.OFF.value,
    CONF_MQTT: MqttMode.OFF.value,
    CONF_MQTT_PREFIX: DEFAULT_MQTT_PREFIX,
    CONF_MQTT_BASE64: False,
    CONF_MQTT_COMMANDS: False,
    CONF_MQTT_DISCOVERY: False,
    CONF_MQTT_DISCOVERY_PREFIX: DEFAULT_DISCOVERY_PREFIX,
    CONF_MQTT_BROKER: MqttBroker.HOME_ASSISTANT.value,
    CONF_MQTT_CONNECTION: {},
    CONF_QR_DOMAIN: QR_DOMAIN,
}

# Back-off after failed requests, in seconds; jitter keeps instances apart.
BACKOFF_FIRST: Final = 2.0
BACKOFF_LONGEST: Final = 60.0
# A code lives for seconds, so a login comes back sooner.
LOGIN_BACKOFF_LONGEST: Final = 15.0
BACKOFF_JITTER: Final = 0.2
