"""The clients of the instances."""

from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.httpx_client import get_async_client
from homeassistant.util.hass_dict import HassKey

from .api.client import GreenApiClient
from .api.limiter import RateLimiter
from .const import DOMAIN
from .redact import install_token_filter

_LIMITERS: Final[HassKey[dict[str, RateLimiter]]] = HassKey(f"{DOMAIN}_limiters")


@callback
def client_for(
    hass: HomeAssistant, *, api_url: str, id_instance: str, api_token_instance: str
) -> GreenApiClient:
    """Return a client of an instance, by Home Assistant's HTTP clients.

    The set-up asks an instance just before its entry does, and so does a reload:
    the limits belong to the instance and outlive its clients.
    """
    # A first instance is asked before anything of the integration is set up, and
    # log handlers may have come since the last one.
    install_token_filter()
    limiters = hass.data.setdefault(_LIMITERS, {})
    return GreenApiClient(
        get_async_client(hass),
        websession=async_get_clientsession(hass),
        api_url=api_url,
        id_instance=id_instance,
        api_token_instance=api_token_instance,
        limiter=limiters.setdefault(id_instance, RateLimiter()),
    )
