"""The judge of the matrix: it lets the truth pass, and finds each lie."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
import io
import json
from typing import Any

import pytest
import segno

from custom_components.green_api.const import MqttMode
from demo.mqtt_watch import Received
from demo.places import INTEGRATION

from .mqtt_truth import Present, untruths

NOW = datetime.now(UTC)
BASE = "green_api/1101000001"
DISCOVERY = "homeassistant/device/green_api_1101000001/config"
CODE = "1@living"

PRESENT = Present(
    id_instance="1101000001",
    state="notAuthorized",
    phone="",
    code=CODE,
    code_left=20,
    prefix="green_api",
    mode=MqttMode.STATE_AND_QR,
    base64=True,
    commands=True,
    discovery_prefix="homeassistant",
    modern=True,
    will=True,
    kept=True,
    left=False,
)

type Said = dict[str, Received]


def png(text: str) -> bytes:
    buffer = io.BytesIO()
    segno.make(text).save(buffer, kind="png", scale=4, border=4)
    return buffer.getvalue()


def still(situation: str) -> bytes:
    return (INTEGRATION / "images" / f"{situation}.png").read_bytes()


def say(
    said: Said, name: str, payload: bytes | str | object, expiry: int | None = None
) -> None:
    """Put a message onto a topic below the base, or onto a topic in full."""
    if not isinstance(payload, bytes | str):
        payload = json.dumps(payload)
    if isinstance(payload, str):
        payload = payload.encode()
    topic = name if name.startswith(("homeassistant/", "green_api/")) else ""
    topic = topic or f"{BASE}/{name}"
    said[topic] = Received(
        at=NOW, topic=topic, payload=payload, retained=True, expiry=expiry
    )


def say_picture(
    said: Said, picture: bytes, situation: str | None, expiry: int | None
) -> None:
    """Put a picture onto all topics that tell of it."""
    meta = {
        "valid": situation is None,
        "sequence": None if situation else 2,
        "expires_at": (NOW + timedelta(seconds=19)).isoformat(),
        "situation": situation,
        "sha256": sha256(picture).hexdigest(),
    }
    say(said, "qr/image", picture, expiry)
    say(
        said,
        "qr/base64",
        f"data:image/png;base64,{b64encode(picture).decode()}",
        expiry,
    )
    say(said, "qr/meta", meta, expiry)
    say(said, "qr/availability", "offline" if situation else "online", expiry)


def say_discovery(said: Said, base: str = BASE, buttons: int = 3) -> None:
    """Put a discovery onto its topic."""
    components: dict[str, dict[str, Any]] = {
        "qr": {"platform": "image", "image_topic": f"{base}/qr/image"},
        "state": {"platform": "sensor", "state_topic": f"{base}/state"},
        "login": {"platform": "sensor", "state_topic": f"{base}/attributes"},
    }
    for number in range(3):
        components[f"button{number}"] = {"platform": "button"}
        if number < buttons:
            components[f"button{number}"]["command_topic"] = f"{base}/command/login"
    availability = [{"topic": f"{base}/availability"}]
    say(said, DISCOVERY, {"availability": availability, "components": components})


def say_attributes(said: Said, **changes: str | None) -> None:
    values = {"login": "showing", "problem": None, "account": None}
    say(said, "attributes", values | changes)


@pytest.fixture
def said() -> Said:
    """Return what is retained while a code is shown."""
    said: Said = {}
    say(said, "availability", "online", 150)
    say(said, "state", "not_authorized")
    say_attributes(said)
    say_picture(said, png(CODE), None, 19)
    say_discovery(said)
    return said


def test_the_truth_passes(said: Said) -> None:
    assert untruths(said, PRESENT) == []


def test_what_is_about_another_instance_is_not_judged(said: Said) -> None:
    say(said, "green_api/1101000002/state", "nonsense")
    assert untruths(said, PRESENT) == []


def test_expired_code_leaves_empty_topics(said: Said) -> None:
    for name in ("image", "base64", "meta", "availability"):
        del said[f"{BASE}/qr/{name}"]
    assert untruths(said, PRESENT) == []
    say_attributes(said, login="waiting")
    assert untruths(said, replace(PRESENT, code=None)) == [
        "qr/availability is empty",
    ]


def test_first_code_may_be_taken_for_a_fresh_one(said: Said) -> None:
    aged = replace(PRESENT, code_left=5)
    assert "qr/image outlives the code by 14.0 s" in untruths(said, aged)
    meta = json.loads(said[f"{BASE}/qr/meta"].payload)
    say(said, "qr/meta", meta | {"sequence": 1}, 19)
    assert untruths(said, aged) == []


def test_still_picture_passes_in_its_situation(said: Said) -> None:
    authorized = replace(PRESENT, state="authorized", phone="79876543267", code=None)
    say(said, "state", "authorized")
    say_attributes(said, login="idle", account="*********67")
    say_picture(said, still("authorized"), "authorized", None)
    assert untruths(said, authorized) == []
    say_picture(said, still("waiting"), "waiting", None)
    assert untruths(said, authorized) == ["qr/meta: situation is waiting"]
    say_picture(said, still("waiting"), "authorized", None)
    assert untruths(said, authorized) == ["qr/image is not the picture of authorized"]


def test_online_passes_only_while_it_expires_soon(said: Said) -> None:
    for expiry, lie in (
        (None, "availability is online for ever"),
        (151, "availability is online for 151 s"),
    ):
        say(said, "availability", "online", expiry)
        assert untruths(said, PRESENT) == [lie]
        assert untruths(said, replace(PRESENT, will=False)) == [lie]
    say(said, "availability", "online", 150)
    assert untruths(said, replace(PRESENT, will=False)) == []
    assert untruths(said, replace(PRESENT, will=False, kept=False)) == []


def test_without_expiry_online_passes_only_with_a_will(said: Said) -> None:
    say(said, "availability", "online")
    assert untruths(said, replace(PRESENT, modern=False)) == []
    assert untruths(said, replace(PRESENT, modern=False, will=False)) == [
        "availability is online for ever"
    ]


def test_offline_passes_only_where_nobody_would_take_online_back(said: Said) -> None:
    say(said, "availability", "offline")
    assert untruths(said, replace(PRESENT, modern=False, will=False)) == []
    for present in (
        PRESENT,
        replace(PRESENT, modern=False),
        replace(PRESENT, will=False),
    ):
        assert untruths(said, present) == ["availability is offline"]
    assert untruths(said, replace(PRESENT, kept=False)) == []


def test_will_has_to_come(said: Said) -> None:
    assert untruths(said, replace(PRESENT, kept=False)) == [
        "availability is online in spite of the will"
    ]


def test_farewell_has_to_come(said: Said) -> None:
    for will in (True, False):
        gone = replace(PRESENT, kept=False, left=True, will=will)
        assert untruths(said, gone) == ["availability is online after the farewell"]


def test_nothing_may_stay_where_nothing_is_published(said: Said) -> None:
    off = replace(PRESENT, mode=MqttMode.OFF)
    assert len(untruths(said, off)) == len(said)
    assert untruths({}, off) == []
    state_only = untruths(said, replace(PRESENT, mode=MqttMode.STATE))
    assert len([lie for lie in state_only if "for nobody" in lie]) == 4


LIES: dict[str, Callable[[Said], object]] = {
    f"{BASE}/event keeps x for nobody": lambda said: say(said, "event", "x"),
    f"{BASE}/command/login keeps x for nobody": lambda said: say(
        said, "command/login", "x"
    ),
    "availability is empty": lambda said: forget(said, "availability"),
    "availability says 'on'": lambda said: say(said, "availability", "on"),
    "state is empty": lambda said: forget(said, "state"),
    "state is authorized, not not_authorized": lambda said: say(
        said, "state", "authorized"
    ),
    "discovery is empty": lambda said: said.pop(DISCOVERY),
    "attributes is empty": lambda said: forget(said, "attributes"),
    "attributes: login is idle": lambda said: say_attributes(said, login="idle"),
    "attributes: problem is timed_out": lambda said: say_attributes(
        said, problem="timed_out"
    ),
    "attributes: account is *67": lambda said: say_attributes(said, account="*67"),
    "qr/image is a dead code": lambda said: say_picture(said, png("1@dead"), None, 19),
    "qr/image never expires": lambda said: say(said, "qr/image", png(CODE)),
    "qr/image outlives the code by 5.0 s": lambda said: say(
        said, "qr/image", png(CODE), 25
    ),
    "qr/meta never expires": lambda said: say_picture(said, png(CODE), None, None),
    "qr/meta tells of another picture": lambda said: say(
        said, "qr/image", png(CODE) + b" ", 19
    ),
    "qr/meta tells of a picture that is not there": lambda said: forget(
        said, "qr/image"
    ),
    "qr/availability is offline with a code": lambda said: say(
        said, "qr/availability", "offline"
    ),
    "qr/availability is online with no code": lambda said: say(
        said, "qr/image", still("waiting"), 19
    ),
    "qr/availability never expires": lambda said: say(
        said, "qr/availability", "online"
    ),
    "qr/base64 is not qr/image": lambda said: say(said, "qr/base64", "data:", 19),
    "discovery: availability is [{'topic': 'old/1101000001/availability'}]": (
        lambda said: say_discovery(said, "old/1101000001")
    ),
    "discovery: qr has the image_topic old/1101000001/qr/image": (
        lambda said: say_discovery(said, "old/1101000001")
    ),
    "discovery announces {'image': 1, 'sensor': 2, 'button': 2},"
    " not {'sensor': 2, 'image': 1, 'button': 3}": (
        lambda said: say_discovery(said, buttons=2)
    ),
}


def forget(said: Said, name: str) -> None:
    del said[f"{BASE}/{name}"]


@pytest.mark.parametrize("lie", LIES)
def test_lie_is_found(lie: str, said: Said) -> None:
    LIES[lie](said)
    assert lie in untruths(said, PRESENT)


def test_meta_of_a_dead_code_is_found(said: Said) -> None:
    topic = f"{BASE}/qr/meta"
    said[topic] = replace(said[topic], at=NOW + timedelta(seconds=20))
    assert untruths(said, PRESENT) == ["qr/meta says valid of a dead code"]
