"""The pictures of login codes."""

import base64
import io
from typing import TYPE_CHECKING

from PIL import Image
import pytest
import zxingcpp

from simulator import Cloud, Messenger

if TYPE_CHECKING:
    from .conftest import Ask


def read(png: bytes) -> str:
    with Image.open(io.BytesIO(png)) as picture:
        (code,) = zxingcpp.read_barcodes(picture)
        return code.text


@pytest.mark.parametrize(
    ("messenger", "start"),
    [
        (Messenger.WHATSAPP, "2@"),
        (Messenger.TELEGRAM, "tg://login?token="),
        (Messenger.MAX, "https://max.ru/:auth/"),
    ],
)
async def test_the_picture_says_the_payload(
    cloud: Cloud, ask: Ask, messenger: Messenger, start: str
) -> None:
    instance = cloud.create("1101000001", messenger)
    answer = (await ask(instance, "qr")).json()
    assert answer["type"] == "qrCode"
    payload = read(base64.b64decode(answer["message"], validate=True))
    assert payload == instance.payload
    assert payload.startswith(start)
    assert instance.token not in payload
    assert instance.id_instance not in payload


async def test_the_picture_is_276_pixels_with_a_white_border(
    cloud: Cloud,
) -> None:
    for number, messenger in enumerate(Messenger):
        code = cloud.create(f"110100000{number}", messenger).request_code()
        assert code
        with Image.open(io.BytesIO(code.png)) as picture:
            assert picture.format == "PNG"
            assert picture.size == (276, 276)
            grey = picture.convert("L")
        black_and_white = {colour for _, colour in grey.getcolors() or []}
        assert black_and_white == {0, 255}
        dark = grey.point(lambda value: 255 - value).getbbox()
        assert dark == (16, 16, 260, 260)


async def test_every_code_is_another_one(cloud: Cloud) -> None:
    codes = {
        cloud.create(str(number), messenger).request_code()
        for number, messenger in enumerate(list(Messenger) * 5)
    }
    assert len({code.payload for code in codes if code}) == 15
