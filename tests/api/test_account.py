"""The account is understood however the cloud spells it."""

from datetime import UTC, datetime
import json

import pytest

from custom_components.green_api.api.account import (
    parse_account_data,
    parse_account_settings,
)
from custom_components.green_api.api.models import Account, AccountSettings

_PHONE = "79001234567"
_WID = "79001234567:8@s.whatsapp.net"
_END = datetime(2026, 12, 24, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("answer", "account"),
    [
        (
            {
                "avatar": "https://pps.invalid/1.jpg",
                "phone": _PHONE,
                "stateInstance": "authorized",
                "deviceId": _WID,
            },
            Account(_PHONE, _WID),
        ),
        ({"phone": _PHONE, "chatId": "10000000"}, Account(_PHONE, "10000000")),
        ({"phone": 79001234567, "chatId": 10000000}, Account(_PHONE, "10000000")),
        ({"phone": "", "deviceId": "", "chatId": "10000000"}, Account("", "10000000")),
        ({"phone": _PHONE}, Account(_PHONE)),
        ({"phone": f"\u202a{_PHONE}\n"}, Account(_PHONE)),
        ({"phone": "7" * 5000}, Account("7" * 100)),
        # Not authorized: first, second and last are empty.
        (
            {
                "avatar": "",
                "phone": "",
                "stateInstance": "notAuthorized",
                "deviceId": "",
            },
            None,
        ),
        ({}, None),
        ({"phone": None, "chatId": None}, None),
        ({"phone": True, "chatId": False}, None),
        ({"phone": [], "deviceId": {"a": 1}, "chatId": 1.5}, None),
    ],
)
def test_settings_tell_the_account(
    answer: dict[str, object], account: Account | None
) -> None:
    assert parse_account_settings(answer) == AccountSettings(account, None)


@pytest.mark.parametrize(
    "wire",
    [
        _END.timestamp(),
        int(_END.timestamp()),
        int(_END.timestamp()) * 1000,
        str(int(_END.timestamp())),
        f" {int(_END.timestamp()) * 1000} ",
        "2026-12-24T18:30:00Z",
        "2026-12-24T18:30:00.000+00:00",
        "2026-12-24 21:30:00+03:00",
        "2026-12-24T18:30:00",
    ],
)
def test_the_end_of_a_suspension_is_understood_in_any_unit(wire: object) -> None:
    settings = parse_account_settings({"suspendedUntil": wire})
    assert settings == AccountSettings(None, _END)
    assert settings.suspended_until
    assert settings.suspended_until.tzinfo is UTC


@pytest.mark.parametrize(
    "wire",
    [
        *(None, "", 0, "0", -1, True, [], {}, "never", "24.12.2026"),
        *(1.0, 1e10, 1e16, -1e300, 10**400, "9" * 400, "1e999", "-inf", "nan"),
        "0001-01-01T00:00:00+23:00",
        "9999-12-31T23:59:59-23:00",
        "2026-13-01T00:00:00Z",
    ],
)
def test_a_senseless_end_of_a_suspension_is_none(wire: object) -> None:
    settings = parse_account_settings({"phone": _PHONE, "suspendedUntil": wire})
    assert settings == AccountSettings(Account(_PHONE), None)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_json_should_not_have_is_no_time(text: str) -> None:
    answer = json.loads(f'{{"suspendedUntil": {text}}}')
    assert parse_account_settings(answer).suspended_until is None


@pytest.mark.parametrize(
    ("message", "account"),
    [
        (
            {
                "type": "accountData",
                "wid": "79001234567@c.us",
                "pushname": "Anna",
                "proxy": "10.0.0.1",
                "webhookUrl": "https://example.invalid/secret",
            },
            Account("", "79001234567@c.us", "Anna"),
        ),
        ({"pushname": " Анна\n\u202eII\t"}, Account(name="Анна II")),
        ({"pushname": "x" * 500}, Account(name="x" * 100)),
        ({"wid": None, "pushname": None}, Account()),
        ({"wid": [], "pushname": {}}, Account()),
        ({}, Account()),
    ],
)
def test_account_data_tells_wid_and_name(
    message: dict[str, object], account: Account
) -> None:
    assert parse_account_data(message) == account
