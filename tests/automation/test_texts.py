"""The automation editor knows our triggers and conditions, in every language."""

from datetime import timedelta
import json
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    condition as condition_helper,
    selector,
    trigger as trigger_helper,
)
from homeassistant.helpers.icon import async_get_icons
from homeassistant.helpers.translation import async_get_translations
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import yaml

from custom_components.green_api.api.models import InstanceState
from custom_components.green_api.condition import _CONDITIONS
from custom_components.green_api.const import DOMAIN
from custom_components.green_api.trigger import _TRIGGERS
from tests.logs import errors_logged

INTEGRATION = Path(__file__).parents[2] / "custom_components" / DOMAIN
LANGUAGES = ("en", "ru")
FORMS: dict[str, dict[str, type[Any]]] = {
    "triggers": _TRIGGERS,
    "conditions": _CONDITIONS,
}
KINDS = [(form, name) for form, kinds in FORMS.items() for name in kinds]

HELPERS = {"triggers": trigger_helper, "conditions": condition_helper}


def described(form: str) -> dict[str, Any]:
    """Return what the YAML file says, without what it only uses several times."""
    content = yaml.safe_load((INTEGRATION / f"{form}.yaml").read_text("utf-8"))
    return {key: of for key, of in content.items() if not key.startswith(".")}


def options_of(form: str, name: str) -> set[str]:
    """Return the options that a trigger or condition takes."""
    fields = FORMS[form][name].schema.schema
    options = {str(key): value for key, value in fields.items()}["options"]
    return set(map(str, options))


def texts_of(language: str) -> Any:
    """Return all texts in a language."""
    return json.loads((INTEGRATION / "translations" / f"{language}.json").read_text())


@pytest.mark.parametrize("form", FORMS)
def test_all_are_described_and_nothing_else(form: str) -> None:
    names = set(FORMS[form])
    assert set(described(form)) == names
    assert set(json.loads((INTEGRATION / "icons.json").read_text())[form]) == names
    for language in LANGUAGES:
        assert set(texts_of(language)[form]) == names


@pytest.mark.parametrize(("form", "name"), KINDS)
def test_the_fields_are_those_of_the_schema(form: str, name: str) -> None:
    fields = described(form)[name].get("fields", {})
    assert set(fields) == options_of(form, name)
    assert all(selector.selector(field["selector"]) for field in fields.values())
    # What the editor fills in is what it means to leave it out.
    schema = FORMS[form][name].schema
    filled_in = {key: of["default"] for key, of in fields.items() if "default" in of}
    target = {"entity_id": ["sensor.state"]}
    with_defaults = schema({"target": target, "options": filled_in})
    assert with_defaults["target"] == target
    bare = schema({"target": target})["options"]
    for key in filled_in:
        assert with_defaults["options"][key] == bare.get(key, timedelta())


@pytest.mark.parametrize(("form", "name"), KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_has_a_name_and_says_what_it_is(
    language: str, form: str, name: str
) -> None:
    texts = texts_of(language)[form][name]
    fields = options_of(form, name)
    assert set(texts) == {"name", "description", *(["fields"] if fields else [])}
    assert texts["name"]
    # A name is no sentence, a description is one.
    assert not texts["name"].endswith(".")
    assert texts["description"].endswith(".")
    assert set(texts.get("fields", ())) == fields
    for of_field in texts.get("fields", {}).values():
        assert set(of_field) == {"name", "description"}
        assert of_field["description"].endswith(".")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_have_the_same_name(language: str) -> None:
    texts = texts_of(language)
    for form in FORMS:
        names = [of["name"] for of in texts[form].values()]
        assert len(set(names)) == len(names)


def test_every_state_can_be_chosen() -> None:
    fields = described("triggers")["state_changed"]["fields"]
    states = set(InstanceState) - {InstanceState.UNKNOWN}
    for key in ("from", "to"):
        chosen = fields[key]["selector"]["select"]
        assert set(chosen["options"]) == states
        assert chosen["translation_key"] == "state"
    for language in LANGUAGES:
        texts = texts_of(language)
        words = texts["selector"]["state"]["options"]
        # In the words of the sensor that shows it.
        of_sensor = texts["entity"]["sensor"]["state"]["state"]
        assert words == {state: of_sensor[state] for state in states}


@pytest.mark.parametrize(("form", "name"), KINDS)
async def test_the_target_leads_to_one_entity_of_each_instance(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    other: tuple[MockConfigEntry, Any],
    form: str,
    name: str,
) -> None:
    (wanted,) = described(form)[name]["target"]["entity"]
    assert wanted["integration"] == DOMAIN
    found = {
        state.entity_id
        for state in hass.states.async_all(wanted["domain"])
        if state.attributes.get("device_class") == wanted["device_class"]
    }
    assert {
        "sensor.whatsapp_1101000001_state",
        "sensor.telegram_4100000001_state",
    } <= found


@pytest.mark.parametrize("form", FORMS)
async def test_home_assistant_takes_what_describes_them(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    entry: MockConfigEntry,
    form: str,
) -> None:
    found = await HELPERS[form].async_get_all_descriptions(hass)
    ours = {key for key in found if key.startswith(f"{DOMAIN}.")}
    assert ours == {f"{DOMAIN}.{name}" for name in FORMS[form]}
    for name in FORMS[form]:
        of_one = found[f"{DOMAIN}.{name}"]
        assert of_one
        assert set(of_one["fields"]) == options_of(form, name)
        assert of_one["target"]
    assert errors_logged(caplog) == []
    assert [line for line in caplog.messages if f"{DOMAIN}/{form}" in line] == []


@pytest.mark.parametrize("form", FORMS)
async def test_home_assistant_gives_them_texts_and_icons(
    hass: HomeAssistant, entry: MockConfigEntry, form: str
) -> None:
    icons = (await async_get_icons(hass, form, {DOMAIN}))[DOMAIN]
    kind = form.removesuffix("s")
    assert set(icons) == set(FORMS[form])
    assert all(icon[kind].startswith("mdi:") for icon in icons.values())
    for language in LANGUAGES:
        texts = await async_get_translations(hass, language, form, {DOMAIN})
        for name in FORMS[form]:
            path = f"component.{DOMAIN}.{form}.{name}"
            assert texts[f"{path}.name"] == texts_of(language)[form][name]["name"]
