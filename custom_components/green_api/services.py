"""The actions of the integration, for administrators only.

What a call holds also stands in the event `call_service` and in the traces of
automations: that is Home Assistant's doing. Nothing here adds to it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from homeassistant.const import (
    ATTR_CODE,
    ATTR_CONFIG_ENTRY_ID,
    ATTR_DEVICE_ID,
    CONF_PASSWORD,
)
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import (
    async_get_config_entry,
    async_get_device_and_config_entry,
    async_register_admin_service,
)
from homeassistant.helpers.translation import async_get_cached_translations
from homeassistant.helpers.typing import VolSchemaType
import voluptuous as vol

from .api.address import InvalidAddress, clean_phone_number
from .api.qr_page import qr_page_url
from .authorization import (
    async_get_pairing_code,
    async_send_code,
    async_send_password,
    async_start_phone_login,
)
from .const import CONF_API_TOKEN_INSTANCE, CONF_QR_DOMAIN, DOMAIN
from .coordinator import GreenApiCoordinator
from .problems import translated_error

SERVICE_LOGOUT: Final = "logout"
SERVICE_REQUEST_LOGIN_QR: Final = "request_login_qr"
SERVICE_REBOOT: Final = "reboot"
SERVICE_GET_AUTHORIZATION_CODE: Final = "get_authorization_code"
SERVICE_START_AUTHORIZATION: Final = "start_authorization"
SERVICE_SEND_AUTHORIZATION_CODE: Final = "send_authorization_code"
SERVICE_SEND_AUTHORIZATION_PASSWORD: Final = "send_authorization_password"  # noqa: S105  a name
SERVICE_GET_QR_PAGE: Final = "get_qr_page"

ATTR_PHONE_NUMBER: Final = "phone_number"
ATTR_EXPIRES_AT: Final = "expires_at"
ATTR_URL: Final = "url"

_IDS: Final = vol.All(cv.ensure_list, [cv.string], vol.Length(min=1))
_INSTANCES: Final = {
    vol.Optional(ATTR_CONFIG_ENTRY_ID): _IDS,
    vol.Optional(ATTR_DEVICE_ID): _IDS,
}


@dataclass(frozen=True, slots=True)
class Hidden:
    """Hold a text that Home Assistant must not log with the call it belongs to."""

    text: str = field(repr=False)


# A template makes a number of digits, and nothing else that could be meant.
_TYPED: Final = (vol.Any(str, int), cv.string)
_HIDDEN: Final = (vol.Length(min=1), vol.Coerce(Hidden))
_CODE: Final = vol.All(*_TYPED, vol.Strip, *_HIDDEN)
_PASSWORD: Final = vol.All(*_TYPED, *_HIDDEN)
_PHONE_NUMBER: Final = {
    vol.Required(ATTR_PHONE_NUMBER): vol.All(cv.string, vol.Coerce(Hidden))
}


async def _logout(call: ServiceCall) -> None:
    await _do_for_each(call, GreenApiCoordinator.async_logout)


async def _request_login_qr(call: ServiceCall) -> None:
    await _do_for_each(call, GreenApiCoordinator.async_request_login)


async def _reboot(call: ServiceCall) -> None:
    await _do_for_each(call, GreenApiCoordinator.async_reboot)


async def _get_authorization_code(call: ServiceCall) -> ServiceResponse:
    issued = await async_get_pairing_code(_coordinator(call), _phone_number(call))
    return {ATTR_CODE: issued.code, ATTR_EXPIRES_AT: _stamp(issued.expires_at)}


async def _start_authorization(call: ServiceCall) -> ServiceResponse:
    ends_at = await async_start_phone_login(_coordinator(call), _phone_number(call))
    return {ATTR_EXPIRES_AT: _stamp(ends_at)}


async def _send_authorization_code(call: ServiceCall) -> None:
    password = call.data.get(CONF_PASSWORD)
    await async_send_code(
        _coordinator(call),
        call.data[ATTR_CODE].text,
        password.text if password else None,
    )


async def _send_authorization_password(call: ServiceCall) -> None:
    await async_send_password(_coordinator(call), call.data[CONF_PASSWORD].text)


async def _get_qr_page(call: ServiceCall) -> ServiceResponse:
    coordinator = _coordinator(call)
    entry = coordinator.config_entry
    url = qr_page_url(
        messenger=coordinator.messenger,
        id_instance=coordinator.client.id_instance,
        api_token_instance=entry.data[CONF_API_TOKEN_INSTANCE],
        domain=entry.options[CONF_QR_DOMAIN],
    )
    return {ATTR_URL: url}


@dataclass(frozen=True, slots=True)
class Action:
    """Describe an action by what it does and takes beside the instances."""

    handler: Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]]
    fields: Mapping[Any, Any] = MappingProxyType({})
    response: SupportsResponse = SupportsResponse.NONE

    @property
    def schema(self) -> VolSchemaType:
        """Return what the data of a call must be."""
        return vol.All(
            vol.Schema({**_INSTANCES, **self.fields}),
            cv.has_at_least_one_key(ATTR_CONFIG_ENTRY_ID, ATTR_DEVICE_ID),
        )


ACTIONS: Final = {
    SERVICE_LOGOUT: Action(_logout),
    SERVICE_REQUEST_LOGIN_QR: Action(_request_login_qr),
    SERVICE_REBOOT: Action(_reboot),
    SERVICE_GET_AUTHORIZATION_CODE: Action(
        _get_authorization_code, _PHONE_NUMBER, SupportsResponse.ONLY
    ),
    SERVICE_START_AUTHORIZATION: Action(
        _start_authorization, _PHONE_NUMBER, SupportsResponse.OPTIONAL
    ),
    SERVICE_SEND_AUTHORIZATION_CODE: Action(
        _send_authorization_code,
        {
            vol.Required(ATTR_CODE): _CODE,
            vol.Optional(CONF_PASSWORD): _PASSWORD,
        },
    ),
    SERVICE_SEND_AUTHORIZATION_PASSWORD: Action(
        _send_authorization_password, {vol.Required(CONF_PASSWORD): _PASSWORD}
    ),
    SERVICE_GET_QR_PAGE: Action(_get_qr_page, response=SupportsResponse.ONLY),
}


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    for name, action in ACTIONS.items():
        async_register_admin_service(
            hass, DOMAIN, name, action.handler, action.schema, action.response
        )


async def _do_for_each(
    call: ServiceCall, act: Callable[[GreenApiCoordinator], Awaitable[None]]
) -> None:
    """Act on every instance that is named; the failure of one stops no other.

    Raises its HomeAssistantError where one is named, else one that names those
    that have failed.
    """

    async def outcome(coordinator: GreenApiCoordinator) -> HomeAssistantError | None:
        try:
            await act(coordinator)
        except HomeAssistantError as err:
            return err
        return None

    coordinators = _coordinators(call)
    outcomes = await asyncio.gather(*map(outcome, coordinators))
    failures = [
        (coordinator.name, err)
        for coordinator, err in zip(coordinators, outcomes, strict=True)
        if err is not None
    ]
    if not failures:
        return
    if len(coordinators) == 1:
        raise failures[0][1]
    told = (f"{name}: {_reason(call.hass, err)}" for name, err in failures)
    raise translated_error("failed_for_some", failures="; ".join(told))


@callback
def _reason(hass: HomeAssistant, err: HomeAssistantError) -> str:
    """Return the text of an error in the language of the system."""
    texts = async_get_cached_translations(
        hass, hass.config.language, "exceptions", DOMAIN
    )
    key = f"component.{DOMAIN}.exceptions.{err.translation_key}.message"
    placeholders = err.translation_placeholders or {}
    text = texts[key].format(**placeholders) if key in texts else str(err)
    return text.rstrip(".")


@callback
def _coordinator(call: ServiceCall) -> GreenApiCoordinator:
    """Return the coordinator of the one instance that a call names."""
    coordinators = _coordinators(call)
    if len(coordinators) > 1:
        raise _invalid("one_instance_only")
    return coordinators[0]


@callback
def _coordinators(call: ServiceCall) -> list[GreenApiCoordinator]:
    """Return the coordinators of the devices and entries that a call names, once.

    Raises ServiceValidationError before anything is asked of the cloud.
    """
    entries = [
        async_get_config_entry(call.hass, DOMAIN, entry_id)
        for entry_id in call.data.get(ATTR_CONFIG_ENTRY_ID, ())
    ]
    entries += [
        async_get_device_and_config_entry(call.hass, DOMAIN, device_id)[1]
        for device_id in call.data.get(ATTR_DEVICE_ID, ())
    ]
    by_id = {entry.entry_id: entry.runtime_data for entry in entries}
    return list(by_id.values())


def _phone_number(call: ServiceCall) -> int:
    try:
        return clean_phone_number(call.data[ATTR_PHONE_NUMBER].text)
    except InvalidAddress as err:
        raise _invalid(err.key) from None


def _invalid(key: str) -> ServiceValidationError:
    return ServiceValidationError(translation_domain=DOMAIN, translation_key=key)


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
