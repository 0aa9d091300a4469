"""Users that Mosquitto knows."""

from base64 import b64encode
from hashlib import pbkdf2_hmac
import os
from pathlib import Path


def password_file(folder: Path, user: str, password: str) -> Path:
    """Write a password as Mosquitto hashes it."""
    salt = os.urandom(12)
    digest = pbkdf2_hmac("sha512", password.encode(), salt, 101)
    parts = "$".join(["7", "101", *(b64encode(b).decode() for b in (salt, digest))])
    file = folder / "passwords"
    file.write_text(f"{user}:${parts}\n")
    file.chmod(0o600)
    return file
