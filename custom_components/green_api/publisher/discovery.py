"""What another Home Assistant finds an instance by: one retained message."""

from collections.abc import Iterable
import json
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations
from homeassistant.loader import async_get_integration

from ..api.models import InstanceState
from ..const import CONSOLE_URL, DOMAIN, MqttMode
from ..coordinator import GreenApiConfigEntry
from ..moments import Action
from ..snapshot import LoginPhase
from .settings import PublishSettings
from .topics import ATTRIBUTES, AVAILABILITY, COMMAND, QR_IMAGE, STATE, Message

_BUTTONS: Final = (Action.LOGIN, Action.LOGOUT, Action.REBOOT)


async def async_discovery_message(
    hass: HomeAssistant, entry: GreenApiConfigEntry, settings: PublishSettings
) -> Message:
    """Return what the discovery topic says, with names in Home Assistant's language.

    The picture follows `availability` alone: without a code there is a still picture,
    which tells more than an entity that is unavailable.
    """
    integration = await async_get_integration(hass, DOMAIN)
    texts = await async_get_translations(hass, hass.config.language, "entity", [DOMAIN])
    id_instance = entry.runtime_data.client.id_instance
    base = settings.base

    def name(platform: str, key: str) -> str:
        return texts[f"component.{DOMAIN}.entity.{platform}.{key}.name"]

    def component(platform: str, key: str, named: str, **more: Any) -> dict[str, Any]:
        return {
            "platform": platform,
            "unique_id": f"green_api_{id_instance}_{key}",
            "name": name(platform, named),
            **more,
        }

    states = _words(InstanceState, but=InstanceState.UNKNOWN)
    components: dict[str, dict[str, Any]] = {
        "qr": {"platform": "image"},
        "state": component(
            "sensor",
            "state",
            "state",
            device_class="enum",
            options=states,
            state_topic=f"{base}/{STATE}",
            # One that this list does not have would be refused with a warning.
            value_template=f"{{{{ value if value in {states} else none }}}}",
            json_attributes_topic=f"{base}/{ATTRIBUTES}",
            # Topics are emptied before discovery takes the device away.
            json_attributes_template="{{ value or '{}' }}",
        ),
        "login": component(
            "sensor",
            "login",
            "login",
            device_class="enum",
            options=_words(LoginPhase),
            state_topic=f"{base}/{ATTRIBUTES}",
            value_template="{{ value_json.login if value_json is defined else none }}",
        ),
    }
    if settings.mode is MqttMode.STATE_AND_QR:
        components["qr"] = component(
            "image",
            "qr",
            "login_qr",
            image_topic=f"{base}/{QR_IMAGE}",
            content_type="image/png",
        )
    for action in _BUTTONS:
        key = f"{action}_button"
        # A platform alone removes what an earlier message has announced.
        components[key] = {"platform": "button"}
        if settings.commands:
            components[key] = component(
                "button",
                key,
                action,
                command_topic=f"{base}/{COMMAND}/{action}",
                payload_press="{}",
            )
    return Message(
        json.dumps(
            {
                "device": {
                    "identifiers": [f"green_api_{id_instance}"],
                    "name": entry.title,
                    "manufacturer": "GREEN-API",
                    "model": entry.runtime_data.messenger.label,
                    "configuration_url": CONSOLE_URL,
                },
                "origin": {
                    "name": "GREEN-API for Home Assistant",
                    "sw_version": str(integration.version),
                    "support_url": integration.documentation,
                },
                "availability": [{"topic": f"{base}/{AVAILABILITY}"}],
                "qos": 1,
                "components": components,
            }
        )
    )


def _words(words: Iterable[str], *, but: str | None = None) -> list[str]:
    return [str(word) for word in words if word != but]
