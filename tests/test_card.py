"""The card's file: served, loaded by every page, and in keeping with the rest."""

from hashlib import sha256
from http import HTTPStatus
import json
from pathlib import Path
import re
from string import Formatter
from typing import Any

import hass_frontend
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.green_api import button, image, sensor
from custom_components.green_api.api.models import InstanceState, Messenger
from custom_components.green_api.card import CARD_URL
from custom_components.green_api.const import DOMAIN, PAIRING_CODE_LIFE
from custom_components.green_api.services import ACTIONS
from custom_components.green_api.snapshot import LoginPhase
from demo.places import INTEGRATION
from demo.storage import onboarding
from tests.card_file import CARD_FILE, card_source, card_texts

SOURCE = card_source()
TEXTS = card_texts()
CODE = SOURCE.partition("// What the card takes")[2]
"""All but the texts."""

MANIFEST = json.loads((INTEGRATION / "manifest.json").read_text("utf-8"))
ADDRESS = f"{CARD_URL}?v={sha256(SOURCE.encode()).hexdigest()[:12]}"


def block(name: str) -> str:
    """Return the source of one of the module's constants."""
    found = re.search(rf"^const {name} = (.*?);$", SOURCE, re.MULTILINE | re.DOTALL)
    assert found, name
    return found[1]


def words(text: str) -> set[str]:
    """Return the words that stand in double quotes."""
    return set(re.findall(r'"(\w+)"', text))


# ------------------------------------------------------------------ served


@pytest.fixture
async def interface(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    """Set up Home Assistant's interface, of which nobody is new, then ours."""
    hass_storage["onboarding"] = onboarding()
    assert await async_setup_component(hass, "frontend", {})
    assert await async_setup_component(hass, DOMAIN, {})


@pytest.mark.usefixtures("interface")
async def test_every_page_loads_it_by_an_address_that_changes_with_it(
    hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator
) -> None:
    client = await hass_client_no_auth()
    page = await (await client.get("/")).text()
    assert f'import("{ADDRESS}")' in page
    answer = await client.get(ADDRESS)
    assert answer.status == HTTPStatus.OK
    assert answer.content_type in {"text/javascript", "application/javascript"}
    assert await answer.text() == SOURCE
    assert "max-age" in answer.headers["Cache-Control"]


@pytest.mark.usefixtures("interface")
async def test_it_is_registered_once_whatever_becomes_of_the_entries(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    assert await hass.config_entries.async_reload(entry.entry_id)
    client = await hass_client_no_auth()
    page = await (await client.get("/")).text()
    assert page.count(f'import("{CARD_URL}') == 1


async def test_nothing_is_registered_without_an_interface(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    client = await hass_client_no_auth()
    assert (await client.get(CARD_URL)).status == HTTPStatus.NOT_FOUND
    assert "frontend" not in hass.config.components


def test_the_interface_is_waited_for_but_not_needed() -> None:
    assert "frontend" in MANIFEST["after_dependencies"]
    assert "http" in MANIFEST["dependencies"]


# ------------------------------------------------------------------ texts


def placeholders(text: str) -> set[str]:
    """Return the names of the gaps in a text."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_every_text_stands_in_both_languages_and_the_same_order() -> None:
    assert set(TEXTS) == {"en", "ru"}
    assert list(TEXTS["en"]) == list(TEXTS["ru"])


@pytest.mark.parametrize("key", TEXTS["en"])
def test_a_text_is_translated_and_has_the_same_gaps(key: str) -> None:
    english, russian = TEXTS["en"][key], TEXTS["ru"][key]
    assert english == english.strip() != ""
    assert russian == russian.strip() != ""
    assert placeholders(english) == placeholders(russian)
    assert english != russian


def test_every_text_is_used_and_no_other() -> None:
    fixed = words(CODE)
    patterns = [
        re.compile(re.sub(r"\\\$\\\{.*?\\\}", r"\\w+", re.escape(template)) + r"\Z")
        for template in re.findall(r"`((?:\w|\$\{[^`{}]+\})+)`", CODE)
    ]
    for key in TEXTS["en"]:
        made = any(pattern.match(key) for pattern in patterns)
        assert key in fixed or made, key
    called = set(re.findall(r'#text\("(\w+)"', CODE))
    assert called <= set(TEXTS["en"])


@pytest.mark.parametrize("state", [item for item in InstanceState if item != "unknown"])
def test_every_state_has_a_look_and_words(state: str) -> None:
    assert re.search(rf"^  {state}: \{{ icon:", block("LOOKS"), re.MULTILINE)
    linkable = words(block("LINKABLE"))
    asked = {"pending_password"}
    assert f"says_{state}" in TEXTS["en"] or state in linkable | asked


@pytest.mark.parametrize("messenger", [item.label for item in Messenger])
def test_every_messenger_has_its_steps(messenger: str) -> None:
    for step in (1, 2, 3):
        for texts in TEXTS.values():
            assert texts[f"step_{messenger.lower()}_{step}"]
    assert messenger in TEXTS["en"][f"step_{messenger.lower()}_1"]


# ------------------------------------------------------------------ in keeping


def described(module: Any) -> set[str]:
    """Return the translation keys of a platform's entities."""
    found = getattr(module, "DESCRIPTIONS", None) or (module.DESCRIPTION,)
    return {item.translation_key for item in found}


def test_it_looks_for_entities_that_there_are() -> None:
    wanted = re.findall(r'\["(\w+)", "(\w+)"\]', block("ENTITIES"))
    assert len(wanted) >= 7
    platforms = {"button": button, "image": image, "sensor": sensor}
    for domain, key in wanted:
        assert key in described(platforms[domain])


def test_it_knows_states_phases_attributes_and_actions_by_their_names() -> None:
    states = words(block("LINKED")) | words(block("LINKABLE"))
    assert states <= set(InstanceState)
    phases = set(re.findall(r'phase === "(\w+)"', CODE))
    assert len(phases) >= 4
    assert phases <= set(LoginPhase)
    assert set(re.findall(r"attributes\.(\w+)", CODE)) <= {
        *sensor.LOGIN_ATTRIBUTES,
        "entity_picture",
    }
    actions = set(re.findall(r'#act\("(\w+)"', CODE))
    assert len(actions) == 4
    assert actions <= set(ACTIONS)


def test_it_shows_a_pairing_code_as_long_as_that_is_valid() -> None:
    assert int(block("PAIRING_LIFE")) == PAIRING_CODE_LIFE.total_seconds() * 1000


def test_every_icon_is_one_that_home_assistant_has() -> None:
    folder = Path(hass_frontend.__file__).parent / "static" / "mdi"
    known: set[str] = set()
    for part in json.loads((folder / "iconMetadata.json").read_text())["parts"]:
        known.update(json.loads((folder / f"{part['file']}.json").read_text()))
    icons = set(re.findall(r'"mdi:([a-z0-9-]+)"', SOURCE))
    assert len(icons) > 10
    assert icons <= known


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("data as markup", r"innerHTML|outerHTML|insertAdjacentHTML|document\.write"),
        ("what stays in the browser", r"localStorage|sessionStorage|indexedDB|cookie"),
        ("what others can read", r"console\.|postMessage|navigator\.|fetch\(|XMLHttp"),
        ("code made of text", r"eval\(|new Function|setTimeout\(\"|import\("),
        ("another module", r"^import |from \"http|https?://(?!github\.com|www\.w3)"),
    ],
)
def test_it_does_without(what: str, pattern: str) -> None:
    assert re.findall(pattern, SOURCE, re.MULTILINE) == [], what


def test_what_is_secret_is_typed_unseen_and_not_remembered() -> None:
    assert CARD_FILE.is_file()
    assert re.search(r'const password = \{ type: "password" \};', SOURCE)
    passwords = re.findall(r'#field\("password", "\w+", (\w+)', SOURCE)
    assert passwords == ["password", "password"]
    assert re.search(r'required: "", autocomplete: "off", \.\.\.attributes', SOURCE)
