"""Frames of scanqrcode that are errors, or that make no sense."""

import json
from typing import TYPE_CHECKING

from .faults import Frame

if TYPE_CHECKING:
    from .faults import FrameFault

_OVERSIZE = 8 * 1024 * 1024


def faulty_frame(fault: FrameFault) -> str | bytes:
    """Return a fault's frame; bytes make a binary one."""
    match fault.what:
        case Frame.MALFORMED:
            return '{"type":"qrCode","message":'
        case Frame.BINARY:
            return bytes(range(128, 256))
        case Frame.OVERSIZED:
            return json.dumps({"type": "qrCode", "message": "A" * _OVERSIZE})
        case Frame.UNKNOWN_TYPE:
            return json.dumps({"type": "somethingNew", "message": "something new"})
        case Frame.ERROR:
            return json.dumps({"type": "error", "message": fault.message})
    return json.dumps({"type": "qrCode"})
