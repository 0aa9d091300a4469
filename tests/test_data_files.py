"""The files that Home Assistant reads fit each other, the code and the rules."""

import ast
from collections.abc import Iterator
from dataclasses import is_dataclass
from importlib import import_module
import json
from pathlib import Path
import re
from string import Formatter
import tomllib
from typing import Any

from awesomeversion import AwesomeVersion, AwesomeVersionStrategy
from homeassistant.const import ATTR_DEVICE_CLASS, __version__
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er, icon, translation
from homeassistant.helpers.selector import selector
from homeassistant.helpers.service import async_get_all_descriptions
from homeassistant.loader import (
    Manifest,
    async_get_custom_components,
    async_get_integration,
)
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.green_api import PLATFORMS, config_flow, services
from custom_components.green_api.api.errors import (
    CredentialsRejected,
    GreenApiError,
    InstanceNotReady,
)
from custom_components.green_api.const import DOMAIN, MqttMode

ROOT = Path(__file__).parent.parent
INTEGRATION = ROOT / "custom_components" / "green_api"
LANGUAGES = ("en", "ru")


def _json(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


TEXTS = {
    name: _json(INTEGRATION / "translations" / f"{name}.json") for name in LANGUAGES
}
ICONS = _json(INTEGRATION / "icons.json")
MANIFEST = _json(INTEGRATION / "manifest.json")
HACS = _json(ROOT / "hacs.json")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SERVICES = load_yaml_dict(str(INTEGRATION / "services.yaml"))


def _flat(texts: dict[str, Any], path: str = "") -> Iterator[tuple[str, object]]:
    for key, value in texts.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            yield from _flat(value, here)
        else:
            yield here, value


FLAT = {name: dict(_flat(texts)) for name, texts in TEXTS.items()}
ALL_TEXTS = {
    f"{name}:{path}": text
    for name, texts in FLAT.items()
    for path, text in texts.items()
}


def _placeholders(text: object) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(str(text)) if name is not None}


# ------------------------------------------------------------------ texts


def test_the_languages_are_those_of_the_folder() -> None:
    files = {path.name for path in (INTEGRATION / "translations").iterdir()}
    assert files == {f"{name}.json" for name in LANGUAGES}


def test_every_text_stands_in_both_languages_and_the_same_order() -> None:
    assert list(FLAT["en"]) == list(FLAT["ru"])


def test_the_placeholders_are_the_same_in_both_languages() -> None:
    found = {
        name: {path: _placeholders(text) for path, text in texts.items()}
        for name, texts in FLAT.items()
    }
    assert found["en"] == found["ru"]


def test_russian_is_russian() -> None:
    # What is spelled alike in both: names of the vendor's.
    alike = {path for path, text in FLAT["ru"].items() if text == FLAT["en"][path]}
    for path in alike:
        assert FLAT["en"][path] in {
            "GREEN-API",
            "apiUrl",
            "apiTokenInstance",
            "idInstance",
        }
    assert len(alike) < 10


def test_every_text_says_something() -> None:
    for path, text in ALL_TEXTS.items():
        assert isinstance(text, str), path
        assert text, path
        assert text == text.strip(), path


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("HTML, which is not shown", r"<[a-zA-Z/]"),
        ("a placeholder in quotes, which is not filled", r"'\{\w+\}'"),
        ("a placeholder that is no name", r"\{(?!\w+\})"),
        ("an address, which hassfest refuses", r"\w://\w|www\.\w"),
    ],
)
def test_no_text_holds_what_home_assistant_does_not_take(
    what: str, pattern: str
) -> None:
    found = [path for path, text in ALL_TEXTS.items() if re.search(pattern, str(text))]
    assert found == [], what


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("category", [key for key in TEXTS["en"] if key != "title"])
async def test_home_assistant_loads_the_texts(
    hass: HomeAssistant, language: str, category: str
) -> None:
    loaded = await translation.async_get_translations(
        hass, language, category, {DOMAIN}
    )
    prefix = f"{category}."
    expected = {
        f"component.{DOMAIN}.{path}": text
        for path, text in FLAT[language].items()
        if path.startswith(prefix)
    }
    assert expected
    assert {key: loaded.get(key) for key in expected} == expected


# ------------------------------------------------------------------ errors


def _errors(base: type[GreenApiError] = GreenApiError) -> set[type[GreenApiError]]:
    return {base}.union(*map(_errors, base.__subclasses__()))


# Only their subclasses are ever raised.
FAMILIES = {GreenApiError, CredentialsRejected}
RAISED = sorted(_errors() - FAMILIES, key=lambda error: error.key)


def _trees() -> Iterator[ast.Module]:
    for path in INTEGRATION.rglob("*.py"):
        yield ast.parse(path.read_text(encoding="utf-8"))


def _nodes[Node: ast.AST](kind: type[Node]) -> Iterator[Node]:
    for tree in _trees():
        yield from (node for node in ast.walk(tree) if isinstance(node, kind))


def test_no_family_of_errors_is_raised_itself() -> None:
    names = {error.__name__ for error in FAMILIES}
    called = {ast.unparse(node.func) for node in _nodes(ast.Call)}
    raised = {ast.unparse(node.exc) for node in _nodes(ast.Raise) if node.exc}
    mapped = {ast.unparse(value) for node in _nodes(ast.Dict) for value in node.values}
    assert "TokenRejected" in mapped, "the search finds nothing any more"
    assert "UnexpectedAnswer" in raised, "the search finds nothing any more"
    assert "InstanceExpired" in called, "the search finds nothing any more"
    assert not names & (called | raised | mapped)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_errors_with_a_text_are_those_that_are_raised(language: str) -> None:
    keys = {error.key for error in RAISED}
    assert set(TEXTS[language]["exceptions"]) == keys
    for key in keys:
        assert set(TEXTS[language]["exceptions"][key]) == {"message"}


def _invalid_address_keys() -> set[object]:
    keys: set[object] = set()
    for node in _nodes(ast.Call):
        if ast.unparse(node.func) == "InvalidAddress":
            (key,) = node.args
            assert isinstance(key, ast.Constant)
            keys.add(key.value)
    return keys


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_of_the_setup_has_a_text_and_no_text_is_left_over(
    language: str,
) -> None:
    typed = _invalid_address_keys()
    assert {"invalid_token", "api_url_not_https"} <= typed
    online = {error.key for error in RAISED} - {InstanceNotReady.key}
    assert set(TEXTS[language]["config"]["error"]) == typed | online


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_of_the_options_has_a_text_and_no_text_is_left_over(
    language: str,
) -> None:
    literals = {
        node.value.value
        for node in _nodes(ast.Assign)
        if ast.unparse(node.targets[0]).startswith("errors[")
        and isinstance(node.value, ast.Constant)
    }
    assert literals
    assert set(TEXTS[language]["options"]["error"]) == literals


# ------------------------------------------------------------------ flows


def _fields(*schemas: vol.Schema) -> set[str]:
    return {str(key) for schema in schemas for key in schema.schema}


FORMS = {
    "config.user": _fields(config_flow.CREDENTIALS_SCHEMA),
    "config.connection": _fields(config_flow.ADDRESS_SCHEMA, config_flow.MQTT_SCHEMA),
    "config.reauth_confirm": _fields(config_flow.TOKEN_SCHEMA),
    "options.init": _fields(config_flow.OPTIONS_SCHEMA),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_has_a_title_and_a_text_for_each_field(language: str) -> None:
    texts = TEXTS[language]
    steps = {
        f"{flow}.{s}" for flow in ("config", "options") for s in texts[flow]["step"]
    }
    assert steps == set(FORMS)
    for form, fields in FORMS.items():
        flow, step = form.split(".")
        of_step = texts[flow]["step"][step]
        assert set(of_step) == {"title", "description", "data", "data_description"}
        assert set(of_step["data"]) == fields
        assert set(of_step["data_description"]) == fields


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_choice_of_a_selector_has_a_text(language: str) -> None:
    assert set(TEXTS[language]["selector"]) == {"mqtt"}
    assert set(TEXTS[language]["selector"]["mqtt"]["options"]) == set(MqttMode)


# ------------------------------------------------------------------ entities


def _descriptions() -> Iterator[tuple[str, Any]]:
    for platform in PLATFORMS:
        module = import_module(f"custom_components.{DOMAIN}.{platform}")
        for value in vars(module).values():
            for item in value if isinstance(value, tuple) else (value,):
                # Not all are instances of EntityDescription, but all look so.
                alike = is_dataclass(item) and hasattr(item, "entity_category")
                if alike and not isinstance(item, type):
                    yield platform, item


DESCRIPTIONS = list(_descriptions())


def test_each_platform_describes_its_entities() -> None:
    assert {platform for platform, _ in DESCRIPTIONS} == set(PLATFORMS)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("platform", "description"), DESCRIPTIONS)
def test_an_entity_has_a_name_and_an_icon(
    language: str, platform: str, description: Any
) -> None:
    key = description.translation_key
    assert key
    texts = TEXTS[language]["entity"][platform][key]
    icons = ICONS["entity"][platform][key]
    assert texts["name"]
    assert icons["default"].startswith("mdi:")
    options = set(getattr(description, "options", None) or ())
    assert set(texts.get("state", ())) == options
    assert set(icons.get("state", ())) == options


def test_no_name_or_icon_is_left_over() -> None:
    described = {
        f"{platform}.{item.translation_key}" for platform, item in DESCRIPTIONS
    }
    for entities in (*(texts["entity"] for texts in TEXTS.values()), ICONS["entity"]):
        found = {f"{platform}.{key}" for platform, of in entities.items() for key in of}
        assert found == described


def test_every_icon_is_spelled_as_one() -> None:
    for path, name in _flat(ICONS):
        assert re.fullmatch(r"mdi:[a-z0-9]+(-[a-z0-9]+)*", str(name)), path


async def test_home_assistant_gives_names_and_icons_to_the_entities(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    await hass.async_block_till_done()
    entries = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    assert len(entries) == len(DESCRIPTIONS)
    names = FLAT["en"]
    icons = await icon.async_get_icons(hass, "entity", {DOMAIN})
    for item in entries:
        name = names[f"entity.{item.domain}.{item.translation_key}.name"]
        assert item.original_name == name
        state = hass.states.get(item.entity_id)
        assert state
        assert state.name == f"{entry.title} {name}"
        assert icons[DOMAIN][item.domain][str(item.translation_key)]["default"]
    sensor = hass.states.get("sensor.whatsapp_1101000001_state")
    assert sensor
    assert sensor.attributes[ATTR_DEVICE_CLASS] == "enum"
    for option in sensor.attributes["options"]:
        assert names[f"entity.sensor.state.state.{option}"]


# ------------------------------------------------------------------ actions


def test_every_action_has_texts_and_an_icon() -> None:
    assert set(SERVICES) == {services.SERVICE_LOGOUT}
    assert set(ICONS["services"]) == set(SERVICES)
    for language in LANGUAGES:
        texts = TEXTS[language]["services"]
        assert set(texts) == set(SERVICES)
        for name, action in SERVICES.items():
            assert set(texts[name]) == {"name", "description", "fields"}
            assert set(texts[name]["fields"]) == set(action["fields"])
            for field in texts[name]["fields"].values():
                assert set(field) == {"name", "description"}


def test_the_fields_of_the_action_are_those_of_its_schema() -> None:
    schema = services.INSTANCE_SCHEMA.validators[0]
    assert set(SERVICES[services.SERVICE_LOGOUT]["fields"]) == _fields(schema)


@pytest.mark.parametrize(
    ("name", "field"),
    [(name, field) for name, of in SERVICES.items() for field in of["fields"].values()],
)
def test_the_selector_of_a_field_is_one_that_home_assistant_has(
    name: str, field: dict[str, Any]
) -> None:
    assert selector(field["selector"]).config, name


async def test_home_assistant_describes_the_action(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    described = (await async_get_all_descriptions(hass))[DOMAIN]
    assert set(described) == set(hass.services.async_services_for_domain(DOMAIN))
    assert set(described) == set(SERVICES)
    for name, action in SERVICES.items():
        assert set(described[name]["fields"]) == set(action["fields"])
    loaded = await translation.async_get_translations(hass, "en", "services", {DOMAIN})
    assert loaded[f"component.{DOMAIN}.services.logout.name"] == "Log out"
    icons = await icon.async_get_icons(hass, "services", {DOMAIN})
    assert icons[DOMAIN] == ICONS["services"]


# ------------------------------------------------------------------ manifests


def test_the_manifest_is_in_the_prescribed_order_and_has_known_keys() -> None:
    keys = list(MANIFEST)
    assert keys[:2] == ["domain", "name"]
    assert keys[2:] == sorted(keys[2:])
    assert set(keys) <= set(Manifest.__annotations__)


def test_the_manifest_says_what_a_custom_integration_has_to() -> None:
    assert MANIFEST["domain"] == DOMAIN == INTEGRATION.name
    assert MANIFEST["name"] == HACS["name"] == TEXTS["en"]["title"]
    assert MANIFEST["config_flow"] is True
    assert MANIFEST["integration_type"] == "service"
    assert MANIFEST["iot_class"] == "cloud_polling"
    assert "requirements" not in MANIFEST, "nothing that Home Assistant does not bring"
    assert all(re.fullmatch(r"@[\w-]+", owner) for owner in MANIFEST["codeowners"])
    for key in ("documentation", "issue_tracker"):
        assert MANIFEST[key].startswith("https://github.com/")


def test_the_version_is_valid_and_the_same_everywhere() -> None:
    version = AwesomeVersion(
        MANIFEST["version"], ensure_strategy=AwesomeVersionStrategy.SEMVER
    )
    assert version == PROJECT["project"]["version"]


async def test_home_assistant_takes_the_manifest(hass: HomeAssistant) -> None:
    integration = (await async_get_custom_components(hass))[DOMAIN]
    assert integration.manifest.items() >= MANIFEST.items()
    assert integration.version == MANIFEST["version"]
    assert integration.file_path == INTEGRATION
    assert await integration.resolve_dependencies()


@pytest.mark.parametrize(
    "dependency", [*MANIFEST["dependencies"], *MANIFEST["after_dependencies"]]
)
async def test_what_the_manifest_depends_on_is_a_part_of_home_assistant(
    hass: HomeAssistant, dependency: str
) -> None:
    integration = await async_get_integration(hass, dependency)
    assert integration.is_built_in
    assert integration.disabled is None


def test_hacs_knows_the_keys_and_the_oldest_home_assistant() -> None:
    assert set(HACS) <= {
        "name",
        "content_in_root",
        "country",
        "filename",
        "hacs",
        "hide_default_branch",
        "homeassistant",
        "persistent_directory",
        "zip_release",
    }
    oldest = AwesomeVersion(
        HACS["homeassistant"], ensure_strategy=AwesomeVersionStrategy.CALVER
    )
    assert oldest <= __version__
