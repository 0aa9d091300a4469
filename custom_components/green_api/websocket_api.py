"""What a person types into the card, on a way that leaves no trace.

Home Assistant keeps the data of every action in its database, with the event
`call_service`. A password has no business there.
"""

from typing import Any, Final

from homeassistant.components.websocket_api import (
    ActiveConnection,
    async_register_command,
    async_response,
    require_admin,
)
from homeassistant.components.websocket_api.const import (
    ERR_HOME_ASSISTANT_ERROR,
    ERR_INVALID_FORMAT,
)
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from .const import DOMAIN
from .services import (
    ACTIONS,
    SERVICE_GET_AUTHORIZATION_CODE,
    SERVICE_SEND_AUTHORIZATION_CODE,
    SERVICE_SEND_AUTHORIZATION_PASSWORD,
    SERVICE_START_AUTHORIZATION,
)

_TYPED_IN: Final = (
    SERVICE_GET_AUTHORIZATION_CODE,
    SERVICE_SEND_AUTHORIZATION_CODE,
    SERVICE_SEND_AUTHORIZATION_PASSWORD,
    SERVICE_START_AUTHORIZATION,
)

# The action's own schema judges the rest; an error of this one would quote what was
# typed.
_SCHEMA: Final = vol.Schema(
    {vol.Required("id"): cv.positive_int, vol.Required("type"): cv.string},
    extra=vol.ALLOW_EXTRA,
)


@callback
def async_setup_commands(hass: HomeAssistant) -> None:
    """Register a command for each action that takes what a person types."""
    for name in _TYPED_IN:
        async_register_command(hass, f"{DOMAIN}/{name}", _carry_out, _SCHEMA)


@require_admin
@async_response
async def _carry_out(
    hass: HomeAssistant, connection: ActiveConnection, msg: dict[str, Any]
) -> None:
    """Do what the action of this name does; answer with its response."""
    msg_id, name = msg["id"], msg["type"].removeprefix(f"{DOMAIN}/")
    action = ACTIONS[name]
    data = {key: value for key, value in msg.items() if key not in {"id", "type"}}
    try:
        call = ServiceCall(hass, DOMAIN, name, action.schema(data))
        connection.send_result(msg_id, await action.handler(call))
    except vol.Invalid:
        connection.send_error(msg_id, ERR_INVALID_FORMAT, "Not what the command takes")
    except HomeAssistantError as err:
        connection.send_error(
            msg_id,
            ERR_HOME_ASSISTANT_ERROR,
            str(err),
            translation_domain=err.translation_domain,
            translation_key=err.translation_key,
            translation_placeholders=err.translation_placeholders,
        )
