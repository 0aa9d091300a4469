"""What we have set in the cloud for an entry, and what stood there before."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any, Self

from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant, callback

from ..api.settings import PushSettings
from ..const import CONF_PUSH_SETTINGS
from ..coordinator import GreenApiConfigEntry

_CLOUDHOOK = "cloudhook"
_FORMER = "former"
_TRIED = "tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Hold our settings in the cloud, and the former ones that come back one day.

    All of it is secret. Without a webhook it is the claim on the queue.
    """

    former: PushSettings = field(repr=False)
    webhook_id: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    url: str = field(default="", repr=False)
    cloudhook: bool = False
    """Whether the address is one of Home Assistant Cloud."""

    tried: tuple[PushSettings, ...] = field(default=(), repr=False)
    """What a request whose fate is not known may have left in the cloud instead."""

    @property
    def wanted(self) -> PushSettings:
        """Return what has to stand in the cloud."""
        token = self.token if self.webhook_id else self.former.webhook_token
        return PushSettings(self.url, token, state_webhook=True)

    def is_ours(self, present: PushSettings) -> bool:
        """Return whether what stands in the cloud was set by us."""
        return any(_is_same(present, ours) for ours in (self.wanted, *self.tried))

    def is_kept(self, present: PushSettings) -> bool:
        """Return whether what stands in the cloud is as it has to be."""
        wanted = self.wanted
        if not wanted.webhook_url:
            # Without an address the token is of no importance.
            return not present.webhook_url and present.state_webhook
        return present == wanted

    def restored(self, present: PushSettings) -> PushSettings:
        """Return what is to stand in the cloud when our settings go."""
        # Whoever has turned the notifications off meanwhile wants them off.
        wants = self.former.state_webhook and present.state_webhook
        return replace(self.former, state_webhook=wants)

    @classmethod
    def of(cls, entry: GreenApiConfigEntry) -> Self | None:
        """Return the claim that an entry has, None for none.

        It can have one while it is turned off: then it is to be given up.
        """
        stored: Mapping[str, Any] | None = entry.data.get(CONF_PUSH_SETTINGS)
        if stored is None:
            return None
        return cls(
            former=PushSettings(**stored[_FORMER]),
            webhook_id=stored.get(CONF_WEBHOOK_ID, ""),
            token=stored.get(CONF_TOKEN, ""),
            url=stored.get(CONF_URL, ""),
            cloudhook=stored.get(_CLOUDHOOK, False),
            tried=tuple(PushSettings(**tried) for tried in stored.get(_TRIED, ())),
        )

    @property
    def stored(self) -> dict[str, Any]:
        """Return what is kept in the entry's data."""
        stored: dict[str, Any] = {_FORMER: asdict(self.former)}
        if self.webhook_id:
            stored |= {
                CONF_WEBHOOK_ID: self.webhook_id,
                CONF_TOKEN: self.token,
                CONF_URL: self.url,
                _CLOUDHOOK: self.cloudhook,
            }
        if self.tried:
            stored[_TRIED] = [asdict(tried) for tried in self.tried]
        return stored


@callback
def keep_claim(
    hass: HomeAssistant,
    entry: GreenApiConfigEntry,
    claim: Claim | None,
    options: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """Keep a claim, or that there is none, together with some options.

    Raises UnknownEntry where the entry was removed.
    """
    data = {key: of for key, of in entry.data.items() if key != CONF_PUSH_SETTINGS}
    if claim is not None:
        data[CONF_PUSH_SETTINGS] = claim.stored
    hass.config_entries.async_update_entry(
        entry, data=data, options={**entry.options, **options}
    )


def _is_same(present: PushSettings, ours: PushSettings) -> bool:
    # An address of ours is nobody else's, whatever stands beside it.
    if ours.webhook_url:
        return present.webhook_url == ours.webhook_url
    return present == ours
