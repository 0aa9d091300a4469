"""The cloud's free texts, made fit to be shown."""

import re
from typing import Final

LONGEST_TEXT: Final = 200

_HIDDEN: Final = "***"
_ADDRESS: Final = re.compile(r"waInstance\S*", re.IGNORECASE)
_TOKEN_LIKE: Final = re.compile(r"[A-Za-z0-9_-]{20,}")
_PHONE_LIKE: Final = re.compile(r"\d{7,}")


def clean_text(wire: str, *, token: str) -> str:
    """Return a text in one printable line of at most 200 characters.

    Hidden are the token, what follows `waInstance`, and whatever could be
    another token or a phone number.
    """
    line = " ".join(wire.split())
    # Before the search: what cannot be seen must not split a token.
    line = "".join(filter(str.isprintable, line))
    line = re.sub(re.escape(token), _HIDDEN, line, flags=re.IGNORECASE)
    for secret in (_ADDRESS, _TOKEN_LIKE, _PHONE_LIKE):
        line = secret.sub(_HIDDEN, line)
    if len(line) > LONGEST_TEXT:
        line = line[: LONGEST_TEXT - 1].rstrip() + "…"
    return line
