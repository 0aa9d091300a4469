"""The options of an instance, and the ways to link it without a QR."""

import re
from typing import Any, Final

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
)
import voluptuous as vol

from .api.address import InvalidAddress, clean_qr_domain
from .const import (
    CONF_LOGIN_ALWAYS,
    CONF_LOGIN_WINDOW,
    CONF_MQTT,
    CONF_MQTT_PREFIX,
    CONF_POLL_INTERVAL,
    CONF_QR_DOMAIN,
    DEFAULT_OPTIONS,
    LONGEST_LOGIN_WINDOW,
    LONGEST_POLL_INTERVAL,
    MQTT_DOMAIN,
    SHORTEST_POLL_INTERVAL,
    MqttMode,
)
from .link_flow import LinkFlow

MQTT_SELECTOR: Final = SelectSelector(
    SelectSelectorConfig(options=list(MqttMode), translation_key=CONF_MQTT)
)
_WINDOW: Final = NumberSelector(
    NumberSelectorConfig(
        min=1, max=LONGEST_LOGIN_WINDOW, mode=NumberSelectorMode.SLIDER
    )
)
_INTERVAL: Final = NumberSelector(
    NumberSelectorConfig(
        min=SHORTEST_POLL_INTERVAL,
        max=LONGEST_POLL_INTERVAL,
        mode=NumberSelectorMode.BOX,
    )
)

# A number selector gives fractions.
LOGIN_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_LOGIN_WINDOW): vol.All(_WINDOW, vol.Coerce(int)),
        vol.Required(CONF_LOGIN_ALWAYS): BooleanSelector(),
        vol.Required(CONF_POLL_INTERVAL): vol.All(_INTERVAL, vol.Coerce(int)),
    }
)
MQTT_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_MQTT): MQTT_SELECTOR,
        vol.Required(CONF_MQTT_PREFIX): TextSelector(),
    }
)
QR_PAGE_SCHEMA: Final = vol.Schema({vol.Required(CONF_QR_DOMAIN): TextSelector()})

_PREFIX: Final = re.compile(r"[^\s/+#$][^\s+#]{0,99}")


class GreenApiOptionsFlow(LinkFlow):
    """Change the options of an instance, or link it."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Offer what fits the instance as it is now."""
        return self.async_show_menu(
            step_id="init", menu_options=[*self.ways, "login", "mqtt", "qr_page"]
        )

    async def async_step_login(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask how long and how often the cloud is asked."""
        if user_input is not None:
            return self._save(user_input)
        return self._show_options("login", LOGIN_SCHEMA, user_input, {})

    async def async_step_mqtt(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask what is published by MQTT, and below which prefix."""
        errors: dict[str, str] = {}
        if user_input is not None:
            prefix = user_input[CONF_MQTT_PREFIX].strip().rstrip("/")
            if not _is_prefix(prefix):
                errors[CONF_MQTT_PREFIX] = "invalid_prefix"
            elif prefix.split("/")[0] in _discovery_prefixes(self.hass):
                errors[CONF_MQTT_PREFIX] = "prefix_is_discovery"
            else:
                return self._save({**user_input, CONF_MQTT_PREFIX: prefix})
        return self._show_options("mqtt", MQTT_SCHEMA, user_input, errors)

    async def async_step_qr_page(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the domain of the QR page."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                domain = clean_qr_domain(user_input[CONF_QR_DOMAIN])
            except InvalidAddress as err:
                errors[CONF_QR_DOMAIN] = err.key
            else:
                return self._save({CONF_QR_DOMAIN: domain})
        return self._show_options("qr_page", QR_PAGE_SCHEMA, user_input, errors)

    def _show_options(
        self,
        step_id: str,
        schema: vol.Schema,
        user_input: dict[str, Any] | None,
        errors: dict[str, str],
    ) -> ConfigFlowResult:
        present = {**DEFAULT_OPTIONS, **self.config_entry.options}
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                schema, present | (user_input or {})
            ),
            errors=errors,
            last_step=True,
        )

    def _save(self, changes: dict[str, Any]) -> ConfigFlowResult:
        return self.async_create_entry(data={**self.config_entry.options, **changes})


def _is_prefix(text: str) -> bool:
    # A broker cuts the connection for a topic with control characters, and the
    # client would send it again and again.
    return bool(_PREFIX.fullmatch(text)) and text.isprintable() and "//" not in text


def _discovery_prefixes(hass: HomeAssistant) -> set[str]:
    """Return the first levels of the topics that Home Assistant discovers by."""
    prefixes = {"homeassistant"}
    for entry in hass.config_entries.async_entries(MQTT_DOMAIN):
        prefix = entry.options.get("discovery_prefix", "homeassistant")
        prefixes.add(str(prefix).split("/")[0])
    return prefixes
