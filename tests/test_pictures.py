"""Pictures for the documents are small, and an animation plays as it was filmed."""

import io
from pathlib import Path
import random

from PIL import Image, ImageSequence
import pytest

from demo.errors import DemoError
from demo.pictures import (
    ANIMATION_BYTES,
    STILL_BYTES,
    Frame,
    save_animation,
    save_still,
)
from demo.places import ROOT


def png(image: Image.Image) -> bytes:
    with io.BytesIO() as file:
        image.save(file, "PNG")
        return file.getvalue()


def noise(width: int, height: int) -> bytes:
    data = random.Random(1).randbytes(3 * width * height)  # noqa: S311  no secret
    return png(Image.frombytes("RGB", (width, height), data))


def test_still_keeps_its_size_and_its_few_colours(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 30), "white")
    image.paste("#009ac7", (10, 10, 20, 20))
    save_still(tmp_path / "still.png", png(image))
    with Image.open(tmp_path / "still.png") as saved:
        assert saved.convert("RGB").tobytes() == image.tobytes()


def test_still_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"^still\.png has \d+ bytes, 150000 are"):
        save_still(tmp_path / "still.png", noise(600, 600))


def test_animation_shows_each_frame_for_its_time_and_begins_anew(
    tmp_path: Path,
) -> None:
    colours = ["#ffffff", "#000000", "#43a047"]
    frames = [
        Frame(picture=png(Image.new("RGB", (20, 20), colour)), seconds=number / 2)
        for number, colour in enumerate(colours, 1)
    ]
    save_animation(tmp_path / "film.webp", frames)
    with Image.open(tmp_path / "film.webp") as film:
        assert film.info["loop"] == 0
        shown = [
            (frame.convert("RGB").getpixel((5, 5)), frame.info["duration"])
            for frame in ImageSequence.Iterator(film)
        ]
    assert shown == [
        ((255, 255, 255), 500),
        ((0, 0, 0), 1000),
        ((67, 160, 71), 1500),
    ]


def test_pictures_of_the_documents_are_small() -> None:
    found = [*(ROOT / "docs" / "images").iterdir()]
    assert found
    for path in found:
        most = ANIMATION_BYTES if path.suffix == ".webp" else STILL_BYTES
        assert path.stat().st_size <= most, path.name
