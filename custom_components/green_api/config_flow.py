"""The set-up of an instance, its new token, and its options."""

from collections.abc import Callable, Mapping
import re
from typing import Any, Final, override

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    OptionsFlowWithReload,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol

from .api.address import (
    InvalidAddress,
    clean_api_url,
    clean_id_instance,
    clean_token,
    default_api_url,
)
from .api.client import GreenApiClient
from .api.errors import (
    CertificateRejected,
    GreenApiError,
    HostNotFound,
    InstanceNotReady,
    InstanceRejected,
    TokenRejected,
    UnexpectedAnswer,
)
from .api.models import Messenger
from .clients import client_for
from .const import (
    CONF_API_TOKEN_INSTANCE,
    CONF_API_URL,
    CONF_ID_INSTANCE,
    CONF_MESSENGER,
    CONF_MQTT,
    CONF_MQTT_PREFIX,
    CONSOLE_URL,
    DEFAULT_MQTT_PREFIX,
    DOMAIN,
    EXAMPLE_API_URL,
    MQTT_DOMAIN,
    MqttMode,
)

_ID: Final = TextSelector(TextSelectorConfig(autocomplete="off"))
_URL: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.URL))
_TOKEN: Final = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")
)
_MQTT: Final = SelectSelector(
    SelectSelectorConfig(options=list(MqttMode), translation_key=CONF_MQTT)
)

CREDENTIALS_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_ID_INSTANCE): _ID,
        vol.Required(CONF_API_TOKEN_INSTANCE): _TOKEN,
    }
)
TOKEN_SCHEMA: Final = vol.Schema({vol.Required(CONF_API_TOKEN_INSTANCE): _TOKEN})
ADDRESS_SCHEMA: Final = vol.Schema({vol.Required(CONF_API_URL): _URL})
MQTT_SCHEMA: Final = vol.Schema({vol.Required(CONF_MQTT): _MQTT})
OPTIONS_SCHEMA: Final = MQTT_SCHEMA.extend(
    {vol.Required(CONF_MQTT_PREFIX): TextSelector()}
)

# Which field a failure of the online check belongs to; the others to the form.
_FIELD_OF_ERROR: Final[dict[type[GreenApiError], str]] = {
    CertificateRejected: CONF_API_URL,
    HostNotFound: CONF_API_URL,
    InstanceRejected: CONF_ID_INSTANCE,
    TokenRejected: CONF_API_TOKEN_INSTANCE,
    UnexpectedAnswer: CONF_API_URL,
}

_PREFIX: Final = re.compile(r"[^\s/+#$][^\s+#]{0,99}")


class GreenApiConfigFlow(ConfigFlow, domain=DOMAIN):
    """Set an instance up, or take its new token."""

    def __init__(self) -> None:
        """Start with nothing typed."""
        self._id_instance = ""
        self._token = ""
        self._connection: dict[str, Any] = {}

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> GreenApiOptionsFlow:
        """Return the flow of the options."""
        return GreenApiOptionsFlow()

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for idInstance and token."""
        errors: dict[str, str] = {}
        if user_input is not None:
            self._id_instance = _clean(
                clean_id_instance, user_input, CONF_ID_INSTANCE, errors
            )
            self._token = _clean(
                clean_token, user_input, CONF_API_TOKEN_INSTANCE, errors
            )
            if not errors:
                # A dialog that was left open must not lock the instance out.
                await self.async_set_unique_id(
                    self._id_instance, raise_on_progress=False
                )
                self._abort_if_unique_id_configured()
                return await self.async_step_connection()
        return self._show_credentials(errors)

    def _show_credentials(self, errors: dict[str, str]) -> ConfigFlowResult:
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(
                CREDENTIALS_SCHEMA, {CONF_ID_INSTANCE: self._id_instance}
            ),
            errors=errors,
            description_placeholders={"console": CONSOLE_URL},
        )

    async def async_step_connection(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask where the instance lives and what to publish; check it online."""
        errors: dict[str, str] = {}
        if user_input is not None:
            # A default is not kept: it would be wrong for another id.
            default = default_api_url(self._id_instance)
            self._connection = {
                field: value for field, value in user_input.items() if value != default
            }
            api_url = _clean(clean_api_url, user_input, CONF_API_URL, errors)
            if not errors:
                client = client_for(
                    self.hass,
                    api_url=api_url,
                    id_instance=self._id_instance,
                    api_token_instance=self._token,
                )
                messenger = await _check(client, errors)
                if messenger is not None:
                    return self._create(api_url, messenger, user_input)
            if errors.keys() & {CONF_ID_INSTANCE, CONF_API_TOKEN_INSTANCE}:
                return self._show_credentials(errors)
        schema = ADDRESS_SCHEMA
        if _has_mqtt(self.hass):
            schema = schema.extend(MQTT_SCHEMA.schema)
        suggested = {
            CONF_API_URL: default_api_url(self._id_instance),
            CONF_MQTT: MqttMode.STATE_AND_QR,
        } | self._connection
        return self.async_show_form(
            step_id="connection",
            data_schema=self.add_suggested_values_to_schema(schema, suggested),
            errors=errors,
            description_placeholders={
                "example": EXAMPLE_API_URL,
                "id_instance": self._id_instance,
            },
        )

    def _create(
        self, api_url: str, messenger: Messenger, user_input: dict[str, Any]
    ) -> ConfigFlowResult:
        return self.async_create_entry(
            title=f"{messenger.label} {self._id_instance}",
            data={
                CONF_ID_INSTANCE: self._id_instance,
                CONF_API_TOKEN_INSTANCE: self._token,
                CONF_API_URL: api_url,
                CONF_MESSENGER: messenger.value,
            },
            options={
                CONF_MQTT: user_input.get(CONF_MQTT, MqttMode.OFF.value),
                CONF_MQTT_PREFIX: DEFAULT_MQTT_PREFIX,
            },
        )

    async def async_step_reauth(
        self, entry_data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Begin to ask for a new token."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the new token and check it online."""
        entry = self._get_reauth_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            token = _clean(clean_token, user_input, CONF_API_TOKEN_INSTANCE, errors)
            if not errors:
                client = client_for(
                    self.hass,
                    api_url=entry.data[CONF_API_URL],
                    id_instance=entry.data[CONF_ID_INSTANCE],
                    api_token_instance=token,
                )
                if await _check(client, errors):
                    return self.async_update_reload_and_abort(
                        entry, data_updates={CONF_API_TOKEN_INSTANCE: token}
                    )
                # The form has one field; what is said of others concerns all.
                errors = {
                    field if field == CONF_API_TOKEN_INSTANCE else "base": key
                    for field, key in errors.items()
                }
        return self.async_show_form(
            step_id="reauth_confirm",
            data_schema=TOKEN_SCHEMA,
            errors=errors,
            description_placeholders={"console": CONSOLE_URL, "title": entry.title},
        )


class GreenApiOptionsFlow(OptionsFlowWithReload):
    """Change what is published by MQTT."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the mode and the prefix of the topics."""
        errors: dict[str, str] = {}
        if user_input is not None:
            prefix = user_input[CONF_MQTT_PREFIX].strip().rstrip("/")
            if not _is_prefix(prefix):
                errors[CONF_MQTT_PREFIX] = "invalid_prefix"
            elif prefix.split("/")[0] in _discovery_prefixes(self.hass):
                errors[CONF_MQTT_PREFIX] = "prefix_is_discovery"
            else:
                return self.async_create_entry(
                    data={**user_input, CONF_MQTT_PREFIX: prefix}
                )
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(
                OPTIONS_SCHEMA, user_input or self.config_entry.options
            ),
            errors=errors,
        )


def _clean(
    clean: Callable[[str], str],
    user_input: dict[str, Any],
    field: str,
    errors: dict[str, str],
) -> str:
    """Return a field's cleaned value; where it can't be right, note the error."""
    try:
        return clean(user_input[field])
    except InvalidAddress as err:
        errors[field] = err.key
        return user_input[field] if field != CONF_API_TOKEN_INSTANCE else ""


async def _check(client: GreenApiClient, errors: dict[str, str]) -> Messenger | None:
    """Return the instance's messenger; note the error where it can't be asked."""
    try:
        await client.get_state_instance()
    except InstanceNotReady:
        pass  # The credentials are right, and the instance will be up in minutes.
    except GreenApiError as err:
        errors[_FIELD_OF_ERROR.get(type(err), "base")] = err.key
        return None
    guess = Messenger.of_instance(client.id_instance)
    try:
        return (await client.get_settings()).messenger or guess
    except GreenApiError:
        return guess


def _is_prefix(text: str) -> bool:
    # A broker cuts the connection for a topic with control characters, and the
    # client would send it again and again.
    return bool(_PREFIX.fullmatch(text)) and text.isprintable() and "//" not in text


def _has_mqtt(hass: HomeAssistant) -> bool:
    return bool(
        hass.config_entries.async_entries(
            MQTT_DOMAIN, include_ignore=False, include_disabled=False
        )
    )


def _discovery_prefixes(hass: HomeAssistant) -> set[str]:
    """Return the first levels of the topics that Home Assistant discovers by."""
    prefixes = {"homeassistant"}
    for entry in hass.config_entries.async_entries(MQTT_DOMAIN):
        prefix = entry.options.get("discovery_prefix", "homeassistant")
        prefixes.add(str(prefix).split("/")[0])
    return prefixes
