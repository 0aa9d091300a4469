"""What a failed request means to Home Assistant; the one place that decides."""

from homeassistant.exceptions import ConfigEntryAuthFailed, HomeAssistantError
from homeassistant.helpers.update_coordinator import UpdateFailed

from .api.errors import CredentialsRejected, GreenApiError
from .const import DOMAIN


def update_error(err: GreenApiError, retry_after: float) -> UpdateFailed:
    """Return what a refresh raises, to try again after so many seconds."""
    return UpdateFailed(
        translation_domain=DOMAIN, translation_key=err.key, retry_after=retry_after
    )


def set_up_error(err: GreenApiError) -> Exception:
    """Return what the first refresh raises: ask for credentials, or try again."""
    if isinstance(err, CredentialsRejected):
        return ConfigEntryAuthFailed(translation_domain=DOMAIN, translation_key=err.key)
    # Without a time: Home Assistant has a rhythm of its own for set-ups.
    return UpdateFailed(translation_domain=DOMAIN, translation_key=err.key)


def action_error(err: GreenApiError) -> HomeAssistantError:
    """Return what an action raises; its translated text is shown to the person."""
    return HomeAssistantError(translation_domain=DOMAIN, translation_key=err.key)
