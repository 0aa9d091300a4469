"""The card's file, and the texts in it."""

import json
import re

from demo.places import INTEGRATION

CARD_FILE = INTEGRATION / "frontend" / "green-api-card.js"


def card_source() -> str:
    """Return the card's module."""
    return CARD_FILE.read_text(encoding="utf-8")


def card_texts() -> dict[str, dict[str, str]]:
    """Return the card's texts: language to key to text."""
    found = re.search(
        r"^const TEXTS = (\{.*?^\});$", card_source(), re.MULTILINE | re.DOTALL
    )
    assert found, "the texts are to stand in the module as JSON"
    texts: dict[str, dict[str, str]] = json.loads(found[1])
    return texts
