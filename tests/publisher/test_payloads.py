"""The contract: what each topic says, in which order, and for how long."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
import json

import pytest

from custom_components.green_api.api.models import Account, Messenger, StateReading
from custom_components.green_api.api.scan import RHYTHMS, SOCKET_RHYTHM
from custom_components.green_api.const import MqttMode
from custom_components.green_api.coordinator import Picture
from custom_components.green_api.publisher.payloads import (
    LEASE,
    LEASE_RENEWAL,
    messages as make_messages,
)
from custom_components.green_api.publisher.settings import PublishSettings
from custom_components.green_api.publisher.topics import base_topic, discovery_topic
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
WITH_QR = PublishSettings(
    mode=MqttMode.STATE_AND_QR,
    base="green_api/1101000001",
    base64=False,
    commands=False,
    discovery=None,
    broker=None,
)
STATE_ONLY = replace(WITH_QR, mode=MqttMode.STATE)
CODE_PICTURE = Picture(CODE.png, None)
STILL_PICTURE = Picture(b"still", Situation.AUTHORIZED)


WAITING_PICTURE = Picture(b"wait", Situation.WAITING)
messages = partial(make_messages, waiting=WAITING_PICTURE)


def test_a_code_is_there_before_it_is_announced() -> None:
    sent = messages(SHOWING, CODE_PICTURE, WITH_QR)
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
    # Nobody sees it without the code.
    last = CODE.expires_at - timedelta(seconds=1)
    assert sent["qr/availability"].expires_at == last
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
    sent = messages(LINKED, STILL_PICTURE, WITH_QR)
    assert list(sent)[:3] == ["qr/availability", "qr/image", "qr/meta"]
    assert sent["qr/availability"].payload == "offline"
    assert sent["qr/image"].payload == b"still"
    lasting = {name for name, message in sent.items() if message.lasting}
    assert lasting == sent.keys() - {"availability"}
    meta = json.loads(sent["qr/meta"].payload)
    assert meta["valid"] is False
    assert meta["sequence"] is meta["issued_at"] is meta["expires_at"] is None
    assert meta["situation"] == "authorized"
    assert json.loads(sent["attributes"].payload)["account"] == "*********67"


def test_leaving_says_so_and_shows_no_code() -> None:
    picture = Picture(b"gone", Situation.NO_CONNECTION)
    sent = messages(SHOWING, picture, WITH_QR, leaving=True)
    assert sent["availability"].payload == "offline"
    assert sent["qr/availability"].payload == "offline"
    assert CODE.png not in {message.payload for message in sent.values()}


def test_the_code_as_text_comes_before_the_code_is_announced() -> None:
    settings = replace(WITH_QR, base64=True)
    sent = messages(SHOWING, CODE_PICTURE, settings)
    names = list(sent)
    assert names.index("qr/base64") < names.index("qr/availability")
    assert sent["qr/base64"].payload == "data:image/png;base64,Y29kZQ=="
    assert sent["qr/base64"].expires_at == CODE.expires_at
    sent = messages(LINKED, STILL_PICTURE, settings)
    assert list(sent).index("qr/availability") < list(sent).index("qr/base64")
    assert sent["qr/base64"].payload == "data:image/png;base64,c3RpbGw="
    assert sent["qr/base64"].lasting


def test_where_nothing_expires_something_true_stands_in() -> None:
    sent = messages(SHOWING, CODE_PICTURE, replace(WITH_QR, base64=True))
    assert sent["qr/image"].stand_in == b"wait"
    assert sent["qr/base64"].stand_in == "data:image/png;base64,d2FpdA=="
    assert sent["qr/availability"].stand_in == "offline"
    assert sent["availability"].stand_in == "offline"
    meta = json.loads(sent["qr/meta"].stand_in or "")
    assert meta["valid"] is False
    assert meta["situation"] == "waiting"
    assert meta["sequence"] is meta["expires_at"] is None


def test_online_is_said_for_a_while_only() -> None:
    sent = messages(LINKED, STILL_PICTURE, STATE_ONLY)
    assert sent["availability"].payload == "online"
    assert not sent["availability"].lasting
    assert sent["availability"].seconds_left(NOON) == LEASE.total_seconds()
    assert LEASE_RENEWAL * 2 < LEASE
    sent = messages(LINKED, STILL_PICTURE, STATE_ONLY, leaving=True)
    assert sent["availability"].payload == "offline"
    assert sent["availability"].lasting


def test_state_only_has_no_word_of_the_code() -> None:
    sent = messages(SHOWING, CODE_PICTURE, STATE_ONLY)
    assert list(sent) == ["state", "attributes", "availability"]


@pytest.mark.parametrize(
    ("phone", "masked"), [("", ""), ("79", "**"), ("7900", "****"), ("79001", "***01")]
)
def test_an_account_is_masked_whatever_its_length(phone: str, masked: str) -> None:
    assert Account(phone).masked == masked


def test_off_says_nothing() -> None:
    off = replace(WITH_QR, mode=MqttMode.OFF)
    assert messages(SHOWING, CODE_PICTURE, off) == {}
    assert off.topics == []


def test_the_discovery_topic_is_that_of_a_device() -> None:
    topic = discovery_topic("homeassistant", "1101000001")
    assert topic == "homeassistant/device/green_api_1101000001/config"


def test_the_base_is_prefix_and_id() -> None:
    assert base_topic("house/green", "1101000001") == "house/green/1101000001"


def test_a_clock_that_is_set_back_makes_no_code_live_longer() -> None:
    code = make_messages(SHOWING, CODE_PICTURE, WITH_QR, waiting=WAITING_PICTURE)[
        "qr/image"
    ]
    assert code.seconds_left(NOON) == 23
    assert code.seconds_left(NOON - timedelta(hours=1)) == 60
    assert all(rhythm.life < 60 for rhythm in (*RHYTHMS.values(), SOCKET_RHYTHM))
