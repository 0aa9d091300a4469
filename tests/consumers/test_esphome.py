"""The ESPHome recipe, as far as it can be checked without ESPHome."""

from typing import Any

import pytest
import yaml

from .conftest import read


class _Loader(yaml.SafeLoader):
    """Read ESPHome's tags as plain values."""


_Loader.add_multi_constructor(
    "!", lambda loader, tag, node: f"!{tag} {loader.construct_scalar(node)}"
)


@pytest.fixture(scope="module")
def recipe() -> dict[str, Any]:
    """Return the configuration."""
    loaded = yaml.load(read("esphome.yaml"), _Loader)  # noqa: S506  it is a safe one
    assert isinstance(loaded, dict)
    return loaded


def test_the_token_of_the_picture_is_neither_logged_nor_published(
    recipe: dict[str, Any],
) -> None:
    assert recipe["logger"] == {"level": "INFO"}
    assert recipe["mqtt"]["log_topic"] is None
    assert recipe["mqtt"]["discovery"] is False
    # What has a name is published.
    assert not [item for item in recipe["text_sensor"] if "name" in item]


def test_nothing_secret_stands_in_it(recipe: dict[str, Any]) -> None:
    secret = [
        recipe["wifi"]["password"],
        recipe["api"]["encryption"]["key"],
        *(recipe["mqtt"][key] for key in ("broker", "username", "password")),
    ]
    assert all(item.startswith("!secret ") for item in secret)


def test_what_is_referred_to_is_there(recipe: dict[str, Any]) -> None:
    text = read("esphome.yaml")
    listed = [
        *recipe["text_sensor"],
        *(*recipe["image"], *recipe["globals"], *recipe["script"], *recipe["font"]),
        *(*recipe["color"], *recipe["display"]),
    ]
    ids = {item["id"] for item in listed}
    referred = set(_words_after(text, "script.execute: "))
    referred |= set(_words_after(text, "component.update: "))
    referred |= set(_words_after(text, "id("))
    assert referred <= ids


def _words_after(text: str, mark: str) -> list[str]:
    return [part.split(")")[0].split()[0] for part in text.split(mark)[1:]]
