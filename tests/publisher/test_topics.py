"""The contract: what each topic says in which order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
import json

import pytest

from custom_components.green_api.api.models import Account, Messenger, StateReading
from custom_components.green_api.const import MqttMode
from custom_components.green_api.coordinator import Picture
from custom_components.green_api.publisher.topics import base_topic, messages
from custom_components.green_api.snapshot import (
    InstanceData,
    LoginCode,
    LoginPhase,
    LoginProgress,
)
from custom_components.green_api.stills import Situation

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
CODE = LoginCode(b"code", 3, NOON, NOON + timedelta(seconds=23))
SHOWING = InstanceData(
    messenger=Messenger.WHATSAPP,
    reading=StateReading("not_authorized"),
    since=NOON,
    login=LoginProgress(LoginPhase.SHOWING, CODE),
)
LINKED = replace(
    SHOWING,
    reading=StateReading("authorized"),
    login=LoginProgress(),
    account=Account("79001234567"),
)
CODE_PICTURE = Picture(CODE.png, None)
STILL_PICTURE = Picture(b"still", Situation.AUTHORIZED)


def test_a_code_is_there_before_it_is_announced() -> None:
    sent = messages(SHOWING, CODE_PICTURE, MqttMode.STATE_AND_QR)
    assert list(sent) == [
        "qr/image",
        "qr/meta",
        "qr/availability",
        "state",
        "attributes",
        "availability",
    ]
    assert sent["qr/image"].payload == CODE.png
    assert sent["qr/image"].expires_at == CODE.expires_at
    assert sent["qr/meta"].expires_at == CODE.expires_at
    assert sent["qr/availability"].payload == "online"
    assert json.loads(sent["qr/meta"].payload) == {
        "valid": True,
        "sequence": 3,
        "issued_at": "2026-11-21T12:00:00.000+00:00",
        "expires_at": "2026-11-21T12:00:23.000+00:00",
        "situation": None,
        "mime": "image/png",
        "bytes": 4,
        "sha256": "5694d08a2e53ffcae0c3103e5ad6f6076abd960eb1f8a56577040bc1028f702b",
    }
    assert json.loads(sent["attributes"].payload) == {
        "messenger": "whatsapp",
        "since": "2026-11-21T12:00:00+00:00",
        "login": "showing",
        "problem": None,
        "account": None,
    }


def test_a_code_is_denied_before_it_is_replaced() -> None:
    sent = messages(LINKED, STILL_PICTURE, MqttMode.STATE_AND_QR)
    assert list(sent)[:3] == ["qr/availability", "qr/image", "qr/meta"]
    assert sent["qr/availability"].payload == "offline"
    assert sent["qr/image"].payload == b"still"
    assert all(message.expires_at is None for message in sent.values())
    meta = json.loads(sent["qr/meta"].payload)
    assert meta["valid"] is False
    assert meta["sequence"] is meta["issued_at"] is meta["expires_at"] is None
    assert meta["situation"] == "authorized"
    assert json.loads(sent["attributes"].payload)["account"] == "*********67"


def test_leaving_says_so_and_shows_no_code() -> None:
    picture = Picture(b"gone", Situation.NO_CONNECTION)
    sent = messages(SHOWING, picture, MqttMode.STATE_AND_QR, leaving=True)
    assert sent["availability"].payload == "offline"
    assert sent["qr/availability"].payload == "offline"
    assert CODE.png not in {message.payload for message in sent.values()}


def test_state_only_has_no_word_of_the_code() -> None:
    sent = messages(SHOWING, CODE_PICTURE, MqttMode.STATE)
    assert list(sent) == ["state", "attributes", "availability"]


@pytest.mark.parametrize(
    ("phone", "masked"), [("", ""), ("79", "**"), ("7900", "****"), ("79001", "***01")]
)
def test_an_account_is_masked_whatever_its_length(phone: str, masked: str) -> None:
    assert Account(phone).masked == masked


def test_the_base_is_prefix_and_id() -> None:
    assert base_topic("house/green", "1101000001") == "house/green/1101000001"
