"""TLS to a broker: what is trusted, who we are, and what a failure means."""

import ssl
from tempfile import NamedTemporaryFile

from .errors import (
    BrokerCertificateExpired,
    BrokerCertificateRefused,
    BrokerError,
    BrokerTlsFailed,
    BrokerUntrusted,
    BrokerWrongHost,
    InvalidCa,
    InvalidCertificate,
)
from .settings import BrokerSettings

# OpenSSL's X509_V_ERR_…: not yet valid, expired; host name, IP address mismatch.
_EXPIRED = frozenset({9, 10})
_WRONG_HOST = frozenset({62, 64})

# Parts of the names of the alerts that a broker ends a handshake with when it is
# not content with the client's certificate. A missing one is a "handshake failure"
# before TLS 1.3.
_CERTIFICATE_ALERTS = (
    "CERTIFICATE",
    "UNKNOWN_CA",
    "ACCESS_DENIED",
    "HANDSHAKE_FAILURE",
)


class TlsSocket(ssl.SSLSocket):
    """A socket that keeps what it failed with, because paho does not hand it on.

    In TLS 1.3 the broker looks at the client's certificate after the handshake is
    over for the client, so that a refusal is the first thing that is received.
    """

    certificate_refused = False

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Return what there is; raises OSError."""
        try:
            return super().recv(buflen, flags)
        except ssl.SSLError as error:
            self.certificate_refused |= _is_certificate_refused(error)
            raise


def tls_context(settings: BrokerSettings) -> ssl.SSLContext:
    """Return what a connection is secured with; blocks.

    The host name is always checked. Raises InvalidCa, InvalidCertificate.
    """
    context = _trusting(settings.ca)
    context.sslsocket_class = TlsSocket
    if settings.certificate or settings.key:
        _add_certificate(context, settings.certificate or "", settings.key or "")
    return context


def handshake_failure(error: OSError) -> BrokerError:
    """Return why a handshake came to nothing."""
    match error:
        case ssl.SSLCertVerificationError(verify_code=code):
            if code in _WRONG_HOST:
                return BrokerWrongHost()
            if code in _EXPIRED:
                return BrokerCertificateExpired()
            return BrokerUntrusted()
        case ssl.SSLError() if _is_certificate_refused(error):
            return BrokerCertificateRefused()
    return BrokerTlsFailed()


def _is_certificate_refused(error: ssl.SSLError) -> bool:
    reason = error.reason or ""
    return "_ALERT_" in reason and any(part in reason for part in _CERTIFICATE_ALERTS)


def _trusting(ca: str | None) -> ssl.SSLContext:
    """Return a context that trusts this authority, or the public ones."""
    if not ca:
        return ssl.create_default_context()
    # Not the default context, which is too strict for authorities made at home.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    # Certificates are ASCII; the text around them may be in any language.
    ascii_only = ca.encode("ascii", "ignore").decode()
    try:
        context.load_verify_locations(cadata=ascii_only)
    except ssl.SSLError, ValueError:
        raise InvalidCa from None
    return context


def _add_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    # OpenSSL takes them from a file only. Others may not read this one.
    try:
        with NamedTemporaryFile("w", encoding="utf-8", suffix=".pem") as file:
            file.write(f"{certificate}\n{key}\n")
            file.flush()
            # Without a password OpenSSL would ask for one at the console.
            context.load_cert_chain(file.name, password="")
    except ssl.SSLError:
        raise InvalidCertificate from None
    except OSError:
        raise BrokerError from None
