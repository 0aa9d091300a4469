"""What can go wrong between the integration and the cloud.

    GreenApiError
    ├── ConnectionFailed
    │   ├── HostNotFound
    │   ├── CertificateRejected
    │   ├── TimedOut
    │   ├── CloudFailed            5xx, 499
    │   └── UnexpectedAnswer       not JSON, not the documented shape, too large
    ├── RateLimited                429
    ├── QuotaExceeded              466
    ├── CredentialsRejected
    │   ├── TokenRejected          401
    │   └── InstanceRejected       403
    ├── InstanceExpired            400
    ├── InstanceDeleted            400
    ├── InstanceNotReady           400
    └── RequestRejected            400, 404, or an answer that says no

The texts are fixed: a URL, a body or a chained exception could carry the token.
"""

from typing import ClassVar


class GreenApiError(Exception):
    """Stand for every failure of a request to the cloud."""

    key: ClassVar[str] = "failed"
    """Names the failure in translations and payloads."""

    text: ClassVar[str] = "The request to GREEN-API failed"

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
