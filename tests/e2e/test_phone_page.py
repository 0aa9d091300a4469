"""The simulated phone in a real browser."""

from collections.abc import AsyncGenerator
import io
import re
from typing import Literal

import httpx
from PIL import Image
from playwright.async_api import Locator, Page, expect
import pytest
import pytest_asyncio
import zxingcpp

from simulator import (
    Cloud,
    Delay,
    Drop,
    Instance,
    ManualClock,
    Messenger,
    Simulator,
    Timing,
)
from simulator.control.presets import PRESETS

from .conftest import NewPage

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
STATES = [
    ("starting", "Starting"),
    ("yellowCard", "Yellow card"),
    ("suspended", "Suspended"),
    ("blocked", "Blocked"),
    ("sleepMode", "Asleep"),
    ("pendingPassword", "Password wanted"),
    ("pendingCode", "Code wanted"),
    (None, "Coming up"),
]


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that only a test moves."""
    return ManualClock()


@pytest_asyncio.fixture(loop_scope="module")
async def sim(clock: ManualClock) -> AsyncGenerator[Simulator]:
    """Run an empty cloud."""
    async with Simulator(clock=clock) as simulator:
        yield simulator


@pytest_asyncio.fixture(loop_scope="module")
async def cloud(sim: Simulator) -> Cloud:
    """Return what is behind the server."""
    return sim.cloud


@pytest_asyncio.fixture(loop_scope="module")
async def whatsapp(cloud: Cloud) -> Instance:
    """Return a WhatsApp instance, not authorized."""
    return cloud.create()


@pytest_asyncio.fixture(loop_scope="module")
async def telegram(cloud: Cloud) -> Instance:
    """Return a Telegram instance, not authorized."""
    return cloud.create("4100000001", "telegram")


@pytest_asyncio.fixture(loop_scope="module")
async def page(new_page: NewPage, sim: Simulator) -> AsyncGenerator[Page]:
    """Open the page; whatever the browser complains of fails the test."""
    page = await new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text) if message.type == "error" else None
        ),
    )
    await page.goto(sim.url)
    yield page
    refusals = re.compile(r"ERR_CONNECTION_REFUSED|ERR_INCOMPLETE|status of 4\d\d")
    assert [text for text in complaints if not refusals.search(text)] == []


def card(page: Page, name: str = "WhatsApp 1101000001") -> Locator:
    """Return an instance's card."""
    return page.get_by_role("article", name=name)


def fold(phone: Locator, name: str) -> Locator:
    """Return the part of a card that its summary of this name opens."""
    return phone.locator("details", has=phone.page.locator(f"summary:text('{name}')"))


async def unfold(phone: Locator, name: str) -> Locator:
    """Open a part of a card and return it."""
    part = fold(phone, name)
    await part.locator("summary").click()
    return part


async def shows(picture: Locator, payload: str | None) -> None:
    """Check that the picture, as it is seen, is a code that says the payload."""
    await expect(picture).to_be_visible()
    await expect(picture).to_have_js_property("complete", value=True)
    with Image.open(io.BytesIO(await picture.screenshot())) as seen:
        assert seen.size == (276, 276)
        for corner in ((12, 12), (263, 12), (12, 263), (263, 263)):
            assert seen.convert("RGB").getpixel(corner) == (255, 255, 255)
        (code,) = zxingcpp.read_barcodes(seen)
    assert code.text == payload


@pytest.mark.parametrize("width", [360, 768, 1280])
async def test_codes_can_be_scanned_and_nothing_overflows(
    page: Page, whatsapp: Instance, telegram: Instance, width: int
) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    telegram.request_code()
    darkness = []
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        for instance, name in (
            (whatsapp, "WhatsApp 1101000001"),
            (telegram, "Telegram 4100000001"),
        ):
            await expect(card(page, name)).to_contain_text("Not authorized")
            await shows(card(page, name).get_by_role("img"), instance.payload)
        ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        darkness.append(int(re.findall(r"\d+", ground)[0]) < 64)
    assert darkness == [False, True]
    for summary in await page.locator("summary").all():
        await summary.click()
    await expect(page.get_by_text(telegram.token)).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == width


async def test_the_buttons_play_the_phone(page: Page, whatsapp: Instance) -> None:
    phone, before = card(page), whatsapp.payload
    await expect(phone.get_by_role("button", name="Unlink")).to_be_disabled()
    await phone.get_by_role("button", name="Scan").click()
    await expect(phone).to_contain_text("Authorized")
    await expect(phone).to_contain_text("Linked to +79001000001 (Simulated phone).")
    await expect(phone.get_by_role("img")).to_have_count(0)
    await expect(phone.get_by_role("button", name="Scan")).to_be_disabled()
    assert whatsapp.state == "authorized"
    await phone.get_by_role("button", name="Unlink").click()
    await expect(phone).to_contain_text("Not authorized")
    assert whatsapp.payload != before
    await shows(phone.get_by_role("img"), whatsapp.payload)


async def test_keys_alone_will_do(page: Page, whatsapp: Instance) -> None:
    scan = card(page).get_by_role("button", name="Scan")
    await expect(scan).to_be_enabled()
    for _ in range(10):
        await page.keyboard.press("Tab")
        if await scan.evaluate("element => element === document.activeElement"):
            break
    assert await scan.evaluate("element => element.matches(':focus-visible')")
    await page.keyboard.press("Enter")
    await whatsapp.wait_for_state("authorized")


async def test_the_code_changes_at_once_and_counts_down(
    page: Page, whatsapp: Instance, clock: ManualClock
) -> None:
    picture = card(page).get_by_role("img", name="Login code 1 of WhatsApp 1101000001")
    await shows(picture, whatsapp.payload)
    await expect(card(page)).to_contain_text(re.compile(r"Code 1 · (20|19) s left"))
    clock.advance(20)
    picture = card(page).get_by_role("img", name="Login code 2 of WhatsApp 1101000001")
    await shows(picture, whatsapp.payload)
    await expect(card(page)).to_contain_text(re.compile(r"Code 2 · (20|19) s left"))


async def test_a_telegram_code_is_seen_only_while_it_lives(
    page: Page, telegram: Instance, clock: ManualClock
) -> None:
    phone = card(page, "Telegram 4100000001")
    await expect(phone).to_contain_text("No live code.")
    await expect(phone.get_by_role("button", name="Scan")).to_be_disabled()
    telegram.request_code()
    await shows(phone.get_by_role("img"), telegram.payload)
    clock.advance(10)
    await expect(phone).to_contain_text("No live code.")
    await expect(phone.get_by_role("img")).to_have_count(0)


async def test_the_password_is_asked_for_when_wanted(
    page: Page, telegram: Instance
) -> None:
    phone = card(page, "Telegram 4100000001")
    await unfold(phone, "Phone and account")
    await phone.get_by_label("Account's password").fill("correct horse")
    form = phone.locator("form", has=page.get_by_label("Account's password"))
    await form.get_by_role("button", name="Set").click()
    await expect(phone.get_by_label("Account's password")).to_have_attribute(
        "placeholder", "set"
    )
    telegram.request_code()
    await phone.get_by_role("button", name="Scan").click()
    await expect(phone).to_contain_text("Password wanted")
    wanted = phone.get_by_label("Two-factor password")
    await wanted.fill("battery staple")
    await wanted.press("Enter")
    await expect(phone.get_by_role("alert")).to_have_text("wrong password")
    await wanted.fill("correct horse")
    await wanted.press("Enter")
    await telegram.wait_for_state("authorized")
    await expect(wanted).to_be_hidden()
    await expect(phone.get_by_role("alert")).to_have_count(0)


async def test_every_state_has_its_words_and_shows_no_code(
    page: Page, telegram: Instance
) -> None:
    phone = card(page, "Telegram 4100000001")
    telegram.request_code()
    await expect(phone.get_by_role("img")).to_be_visible()
    for state, words in STATES:
        telegram.set_state(state)
        await expect(phone.locator("header")).to_contain_text(words)
        await expect(phone.get_by_role("img")).to_have_count(0)


async def test_a_state_can_be_chosen(page: Page, whatsapp: Instance) -> None:
    part = await unfold(card(page), "Phone and account")
    state = part.get_by_role("combobox", name="State")
    await state.select_option("Yellow card")
    form = part.locator("form", has=page.locator("[name=state]"))
    await form.get_by_role("button", name="Set").click()
    await whatsapp.wait_for_state("yellowCard")


async def test_a_pairing_code_is_typed_in(page: Page, whatsapp: Instance) -> None:
    phone = card(page)
    await expect(phone.get_by_role("img")).to_be_visible()
    await expect(phone.get_by_label("Pairing code", exact=True)).to_be_hidden()
    code = whatsapp.request_pairing_code(79001234567)
    assert code
    wanted = phone.get_by_label("Pairing code", exact=True)
    await expect(phone).to_contain_text(re.compile("The code dies in 1(50|49) s"))
    assert code not in await page.content()
    await wanted.fill("ABCD1234")
    await wanted.press("Enter")
    await expect(phone.get_by_role("alert")).to_have_text("wrong pairing code")
    await wanted.fill(code.lower())
    await wanted.press("Enter")
    await whatsapp.wait_for_state("authorized")
    await expect(wanted).to_be_hidden()
    await expect(phone.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize(
    ("id_instance", "messenger", "title"),
    [("4100000001", "telegram", "Telegram"), ("3100000001", "max", "MAX")],
)
async def test_the_login_code_comes_as_a_message(
    page: Page,
    cloud: Cloud,
    clock: ManualClock,
    id_instance: str,
    messenger: str,
    title: str,
) -> None:
    instance = cloud.create(id_instance, messenger)
    phone = card(page, f"{title} {id_instance}")
    await expect(phone).to_contain_text("No live code.")
    await expect(phone.get_by_role("status")).to_have_count(0)
    instance.start_authorization(79001234567)
    await expect(phone.get_by_role("status")).to_have_text(
        f"{title}: your login code is {instance.phone_code}"
    )
    clock.advance(300)
    await expect(phone.get_by_role("status")).to_have_count(0)


async def test_the_phone_has_switches(page: Page, whatsapp: Instance) -> None:
    part = await unfold(card(page), "Phone and account")
    switches = part.get_by_role("switch")
    await expect(switches).to_have_count(4)
    for switch in await switches.all():
        await switch.check()
    await expect(card(page).locator("header")).to_contain_text("Not authorized")
    await expect(card(page).get_by_role("button", name="Scan")).to_be_disabled()
    await expect(card(page)).to_contain_text("No code: an old login is in the way.")
    assert (
        whatsapp.online,
        whatsapp.stale_credentials,
        whatsapp.refuse_pairing,
        whatsapp.scan_text,
    ) == (False, True, True, "older")
    for switch in await switches.all():
        await switch.uncheck()
    await expect(card(page).get_by_role("button", name="Scan")).to_be_enabled()
    assert (
        whatsapp.online,
        whatsapp.stale_credentials,
        whatsapp.refuse_pairing,
        whatsapp.scan_text,
    ) == (True, False, False, "newer")
    whatsapp.set_online(online=False)
    await expect(part.get_by_role("switch", name="offline")).to_be_checked()


async def test_the_account_is_set_and_suspended(page: Page, telegram: Instance) -> None:
    phone = card(page, "Telegram 4100000001")
    part = await unfold(phone, "Phone and account")
    await expect(part.get_by_role("switch")).to_have_count(1)
    number = part.get_by_label("Phone number")
    await number.fill("x")
    await number.press("Enter")
    await expect(part.get_by_role("alert")).to_contain_text("phone must be digits")
    await number.fill("441234567890")
    await part.get_by_label("Name").fill("Ada")
    await number.press("Enter")
    await part.get_by_label("Suspended for (s)").fill("60")
    await part.get_by_role("button", name="Suspend").click()
    await expect(phone).to_contain_text(
        re.compile(r"It ends at .+:\d\d\. Linked to \+441234567890 \(Ada\)\.")
    )
    await expect(part.get_by_role("alert")).to_have_count(0)
    assert telegram.state == "suspended"


async def test_timing_is_set(page: Page, whatsapp: Instance) -> None:
    part = await unfold(card(page), "Timing")
    wanted = {
        "Comes up (s)": "1",
        "First code (s)": "600",
        "After a scan (s)": "2.5",
        "Reboot (s)": "120",
        "Asked too long (s)": "300",
    }
    await expect(part.get_by_label("Reboot (s)")).to_have_value("3")
    for label, seconds in wanted.items():
        await part.get_by_label(label).fill(seconds)
    revision = whatsapp.changed.revision
    await part.get_by_role("button", name="Set").click()
    await whatsapp.changed.wait(revision)
    assert whatsapp.timing == Timing(
        start=1, qr=600, scan=2.5, reboot=120, ask_limit=300
    )


async def test_notifications_are_shown_and_sent(
    page: Page, sim: Simulator, whatsapp: Instance
) -> None:
    whatsapp.set_settings({"webhookUrlToken": "hush"})
    part = await unfold(card(page), "Notifications")
    await expect(part.get_by_label("webhookUrlToken")).to_have_value("hush")
    await part.get_by_label("stateWebhook").select_option("yes")
    url = part.get_by_label("webhookUrl", exact=True)
    await url.fill("ftp://nowhere")
    await url.press("Enter")
    await expect(part.get_by_role("alert")).to_contain_text("webhookUrl must be")
    await url.fill("")
    revision = whatsapp.changed.revision
    await url.press("Enter")
    await whatsapp.changed.wait(revision)
    whatsapp.scan()
    await expect(part.locator("summary")).to_have_text("Notifications (1 waiting)")
    await expect(part.get_by_role("listitem")).to_have_text(
        "1stateInstanceChanged: authorized"
    )
    # A server that is sure to answer, with 405: this one's own page.
    await url.fill(f"{sim.url}/page/page.css")
    await url.press("Enter")
    await expect(part).to_contain_text("Last sent to the webhook: 405")
    assert whatsapp.settings.webhookUrlToken == "hush"
    await part.locator("summary").click()
    await expect(part.locator("[name=webhookUrlToken]")).to_have_value("")


async def test_a_fault_is_switched_on_and_off(
    page: Page, cloud: Cloud, whatsapp: Instance
) -> None:
    phone = card(page)
    part = await unfold(phone, "Faults")
    await part.get_by_role("combobox", name="Method").select_option("qr")
    await part.get_by_role("combobox", name="How long").select_option("3 times")
    switch = part.get_by_role("switch", name="504 with HTML", exact=True)
    await switch.check()
    faults = phone.get_by_role("list", name="Faults in force")
    await expect(faults.get_by_role("listitem")).to_contain_text(
        ["504 with HTML · qr · 3 left"]
    )
    await expect(part.locator("summary")).to_have_text("Faults (1 in force)")
    async with httpx.AsyncClient() as client:
        path = f"{page.url}waInstance1101000001/qr/{whatsapp.token}"
        assert (await client.get(path)).status_code == 504
    await expect(faults).to_contain_text("504 with HTML · qr · 2 left")
    requests = phone.get_by_role("list", name="Recent requests")
    await expect(requests).to_contain_text(re.compile(r"\d\d:\d\d:\d\dqr504"))
    await switch.uncheck()
    await expect(faults).to_be_hidden()
    assert cloud.faults.list() == []


async def test_a_fault_that_is_used_up_switches_itself_off(
    page: Page, cloud: Cloud, whatsapp: Instance
) -> None:
    phone = card(page)
    part = await unfold(phone, "Faults")
    # The method does not fit, so it is left out: the state alone can be null.
    await part.get_by_role("combobox", name="Method").select_option("qr")
    await part.get_by_role("combobox", name="How long").select_option("once")
    switch = part.get_by_role("group", name="State").get_by_role("switch", name="null")
    await switch.check()
    await expect(phone).to_contain_text("State: null · 1 left")
    async with httpx.AsyncClient() as client:
        path = f"{page.url}waInstance1101000001/getStateInstance/{whatsapp.token}"
        assert (await client.get(path)).json() is None
    await expect(switch).not_to_be_checked()
    assert cloud.faults.list() == []


async def test_a_fault_can_be_cleared_where_it_is_listed(
    page: Page, cloud: Cloud, whatsapp: Instance
) -> None:
    phone = card(page)
    cloud.faults.add(Drop(), id_instance=whatsapp.id_instance)
    cloud.faults.add(Delay(1.5))
    faults = phone.get_by_role("list", name="Faults in force")
    await expect(faults.get_by_role("listitem")).to_contain_text(
        ["Cuts the connection", "delay · all instances"]
    )
    part = await unfold(phone, "Faults")
    await expect(part.get_by_role("switch", checked=True)).to_have_count(1)
    for name in ("Clear Cuts the connection", "Clear delay · all instances"):
        await phone.get_by_role("button", name=name).click()
    await expect(faults).to_be_hidden()
    await expect(part.get_by_role("switch", checked=True)).to_have_count(0)
    assert cloud.faults.list() == []


@pytest.mark.parametrize("messenger", Messenger)
async def test_every_preset_of_a_messenger_has_its_switch(
    page: Page, cloud: Cloud, messenger: Messenger
) -> None:
    cloud.create("1", messenger)
    phone = card(page, f"{messenger.profile.title} 1")
    part = await unfold(phone, "Faults")
    presets = [preset for preset in PRESETS.values() if messenger in preset.messengers]
    for preset in presets:
        group = part.get_by_role("group", name=preset.group, exact=True)
        switch = group.get_by_role("switch", name=preset.title, exact=True)
        await switch.check()
    await expect(part.get_by_role("switch")).to_have_count(len(presets))
    await expect(part.locator("summary")).to_have_text(
        f"Faults ({len(presets)} in force)"
    )
    rules = cloud.faults.list("1")
    assert {rule.fault for rule in rules} == {preset.fault for preset in presets}
    await part.get_by_role("button", name="All off").click()
    await expect(part.get_by_role("switch", checked=True)).to_have_count(0)
    assert cloud.faults.list() == []


async def test_a_switch_that_is_refused_goes_back_and_says_why(
    page: Page, sim: Simulator, whatsapp: Instance
) -> None:
    part = await unfold(card(page), "Faults")
    switch = part.get_by_role("switch", name="500 with JSON")
    await expect(switch).to_be_visible()
    await sim.stop()
    await switch.click()
    await expect(part.get_by_role("alert")).to_have_text(
        "The simulator does not answer."
    )
    await expect(switch).not_to_be_checked()
    await sim.start()


async def test_the_cloud_goes_down_and_comes_back(
    page: Page, cloud: Cloud, whatsapp: Instance
) -> None:
    await expect(card(page)).to_be_visible()
    await page.get_by_role("button", name="Take the cloud down").click()
    await expect(page.get_by_text("The cloud is down")).to_be_visible()
    (rule,) = cloud.faults.list()
    assert (rule.fault.kind, rule.id_instance, rule.method) == ("drop", None, None)
    await page.get_by_role("button", name="Bring the cloud back").click()
    await expect(page.get_by_text("The cloud is down")).to_be_hidden()
    assert cloud.faults.list() == []


async def test_the_token_is_shown_only_when_asked(
    page: Page, whatsapp: Instance
) -> None:
    phone = card(page)
    await expect(phone.get_by_role("img")).to_be_visible()
    assert whatsapp.token not in await page.content()
    part = await unfold(phone, "Credentials")
    await expect(part.get_by_text(whatsapp.token)).to_be_visible()
    await part.locator("summary").click()
    await expect(part.locator("dl")).to_be_empty()
    assert whatsapp.token not in await page.content()


async def test_the_page_says_when_the_simulator_is_gone_and_comes_back(
    page: Page, sim: Simulator, whatsapp: Instance, clock: ManualClock
) -> None:
    await expect(card(page).get_by_role("img")).to_be_visible()
    await sim.stop()
    await expect(page.get_by_text("The simulator does not answer.")).to_be_visible()
    await expect(card(page).locator("img")).to_be_hidden()
    clock.advance(20)
    await sim.start()
    await expect(page.get_by_text("The simulator does not answer.")).to_be_hidden()
    await shows(card(page).get_by_role("img"), whatsapp.payload)


async def test_instances_are_added_and_deleted(page: Page, cloud: Cloud) -> None:
    await expect(page.get_by_text("There is no instance yet.")).to_be_visible()
    await page.get_by_text("Add an instance").click()
    await page.get_by_role("combobox", name="Messenger").select_option("MAX")
    for _ in range(2):
        await page.get_by_label("idInstance").fill("3100000001")
        await page.get_by_role("button", name="Add", exact=True).click()
        await expect(card(page, "MAX 3100000001")).to_have_count(1)
    await expect(page.get_by_text("instance 3100000001 exists already")).to_be_visible()
    assert cloud.get("3100000001").messenger == "v3"
    await unfold(card(page, "MAX 3100000001"), "Credentials")
    await expect(card(page, "MAX 3100000001")).to_contain_text("/v3")
    await page.get_by_role("button", name="Delete the instance").click()
    await expect(card(page, "MAX 3100000001")).to_have_count(0)
    assert cloud.list() == []
