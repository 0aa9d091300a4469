"""An entry that is removed leaves the cloud as it was before."""

import asyncio

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.const import DOMAIN
from custom_components.green_api.push.address import async_address
from custom_components.green_api.push.claim import Claim
from simulator import Delay, Drop, Fault, Instance, Simulator, State, Status, Timing
from tests.logs import log_lines
from tests.waiting import BOUND, lift_limits, set_rhythm, shorten_backoff, wait_until

from .nabu import NabuCasa, set_up_nabu_casa
from .test_cloud_settings import (
    BOTH,
    HOME,
    N8N,
    N8NS,
    OURS,
    QUEUE,
    STARTING,
    WEBHOOK,
    asked,
    issue,
    load,
    put,
    stands,
)


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


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what a person reads of it in the log."""
    return [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.name.startswith("custom_components.green_api")
        and record.levelname == "WARNING"
    ]


@pytest.mark.parametrize(("mode", "claim"), [*BOTH, ("off", WEBHOOK), ("off", QUEUE)])
@pytest.mark.parametrize("loaded", [True, False])
async def test_the_former_settings_come_back(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    mode: str,
    claim: Claim,
    *,
    loaded: bool,
) -> None:
    put(instance, claim.wanted)
    instance.set_settings({"incomingWebhook": "yes"})
    entry = await load(hass, cloud, instance, mode, claim)
    if not loaded:
        await hass.config_entries.async_set_disabled_by(
            entry.entry_id, ConfigEntryDisabler.USER
        )
    await hass.config_entries.async_remove(entry.entry_id)
    assert stands(instance, N8NS)
    assert instance.settings.incomingWebhook == "yes"
    assert asked(cloud, "setSettings") == 1
    assert warnings(caplog) == []


async def test_a_restart_is_spared_where_nothing_would_change(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    claim = Claim(former=QUEUE.wanted)
    put(instance, claim.wanted)
    entry = await load(hass, cloud, instance, "queue", claim)
    await hass.config_entries.async_remove(entry.entry_id)
    assert stands(instance, claim.wanted)
    assert asked(cloud, "setSettings") == 0


async def test_what_somebody_else_has_set_stays(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
) -> None:
    instance.set_settings({"webhookUrl": "https://other.example.com/"})
    entry = await load(hass, cloud, instance, "webhook", WEBHOOK)
    await wait_until(hass, lambda: issue(hass, entry))
    before = instance.settings
    await hass.config_entries.async_remove(entry.entry_id)
    assert instance.settings == before
    assert asked(cloud, "setSettings") == 0
    assert warnings(caplog) == []
    assert not [i for i in ir.async_get(hass).issues.values() if i.domain == DOMAIN]


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Drop(), "GREEN-API cannot be reached"),
        (STARTING, "The instance is not ready yet"),
        (Status(401), "GREEN-API rejected the token"),
        (Delay(60), "no answer in time"),
    ],
)
@pytest.mark.parametrize("method", ["getSettings", "setSettings"])
async def test_says_so_where_they_cannot_come_back(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    instance: Instance,
    nabu_casa: NabuCasa,
    method: str,
    fault: Fault,
    why: str,
) -> None:
    if isinstance(fault, Delay):
        limit = "custom_components.green_api.push.upkeep.REMOVAL_TIMEOUT"
        monkeypatch.setattr(limit, 0.2)
    url, cloudhook = await async_address(hass, WEBHOOK.webhook_id)
    claim = Claim(
        former=N8NS,
        webhook_id=WEBHOOK.webhook_id,
        token=WEBHOOK.token,
        url=url,
        cloudhook=cloudhook,
    )
    put(instance, claim.wanted)
    entry = await load(hass, cloud, instance, "webhook", claim)
    async with asyncio.timeout(BOUND):
        await cloud.cloud.log.wait_for(method="getSettings", since=0)
    await hass.async_block_till_done(wait_background_tasks=True)
    cloud.cloud.faults.add(fault, method=method)
    await hass.config_entries.async_remove(entry.entry_id)
    (warning,) = warnings(caplog)
    assert entry.title in warning
    assert why in warning
    assert nabu_casa.hooks == {}
    for secret in (url, N8N, "n8n secret"):
        assert not any(secret in line for line in log_lines(caplog))
    assert hass.config_entries.async_entries(DOMAIN) == []


@pytest.fixture
def nabu_casa(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> NabuCasa:
    """Let Home Assistant have its cloud."""
    return set_up_nabu_casa(hass, monkeypatch)


async def test_each_instance_gets_back_its_own(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    other = cloud.cloud.create("1101000002", state=State.AUTHORIZED)
    other.set_timing(Timing(reboot=0))
    entries: list[MockConfigEntry] = []
    for each, claim in ((instance, WEBHOOK), (other, QUEUE)):
        put(each, claim.wanted)
        mode = "webhook" if claim.webhook_id else "queue"
        entries.append(await load(hass, cloud, each, mode, claim))
    await hass.config_entries.async_remove(entries[1].entry_id)
    assert stands(other, N8NS)
    assert stands(instance, OURS)
