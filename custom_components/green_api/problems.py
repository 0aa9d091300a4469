"""What a failed request means to Home Assistant; the one place that decides."""

from math import ceil

from homeassistant.exceptions import ConfigEntryAuthFailed, HomeAssistantError
from homeassistant.helpers.update_coordinator import UpdateFailed

from .api.errors import (
    AttemptsExceeded,
    AuthorizationRefused,
    CredentialsRejected,
    GreenApiError,
)
from .const import ATTEMPTS_PAUSE, DOMAIN


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


def translated_error(key: str, **placeholders: str) -> HomeAssistantError:
    """Return an error with a translated text that is shown to the person."""
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=placeholders or None,
    )


def action_error(err: GreenApiError) -> HomeAssistantError:
    """Return what an action raises; its translated text is shown to the person."""
    if isinstance(err, AuthorizationRefused):
        seconds = pause_after(err)
        if seconds is not None:
            return translated_error(err.key, seconds=str(ceil(seconds)))
    return translated_error(err.key)


def pause_after(err: AuthorizationRefused) -> float | None:
    """Return the seconds to wait before another attempt, None for no wait."""
    if err.retry_after is None and isinstance(err, AttemptsExceeded):
        return ATTEMPTS_PAUSE.total_seconds()
    return err.retry_after
