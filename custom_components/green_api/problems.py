"""What a failed request means to Home Assistant; the one place that decides."""

from homeassistant.exceptions import ConfigEntryAuthFailed, HomeAssistantError
from homeassistant.helpers.update_coordinator import UpdateFailed

from .api.errors import CredentialsRejected, GreenApiError
from .const import DOMAIN


def update_error(err: GreenApiError, retry_after: float | None) -> Exception:
    """Return what a refresh raises: ask for new credentials, or try again later."""
    if isinstance(err, CredentialsRejected):
        return ConfigEntryAuthFailed(translation_domain=DOMAIN, translation_key=err.key)
    return UpdateFailed(
        translation_domain=DOMAIN, translation_key=err.key, retry_after=retry_after
    )


def action_error(err: GreenApiError) -> HomeAssistantError:
    """Return what an action raises; its translated text is shown to the person."""
    return HomeAssistantError(translation_domain=DOMAIN, translation_key=err.key)
