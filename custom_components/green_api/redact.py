"""Keep the token, and the id of a webhook, out of the logs.

The token stands in the URL of every request. Our own messages never hold a URL,
but the HTTP library logs one at level INFO, and a traceback may quote one. Whom a
request to a webhook is for, Home Assistant itself logs.
"""

import logging
import re
from typing import Final, override

REDACTED: Final = "**REDACTED**"

_METHODS: Final = (
    "deleteNotification|getAccountSettings|getAuthorizationCode|getSettings"
    "|getStateInstance|getStatusInstance|getWaSettings|logout|qr|reboot"
    "|receiveNotification|scanqrcode|sendAuthorizationCode"
    "|sendAuthorizationPassword|setSettings|startAuthorization"
)
# A slash, as it stands in a URL, in JSON, or in a query.
_SLASH: Final = r"(?:\\?/|%2F)+"

# What follows `waInstance<id>/` is a method and the token, or the token alone. Only
# a known method is sure to be none: all after it goes, or all where there is none.
_TOKEN: Final = re.compile(
    rf"(waInstance\d+{_SLASH}(?:(?:{_METHODS})(?:{_SLASH}|(?![\w%-])))?+)"
    rf"([\w-]+(?:{_SLASH}[\w-]+)*)",
    re.IGNORECASE,
)

# Home Assistant names the webhook of a request, and whoever knows it can post there.
_WEBHOOK_ID: Final = re.compile(r"(green_api_)[0-9a-f]{64}", re.IGNORECASE)


def redact(text: str) -> str:
    """Return the text with every token, and every id of a webhook of ours, replaced."""
    return _WEBHOOK_ID.sub(rf"\1{REDACTED}", _TOKEN.sub(rf"\1{REDACTED}", text))


class TokenFilter(logging.Filter):
    """Redact the message and the traceback of a log record."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record where it holds a token; let every record through."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  the handler reports a broken record
            return True
        if (redacted := redact(message)) != message:
            record.msg = redacted
            record.args = None
        if record.exc_info:
            text = logging.Formatter().formatException(record.exc_info)
            if (redacted := redact(text)) != text:
                # A handler prints exc_text as it is and would format exc_info anew.
                record.exc_text = redacted
                record.exc_info = None
        return True


_FILTER: Final = TokenFilter()


def install_token_filter() -> None:
    """Redact all that reaches a handler of the log; harmless when repeated.

    The handlers of the root logger see every logger's records. The HTTP
    library's loggers are filtered too, for handlers that come later.
    """
    root = logging.getLogger()
    libraries = [logging.getLogger(name) for name in ("httpx", "httpx2")]
    for place in (*root.handlers, *libraries):
        place.addFilter(_FILTER)
