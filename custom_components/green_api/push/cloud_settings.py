"""Change the settings in the cloud so that it tells of changes, and put them back."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import Any, Final

from homeassistant.config_entries import UnknownEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..api.client import GreenApiClient
from ..api.errors import ConnectionFailed, GreenApiError
from ..api.settings import PushSettings
from ..clients import client_for
from ..const import (
    CONF_API_TOKEN_INSTANCE,
    CONF_API_URL,
    CONF_ID_INSTANCE,
    CONF_PUSH,
    DOMAIN,
    PushMode,
)
from ..coordinator import GreenApiConfigEntry
from .address import (
    WEBHOOK_PREFIX,
    async_address,
    async_drop_cloudhook,
    async_has_address,
    host_of,
    is_left_over,
    reachable_by,
)
from .claim import Claim, keep_claim

_LOCKS: Final[HassKey[dict[str, asyncio.Lock]]] = HassKey(f"{DOMAIN}_push_locks")

_NOTHING: Final = PushSettings("", "", state_webhook=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Tell what a mode means for the settings in the cloud; a person may see it."""

    needed: bool
    """Whether they have to be changed."""

    now: str
    """The host of the present address."""

    then: str
    """The host of the address afterwards."""

    loser: str | None
    """The host of another system that would get nothing any more."""


async def async_look(
    hass: HomeAssistant, entry: GreenApiConfigEntry, mode: PushMode
) -> Outlook:
    """Return what a mode would mean for the settings in the cloud.

    Raises GreenApiError, and HomeAssistantError where the cloud has no way here.
    """
    present = await _client_of(hass, entry).get_push_settings()
    return await _outlook(hass, Claim.of(entry), mode, present)


async def async_apply(
    hass: HomeAssistant,
    entry: GreenApiConfigEntry,
    seen: Outlook,
    options: Mapping[str, Any],
) -> Outlook:
    """Bring the cloud to the mode that stands in some options, then keep these.

    Does nothing unless the outlook is still the one that was seen, and returns it.
    Raises GreenApiError, HomeAssistantError where the cloud has no way here, and
    UnknownEntry where the entry was removed meanwhile.
    """
    mode = PushMode(options[CONF_PUSH])
    async with _lock_of(hass, entry):
        client = _client_of(hass, entry)
        claim = Claim.of(entry)
        present = await client.get_push_settings()
        outlook = await _outlook(hass, claim, mode, present)
        if outlook != seen:
            return outlook
        new: Claim | None
        if mode is PushMode.OFF:
            new = await _give_up(client, claim, present)
        else:
            new = await _new_claim(hass, claim, mode, present)
            new = await _stake(hass, entry, client, new, present)
        keep_claim(hass, entry, new, options)
        hass.config_entries.async_schedule_reload(entry.entry_id)
        await async_drop_cloudhook(hass, claim, new)
        return outlook


async def async_put_back(hass: HomeAssistant, entry: GreenApiConfigEntry) -> bool:
    """Put the former settings back where ours still stand; raises GreenApiError.

    For an entry that is being removed, or turned off. Returns whether it was seen
    that nothing of ours is left.
    """
    async with _lock_of(hass, entry):
        claim = Claim.of(entry)
        removed = hass.config_entries.async_get_entry(entry.entry_id) is None
        # It may have been turned on while this waited.
        if claim is None or not (removed or entry.options[CONF_PUSH] == PushMode.OFF):
            return True
        client = _client_of(hass, entry)
        present = await client.get_push_settings()
        if claim.is_pending(present) and not removed:
            return False
        left = await _give_up(client, claim, present)
        # It may also be removed by now.
        with suppress(UnknownEntry):
            keep_claim(hass, entry, left)
        await async_drop_cloudhook(hass, claim)
        return left is None


async def async_is_kept(hass: HomeAssistant, entry: GreenApiConfigEntry) -> bool | None:
    """Return whether the cloud still tells us of changes; raises GreenApiError.

    None: it restarts the instance, and what it will do then cannot be seen yet.
    """
    async with _lock_of(hass, entry):
        claim = Claim.of(entry)
        if claim is None or not await async_has_address(hass, claim):
            return False
        present = await _client_of(hass, entry).get_push_settings()
        if claim.is_pending(present):
            return None
        kept = claim.is_kept(present)
        if kept and claim != claim.seen:
            keep_claim(hass, entry, claim.seen)
        return kept


async def _outlook(
    hass: HomeAssistant, claim: Claim | None, mode: PushMode, present: PushSettings
) -> Outlook:
    before = _before(hass, claim, present)
    ours = claim is not None and claim.is_ours(present)
    pending = claim is not None and claim.is_pending(present)
    match mode:
        case PushMode.OFF:
            after = claim.restored(present) if claim is not None and ours else present
            return Outlook(
                needed=after != present or pending,
                now=host_of(present.webhook_url),
                then=host_of(after.webhook_url),
                loser=None,
            )
        case PushMode.QUEUE:
            then = host_of("")
            kept = Claim(former=before).is_kept(present)
        case PushMode.WEBHOOK:
            then = reachable_by(hass)
            kept = (
                claim is not None
                and bool(claim.webhook_id)
                and claim.is_kept(present)
                and await async_has_address(hass, claim)
            )
    loses = not ours and before.webhook_url
    return Outlook(
        needed=not kept or pending,
        now=host_of(present.webhook_url),
        then=then,
        loser=host_of(before.webhook_url) if loses else None,
    )


@callback
def _before(
    hass: HomeAssistant, claim: Claim | None, present: PushSettings
) -> PushSettings:
    """Return what stood in the cloud before us, which is never an address of ours."""
    if claim is not None and claim.is_ours(present):
        return claim.former
    if is_left_over(hass, present.webhook_url):
        return _NOTHING
    return present


async def _new_claim(
    hass: HomeAssistant, claim: Claim | None, mode: PushMode, present: PushSettings
) -> Claim:
    former = _before(hass, claim, present)
    if mode is PushMode.QUEUE:
        return Claim(former=former)
    # The same ones as before, where there are any: the handler listens to them.
    webhook_id = claim.webhook_id if claim is not None else ""
    webhook_id = webhook_id or f"{WEBHOOK_PREFIX}{token_hex(32)}"
    token = claim.token if claim is not None else ""
    url, cloudhook = await async_address(hass, webhook_id)
    return Claim(
        former=former,
        webhook_id=webhook_id,
        token=token or token_hex(32),
        url=url,
        cloudhook=cloudhook,
    )


async def _stake(
    hass: HomeAssistant,
    entry: GreenApiConfigEntry,
    client: GreenApiClient,
    new: Claim,
    present: PushSettings,
) -> Claim:
    """Set what a claim wants; return the claim from then on.

    However this ends, what is ours can be told from what is kept.
    """
    claim = Claim.of(entry)
    pending = claim is not None and claim.is_pending(present)
    if new.is_kept(present) and not pending:
        return new
    ahead = new = new.sending(new.wanted)
    if claim is not None:
        ours = (claim.wanted, *claim.tried)
        # The way that is in use stays until the new one is there.
        ahead = replace(
            claim,
            former=new.former,
            tried=(*claim.tried, new.wanted),
            sent=new.sent,
            sent_at=new.sent_at,
        )
        new = replace(new, tried=ours)
    keep_claim(hass, entry, ahead)
    try:
        await client.set_push_settings(new.wanted)
    except GreenApiError as err:
        stays: Claim | None = ahead
        if err.unsent or not isinstance(err, ConnectionFailed):
            stays = claim
            keep_claim(hass, entry, claim)
        else:
            # Whether it came through, the entry finds out when it is loaded.
            hass.config_entries.async_schedule_reload(entry.entry_id)
        await async_drop_cloudhook(hass, new, stays)
        raise
    return new


async def _give_up(
    client: GreenApiClient, claim: Claim | None, present: PushSettings
) -> Claim | None:
    """Set what stood there before, unless somebody has changed it meanwhile.

    Returns what is left of the claim until it is seen to be over.
    """
    if claim is None:
        return None
    pending, restored = claim.is_pending(present), claim.restored(present)
    if not pending and (restored == present or not claim.is_ours(present)):
        return None
    await client.set_push_settings(restored)
    return claim.sending(restored)


@callback
def _lock_of(hass: HomeAssistant, entry: GreenApiConfigEntry) -> asyncio.Lock:
    """Return what lets one only read and change the settings of an instance."""
    locks = hass.data.setdefault(_LOCKS, {})
    return locks.setdefault(entry.entry_id, asyncio.Lock())


@callback
def _client_of(hass: HomeAssistant, entry: GreenApiConfigEntry) -> GreenApiClient:
    """Return a client, also while the entry is not loaded."""
    return client_for(
        hass,
        api_url=entry.data[CONF_API_URL],
        id_instance=entry.data[CONF_ID_INSTANCE],
        api_token_instance=entry.data[CONF_API_TOKEN_INSTANCE],
    )
