"""The cloud's words and values become ours, cleaned."""

from dataclasses import FrozenInstanceError
import re

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.green_api.api.models import (
    Account,
    AccountLinked,
    AccountSettings,
    CodeReceived,
    InstanceState,
    Messenger,
    PairingCode,
    StateReading,
    to_word,
)


@pytest.mark.parametrize(
    ("wire", "word"),
    [
        ("authorized", "authorized"),
        ("notAuthorized", "not_authorized"),
        ("NotAuthorized", "not_authorized"),
        ("not_authorized", "not_authorized"),
        ("not authorized!", "not_authorized"),
        ("pending2FAPassword", "pending2_fapassword"),
        ("BLOCKED", "blocked"),
        ("", ""),
        ("___", ""),
        ("../#+", ""),
        ("green_api/+/qr/#", "green_api_qr"),
        ("заблокирован", ""),
        ("x" * 41, "x" * 40),
        ("aB" * 100, "a_b" * 13 + "a"),
    ],
)
def test_a_word_is_cleaned(wire: str, word: str) -> None:
    assert to_word(wire) == word


@given(st.text() | st.text("aZ0/#+$ _\n", min_size=30))
@settings(deadline=None, database=None, derandomize=True)
def test_every_word_is_safe_in_a_topic_or_a_state(wire: str) -> None:
    word = to_word(wire)
    assert re.fullmatch(r"([a-z0-9][a-z0-9_]{0,39})?", word)
    assert InstanceState(word) in InstanceState


@pytest.mark.parametrize("state", InstanceState)
def test_a_reading_stands_for_its_state(state: InstanceState) -> None:
    assert StateReading(state.value).state is state


def test_a_reading_of_a_new_word_keeps_the_word() -> None:
    reading = StateReading("something_new")
    assert reading.word == "something_new"
    assert reading.state is InstanceState.UNKNOWN


@pytest.mark.parametrize(
    ("wire", "messenger"),
    [
        ("whatsapp", Messenger.WHATSAPP),
        ("telegram", Messenger.TELEGRAM),
        ("v3", Messenger.MAX),
        ("max", Messenger.MAX),
        ("viber", None),
        ("", None),
        (None, None),
        (3, None),
        ({}, None),
    ],
)
def test_a_messenger_is_known_by_its_wire_name(
    wire: object, messenger: Messenger | None
) -> None:
    assert Messenger.from_wire(wire) is messenger


@pytest.mark.parametrize(
    ("id_instance", "label"),
    [
        ("1101000001", "WhatsApp"),
        ("7103000001", "WhatsApp"),
        ("4100000001", "Telegram"),
        ("3100000001", "MAX"),
        ("1141000031", "WhatsApp"),
    ],
)
def test_a_messenger_is_guessed_from_the_id(id_instance: str, label: str) -> None:
    assert Messenger.of_instance(id_instance).label == label


@pytest.mark.parametrize(
    ("phone", "masked"),
    [
        ("79001234567", "*********67"),
        ("12345", "***45"),
        ("1234", "****"),
        ("1", "*"),
        ("", ""),
    ],
)
def test_of_a_phone_at_most_two_digits_show(phone: str, masked: str) -> None:
    account = Account(phone)
    assert account.masked == masked
    assert not phone or phone not in repr(account)


@pytest.mark.parametrize(
    ("wid", "masked"),
    [
        ("79001234567@c.us", "*********67@c.us"),
        ("79001234567:8@s.whatsapp.net", "*********67@s.whatsapp.net"),
        ("10000000", "******00"),
        ("1234@c.us", "****@c.us"),
        ("", ""),
    ],
)
def test_a_wid_is_masked_where_there_is_no_phone(wid: str, masked: str) -> None:
    account = Account(wid=wid)
    assert account.label == wid
    assert account.masked == masked
    assert Account("79001234567", wid).masked == "*********67"
    assert Account("79001234567", wid).label == "79001234567"


@pytest.mark.parametrize(
    "value",
    [
        CodeReceived(b"\x89PNG secret"),
        PairingCode("secret"),
        Account("secret", "secret", "secret"),
        AccountLinked(Account("secret", "secret", "secret")),
        AccountSettings(Account("secret", "secret", "secret"), None),
    ],
)
def test_a_secret_never_shows_in_a_text(value: object) -> None:
    assert "secret" not in f"{value} {value!r}"


def test_a_value_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        StateReading("authorized").word = "blocked"  # type: ignore[misc]
