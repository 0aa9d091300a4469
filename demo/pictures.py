"""Files of what a browser shows: stills and short animations, small enough for docs."""

from collections.abc import Sequence
from dataclasses import dataclass
import io
from pathlib import Path
from typing import Final

from PIL import Image

from .errors import DemoError

STILL_BYTES: Final = 150_000
ANIMATION_BYTES: Final = 1_000_000

_COLOURS: Final = 256


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One picture of an animation, as PNG, and how long it stands."""

    picture: bytes
    seconds: float


def save_still(path: Path, picture: bytes) -> None:
    """Write a PNG with a palette. Raises DemoError where it is too large for docs."""
    with Image.open(io.BytesIO(picture)) as image:
        few = image.convert("RGB").quantize(
            _COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
        )
    few.save(path, optimize=True)
    _check(path, STILL_BYTES)


def save_animation(path: Path, frames: Sequence[Frame]) -> None:
    """Write an animated WebP that begins anew at its end.

    All frames have the first one's size. Raises DemoError where it is too large.
    """
    images = [Image.open(io.BytesIO(frame.picture)).convert("RGB") for frame in frames]
    first, *others = (image.resize(images[0].size) for image in images)
    first.save(
        path,
        save_all=True,
        append_images=others,
        duration=[round(frame.seconds * 1000) for frame in frames],
        loop=0,
        lossless=True,
        method=6,
    )
    _check(path, ANIMATION_BYTES)


def _check(path: Path, most: int) -> None:
    size = path.stat().st_size
    if size > most:
        problem = f"{path.name} has {size} bytes, {most} are the most"
        raise DemoError(problem, "show less in it")
