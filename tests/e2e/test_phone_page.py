"""The simulated phone in a real browser."""

from collections.abc import AsyncGenerator
import io
import os
from pathlib import Path
import re
import shlex
from typing import Literal

import httpx
from PIL import Image
from playwright.async_api import Browser, Locator, Page, async_playwright, expect
import pytest
import zxingcpp

from simulator import Cloud, Instance, ManualClock, Simulator

ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu"]
PATHS = Path(__file__).parents[2] / ".venv" / "paths.env"
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


def chromium() -> str:
    """Return the browser's path, as set-up left it."""
    if path := os.environ.get("CHROMIUM"):
        return path
    for line in PATHS.read_text().splitlines() if PATHS.exists() else []:
        name, _, value = line.partition("=")
        if name == "CHROMIUM" and value:
            return shlex.split(value)[0]
    pytest.fail("no browser: run scripts/setup browser, or set CHROMIUM")


@pytest.fixture(autouse=True)
def _custom_integrations() -> None:
    """Leave Home Assistant out: the simulator stands alone."""


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that only a test moves."""
    return ManualClock()


@pytest.fixture
async def sim(clock: ManualClock, socket_enabled: None) -> AsyncGenerator[Simulator]:
    """Run an empty cloud."""
    async with Simulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
def cloud(sim: Simulator) -> Cloud:
    """Return what is behind the server."""
    return sim.cloud


@pytest.fixture
def whatsapp(cloud: Cloud) -> Instance:
    """Return a WhatsApp instance, not authorized."""
    return cloud.create()


@pytest.fixture
def telegram(cloud: Cloud) -> Instance:
    """Return a Telegram instance, not authorized."""
    return cloud.create("4100000001", "telegram")


@pytest.fixture
async def browser(socket_enabled: None) -> AsyncGenerator[Browser]:
    """Run Chromium."""
    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(
            executable_path=chromium(), args=ARGUMENTS
        ) as running,
    ):
        yield running


@pytest.fixture
async def page(browser: Browser, sim: Simulator) -> AsyncGenerator[Page]:
    """Open the page; whatever the browser complains of fails the test."""
    page = await browser.new_page(viewport={"width": 1280, "height": 900})
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
    await phone.get_by_text("State and faults").click()
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
    phone = card(page)
    await phone.get_by_text("State and faults").click()
    await phone.get_by_role("combobox", name="State").select_option("Yellow card")
    form = phone.locator("form", has=page.get_by_role("combobox", name="State"))
    await form.get_by_role("button", name="Set").click()
    await whatsapp.wait_for_state("yellowCard")


async def test_faults_are_added_and_cleared(
    page: Page, cloud: Cloud, whatsapp: Instance
) -> None:
    phone = card(page)
    await phone.get_by_text("State and faults").click()
    await phone.get_by_role("combobox", name="Fault").select_option("504 with HTML")
    await phone.get_by_role("combobox", name="Method").select_option("qr")
    await phone.get_by_role("combobox", name="How long").select_option("3 times")
    await phone.get_by_role("button", name="Add fault").click()
    await expect(phone.get_by_role("listitem")).to_contain_text(
        ["504 with HTML · qr · 3 left"]
    )
    async with httpx.AsyncClient() as client:
        path = f"{page.url}waInstance1101000001/qr/{whatsapp.token}"
        assert (await client.get(path)).status_code == 504
    faults = phone.get_by_role("list", name="Faults in force")
    await expect(faults).to_contain_text("504 with HTML · qr · 2 left")
    requests = phone.get_by_role("list").last
    await expect(requests).to_contain_text(re.compile(r"\d\d:\d\d:\d\dqr504"))
    await phone.get_by_role("button", name="Clear").click()
    await expect(faults).to_be_hidden()
    assert cloud.faults.list() == []


async def test_every_fault_on_offer_is_one_that_the_simulator_knows(
    page: Page, cloud: Cloud, whatsapp: Instance
) -> None:
    phone = card(page)
    await phone.get_by_text("State and faults").click()
    choice = phone.get_by_role("combobox", name="Fault")
    offered = await choice.locator("option").all_inner_texts()
    faults = phone.get_by_role("list", name="Faults in force")
    for name in offered:
        await choice.select_option(name)
        await phone.get_by_role("button", name="Add fault").click()
        await expect(faults).to_contain_text(name)
    assert len(cloud.faults.list(whatsapp.id_instance)) == len(offered) > 10


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
    await phone.get_by_text("Credentials").click()
    await expect(phone.get_by_text(whatsapp.token)).to_be_visible()
    await phone.get_by_text("Credentials").click()
    await expect(phone.locator("dl")).to_be_empty()
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
    await card(page, "MAX 3100000001").get_by_text("Credentials").click()
    await expect(card(page, "MAX 3100000001")).to_contain_text("/v3")
    await page.get_by_role("button", name="Delete the instance").click()
    await expect(card(page, "MAX 3100000001")).to_have_count(0)
    assert cloud.list() == []
