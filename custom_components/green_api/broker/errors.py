"""What can go wrong on the way to a broker.

The key of each names its translated text. The texts of the exceptions are fixed:
none of paho's or OpenSSL's is handed on.
"""

from typing import ClassVar


class BrokerError(Exception):
    """Say why there is no connection, or why a message did not get out."""

    key: ClassVar = "broker_failed"

    def __str__(self) -> str:
        """Return the key, for the log."""
        return self.key


class BrokerNotFound(BrokerError):
    """Say that DNS knows no such host."""

    key = "broker_not_found"


class BrokerRefused(BrokerError):
    """Say that nobody takes connections at this port."""

    key = "broker_refused"


class BrokerUnreachable(BrokerError):
    """Say that the network leads nowhere."""

    key = "broker_unreachable"


class BrokerTimedOut(BrokerError):
    """Say that no answer came in time."""

    key = "broker_timed_out"


class BrokerClosed(BrokerError):
    """Say that the broker closed the connection without a word, or later on."""

    key = "broker_closed"


class BrokerUntrusted(BrokerError):
    """Say that nobody trusted has signed the broker's certificate."""

    key = "broker_untrusted"


class BrokerWrongHost(BrokerError):
    """Say that the broker's certificate is for another host."""

    key = "broker_wrong_host"


class BrokerCertificateExpired(BrokerError):
    """Say that a certificate of the broker is no longer valid, or not yet."""

    key = "broker_certificate_expired"


class BrokerTlsFailed(BrokerError):
    """Say that no TLS came about, as at a port without it."""

    key = "broker_tls_failed"


class BrokerCertificateRefused(BrokerError):
    """Say that the broker wants a client certificate, or another one."""

    key = "broker_certificate_refused"


class BrokerCredentialsRefused(BrokerError):
    """Say that the broker does not take user and password."""

    key = "broker_credentials_refused"


class BrokerClientIdRefused(BrokerError):
    """Say that the broker does not take the client id."""

    key = "broker_client_id_refused"


class BrokerProtocolRefused(BrokerError):
    """Say that the broker speaks neither MQTT 5 nor 3.1.1 with us."""

    key = "broker_protocol_refused"


class BrokerNotAuthorized(BrokerError):
    """Say that the broker does not let the user publish, or subscribe, there."""

    key = "broker_not_authorized"


class BrokerTooLarge(BrokerError):
    """Say that the broker takes no message of that size."""

    key = "broker_too_large"


class BrokerWithoutRetain(BrokerError):
    """Say that the broker keeps no messages."""

    key = "broker_without_retain"


class InvalidCa(BrokerError):
    """Say that the text is no certificate in PEM."""

    key = "invalid_ca"


class InvalidCertificate(BrokerError):
    """Say that certificate and key are not PEM, do not fit, or want a password."""

    key = "invalid_certificate"
