"""What Home Assistant's system information tells of all instances together."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from homeassistant.components.system_health import (
    SystemHealthRegistration,
    async_check_can_reach_url,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.loader import Integration, async_get_loaded_integration

from .const import CONF_API_URL, CONF_PUSH, DOMAIN, EXAMPLE_API_URL, PushMode
from .coordinator import GreenApiConfigEntry
from .moments import LINKED_STATES
from .publisher import Standing, standing_of
from .push.loss import is_lost


@callback
def async_register(hass: HomeAssistant, register: SystemHealthRegistration) -> None:
    """Say who is to be asked."""
    register.async_register_info(_info)


async def _info(hass: HomeAssistant) -> dict[str, Any]:
    """Return numbers only: people post this page where everybody can read it."""
    integration = async_get_loaded_integration(hass, DOMAIN)
    entries: list[GreenApiConfigEntry] = hass.config_entries.async_entries(
        DOMAIN, include_ignore=False, include_disabled=False
    )
    loaded = [entry for entry in entries if entry.state is ConfigEntryState.LOADED]
    snapshots = [entry.runtime_data.data for entry in loaded]
    answered = sum(data.connection_problem is None for data in snapshots)
    own = list(_own_brokers(hass, loaded))
    return {
        "version": str(integration.version),
        "instances": len(entries),
        "linked": sum(data.state in LINKED_STATES for data in snapshots),
        "unreachable": len(entries) - answered,
        "can_reach_cloud": _reach_cloud(hass, integration, entries),
        "own_brokers": len(own),
        "own_brokers_connected": sum(standing.connected for standing in own),
        "push_webhook": _count_push(entries, PushMode.WEBHOOK),
        "push_queue": _count_push(entries, PushMode.QUEUE),
        "push_lost": sum(is_lost(hass, entry) for entry in loaded),
    }


def _own_brokers(
    hass: HomeAssistant, entries: Iterable[GreenApiConfigEntry]
) -> Iterable[Standing]:
    for entry in entries:
        standing = standing_of(hass, entry)
        if standing is not None and standing.own_broker:
            yield standing


def _count_push(entries: Iterable[GreenApiConfigEntry], mode: PushMode) -> int:
    return sum(entry.options.get(CONF_PUSH) == mode for entry in entries)


async def _reach_cloud(
    hass: HomeAssistant,
    integration: Integration,
    entries: Sequence[GreenApiConfigEntry],
) -> str | dict[str, str]:
    """Return `ok` where all addresses answer, else what is wrong with one of them.

    Asked are the bare addresses, without idInstance and token.
    """
    urls = {entry.data[CONF_API_URL] for entry in entries} or {EXAMPLE_API_URL}
    answers = await asyncio.gather(
        *(
            async_check_can_reach_url(hass, url, integration.documentation)
            for url in urls
        )
    )
    return next((answer for answer in answers if answer != "ok"), "ok")
