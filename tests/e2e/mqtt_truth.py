"""What the retained topics of a broker say that is not so."""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
import json
import re
from typing import Any

from custom_components.green_api.const import MqttMode
from demo.mqtt_watch import Received, describe
from demo.places import INTEGRATION
from demo.qr import read_qr

STATE_TOPICS = ("availability", "state", "attributes")
QR_TOPICS = ("qr/availability", "qr/image", "qr/meta")

# How long a broker may say `online` of what nobody keeps true any longer.
LONGEST_LEASE = 150

# A code is shown until its successor should have come, which may take so long.
SUCCESSOR = 4.0

# What a code lives at most. The cloud does not tell how old the first one is.
LIFE = 20.0

type Retained = Mapping[str, Received]


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """How it is with one instance, by the cloud and by whoever set it up."""

    id_instance: str
    state: str
    """As the cloud spells it, such as ``notAuthorized``."""
    phone: str
    """The number of the account that is linked, empty without one."""
    code: str | None
    """What the living code says."""
    code_left: float
    """How long that lives on, in seconds."""
    prefix: str
    mode: MqttMode
    base64: bool
    commands: bool
    discovery_prefix: str | None
    """None where there is to be no discovery."""
    modern: bool
    """Whether the publisher speaks MQTT 5."""
    will: bool
    """Whether the publisher has a last will of its own."""
    kept: bool
    """Whether the publisher is connected now."""
    left: bool
    """Whether it has taken its leave."""

    @property
    def base(self) -> str:
        """Return the topic above the others of the instance."""
        return f"{self.prefix}/{self.id_instance}"

    @property
    def word(self) -> str:
        """Return the state as MQTT spells it."""
        return re.sub(r"(?=[A-Z])", "_", self.state).lower()

    @property
    def discovery(self) -> str | None:
        """Return the topic of the discovery."""
        if self.discovery_prefix is None or self.mode is MqttMode.OFF:
            return None
        return f"{self.discovery_prefix}/device/green_api_{self.id_instance}/config"

    @property
    def topics(self) -> list[str]:
        """Return all topics that may keep something."""
        names: tuple[str, ...] = ()
        if self.mode is not MqttMode.OFF:
            names = STATE_TOPICS
        if self.mode is MqttMode.STATE_AND_QR:
            names += (*QR_TOPICS, *(("qr/base64",) if self.base64 else ()))
        own = [f"{self.base}/{name}" for name in names]
        return [*own, self.discovery] if self.discovery else own


def untruths(retained: Retained, present: Present) -> list[str]:
    """List what is false of all that a broker keeps about an instance.

    An empty picture is never false. Who keeps the topics true has to fill the others.
    """
    about = {
        topic: message
        for topic, message in retained.items()
        if present.id_instance in topic
    }
    return [*_left_behind(about, present), *_untruths(about, present)]


def _left_behind(about: Retained, present: Present) -> Iterator[str]:
    for topic, message in about.items():
        if topic not in present.topics:
            yield f"{topic} keeps {describe(message.payload)} for nobody"


def _untruths(about: Retained, present: Present) -> Iterator[str]:
    if present.mode is MqttMode.OFF:
        return
    said = {
        topic.removeprefix(f"{present.base}/"): message
        for topic, message in about.items()
        if topic.startswith(f"{present.base}/")
    }
    yield from _of_availability(said.get("availability"), present)
    yield from _of_state(said, present)
    yield from _of_qr(said, _with_life_as_known(said, present))
    if present.discovery in about:
        yield from _of_discovery(about[present.discovery], present)
    elif present.discovery and present.kept:
        yield "discovery is empty"


def _with_life_as_known(said: Retained, present: Present) -> Present:
    meta = said.get("qr/meta")
    if meta and json.loads(meta.payload)["sequence"] == 1:
        return replace(present, code_left=LIFE)
    return present


def _of_availability(message: Received | None, present: Present) -> Iterator[str]:
    if message is None or message.text == "offline":
        # With neither expiry nor will nobody would take `online` back.
        if present.kept and (present.modern or present.will):
            yield f"availability is {message.text if message else 'empty'}"
        return
    if message.text != "online":
        yield f"availability says {message.text!r}"
    if present.left:
        yield "availability is online after the farewell"
    elif present.will and not present.kept:
        yield "availability is online in spite of the will"
    if message.expiry is None:
        # A bridge does not hear the will of a broker that is gone.
        if present.modern or not present.will:
            yield "availability is online for ever"
    elif message.expiry > LONGEST_LEASE:
        yield f"availability is online for {message.expiry} s"


def _of_state(said: Retained, present: Present) -> Iterator[str]:
    if present.kept:
        for name in ("state", "attributes"):
            if name not in said:
                yield f"{name} is empty"
    if (state := said.get("state")) and state.text != present.word:
        yield f"state is {state.text}, not {present.word}"
    if attributes := said.get("attributes"):
        yield from _of_attributes(json.loads(attributes.payload), present)


def _of_attributes(values: dict[str, Any], present: Present) -> Iterator[str]:
    masked = "*" * (len(present.phone) - 2) + present.phone[-2:]
    if values["account"] != (masked if present.phone else None):
        yield f"attributes: account is {values['account']}"
    if present.kept and values["problem"] is not None:
        yield f"attributes: problem is {values['problem']}"
    if present.kept and (values["login"] == "showing") is not bool(present.code):
        yield f"attributes: login is {values['login']}"


def _of_qr(said: Retained, present: Present) -> Iterator[str]:
    image = said.get("qr/image")
    code = read_qr(image.payload) if image else None
    if image and code:
        if code != present.code:
            yield "qr/image is a dead code"
        yield from _of_expiry("qr/image", image, present)
    if meta := said.get("qr/meta"):
        yield from _of_meta(json.loads(meta.payload), meta, image, present)
    yield from _of_qr_availability(said.get("qr/availability"), code, present)
    if text := said.get("qr/base64"):
        if image is None or _data_uri(image.payload) != text.payload:
            yield "qr/base64 is not qr/image"
        if code:
            yield from _of_expiry("qr/base64", text, present)


def _of_qr_availability(
    message: Received | None, code: str | None, present: Present
) -> Iterator[str]:
    if message is None:
        if present.kept and not present.code:
            yield "qr/availability is empty"
        return
    online = message.text == "online"
    if online:
        yield from _of_expiry("qr/availability", message, present)
    if online is not bool(code):
        yield f"qr/availability is {message.text} with {'a' if code else 'no'} code"


def _data_uri(png: bytes) -> bytes:
    return b"data:image/png;base64," + b64encode(png)


def _of_expiry(name: str, message: Received, present: Present) -> Iterator[str]:
    if message.expiry is None:
        yield f"{name} never expires"
    elif message.expiry > present.code_left + SUCCESSOR:
        yield f"{name} outlives the code by {message.expiry - present.code_left:.1f} s"


def _of_meta(
    values: dict[str, Any], meta: Received, image: Received | None, present: Present
) -> Iterator[str]:
    if image is None:
        yield "qr/meta tells of a picture that is not there"
    elif values["sha256"] != sha256(image.payload).hexdigest():
        yield "qr/meta tells of another picture"
    if values["valid"]:
        yield from _of_expiry("qr/meta", meta, present)
        if datetime.fromisoformat(values["expires_at"]) <= meta.at:
            yield "qr/meta says valid of a dead code"
        return
    if values["situation"] not in _situations(present):
        yield f"qr/meta: situation is {values['situation']}"
    still = (INTEGRATION / "images" / f"{values['situation']}.png").read_bytes()
    if image and image.payload != still:
        yield f"qr/image is not the picture of {values['situation']}"


def _situations(present: Present) -> set[str]:
    """Return which still pictures fit."""
    fit = {"waiting"} if present.word == "not_authorized" else {present.word}
    return fit if present.kept else fit | {"no_connection"}


def _of_discovery(message: Received, present: Present) -> Iterator[str]:
    told = json.loads(message.payload)
    if told["availability"] != [{"topic": f"{present.base}/availability"}]:
        yield f"discovery: availability is {told['availability']}"
    for key, component in told["components"].items():
        for name, value in component.items():
            if name.endswith("_topic") and not value.startswith(f"{present.base}/"):
                yield f"discovery: {key} has the {name} {value}"
    announced = Counter(
        component["platform"]
        for component in told["components"].values()
        if component.keys() > {"platform"}
    )
    wanted = {"sensor": 2}
    if present.mode is MqttMode.STATE_AND_QR:
        wanted["image"] = 1
    if present.commands:
        wanted["button"] = 3
    if announced != wanted:
        yield f"discovery announces {dict(announced)}, not {wanted}"
