"""What we set in the cloud is ours as long as it is to be, and known as ours."""

import ast
import asyncio
from dataclasses import replace
from datetime import timedelta
import importlib.util
from pathlib import Path

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.green_api.api.client import GreenApiClient
from custom_components.green_api.api.errors import CloudFailed, TimedOut
from custom_components.green_api.api.settings import PushSettings
from custom_components.green_api.const import (
    DOMAIN,
    SAFETY_POLL_INTERVAL,
    PushMode,
)
from custom_components.green_api.push.address import (
    async_address,
    async_drop_cloudhook,
    async_has_address,
    host_of,
    is_left_over,
    reachable_by,
)
from custom_components.green_api.push.claim import Claim, keep_claim
from custom_components.green_api.push.cloud_settings import (
    _lock_of,
    async_apply,
    async_look,
    async_put_back,
)
from simulator import Instance, Simulator, Status, Timing
from tests.conftest import set_up
from tests.logs import log_lines
from tests.waiting import BOUND, lift_limits, set_rhythm, shorten_backoff, wait_until

from .door import TOKEN, WEBHOOK_ID, set_up_push, settle
from .nabu import FUNCTIONS, NabuCasa, set_up_nabu_casa

HOME = "https://home.example.org"
URL = f"{HOME}/api/webhook/{WEBHOOK_ID}"
N8N = "https://n8n.example.com/webhook/5f0c"

NOBODYS = PushSettings("", "", state_webhook=False)
N8NS = PushSettings(N8N, "n8n secret", state_webhook=False)
OURS = PushSettings(URL, TOKEN, state_webhook=True)

WEBHOOK = Claim(former=N8NS, webhook_id=WEBHOOK_ID, token=TOKEN, url=URL)
QUEUE = Claim(former=N8NS)
BY_CLOUDHOOK = Claim(
    former=N8NS,
    webhook_id=WEBHOOK_ID,
    token=TOKEN,
    url="https://hooks.nabu.casa/1",
    cloudhook=True,
)

# The cloud's answer while an instance restarts.
STARTING = Status(400, message="instance in starting process try later")

BOTH = ("webhook", WEBHOOK), ("queue", QUEUE)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch)
    shorten_backoff(monkeypatch)


@pytest.fixture(autouse=True)
async def home(hass: HomeAssistant) -> None:
    """Give Home Assistant an address on the internet."""
    await hass.config.async_update(external_url=HOME)


@pytest.fixture
def instance(cloud: Simulator) -> Instance:
    """Return an instance that is linked, and restarts in no time."""
    instance = cloud.cloud.create(state="authorized")
    instance.set_timing(Timing(reboot=0))
    return instance


@pytest.fixture
def nabu_casa(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> NabuCasa:
    """Let Home Assistant have its cloud."""
    return set_up_nabu_casa(hass, monkeypatch)


def put(instance: Instance, settings: PushSettings) -> None:
    """Let settings stand in the cloud, whoever has put them there."""
    instance.set_settings(settings.wire)


def stands(instance: Instance, settings: PushSettings) -> bool:
    """Return whether these settings stand in the cloud."""
    now = instance.settings
    found = {name: getattr(now, name) for name in settings.wire}
    return found == settings.wire


def asked(cloud: Simulator, method: str = "getSettings") -> int:
    """Return how often a method was asked."""
    return len(cloud.cloud.log.list(method=method))


def issue(hass: HomeAssistant, entry: MockConfigEntry) -> ir.IssueEntry | None:
    """Return the issue that tells that the cloud tells nothing any more."""
    return ir.async_get(hass).async_get_issue(DOMAIN, f"push_lost_{entry.entry_id}")


async def load(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    mode: str,
    claim: Claim,
) -> MockConfigEntry:
    """Return an entry that has a claim, loaded."""
    return await set_up_push(hass, cloud, instance, mode, claim.stored)


# -------------------------------------------------------------------- the claim


@pytest.mark.parametrize(
    "claim",
    [
        WEBHOOK,
        QUEUE,
        BY_CLOUDHOOK,
        Claim(former=NOBODYS, tried=(OURS, N8NS), sent=OURS, sent_at=1234.5),
    ],
)
def test_a_claim_is_kept_as_it_is_and_shows_no_secret(claim: Claim) -> None:
    entry = MockConfigEntry(domain=DOMAIN, data={"push_settings": claim.stored})
    assert Claim.of(entry) == claim
    for secret in (URL, TOKEN, WEBHOOK_ID, N8N, "n8n secret", "nabu"):
        assert secret not in repr(claim)


def test_an_entry_without_a_claim_has_none() -> None:
    assert Claim.of(MockConfigEntry(domain=DOMAIN, data={})) is None


@pytest.mark.parametrize(
    ("claim", "present", "ours", "kept"),
    [
        (WEBHOOK, OURS, True, True),
        # The address is ours, whatever stands beside it.
        (WEBHOOK, PushSettings(URL, "other", state_webhook=True), True, False),
        (WEBHOOK, PushSettings(URL, TOKEN, state_webhook=False), True, False),
        (WEBHOOK, N8NS, False, False),
        (WEBHOOK, NOBODYS, False, False),
        # Somebody has emptied it.
        (WEBHOOK, PushSettings("", "", state_webhook=True), False, False),
        (QUEUE, PushSettings("", "n8n secret", state_webhook=True), True, True),
        # Good enough, but not as we have set it.
        (QUEUE, PushSettings("", "", state_webhook=True), False, True),
        (QUEUE, PushSettings("", "n8n secret", state_webhook=False), False, False),
        (QUEUE, N8NS, False, False),
        (Claim(former=N8NS, tried=(OURS,)), OURS, True, False),
    ],
)
def test_a_claim_knows_what_is_ours_and_what_is_as_it_has_to_be(
    claim: Claim, present: PushSettings, *, ours: bool, kept: bool
) -> None:
    assert claim.is_ours(present) is ours
    assert claim.is_kept(present) is kept


@pytest.mark.parametrize(
    ("present", "age", "pending"),
    [
        (N8NS, 0, True),
        (N8NS, 599, True),
        (N8NS, 601, False),
        # By a clock that was set back.
        (N8NS, -60, False),
        (QUEUE.wanted, 0, True),
        # It is there.
        (OURS, 0, False),
        # Somebody else has changed it.
        (NOBODYS, 0, False),
    ],
)
def test_a_claim_knows_what_may_still_come(
    present: PushSettings, age: int, *, pending: bool
) -> None:
    assert not WEBHOOK.is_pending(present)
    sent = replace(WEBHOOK.sending(OURS), tried=(QUEUE.wanted,))
    sent = replace(sent, sent_at=sent.sent_at - age)
    assert sent.is_pending(present) is pending
    assert sent.seen == WEBHOOK


def test_notifications_that_were_turned_off_meanwhile_stay_off() -> None:
    wanted = PushSettings(N8N, "", state_webhook=True)
    claim = Claim(former=wanted)
    off = PushSettings("", "", state_webhook=False)
    assert claim.restored(PushSettings("", "", state_webhook=True)) == wanted
    assert not claim.restored(off).state_webhook


# ---------------------------------------------------------------- the addresses


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("", "—"),
        (N8N, "n8n.example.com"),
        ("https://user:secret@n8n.example.com:8443/a?b=c", "n8n.example.com"),
        ("http://[::1]:5678/hook", "::1"),
        ("n8n.example.com/hook", "?"),
        ("https://[", "?"),
        ("https://n8n.example.com:port/", "?"),
    ],
)
def test_a_person_sees_the_host_alone(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("url", "left_over"),
    [
        (URL, True),
        # A webhook of the user's own, in this Home Assistant.
        (f"{HOME}/api/webhook/my_automation", False),
        (f"https://other.example.org/api/webhook/{WEBHOOK_ID}", False),
        (f"{HOME}/{WEBHOOK_ID}", False),
        (f"/api/webhook/{WEBHOOK_ID}", False),
        (f"https://[/api/webhook/{WEBHOOK_ID}", False),
        ("", False),
    ],
)
def test_knows_an_address_of_a_former_entry(
    hass: HomeAssistant, url: str, *, left_over: bool
) -> None:
    assert is_left_over(hass, url) is left_over


async def test_takes_the_address_of_the_home(hass: HomeAssistant) -> None:
    assert reachable_by(hass) == "home.example.org"
    assert await async_address(hass, WEBHOOK_ID) == (URL, False)
    assert await async_has_address(hass, WEBHOOK)
    await hass.config.async_update(external_url="https://new.example.org")
    assert not await async_has_address(hass, WEBHOOK)


async def test_a_home_without_an_address_has_none(hass: HomeAssistant) -> None:
    await hass.config.async_update(
        external_url=None, internal_url="http://192.168.1.2:8123"
    )
    with pytest.raises(HomeAssistantError) as caught:
        reachable_by(hass)
    assert caught.value.translation_key == "no_external_url"
    with pytest.raises(HomeAssistantError) as caught:
        await async_address(hass, WEBHOOK_ID)
    assert caught.value.translation_key == "no_external_url"
    assert not await async_has_address(hass, WEBHOOK)
    # The queue needs none.
    assert await async_has_address(hass, QUEUE)


async def test_takes_a_cloudhook_where_there_is_one(
    hass: HomeAssistant, nabu_casa: NabuCasa
) -> None:
    assert reachable_by(hass) == "Home Assistant Cloud"
    url, is_cloudhook = await async_address(hass, WEBHOOK_ID)
    assert is_cloudhook
    assert nabu_casa.hooks == {WEBHOOK_ID: url}
    claim = Claim(
        former=N8NS, webhook_id=WEBHOOK_ID, token=TOKEN, url=url, cloudhook=True
    )
    assert await async_has_address(hass, claim)
    # What was made for the home itself stays good.
    assert await async_has_address(hass, WEBHOOK)
    # Not connected just now, or not well: nobody knows better.
    nabu_casa.connected = False
    assert await async_has_address(hass, claim)
    nabu_casa.connected, nabu_casa.works = True, False
    assert await async_has_address(hass, claim)
    nabu_casa.works = True
    # The user has deleted it.
    nabu_casa.hooks.clear()
    assert not await async_has_address(hass, claim)
    nabu_casa.active = False
    assert not await async_has_address(hass, claim)
    assert await async_address(hass, WEBHOOK_ID) == (URL, False)


async def test_a_cloudhook_is_of_no_use_where_the_cloud_is_gone(
    hass: HomeAssistant,
) -> None:
    assert not await async_has_address(hass, BY_CLOUDHOOK)


async def test_drops_a_cloudhook_that_nobody_uses_any_more(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture, nabu_casa: NabuCasa
) -> None:
    await async_address(hass, WEBHOOK_ID)
    for gone, stays in ((None, None), (WEBHOOK, None), (BY_CLOUDHOOK, BY_CLOUDHOOK)):
        await async_drop_cloudhook(hass, gone, stays)
        assert WEBHOOK_ID in nabu_casa.hooks
    await async_drop_cloudhook(hass, BY_CLOUDHOOK, WEBHOOK)
    assert nabu_casa.hooks == {}
    # The user was faster.
    await async_drop_cloudhook(hass, BY_CLOUDHOOK)
    assert "A cloudhook could not be deleted: ValueError" in list(log_lines(caplog))
    hass.config.components.remove("cloud")
    await async_drop_cloudhook(hass, BY_CLOUDHOOK)


def _signatures(source: str) -> dict[str, tuple[type, list[str]]]:
    """Return the functions of a module or class: plain or async, what they take."""
    return {
        node.name: (type(node), [arg.arg.removeprefix("_") for arg in node.args.args])
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


def test_home_assistant_cloud_has_the_functions_that_the_tests_have() -> None:
    components = importlib.util.find_spec("homeassistant.components")
    assert components is not None
    assert components.origin is not None
    real = Path(components.origin).parent / "cloud" / "__init__.py"
    theirs = _signatures(real.read_text("utf-8"))
    mine = _signatures((Path(__file__).parent / "nabu.py").read_text("utf-8"))
    assert FUNCTIONS
    for name in FUNCTIONS:
        kind, arguments = mine[name]
        assert (kind, arguments[1:]) == theirs[name], name


# ------------------------------------------------------------------ looked after


async def test_asks_nothing_where_there_is_nothing_to_look_after(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    entry = await set_up(hass, cloud, instance)
    await settle(hass)
    assert asked(cloud) == 0
    await hass.config_entries.async_remove(entry.entry_id)
    assert asked(cloud) == 0


@pytest.mark.parametrize(("mode", "claim"), BOTH)
async def test_says_nothing_as_long_as_all_is_as_it_has_to_be(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, mode: str, claim: Claim
) -> None:
    put(instance, claim.wanted)
    entry = await load(hass, cloud, instance, mode, claim)
    async with asyncio.timeout(BOUND):
        await cloud.cloud.log.wait_for(method="getSettings", since=0)
    await hass.async_block_till_done()
    assert issue(hass, entry) is None
    assert entry.data["push_settings"] == claim.stored


@pytest.mark.parametrize(
    ("mode", "claim", "present"),
    [
        ("webhook", WEBHOOK, N8NS),
        ("webhook", WEBHOOK, NOBODYS),
        ("webhook", WEBHOOK, PushSettings(URL, "other", state_webhook=True)),
        ("webhook", WEBHOOK, PushSettings(URL, TOKEN, state_webhook=False)),
        ("queue", QUEUE, N8NS),
        ("queue", QUEUE, PushSettings("", "n8n secret", state_webhook=False)),
    ],
)
async def test_tells_when_the_cloud_tells_nothing_any_more(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    mode: str,
    claim: Claim,
    present: PushSettings,
) -> None:
    put(instance, present)
    entry = await load(hass, cloud, instance, mode, claim)
    await wait_until(hass, lambda: issue(hass, entry))
    found = issue(hass, entry)
    assert found is not None
    assert found.translation_key == "push_lost"
    assert found.translation_placeholders == {"title": entry.title}
    assert found.severity is ir.IssueSeverity.WARNING
    assert not found.is_fixable
    url = f"homeassistant://config/integrations/integration/{DOMAIN}"
    assert found.learn_more_url == url
    # Nothing is done that nobody has asked for.
    assert stands(instance, present)
    assert asked(cloud, "setSettings") == 0
    # It goes when somebody mends it, whoever that is.
    put(instance, claim.wanted)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=10, seconds=1))
    await wait_until(hass, lambda: issue(hass, entry) is None)


async def test_looks_again_every_day(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    put(instance, OURS)
    entry = await load(hass, cloud, instance, "webhook", WEBHOOK)
    await settle(hass)
    assert asked(cloud) == 1
    put(instance, N8NS)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(hours=23))
    await settle(hass)
    assert asked(cloud) == 1
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(days=1, seconds=1))
    await wait_until(hass, lambda: issue(hass, entry))


async def test_a_state_is_asked_for_as_often_as_ever_where_nothing_is_told(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    put(instance, OURS)
    entry = await load(hass, cloud, instance, "webhook", WEBHOOK)
    await settle(hass)
    coordinator = entry.runtime_data
    coordinator.trust_push(True)  # noqa: FBT003  the only thing it tells
    await coordinator.async_refresh()
    assert coordinator.update_interval == SAFETY_POLL_INTERVAL
    put(instance, N8NS)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(days=1, seconds=1))
    await wait_until(hass, lambda: issue(hass, entry))
    await settle(hass)
    assert coordinator.update_interval == timedelta(seconds=60)


async def test_tells_when_the_home_has_another_address(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    put(instance, OURS)
    await hass.config.async_update(external_url="https://new.example.org")
    entry = await load(hass, cloud, instance, "webhook", WEBHOOK)
    await wait_until(hass, lambda: issue(hass, entry))
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert issue(hass, entry) is None


async def test_tells_when_nothing_is_known_of_what_was_set(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    entry = await set_up(hass, cloud, instance, push="webhook")
    await wait_until(hass, lambda: issue(hass, entry))


async def test_does_not_ask_before_home_assistant_has_started(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    put(instance, N8NS)
    hass.set_state(CoreState.starting)
    entry = await load(hass, cloud, instance, "webhook", WEBHOOK)
    await settle(hass)
    assert asked(cloud) == 0
    hass.set_state(CoreState.running)
    hass.bus.async_fire("homeassistant_started")
    await wait_until(hass, lambda: issue(hass, entry))


async def test_waits_for_an_instance_that_starts(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    put(instance, N8NS)
    starting = cloud.cloud.faults.add(STARTING, method="getSettings")
    entry = await load(hass, cloud, instance, "webhook", WEBHOOK)
    await settle(hass)
    assert asked(cloud) == 1
    assert issue(hass, entry) is None
    cloud.cloud.faults.remove(starting.number)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=601))
    await wait_until(hass, lambda: issue(hass, entry))


async def test_forgets_what_was_tried_when_all_is_well(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    put(instance, OURS)
    tried = Claim(
        former=N8NS, webhook_id=WEBHOOK_ID, token=TOKEN, url=URL, tried=(NOBODYS,)
    )
    entry = await load(hass, cloud, instance, "webhook", tried)
    await wait_until(hass, lambda: "tried" not in entry.data["push_settings"])
    assert Claim.of(entry) == WEBHOOK


# ------------------------------------------------------------------ given up


@pytest.mark.parametrize("claim", [WEBHOOK, QUEUE])
async def test_puts_back_what_was_left_when_home_assistant_stopped(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, claim: Claim
) -> None:
    put(instance, claim.wanted)
    entry = await load(hass, cloud, instance, "off", claim)
    await wait_until(hass, lambda: "push_settings" not in entry.data)
    assert stands(instance, N8NS)
    assert issue(hass, entry) is None
    assert entry.state is ConfigEntryState.LOADED


async def test_leaves_alone_what_somebody_has_set_meanwhile(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    others = PushSettings("https://other.example.com/", "", state_webhook=True)
    put(instance, others)
    entry = await load(hass, cloud, instance, "off", WEBHOOK)
    await wait_until(hass, lambda: "push_settings" not in entry.data)
    assert stands(instance, others)
    assert asked(cloud, "setSettings") == 0


async def test_puts_back_as_soon_as_the_instance_takes_it(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    put(instance, OURS)
    starting = cloud.cloud.faults.add(STARTING, method="setSettings")
    entry = await load(hass, cloud, instance, "off", WEBHOOK)
    await settle(hass)
    assert asked(cloud, "setSettings") == 1
    assert stands(instance, OURS)
    assert Claim.of(entry) == WEBHOOK
    cloud.cloud.faults.remove(starting.number)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=601))
    await wait_until(hass, lambda: "push_settings" not in entry.data)
    assert stands(instance, N8NS)


# ------------------------------------------------------ of a fate that is not known


async def test_still_knows_what_came_through_before_another_try(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    # A switch to the queue has come through, though no answer said so.
    claim = replace(WEBHOOK, tried=(QUEUE.wanted,))
    put(instance, QUEUE.wanted)
    entry = await load(hass, cloud, instance, "webhook", claim)
    cloud.cloud.faults.add(Status(500), method="setSettings", count=1)
    seen = await async_look(hass, entry, PushMode.WEBHOOK)
    with pytest.raises(CloudFailed):
        await async_apply(hass, entry, seen, {"push": "webhook"})
    # Whichever of the two it is now, it is ours.
    found = Claim.of(entry)
    assert found is not None
    assert found.is_ours(QUEUE.wanted)
    assert found.is_ours(OURS)
    assert found.former == N8NS
    await hass.config_entries.async_remove(entry.entry_id)
    assert stands(instance, N8NS)


async def test_remembers_who_came_meanwhile_although_the_answer_got_lost(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    put(instance, N8NS)
    claim = replace(WEBHOOK, former=NOBODYS)
    entry = await load(hass, cloud, instance, "webhook", claim)
    take = GreenApiClient.set_push_settings

    async def take_silently(client: GreenApiClient, settings: PushSettings) -> None:
        await take(client, settings)
        raise TimedOut

    seen = await async_look(hass, entry, PushMode.WEBHOOK)
    assert seen.loser == "n8n.example.com"
    with monkeypatch.context() as patch:
        patch.setattr(GreenApiClient, "set_push_settings", take_silently)
        with pytest.raises(TimedOut):
            await async_apply(hass, entry, seen, {"push": "webhook"})
    assert stands(instance, OURS)
    await hass.config_entries.async_remove(entry.entry_id)
    assert stands(instance, N8NS)


async def test_takes_nothing_back_that_was_turned_on_while_it_waited(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    entry = await set_up(hass, cloud, instance)
    put(instance, OURS)
    async with _lock_of(hass, entry):
        keep_claim(hass, entry, WEBHOOK)
        waiting = asyncio.create_task(async_put_back(hass, entry))
        await asyncio.sleep(0)
        keep_claim(hass, entry, WEBHOOK, {"push": "webhook"})
    await waiting
    assert stands(instance, OURS)
    assert Claim.of(entry) == WEBHOOK


async def test_a_stop_in_the_middle_is_made_good_at_the_next_start(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
) -> None:
    put(instance, N8NS)
    entry = await set_up(hass, cloud, instance)
    taken = asyncio.Event()
    take = GreenApiClient.set_push_settings

    async def take_and_wait(client: GreenApiClient, settings: PushSettings) -> None:
        await take(client, settings)
        taken.set()
        await asyncio.Event().wait()

    seen = await async_look(hass, entry, PushMode.WEBHOOK)
    with monkeypatch.context() as patch:
        patch.setattr(GreenApiClient, "set_push_settings", take_and_wait)
        job = asyncio.create_task(
            async_apply(hass, entry, seen, {"push": PushMode.WEBHOOK})
        )
        async with asyncio.timeout(BOUND):
            await taken.wait()
        assert await hass.config_entries.async_unload(entry.entry_id)
        job.cancel()
        await asyncio.wait([job])
    assert entry.options["push"] == "off"
    assert instance.settings.webhookUrl.startswith(f"{HOME}/api/webhook/green_api_")
    assert await hass.config_entries.async_setup(entry.entry_id)
    await wait_until(hass, lambda: "push_settings" not in entry.data)
    assert stands(instance, N8NS)
