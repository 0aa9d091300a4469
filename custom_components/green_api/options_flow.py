"""The options of an instance, and the ways to link it without a QR."""

from typing import Any, Final

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    TextSelector,
)
import voluptuous as vol

from .api.address import InvalidAddress, clean_qr_domain
from .const import (
    CONF_LOGIN_ALWAYS,
    CONF_LOGIN_WINDOW,
    CONF_POLL_INTERVAL,
    CONF_QR_DOMAIN,
    DEFAULT_OPTIONS,
    LONGEST_LOGIN_WINDOW,
    LONGEST_POLL_INTERVAL,
    SHORTEST_POLL_INTERVAL,
)
from .mqtt_flow import MqttFlow
from .push_flow import PushFlow
from .qr_flow import QrFlow

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
QR_PAGE_SCHEMA: Final = vol.Schema({vol.Required(CONF_QR_DOMAIN): TextSelector()})


class GreenApiOptionsFlow(QrFlow, MqttFlow, PushFlow):
    """Change the options of an instance, or link it."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Offer what fits the instance as it is now."""
        return self.async_show_menu(
            step_id="init",
            menu_options=[*self.ways, "login", "events", "mqtt", "qr_page"],
        )

    async def async_step_login(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask how long and how often the cloud is asked."""
        if user_input is not None:
            return self._save(user_input)
        return self._show_options("login", LOGIN_SCHEMA, user_input, {})

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
