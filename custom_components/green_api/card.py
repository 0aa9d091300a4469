"""The card for dashboards, which Home Assistant's interface loads from here."""

from hashlib import sha256
from pathlib import Path
from typing import Final

from homeassistant.components.http import StaticPathConfig
from homeassistant.core import HomeAssistant

from .const import DOMAIN

CARD_URL: Final = f"/{DOMAIN}/green-api-card.js"

_FILE: Final = Path(__file__).parent / "frontend" / "green-api-card.js"


async def async_setup_card(hass: HomeAssistant) -> None:
    """Serve the card and let every page load it, where there is an interface."""
    if "frontend" not in hass.config.components:
        return
    # Only here: a Home Assistant without an interface need not bring its packages.
    from homeassistant.components.frontend import add_extra_js_url  # noqa: PLC0415

    await hass.http.async_register_static_paths(
        [StaticPathConfig(CARD_URL, str(_FILE), cache_headers=True)]
    )
    digest = await hass.async_add_executor_job(_digest)
    add_extra_js_url(hass, f"{CARD_URL}?v={digest}")


def _digest() -> str:
    """Return what changes with the file; browsers keep what has the same address."""
    return sha256(_FILE.read_bytes()).hexdigest()[:12]
