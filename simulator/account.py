"""The messenger account on the phone."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The messenger account that gets linked to an instance."""

    phone: str
    """Digits only, with country code."""
    name: str
    wid: str
    """The account's id in the messenger."""
