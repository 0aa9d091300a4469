"""Read login codes as a phone does."""

import io

from PIL import Image
import zxingcpp


def read_qr(picture: bytes) -> str | None:
    """Return what the QR in a picture says, None where there is none."""
    with Image.open(io.BytesIO(picture)) as image:
        found = zxingcpp.read_barcodes(image.convert("L"))
    return found[0].text if found else None
