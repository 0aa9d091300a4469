"""The page for a browser stands where the vendor says."""

import pytest

from custom_components.green_api.api.models import Messenger
from custom_components.green_api.api.qr_page import qr_page_url

_ID = "1101000001"
_TOKEN = "abcdef12345fghij67890klmno"


@pytest.mark.parametrize(
    ("messenger", "url"),
    [
        (Messenger.WHATSAPP, f"https://qr.green-api.com/waInstance{_ID}/{_TOKEN}"),
        (Messenger.TELEGRAM, f"https://qr.green-api.com/waInstance{_ID}/{_TOKEN}/"),
        (Messenger.MAX, f"https://qr.green-api.com/v3/waInstance{_ID}/{_TOKEN}"),
    ],
)
def test_each_messenger_has_its_address(messenger: Messenger, url: str) -> None:
    told = qr_page_url(
        messenger=messenger,
        id_instance=_ID,
        api_token_instance=_TOKEN,
        domain="qr.green-api.com",
    )
    assert told == url


@pytest.mark.parametrize("messenger", Messenger)
def test_a_domain_of_ones_own_replaces_the_vendors(messenger: Messenger) -> None:
    told = qr_page_url(
        messenger=messenger,
        id_instance=_ID,
        api_token_instance=_TOKEN,
        domain="qr.example.com",
    )
    assert told.startswith("https://qr.example.com/")
    assert "green-api" not in told
