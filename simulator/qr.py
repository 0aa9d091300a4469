"""Login codes and their pictures."""

import base64
from dataclasses import dataclass
from functools import lru_cache
import io

import segno

_VERSION = 11
_SCALE = 4
_BORDER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A login code of an instance."""

    payload: str
    """What the messenger on the phone reads."""
    number: int
    """1 for the instance's first code."""
    issued_at: float
    expires_at: float
    """Both in the clock's seconds."""

    @property
    def png(self) -> bytes:
        """Return the picture: PNG, 276 px square, black on white with border."""
        return draw(self.payload)

    @property
    def base64(self) -> str:
        """Return the picture as the vendor API gives it."""
        return base64.b64encode(self.png).decode()


@lru_cache(maxsize=32)
def draw(payload: str) -> bytes:
    """Draw a payload as a QR of version 11: (61 + 2 x 4) modules x 4 px = 276 px.

    Every messenger gets this size, the only one that was ever seen. Drawn in
    the event loop, not in a thread, because a test must find no thread left;
    the cache keeps it to once a code, about 10 ms.
    """
    picture = io.BytesIO()
    code = segno.make_qr(payload, version=_VERSION, error="m", boost_error=False)
    code.save(picture, kind="png", scale=_SCALE, border=_BORDER)
    return picture.getvalue()
