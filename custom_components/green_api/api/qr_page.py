"""The vendor's page that shows a login QR in a browser."""

from typing import Final

from .models import Messenger

# The documents show WhatsApp's and Telegram's. For MAX only `/v3` was seen: it is
# taken for a prefix, as in the paths of the API.
_PATHS: Final = {
    Messenger.WHATSAPP: "/waInstance{id}/{token}",
    Messenger.TELEGRAM: "/waInstance{id}/{token}/",
    Messenger.MAX: "/v3/waInstance{id}/{token}",
}


def qr_page_url(
    *,
    messenger: Messenger,
    id_instance: str,
    api_token_instance: str,
    domain: str,
) -> str:
    """Return the address of an instance's QR page; it holds the token.

    The domain may be a CNAME of the vendor's, as `clean_qr_domain` gives it.
    """
    path = _PATHS[messenger].format(id=id_instance, token=api_token_instance)
    return f"https://{domain}{path}"
