"""What docs/mqtt/ allows to be said, to hold every message against.

All of it is read from the AsyncAPI document and the JSON Schemas beside it: the
topics, the words, what is retained, and for how long.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
import json
from pathlib import Path
import re
from typing import Any, Final
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
import yaml

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "docs" / "mqtt"
ASYNCAPI: Final = FOLDER / "asyncapi.yaml"
TRANSLATIONS: Final = ROOT / "custom_components/green_api/translations/en.json"

JSON: Final = "application/json"
PNG: Final = "image/png"
TEXT: Final = "text/plain"

OTHER_PROTOCOL: Final = "x-mqtt-3.1.1"
"""How an operation is done where the protocol knows no expiry."""

MOST_BYTES: Final = "x-max-bytes"

_PNG_BEGIN: Final = b"\x89PNG\r\n\x1a\n"
_PNG_END: Final = b"IEND\xaeB`\x82"
_DATA_URI: Final = "data:image/png;base64,"

# What a parameter of an address can be.
_PARAMETERS: Final = {
    "prefix": r"[^/+#]+(?:/[^/+#]+)*",
    "discoveryPrefix": r"[^/+#]+(?:/[^/+#]+)*",
    "idInstance": r"[0-9]{4,20}",
}

# A JSON Schema knows no more of these than that they are words.
_OPEN_WORDS: Final = ("error", "problem")

FORMATS: Final = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    return (
        not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None
    )


@FORMATS.checks("uri", raises=ValueError)
def _is_uri(value: object) -> bool:
    if not isinstance(value, str):
        return True
    parts = urlsplit(value)
    return bool(parts.scheme and parts.netloc) and " " not in value


@FORMATS.checks("binary")
def _is_binary(_value: object) -> bool:
    """Return True: it says only that the payload is no text."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Hold what is known of how a message was sent."""

    retain: bool | None = None
    """Whether the sender wants it kept, None where that is not shown."""

    qos: int | None = None
    expiry: int | None = None
    """The seconds that it had left, None for no expiry."""

    shows_expiry: bool = True
    """False for MQTT 3.1.1, which hides it."""


ANYHOW: Final = Sent(shows_expiry=False)


@dataclass(frozen=True, slots=True)
class Way:
    """Hold one way in which a message is sent."""

    retain: bool
    expires: bool
    longest: int | None = None
    """The most seconds of an expiry, None for no limit."""

    def fits(self, sent: Sent) -> bool:
        """Return whether a message can have been sent so."""
        if sent.retain is not None and sent.retain != self.retain:
            return False
        if not sent.shows_expiry:
            return True
        if sent.expiry is None:
            return not self.expires
        return self.expires and (self.longest is None or sent.expiry <= self.longest)


@dataclass(frozen=True, slots=True)
class Kind:
    """Hold one kind of message of a topic."""

    name: str
    content_type: str
    schema: Mapping[str, Any]
    most_bytes: int | None
    ways: tuple[Way, ...]
    """How it is sent; empty where only others send it."""

    examples: tuple[Any, ...]

    def problems(self, payload: bytes) -> list[str]:
        """Return what is wrong with a payload, nothing for a good one."""
        if self.most_bytes is not None and len(payload) > self.most_bytes:
            return [f"has {len(payload)} bytes"]
        if self.content_type == PNG:
            return list(_picture_problems(payload))
        try:
            text = payload.decode()
            content = _parse(text) if self.content_type == JSON else text
        except ValueError as err:
            return [f"is no {self.content_type}: {err}"]
        return [*schema_problems(self.schema, content), *_text_problems(content)]


@dataclass(frozen=True, slots=True)
class Channel:
    """Hold one topic."""

    key: str
    address: str
    kinds: Mapping[str, Kind]

    @property
    def name(self) -> str:
        """Return the topic below the base; of discovery, the whole address."""
        return self.address.removeprefix("{prefix}/{idInstance}/")

    @property
    def qos(self) -> int:
        """Return the QoS of all its messages."""
        (qos,) = {
            bindings_of(operation)["qos"]
            for operation in document()["operations"].values()
            if resolve(operation["channel"]) is document()["channels"][self.key]
        }
        return int(qos)

    def matches(self, topic: str) -> bool:
        """Return whether a topic, whole or below the base, is this one."""
        parts = re.split(r"\{(\w+)\}", self.address)
        pattern = "".join(
            _PARAMETERS[part] if odd else re.escape(part)
            for part, odd in zip(parts, [False, True] * len(parts), strict=False)
        )
        return topic == self.name or re.fullmatch(pattern, topic) is not None


@cache
def document() -> Mapping[str, Any]:
    """Return the AsyncAPI document."""
    loaded: dict[str, Any] = yaml.safe_load(ASYNCAPI.read_text("utf-8"))
    return loaded


@cache
def schema_files() -> Mapping[str, Mapping[str, Any]]:
    """Return the JSON Schemas by the names of their files."""
    return {
        path.name: json.loads(path.read_text("utf-8"))
        for path in sorted(FOLDER.glob("*.schema.json"))
    }


def resolve(node: Mapping[str, Any]) -> Any:
    """Return what a reference leads to, or the node itself where it is none.

    Raises KeyError where it leads nowhere.
    """
    if set(node) != {"$ref"}:
        return node
    file, _, pointer = node["$ref"].partition("#")
    found: Any = schema_files()[file] if file else document()
    for part in filter(None, pointer.split("/")):
        found = found[part]
    return resolve(found)


def bindings_of(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return how an operation uses MQTT, its traits included."""
    found: dict[str, Any] = {}
    for part in (*map(resolve, operation.get("traits", ())), operation):
        found |= part.get("bindings", {}).get("mqtt", {})
    return found


def ways_of(operation: Mapping[str, Any]) -> Iterator[Way]:
    """Yield how an operation sends: with MQTT 5, and where that differs 3.1.1."""
    if operation["action"] == "receive":
        return
    bindings = bindings_of(operation)
    expiry = bindings.get("messageExpiryInterval")
    longest = expiry if isinstance(expiry, int) else None
    yield Way(bindings["retain"], expiry is not None, longest)
    if OTHER_PROTOCOL in operation:
        yield Way(operation[OTHER_PROTOCOL]["retain"], expires=False)


@cache
def channels() -> Mapping[str, Channel]:
    """Return the topics by their keys in the document."""
    return {
        key: Channel(
            key,
            channel["address"],
            {name: _kind(key, name) for name in channel["messages"]},
        )
        for key, channel in document()["channels"].items()
    }


def _kind(channel: str, name: str) -> Kind:
    reference = f"#/channels/{channel}/messages/{name}"
    message = resolve({"$ref": reference})
    ways = [
        way
        for operation in document()["operations"].values()
        if {"$ref": reference} in operation["messages"]
        for way in ways_of(operation)
    ]
    return Kind(
        name,
        message["contentType"],
        message["payload"],
        message.get(MOST_BYTES),
        tuple(ways),
        tuple(example["payload"] for example in message.get("examples", ())),
    )


def channel_of(topic: str) -> Channel | None:
    """Return what a topic is, whole or below the base; None for a stranger."""
    return next((item for item in channels().values() if item.matches(topic)), None)


def problems_of(topic: str, payload: bytes, sent: Sent = ANYHOW) -> list[str]:
    """Return what the contract has against a message, nothing for a good one.

    The topic is whole or below the base.
    """
    channel = channel_of(topic)
    if channel is None:
        return [f"{topic}: there is no such topic"]
    found = {kind.name: kind.problems(payload) for kind in channel.kinds.values()}
    fitting = [channel.kinds[name] for name, problems in found.items() if not problems]
    if not fitting:
        return [
            f"{topic}: as {name}, {problem:.300}"
            for name, problems in found.items()
            for problem in problems
            if channel.kinds[name].schema.get("maxLength") != 0  # said to be nothing
        ]
    ways = [way for kind in fitting for way in kind.ways]
    if not ways:  # others send it, as they like
        return []
    problems = []
    if not any(way.fits(sent) for way in ways):
        problems.append(f"{topic}: not to be sent so: {sent}")
    if sent.qos not in {None, channel.qos}:
        problems.append(f"{topic}: sent with QoS {sent.qos}")
    return problems


def schema_problems(schema: Mapping[str, Any], content: object) -> Iterator[str]:
    """Yield what a schema has against a content."""
    for error in _validator(schema).iter_errors(content):
        for telling in _most_telling(error):
            yield f"{telling.json_path}: {telling.message}"


def _most_telling(error: ValidationError) -> Sequence[ValidationError]:
    """Return what is wrong with the alternative that was meant."""
    alternatives: dict[object, list[ValidationError]] = {}
    for part in error.context:
        alternatives.setdefault(part.schema_path[0], []).append(part)
    meant = [
        parts
        for parts in alternatives.values()
        if all(part.validator != "const" for part in parts)
    ]
    return meant[0] if len(meant) == 1 else [error]


def _matches_to_the_end(
    validator: Any, pattern: str, content: object, _schema: object
) -> Iterator[ValidationError]:
    """Yield an error for a text that does not match as JSON Schema means it.

    Python's `$` lets a line feed follow.
    """
    if validator.is_type(content, "string"):
        to_the_end = re.sub(r"\$$", r"\\Z", pattern)
        if re.search(to_the_end, str(content)) is None:
            yield ValidationError(f"{content!r} does not match {pattern!r}")


_Validator: Final = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _matches_to_the_end}
)


def _validator(schema: Mapping[str, Any]) -> Any:
    found = schema
    if set(schema) == {"$ref"}:
        file, _, pointer = schema["$ref"].partition("#")
        found = resolve(schema)
        if file and pointer:
            # A part of a file: the references in it lead to the file's other parts.
            found = {"$defs": schema_files()[file]["$defs"], **found}
    return _Validator(found, format_checker=FORMATS)


def _parse(text: str) -> Any:
    def refuse(constant: str) -> None:
        msg = f"{constant} is no JSON"
        raise ValueError(msg)

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            msg = "a key stands twice"
            raise ValueError(msg)
        return dict(pairs)

    return json.loads(text, parse_constant=refuse, object_pairs_hook=once)


def _picture_problems(payload: bytes) -> Iterator[str]:
    if not payload.startswith(_PNG_BEGIN) or not payload.endswith(_PNG_END):
        yield f"is no PNG: {payload[:8]!r}"


def _text_problems(content: object) -> Iterator[str]:
    """Yield what no JSON Schema can tell."""
    if isinstance(content, Mapping):
        for key in _OPEN_WORDS:
            word = content.get(key)
            if word is not None and word not in known_words():
                yield f"$.{key}: nobody knows the word {word!r}"
    elif isinstance(content, str) and content.startswith(_DATA_URI):
        try:
            picture = b64decode(content.removeprefix(_DATA_URI), validate=True)
        except Base64Error as err:
            yield f"is no Base64: {err}"
        else:
            yield from _picture_problems(picture)


@cache
def known_words() -> frozenset[str]:
    """Return the words for what went wrong: all that have a text, and MQTT's own."""
    texts = json.loads(TRANSLATIONS.read_text("utf-8"))
    login = texts["entity"]["sensor"]["login"]["state_attributes"]
    return frozenset({*texts["exceptions"], *login["problem"]["state"], *own_words()})


def own_words() -> set[str]:
    """Return the errors that only a command by MQTT can meet."""
    refused = schema_files()["response.schema.json"]["$defs"]["refused"]
    return set(refused["properties"]["error"]["examples"])
