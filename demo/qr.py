"""Read login codes as a phone does."""

import io

from PIL import Image
import zxingcpp


def read_qr(picture: bytes) -> str | None:
    """Return what the QR in a picture says, None where there is none."""
    return next(iter(read_qrs(picture)), None)


def read_qrs(picture: bytes) -> list[str]:
    """Return what all the QRs in a picture say."""
    with Image.open(io.BytesIO(picture)) as image:
        return [found.text for found in zxingcpp.read_barcodes(image.convert("L"))]
