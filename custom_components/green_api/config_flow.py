"""The set-up of an instance, its new token, and its new address."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple, override

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    OperationNotAllowed,
    UnknownEntry,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import AbortFlow, UnknownFlow
from homeassistant.helpers.selector import (
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
    AuthorizationRefused,
    CertificateRejected,
    GreenApiError,
    HostNotFound,
    InstanceNotReady,
    InstanceRejected,
    MethodNotAvailable,
    RequestRejected,
    TokenRejected,
    UnexpectedAnswer,
)
from .api.models import InstanceState, Messenger, StateReading
from .candidate import CandidateCoordinator
from .clients import client_for
from .const import (
    CONF_API_TOKEN_INSTANCE,
    CONF_API_URL,
    CONF_ID_INSTANCE,
    CONF_MESSENGER,
    CONF_MQTT,
    CONSOLE_URL,
    DEFAULT_OPTIONS,
    DOMAIN,
    EXAMPLE_API_URL,
    MINOR_VERSION as ENTRY_MINOR_VERSION,
    MQTT_DOMAIN,
    MqttMode,
)
from .coordinator import GreenApiConfigEntry, GreenApiCoordinator
from .job_flow import coordinator_of
from .mqtt_forms import MQTT_SELECTOR
from .options_flow import GreenApiOptionsFlow
from .qr_flow import QrFlow
from .stills import load_stills

_ID: Final = TextSelector(TextSelectorConfig(autocomplete="off"))
_URL: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.URL))
_TOKEN: Final = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")
)

CREDENTIALS_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_ID_INSTANCE): _ID,
        vol.Required(CONF_API_TOKEN_INSTANCE): _TOKEN,
    }
)
TOKEN_SCHEMA: Final = vol.Schema({vol.Required(CONF_API_TOKEN_INSTANCE): _TOKEN})
ADDRESS_SCHEMA: Final = vol.Schema({vol.Required(CONF_API_URL): _URL})
MQTT_SCHEMA: Final = vol.Schema({vol.Required(CONF_MQTT): MQTT_SELECTOR})
RECONFIGURE_SCHEMA: Final = ADDRESS_SCHEMA.extend(
    {vol.Optional(CONF_API_TOKEN_INSTANCE): _TOKEN}
)

# Which field a failure of the online check belongs to; the others to the form.
_FIELD_OF_ERROR: Final[dict[type[GreenApiError], str]] = {
    CertificateRejected: CONF_API_URL,
    HostNotFound: CONF_API_URL,
    InstanceRejected: CONF_ID_INSTANCE,
    MethodNotAvailable: CONF_API_URL,
    TokenRejected: CONF_API_TOKEN_INSTANCE,
    UnexpectedAnswer: CONF_API_URL,
}


# In which somebody is to link the instance, now or when it has started. A new one
# has no state for a while.
_TO_BE_LINKED: Final = frozenset(
    {
        InstanceState.NOT_AUTHORIZED,
        InstanceState.PENDING_CODE,
        InstanceState.PENDING_PASSWORD,
        InstanceState.STARTING,
        InstanceState.UNKNOWN,
    }
)

# A dialog that is open shows the end of its flow well within so many seconds.
LEFT_OPEN: Final = 10.0


class _Found(NamedTuple):
    """Hold what the online check has found."""

    messenger: Messenger
    reading: StateReading


class GreenApiConfigFlow(QrFlow, ConfigFlow, domain=DOMAIN):
    """Set an instance up and link it, or take its new token or address."""

    VERSION = 1
    MINOR_VERSION = ENTRY_MINOR_VERSION

    def __init__(self) -> None:
        """Start with nothing typed."""
        super().__init__()
        self._id_instance = ""
        self._token = ""
        self._connection: dict[str, Any] = {}
        self._candidate: CandidateCoordinator | None = None
        self._finishing = False
        self._left_open: asyncio.Task[None] | None = None

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
                guess = Messenger.of_instance(self._id_instance)
                found = await _check(client, guess, errors)
                if found is not None:
                    mqtt = user_input.get(CONF_MQTT, MqttMode.OFF.value)
                    await self._take(client, api_url, mqtt, found)
                    return await self._go_on(found.reading)
            if errors.keys() & {CONF_ID_INSTANCE, CONF_API_TOKEN_INSTANCE}:
                return self._show_credentials(errors)
        schema = ADDRESS_SCHEMA
        if _has_mqtt(self.hass):
            schema = schema.extend(MQTT_SCHEMA.schema)
        suggested = {
            CONF_API_URL: default_api_url(self._id_instance),
            # The QR links an account: who publishes it is to have chosen so.
            CONF_MQTT: MqttMode.STATE,
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

    async def _take(
        self, client: GreenApiClient, api_url: str, mqtt: str, found: _Found
    ) -> None:
        """Begin with an instance that may have to be linked before it has an entry."""
        stills = await self.hass.async_add_executor_job(load_stills)
        if self.closed:
            raise AbortFlow("already_in_progress")
        self._end_candidate()
        # Two dialogs would ask for codes in each other's way; the older one was left.
        for flow in self._async_in_progress():
            if flow["context"].get("unique_id") == self._id_instance:
                self.hass.config_entries.flow.async_abort(flow["flow_id"])
        self._candidate = CandidateCoordinator(
            self.hass,
            client,
            stills,
            title=f"{found.messenger.label} {self._id_instance}",
            data={
                CONF_ID_INSTANCE: self._id_instance,
                CONF_API_TOKEN_INSTANCE: self._token,
                CONF_API_URL: api_url,
                CONF_MESSENGER: found.messenger.value,
            },
            options={**DEFAULT_OPTIONS, CONF_MQTT: mqtt},
        )

    async def _go_on(self, reading: StateReading) -> ConfigFlowResult:
        """Link the instance where that is called for, or come to the end."""
        if reading.state not in _TO_BE_LINKED:
            return self._finish()
        if self._candidate is not None:
            self._candidate.begin(reading)
        else:
            self._watch_left_open()
        return await self.async_step_qr_wait()

    # ----------------------------------------------------------------- linking

    @property
    @override
    def entry(self) -> GreenApiConfigEntry:
        """Return the entry, or the one to be."""
        if self._candidate is not None:
            return self._candidate.config_entry
        try:
            return self._get_reauth_entry()
        except UnknownEntry:
            raise AbortFlow("entry_removed") from None

    @property
    @override
    def coordinator(self) -> GreenApiCoordinator | None:
        """Return the coordinator of the moment, None while there is none."""
        return self._candidate or coordinator_of(self.entry)

    @property
    @override
    def ways_out(self) -> list[str]:
        """Offer to link the instance some other time."""
        return ["skip"]

    async def async_step_skip(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """End without a link."""
        return self._finish()

    @override
    async def async_step_qr_problem(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say what stands in the way; ask for yet another token where it is that."""
        if self._candidate is None and TokenRejected.key in self._errors.values():
            self.end_job()
            return await self.async_step_reauth_confirm()
        return await super().async_step_qr_problem(user_input)

    @override
    async def async_step_linked(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """End with a link."""
        if self._candidate is None:
            return await super().async_step_linked()
        return self._finish()

    @override
    async def async_step_state_forbids_login(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """End, because the instance needs something else first."""
        return self._finish()

    def _finish(self) -> ConfigFlowResult:
        if (candidate := self._candidate) is None:
            return self.async_abort(reason="reauth_successful")
        self._expect_no_end()
        self._finishing = True
        self.end_job()
        candidate.end()
        return self.async_create_entry(
            title=candidate.config_entry.title,
            data=candidate.entry_data,
            # The answer to the dialog is JSON, which knows no read-only mapping.
            options=dict(candidate.config_entry.options),
        )

    @override
    async def _show_menu(
        self, step_id: str, ways: list[str], **placeholders: str
    ) -> ConfigFlowResult:
        self._expect_no_end()
        return await super()._show_menu(step_id, ways, **placeholders)

    def _expect_no_end(self) -> None:
        """Send whoever is late away, such as a second click; the entry is coming."""
        if self._finishing:
            raise UnknownFlow

    def _watch_left_open(self) -> None:
        if self._left_open is None:
            self._left_open = self.hass.async_create_background_task(
                self._end_left_open(), f"dialog of {self.entry.title} left open"
            )

    async def _end_left_open(self) -> None:
        """End when the instance has been linked, whoever did it.

        Home Assistant keeps the flow of a new token when its dialog is closed.
        """
        with suppress(AbortFlow, UnknownFlow):
            await self.wait_while(_is_not_linked, None)
            await asyncio.sleep(LEFT_OPEN)
            self.hass.config_entries.flow.async_abort(self.flow_id)

    @callback
    @override
    def async_remove(self) -> None:
        """Ask for no code any more."""
        super().async_remove()
        self._end_candidate()
        if self._left_open is not None:
            self._left_open.cancel()

    @callback
    def _end_candidate(self) -> None:
        self.end_job()
        if self._candidate is not None:
            self._candidate.end()
            self._candidate = None

    # ------------------------------------------------------------ what is there

    async def async_step_reauth(
        self, entry_data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Begin to ask for a new token."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the new token and check it online."""
        try:
            return await self._reauth(user_input)
        except UnknownEntry:
            return self.async_abort(reason="entry_removed")

    async def _reauth(self, user_input: dict[str, Any] | None) -> ConfigFlowResult:
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
                present = Messenger(entry.data[CONF_MESSENGER])
                if (found := await _check(client, present, errors)) is not None:
                    data = {**entry.data, CONF_API_TOKEN_INSTANCE: token}
                    self.hass.config_entries.async_update_entry(entry, data=data)
                    await self._reload(entry)
                    if self.closed:
                        return self._finish()
                    return await self._go_on(found.reading)
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

    async def _reload(self, entry: ConfigEntry) -> None:
        """Load the entry anew, without the end of this flow that a reload brings."""
        entries = self.hass.config_entries
        with suppress(OperationNotAllowed):  # where somebody else was quicker
            if await entries.async_unload(entry.entry_id) and not entry.disabled_by:
                await entries.async_setup(entry.entry_id)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for another address and, if there is one, another token."""
        try:
            return await self._reconfigure(user_input)
        except UnknownEntry:
            return self.async_abort(reason="entry_removed")

    async def _reconfigure(self, user_input: dict[str, Any] | None) -> ConfigFlowResult:
        entry = self._get_reconfigure_entry()
        present = Messenger(entry.data[CONF_MESSENGER])
        told = present
        errors: dict[str, str] = {}
        if user_input is not None:
            api_url = _clean(clean_api_url, user_input, CONF_API_URL, errors)
            if user_input.get(CONF_API_TOKEN_INSTANCE):
                self._token = _clean(
                    clean_token, user_input, CONF_API_TOKEN_INSTANCE, errors
                )
            if not errors:
                # What was typed before counts on: the field comes back empty.
                token = self._token or entry.data[CONF_API_TOKEN_INSTANCE]
                client = client_for(
                    self.hass,
                    api_url=api_url,
                    id_instance=entry.data[CONF_ID_INSTANCE],
                    api_token_instance=token,
                )
                found = await _check(client, present, errors)
                told = found.messenger if found else present
                if told is not present:
                    errors[CONF_API_URL] = "another_messenger"
                elif not errors:
                    return self.async_update_reload_and_abort(
                        entry,
                        data_updates={
                            CONF_API_URL: api_url,
                            CONF_API_TOKEN_INSTANCE: token,
                        },
                    )
            if CONF_API_TOKEN_INSTANCE in errors:
                self._token = ""
            if CONF_ID_INSTANCE in errors:
                # The id stays as it is: it is not known at this address.
                errors[CONF_API_URL] = errors.pop(CONF_ID_INSTANCE)
        suggested = {CONF_API_URL: entry.data[CONF_API_URL]} | (user_input or {})
        suggested.pop(CONF_API_TOKEN_INSTANCE, None)
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=self.add_suggested_values_to_schema(
                RECONFIGURE_SCHEMA, suggested
            ),
            errors=errors,
            description_placeholders={
                "console": CONSOLE_URL,
                "example": EXAMPLE_API_URL,
                "id_instance": entry.data[CONF_ID_INSTANCE],
                "messenger": present.label,
                "other": told.label,
            },
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


async def _check(
    client: GreenApiClient, guess: Messenger, errors: dict[str, str]
) -> _Found | None:
    """Return the instance's messenger, the guess where the cloud does not tell.

    None, and an error noted, where the instance can't be asked.
    """
    try:
        reading = await client.get_state_instance()
    except InstanceNotReady:
        # The credentials are right, and the instance will be up in minutes.
        reading = StateReading(InstanceState.STARTING)
    except AuthorizationRefused:
        # Not documented of this method: no words of its own for it.
        errors["base"] = RequestRejected.key
        return None
    except GreenApiError as err:
        errors[_FIELD_OF_ERROR.get(type(err), "base")] = err.key
        return None
    try:
        messenger = (await client.get_settings()).messenger or guess
    except GreenApiError:
        messenger = guess
    return _Found(messenger, reading)


def _is_not_linked(coordinator: GreenApiCoordinator) -> bool:
    return coordinator.data.state is not InstanceState.AUTHORIZED


def _has_mqtt(hass: HomeAssistant) -> bool:
    return bool(
        hass.config_entries.async_entries(
            MQTT_DOMAIN, include_ignore=False, include_disabled=False
        )
    )
