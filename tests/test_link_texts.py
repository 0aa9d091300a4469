"""Whatever a dialog of the set-up or the options shows, there are words for it."""

import ast
import json
from pathlib import Path
from string import Formatter
from typing import Any

from homeassistant.data_entry_flow import section
import pytest
import voluptuous as vol

from custom_components.green_api import (
    link_flow,
    mqtt_forms,
    options_flow,
    push_flow,
    qr_flow,
)
from custom_components.green_api.api.errors import (
    CredentialsRejected,
    GreenApiError,
    WebhookIsSet,
)
from custom_components.green_api.api.models import ScanFailure
from custom_components.green_api.broker.errors import BrokerError

INTEGRATION = Path(link_flow.__file__).parent
LANGUAGES = ("en", "ru")
TEXTS: dict[str, dict[str, Any]] = {
    language: json.loads(
        (INTEGRATION / "translations" / f"{language}.json").read_text(encoding="utf-8")
    )
    for language in LANGUAGES
}
SECRETS = {"code", "password", "phone_number", "qr", "token"}

# What each step gives to its texts.
MESSENGER = {"messenger"}
FORMS = {
    "login": (options_flow.LOGIN_SCHEMA, set()),
    "events": (push_flow.events_schema(may_turn_off=True), set()),
    "mqtt": (mqtt_forms.mqtt_schema(opened=False), set()),
    "broker": (mqtt_forms.broker_schema(opened=False, may_save=True), set()),
    "qr_page": (options_flow.QR_PAGE_SCHEMA, set()),
}
LINK_FORMS = {
    "pairing": (link_flow.PHONE_SCHEMA, MESSENGER),
    "pairing_expired": (link_flow.PHONE_SCHEMA, MESSENGER),
    "phone": (link_flow.PHONE_SCHEMA, MESSENGER),
    "phone_expired": (link_flow.PHONE_SCHEMA, MESSENGER),
    "code": (link_flow.CODE_SCHEMA, MESSENGER),
    "password": (link_flow.PASSWORD_SCHEMA, MESSENGER),
}
NOTICES = {"qr_problem": MESSENGER}
PROGRESS = {
    "apply_push": {"title"},
    "reading_settings": {"title"},
    "connecting": {"host", "port"},
}
LINK_PROGRESS = {
    "asking": MESSENGER,
    "linking": MESSENGER,
    "pairing_code": {"messenger", "code", "until"},
    "qr_logout": MESSENGER,
    "qr_wait": MESSENGER,
    "sending_code": MESSENGER,
    "sending_password": MESSENGER,
}
PUSH = ("confirm_push", "confirm_put_back", "confirm_queue", "confirm_takeover")
MENUS = {
    "init": {
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
    "doubles": {"mqtt", "save"},
    **{step: {"apply_push", "events"} for step in PUSH},
}
SCANNED = MESSENGER | {"qr"}
QR_MENUS = {
    "qr_whatsapp": ({"pairing"}, SCANNED),
    "qr_telegram": ({"code", "phone"}, SCANNED),
    "qr_max": ({"code", "phone"}, SCANNED),
    "qr_pending": ({"code", "pairing", "phone"}, MESSENGER),
    "qr_expired": ({"code", "pairing", "phone", "qr_wait"}, MESSENGER),
    "qr_needs_logout": ({"qr_logout"}, MESSENGER),
}
WAYS_OUT = {"config": {"skip"}, "options": set()}
ABORTS = {"linked": {"title"}, "entry_removed": set(), "state_forbids_login": set()}

# With the time after which a repeat is allowed.
REPEATS = {"attempts_exceeded", "pairing_code_alive", "phone_code_alive", "too_soon"}
GIVEN = {"code_may_come", "pairing_code_lost"}


def placeholders(text: str) -> set[str]:
    """Return what a text is to be filled with."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def errors[E: Exception](base: type[E]) -> set[type[E]]:
    """Return all errors of a family."""
    return {base}.union(*map(errors, base.__subclasses__()))


def keys_of(module: str, function: str) -> set[str]:
    """Return the keys that a module hands to a function."""
    tree = ast.parse((INTEGRATION / f"{module}.py").read_text(encoding="utf-8"))
    return {
        argument.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(function)
        for argument in node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def test_the_tables_above_are_those_of_the_code() -> None:
    flow = options_flow.GreenApiOptionsFlow
    steps = {
        name.removeprefix("async_step_")
        for name in dir(flow)
        if name.startswith("async_step_")
    }
    # These end the dialog well, which Home Assistant has words for.
    steps -= {"save", "save_push"}
    of_options = FORMS.keys() | PROGRESS.keys() | MENUS.keys()
    assert steps == of_options | ABORTS.keys() | link_steps()


def link_steps() -> set[str]:
    """Return the steps that the set-up and the options share."""
    return {*LINK_FORMS, *NOTICES, *LINK_PROGRESS, *QR_MENUS}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("flow", WAYS_OUT)
def test_every_step_of_a_link_has_its_words(flow: str, language: str) -> None:
    texts = TEXTS[language][flow]
    steps = texts["step"]
    for step, (schema, given) in LINK_FORMS.items():
        expect_form(steps[step], schema, given)
    for step, given in NOTICES.items():
        expect_form(steps[step], qr_flow.way_schema(["qr_wait"]), given)
    for step, given in LINK_PROGRESS.items():
        expect_progress(texts, step, given)
    assert {"code", "until"} <= placeholders(texts["progress"]["pairing_code"])
    for step, (ways, given) in QR_MENUS.items():
        expect_menu(steps[step], ways | WAYS_OUT[flow], given)
        picture = steps[step]["description"].startswith("![")
        assert picture is ("qr" in placeholders(steps[step]["description"]))
        assert picture is ("qr" in given)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_link_is_told_of_in_the_same_words_everywhere(language: str) -> None:
    setup, options = (TEXTS[language][flow] for flow in ("config", "options"))
    for step in link_steps():
        of_setup, of_options = setup["step"][step], options["step"][step]
        for part in of_options:
            if isinstance(of_options[part], dict):
                assert of_options[part].items() <= of_setup[part].items()
            else:
                assert of_options[part] == of_setup[part]
    for step in LINK_PROGRESS:
        assert setup["progress"][step] == options["progress"][step]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_step_has_its_words_and_no_words_are_left_over(language: str) -> None:
    texts = TEXTS[language]["options"]
    assert set(texts) == {"abort", "error", "progress", "step"}
    of_options = MENUS.keys() | FORMS.keys() | PROGRESS.keys()
    assert texts["step"].keys() == of_options | link_steps()
    for step, (schema, given) in FORMS.items():
        expect_form(texts["step"][step], schema, given)
    for step, given in PROGRESS.items():
        expect_progress(texts, step, given)
    assert texts["progress"].keys() == PROGRESS.keys() | LINK_PROGRESS.keys()
    assert texts["abort"].keys() == ABORTS.keys()
    for reason, given in ABORTS.items():
        assert placeholders(texts["abort"][reason]) == given
    for step, ways in MENUS.items():
        given = {"now", "then", "loser"} if step in PUSH else set()
        expect_menu(texts["step"][step], ways, given)


def expect_form(of_step: dict[str, Any], schema: vol.Schema, given: set[str]) -> None:
    """Check the words of a form, and what they are filled with."""
    parts = {"title", "description", "data", "data_description"}
    assert parts <= of_step.keys() <= parts | {"sections", "submit"}
    sections = {
        str(field)
        for field, value in schema.schema.items()
        if isinstance(value, section)
    }
    assert of_step.get("sections", {}).keys() == sections
    fields = {str(field) for field in schema.schema} - sections
    assert of_step["data"].keys() == of_step["data_description"].keys() == fields
    for text in (
        of_step["title"],
        of_step["description"],
        *of_step["data"].values(),
        *of_step["data_description"].values(),
    ):
        assert placeholders(text) <= given


def expect_progress(texts: dict[str, Any], step: str, given: set[str]) -> None:
    """Check the words of a progress."""
    # Home Assistant does not fill in the title of a progress.
    assert texts["step"][step].keys() == {"title"}
    assert placeholders(texts["step"][step]["title"]) == set()
    assert placeholders(texts["progress"][step]) <= given


def expect_menu(menu: dict[str, Any], ways: set[str], given: set[str]) -> None:
    """Check the words of a menu."""
    assert menu["menu_options"].keys() == ways
    assert menu["menu_option_descriptions"].keys() == ways
    assert "{" not in menu["title"]
    assert placeholders(menu["description"]) <= given


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_has_its_words_and_no_words_are_left_over(language: str) -> None:
    texts = TEXTS[language]
    of_options = texts["options"]["error"]
    raised = (
        {error.key for error in errors(GreenApiError)}
        | {error.key for error in errors(BrokerError)}
        | keys_of("authorization", "translated_error")
        | REPEATS
        | keys_of("push/address", "translated_error")
        | {"password_wanted", "state_forbids_login"}
    ) - {WebhookIsSet.key}
    assert {"no_password_wanted", "not_for_messenger"} <= raised
    assert CredentialsRejected.key in raised
    own = keys_of("link_flow", "self._refuse") - LINK_FORMS.keys()
    typed = {
        "cannot_be_sent",
        "certificate_missing",
        "certificates_without_tls",
        "client_id_taken",
        "invalid_broker_host",
        "invalid_client_id",
        "invalid_code",
        "invalid_discovery_prefix",
        "invalid_phone_number",
        "invalid_prefix",
        "invalid_qr_domain",
        "key_missing",
        "password_missing",
        "prefix_is_discovery",
        "prefixes_overlap",
        "private_key_misplaced",
        "username_missing",
    }
    scans = set(ScanFailure) - {ScanFailure.NEEDS_LOGOUT, ScanFailure.NOT_READY}
    assert own == {"not_linked", "not_loaded"} | GIVEN
    assert of_options.keys() == raised | own | typed | scans
    # What can be said of a link is said in the set-up, too.
    of_brokers = {error.key for error in errors(BrokerError)}
    of_webhooks = keys_of("push/address", "translated_error")
    of_link = (raised | own | scans) - of_brokers - of_webhooks
    assert of_link <= texts["config"]["error"].keys()
    for key in scans | own:
        assert of_options[key] == texts["config"]["error"][key]
        given = {"detail"} if key == ScanFailure.OTHER else set()
        assert placeholders(of_options[key]) <= given | {"seconds"}
    for key in raised:
        said = texts["exceptions"][key]["message"]
        assert placeholders(of_options[key]) == placeholders(said), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refused_repeat_says_how_long_it_takes(language: str) -> None:
    of_options = TEXTS[language]["options"]["error"]
    for key in REPEATS | GIVEN:
        assert placeholders(of_options[key]) == {"seconds"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("flow", WAYS_OUT)
def test_no_words_but_those_of_the_pairing_code_show_a_secret(
    flow: str, language: str
) -> None:
    texts = TEXTS[language][flow]
    shown = [*texts["error"].values(), *texts["abort"].values()]
    shown += [
        text for step, text in texts["progress"].items() if step != "pairing_code"
    ]
    assert not SECRETS & set().union(*map(placeholders, shown))
