"""The settings that say whom the cloud tells of a change."""

import pytest

from custom_components.green_api.api.errors import UnexpectedAnswer
from custom_components.green_api.api.settings import PushSettings, parse_push_settings

_URL = "https://home.invalid/api/webhook/5ec2e7"
_TOKEN = "a1b2c3d4"


@pytest.mark.parametrize(
    ("answer", "settings"),
    [
        (
            {
                "wid": "79001234567@c.us",
                "typeInstance": "whatsapp",
                "webhookUrl": _URL,
                "webhookUrlToken": _TOKEN,
                "delaySendMessagesMilliseconds": 500,
                "stateWebhook": "yes",
                "incomingWebhook": "no",
            },
            PushSettings(_URL, _TOKEN, state_webhook=True),
        ),
        (
            {"webhookUrl": _URL, "webhookUrlToken": "", "stateWebhook": "no"},
            PushSettings(_URL, "", state_webhook=False),
        ),
        (
            {"webhookUrl": None, "webhookUrlToken": None, "stateWebhook": None},
            PushSettings("", "", state_webhook=False),
        ),
        ({"stateWebhook": "Yes!"}, PushSettings("", "", state_webhook=False)),
        ({}, PushSettings("", "", state_webhook=False)),
    ],
)
def test_the_settings_are_those_told_and_what_is_missing_is_empty(
    answer: dict[str, object], settings: PushSettings
) -> None:
    assert parse_push_settings(answer) == settings


@pytest.mark.parametrize("key", ["webhookUrl", "webhookUrlToken", "stateWebhook"])
@pytest.mark.parametrize("value", [True, False, 0, 1.5, [], ["yes"], {}])
def test_what_is_no_text_is_unexpected(key: str, value: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        parse_push_settings({key: value})


@pytest.mark.parametrize("state_webhook", [True, False])
def test_what_is_sent_is_what_would_be_told(*, state_webhook: bool) -> None:
    settings = PushSettings(_URL, _TOKEN, state_webhook=state_webhook)
    assert set(settings.wire.values()) == {
        _URL,
        _TOKEN,
        "yes" if state_webhook else "no",
    }
    assert parse_push_settings(settings.wire) == settings


def test_neither_address_nor_token_is_shown() -> None:
    shown = repr(PushSettings(_URL, _TOKEN, state_webhook=True))
    assert shown == "PushSettings(state_webhook=True)"
