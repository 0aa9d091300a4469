"""The parts of an instance's address: idInstance, token and apiUrl."""

from ipaddress import ip_address
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

_ID: Final = re.compile(r"[0-9]{4,20}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{8,200}")
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_IPV6: Final = 6
_PREFIX: Final = re.compile(r"(/v[0-9]+)?")
_DOMAIN: Final = re.compile(
    r"(?=.{1,253}\Z)"
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
    r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
)

# ITU-T E.164: at most 15 digits, and no country code begins with 0.
_PHONE_NUMBER: Final = re.compile(r"(?:\+|00)?([1-9][0-9]{6,14})")
# Blanks, and the invisible marks around a number that was copied from a phone.
_BLANKS: Final = re.compile(r"[\s\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_SEPARATORS: Final = re.compile(r"[()\[\]\-\u2010-\u2015\u2212]")

# Seen in the vendor's code and console: what an id begins with, first match.
_POOLS: Final = (
    (("1103",), "https://1103.api.green-api.com"),
    (("1204",), "https://1204.api.green-api.com"),
    (("57",), "https://5700.api.green-api.com"),
    (("770", "7710", "7723"), "https://7700.api.greenapi.com"),
    (("7835",), "https://7835.api.greenapi.com"),
    (("7105",), "https://7105.api.greenapi.com"),
    (("71",), "https://7103.api.greenapi.com"),
    (("7",), "https://api.greenapi.com"),
    (("41",), "https://4100.api.green-api.com"),
    (("31",), "https://3100.api.green-api.com/v3"),
)
_UNIVERSAL: Final = "https://api.green-api.com"


class InvalidAddress(ValueError):
    """Say which part of an address cannot be right.

    What was typed is left out: it may be the token, or hold it.
    """

    def __init__(self, key: str) -> None:
        """Take the key that names the fault in translations."""
        super().__init__(key)
        self.key = key


def clean_id_instance(typed: str) -> str:
    """Return the idInstance without blanks; raises InvalidAddress."""
    if not _ID.fullmatch(cleaned := typed.strip()):
        raise InvalidAddress("invalid_id_instance")
    return cleaned


def clean_token(typed: str) -> str:
    """Return the apiTokenInstance without blanks; raises InvalidAddress."""
    if not _TOKEN.fullmatch(cleaned := typed.strip()):
        raise InvalidAddress("invalid_token")
    return cleaned


def default_api_url(id_instance: str) -> str:
    """Return the apiUrl of the pool that an idInstance belongs to."""
    for beginnings, api_url in _POOLS:
        if id_instance.startswith(beginnings):
            return api_url
    return _UNIVERSAL


def clean_api_url(typed: str) -> str:
    """Return the apiUrl as scheme, host, port and version prefix.

    Only https, or http to a loopback address; a prefix such as `/v3` stays,
    any other path is an error. Raises InvalidAddress.
    """
    try:
        url = urlsplit(typed.strip())
        port = url.port
    except ValueError:
        raise InvalidAddress("invalid_api_url") from None
    host = url.hostname or ""
    if url.scheme not in ("http", "https") or not _is_host(url.netloc, host):
        raise InvalidAddress("invalid_api_url")
    if url.username is not None or url.query or url.fragment or port == 0:
        raise InvalidAddress("invalid_api_url")
    if not _PREFIX.fullmatch(path := url.path.rstrip("/")):
        raise InvalidAddress("api_url_has_path")
    if url.scheme == "http" and not _is_loopback(host):
        raise InvalidAddress("api_url_not_https")
    location = f"[{host}]" if ":" in host else host
    if port is not None:
        location = f"{location}:{port}"
    return SplitResult(url.scheme, location, path, "", "").geturl()


def clean_phone_number(typed: str) -> int:
    """Return a phone number with country code; raises InvalidAddress.

    Takes `+` or `00` before it, and blanks, dashes and brackets within.
    """
    solid = _BLANKS.sub("", typed)
    number = _PHONE_NUMBER.fullmatch(_SEPARATORS.sub("", solid))
    # In +44 (0) 20 … the 0 is not dialled from abroad: whose number is it?
    if number is None or "(0)" in solid:
        raise InvalidAddress("invalid_phone_number")
    return int(number[1])


def clean_qr_domain(typed: str) -> str:
    """Return the host name of a QR page; raises InvalidAddress.

    `https://` before it and a slash behind it are forgiven, a port, a path or
    an IP address is not: the name is a CNAME of the vendor's.
    """
    domain = typed.strip().lower().removeprefix("https://").removesuffix("/")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise InvalidAddress("invalid_qr_domain") from None
    if not _DOMAIN.fullmatch(domain):
        raise InvalidAddress("invalid_qr_domain")
    return domain


def _is_host(location: str, host: str) -> bool:
    if "[" in location:
        try:
            # A zone id could hold anything, and a cloud needs none.
            return ip_address(host).version == _IPV6 and "%" not in host
        except ValueError:
            return False
    return bool(_HOST_NAME.fullmatch(host)) and ".." not in host


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
