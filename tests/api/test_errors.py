"""The errors have names and texts that hold nothing of a request."""

import re

import pytest

from custom_components.green_api.api.errors import (
    AlreadyRegistered,
    AttemptsExceeded,
    AuthorizationNotStarted,
    AuthorizationRateLimited,
    AuthorizationRefused,
    CertificateRejected,
    CloudFailed,
    ConnectionFailed,
    CredentialsRejected,
    GreenApiError,
    HostNotFound,
    InstanceDeleted,
    InstanceExpired,
    InstanceNotReady,
    InstanceRejected,
    InvalidPassword,
    MessengerTimedOut,
    MethodNotAvailable,
    PairingRefused,
    QuotaExceeded,
    RateLimited,
    RequestRejected,
    SocketClosed,
    TimedOut,
    TimeLimitExpired,
    TokenRejected,
    UnexpectedAnswer,
    ValidationFailed,
    WebhookIsSet,
)

_PARENTS = {
    ConnectionFailed: GreenApiError,
    HostNotFound: ConnectionFailed,
    CertificateRejected: ConnectionFailed,
    TimedOut: ConnectionFailed,
    CloudFailed: ConnectionFailed,
    SocketClosed: ConnectionFailed,
    UnexpectedAnswer: ConnectionFailed,
    RateLimited: GreenApiError,
    QuotaExceeded: GreenApiError,
    CredentialsRejected: GreenApiError,
    TokenRejected: CredentialsRejected,
    InstanceRejected: CredentialsRejected,
    InstanceExpired: GreenApiError,
    InstanceDeleted: GreenApiError,
    InstanceNotReady: GreenApiError,
    RequestRejected: GreenApiError,
    MethodNotAvailable: RequestRejected,
    ValidationFailed: RequestRejected,
    WebhookIsSet: RequestRejected,
    AuthorizationRefused: GreenApiError,
    PairingRefused: AuthorizationRefused,
    AlreadyRegistered: AuthorizationRefused,
    InvalidPassword: AuthorizationRefused,
    AuthorizationRateLimited: AuthorizationRefused,
    AuthorizationNotStarted: AuthorizationRefused,
    MessengerTimedOut: AuthorizationRefused,
    AttemptsExceeded: AuthorizationRefused,
    TimeLimitExpired: AuthorizationRefused,
}


def _all_errors(base: type[GreenApiError]) -> set[type[GreenApiError]]:
    return {base}.union(*map(_all_errors, base.__subclasses__()))


def test_the_family_is_the_one_described() -> None:
    assert _all_errors(GreenApiError) == {GreenApiError, *_PARENTS}
    assert {error: error.__base__ for error in _PARENTS} == _PARENTS


def test_no_two_errors_share_a_key_or_a_text() -> None:
    errors = _all_errors(GreenApiError)
    assert len({error.key for error in errors}) == len(errors)
    assert len({error.text for error in errors}) == len(errors)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", error.key) for error in errors)


@pytest.mark.parametrize("error", [GreenApiError, *_PARENTS])
def test_an_error_takes_nothing_and_says_its_text(error: type[GreenApiError]) -> None:
    assert str(error()) == error.text
    assert error().args == (error.text,)
    with pytest.raises(TypeError):
        error("https://api.green-api.com/waInstance1/qr/abcdefgh")  # type: ignore[call-arg]


def test_a_refused_authorization_may_tell_when_to_try_again() -> None:
    error = AttemptsExceeded(retry_after=90.5)
    assert error.retry_after == 90.5
    assert error.args == (AttemptsExceeded.text,)
    assert AttemptsExceeded().retry_after is None
