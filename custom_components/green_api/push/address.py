"""The addresses by which the cloud reaches this Home Assistant."""

from types import ModuleType
from typing import Final

from homeassistant.components import webhook
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.network import NoURLAvailableError, is_hass_url
from yarl import URL

from ..const import DOMAIN, LOGGER
from ..problems import translated_error
from .claim import Claim

NO_HOST: Final = "—"

_CLOUD: Final = "cloud"
_CLOUD_NAME: Final = "Home Assistant Cloud"

# By this a webhook of ours is known also where nothing else of it is.
WEBHOOK_PREFIX: Final = f"{DOMAIN}_"


@callback
def reachable_by(hass: HomeAssistant) -> str:
    """Return by what the cloud would reach this Home Assistant: a host, or a name.

    Raises HomeAssistantError, key `no_external_url`, where it cannot.
    """
    if _active_cloud(hass) is not None:
        return _CLOUD_NAME
    if (url := _own_url(hass, "")) is None:
        raise translated_error("no_external_url")
    return host_of(url)


async def async_address(hass: HomeAssistant, webhook_id: str) -> tuple[str, bool]:
    """Return the address of a webhook, and whether it is one of Home Assistant Cloud.

    Raises HomeAssistantError: `no_external_url`, `no_cloudhook`.
    """
    if (cloud := _active_cloud(hass)) is not None:
        try:
            return await cloud.async_get_or_create_cloudhook(hass, webhook_id), True
        except Exception as err:  # noqa: BLE001  it has many, and no list of them
            LOGGER.debug("No cloudhook could be had: %s", type(err).__name__)
            raise translated_error("no_cloudhook") from None
    if (url := _own_url(hass, webhook_id)) is None:
        raise translated_error("no_external_url")
    return url, False


async def async_has_address(hass: HomeAssistant, claim: Claim) -> bool:
    """Return whether the address that was set in the cloud still leads here."""
    if not claim.webhook_id:
        return True
    if not claim.cloudhook:
        return claim.url == _own_url(hass, claim.webhook_id)
    if (cloud := _active_cloud(hass)) is None:
        return False
    if not cloud.async_is_connected(hass):
        # Nobody can tell now.
        return True
    try:
        url, _ = await async_address(hass, claim.webhook_id)
    except HomeAssistantError:
        return True
    return url == claim.url


async def async_drop_cloudhook(
    hass: HomeAssistant, gone: Claim | None, stays: Claim | None = None
) -> None:
    """Delete the cloudhook of a claim that is over, unless another one uses it."""
    if gone is None or not gone.cloudhook:
        return
    if stays is not None and stays.cloudhook and stays.webhook_id == gone.webhook_id:
        return
    if (cloud := _cloud(hass)) is None:
        return
    try:
        await cloud.async_delete_cloudhook(hass, gone.webhook_id)
    except Exception as err:  # noqa: BLE001  it has many; the user may have deleted it
        LOGGER.debug("A cloudhook could not be deleted: %s", type(err).__name__)


def host_of(url: str) -> str:
    """Return the host of an address, which a person may see; NO_HOST for no address."""
    if not url:
        return NO_HOST
    try:
        return URL(url).host or "?"
    except ValueError:
        return "?"


@callback
def is_left_over(hass: HomeAssistant, url: str) -> bool:
    """Return whether an address is one that a former entry has had here."""
    try:
        path = URL(url).path
        return path.startswith(
            webhook.async_generate_path(WEBHOOK_PREFIX)
        ) and is_hass_url(hass, url)
    except ValueError:
        return False


def _own_url(hass: HomeAssistant, webhook_id: str) -> str | None:
    """Return the address of a webhook by the external URL, None where there is none."""
    try:
        return webhook.async_generate_url(hass, webhook_id, allow_internal=False)
    except NoURLAvailableError:
        return None


def _cloud(hass: HomeAssistant) -> ModuleType | None:
    """Return Home Assistant Cloud where it is set up."""
    if _CLOUD not in hass.config.components:
        return None
    # Not above: it needs packages that only those have who use it.
    from homeassistant.components import cloud  # noqa: PLC0415

    return cloud


def _active_cloud(hass: HomeAssistant) -> ModuleType | None:
    cloud = _cloud(hass)
    if cloud is not None and cloud.async_active_subscription(hass):
        return cloud
    return None
