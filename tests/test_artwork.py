"""The pictures are those that Home Assistant wants, of one style and without words."""

from http import HTTPStatus
from itertools import product
from pathlib import Path
import re
from typing import Final
from xml.etree import ElementTree as ET

from homeassistant.components.brands.const import ALLOWED_IMAGES
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from PIL import Image, ImageChops, ImageStat
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.green_api.const import DOMAIN
from custom_components.green_api.stills import Situation

ROOT = Path(__file__).parent.parent
BRAND = ROOT / "custom_components" / "green_api" / "brand"
IMAGES = ROOT / "custom_components" / "green_api" / "images"
SOURCES = ROOT / "artwork"

SVG: Final = "{http://www.w3.org/2000/svg}"

# What a page may have behind a picture, in either theme.
BACKGROUNDS = {
    "": ((255, 255, 255), (250, 250, 250)),
    "dark_": ((17, 17, 17), (28, 28, 28)),
}

STILLS = sorted((SOURCES / "stills").glob("*.svg"))


# ------------------------------------------------------------------ brand


def _brand(name: str) -> Image.Image:
    with Image.open(BRAND / name) as picture:
        picture.load()
        assert picture.format == "PNG"
        return picture


def test_all_names_are_there_and_no_others() -> None:
    assert {path.name for path in BRAND.iterdir()} == ALLOWED_IMAGES
    assert len(ALLOWED_IMAGES) == 8


@pytest.mark.parametrize("theme", BACKGROUNDS)
def test_an_icon_is_a_square_of_the_wanted_size(theme: str) -> None:
    assert _brand(f"{theme}icon.png").size == (256, 256)
    assert _brand(f"{theme}icon@2x.png").size == (512, 512)


@pytest.mark.parametrize("theme", BACKGROUNDS)
def test_a_logo_is_wide_and_its_short_side_of_the_wanted_size(theme: str) -> None:
    one, two = _brand(f"{theme}logo.png"), _brand(f"{theme}logo@2x.png")
    assert 128 <= one.height <= 256 <= two.height <= 512
    assert one.width > one.height
    assert two.size == (2 * one.width, 2 * one.height)


@pytest.mark.parametrize("name", sorted(ALLOWED_IMAGES))
def test_a_brand_picture_is_transparent_and_trimmed(name: str) -> None:
    picture = _brand(name)
    assert picture.mode == "RGBA"
    alpha = picture.getchannel("A")
    assert alpha.getextrema() == (0, 255)
    assert alpha.getpixel((0, 0)) == 0
    left, top, right, bottom = alpha.getbbox() or (0, 0, 0, 0)
    most = picture.height // 64
    assert max(left, top, picture.width - right, picture.height - bottom) <= most


@pytest.mark.parametrize("name", sorted(ALLOWED_IMAGES))
def test_a_brand_picture_stands_out_from_its_theme(name: str) -> None:
    picture = _brand(name)
    for background in BACKGROUNDS["dark_" if name.startswith("dark_") else ""]:
        page = Image.new("RGB", picture.size, background)
        shown = page.copy()
        shown.paste(picture, mask=picture)
        opaque = picture.getchannel("A").point(lambda value: 255 * (value > 250))
        differs = ImageChops.difference(shown, page).convert("L")
        assert ImageStat.Stat(differs, opaque).extrema[0][0] > 60


def test_the_dark_pictures_differ_in_colour_alone() -> None:
    for name in (item for item in ALLOWED_IMAGES if not item.startswith("dark_")):
        light, dark = _brand(name), _brand(f"dark_{name}")
        assert light.tobytes() != dark.tobytes()
        shapes = ImageChops.difference(light.getchannel("A"), dark.getchannel("A"))
        assert shapes.getbbox() is None


async def test_home_assistant_serves_them(
    hass: HomeAssistant, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "brands", {})
    client = await hass_client()
    for name in ALLOWED_IMAGES:
        answer = await client.get(f"/api/brands/integration/{DOMAIN}/{name}")
        assert answer.status == HTTPStatus.OK
        assert await answer.read() == (BRAND / name).read_bytes()


# ------------------------------------------------------------------ stills


def test_each_picture_has_its_source() -> None:
    assert {path.stem for path in STILLS} == set(Situation)
    brand = {path.name for path in (SOURCES / "brand").iterdir()}
    assert brand == {"icon.svg", "logo.svg", "dark.css"}


@pytest.mark.parametrize(
    "path", sorted(SOURCES.rglob("*.svg")), ids=lambda path: path.stem
)
def test_a_source_holds_shapes_alone(path: Path) -> None:
    kinds = {item.tag.removeprefix(SVG) for item in ET.parse(path).iter()}  # noqa: S314  our own
    assert kinds <= {"svg", "g", "path", "rect", "circle"}


# The frame, the shapes of phone, code and cloud, and what each colour says.
COLOURS = {
    "#eef3f0": "the page",
    "#fff": "paper",
    "#5d7168": "the frame",
    "#1f322a": "ink",
    "#8fa199": "what does not work now",
    "#d3ded8": "what is of no importance",
    "#1f8a4c": "well",
    "#2a6296": "it goes on",
    "#d98200": "a person has to do something, or to wait",
    "#c62f2a": "it stands still",
    "#ffcc1f": "the yellow card",
}


@pytest.mark.parametrize("path", STILLS, ids=lambda path: path.stem)
def test_a_still_is_of_the_one_style(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert set(re.findall(r"#[0-9a-f]{3,6}(?=\")", source)) <= COLOURS.keys()
    frame = ET.fromstring(source)[:2]  # noqa: S314  our own
    assert [dict(item.attrib) for item in frame] == [
        {"fill": "#eef3f0", "d": "M0 0h552v552H0z"},
        {
            "x": "16",
            "y": "16",
            "width": "520",
            "height": "520",
            "rx": "44",
            "fill": "#fff",
            "stroke": "#5d7168",
            "stroke-width": "8",
        },
    ]
    assert source.count('id="emblem"') == 1
    assert sum(source.count(f'id="{it}"') for it in ("phone", "qr", "cloud")) == 1


@pytest.mark.parametrize("size", [200, 96])
def test_no_two_stills_look_alike_when_they_are_small(size: int) -> None:
    small = {
        path.stem: Image.open(IMAGES / f"{path.stem}.png")
        .convert("RGB")
        .resize((size, size), Image.Resampling.LANCZOS)
        for path in STILLS
    }
    for (one, first), (two, second) in product(small.items(), repeat=2):
        if one < two:
            difference = ImageStat.Stat(ImageChops.difference(first, second))
            assert max(difference.mean) > 1.5, (one, two)
