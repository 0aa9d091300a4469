"""Certificates as users paste them: PEM texts."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
import trustme

HOST = "127.0.0.1"


class Identity(NamedTuple):
    """A certificate and its key."""

    certificate: str
    key: str


def ca_text(authority: trustme.CA) -> str:
    """Return the certificate of an authority."""
    return authority.cert_pem.bytes().decode()


def issue(
    authority: trustme.CA, *names: str, expires: datetime | None = None
) -> Identity:
    """Let an authority issue a certificate for the names."""
    issued = authority.issue_cert(*names, not_after=expires)
    chain = b"".join(pem.bytes() for pem in issued.cert_chain_pems)
    return Identity(chain.decode(), issued.private_key_pem.bytes().decode())


def lock(key: str, password: str) -> str:
    """Return the key, encrypted."""
    return (
        load_pem_private_key(key.encode(), None)
        .private_bytes(
            Encoding.PEM,
            PrivateFormat.PKCS8,
            BestAvailableEncryption(password.encode()),
        )
        .decode()
    )


def self_signed() -> Identity:
    """Return what old instructions lead to: no key identifiers, its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "home")])
    address = x509.IPAddress(ip_address(HOST))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Identity(
        certificate.public_bytes(Encoding.PEM).decode(),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    )


def listener(
    folder: Path, identity: Identity, clients: trustme.CA | None = None
) -> list[str]:
    """Return Mosquitto's options for TLS, with clients of this authority only."""
    certificate, key = folder / "broker.pem", folder / "broker.key"
    certificate.write_text(identity.certificate)
    key.write_text(identity.key)
    options = ["allow_anonymous true", f"certfile {certificate}", f"keyfile {key}"]
    if clients:
        authorities = folder / "clients.pem"
        authorities.write_text(ca_text(clients))
        options += [f"cafile {authorities}", "require_certificate true"]
    return options
