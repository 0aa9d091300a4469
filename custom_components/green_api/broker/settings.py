"""Where a broker is and how it is to be spoken to."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """Hold what a connection needs; certificates and key are PEM texts."""

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca: str | None = None
    """Who is trusted instead of the public authorities."""

    certificate: str | None = None
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Will:
    """Hold what the broker says, retained, when the connection breaks."""

    topic: str
    payload: str
