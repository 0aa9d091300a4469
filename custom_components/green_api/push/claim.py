"""What we have set in the cloud for an entry, and what stood there before."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final, Self

from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..api.settings import PushSettings
from ..const import CONF_PUSH_SETTINGS
from ..coordinator import GreenApiConfigEntry

# An instance restarts for new settings, and may show the ones before for minutes.
APPLYING_TIME: Final = timedelta(minutes=10)

_CLOUDHOOK: Final = "cloudhook"
_FORMER: Final = "former"
_SENT: Final = "sent"
_SENT_AT: Final = "sent_at"
_TRIED: Final = "tried"


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
    """What else of ours may stand in the cloud, until it is seen what does."""

    sent: PushSettings | None = field(default=None, repr=False)
    """What the cloud was given last, until it is seen there."""

    sent_at: float = 0.0

    @property
    def wanted(self) -> PushSettings:
        """Return what has to stand in the cloud."""
        token = self.token if self.webhook_id else self.former.webhook_token
        return PushSettings(self.url, token, state_webhook=True)

    def is_ours(self, present: PushSettings) -> bool:
        """Return whether what stands in the cloud was set by us."""
        return any(_is_same(present, ours) for ours in (self.wanted, *self.tried))

    def is_pending(self, present: PushSettings) -> bool:
        """Return whether the cloud may still change to what it was given last."""
        if self.sent is None or present == self.sent:
            return False
        if not self.is_ours(present) and present != self.former:
            # Somebody else was faster.
            return False
        age = dt_util.utcnow().timestamp() - self.sent_at
        return 0 <= age < APPLYING_TIME.total_seconds()

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

    def sending(self, settings: PushSettings) -> Self:
        """Return the claim from the moment on at which the cloud is given settings."""
        return replace(self, sent=settings, sent_at=dt_util.utcnow().timestamp())

    @property
    def seen(self) -> Self:
        """Return the claim after what it wants was seen in the cloud."""
        return replace(self, tried=(), sent=None, sent_at=0.0)

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
            sent=PushSettings(**stored[_SENT]) if _SENT in stored else None,
            sent_at=stored.get(_SENT_AT, 0.0),
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
        if self.sent is not None:
            stored |= {_SENT: asdict(self.sent), _SENT_AT: self.sent_at}
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
