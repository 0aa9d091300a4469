# ruff: noqa: RUF001  what looks alike is what is tested
"""What a person types becomes an address, or an error that says what is wrong."""

import re
from urllib.parse import urlsplit

import httpx
from hypothesis import example, given, settings, strategies as st
import pytest

from custom_components.green_api.api.address import (
    InvalidAddress,
    clean_api_url,
    clean_id_instance,
    clean_phone_number,
    clean_qr_domain,
    clean_token,
    default_api_url,
)


def _key_of(error: pytest.ExceptionInfo[InvalidAddress]) -> str:
    assert error.value.args == (error.value.key,), "what was typed must not show"
    return error.value.key


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("1101000001", "1101000001"),
        ("12345678", "12345678"),
        ("110100000123", "110100000123"),
        ("1101", "1101"),
        ("1" * 20, "1" * 20),
        ("  1101000001\t\r\n", "1101000001"),
        ("\u00a01101000001\u3000", "1101000001"),
    ],
)
def test_an_id_is_taken_without_blanks(typed: str, cleaned: str) -> None:
    assert clean_id_instance(typed) == cleaned


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "110",
        "1" * 21,
        "1101 000001",
        "1101000001a",
        "waInstance1101000001",
        "-1101000001",
        "+1101000001",
        "1101000001.0",
        "1101000001/../1101000002",
        "١١٠١٠٠٠٠٠١",
        "１１０１０００００１",
        "1101\n000001",
        "1101000001\x00",
    ],
)
def test_an_id_that_is_not_digits_is_refused(typed: str) -> None:
    with pytest.raises(InvalidAddress) as error:
        clean_id_instance(typed)
    assert _key_of(error) == "invalid_id_instance"


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("d75b3a66374942c5b3c019c698abc2067e151558acbd412345", None),
        ("abcdefgh", None),
        ("A-b_C9-_", None),
        ("a" * 200, None),
        ("\n abcdefgh1234 \n", "abcdefgh1234"),
    ],
)
def test_a_token_is_taken_without_blanks(typed: str, cleaned: str | None) -> None:
    assert clean_token(typed) == (cleaned or typed)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "abcdefg",
        "a" * 201,
        "abcd efgh",
        "abcdefgh/",
        "abcdefgh?x=1",
        "abcdefgh#",
        "abcd%2Fefgh",
        "../abcdefgh",
        "abcdéfgh",
        "абвгдежз",
        "abcd\nefgh",
        "abcdefgh\x00",
        "https://qr.green-api.com/waInstance1101000001/abcdefgh",
    ],
)
def test_a_token_with_other_characters_is_refused(typed: str) -> None:
    with pytest.raises(InvalidAddress) as error:
        clean_token(typed)
    assert _key_of(error) == "invalid_token"


@pytest.mark.parametrize(
    ("id_instance", "api_url"),
    [
        ("1101000001", "https://api.green-api.com"),
        ("1102000001", "https://api.green-api.com"),
        ("2204000001", "https://api.green-api.com"),
        ("5500000001", "https://api.green-api.com"),
        ("9999000001", "https://api.green-api.com"),
        ("12345678", "https://api.green-api.com"),
        ("1103000001", "https://1103.api.green-api.com"),
        ("1204000001", "https://1204.api.green-api.com"),
        ("5700000001", "https://5700.api.green-api.com"),
        ("5799000001", "https://5700.api.green-api.com"),
        *(
            (f"{pool}000001", "https://7700.api.greenapi.com")
            for pool in range(7700, 7711)
        ),
        ("7723000001", "https://7700.api.greenapi.com"),
        ("7711000001", "https://api.greenapi.com"),
        ("7722000001", "https://api.greenapi.com"),
        ("7835000001", "https://7835.api.greenapi.com"),
        ("7834000001", "https://api.greenapi.com"),
        ("7105000001", "https://7105.api.greenapi.com"),
        ("7103000001", "https://7103.api.greenapi.com"),
        ("7107000001", "https://7103.api.greenapi.com"),
        ("7200000001", "https://api.greenapi.com"),
        ("7999000001", "https://api.greenapi.com"),
        ("4100000001", "https://4100.api.green-api.com"),
        ("4199000001", "https://4100.api.green-api.com"),
        ("4200000001", "https://api.green-api.com"),
        ("3100000001", "https://3100.api.green-api.com/v3"),
        ("3199000001", "https://3100.api.green-api.com/v3"),
        ("3200000001", "https://api.green-api.com"),
    ],
)
def test_an_id_tells_the_api_url_of_its_pool(id_instance: str, api_url: str) -> None:
    assert default_api_url(id_instance) == api_url


@given(st.from_regex(r"[0-9]{4,20}", fullmatch=True))
@settings(deadline=None, database=None, derandomize=True)
def test_every_pool_has_a_clean_api_url(id_instance: str) -> None:
    api_url = default_api_url(id_instance)
    assert clean_api_url(api_url) == api_url
    assert api_url.startswith("https://")


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("https://api.green-api.com", "https://api.green-api.com"),
        ("https://api.green-api.com/", "https://api.green-api.com"),
        ("https://api.green-api.com///", "https://api.green-api.com"),
        ("  https://api.green-api.com \r\n", "https://api.green-api.com"),
        ("\u00a0https://api.green-api.com\u3000", "https://api.green-api.com"),
        ("HTTPS://API.Green-API.com", "https://api.green-api.com"),
        ("https://api.green-api.com:", "https://api.green-api.com"),
        ("https://api.green-api.com:443", "https://api.green-api.com:443"),
        ("https://api.green-api.com:8443/v3/", "https://api.green-api.com:8443/v3"),
        ("https://api.green-api.com:65535", "https://api.green-api.com:65535"),
        ("https://api.green-api.com:00443", "https://api.green-api.com:443"),
        ("https://3100.api.green-api.com/v3", "https://3100.api.green-api.com/v3"),
        ("https://3100.api.green-api.com/v3//", "https://3100.api.green-api.com/v3"),
        ("https://api.green-api.com/v12", "https://api.green-api.com/v12"),
        ("https://api.green-api.com/v3?", "https://api.green-api.com/v3"),
        ("https://api.green-api.com#", "https://api.green-api.com"),
        ("https://xn--bcher-kva.de", "https://xn--bcher-kva.de"),
        ("https://green", "https://green"),
        ("https://192.0.2.1", "https://192.0.2.1"),
        ("https://[2001:DB8::1]:8443/v3", "https://[2001:db8::1]:8443/v3"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("HTTP://LocalHost", "http://localhost"),
        ("http://127.0.0.1:8080/v3", "http://127.0.0.1:8080/v3"),
        ("http://127.1.2.3", "http://127.1.2.3"),
        ("http://[::1]", "http://[::1]"),
        ("http://[::1]:8080/v3/", "http://[::1]:8080/v3"),
        ("http://[0:0:0:0:0:0:0:1]", "http://[0:0:0:0:0:0:0:1]"),
        ("http://[::ffff:127.0.0.1]", "http://[::ffff:127.0.0.1]"),
    ],
)
def test_an_api_url_is_cleaned(typed: str, cleaned: str) -> None:
    assert clean_api_url(typed) == cleaned


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "api.green-api.com",
        "//api.green-api.com",
        "https:api.green-api.com",
        "https:/api.green-api.com",
        "https://",
        "https:///v3",
        "https://:443",
        "://api.green-api.com",
        "ftp://api.green-api.com",
        "ws://127.0.0.1",
        "file:///etc/passwd",
        "javascript:alert(1)",
        # Somebody else's name and password.
        "https://user@api.green-api.com",
        "https://user:password@api.green-api.com",
        "https://@api.green-api.com",
        "https://:@api.green-api.com",
        "https://api.green-api.com@evil.invalid",
        "https://api.green-api.com\\@evil.invalid",
        # More than an address.
        "https://api.green-api.com?x=1",
        "https://api.green-api.com/v3?x=1",
        "https://api.green-api.com#x",
        # Ports.
        "https://api.green-api.com:65536",
        "https://api.green-api.com:-1",
        "https://api.green-api.com:port",
        "https://api.green-api.com:４４３",
        "https://api.green-api.com:443:443",
        "https://api.green-api.com:0",
        # Hosts.
        "https://bücher.de",
        "https://例え.jp",
        "https://api。green-api.com",
        "https://ａpi.green-api.com",
        "https://api.gr\u200been-api.com",
        "https://api_green.com",
        "https://api..green-api.com",
        "https://.green-api.com",
        "https://api.green-api.com.",
        "https://-green-api.com",
        "https://green-api-.",
        "https://api green-api.com",
        "https://api.green-api.com;x",
        "https://api%2Egreen-api.com",
        "https://[::1",
        "https://::1]",
        "https://[::1]api.green-api.com",
        "https://[127.0.0.1]",
        "https://[nonsense]",
        "https://[::12345]",
        "https://2001:db8::1",
        "https://[v1.abc]",
        "https://[v1.a:b]",
        "http://[::1%foo bar]",
        "https://[::1%é]",
    ],
)
def test_what_is_no_api_url_is_refused(typed: str) -> None:
    with pytest.raises(InvalidAddress) as error:
        clean_api_url(typed)
    assert _key_of(error) == "invalid_api_url"


@pytest.mark.parametrize(
    "typed",
    [
        "https://api.green-api.com/waInstance1101000001/qr/abcdefgh",
        "https://api.green-api.com/v",
        "https://api.green-api.com/V3",
        "https://api.green-api.com/v3/x",
        "https://api.green-api.com/v3/../v4",
        "https://api.green-api.com/v3;x",
        "https://api.green-api.com/v٣",
        "https://api.green-api.com//v3",
        "https://api.green-api.com/%763",
        "http://127.0.0.1:8080/index.html",
    ],
)
def test_an_api_url_with_another_path_is_refused(typed: str) -> None:
    with pytest.raises(InvalidAddress) as error:
        clean_api_url(typed)
    assert _key_of(error) == "api_url_has_path"


@pytest.mark.parametrize(
    "typed",
    [
        "http://api.green-api.com",
        "http://192.168.1.2:8080",
        "http://[2001:db8::1]",
        "http://localhost.evil.invalid",
        "http://127.0.0.1.evil.invalid",
        "http://127.1",
        "http://2130706433",
        "http://0x7f000001",
        "http://0.0.0.0",
        "http://128.0.0.1",
        "http://[::ffff:192.0.2.1]",
    ],
)
def test_plain_http_is_refused_but_on_loopback(typed: str) -> None:
    with pytest.raises(InvalidAddress) as error:
        clean_api_url(typed)
    assert _key_of(error) == "api_url_not_https"


def _mostly(usual: str, *others: str) -> st.SearchStrategy[str]:
    return st.sampled_from([usual] * 2 * len(others) + list(others))


_HOSTS = st.one_of(
    st.sampled_from(
        [
            "api.green-api.com",
            "API.Green-API.com",
            "localhost",
            "127.0.0.1",
            "[::1]",
            "[2001:DB8::1]",
            "[v1.abc]",
            "bücher.de",
            "\u212aelvin.com",
        ]
    ),
    st.text("abz019.-[]:%_\u00e9", max_size=12),
    st.ip_addresses().map(lambda ip: f"[{ip}]" if ip.version == 6 else str(ip)),
)
_URLS = st.one_of(
    st.text(),
    st.builds(
        "{}{}{}{}{}{}{}".format,
        st.sampled_from(["https://", "HTTPS://", " https://", "http://", "https:", ""]),
        _mostly("", "user@", "user:pass@", "@", "a.invalid\\@"),
        _HOSTS,
        _mostly("", ":", ":443", ":0", ":8080", ":99999", ":x"),
        _mostly("", "/", "//", "/v3", "/v3/", "/V3", "/v3/x", "\\v3"),
        _mostly("", "?", "?a=b", "#", "#a"),
        _mostly("", " ", "\n", "\x00", "\t/", "@b.invalid"),
    ),
)
_AUTHORITY = re.compile(
    r"(?P<scheme>https?)://(?:[^/?#\\@]*@)?(?P<host>\[[^\]]*\]|[^:/?#\\@]*)"
    r"(?P<port>:[0-9]*)?(?=[/?#\\]|\Z)",
    re.IGNORECASE,
)


@given(_URLS)
@example("https://[v1.abc]")
@settings(max_examples=2000, deadline=None, database=None, derandomize=True)
def test_a_clean_api_url_stays_and_means_the_same_host(typed: str) -> None:
    try:
        cleaned = clean_api_url(typed)
    except InvalidAddress:
        return
    assert clean_api_url(cleaned) == cleaned
    # What an URL library does to blanks around and line breaks inside.
    plain = re.sub(r"[\t\r\n]", "", typed.strip().lstrip("\x00\x1c\x1d\x1e\x1f "))
    authority = _AUTHORITY.match(plain)
    assert authority is not None
    result = urlsplit(cleaned)
    assert result.scheme == authority["scheme"].lower()
    assert result.netloc.removesuffix(f":{result.port}") == authority["host"].lower()
    assert httpx.URL(cleaned).host == authority["host"].lower().strip("[]")
    assert result.username is None
    assert result.query == result.fragment == ""
    assert result.path in {"", "/v3"}


# ------------------------------------------------------------------ phone number


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("79001234567", 79001234567),
        ("+79001234567", 79001234567),
        ("0079001234567", 79001234567),
        (" +7 (900) 123-45-67\n", 79001234567),
        ("(+44) 1234 567 890", 441234567890),
        ("+49\u00a0[151] 2345\u20116789", 4915123456789),
        ("00 44 1234\u2013567890", 441234567890),
        ("\u202a+79001234567\u202c", 79001234567),
        ("1234567", 1234567),
        ("1" * 15, 111111111111111),
    ],
)
def test_a_phone_number_is_taken_however_it_is_written(typed: str, number: int) -> None:
    assert clean_phone_number(typed) == number


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "+",
        "00",
        "123456",
        "1" * 16,
        "09001234567",
        "+09001234567",
        "000 79001234567",
        "+0079001234567",
        "++79001234567",
        "7+9001234567",
        "+44 ( 0 ) 1234 567890",
        "7900123456a",
        "7900.123.45.67",
        "79001234567@c.us",
        "7900123456٧",
        "７９００１２３４５６７",
        "79001234567\x00",
    ],
)
def test_what_is_no_phone_number_is_refused(typed: str) -> None:
    with pytest.raises(InvalidAddress) as error:
        clean_phone_number(typed)
    assert _key_of(error) == "invalid_phone_number"


# ------------------------------------------------------------------ QR page


@pytest.mark.parametrize(
    ("typed", "domain"),
    [
        ("qr.example.com", "qr.example.com"),
        (" QR.Example.COM ", "qr.example.com"),
        ("https://qr.example.com", "qr.example.com"),
        ("HTTPS://qr.example.com/", "qr.example.com"),
        ("qr.example.com/", "qr.example.com"),
        ("a-1.b2.xn--p1ai", "a-1.b2.xn--p1ai"),
        ("qr.пример.рф", "qr.xn--e1afmkfd.xn--p1ai"),
        (f"{'a' * 63}.example.com", f"{'a' * 63}.example.com"),
    ],
)
def test_a_domain_of_the_qr_page_is_a_host_name(typed: str, domain: str) -> None:
    assert clean_qr_domain(typed) == domain


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "https://",
        "localhost",
        "http://qr.example.com",
        "https://https://qr.example.com",
        "//qr.example.com",
        "qr.example.com//",
        "qr.example.com:443",
        "qr.example.com/page",
        "qr.example.com?a=b",
        "qr.example.com#a",
        "user@qr.example.com",
        "qr example.com",
        "qr..example.com",
        ".example.com",
        "qr.example.com.",
        "-a.example.com",
        "a-.example.com",
        "a_b.example.com",
        "*.example.com",
        "192.0.2.1",
        "[2001:db8::1]",
        "2001:db8::1",
        "example.1com",
        "example.c",
        "qr.example.com\x00",
        "\ud800.example.com",
        f"{'a' * 64}.example.com",
        f"{'a.' * 126}com",
    ],
)
def test_what_is_no_host_name_is_refused(typed: str) -> None:
    with pytest.raises(InvalidAddress) as error:
        clean_qr_domain(typed)
    assert _key_of(error) == "invalid_qr_domain"
