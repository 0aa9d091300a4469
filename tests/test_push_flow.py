"""A person says how the cloud is to tell of changes, and sees who loses by it."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from datetime import timedelta
from http import HTTPStatus
import logging
import re
from typing import Any, override

from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData, UnknownFlow
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.green_api.api.client import GreenApiClient
from custom_components.green_api.api.errors import TimedOut
from custom_components.green_api.api.settings import PushSettings
from custom_components.green_api.const import DEFAULT_OPTIONS, DOMAIN
from custom_components.green_api.push import claim
from simulator import (
    Body,
    Delay,
    Deleted,
    Drop,
    Expired,
    Fault,
    Instance,
    Simulator,
    State,
    Status,
    Timing,
)
from tests.conftest import entry_of, set_up
from tests.dialog import Dialog, expect_no_job
from tests.logs import errors_logged, secrets_logged
from tests.push.nabu import NabuCasa, set_up_nabu_casa
from tests.test_options_flow import expect_texts
from tests.waiting import (
    BOUND,
    lift_limits,
    set_rhythm,
    shorten_backoff,
    wait_until,
)

HOME = "https://home.example.org"
N8N = "https://n8n.example.com/webhook/5f0c"
N8N_TOKEN = "Basic bjhuOnNlY3JldA=="
WEBHOOK_ID = re.compile(r"green_api_[0-9a-f]{64}")

PLAIN = {"loss_grace": 30, "push": "off"}
NOTHING = ("", "", "no")
OF_N8N = (N8N, N8N_TOKEN, "no")
QUEUE = ("", "", "yes")
MENUS = ("confirm_push", "confirm_put_back", "confirm_queue", "confirm_takeover")

# The cloud's answer while an instance restarts.
STARTING = Status(400, message="instance in starting process try later")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    shorten_backoff(monkeypatch)


@pytest.fixture
def instance(cloud: Simulator) -> Instance:
    """Return an instance that is linked, and restarts in no time."""
    return linked(cloud)


@pytest.fixture(autouse=True)
async def home(hass: HomeAssistant) -> None:
    """Give Home Assistant an address on the internet."""
    await hass.config.async_update(external_url=HOME)


@pytest.fixture(autouse=True)
def _no_secret_is_logged(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG):
        yield
    entries = hass.config_entries.async_entries(DOMAIN)
    claims = [entry.data.get("push_settings", {}) for entry in entries]
    secrets = [
        claim[key] for claim in claims for key in {"url", "token"} & claim.keys()
    ]
    assert secrets_logged(caplog, [N8N, N8N_TOKEN, *secrets]) == []
    assert errors_logged(caplog) == []


@pytest.fixture(autouse=True)
async def _no_job_is_left(hass: HomeAssistant) -> AsyncGenerator[None]:
    yield
    for flow in hass.config_entries.options.async_progress():
        hass.config_entries.options.async_abort(flow["flow_id"])
    await expect_no_job()


def linked(cloud: Simulator, id_instance: str = "1101000001") -> Instance:
    """Return an instance that is linked, and restarts in no time."""
    instance = cloud.cloud.create(id_instance, state="authorized")
    instance.set_timing(Timing(reboot=0))
    return instance


def belong_to_n8n(instance: Instance) -> None:
    """Let another system have the webhook of an instance."""
    instance.set_settings({"webhookUrl": N8N, "webhookUrlToken": N8N_TOKEN})


def settings(instance: Instance) -> tuple[str, str, str]:
    """Return what stands in the cloud: address, token, and yes or no."""
    now = instance.settings
    return now.webhookUrl, now.webhookUrlToken, now.stateWebhook


def ours(entry: MockConfigEntry) -> tuple[str, str, str]:
    """Return what has to stand in the cloud where a webhook of ours is used."""
    claim = entry.data["push_settings"]
    assert WEBHOOK_ID.fullmatch(claim["webhook_id"])
    assert re.fullmatch(r"[0-9a-f]{64}", claim["token"])
    return claim["url"], claim["token"], "yes"


def asked(cloud: Simulator, method: str) -> int:
    """Return how often a method was asked."""
    return len(cloud.cloud.log.list(method=method))


def issue(hass: HomeAssistant, entry: MockConfigEntry) -> ir.IssueEntry | None:
    """Return the issue that tells that the cloud tells nothing any more."""
    return ir.async_get(hass).async_get_issue(DOMAIN, f"push_lost_{entry.entry_id}")


class PushDialog(Dialog):
    """Fill in the form, and agree to what comes of it."""

    @property
    @override
    def at(self) -> str:
        """Return what is shown, `saved` at the end."""
        saved = self.result["type"] is FlowResultType.CREATE_ENTRY
        return "saved" if saved else super().at

    @property
    def fields(self) -> set[str]:
        """Return the fields of the form."""
        assert self.result["data_schema"] is not None
        return {str(field) for field in self.result["data_schema"].schema}

    async def ask(self, **typed: Any) -> None:
        """Send the form, and wait for what the cloud says."""
        await self.submit(**PLAIN | typed)
        await self.until_over()

    async def agree(self) -> None:
        """Agree to what is shown, and wait until it is done."""
        await self.submit(next_step_id="apply_push")
        await self.until_over()

    async def until_over(self) -> None:
        """Wait until no progress is shown any more."""
        async with asyncio.timeout(BOUND):
            while self.at.startswith("progress "):
                await self._progressed.wait()
                await self.fetch()

    def expect_no_secret(self) -> None:
        """Check that nothing shows an address or a token."""
        for secret in (N8N, N8N_TOKEN, "/api/webhook/"):
            assert secret not in str(self.result)


async def open_events(hass: HomeAssistant, entry: MockConfigEntry) -> PushDialog:
    """Open the form."""
    return await PushDialog.open(hass, entry, "events")


async def settle(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Wait until an entry is loaded again, and has seen its settings in the cloud."""
    await hass.async_block_till_done()
    if entry.state is ConfigEntryState.LOADED:
        on = entry.options["push"] != "off"

        def settled() -> bool:
            claim = entry.data.get("push_settings")
            return "sent" not in claim if claim is not None else not on

        await wait_until(hass, settled)


async def turn_on(
    hass: HomeAssistant, entry: MockConfigEntry, push: str = "webhook"
) -> None:
    """Choose a way, agree to all, and wait until that is done."""
    dialog = await open_events(hass, entry)
    await dialog.ask(push=push)
    if dialog.at != "saved":
        await dialog.agree()
    assert dialog.at == "saved"
    await settle(hass, entry)
    assert entry.options["push"] == push


# ----------------------------------------------------------------------- the form


async def test_asks_and_shows_what_is_now(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    entry = await set_up(hass, cloud, instance, loss_grace=7)
    dialog = await open_events(hass, entry)
    assert dialog.fields == {"loss_grace", "push"}
    assert dialog.filled_in == {"loss_grace": 7, "push": "off"}
    assert dialog.errors == {}


async def test_every_step_has_its_words(hass: HomeAssistant) -> None:
    for field in ("loss_grace", "push", "off_anyway"):
        form = "step.events"
        await expect_texts(hass, f"{form}.data.{field}")
        await expect_texts(hass, f"{form}.data_description.{field}")
    for step in MENUS:
        for option in ("apply_push", "events"):
            await expect_texts(hass, f"step.{step}.menu_options.{option}")
        await expect_texts(hass, f"step.{step}.title", f"step.{step}.description")
    for step in ("reading_settings", "apply_push"):
        await expect_texts(hass, f"step.{step}.title", f"progress.{step}")


@pytest.mark.parametrize("grace", [0, 1, 3600, 12.0])
async def test_saves_the_grace_alone_at_once(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    grace: float,
) -> None:
    belong_to_n8n(instance)
    before = entry.runtime_data
    dialog = await open_events(hass, entry)
    await dialog.submit(loss_grace=grace, push="off")
    assert dialog.at == "saved"
    await settle(hass, entry)
    assert entry.options == {**DEFAULT_OPTIONS, "loss_grace": grace}
    assert type(entry.options["loss_grace"]) is int
    assert entry.runtime_data is not before
    assert asked(cloud, "getSettings") == 0
    assert settings(instance) == OF_N8N


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"loss_grace": -1}, {"loss_grace"}),
        ({"loss_grace": 3601}, {"loss_grace"}),
        ({"loss_grace": "long"}, {"loss_grace"}),
        ({"push": "carrier pigeon"}, {"push"}),
    ],
)
async def test_takes_nothing_that_makes_no_sense(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    typed: dict[str, Any],
    wrong: set[str],
) -> None:
    dialog = await open_events(hass, entry)
    with pytest.raises(InvalidData) as caught:
        await dialog.submit(**PLAIN | typed)
    assert set(caught.value.schema_errors) == wrong
    assert entry.options == DEFAULT_OPTIONS


async def test_leaves_a_running_instance_alone_when_nothing_changes(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    await turn_on(hass, entry)
    await hass.async_block_till_done(wait_background_tasks=True)
    before, asked_before = entry.runtime_data, asked(cloud, "getSettings")
    dialog = await open_events(hass, entry)
    assert dialog.filled_in == {**PLAIN, "push": "webhook"}
    await dialog.submit(**dialog.filled_in)
    assert dialog.at == "saved"
    await settle(hass, entry)
    assert entry.runtime_data is before
    assert asked(cloud, "getSettings") == asked_before


# ------------------------------------------------------------------------ turn on


async def test_asks_before_it_changes_the_instance(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    loaded = entry.runtime_data
    dialog = await open_events(hass, entry)
    await dialog.submit(loss_grace=10, push="webhook")
    assert dialog.at == "progress reading_settings"
    assert dialog.facts == {"title": "WhatsApp 1101000001"}
    await dialog.until_over()
    assert dialog.at == "menu confirm_push"
    assert dialog.result["menu_options"] == ["apply_push", "events"]
    assert dialog.facts == {"now": "—", "then": "home.example.org"}
    assert settings(instance) == NOTHING
    assert entry.options == DEFAULT_OPTIONS
    assert "push_settings" not in entry.data
    await dialog.submit(next_step_id="apply_push")
    assert dialog.at == "progress apply_push"
    assert dialog.facts == {"title": "WhatsApp 1101000001"}
    await dialog.until_over()
    assert dialog.at == "saved"
    dialog.expect_no_secret()
    await settle(hass, entry)
    assert entry.options == {**DEFAULT_OPTIONS, "loss_grace": 10, "push": "webhook"}
    assert settings(instance) == ours(entry)
    claim = entry.data["push_settings"]
    assert claim == {
        "webhook_id": claim["webhook_id"],
        "token": claim["token"],
        "url": f"{HOME}/api/webhook/{claim['webhook_id']}",
        "cloudhook": False,
        "former": {"webhook_url": "", "webhook_token": "", "state_webhook": False},
    }
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data is not loaded
    assert asked(cloud, "setSettings") == 1


async def test_hears_of_a_change_from_then_on(
    hass: HomeAssistant,
    hass_client_no_auth: ClientSessionGenerator,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    server = await hass_client_no_auth()
    await hass.config.async_update(external_url=str(server.make_url("")).rstrip("/"))
    await turn_on(hass, entry)
    coordinator = entry.runtime_data
    instance.set_state(State.NOT_AUTHORIZED)
    await wait_until(hass, lambda: coordinator.data.reading.word == "not_authorized")
    async with asyncio.timeout(BOUND):
        while instance.notifications.list():
            await instance.changed.wait()
    assert instance.notifications.last_result is not None
    assert instance.notifications.last_result.ok


async def test_names_the_system_that_would_get_nothing_any_more(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    belong_to_n8n(instance)
    dialog = await open_events(hass, entry)
    await dialog.ask(loss_grace=10, push="webhook")
    assert dialog.at == "menu confirm_takeover"
    assert dialog.result["menu_options"] == ["apply_push", "events"]
    assert dialog.facts == {
        "loser": "n8n.example.com",
        "now": "n8n.example.com",
        "then": "home.example.org",
    }
    dialog.expect_no_secret()
    # Back again: nothing is lost, and nothing was done.
    await dialog.submit(next_step_id="events")
    assert dialog.at == "form events"
    assert dialog.errors == {}
    assert dialog.filled_in == {"loss_grace": 10, "push": "webhook"}
    dialog.close()
    assert settings(instance) == OF_N8N
    assert asked(cloud, "setSettings") == 0
    assert entry.options == DEFAULT_OPTIONS
    assert "push_settings" not in entry.data


@pytest.mark.parametrize("push", ["webhook", "queue"])
@pytest.mark.parametrize(
    ("before", "asks"),
    [
        ({}, "menu confirm_push"),
        ({"webhookUrl": N8N, "webhookUrlToken": N8N_TOKEN}, "menu confirm_takeover"),
        (
            {
                "webhookUrl": N8N,
                "webhookUrlToken": N8N_TOKEN,
                "stateWebhook": "yes",
            },
            "menu confirm_takeover",
        ),
    ],
)
async def test_the_former_settings_come_back(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    push: str,
    before: dict[str, str],
    asks: str,
) -> None:
    instance.set_settings({"incomingWebhook": "yes", **before})
    former = instance.settings
    dialog = await open_events(hass, entry)
    await dialog.ask(push=push)
    assert dialog.at == asks
    await dialog.agree()
    assert dialog.at == "saved"
    await settle(hass, entry)
    if push == "webhook":
        assert settings(instance) == ours(entry)
    else:
        assert settings(instance) == ("", former.webhookUrlToken, "yes")
    dialog = await open_events(hass, entry)
    await dialog.ask()
    assert dialog.at == "menu confirm_put_back"
    then = "n8n.example.com" if before else "—"
    now = "home.example.org" if push == "webhook" else "—"
    assert dialog.facts == {"now": now, "then": then}
    dialog.expect_no_secret()
    assert instance.settings != former
    await dialog.agree()
    assert dialog.at == "saved"
    await settle(hass, entry)
    assert instance.settings == former
    assert entry.options == DEFAULT_OPTIONS
    assert "push_settings" not in entry.data


async def test_the_former_settings_come_back_after_all_ways_were_used(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    belong_to_n8n(instance)
    webhook_ids = set()
    for push in ("queue", "webhook", "queue", "webhook"):
        await turn_on(hass, entry, push)
        claim = entry.data["push_settings"]
        assert claim["former"] == {
            "webhook_url": N8N,
            "webhook_token": N8N_TOKEN,
            "state_webhook": False,
        }
        if push == "queue":
            assert claim.keys() == {"former"}
            assert settings(instance) == ("", N8N_TOKEN, "yes")
        else:
            webhook_ids.add(claim["webhook_id"])
            assert settings(instance) == ours(entry)
    assert len(webhook_ids) == 2
    await turn_on(hass, entry, "off")
    assert settings(instance) == OF_N8N


async def test_asks_also_where_the_queue_needs_no_other_settings(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    instance.set_settings({"stateWebhook": "yes"})
    dialog = await open_events(hass, entry)
    await dialog.ask(push="queue")
    # Somebody may be taking from it now.
    assert dialog.at == "menu confirm_queue"
    assert dialog.result["menu_options"] == ["apply_push", "events"]
    assert entry.options == DEFAULT_OPTIONS
    await dialog.agree()
    assert dialog.at == "saved"
    await settle(hass, entry)
    assert entry.options["push"] == "queue"
    dialog = await open_events(hass, entry)
    await dialog.ask()
    assert dialog.at == "saved"
    await settle(hass, entry)
    assert entry.options == DEFAULT_OPTIONS
    assert "push_settings" not in entry.data
    assert settings(instance) == QUEUE
    # So the instance has not been restarted.
    assert asked(cloud, "setSettings") == 0


async def test_asks_nobody_where_the_queue_was_mended_by_itself(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    await turn_on(hass, entry, "queue")
    belong_to_n8n(instance)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await wait_until(hass, lambda: issue(hass, entry))
    instance.set_settings({"webhookUrl": "", "webhookUrlToken": ""})
    dialog = await open_events(hass, entry)
    await dialog.ask(push="queue")
    assert dialog.at == "saved"
    await settle(hass, entry)
    assert issue(hass, entry) is None


async def test_each_instance_has_a_webhook_of_its_own(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    belong_to_n8n(instance)
    second_instance = linked(cloud, "1101000002")
    second = await set_up(hass, cloud, second_instance)
    dialogs = [await open_events(hass, each) for each in (entry, second)]
    for dialog in dialogs:
        await dialog.ask(push="webhook")
    assert [dialog.at for dialog in dialogs] == [
        "menu confirm_takeover",
        "menu confirm_push",
    ]
    await asyncio.gather(*(dialog.agree() for dialog in dialogs))
    await hass.async_block_till_done()
    assert settings(instance) == ours(entry)
    assert settings(second_instance) == ours(second)
    for key in ("webhook_id", "token", "url"):
        assert entry.data["push_settings"][key] != second.data["push_settings"][key]
    await turn_on(hass, entry, "off")
    assert settings(instance) == OF_N8N
    assert settings(second_instance) == ours(second)


# ------------------------------------------------------- what others do meanwhile


async def test_leaves_alone_what_somebody_has_changed(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    await turn_on(hass, entry)
    belong_to_n8n(instance)
    dialog = await open_events(hass, entry)
    await dialog.ask()
    assert dialog.at == "saved"
    await settle(hass, entry)
    assert entry.options == DEFAULT_OPTIONS
    assert "push_settings" not in entry.data
    assert settings(instance) == (N8N, N8N_TOKEN, "yes")
    assert asked(cloud, "setSettings") == 1


async def test_does_not_turn_on_what_somebody_has_turned_off(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    belong_to_n8n(instance)
    instance.set_settings({"stateWebhook": "yes"})
    await turn_on(hass, entry)
    instance.set_settings({"stateWebhook": "no"})
    await turn_on(hass, entry, "off")
    assert settings(instance) == OF_N8N


async def test_takes_over_anew_from_whoever_came_meanwhile(
    hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
) -> None:
    await turn_on(hass, entry)
    claim = entry.data["push_settings"]
    belong_to_n8n(instance)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await wait_until(hass, lambda: issue(hass, entry))
    dialog = await open_events(hass, entry)
    await dialog.ask(push="webhook")
    assert dialog.at == "menu confirm_takeover"
    assert dialog.facts["loser"] == "n8n.example.com"
    await dialog.agree()
    assert dialog.at == "saved"
    await settle(hass, entry)
    assert issue(hass, entry) is None
    assert settings(instance) == ours(entry)
    assert entry.data["push_settings"]["webhook_id"] == claim["webhook_id"]
    await turn_on(hass, entry, "off")
    assert settings(instance) == (N8N, N8N_TOKEN, "yes")


async def test_asks_again_where_somebody_changes_it_while_it_is_shown(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    dialog = await open_events(hass, entry)
    await dialog.ask(push="webhook")
    assert dialog.at == "menu confirm_push"
    belong_to_n8n(instance)
    await dialog.agree()
    assert dialog.at == "menu confirm_takeover"
    assert dialog.facts["loser"] == "n8n.example.com"
    assert asked(cloud, "setSettings") == 0
    await dialog.agree()
    assert dialog.at == "saved"
    await settle(hass, entry)
    await turn_on(hass, entry, "off")
    assert settings(instance) == OF_N8N


async def test_two_dialogs_do_not_get_into_each_others_way(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    belong_to_n8n(instance)
    first, second = [await open_events(hass, entry) for _ in range(2)]
    for dialog in (first, second):
        await dialog.ask(push="webhook")
        assert dialog.at == "menu confirm_takeover"
    await asyncio.gather(first.agree(), second.agree())
    # The second finds what the first has done.
    assert sorted((first.at, second.at)) == ["saved", "saved"]
    await hass.async_block_till_done()
    assert asked(cloud, "setSettings") == 1
    assert settings(instance) == ours(entry)
    await turn_on(hass, entry, "off")
    assert settings(instance) == OF_N8N


async def test_loses_nothing_that_another_dialog_saves_meanwhile(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    dialog = await open_events(hass, entry)
    await dialog.ask(push="webhook")
    other = await Dialog.open(hass, entry, "qr_page")
    await other.submit(qr_domain="qr.example.com")
    await hass.async_block_till_done()
    await dialog.agree()
    await hass.async_block_till_done()
    assert entry.options == {
        **DEFAULT_OPTIONS,
        "push": "webhook",
        "qr_domain": "qr.example.com",
    }


# ------------------------------------------------------------------- the address


async def test_says_where_the_cloud_cannot_reach_this_home(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    await hass.config.async_update(
        external_url=None, internal_url="http://192.168.1.2:8123"
    )
    dialog = await open_events(hass, entry)
    await dialog.ask(push="webhook", loss_grace=3)
    assert dialog.at == "form events"
    assert dialog.errors == {"push": "no_external_url"}
    await expect_texts(hass, "error.no_external_url")
    assert dialog.filled_in == {"push": "webhook", "loss_grace": 3}
    assert dialog.fields == {"loss_grace", "push"}
    assert entry.options == DEFAULT_OPTIONS
    # As the words advise.
    await dialog.ask(push="queue", loss_grace=3)
    assert dialog.at == "menu confirm_push"
    await dialog.agree()
    assert dialog.at == "saved"
    await settle(hass, entry)
    assert settings(instance) == QUEUE


async def test_renews_an_address_that_has_changed(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    belong_to_n8n(instance)
    await turn_on(hass, entry)
    claim = entry.data["push_settings"]
    await hass.config.async_update(external_url="https://new.example.org")
    assert await hass.config_entries.async_reload(entry.entry_id)
    await wait_until(hass, lambda: issue(hass, entry))
    dialog = await open_events(hass, entry)
    await dialog.ask(push="webhook")
    assert dialog.at == "menu confirm_push"
    assert dialog.facts == {"now": "home.example.org", "then": "new.example.org"}
    await dialog.agree()
    assert dialog.at == "saved"
    await settle(hass, entry)
    assert issue(hass, entry) is None
    renewed = entry.data["push_settings"]
    assert renewed == {
        **claim,
        "url": f"https://new.example.org/api/webhook/{claim['webhook_id']}",
    }
    assert settings(instance) == ours(entry)
    await turn_on(hass, entry, "off")
    assert settings(instance) == OF_N8N


async def test_an_address_of_a_former_entry_is_nobodys(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    await turn_on(hass, entry)
    # The cloud was not there when the entry was removed.
    cloud.cloud.faults.add(Drop(), method="getSettings")
    await hass.config_entries.async_remove(entry.entry_id)
    cloud.cloud.faults.clear()
    left_over = instance.settings.webhookUrl
    assert left_over.startswith(HOME)
    entry = await set_up(hass, cloud, instance)
    dialog = await open_events(hass, entry)
    await dialog.ask(push="webhook")
    assert dialog.at == "menu confirm_push"
    await dialog.agree()
    assert dialog.at == "saved"
    await settle(hass, entry)
    assert settings(instance) == ours(entry)
    assert instance.settings.webhookUrl != left_over
    await turn_on(hass, entry, "off")
    assert settings(instance) == NOTHING


@pytest.fixture
def nabu_casa(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> NabuCasa:
    """Let Home Assistant have its cloud."""
    return set_up_nabu_casa(hass, monkeypatch)


async def test_prefers_a_cloudhook_and_takes_it_back(
    hass: HomeAssistant,
    nabu_casa: NabuCasa,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    belong_to_n8n(instance)
    dialog = await open_events(hass, entry)
    await dialog.ask(push="webhook")
    assert dialog.at == "menu confirm_takeover"
    assert dialog.facts["then"] == "Home Assistant Cloud"
    # Who only looks gets none.
    assert nabu_casa.hooks == {}
    await dialog.agree()
    assert dialog.at == "saved"
    await settle(hass, entry)
    claim = entry.data["push_settings"]
    assert nabu_casa.hooks == {claim["webhook_id"]: claim["url"]}
    assert claim["cloudhook"] is True
    assert settings(instance) == ours(entry)
    assert issue(hass, entry) is None
    await turn_on(hass, entry, "queue")
    assert nabu_casa.hooks == {}
    await turn_on(hass, entry, "webhook")
    assert len(nabu_casa.hooks) == 1
    await turn_on(hass, entry, "off")
    assert nabu_casa.hooks == {}
    assert settings(instance) == OF_N8N


async def test_says_that_home_assistant_cloud_gives_no_address(
    hass: HomeAssistant,
    nabu_casa: NabuCasa,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    nabu_casa.works = False
    dialog = await open_events(hass, entry)
    await dialog.ask(push="webhook")
    await dialog.agree()
    assert dialog.at == "form events"
    assert dialog.errors == {"push": "no_cloudhook"}
    await expect_texts(hass, "error.no_cloudhook")
    assert asked(cloud, "setSettings") == 0
    assert "push_settings" not in entry.data
    # Without a subscription the address of the home is taken.
    nabu_casa.active = False
    await dialog.ask(push="webhook")
    assert dialog.facts["then"] == "home.example.org"
    await dialog.agree()
    assert dialog.at == "saved"
    await settle(hass, entry)


async def test_leaves_no_cloudhook_where_the_cloud_refuses(
    hass: HomeAssistant,
    nabu_casa: NabuCasa,
    cloud: Simulator,
    entry: MockConfigEntry,
) -> None:
    cloud.cloud.faults.add(Status(400, message="Bad request"), method="setSettings")
    dialog = await open_events(hass, entry)
    await dialog.ask(push="webhook")
    await dialog.agree()
    assert dialog.errors == {"base": "request_rejected"}
    assert nabu_casa.hooks == {}
    assert "push_settings" not in entry.data


async def test_goes_from_a_cloudhook_to_the_address_of_the_home(
    hass: HomeAssistant,
    nabu_casa: NabuCasa,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    belong_to_n8n(instance)
    await turn_on(hass, entry)
    nabu_casa.active = False
    assert await hass.config_entries.async_reload(entry.entry_id)
    await wait_until(hass, lambda: issue(hass, entry))
    await turn_on(hass, entry)
    assert entry.data["push_settings"]["cloudhook"] is False
    assert settings(instance) == ours(entry)
    assert settings(instance)[0].startswith(HOME)
    assert nabu_casa.hooks == {}
    await turn_on(hass, entry, "off")
    assert settings(instance) == OF_N8N


# ------------------------------------------------------------------ what goes wrong


FAULTS = [
    (Status(500), "cloud_failed"),
    (Status(429), "rate_limited"),
    (Status(401), "token_rejected"),
    (Status(403), "instance_rejected"),
    (STARTING, "instance_not_ready"),
    (Status(400, message="Validation failed"), "validation_failed"),
    (Status(404), "method_not_available"),
    (Status(200, Body.HTML), "unexpected_answer"),
    (Drop(), "cannot_connect"),
    (Expired(), "instance_expired"),
    (Deleted(), "instance_deleted"),
]


@pytest.mark.parametrize(("fault", "key"), FAULTS)
async def test_says_why_the_settings_cannot_be_read(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    fault: Fault,
    key: str,
) -> None:
    cloud.cloud.faults.add(fault, method="getSettings", count=1)
    dialog = await open_events(hass, entry)
    await dialog.ask(push="webhook", loss_grace=4)
    assert dialog.at == "form events"
    assert dialog.errors == {"base": key}
    await expect_texts(hass, f"error.{key}")
    assert dialog.filled_in == {"push": "webhook", "loss_grace": 4}
    # To turn on needs the cloud.
    assert dialog.fields == {"loss_grace", "push"}
    assert entry.options == DEFAULT_OPTIONS
    await dialog.ask(push="webhook", loss_grace=4)
    assert dialog.at == "menu confirm_push"


@pytest.mark.parametrize(("fault", "key"), FAULTS)
async def test_says_why_the_settings_were_not_taken_and_leaves_nothing_half(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    fault: Fault,
    key: str,
) -> None:
    belong_to_n8n(instance)
    cloud.cloud.faults.add(fault, method="setSettings", count=1)
    dialog = await open_events(hass, entry)
    await dialog.ask(push="webhook", loss_grace=4)
    await dialog.agree()
    assert dialog.at == "form events"
    assert dialog.errors == {"base": key}
    assert dialog.filled_in == {"push": "webhook", "loss_grace": 4}
    assert entry.options == DEFAULT_OPTIONS
    assert settings(instance) == OF_N8N
    dialog.close()
    await hass.async_block_till_done(wait_background_tasks=True)
    # What may have come through is looked after: here it has not.
    monkeypatch.setattr(claim, "APPLYING_TIME", timedelta(0))
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=10))
    await wait_until(hass, lambda: "push_settings" not in entry.data)
    assert settings(instance) == OF_N8N
    await turn_on(hass, entry)
    await turn_on(hass, entry, "off")
    assert settings(instance) == OF_N8N


async def test_waits_for_no_instance_that_starts(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    dialog = await open_events(hass, entry)
    await dialog.ask(push="webhook")
    instance.set_state(State.STARTING)
    await dialog.agree()
    assert dialog.at == "form events"
    assert dialog.errors == {"base": "instance_not_ready"}
    assert "push_settings" not in entry.data
    instance.set_state(State.AUTHORIZED)
    await dialog.ask(push="webhook")
    await dialog.agree()
    assert dialog.at == "saved"
    await settle(hass, entry)


def lose_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the cloud take settings, but its answer get lost."""
    take = GreenApiClient.set_push_settings

    async def take_silently(client: GreenApiClient, settings: PushSettings) -> None:
        await take(client, settings)
        raise TimedOut

    monkeypatch.setattr(GreenApiClient, "set_push_settings", take_silently)


async def test_finds_its_own_settings_where_the_answer_got_lost(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    belong_to_n8n(instance)
    dialog = await open_events(hass, entry)
    await dialog.ask(push="webhook")
    # So that nobody looks after it before the next dialog does.
    await hass.config_entries.async_set_disabled_by(
        entry.entry_id, ConfigEntryDisabler.USER
    )
    with pytest.MonkeyPatch.context() as patch:
        lose_answers(patch)
        await dialog.agree()
    assert dialog.at == "form events"
    assert dialog.errors == {"base": "timed_out"}
    assert entry.options == DEFAULT_OPTIONS
    assert settings(instance) == ours(entry)
    dialog.close()
    dialog = await open_events(hass, entry)
    await dialog.ask(push="webhook")
    # Nothing is left to change, and nobody to be named.
    assert dialog.at == "saved"
    await settle(hass, entry)
    assert entry.options["push"] == "webhook"
    assert settings(instance) == ours(entry)
    await turn_on(hass, entry, "off")
    assert settings(instance) == OF_N8N


async def test_puts_back_by_itself_what_came_through_without_an_answer(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    belong_to_n8n(instance)
    dialog = await open_events(hass, entry)
    await dialog.ask(push="webhook")
    with pytest.MonkeyPatch.context() as patch:
        lose_answers(patch)
        await dialog.agree()
    assert dialog.errors == {"base": "timed_out"}
    dialog.close()
    await wait_until(hass, lambda: "push_settings" not in entry.data)
    assert settings(instance) == OF_N8N
    assert entry.options == DEFAULT_OPTIONS


@pytest.mark.parametrize(
    ("before", "after"), [("webhook", "queue"), ("queue", "webhook")]
)
async def test_a_switch_whose_answer_got_lost_forgets_nothing(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    before: str,
    after: str,
) -> None:
    belong_to_n8n(instance)
    await turn_on(hass, entry, before)
    dialog = await open_events(hass, entry)
    await dialog.ask(push=after)
    with pytest.MonkeyPatch.context() as patch:
        lose_answers(patch)
        await dialog.agree()
    assert dialog.errors == {"base": "timed_out"}
    dialog.close()
    # The way that is chosen is not there any more, which is told.
    await wait_until(hass, lambda: issue(hass, entry))
    assert entry.options["push"] == before
    dialog = await open_events(hass, entry)
    await dialog.ask(push=after)
    if dialog.at != "saved":
        assert dialog.at in {"menu confirm_push", "menu confirm_queue"}
        await dialog.agree()
    assert dialog.at == "saved"
    await settle(hass, entry)
    await wait_until(hass, lambda: issue(hass, entry) is None)
    assert "tried" not in entry.data["push_settings"]
    await turn_on(hass, entry, "off")
    assert settings(instance) == OF_N8N


# ------------------------------------------ a cloud that needs minutes to restart


class Lag:
    """Let a cloud show the settings of before for as long as a restart takes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Begin without."""
        self._shown: PushSettings | None = None
        get = GreenApiClient.get_push_settings

        async def show(client: GreenApiClient) -> PushSettings:
            found = await get(client)
            return self._shown or found

        monkeypatch.setattr(GreenApiClient, "get_push_settings", show)

    def begin(self, instance: Instance) -> None:
        """Show what stands there now from now on."""
        url, token, state = settings(instance)
        self._shown = PushSettings(url, token, state_webhook=state == "yes")

    def end(self) -> None:
        """Show what is true."""
        self._shown = None


@pytest.fixture
def lag(monkeypatch: pytest.MonkeyPatch) -> Lag:
    """Return what lets the cloud lag behind."""
    return Lag(monkeypatch)


async def choose(hass: HomeAssistant, entry: MockConfigEntry, push: str) -> None:
    """Choose a way and agree to all; what the cloud shows then, nobody waits for."""
    dialog = await open_events(hass, entry)
    await dialog.ask(push=push)
    if dialog.at != "saved":
        await dialog.agree()
    assert dialog.at == "saved"
    await hass.async_block_till_done(wait_background_tasks=push != "queue")


async def look_again(hass: HomeAssistant) -> None:
    """Let ten minutes pass for those who wait, not for those who look at a clock."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=10))
    await hass.async_block_till_done()


async def test_a_restart_that_lasts_raises_no_alarm(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    lag: Lag,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    belong_to_n8n(instance)
    lag.begin(instance)
    await choose(hass, entry, "webhook")
    await look_again(hass)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert issue(hass, entry) is None
    # It lasts for ever: the settings have got lost.
    monkeypatch.setattr(claim, "APPLYING_TIME", timedelta(0))
    await look_again(hass)
    await wait_until(hass, lambda: issue(hass, entry))
    # Or it was only very slow.
    lag.end()
    await look_again(hass)
    await wait_until(hass, lambda: issue(hass, entry) is None)
    await settle(hass, entry)


async def test_turned_off_at_once_nothing_of_it_comes_later(
    hass: HomeAssistant,
    cloud: Simulator,
    lag: Lag,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    belong_to_n8n(instance)
    lag.begin(instance)
    await choose(hass, entry, "webhook")
    # The former settings are shown, but those of the webhook are on their way.
    dialog = await open_events(hass, entry)
    await dialog.ask()
    assert dialog.at == "menu confirm_put_back"
    await dialog.agree()
    assert dialog.at == "saved"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert asked(cloud, "setSettings") == 2
    assert settings(instance) == OF_N8N
    lag.end()
    await look_again(hass)
    await settle(hass, entry)
    assert settings(instance) == OF_N8N
    assert asked(cloud, "setSettings") == 2


async def test_what_was_put_back_is_not_put_back_again_while_it_restarts(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    lag: Lag,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    belong_to_n8n(instance)
    await turn_on(hass, entry)
    lag.begin(instance)
    await choose(hass, entry, "off")
    await look_again(hass)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert asked(cloud, "setSettings") == 2
    # Unless it has got lost.
    monkeypatch.setattr(claim, "APPLYING_TIME", timedelta(0))
    await look_again(hass)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert asked(cloud, "setSettings") == 3
    lag.end()
    await look_again(hass)
    await settle(hass, entry)
    assert settings(instance) == OF_N8N
    assert asked(cloud, "setSettings") == 3


async def test_turned_on_again_at_once_the_former_settings_are_still_known(
    hass: HomeAssistant, lag: Lag, instance: Instance, entry: MockConfigEntry
) -> None:
    belong_to_n8n(instance)
    await turn_on(hass, entry)
    lag.begin(instance)
    # The webhook is shown, but the former settings are on their way.
    await choose(hass, entry, "off")
    assert settings(instance) == OF_N8N
    dialog = await open_events(hass, entry)
    await dialog.ask(push="webhook")
    assert dialog.at == "menu confirm_push"
    await dialog.agree()
    assert dialog.at == "saved"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert settings(instance) == ours(entry)
    lag.end()
    await look_again(hass)
    await settle(hass, entry)
    await turn_on(hass, entry, "off")
    assert settings(instance) == OF_N8N


async def test_a_switch_whose_answer_got_lost_may_come_late(
    hass: HomeAssistant, lag: Lag, instance: Instance, entry: MockConfigEntry
) -> None:
    belong_to_n8n(instance)
    await turn_on(hass, entry)
    lag.begin(instance)
    dialog = await open_events(hass, entry)
    await dialog.ask(push="queue")
    with pytest.MonkeyPatch.context() as patch:
        lose_answers(patch)
        await dialog.agree()
    assert dialog.errors == {"base": "timed_out"}
    dialog.close()
    # All looks well, but is not.
    await hass.async_block_till_done(wait_background_tasks=True)
    await look_again(hass)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert issue(hass, entry) is None
    lag.end()
    await look_again(hass)
    await wait_until(hass, lambda: issue(hass, entry))
    await turn_on(hass, entry, "off")
    assert settings(instance) == OF_N8N


@pytest.mark.parametrize(
    "ways",
    [
        ("webhook", "queue"),
        ("queue", "webhook"),
        ("webhook", "queue", "webhook"),
        ("queue", "webhook", "queue"),
        ("webhook", "off", "queue"),
    ],
)
@pytest.mark.parametrize("since", [0, 1])
async def test_whoever_changes_his_mind_while_it_restarts_loses_nothing(
    hass: HomeAssistant,
    lag: Lag,
    instance: Instance,
    entry: MockConfigEntry,
    ways: tuple[str, ...],
    since: int,
) -> None:
    belong_to_n8n(instance)
    for number, push in enumerate(ways):
        if number == since:
            lag.begin(instance)
        await choose(hass, entry, push)
        if push != "off":
            former = entry.data["push_settings"]["former"]
            assert (former["webhook_url"], former["webhook_token"]) == (N8N, N8N_TOKEN)
    assert settings(instance) == (
        ours(entry) if ways[-1] == "webhook" else ("", N8N_TOKEN, "yes")
    )
    await choose(hass, entry, "off")
    assert settings(instance) == OF_N8N
    lag.end()
    await look_again(hass)
    await settle(hass, entry)
    assert settings(instance) == OF_N8N
    assert "push_settings" not in entry.data


# ------------------------------------------------------------------------ turn off


async def test_can_be_turned_off_without_the_cloud_which_is_put_right_later(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    belong_to_n8n(instance)
    await turn_on(hass, entry)
    broken = cloud.cloud.faults.add(Drop(), method="getSettings")
    dialog = await open_events(hass, entry)
    await dialog.ask(loss_grace=4)
    assert dialog.at == "form events"
    assert dialog.errors == {"base": "cannot_connect"}
    assert dialog.fields == {"loss_grace", "push", "off_anyway"}
    # The choice is for turning off.
    await dialog.ask(push="queue", off_anyway=True)
    assert dialog.errors == {"base": "cannot_connect"}
    assert dialog.fields == {"loss_grace", "push"}
    await dialog.ask(loss_grace=4)
    assert dialog.fields == {"loss_grace", "push", "off_anyway"}
    await dialog.ask(loss_grace=4, off_anyway=False)
    assert dialog.errors == {"base": "cannot_connect"}
    assert entry.options["push"] == "webhook"
    await dialog.submit(loss_grace=4, push="off", off_anyway=True)
    assert dialog.at == "saved"
    await settle(hass, entry)
    assert entry.options == {**DEFAULT_OPTIONS, "loss_grace": 4}
    assert settings(instance) == ours(entry)
    cloud.cloud.faults.remove(broken.number)
    await wait_until(hass, lambda: "push_settings" not in entry.data)
    assert settings(instance) == OF_N8N


async def test_what_is_still_to_be_put_back_can_be_turned_on_again(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    belong_to_n8n(instance)
    await turn_on(hass, entry)
    broken = cloud.cloud.faults.add(Drop(), method="getSettings")
    dialog = await open_events(hass, entry)
    await dialog.ask()
    await dialog.submit(**PLAIN, off_anyway=True)
    await hass.async_block_till_done()
    # Unloaded, it does not see that the cloud is there again.
    assert await hass.config_entries.async_unload(entry.entry_id)
    cloud.cloud.faults.remove(broken.number)
    await turn_on(hass, entry)
    assert asked(cloud, "setSettings") == 1
    assert settings(instance) == ours(entry)
    await turn_on(hass, entry, "off")
    assert settings(instance) == OF_N8N


async def test_says_why_the_former_settings_did_not_come_back(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    belong_to_n8n(instance)
    await turn_on(hass, entry)
    dialog = await open_events(hass, entry)
    await dialog.ask()
    cloud.cloud.faults.add(STARTING, method="setSettings")
    await dialog.agree()
    assert dialog.at == "form events"
    assert dialog.errors == {"base": "instance_not_ready"}
    assert dialog.fields == {"loss_grace", "push", "off_anyway"}
    assert entry.options["push"] == "webhook"
    assert settings(instance) == ours(entry)


# ----------------------------------------------------------------- closed, removed


async def test_what_is_under_way_is_finished_when_the_dialog_is_closed(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    belong_to_n8n(instance)
    dialog = await open_events(hass, entry)
    await dialog.ask(push="webhook")
    cursor = cloud.cloud.log.cursor
    cloud.cloud.faults.add(Delay(0.2), method="setSettings")
    await dialog.submit(next_step_id="apply_push")
    async with asyncio.timeout(BOUND):
        await cloud.cloud.log.wait_for_open(method="setSettings")
    dialog.close()
    await wait_until(hass, lambda: entry.options["push"] == "webhook")
    await hass.async_block_till_done()
    assert len(cloud.cloud.log.list(since=cursor, method="setSettings")) == 1
    assert settings(instance) == ours(entry)
    await turn_on(hass, entry, "off")
    assert settings(instance) == OF_N8N


async def test_a_reload_in_between_takes_nothing_back(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    belong_to_n8n(instance)
    dialog = await open_events(hass, entry)
    await dialog.ask(push="webhook")
    cloud.cloud.faults.add(Delay(0.2), method="setSettings")
    await dialog.submit(next_step_id="apply_push")
    async with asyncio.timeout(BOUND):
        await cloud.cloud.log.wait_for_open(method="setSettings")
    # What is loaded now finds settings that were only tried, and push turned off.
    assert await hass.config_entries.async_reload(entry.entry_id)
    await dialog.until_over()
    assert dialog.at == "saved"
    await settle(hass, entry)
    assert settings(instance) == ours(entry)
    assert asked(cloud, "setSettings") == 1


async def test_ends_when_the_entry_was_removed(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    form, menu = [await open_events(hass, entry) for _ in range(2)]
    await menu.ask(push="webhook")
    await hass.config_entries.async_remove(entry.entry_id)
    await form.ask(push="webhook")
    await menu.agree()
    for dialog in (form, menu):
        assert dialog.at == "abort entry_removed"
    assert asked(cloud, "setSettings") == 0


@pytest.mark.parametrize("slow", ["getSettings", "setSettings"])
async def test_an_entry_that_is_removed_in_between_leaves_nothing(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    entry: MockConfigEntry,
    slow: str,
) -> None:
    belong_to_n8n(instance)
    dialog = await open_events(hass, entry)
    await dialog.ask(push="webhook")
    cloud.cloud.faults.add(Delay(0.2), method=slow, count=1)
    await dialog.submit(next_step_id="apply_push")
    async with asyncio.timeout(BOUND):
        await cloud.cloud.log.wait_for_open(method=slow)
    await hass.config_entries.async_remove(entry.entry_id)
    await dialog.until_over()
    assert dialog.at == "abort entry_removed"
    await hass.async_block_till_done()
    assert settings(instance) == OF_N8N


@pytest.mark.parametrize("disabled", [True, False])
async def test_works_where_the_entry_is_not_loaded(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, *, disabled: bool
) -> None:
    belong_to_n8n(instance)
    entry = entry_of(cloud, instance)
    entry.add_to_hass(hass)
    if disabled:
        await hass.config_entries.async_set_disabled_by(
            entry.entry_id, ConfigEntryDisabler.USER
        )
    else:
        broken = cloud.cloud.faults.add(Status(500), method="getStateInstance")
        assert not await hass.config_entries.async_setup(entry.entry_id)
        assert entry.state is ConfigEntryState.SETUP_RETRY
        cloud.cloud.faults.remove(broken.number)
    await turn_on(hass, entry)
    assert settings(instance) == ours(entry)
    assert entry.state is (
        ConfigEntryState.NOT_LOADED if disabled else ConfigEntryState.LOADED
    )
    await turn_on(hass, entry, "off")
    assert settings(instance) == OF_N8N


# ------------------------------------------------------------------ in the interface


async def test_a_double_click_does_nothing_twice(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, entry: MockConfigEntry
) -> None:
    belong_to_n8n(instance)
    dialog = await open_events(hass, entry)
    typed = {"loss_grace": 4, "push": "webhook"}
    await asyncio.gather(dialog.submit(**typed), dialog.submit(**typed))
    await dialog.until_over()
    assert dialog.at == "menu confirm_takeover"
    choice = {"next_step_id": "apply_push"}
    await asyncio.gather(dialog.submit(**choice), dialog.submit(**choice))
    await dialog.until_over()
    assert dialog.at == "saved"
    await settle(hass, entry)
    assert asked(cloud, "setSettings") == 1
    with pytest.raises(UnknownFlow):
        await dialog.submit(**choice)


async def test_a_second_click_that_comes_late_is_not_taken_for_an_answer(
    hass: HomeAssistant, cloud: Simulator, entry: MockConfigEntry
) -> None:
    cloud.cloud.faults.add(Status(500), method="getSettings", count=1)
    dialog = await open_events(hass, entry)
    typed = {"loss_grace": 4, "push": "webhook"}
    await dialog.submit(**typed)
    async with asyncio.timeout(BOUND):
        await dialog._progressed.wait()
    # The job has ended, but the interface has not fetched that yet.
    await dialog.submit(**typed)
    assert dialog.at == "form events"
    assert dialog.errors == {"base": "cloud_failed"}
    assert asked(cloud, "getSettings") == 1


async def test_can_be_shown_and_filled_in_by_the_frontend(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    instance: Instance,
    entry: MockConfigEntry,
) -> None:
    belong_to_n8n(instance)
    for component in ("camera", "config", "event", "image"):
        assert await async_setup_component(hass, component, {})
    client = await hass_client()
    base = "/api/config/config_entries/options/flow"
    menu = await (await client.post(base, json={"handler": entry.entry_id})).json()
    assert "events" in menu["menu_options"]
    path = f"{base}/{menu['flow_id']}"
    form = await (await client.post(path, json={"next_step_id": "events"})).json()
    shown = {field["name"]: field["selector"] for field in form["data_schema"]}
    assert shown["push"]["select"]["options"] == ["off", "webhook", "queue"]
    grace = shown["loss_grace"]["number"]
    assert (grace["min"], grace["max"], grace["mode"]) == (0, 3600, "box")
    answer = await client.post(path, json={**PLAIN, "loss_grace": 3601.0})
    assert answer.status == HTTPStatus.BAD_REQUEST
    dialog = PushDialog.__new__(PushDialog)
    Dialog.__init__(dialog, hass, hass.config_entries.options, menu)
    typed = {"loss_grace": 12.0, "push": "webhook"}
    progress = await (await client.post(path, json=typed)).json()
    assert progress["type"] == "progress"
    async with asyncio.timeout(BOUND):
        await dialog._progressed.wait()
    asks = await (await client.get(path)).json()
    assert asks["step_id"] == "confirm_takeover"
    assert N8N not in str(asks)
    dialog._progressed.clear()
    choice = {"next_step_id": "apply_push"}
    progress = await (await client.post(path, json=choice)).json()
    assert progress["type"] == "progress"
    async with asyncio.timeout(BOUND):
        await dialog._progressed.wait()
    end = await (await client.get(path)).json()
    assert end["type"] == "create_entry"
    await hass.async_block_till_done()
    assert entry.options["push"] == "webhook"
    assert settings(instance) == ours(entry)
