"""A text of the cloud may be shown: nothing secret, nothing that breaks a page."""

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.green_api.api.cloud_text import LONGEST_TEXT, clean_text

_TOKEN = "Ab-3_xyz"
_LONG = "d75b3a66374942c5b3c019c698abc2067e151558acbd412345"


@pytest.mark.parametrize(
    ("wire", "shown"),
    [
        ("", ""),
        (" \n\t ", ""),
        ("the phone is offline", "the phone is offline"),
        (
            "  ECONNRESET\r\n\tat Socket.<anonymous> ",
            "ECONNRESET at Socket.<anonymous>",
        ),
        ("бот занят", "бот занят"),
        ("a\x00b\x1b[31mc\u202ed\u200be", "ab[31mcde"),
        # The token, however it is spelled or hidden.
        (f"bad token {_TOKEN}!", "bad token ***!"),
        (f"{_TOKEN.upper()}/{_TOKEN.lower()}", "***/***"),
        (f"x{_TOKEN}y", "x***y"),
        ("Ab-3\u200b_x\x00yz", "***"),
        # Addresses, whatever stands in them.
        (
            "GET https://a.b/waInstance1101/qr/short failed",
            "GET https://a.b/*** failed",
        ),
        ("wainstance1101%2Fqr%2Fshort", "***"),
        # What looks like a token, or a phone number.
        (f"other {_LONG}.", "other ***."),
        ("a" * 19, "a" * 19),
        ("a" * 20, "***"),
        ("79001234567@c.us is banned until 2026", "***@c.us is banned until 2026"),
        ("code 123456, 1234567", "code 123456, ***"),
    ],
)
def test_a_text_is_cleaned(wire: str, shown: str) -> None:
    assert clean_text(wire, token=_TOKEN) == shown


def test_a_long_text_is_cut_after_it_was_cleaned() -> None:
    text = "a b " * 49
    assert clean_text(text + "abc", token=_TOKEN) == text + "abc"
    assert clean_text(text + _TOKEN + " and more", token=_TOKEN) == text + "***…"
    words = clean_text("word " * 100_000, token=_TOKEN)
    assert len(words) <= LONGEST_TEXT
    assert words.endswith("word…")


@given(st.lists(st.text() | st.sampled_from([_TOKEN, _LONG, "waInstance1/", "\n"])))
@settings(deadline=None, database=None, derandomize=True)
def test_no_text_shows_a_token(parts: list[str]) -> None:
    shown = clean_text("".join(parts), token=_TOKEN)
    assert _TOKEN.lower() not in shown.lower()
    assert _LONG[:20] not in shown
    assert shown.isprintable()
    assert len(shown) <= LONGEST_TEXT
