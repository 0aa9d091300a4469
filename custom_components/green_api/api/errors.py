"""What can go wrong between the integration and the cloud.

    GreenApiError
    ├── ConnectionFailed
    │   ├── HostNotFound
    │   ├── CertificateRejected
    │   ├── TimedOut
    │   ├── CloudFailed            5xx, 499
    │   ├── SocketClosed           a WebSocket that ended without a word
    │   └── UnexpectedAnswer       not JSON, not the documented shape, too large
    ├── RateLimited                429
    ├── QuotaExceeded              466
    ├── CredentialsRejected
    │   ├── TokenRejected          401
    │   └── InstanceRejected       403
    ├── InstanceExpired            400
    ├── InstanceDeleted            400
    ├── InstanceNotReady           400
    ├── RequestRejected            400, or an answer that says no
    │   ├── MethodNotAvailable     404
    │   ├── ValidationFailed       400
    │   └── WebhookIsSet           400
    └── AuthorizationRefused       an answer with a reason; 200, perhaps 400
        ├── PairingRefused         without a reason, of getAuthorizationCode
        ├── AlreadyRegistered
        ├── InvalidPassword
        ├── AuthorizationRateLimited
        ├── AuthorizationNotStarted
        ├── MessengerTimedOut
        ├── AttemptsExceeded
        └── TimeLimitExpired

The texts are fixed: a URL, a body or a chained exception could carry the token.
"""

from typing import ClassVar


class GreenApiError(Exception):
    """Stand for every failure of a request to the cloud."""

    key: ClassVar[str] = "failed"
    """Names the failure in translations and payloads."""

    text: ClassVar[str] = "The request to GREEN-API failed"

    unsent: bool = False
    """Tells that the request has never left, so that nothing can come of it."""

    def __init__(self) -> None:
        """Take the fixed text of the class and nothing else."""
        super().__init__(self.text)


class ConnectionFailed(GreenApiError):
    """Say that no usable answer came; it may come later."""

    key = "cannot_connect"
    text = "GREEN-API cannot be reached"


class HostNotFound(ConnectionFailed):
    """Say that the host name of the apiUrl does not exist."""

    key = "host_not_found"
    text = "The host of the apiUrl was not found"


class CertificateRejected(ConnectionFailed):
    """Say that no trusted TLS connection could be made."""

    key = "certificate_rejected"
    text = "The host's certificate is not trusted"


class TimedOut(ConnectionFailed):
    """Say that the answer did not come in time."""

    key = "timed_out"
    text = "GREEN-API did not answer in time"


class CloudFailed(ConnectionFailed):
    """Say that the cloud reported a failure of its own."""

    key = "cloud_failed"
    text = "GREEN-API reported a failure of its own"


class SocketClosed(ConnectionFailed):
    """Say that the cloud closed a WebSocket before it had said how it ended."""

    key = "socket_closed"
    text = "GREEN-API closed the connection"


class UnexpectedAnswer(ConnectionFailed):
    """Say that the answer was not one that GREEN-API gives."""

    key = "unexpected_answer"
    text = "The answer was not one of GREEN-API's"


class RateLimited(GreenApiError):
    """Say that the instance was asked too often, by us or by others."""

    key = "rate_limited"
    text = "GREEN-API was asked too often"


class QuotaExceeded(GreenApiError):
    """Say that the instance's plan allows no more of this."""

    key = "quota_exceeded"
    text = "The quota of the instance's plan is used up"


class CredentialsRejected(GreenApiError):
    """Say that idInstance and token do not fit."""

    key = "credentials_rejected"
    text = "GREEN-API rejected the idInstance or the token"


class TokenRejected(CredentialsRejected):
    """Say that the token is wrong."""

    key = "token_rejected"
    text = "GREEN-API rejected the token"


class InstanceRejected(CredentialsRejected):
    """Say that this host knows no such instance."""

    key = "instance_rejected"
    text = "GREEN-API rejected the idInstance"


class InstanceExpired(GreenApiError):
    """Say that the instance must be paid for again."""

    key = "instance_expired"
    text = "The instance is expired"


class InstanceDeleted(GreenApiError):
    """Say that the instance exists no more."""

    key = "instance_deleted"
    text = "The instance is deleted"


class InstanceNotReady(GreenApiError):
    """Say that the instance is still starting."""

    key = "instance_not_ready"
    text = "The instance is not ready yet"


class RequestRejected(GreenApiError):
    """Say that the cloud refused this one request."""

    key = "request_rejected"
    text = "GREEN-API refused the request"


class MethodNotAvailable(RequestRejected):
    """Say that this instance lacks the method."""

    key = "method_not_available"
    text = "The instance has no such method"


class ValidationFailed(RequestRejected):
    """Say that the cloud found what was sent malformed."""

    key = "validation_failed"
    text = "GREEN-API found the request malformed"


class WebhookIsSet(RequestRejected):
    """Say that notifications go to a webhook and cannot be received."""

    key = "webhook_is_set"
    text = "The instance's notifications go to a webhook"


class AuthorizationRefused(GreenApiError):
    """Say that one step of an authorization was refused."""

    key = "authorization_refused"
    text = "The authorization was refused"

    def __init__(self, *, retry_after: float | None = None) -> None:
        """Take the time after which a repeat may succeed, where the cloud told."""
        super().__init__()
        self.retry_after = retry_after
        """Seconds; None where the cloud told none."""


class PairingRefused(AuthorizationRefused):
    """Say that the cloud gave no pairing code."""

    key = "pairing_refused"
    text = "GREEN-API gave no pairing code"


class AlreadyRegistered(AuthorizationRefused):
    """Say that the instance is authorized already."""

    key = "already_registered"
    text = "The instance is authorized already"


class InvalidPassword(AuthorizationRefused):
    """Say that the two-factor password is wrong."""

    key = "invalid_password"
    text = "The password is wrong"


class AuthorizationRateLimited(AuthorizationRefused):
    """Say that the messenger was asked for an authorization too often."""

    key = "rate_limit_exceeded"
    text = "The messenger was asked for an authorization too often"


class AuthorizationNotStarted(AuthorizationRefused):
    """Say that no authorization is under way that this could belong to."""

    key = "authorization_not_started"
    text = "No authorization is under way"


class MessengerTimedOut(AuthorizationRefused):
    """Say that the messenger did not answer the cloud in time."""

    key = "messenger_timeout"
    text = "The messenger did not answer GREEN-API in time"


class AttemptsExceeded(AuthorizationRefused):
    """Say that there were too many wrong attempts."""

    key = "attempts_exceeded"
    text = "There were too many wrong attempts"


class TimeLimitExpired(AuthorizationRefused):
    """Say that the authorization took too long and was ended by a logout."""

    key = "time_limit_expired"
    text = "The authorization took too long"
