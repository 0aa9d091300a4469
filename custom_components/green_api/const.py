"""What the other modules share: names, and numbers with their reasons."""

from datetime import timedelta
from enum import StrEnum
import logging
from typing import Final

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
DEFAULT_MQTT_PREFIX: Final = "green_api"


class MqttMode(StrEnum):
    """Name how much of an instance is published by MQTT."""

    OFF = "off"
    STATE = "state"
    STATE_AND_QR = "state_and_qr"


CONSOLE_URL: Final = "https://console.green-api.com"
EXAMPLE_API_URL: Final = "https://api.green-api.com"

# The vendor's advice for an instance that is not being changed.
POLL_INTERVAL: Final = timedelta(seconds=60)

# A scan must be seen within five seconds, and one request a second is the limit
# that all clients of the instance share.
LOGIN_POLL_INTERVAL: Final = timedelta(seconds=3)

# States that end by themselves or by somebody's next step, within minutes.
PASSING_POLL_INTERVAL: Final = timedelta(seconds=10)

# A failed request now and then is normal: the limits are shared with every other
# client of the instance. What lasts longer is an outage.
OUTAGE_GRACE: Final = timedelta(seconds=60)

# A rejection of the credentials can pass, as seen with new instances.
REFUSED_RETRY: Final = timedelta(minutes=5)

# After a logout or a reboot the cloud can show the old state for a while.
SETTLING_TIME: Final = timedelta(minutes=1)

# More than five minutes of asking for codes can drive an instance to `starting`.
LOGIN_WINDOW: Final = timedelta(minutes=5)
LOGIN_PAUSE: Final = timedelta(minutes=1)

# An open dashboard fetches the picture of an ended window at once: nobody asked.
REFETCH_TIME: Final = timedelta(seconds=15)

# Back-off after failed requests, in seconds; jitter keeps instances apart.
BACKOFF_FIRST: Final = 2.0
BACKOFF_LONGEST: Final = 60.0
BACKOFF_JITTER: Final = 0.2
