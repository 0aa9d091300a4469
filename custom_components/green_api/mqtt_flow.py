"""The options of MQTT, as dialogs: what is published, and on which broker."""

from collections.abc import Mapping
from functools import cached_property
from secrets import token_hex
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigFlowResult
from homeassistant.const import CONF_CLIENT_ID, CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant

from .broker.connection import check_connection
from .broker.errors import (
    BrokerError,
    BrokerNotFound,
    BrokerRefused,
    BrokerTimedOut,
    BrokerUnreachable,
)
from .broker.settings import BrokerSettings
from .const import (
    CONF_ID_INSTANCE,
    CONF_MQTT,
    CONF_MQTT_BROKER,
    CONF_MQTT_CONNECTION,
    CONF_MQTT_DISCOVERY,
    CONF_MQTT_DISCOVERY_PREFIX,
    CONF_TLS,
    DEFAULT_DISCOVERY_PREFIX,
    DEFAULT_OPTIONS,
    DOMAIN,
    LOGGER,
    MQTT_DOMAIN,
    MqttBroker,
    MqttMode,
)
from .job_flow import EntryFlow
from .mqtt_forms import (
    CONF_SAVE_ANYWAY,
    broker_schema,
    field_of,
    mqtt_schema,
    uses_more,
    without_secrets,
)
from .mqtt_input import (
    CONF_ENCRYPTION,
    CONF_MORE,
    clean_connection,
    clean_options,
    endpoint,
    port_of,
)

# These may be nothing but a broker, or a network, that is down just now.
_AWAY: Final = (BrokerNotFound, BrokerRefused, BrokerTimedOut, BrokerUnreachable)


class MqttFlow(EntryFlow):
    """Ask what is published by MQTT and where; save it when the broker is found.

    Nothing is saved before the last step. What was typed stays, the secrets too,
    but no form shows those.
    """

    _typed_options: Mapping[str, Any] = MappingProxyType({})
    _connection: Mapping[str, Any] = MappingProxyType({})
    _changes: Mapping[str, Any] = MappingProxyType({})
    _broker_errors: Mapping[str, str] = MappingProxyType({})
    _may_save = False
    _save_anyway = False

    async def async_step_mqtt(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask what is published by MQTT, below which prefix, on whose broker."""
        errors: dict[str, str] = {}
        if user_input is not None:
            typed = {**user_input, **user_input[CONF_MORE]}
            del typed[CONF_MORE]
            self._typed_options = typed
            changes, errors = clean_options(typed, _first_levels(self.hass))
            if not errors:
                if changes[CONF_MQTT] == MqttMode.OFF:
                    # What is to be taken back is where it was published. And no
                    # other broker counts before its connection was tried.
                    changes[CONF_MQTT_BROKER] = self._present[CONF_MQTT_BROKER]
                self._changes = changes
                self._broker_errors = {}
                self._may_save = False
                if _uses_own_broker(changes):
                    return await self.async_step_broker()
                return await self._step_to_save()
        shown = {**self._present, **self._typed_options}
        return self.async_show_form(
            step_id="mqtt",
            data_schema=self.add_suggested_values_to_schema(
                mqtt_schema(opened=CONF_MORE in errors or uses_more(shown)),
                {**shown, CONF_MORE: shown},
            ),
            errors=errors,
            last_step=True,
        )

    async def async_step_broker(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for one's own broker."""
        if (typed := self.typed(user_input)) is not None:
            self.end_job()
            self._connection, errors = clean_connection(
                {**typed, **typed[CONF_ENCRYPTION]},
                (self._connection, self._stored_connection),
                self._client_id,
            )
            if not errors and self._is_client_id_taken():
                errors[CONF_CLIENT_ID] = "client_id_taken"
            self._broker_errors = errors
            self._save_anyway = typed.get(CONF_SAVE_ANYWAY, False)
            if not errors:
                return await self.async_step_connecting()
        known = self._connection or self._stored_connection
        shown = {
            CONF_CLIENT_ID: self._client_id,
            CONF_TLS: False,
            **without_secrets(known),
        }
        errors = dict(self._broker_errors)
        return self.async_show_form(
            step_id="broker",
            data_schema=self.add_suggested_values_to_schema(
                broker_schema(
                    opened=CONF_ENCRYPTION in errors or shown[CONF_TLS],
                    may_save=self._may_save,
                ),
                {**shown, CONF_ENCRYPTION: shown},
            ),
            errors=errors,
            last_step=True,
        )

    async def async_step_connecting(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Wait for the broker to take the connection, or not."""
        return self.show_job(
            "connecting",
            self._connect,
            {
                "host": self._connection[CONF_HOST],
                "port": str(port_of(self._connection)),
            },
        )

    async def async_step_doubles(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether all entities may appear twice in this Home Assistant."""
        return self.async_show_menu(step_id="doubles", menu_options=["mqtt", "save"])

    async def async_step_save(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Save what was typed, and leave all other options as they are now."""
        return self.async_create_entry(
            data={**self.config_entry.options, **self._to_save}
        )

    @property
    def _present(self) -> dict[str, Any]:
        return {**DEFAULT_OPTIONS, **self.config_entry.options}

    @property
    def _stored_connection(self) -> Mapping[str, Any]:
        connection: Mapping[str, Any] = self._present[CONF_MQTT_CONNECTION]
        return connection

    @cached_property
    def _client_id(self) -> str:
        """Return the stored client id, else one that is made up once a dialog."""
        made_up = f"{DOMAIN}_{self.config_entry.data[CONF_ID_INSTANCE]}_{token_hex(4)}"
        return str(self._stored_connection.get(CONF_CLIENT_ID, made_up))

    @property
    def _to_save(self) -> dict[str, Any]:
        if not _uses_own_broker(self._changes):
            # The connection stays for the day when it is wanted again.
            return dict(self._changes)
        return {**self._changes, CONF_MQTT_CONNECTION: self._whole_connection}

    @property
    def _whole_connection(self) -> dict[str, Any]:
        return {**self._connection, CONF_PORT: port_of(self._connection)}

    def _is_client_id_taken(self) -> bool:
        # A broker throws the first off when a second one comes.
        wanted = self._connection
        return any(
            _uses_own_broker(options)
            and endpoint(options[CONF_MQTT_CONNECTION]) == endpoint(wanted)
            and options[CONF_MQTT_CONNECTION].get(CONF_CLIENT_ID)
            == wanted[CONF_CLIENT_ID]
            for entry in self.hass.config_entries.async_entries(DOMAIN)
            if entry.entry_id != self.config_entry.entry_id
            and (options := {**DEFAULT_OPTIONS, **entry.options})
        )

    async def _connect(self) -> str:
        error = await self._find_error()
        self._may_save = isinstance(error, _AWAY)
        if error is None or (self._save_anyway and self._may_save):
            return self._last_step
        self._broker_errors = {field_of(error): error.key}
        return "broker"

    async def _find_error(self) -> BrokerError | None:
        try:
            settings = BrokerSettings(**self._whole_connection)
            await check_connection(settings, beside=self._is_connected(settings))
        except BrokerError as err:
            return err
        except Exception:  # noqa: BLE001  a dialog must not wait for ever
            LOGGER.exception("Unexpected error while trying a broker")
            return BrokerError()
        return None

    def _is_connected(self, settings: BrokerSettings) -> bool:
        """Return whether the entry has, or wants, a connection of that client id."""
        if not _uses_own_broker(self._present):
            return False
        present = self._present[CONF_MQTT_CONNECTION]
        return bool(present.get(CONF_CLIENT_ID) == settings.client_id)

    async def _step_to_save(self) -> ConfigFlowResult:
        if self._last_step == "doubles":
            return await self.async_step_doubles()
        return await self.async_step_save()

    @property
    def _last_step(self) -> str:
        """Return the step that saves, or the one that asks before."""
        before, after = self._present, self._present | self._to_save
        # Whoever has agreed to it once is not asked with every change.
        asks = _is_doubled(self.hass, after) and not _is_doubled(self.hass, before)
        return "doubles" if asks else "save"


def _uses_own_broker(options: Mapping[str, Any]) -> bool:
    mode, broker = MqttMode(options[CONF_MQTT]), options[CONF_MQTT_BROKER]
    return mode is not MqttMode.OFF and MqttBroker(broker) is MqttBroker.OWN


def _first_levels(hass: HomeAssistant) -> set[str]:
    """Return the first levels of the topics that Home Assistant discovers by."""
    entries = hass.config_entries.async_entries(MQTT_DOMAIN)
    prefixes = {DEFAULT_DISCOVERY_PREFIX, *map(_discovery_prefix, entries)}
    return {prefix.split("/")[0] for prefix in prefixes}


def _is_doubled(hass: HomeAssistant, options: Mapping[str, Any]) -> bool:
    """Return whether this Home Assistant would find what it publishes itself.

    One's own broker counts where it is Home Assistant's by the same name.
    """
    if options[CONF_MQTT] == MqttMode.OFF or not options[CONF_MQTT_DISCOVERY]:
        return False
    prefix = str(options[CONF_MQTT_DISCOVERY_PREFIX])
    own = _uses_own_broker(options)
    entries = hass.config_entries.async_entries(MQTT_DOMAIN)
    if not entries:
        # The integration may come later.
        return not own and prefix == DEFAULT_DISCOVERY_PREFIX
    broker = endpoint(options[CONF_MQTT_CONNECTION])
    return any(
        entry.options.get("discovery", True)
        and _discovery_prefix(entry) == prefix
        and (not own or broker == _endpoint_of(entry))
        for entry in entries
    )


def _discovery_prefix(mqtt_entry: ConfigEntry) -> str:
    return str(mqtt_entry.options.get("discovery_prefix", DEFAULT_DISCOVERY_PREFIX))


def _endpoint_of(mqtt_entry: ConfigEntry) -> tuple[str, int]:
    return endpoint({**mqtt_entry.data, CONF_HOST: mqtt_entry.data.get("broker", "")})
