"""The settings that say whom the cloud tells of a change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .errors import UnexpectedAnswer

_YES: Final = "yes"
_NO: Final = "no"


@dataclass(frozen=True, slots=True)
class PushSettings:
    """Hold where notifications go, and whether there is one of each new state.

    The address and its token are secrets, and often not the user's only ones.
    """

    webhook_url: str = field(repr=False)
    """Empty: notifications wait until they are received."""

    webhook_token: str = field(repr=False)
    """Comes with every notification, as `Authorization`; empty for none."""

    state_webhook: bool
    """Whether stateInstanceChanged is sent at all."""

    @property
    def wire(self) -> dict[str, str]:
        """Return what setSettings takes."""
        return {
            "webhookUrl": self.webhook_url,
            "webhookUrlToken": self.webhook_token,
            "stateWebhook": _YES if self.state_webhook else _NO,
        }


def parse_push_settings(answer: Mapping[Any, Any]) -> PushSettings:
    """Return what getSettings answered; what is missing is empty, or no.

    Raises UnexpectedAnswer for what is no text.
    """
    return PushSettings(
        webhook_url=_text(answer.get("webhookUrl")),
        webhook_token=_text(answer.get("webhookUrlToken")),
        state_webhook=_text(answer.get("stateWebhook")) == _YES,
    )


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
    raise UnexpectedAnswer
