"""A person links an instance by a login QR, in whichever dialog."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntryChange,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.const import (
    CONF_LOGIN_WINDOW,
    DEFAULT_OPTIONS,
    DOMAIN,
)
from custom_components.green_api.job_flow import CALLS, UNCALLED
from custom_components.green_api.snapshot import LoginPhase, LoginProgress
from simulator import (
    Body,
    Clock,
    Drop,
    Fault,
    Hang,
    Instance,
    LoopClock,
    QrAnswer,
    Simulator,
    State,
    Status,
    Timing,
)
from tests.conftest import set_up
from tests.dialog import Dialog, expect_no_job, expect_nothing_left, jobs
from tests.logs import errors_logged, secrets_logged
from tests.virtual_time import START, virtual_time
from tests.waiting import lift_limits, set_rhythm

PHONE = "+7 (900) 123-45-67"
PASSWORD = "two words, one secret"

# In virtual time.
LONG = 3600


@dataclass
class Link:
    """A way to the QR, and what comes at its end."""

    way: str
    hass: HomeAssistant
    cloud: Simulator
    linked: str
    forbidden: str
    out: list[str]
    time: ExitStack
    monkeypatch: pytest.MonkeyPatch
    entry: MockConfigEntry | None = None

    async def begin(self, instance: Instance) -> Dialog:
        """Return the dialog that begins to wait for a code.

        From then on, what only takes time takes none.
        """
        if self.way == "set_up":
            assert await async_setup_component(self.hass, DOMAIN, {})
            dialog = await Dialog.add(self.hass, self.cloud, instance)
            # The entry is set up while time flies, which does not wait for threads.
            self.monkeypatch.setattr(self.hass, "async_add_executor_job", _do_at_once)
        else:
            self.entry = entry = await set_up(self.hass, self.cloud, instance)
            if self.way == "options":
                dialog = await Dialog.open(self.hass, entry)
                await dialog.submit(next_step_id="qr_wait")
            else:
                dialog = await Dialog.ask_for_token(self.hass, instance, entry)
                await dialog.submit(api_token_instance=instance.token)
        assert dialog.at == "progress qr_wait"
        self.time.enter_context(virtual_time())
        return dialog

    async def show(self, instance: Instance) -> Dialog:
        """Return the dialog that shows a code."""
        dialog = await self.begin(instance)
        await dialog.reach(f"menu {step_of(instance)}")
        return dialog


def _do_at_once[*Ts, T](target: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
    future = asyncio.get_running_loop().create_future()
    future.set_result(target(*args))
    return future


LINKS = {
    "set_up": ("entry", "entry", ["skip"]),
    "options": ("abort linked", "abort state_forbids_login", []),
    "reauth": ("abort linked", "abort reauth_successful", ["skip"]),
}


@pytest.fixture(params=LINKS)
def link(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Simulator,
    request: pytest.FixtureRequest,
) -> Iterator[Link]:
    """Yield each way to the QR."""
    way: str = request.param
    with ExitStack() as time:
        yield Link(way, hass, cloud, *LINKS[way], time, monkeypatch)


# For what does not depend on who asks.
ONE_IS_ENOUGH = pytest.mark.parametrize("link", ["set_up"], indirect=True)
OF_AN_ENTRY = pytest.mark.parametrize("link", ["options", "reauth"], indirect=True)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    lift_limits(monkeypatch)
    set_rhythm(monkeypatch, poll=4, renewal=20)


@pytest.fixture
def clock() -> Clock:
    """Return a clock that goes with the event loop."""
    return LoopClock(START)


@pytest.fixture
def short_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the time for a scan be up after a minute."""
    monkeypatch.setitem(DEFAULT_OPTIONS, CONF_LOGIN_WINDOW, 1)


@pytest.fixture(autouse=True)
async def _nothing_is_left(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> AsyncGenerator[None]:
    yield
    await expect_nothing_left(hass, caplog)


def step_of(instance: Instance) -> str:
    """Return the step that shows an instance's code."""
    return {"v3": "qr_max"}.get(instance.messenger, f"qr_{instance.messenger}")


def asked(cloud: Simulator, method: str) -> int:
    """Return how often a method was asked."""
    return len(cloud.cloud.log.list(method=method))


async def read_code(dialog: Dialog, instance: Instance) -> None:
    """Wait until the dialog shows the cloud's present code, by itself."""
    async with asyncio.timeout(LONG):
        while dialog.at != f"menu {step_of(instance)}" or (
            dialog.payload != instance.payload
        ):
            await dialog.follow()


async def renew(dialog: Dialog) -> None:
    """Wait until the dialog has another picture, by itself."""
    before, at = dialog.png, dialog.at
    async with asyncio.timeout(LONG):
        while dialog.at == at and dialog.png == before:
            await dialog.follow()


# --------------------------------------------------------------- all goes well


async def test_shows_the_code_and_goes_on_by_itself_when_it_was_scanned(
    caplog: pytest.LogCaptureFixture, instance: Instance, link: Link
) -> None:
    dialog = await link.begin(instance)
    assert dialog.facts == {"messenger": "WhatsApp"}
    await dialog.reach("menu qr_whatsapp")
    assert dialog.facts.keys() == {"messenger", "qr"}
    assert dialog.ways == ["pairing", *link.out]
    await read_code(dialog, instance)
    secrets = [dialog.facts["qr"].rpartition(",")[2], instance.payload or ""]
    instance.scan(dialog.payload)
    await dialog.reach(link.linked, LONG)
    assert instance.state is State.AUTHORIZED
    assert not secrets_logged(caplog, secrets)
    assert len(errors_logged(caplog)) == (link.way == "reauth")


@pytest.mark.parametrize(
    ("id_instance", "kind", "way"),
    [
        ("1101000001", "whatsapp", "pairing"),
        ("4100000001", "telegram", "phone"),
        ("3100000001", "v3", "phone"),
    ],
)
async def test_the_code_of_each_messenger_renews_itself_in_the_open_dialog(
    cloud: Simulator,
    link: Link,
    id_instance: str,
    kind: str,
    way: str,
) -> None:
    instance = cloud.cloud.create(id_instance, kind)
    dialog = await link.show(instance)
    assert dialog.ways == [way, *link.out]
    seen = set()
    for _ in range(4):
        await read_code(dialog, instance)
        seen.add(dialog.payload)
        await renew(dialog)
    assert len(seen) == 4
    instance.scan(dialog.payload)
    await dialog.reach(link.linked, LONG)


@ONE_IS_ENOUGH
async def test_says_that_the_instance_is_starting_after_the_scan(
    instance: Instance, link: Link
) -> None:
    instance.set_timing(Timing(scan=240))
    dialog = await link.show(instance)
    instance.scan(dialog.payload)
    await dialog.reach("progress linking", LONG)
    assert instance.state is State.STARTING
    await dialog.reach(link.linked, LONG)


@ONE_IS_ENOUGH
async def test_a_scan_that_comes_to_nothing_leads_to_another_code(
    instance: Instance, link: Link
) -> None:
    instance.set_timing(Timing(scan=240))
    dialog = await link.show(instance)
    instance.scan(dialog.payload)
    await dialog.reach("progress linking", LONG)
    instance.set_state(State.NOT_AUTHORIZED)
    await dialog.reach("menu qr_whatsapp", LONG)
    await read_code(dialog, instance)


# ------------------------------------------------------------------ the password


@pytest.mark.parametrize(
    ("id_instance", "kind"), [("4100000001", "telegram"), ("3100000001", "v3")]
)
async def test_asks_for_the_password_that_is_wanted_after_a_scan(
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    link: Link,
    id_instance: str,
    kind: str,
) -> None:
    instance = cloud.cloud.create(id_instance, kind)
    instance.set_password(PASSWORD)
    dialog = await link.show(instance)
    instance.scan(dialog.payload)
    await dialog.reach("form password", LONG)
    assert dialog.errors == {}
    await dialog.submit(password="wrong")
    await dialog.reach("form password", LONG)
    assert dialog.errors == {"base": "invalid_password"}
    await dialog.submit(password=PASSWORD)
    assert dialog.at == "progress sending_password"
    await dialog.reach(link.linked, LONG)
    assert not secrets_logged(caplog, [PASSWORD])


async def test_asks_at_once_for_a_password_that_is_wanted_already(
    cloud: Simulator, link: Link
) -> None:
    instance = cloud.cloud.create("4100000001", "telegram")
    instance.set_password(PASSWORD)
    if link.way == "options":
        # The menu was opened before.
        dialog = await link.show(instance)
        await dialog.submit(next_step_id="phone")
        instance.set_state(State.PENDING_PASSWORD)
        await dialog.submit()
    else:
        instance.set_state(State.PENDING_PASSWORD)
        dialog = await link.begin(instance)
    await dialog.reach("form password")
    assert dialog.errors == {}
    await dialog.submit(password=PASSWORD)
    await dialog.reach(link.linked, LONG)


@ONE_IS_ENOUGH
async def test_a_password_that_nobody_gives_leads_back_to_a_code(
    cloud: Simulator, link: Link
) -> None:
    instance = cloud.cloud.create("4100000001", "telegram")
    instance.set_password(PASSWORD)
    dialog = await link.show(instance)
    instance.scan(dialog.payload)
    await dialog.reach("form password", LONG)
    instance.set_state(State.NOT_AUTHORIZED)
    await dialog.reach("menu qr_telegram", LONG)
    await read_code(dialog, instance)


# -------------------------------------------------------------- the phone number


async def test_the_way_by_phone_number_and_back_by_leaving_it_empty(
    cloud: Simulator, instance: Instance, link: Link
) -> None:
    dialog = await link.show(instance)
    for typed in ({}, {"phone_number": ""}, {"phone_number": "  "}):
        await dialog.submit(next_step_id="pairing")
        assert dialog.at == "form pairing"
        await asyncio.sleep(0)
        assert not _of_dialog(jobs())
        await dialog.submit(**typed)
        assert dialog.at == "progress qr_wait"
        await dialog.reach("menu qr_whatsapp")
        await read_code(dialog, instance)
    assert asked(cloud, "getAuthorizationCode") == 0
    instance.scan(dialog.payload)
    await dialog.reach(link.linked, LONG)


async def test_shows_a_pairing_code_and_goes_on_by_itself(
    caplog: pytest.LogCaptureFixture, instance: Instance, link: Link
) -> None:
    dialog = await link.show(instance)
    await dialog.submit(next_step_id="pairing")
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("progress pairing_code", LONG)
    code = dialog.facts["code"]
    assert code == instance.pairing_code
    instance.enter_pairing_code(code)
    await dialog.reach(link.linked, LONG)
    assert not secrets_logged(caplog, [code, "79001234567", PHONE])


@ONE_IS_ENOUGH
async def test_a_pairing_code_that_nobody_enters_leads_to_another_or_back_to_the_qr(
    instance: Instance, link: Link
) -> None:
    dialog = await link.show(instance)
    await dialog.submit(next_step_id="pairing")
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form pairing_expired", LONG)
    await dialog.submit(phone_number="")
    await dialog.reach("menu qr_whatsapp", LONG)
    await read_code(dialog, instance)


@pytest.mark.parametrize(
    ("id_instance", "kind"), [("4100000001", "telegram"), ("3100000001", "v3")]
)
async def test_links_by_the_code_that_is_sent_to_the_account(
    cloud: Simulator, link: Link, id_instance: str, kind: str
) -> None:
    instance = cloud.cloud.create(id_instance, kind)
    instance.set_password(PASSWORD)
    dialog = await link.show(instance)
    await dialog.submit(next_step_id="phone")
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form code", LONG)
    await dialog.submit(code=instance.phone_code)
    await dialog.reach("form password", LONG)
    await dialog.submit(password=PASSWORD)
    await dialog.reach(link.linked, LONG)


@ONE_IS_ENOUGH
async def test_whoever_turns_from_a_sent_code_to_the_qr_can_turn_back(
    cloud: Simulator, link: Link
) -> None:
    instance = cloud.cloud.create("4100000001", "telegram")
    dialog = await link.show(instance)
    await dialog.submit(next_step_id="phone")
    await dialog.submit(phone_number=PHONE)
    await dialog.reach("form code", LONG)
    await dialog.reach("form phone_expired", LONG)
    await dialog.submit()
    await dialog.reach("menu qr_telegram", LONG)
    instance.set_state(State.PENDING_CODE)
    async with asyncio.timeout(LONG):
        while dialog.ways != ["code", "phone", *link.out]:
            await dialog.follow()
    await dialog.submit(next_step_id="code")
    assert dialog.at == "form code"


# ---------------------------------------------------------------- no code (yet)


async def test_says_that_the_first_code_of_a_new_instance_takes_its_time(
    cloud: Simulator, link: Link
) -> None:
    instance = cloud.cloud.create(timing=Timing(qr=150))
    dialog = await link.begin(instance)
    await dialog.reach("menu qr_pending", 15)
    assert dialog.ways == ["pairing", *link.out]
    assert dialog.facts == {"messenger": "WhatsApp"}
    await dialog.reach("menu qr_whatsapp", LONG)
    await read_code(dialog, instance)


@ONE_IS_ENOUGH
@pytest.mark.parametrize(
    ("id_instance", "kind"), [("4100000001", "telegram"), ("3100000001", "v3")]
)
async def test_a_code_that_is_not_ready_is_no_problem(
    cloud: Simulator, link: Link, id_instance: str, kind: str
) -> None:
    instance = cloud.cloud.create(id_instance, kind, timing=Timing(qr=150))
    dialog = await link.begin(instance)
    await dialog.reach("menu qr_pending", 15)
    await dialog.reach(f"menu {step_of(instance)}", LONG)
    await read_code(dialog, instance)


@pytest.mark.parametrize("seconds", [5, 200])
async def test_waits_for_an_instance_that_starts(
    cloud: Simulator, instance: Instance, link: Link, seconds: int
) -> None:
    instance.set_timing(Timing(reboot=seconds))
    if link.way == "set_up":
        instance.reboot()
        dialog = await link.begin(instance)
    else:
        dialog = await link.begin(instance)
        instance.reboot()
        await dialog.coordinator.async_refresh()
    if seconds > 10:
        await dialog.reach("menu qr_pending", LONG)
        assert instance.state is State.STARTING
    await dialog.reach("menu qr_whatsapp", LONG)
    await read_code(dialog, instance)


@pytest.mark.usefixtures("short_window")
async def test_offers_to_begin_again_when_the_time_is_up(
    instance: Instance, link: Link
) -> None:
    dialog = await link.show(instance)
    await dialog.reach("menu qr_expired", 80)
    assert dialog.ways == ["qr_wait", "pairing", *link.out]
    assert dialog.facts == {"messenger": "WhatsApp"}
    await dialog.submit(next_step_id="qr_wait")
    assert dialog.at == "progress qr_wait"
    # The cloud needs a pause.
    await dialog.reach("menu qr_pending", 15)
    await dialog.reach("menu qr_whatsapp", 70)
    await read_code(dialog, instance)
    instance.scan(dialog.payload)
    await dialog.reach(link.linked, LONG)


async def test_logs_out_first_where_an_old_login_is_in_the_way(
    cloud: Simulator, instance: Instance, link: Link
) -> None:
    instance.set_stale_credentials(stale=True)
    dialog = await link.begin(instance)
    await dialog.reach("menu qr_needs_logout")
    assert dialog.ways == ["qr_logout", *link.out]
    await dialog.submit(next_step_id="qr_logout")
    assert dialog.at == "progress qr_logout"
    await dialog.reach("menu qr_whatsapp", LONG)
    await read_code(dialog, instance)
    assert asked(cloud, "logout") == 1


@ONE_IS_ENOUGH
async def test_says_that_the_logout_failed(
    cloud: Simulator, instance: Instance, link: Link
) -> None:
    instance.set_stale_credentials(stale=True)
    dialog = await link.begin(instance)
    await dialog.reach("menu qr_needs_logout")
    cloud.cloud.faults.add(Status(500, Body.JSON), method="logout", count=1)
    await dialog.submit(next_step_id="qr_logout")
    await dialog.reach("form qr_problem", LONG)
    assert dialog.errors == {"base": "cloud_failed"}
    await dialog.submit()
    await dialog.reach("menu qr_needs_logout", LONG)
    await dialog.submit(next_step_id="qr_logout")
    await dialog.reach("menu qr_whatsapp", LONG)


# ----------------------------------------------------------------------- problems

PROBLEMS = [
    (Status(500, Body.JSON), "cloud_failed", ""),
    (Status(504, Body.HTML), "cloud_failed", ""),
    (Status(429, Body.EMPTY), "rate_limited", ""),
    (Status(466, Body.JSON), "quota_exceeded", ""),
    (Status(404, Body.JSON, "Cannot GET"), "method_not_available", ""),
    (Status(200, Body.GARBAGE), "unexpected_answer", ""),
    (Drop(), "cannot_connect", ""),
    (Hang(), "cloud_failed", ""),
    (QrAnswer("passkeyRequired", None), "passkey_required", ""),
    (QrAnswer("error", "connection_closed"), "connection_closed", ""),
    (QrAnswer("error", "anything else"), "other", "anything else"),
]


@ONE_IS_ENOUGH
@pytest.mark.parametrize(("fault", "key", "detail"), PROBLEMS)
async def test_says_what_is_in_the_way_of_a_code_until_it_passes(
    cloud: Simulator,
    instance: Instance,
    link: Link,
    fault: Fault,
    key: str,
    detail: str,
) -> None:
    cloud.cloud.faults.add(fault, method="qr")
    dialog = await link.begin(instance)
    await dialog.reach("form qr_problem", LONG)
    assert dialog.errors == {"base": key}
    assert dialog.facts == {"messenger": "WhatsApp", "detail": detail}
    # To try again is of no use yet, and does no harm.
    await dialog.submit()
    assert dialog.at == "progress qr_wait"
    await dialog.reach("form qr_problem", LONG)
    assert dialog.errors == {"base": key}
    cloud.cloud.faults.clear()
    await dialog.reach("menu qr_whatsapp", LONG)
    await read_code(dialog, instance)


async def test_a_problem_passes_by_itself_in_every_dialog(
    cloud: Simulator, instance: Instance, link: Link
) -> None:
    cloud.cloud.faults.add(Status(500, Body.JSON), method="qr")
    dialog = await link.begin(instance)
    await dialog.reach("form qr_problem", LONG)
    cloud.cloud.faults.clear()
    await dialog.reach("menu qr_whatsapp", LONG)


@ONE_IS_ENOUGH
async def test_says_what_else_is_in_the_way_now(
    cloud: Simulator, instance: Instance, link: Link
) -> None:
    cloud.cloud.faults.add(Status(500, Body.JSON), method="qr")
    dialog = await link.begin(instance)
    await dialog.reach("form qr_problem", LONG)
    cloud.cloud.faults.clear()
    cloud.cloud.faults.add(QrAnswer("passkeyRequired", None), method="qr")
    while dialog.errors != {"base": "passkey_required"}:
        await dialog.follow()
    assert dialog.at == "form qr_problem"


async def test_a_dead_cloud_comes_back(
    cloud: Simulator, instance: Instance, link: Link
) -> None:
    dialog = await link.show(instance)
    cloud.cloud.faults.add(Drop())
    await dialog.reach("form qr_problem", LONG)
    assert dialog.errors == {"base": "cannot_connect"}
    cloud.cloud.faults.clear()
    await dialog.reach("menu qr_whatsapp", LONG)
    await read_code(dialog, instance)
    instance.scan(dialog.payload)
    await dialog.reach(link.linked, LONG)


@OF_AN_ENTRY
@pytest.mark.usefixtures("short_window")
async def test_asks_for_a_code_by_itself_when_a_cloud_that_was_dead_comes_back(
    cloud: Simulator, instance: Instance, link: Link
) -> None:
    dialog = await link.show(instance)
    await dialog.reach("menu qr_expired", LONG)
    await asyncio.sleep(60)
    cloud.cloud.faults.add(Status(500, Body.JSON))
    await dialog.submit(next_step_id="qr_wait")
    await dialog.reach("form qr_problem", LONG)
    assert dialog.errors == {"base": "cloud_failed"}
    cloud.cloud.faults.clear()
    await dialog.reach("menu qr_whatsapp", LONG)
    await read_code(dialog, instance)


async def test_says_that_the_token_was_changed_meanwhile(
    instance: Instance, link: Link
) -> None:
    dialog = await link.show(instance)
    good, instance.token = instance.token, "1" * 50
    if link.way == "reauth":
        await dialog.reach("form reauth_confirm", LONG)
        await dialog.submit(api_token_instance=instance.token)
    else:
        await dialog.reach("form qr_problem", LONG)
        assert dialog.errors == {"base": "token_rejected"}
        # It may be the cloud that is wrong.
        instance.token = good
    await read_code(dialog, instance)


# ------------------------------------------------------------ changes from outside


@pytest.mark.parametrize(
    "step", ["qr_whatsapp", "qr_pending", "qr_problem", "pairing_code"]
)
async def test_goes_on_when_somebody_else_has_linked_the_instance(
    cloud: Simulator, instance: Instance, link: Link, step: str
) -> None:
    if step == "qr_pending":
        cloud.cloud.faults.add(QrAnswer("error", "not_ready"), method="qr")
    if step == "qr_problem":
        cloud.cloud.faults.add(Status(500, Body.JSON), method="qr")
    dialog = await link.begin(instance)
    if step == "pairing_code":
        await dialog.reach("menu qr_whatsapp", LONG)
        await dialog.submit(next_step_id="pairing")
        await dialog.submit(phone_number=PHONE)
        await dialog.reach("progress pairing_code", LONG)
    while not dialog.at.endswith(step):
        await dialog.follow()
    instance.authorize()
    await dialog.reach(link.linked, LONG)


@pytest.mark.parametrize("way", ["qr_wait", "pairing"])
@pytest.mark.usefixtures("short_window")
async def test_finds_out_that_somebody_else_has_linked_it_when_the_time_was_up(
    instance: Instance, link: Link, way: str
) -> None:
    dialog = await link.show(instance)
    await dialog.reach("menu qr_expired", LONG)
    instance.authorize()
    await dialog.submit(next_step_id=way)
    if way == "pairing":
        await dialog.submit(phone_number=PHONE)
    await dialog.reach(link.linked, LONG)


@pytest.mark.parametrize("state", [State.BLOCKED, State.YELLOW_CARD])
async def test_ends_when_the_state_allows_no_login_any_more(
    instance: Instance, link: Link, state: State
) -> None:
    dialog = await link.show(instance)
    instance.set_state(state)
    await dialog.reach(link.forbidden, LONG)


async def test_ends_where_a_password_is_wanted_that_nobody_can_give(
    instance: Instance, link: Link
) -> None:
    dialog = await link.show(instance)
    instance.set_state(State.PENDING_PASSWORD)
    await dialog.reach(link.forbidden, LONG)


@OF_AN_ENTRY
async def test_a_reload_interrupts_the_dialog_and_no_more(
    hass: HomeAssistant, instance: Instance, link: Link
) -> None:
    dialog = await link.show(instance)
    assert link.entry
    before = dialog.coordinator
    await hass.config_entries.async_unload(link.entry.entry_id)
    await hass.config_entries.async_setup(link.entry.entry_id)
    await renew(dialog)
    await dialog.reach("menu qr_whatsapp", LONG)
    assert dialog.coordinator is not before
    await read_code(dialog, instance)
    instance.scan(dialog.payload)
    await dialog.reach(link.linked, LONG)


@OF_AN_ENTRY
async def test_waits_for_an_entry_that_is_not_loaded_and_says_so(
    hass: HomeAssistant, instance: Instance, link: Link
) -> None:
    dialog = await link.show(instance)
    assert link.entry
    await hass.config_entries.async_unload(link.entry.entry_id)
    await dialog.fetch()
    assert dialog.at == "progress qr_wait"
    await dialog.reach("form qr_problem", LONG)
    assert dialog.errors == {"base": "not_loaded"}
    await dialog.submit()
    await hass.config_entries.async_setup(link.entry.entry_id)
    await dialog.reach("menu qr_whatsapp", LONG)
    await read_code(dialog, instance)


@OF_AN_ENTRY
@pytest.mark.parametrize("step", ["qr_wait", "qr_whatsapp", "qr_expired", "qr_problem"])
@pytest.mark.usefixtures("short_window")
async def test_ends_when_the_entry_is_removed(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    cloud: Simulator,
    instance: Instance,
    link: Link,
    step: str,
) -> None:
    if step == "qr_problem":
        cloud.cloud.faults.add(Status(500, Body.JSON), method="qr")
    dialog = await link.begin(instance)
    while not dialog.at.endswith(step):
        await dialog.follow()
    assert link.entry
    caplog.clear()
    await hass.config_entries.async_remove(link.entry.entry_id)
    if link.way == "options":
        if step == "qr_expired":
            await dialog.submit(next_step_id="qr_wait")
        await dialog.reach("abort entry_removed", LONG)
    assert not hass.config_entries.flow.async_progress()
    await expect_no_job()
    assert errors_logged(caplog) == []


# ------------------------------------------------------------ closed, left, doubled


@pytest.mark.parametrize(
    "step",
    [
        "qr_wait",
        "qr_whatsapp",
        "qr_pending",
        "qr_problem",
        "qr_expired",
        "pairing",
        "pairing_code",
    ],
)
@pytest.mark.usefixtures("short_window")
async def test_a_dialog_that_is_closed_leaves_nothing_behind(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    link: Link,
    step: str,
) -> None:
    if step == "qr_pending":
        instance.set_timing(Timing(qr=300))
        instance.set_state(State.NOT_AUTHORIZED)
    if step == "qr_problem":
        cloud.cloud.faults.add(Status(500, Body.JSON), method="qr")
    dialog = await link.begin(instance)
    if step.startswith("pairing"):
        await dialog.reach("menu qr_whatsapp", LONG)
        await dialog.submit(next_step_id="pairing")
        if step == "pairing_code":
            await dialog.submit(phone_number=PHONE)
    while not dialog.at.endswith(step):
        await dialog.follow()
    coordinator = dialog.coordinator
    known = hass.data.keys()
    dialog.close()
    await expect_no_job()
    assert hass.data.keys() == known
    if link.way == "set_up":
        assert not coordinator._listeners
        await expect_silence(cloud)
    assert not dialog.called


async def expect_silence(cloud: Simulator) -> None:
    """Check that nobody asks the cloud any more, but for what was on its way."""
    await asyncio.sleep(30)
    cursor = cloud.cloud.log.cursor
    await asyncio.sleep(LONG)
    assert cloud.cloud.log.cursor == cursor


@ONE_IS_ENOUGH
@pytest.mark.parametrize("step", ["qr_whatsapp", "qr_pending", "qr_problem"])
async def test_a_dialog_that_was_left_ends_its_asking_by_itself(
    cloud: Simulator, instance: Instance, link: Link, step: str
) -> None:
    if step == "qr_pending":
        cloud.cloud.faults.add(QrAnswer("error", "not_ready"), method="qr")
    if step == "qr_problem":
        cloud.cloud.faults.add(Status(500, Body.JSON), method="qr")
    dialog = await link.begin(instance)
    while not dialog.at.endswith(step):
        await dialog.follow()
    # A browser that is gone closes nothing.
    await asyncio.sleep(LONG)
    await expect_silence(cloud)
    assert not jobs()
    # And whoever comes back after all can go on.
    cloud.cloud.faults.clear()
    await dialog.fetch()
    await dialog.submit(
        **({} if dialog.at == "form qr_problem" else {"next_step_id": "qr_wait"})
    )
    await dialog.reach("menu qr_whatsapp", LONG)
    await read_code(dialog, instance)


async def test_a_browser_that_has_missed_a_call_is_called_again(
    instance: Instance, link: Link
) -> None:
    dialog = await link.show(instance)
    await dialog.miss_call()
    await dialog.miss_call()
    await dialog.follow()
    await read_code(dialog, instance)
    await renew(dialog)
    instance.scan(dialog.payload)
    await dialog.miss_call()
    await dialog.reach(link.linked, LONG)


async def test_a_browser_that_was_away_for_long_is_called_again(
    instance: Instance, link: Link
) -> None:
    dialog = await link.show(instance)
    for _ in range(CALLS + 3):
        await dialog.miss_call()
    await dialog.follow()
    assert dialog.at == "menu qr_expired"


async def test_whoever_opens_the_dialog_again_sees_progress_first(
    instance: Instance, link: Link
) -> None:
    dialog = await link.show(instance)
    await renew(dialog)
    await asyncio.sleep(UNCALLED + 1)
    assert not dialog.called
    # The interface listens to calls from a progress on.
    await dialog.fetch()
    assert dialog.at == "progress qr_wait"
    # Another window that shows the same dialog does not make it begin over and over.
    await dialog.follow()
    assert dialog.at == "menu qr_whatsapp"
    await dialog.fetch()
    assert dialog.at == "menu qr_whatsapp"
    await read_code(dialog, instance)
    instance.scan(dialog.payload)
    await dialog.reach(link.linked, LONG)


async def test_what_other_entries_do_puts_no_poll_off(
    hass: HomeAssistant, cloud: Simulator, instance: Instance, link: Link
) -> None:
    other = MockConfigEntry(domain="other")
    cloud.cloud.faults.add(QrAnswer("error", "not_ready"), method="qr")
    dialog = await link.begin(instance)
    await dialog.reach("menu qr_pending", LONG)
    instance.set_state(State.AUTHORIZED)
    async with asyncio.timeout(60):
        while not dialog.called:
            async_dispatcher_send(
                hass, SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntryChange.UPDATED, other
            )
            await asyncio.sleep(0.5)
    await dialog.reach(link.linked, LONG)


async def test_nobody_is_called_who_closes_the_dialog_at_that_moment(
    caplog: pytest.LogCaptureFixture, instance: Instance, link: Link
) -> None:
    dialog = await link.show(instance)
    (job,) = _of_dialog(jobs())
    caplog.clear()
    dialog.coordinator.take_progress(LoginProgress(LoginPhase.EXPIRED))
    while not job.done():  # noqa: ASYNC110  to be there before its callbacks
        await asyncio.sleep(0)
    dialog.close()
    await asyncio.sleep(10)
    assert not dialog.called
    assert errors_logged(caplog) == []


@pytest.mark.parametrize("link", ["reauth"], indirect=True)
@pytest.mark.parametrize("step", ["qr_whatsapp", "qr_expired", "pairing"])
@pytest.mark.usefixtures("short_window")
async def test_the_dialog_of_a_new_token_ends_when_the_instance_is_linked_elsewhere(
    hass: HomeAssistant,
    instance: Instance,
    link: Link,
    step: str,
) -> None:
    dialog = await link.show(instance)
    if step == "pairing":
        await dialog.submit(next_step_id="pairing")
    while not dialog.at.endswith(step):
        await dialog.follow()
    # Its window is closed, and Home Assistant keeps it.
    await asyncio.sleep(900)
    assert dialog.flow_id in flow_ids(hass)
    instance.authorize()
    await asyncio.sleep(120)
    assert not flow_ids(hass)
    await expect_no_job()


def flow_ids(hass: HomeAssistant) -> set[str]:
    """Return the flows of set-ups and new tokens that are open."""
    return {flow["flow_id"] for flow in hass.config_entries.flow.async_progress()}


@pytest.mark.usefixtures("short_window")
async def test_a_double_click_asks_once(
    cloud: Simulator, instance: Instance, link: Link
) -> None:
    dialog = await link.show(instance)
    await dialog.reach("menu qr_expired", LONG)
    await asyncio.sleep(60)
    for _ in range(2):
        await dialog.submit(next_step_id="qr_wait")
        assert dialog.at == "progress qr_wait"
    await asyncio.sleep(0)
    assert len(_of_dialog(jobs())) == 1
    # The job is done, and nobody has fetched yet what comes next.
    await asyncio.wait(_of_dialog(jobs()))
    await dialog.submit(next_step_id="qr_wait")
    assert dialog.at == "menu qr_whatsapp"
    await read_code(dialog, instance)


@ONE_IS_ENOUGH
async def test_a_double_click_tries_again_once(
    cloud: Simulator, instance: Instance, link: Link
) -> None:
    cloud.cloud.faults.add(Status(500, Body.JSON), method="qr")
    dialog = await link.begin(instance)
    await dialog.reach("form qr_problem", LONG)
    for _ in range(2):
        await dialog.submit()
        assert dialog.at == "progress qr_wait"
    await asyncio.wait(_of_dialog(jobs()))
    await dialog.submit()
    # It was not meant for the form that says the next thing.
    assert dialog.at == "form qr_problem"


def _of_dialog(tasks: set[asyncio.Task[object]]) -> set[asyncio.Task[object]]:
    return {task for task in tasks if not task.get_name().endswith("left open")}


async def test_two_dialogs_of_an_entry_show_the_same_code(
    hass: HomeAssistant, cloud: Simulator, instance: Instance
) -> None:
    entry = await set_up(hass, cloud, instance)
    dialogs = [await Dialog.open(hass, entry) for _ in range(2)]
    with virtual_time():
        for dialog in dialogs:
            await dialog.submit(next_step_id="qr_wait")
            await read_code(dialog, instance)
        for dialog in dialogs:
            await renew(dialog)
            await read_code(dialog, instance)
        dialogs[0].close()
        instance.scan()
        await dialogs[1].reach("abort linked", LONG)


async def test_home_assistant_stops_with_an_open_dialog(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    instance: Instance,
    link: Link,
) -> None:
    await link.show(instance)
    caplog.clear()
    await hass.async_stop(force=True)
    assert not jobs()
    assert errors_logged(caplog) == []
