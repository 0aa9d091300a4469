"""What is meant by what a person types into the forms of MQTT, and what is wrong."""

from collections.abc import Container, Iterable, Mapping
from ipaddress import IPv6Address, ip_address
import re
from typing import Any, Final, NamedTuple

from homeassistant.const import (
    CONF_CLIENT_ID,
    CONF_HOST,
    CONF_PASSWORD,
    CONF_PORT,
    CONF_USERNAME,
)

from .const import (
    CONF_CA,
    CONF_CERTIFICATE,
    CONF_KEY,
    CONF_MQTT_DISCOVERY,
    CONF_MQTT_DISCOVERY_PREFIX,
    CONF_MQTT_PREFIX,
    CONF_TLS,
)

PORT: Final = 1883
TLS_PORT: Final = 8883
LARGEST_PORT: Final = 65_535
LONGEST_CLIENT_ID: Final = 65

# The sections of the forms. Home Assistant shows no error at a field within one,
# but above it: the texts of those errors name the field.
CONF_MORE: Final = "more"
CONF_ENCRYPTION: Final = "encryption"

_SCHEMES: Final = {"": False, "mqtt": False, "mqtts": True}
_PREFIX: Final = re.compile(r"[^\s/+#$][^\s+#]{0,99}")
_ADDRESS: Final = re.compile(
    r"(?:([a-z]+)://)?(?:\[([^\]]+)\]|([^:/]+))(?::([0-9]{1,5}))?/?", re.IGNORECASE
)
_HOST_NAME: Final = re.compile(r"\w(?:[\w.-]{0,251}\w)?", re.ASCII)
_PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
# What MQTT has room for.
_LONGEST_TEXT: Final = 65_535


class Address(NamedTuple):
    """Hold what an address says."""

    host: str
    port: int | None
    tls: bool


def clean_prefix(typed: str) -> str | None:
    """Return the prefix of topics, None for what is none."""
    prefix = typed.strip().rstrip("/")
    # A broker cuts the connection for a topic with control characters, and the
    # client would send it again and again.
    good = _PREFIX.fullmatch(prefix) and prefix.isprintable() and "//" not in prefix
    return prefix if good else None


def clean_options(
    typed: Mapping[str, Any], first_levels: Container[str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the options that are meant, and what is wrong with which field.

    `first_levels` are those of the topics that Home Assistant discovers by.
    """
    errors: dict[str, str] = {}
    prefix = clean_prefix(typed[CONF_MQTT_PREFIX])
    found_by = clean_prefix(typed[CONF_MQTT_DISCOVERY_PREFIX])
    if prefix is None:
        errors[CONF_MQTT_PREFIX] = "invalid_prefix"
    elif prefix.split("/")[0] in first_levels:
        errors[CONF_MQTT_PREFIX] = "prefix_is_discovery"
    if found_by is None:
        errors[CONF_MORE] = "invalid_discovery_prefix"
    elif prefix and typed[CONF_MQTT_DISCOVERY] and overlap(prefix, found_by):
        errors[CONF_MORE] = "prefixes_overlap"
    cleaned = {CONF_MQTT_PREFIX: prefix, CONF_MQTT_DISCOVERY_PREFIX: found_by}
    return {**typed, **cleaned}, errors


def overlap(one: str, other: str) -> bool:
    """Return whether two prefixes are the same, or one lies above the other."""
    short, long = sorted((f"{one}/", f"{other}/"), key=len)
    return long.startswith(short)


def clean_address(typed: str) -> Address | None:
    """Return host, port and encryption, None for what is no address.

    Takes a name or an IP address, also as `host:port`, `mqtt://…` or `mqtts://…`.
    """
    text = typed.strip()
    if _is_ipv6(text):
        return Address(text, None, tls=False)
    if (match := _ADDRESS.fullmatch(text)) is None:
        return None
    scheme, literal, name, digits = (part or "" for part in match.groups())
    tls = _SCHEMES.get(scheme.lower())
    port = int(digits) if digits else None
    if (
        tls is None
        or not (_is_ipv6(literal) if literal else _is_host_name(name))
        or not (port is None or 0 < port <= LARGEST_PORT)
    ):
        return None
    return Address(literal or name, port, tls)


def clean_connection(
    typed: Mapping[str, Any], known: Iterable[Mapping[str, Any]], client_id: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the connection that is meant, and what is wrong with which field.

    `known` are connections from before, the latest first: a secret that is left
    empty is the one of the first that it fits. `client_id` stands for an empty one,
    and a port that is left empty is absent. What is wrong is kept, so that a form
    can show it, but for a secret in the wrong place.
    """
    known = tuple(known)
    errors: dict[str, str] = {}
    address = clean_address(typed[CONF_HOST])
    if address is None:
        errors[CONF_HOST] = "invalid_broker_host"
        # It may hold user and password before the @.
        address = Address(typed[CONF_HOST].rpartition("@")[2], None, tls=False)
    tls = typed[CONF_TLS] or address.tls
    client_id = typed.get(CONF_CLIENT_ID, "").strip() or client_id
    if not client_id.isprintable() or len(client_id) > LONGEST_CLIENT_ID:
        errors[CONF_CLIENT_ID] = "invalid_client_id"
    connection = {
        CONF_HOST: address.host,
        CONF_CLIENT_ID: client_id,
        **_credentials(typed, known, errors),
        CONF_TLS: tls,
        **_certificates(typed, known, errors, tls=tls),
    }
    if port := address.port or typed.get(CONF_PORT):
        connection[CONF_PORT] = port
    return connection, errors


def port_of(connection: Mapping[str, Any]) -> int:
    """Return the port, the usual one where none was given."""
    usual = TLS_PORT if connection.get(CONF_TLS) else PORT
    return int(connection.get(CONF_PORT, usual))


def endpoint(connection: Mapping[str, Any]) -> tuple[str, int]:
    """Return which broker it is, the same for all spellings of a name."""
    host = str(connection.get(CONF_HOST, "")).casefold().removesuffix(".")
    return host, port_of(connection)


def _credentials(
    typed: Mapping[str, Any],
    known: Iterable[Mapping[str, Any]],
    errors: dict[str, str],
) -> dict[str, str]:
    username = typed.get(CONF_USERNAME, "").strip()
    password = typed.get(CONF_PASSWORD, "")
    if password and not username:
        errors[CONF_USERNAME] = "username_missing"
    if not _is_sendable(username):
        errors[CONF_USERNAME] = "cannot_be_sent"
    if not _is_sendable(password):
        errors[CONF_PASSWORD] = "cannot_be_sent"
        password = ""
    if not password and username:
        password = _of_same(known, CONF_USERNAME, username, CONF_PASSWORD)
    return _given({CONF_USERNAME: username, CONF_PASSWORD: password})


def _certificates(
    typed: Mapping[str, Any],
    known: Iterable[Mapping[str, Any]],
    errors: dict[str, str],
    *,
    tls: bool,
) -> dict[str, str]:
    pasted = [typed.get(field, "").strip() for field in (CONF_CA, CONF_CERTIFICATE)]
    ca, certificate = (_PRIVATE_KEY.sub("", text).strip() for text in pasted)
    key = typed.get(CONF_KEY, "").strip()
    if certificate and not key:
        key = _of_same(known, CONF_CERTIFICATE, certificate, CONF_KEY)
    if [ca, certificate] != pasted:
        errors[CONF_ENCRYPTION] = "private_key_misplaced"
    elif not tls and (ca or certificate or key):
        errors[CONF_ENCRYPTION] = "certificates_without_tls"
    elif key and not certificate:
        errors[CONF_ENCRYPTION] = "certificate_missing"
    elif certificate and not key:
        errors[CONF_ENCRYPTION] = "key_missing"
    return _given({CONF_CA: ca, CONF_CERTIFICATE: certificate, CONF_KEY: key})


def _of_same(
    known: Iterable[Mapping[str, Any]], field: str, value: str, secret: str
) -> str:
    """Return the secret of the first connection with this value, or nothing."""
    for connection in known:
        if connection.get(field) == value:
            return str(connection.get(secret, ""))
    return ""


def _given(texts: dict[str, str]) -> dict[str, str]:
    return {field: text for field, text in texts.items() if text}


def _is_sendable(text: str) -> bool:
    try:
        return "\0" not in text and len(text.encode()) <= _LONGEST_TEXT
    except UnicodeEncodeError:
        return False


def _is_ipv6(text: str) -> bool:
    try:
        return isinstance(ip_address(text), IPv6Address)
    except ValueError:
        return False


def _is_host_name(text: str) -> bool:
    try:
        name = text.encode("idna").decode("ascii")
    except UnicodeError:
        return False
    return bool(_HOST_NAME.fullmatch(name.removesuffix(".")))
