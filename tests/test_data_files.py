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
import hass_frontend
from homeassistant.config_entries import ConfigFlow
from homeassistant.const import ATTR_DEVICE_CLASS, __version__
from homeassistant.core import HomeAssistant, SupportsResponse
from homeassistant.data_entry_flow import section
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

from custom_components.green_api import (
    PLATFORMS,
    authorization,
    config_flow,
    coordinator,
    link_flow,
    mqtt_forms,
    options_flow,
    push_flow,
    services,
)
from custom_components.green_api.api.errors import (
    AuthorizationRefused,
    CredentialsRejected,
    GreenApiError,
    PairingRefused,
    SocketClosed,
    WebhookIsSet,
)
from custom_components.green_api.api.models import (
    InstanceState,
    Messenger,
    ScanFailure,
)
from custom_components.green_api.broker.errors import BrokerError
from custom_components.green_api.const import DOMAIN, MqttBroker, MqttMode, PushMode
from custom_components.green_api.publisher import commands
from custom_components.green_api.sensor import LOGIN_ATTRIBUTES

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


def _errors[E: Exception](base: type[E]) -> set[type[E]]:
    return {base}.union(*map(_errors, base.__subclasses__()))


# Only their subclasses are ever raised.
FAMILIES = {GreenApiError, CredentialsRejected}
RAISED = sorted(_errors(GreenApiError) - FAMILIES, key=lambda error: error.key)


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
    # Pairs of a text and an error are a mapping too.
    for node in _nodes(ast.Tuple):
        match node.elts:
            case [ast.Constant(), ast.Name(name)]:
                mapped.add(name)
    for found in (called, mapped, raised):
        assert found & {error.__name__ for error in RAISED}, "the search finds nothing"
    assert {"TokenRejected", "InstanceExpired"} <= mapped
    assert not names & (called | raised | mapped)


# Nobody but the listener to the queue meets it, and nobody is told.
UNTOLD = {WebhookIsSet.key}
ERROR_KEYS = {error.key for error in _errors(GreenApiError)} - UNTOLD

# Where the key of an error that a person sees is no literal: what it can be.
EXPRESSIONS = {
    "err.key": ERROR_KEYS,
    "kind": {
        authorization._PAIRING,
        authorization._PHONE,
        authorization._ATTEMPTS,
        authorization._TOO_SOON,
    },
    "self.data.connection_problem or ConnectionFailed.key": ERROR_KEYS,
    "key": {
        *coordinator._OBSTACLES.values(),
        "state_forbids_login",
    },
}
INVALID = {"err.key": {"invalid_phone_number"}}


def _told_errors() -> Iterator[tuple[str, set[str]]]:
    """Yield the key and the placeholders of each error that an action can raise."""
    for node in _nodes(ast.Call):
        expressions = {"translated_error": EXPRESSIONS, "_invalid": INVALID}.get(
            ast.unparse(node.func)
        )
        if expressions is None:
            continue
        given = {str(keyword.arg) for keyword in node.keywords}
        key = node.args[0]
        if isinstance(key, ast.Constant):
            yield str(key.value), given
            continue
        for name in expressions[ast.unparse(key)]:
            yield name, given


TOLD_ERRORS = list(_told_errors())
# The issue of a broker that stays away inserts these.
BROKER_KEYS = {error.key for error in _errors(BrokerError)}
# What is answered to a command besides.
COMMAND_WORDS = {
    commands.BUSY,
    commands.INVALID_PAYLOAD,
    commands.RETAINED,
    commands.UNKNOWN_COMMAND,
}
TOLD_KEYS = {key for key, _ in TOLD_ERRORS} | ERROR_KEYS | BROKER_KEYS | COMMAND_WORDS
EXCEPTIONS = {name: texts["exceptions"] for name, texts in TEXTS.items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_errors_with_a_text_are_those_that_are_told(language: str) -> None:
    assert {"one_instance_only", "pairing_code_alive", "cloud_failed"} <= TOLD_KEYS
    assert set(EXCEPTIONS[language]) == TOLD_KEYS
    for text in EXCEPTIONS[language].values():
        assert set(text) == {"message"}


def test_an_error_is_told_with_what_its_text_has_a_place_for() -> None:
    given: dict[str, set[str]] = {}
    for key, names in TOLD_ERRORS:
        given.setdefault(key, set()).update(names)
    for key, text in EXCEPTIONS["en"].items():
        assert _placeholders(text["message"]) <= given.get(key, set()), key
    for key in (
        "attempts_exceeded",
        "pairing_code_alive",
        "phone_code_alive",
        "reboot_too_soon",
        "too_soon",
    ):
        assert _placeholders(EXCEPTIONS["en"][key]["message"]) == {"seconds"}
    assert _placeholders(EXCEPTIONS["en"]["not_for_messenger"]["message"]) == {
        "messenger"
    }
    assert _placeholders(EXCEPTIONS["en"]["failed_for_some"]["message"]) == {"failures"}


# An order, and a time to wait: all in one sentence.
IN_ONE_SENTENCE = {"one_instance_only", "too_soon"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_error_says_what_is_wrong_and_then_what_to_do(language: str) -> None:
    texts = {key: text["message"] for key, text in EXCEPTIONS[language].items()}
    alone = {key for key, text in texts.items() if not re.search(r"[.] \S", text)}
    assert alone == IN_ONE_SENTENCE
    assert all(text.endswith((".", "-----.")) for text in texts.values())


def _invalid_address_keys() -> set[str]:
    keys: set[str] = set()
    for node in _nodes(ast.Call):
        if ast.unparse(node.func) == "InvalidAddress":
            (key,) = node.args
            assert isinstance(key, ast.Constant)
            keys.add(str(key.value))
    return keys


def _literal_errors(module: str) -> set[str]:
    """Return the keys that a module puts into the errors of a form by name."""
    tree = ast.parse((INTEGRATION / f"{module}.py").read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        value: ast.expr | None = None
        match node:
            case ast.Assign(targets=[ast.Subscript(value=target)], value=value):
                named = ast.unparse(target).endswith("errors")
            case ast.Call(func=ast.Attribute(attr="_refuse"), args=[_, value]):
                named = True
            case _:
                named = False
        if named and isinstance(value, ast.Constant):
            found.add(str(value.value))
    assert found
    return found


# What can come of any request.
REQUEST_ERRORS = {
    error.key
    for error in RAISED
    if not issubclass(error, (AuthorizationRefused, SocketClosed))
} - UNTOLD
LOGIN_ERRORS = {
    error.key
    for error in _errors(AuthorizationRefused)
    if not issubclass(error, PairingRefused)
}
# Only actions can name several instances.
FOR_SEVERAL = {"failed_for_some", "one_instance_only"}
# No dialog of the options reboots.
OF_REBOOTS = {"reboot_too_soon"}
TOLD_IN_DIALOGS = TOLD_KEYS - FOR_SEVERAL - OF_REBOOTS - COMMAND_WORDS
# The others have steps of their own.
ERRORS_OF_SCANS = set(ScanFailure) - {ScanFailure.NEEDS_LOGOUT, ScanFailure.NOT_READY}


def _translated_errors(module: str) -> set[str]:
    """Return the keys that a module raises by name."""
    tree = ast.parse((INTEGRATION / f"{module}.py").read_text(encoding="utf-8"))
    found = {
        str(node.args[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "translated_error"
        and isinstance(node.args[0], ast.Constant)
    }
    assert found
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_of_the_setup_has_a_text_and_no_text_is_left_over(
    language: str,
) -> None:
    typed = _invalid_address_keys() - {"invalid_qr_domain"}
    assert {"invalid_token", "api_url_not_https"} <= typed
    modules = ("config_flow", "link_flow", "qr_flow")
    literals = set[str]().union(*map(_literal_errors, modules))
    expected = typed | literals | REQUEST_ERRORS | ERRORS_OF_SCANS | TOLD_IN_DIALOGS
    # Neither brokers nor webhooks are asked about before there is an entry.
    expected -= BROKER_KEYS | _translated_errors("push/address")
    assert set(TEXTS[language]["config"]["error"]) == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_of_the_options_has_a_text_and_no_text_is_left_over(
    language: str,
) -> None:
    modules = ("link_flow", "mqtt_flow", "mqtt_input", "qr_flow")
    literals = set[str]().union(*map(_literal_errors, modules))
    assert {"client_id_taken", "prefixes_overlap", "key_missing"} <= literals
    typed = {"invalid_phone_number", "invalid_qr_domain"}
    assert typed < _invalid_address_keys()
    expected = literals | typed | ERRORS_OF_SCANS | TOLD_IN_DIALOGS
    assert set(TEXTS[language]["options"]["error"]) == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_error_has_the_same_words_in_a_dialog_and_in_an_action(
    language: str,
) -> None:
    told = {key: text["message"] for key, text in EXCEPTIONS[language].items()}
    errors = TEXTS[language]["options"]["error"]
    shared = errors.keys() & told.keys()
    assert {key: errors[key] for key in shared} == {key: told[key] for key in shared}


# ------------------------------------------------------------------ flows


def _fields(*schemas: vol.Schema) -> set[str]:
    return {
        str(key)
        for schema in schemas
        for key, value in schema.schema.items()
        if not isinstance(value, section)
    }


def _sections(schema: vol.Schema) -> dict[str, set[str]]:
    return {
        str(key): _fields(value.schema)
        for key, value in schema.schema.items()
        if isinstance(value, section)
    }


MQTT_SCHEMA = mqtt_forms.mqtt_schema(opened=False)
BROKER_SCHEMA = mqtt_forms.broker_schema(opened=False, may_save=True)

FORMS = {
    "config.user": _fields(config_flow.CREDENTIALS_SCHEMA),
    "config.connection": _fields(config_flow.ADDRESS_SCHEMA, config_flow.MQTT_SCHEMA),
    "config.reauth_confirm": _fields(config_flow.TOKEN_SCHEMA),
    "config.reconfigure": _fields(config_flow.RECONFIGURE_SCHEMA),
    "options.login": _fields(options_flow.LOGIN_SCHEMA),
    "options.mqtt": _fields(MQTT_SCHEMA),
    "options.broker": _fields(BROKER_SCHEMA),
    "options.events": _fields(push_flow.events_schema(may_turn_off=True)),
    "options.qr_page": _fields(options_flow.QR_PAGE_SCHEMA),
    **{
        f"{flow}.{step}": _fields(schema)
        for flow in ("config", "options")
        for step, schema in {
            "pairing": link_flow.PHONE_SCHEMA,
            "pairing_expired": link_flow.PHONE_SCHEMA,
            "phone": link_flow.PHONE_SCHEMA,
            "phone_expired": link_flow.PHONE_SCHEMA,
            "code": link_flow.CODE_SCHEMA,
            "password": link_flow.PASSWORD_SCHEMA,
        }.items()
    },
}
# They ask for nothing.
NOTICES = {"config.qr_problem", "options.qr_problem"}
SECTIONS = {
    "options.mqtt": _sections(MQTT_SCHEMA),
    "options.broker": _sections(BROKER_SCHEMA),
}
MENUS = {
    "options.init": {
        "code",
        "events",
        "login",
        "mqtt",
        "pairing",
        "password",
        "phone",
        "qr_page",
        "qr_wait",
    },
    "options.confirm_push": {"apply_push", "events"},
    "options.confirm_put_back": {"apply_push", "events"},
    "options.confirm_queue": {"apply_push", "events"},
    "options.confirm_takeover": {"apply_push", "events"},
    "options.doubles": {"mqtt", "save"},
    **{
        f"{flow}.{step}": ways | ways_out
        for flow, ways_out in {"config": {"skip"}, "options": set[str]()}.items()
        for step, ways in {
            "qr_whatsapp": {"pairing"},
            "qr_telegram": {"code", "phone"},
            "qr_max": {"code", "phone"},
            "qr_pending": {"code", "pairing", "phone"},
            "qr_expired": {"code", "pairing", "phone", "qr_wait"},
            "qr_needs_logout": {"qr_logout"},
        }.items()
    },
}
LINK_JOBS = {
    "asking",
    "linking",
    "pairing_code",
    "qr_logout",
    "qr_wait",
    "sending_code",
    "sending_password",
}
JOBS = {
    "config": LINK_JOBS,
    "options": LINK_JOBS | {"apply_push", "connecting", "reading_settings"},
}
ENDS = {"entry_removed", "linked", "state_forbids_login"}
ABORTS = {
    "config": {
        "already_configured",
        "already_in_progress",
        "entry_removed",
        "linked",
        "reauth_successful",
    },
    "options": ENDS,
}
# They end the dialog well, which Home Assistant has words for.
SILENT = {"save", "save_push"}
# These show nothing of their own either.
SILENT_OF_SETUP = {"reauth", "skip"}


def test_every_step_of_the_options_is_known_here() -> None:
    steps = {
        name.removeprefix("async_step_")
        for name in dir(options_flow.GreenApiOptionsFlow)
        if name.startswith("async_step_")
    }
    assert steps == {*_shown("options"), *JOBS["options"], *ENDS, *SILENT}


def test_every_step_of_the_setup_is_known_here() -> None:
    steps = {
        name.removeprefix("async_step_")
        for name in set(dir(config_flow.GreenApiConfigFlow)) - set(dir(ConfigFlow))
        if name.startswith("async_step_")
    }
    shown = _shown("config") - {"user"}
    assert steps - {"user"} == {*shown, *JOBS["config"], *ENDS, *SILENT_OF_SETUP}


def _shown(flow: str) -> set[str]:
    return {
        step.removeprefix(f"{flow}.")
        for step in (*FORMS, *MENUS, *NOTICES)
        if step.startswith(f"{flow}.")
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_step_has_a_title_and_a_text_for_each_field(language: str) -> None:
    texts = TEXTS[language]
    steps = {
        f"{flow}.{step}": of_step
        for flow in ("config", "options")
        for step, of_step in texts[flow]["step"].items()
    }
    jobs = {f"{flow}.{job}" for flow, of_flow in JOBS.items() for job in of_flow}
    assert set(steps) == {*FORMS, *MENUS, *NOTICES, *jobs}
    for form, fields in FORMS.items():
        of_step = steps[form]
        assert set(of_step) - {"submit", "sections"} == {
            "title",
            "description",
            "data",
            "data_description",
        }
        found = of_step.get("sections", {})
        assert set(found) == set(SECTIONS.get(form, {}))
        for name, inner in SECTIONS.get(form, {}).items():
            assert set(found[name]) == {"name", "data", "data_description"}
            assert set(found[name]["data"]) == inner
            assert set(found[name]["data_description"]) == inner
        assert set(of_step["data"]) == fields
        assert set(of_step["data_description"]) == fields
    for menu, ways in MENUS.items():
        assert set(steps[menu]) == {
            "title",
            "description",
            "menu_options",
            "menu_option_descriptions",
        }
        assert set(steps[menu]["menu_options"]) == ways
        assert set(steps[menu]["menu_option_descriptions"]) == ways
    for notice in NOTICES:
        fields = {"data", "data_description"}
        assert set(steps[notice]) == {"title", "description", "submit", *fields}
        assert all(set(steps[notice][field]) == {"way"} for field in fields)
    for job in jobs:
        assert set(steps[job]) == {"title"}
    for flow in ("config", "options"):
        assert set(texts[flow]["progress"]) == JOBS[flow]
        assert set(texts[flow]["abort"]) == ABORTS[flow]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_choice_of_a_selector_has_a_text(language: str) -> None:
    texts = TEXTS[language]["selector"]
    assert {name: set(of["options"]) for name, of in texts.items()} == {
        "mqtt": set(MqttMode),
        "mqtt_broker": set(MqttBroker),
        "push": set(PushMode),
        "state": set(InstanceState) - {InstanceState.UNKNOWN},
        "way": {"code", "pairing", "phone", "qr_wait", "skip"},
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_gives_power_to_others_is_said_where_it_is_chosen(language: str) -> None:
    form = TEXTS[language]["options"]["step"]["mqtt"]
    more = form["sections"]["more"]["data_description"]
    assert "qr/#" in form["data_description"]["mqtt"]
    assert "command/#" in more["mqtt_commands"]
    twice = {"en": "twice", "ru": "дважды"}[language]
    assert twice in more["mqtt_discovery"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_issues_of_a_broker_have_their_words(language: str) -> None:
    given = {
        "broker_away": {"title", "host", "port", "problem"},
        "broker_away_home_assistant": {"title"},
    }
    for key, names in given.items():
        texts = TEXTS[language]["issues"][key]
        assert set(texts) == {"title", "description"}
        assert _placeholders(texts["title"]) == {"title"}
        assert _placeholders(texts["description"]) == names - {"title"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_push_takes_from_others_is_said_before(language: str) -> None:
    steps = TEXTS[language]["options"]["step"]
    form = steps["events"]
    minutes = {"en": "five minutes", "ru": "пяти минут"}[language]
    for step in ("events", "confirm_push", "confirm_put_back", "confirm_takeover"):
        assert minutes in steps[step]["description"]
    assert "n8n" in form["data_description"]["push"]
    thrown_away = {"en": "thrown away", "ru": "отбрасываются"}[language]
    assert thrown_away in form["data_description"]["push"]
    changes = {"now", "then"}
    given = {
        "confirm_push": changes,
        "confirm_put_back": changes,
        "confirm_takeover": changes | {"loser"},
    }
    for step, names in given.items():
        texts = dict(_flat(steps[step]))
        assert set[str]().union(*map(_placeholders, texts.values())) == names
    assert _placeholders(TEXTS[language]["issues"]["push_lost"]["description"]) == set()
    assert form["title"] in TEXTS[language]["issues"]["push_lost"]["description"]


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
    words = list(texts.get("state", {}).values())
    assert len(set(words)) == len(words)
    attributes = set(LOGIN_ATTRIBUTES) if (platform, key) == ("sensor", "login") else ()
    if platform == "event":
        attributes = {"event_type"}
        types = set(description.event_types)
        for found in (texts, icons):
            assert set(found["state_attributes"]["event_type"]["state"]) == types
    if platform == "event":
        attributes = ("event_type",)
        for told in (texts, icons):
            of = told["state_attributes"]["event_type"]["state"]
            assert set(of) == set(description.event_types)
            assert len(set(of.values())) == len(of)
    assert set(texts.get("state_attributes", ())) == set(attributes)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_attribute_of_the_login_has_a_name_and_every_problem_a_word(
    language: str,
) -> None:
    attributes = TEXTS[language]["entity"]["sensor"]["login"]["state_attributes"]
    names = [texts["name"] for texts in attributes.values()]
    assert len(set(names)) == len(LOGIN_ATTRIBUTES)
    for name, texts in attributes.items():
        with_words = {"name", "state"} if name == "problem" else {"name"}
        assert set(texts) == with_words
    expected = {*ScanFailure, *REQUEST_ERRORS, *LOGIN_ERRORS}
    assert set(attributes["problem"]["state"]) == expected


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


def test_every_icon_is_one_that_home_assistant_has() -> None:
    folder = Path(hass_frontend.__file__).parent / "static" / "mdi"
    index = _json(folder / "iconMetadata.json")
    known: set[str] = set()
    for part in index["parts"]:
        known.update(_json(folder / f"{part['file']}.json"))
    missing = {str(name) for _, name in _flat(ICONS)} - {
        f"mdi:{name}" for name in known
    }
    assert missing == set()


def test_no_two_states_of_a_sensor_share_an_icon() -> None:
    for key, icons in ICONS["entity"]["sensor"].items():
        names = [icons["default"], *icons.get("state", {}).values()]
        assert len(set(names)) == len(names), key


async def test_home_assistant_gives_names_and_icons_to_the_entities(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    await hass.async_block_till_done()
    entries = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    described = [
        (platform, item.key)
        for platform, item in DESCRIPTIONS
        if Messenger.WHATSAPP in getattr(item, "messengers", Messenger)
    ]
    assert sorted((item.domain, item.unique_id) for item in entries) == sorted(
        (str(platform), f"{entry.unique_id}_{key}") for platform, key in described
    )
    names = FLAT["en"]
    icons = await icon.async_get_icons(hass, "entity", {DOMAIN})
    for item in entries:
        name = names[f"entity.{item.domain}.{item.translation_key}.name"]
        assert item.original_name == name
        state = hass.states.get(item.entity_id)
        assert (state is None) is item.disabled
        assert state is None or state.name == f"{entry.title} {name}"
        assert icons[DOMAIN][item.domain][str(item.translation_key)]["default"]
    sensor = hass.states.get("sensor.whatsapp_1101000001_state")
    assert sensor
    assert sensor.attributes[ATTR_DEVICE_CLASS] == "enum"
    for option in sensor.attributes["options"]:
        assert names[f"entity.sensor.state.state.{option}"]


# ------------------------------------------------------------------ actions


def test_every_action_has_texts_and_an_icon() -> None:
    assert set(SERVICES) == set(services.ACTIONS)
    assert set(ICONS["services"]) == set(SERVICES)
    for language in LANGUAGES:
        texts = TEXTS[language]["services"]
        assert set(texts) == set(SERVICES)
        for name, action in SERVICES.items():
            assert set(texts[name]) == {"name", "description", "fields"}
            assert set(texts[name]["fields"]) == set(action["fields"])
            for field in texts[name]["fields"].values():
                assert set(field) == {"name", "description"}


@pytest.mark.parametrize("name", services.ACTIONS)
def test_the_fields_of_an_action_are_those_of_its_schema(name: str) -> None:
    schema: Any = services.ACTIONS[name].schema
    keys = schema.validators[0].schema
    fields = SERVICES[name]["fields"]
    assert set(fields) == {str(key) for key in keys}
    required = {str(key) for key in keys if isinstance(key, vol.Required)}
    assert {key for key, of in fields.items() if of.get("required")} == required
    assert required.isdisjoint({"device_id", "config_entry_id"})


@pytest.mark.parametrize(("name", "action"), services.ACTIONS.items())
def test_only_what_can_be_done_to_several_instances_lets_choose_several(
    name: str, action: services.Action
) -> None:
    fields = SERVICES[name]["fields"]
    several = fields["device_id"]["selector"]["device"].get("multiple", False)
    plain = not action.fields and action.response is SupportsResponse.NONE
    assert several is plain


def test_what_is_secret_is_typed_unseen() -> None:
    for action in SERVICES.values():
        for name, field in action["fields"].items():
            if name == "password":
                assert field["selector"] == {"text": {"type": "password"}}


@pytest.mark.parametrize(
    ("name", "warnings"),
    [
        ("get_qr_page", {"en": "the link carries the token", "ru": "содержит токен"}),
        ("send_authorization_code", dict.fromkeys(LANGUAGES, "call_service")),
        ("send_authorization_password", dict.fromkeys(LANGUAGES, "call_service")),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_action_warns_of_what_it_gives_away(
    name: str, warnings: dict[str, str], language: str
) -> None:
    assert warnings[language] in TEXTS[language]["services"][name]["description"]


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
