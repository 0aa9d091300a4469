"""The panel page by itself: its settings, its clock, what a broker may do to it."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import hashlib
from pathlib import Path
import re
import shutil

from aiohttp import web
from playwright.async_api import Page, expect
import pytest
import pytest_asyncio
import pytest_socket

from demo.broker import Broker, EmbeddedBroker, Mosquitto
from demo.places import PANEL, mosquitto
from demo.ports import HOST, choose_ports
from demo.qr import read_qr
from tests.consumers.station import Station, qr_png
from tests.e2e.conftest import NewPage, Shoot
from tests.e2e.panel import Panel, library

pytestmark = pytest.mark.asyncio(loop_scope="module")

ID = "1101000001"
USER = "panel"
PASSWORD = "a b&c=d/#?"

# Long enough for a browser to draw it, short enough to wait for its end.
LIFE = 2


def make_broker(folder: Path, *options: str) -> Mosquitto:
    program = mosquitto()
    assert program, "there is no Mosquitto: run scripts/setup broker"
    ports = choose_ports({"broker": 0, "websocket": 0})
    return Mosquitto(
        program,
        ports["broker"],
        folder,
        options or ("allow_anonymous true",),
        websocket_port=ports["websocket"],
    )


@asynccontextmanager
async def running[B: Broker](broker: B) -> AsyncIterator[B]:
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mosquitto]:
    """Run a broker that takes anybody."""
    async with running(make_broker(tmp_path_factory.mktemp("broker"))) as broker:
        yield broker


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def closed_broker(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Mosquitto]:
    """Run a broker that takes one user only."""
    # Wanted by later tests, when sockets are forbidden anew.
    pytest_socket.enable_socket()
    folder = tmp_path_factory.mktemp("closed")
    salt = b"salt of 12 b"
    digest = hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), salt, 101)
    words = [base64.b64encode(item).decode() for item in (salt, digest)]
    (folder / "passwords").write_text(f"{USER}:$7$101${'$'.join(words)}\n")
    options = (f"password_file {folder / 'passwords'}", "allow_anonymous false")
    async with running(make_broker(folder, *options)) as broker:
        yield broker


@pytest_asyncio.fixture(loop_scope="module")
async def station(broker: Mosquitto) -> AsyncIterator[Station]:
    """Publish as an instance; leave nothing retained."""
    async with Station(broker.port, id_instance=ID) as station:
        yield station
        await station.clear()


def url_of(broker: Broker) -> str:
    return f"ws://{HOST}:{broker.websocket_port}"


async def ended_at(panel: Panel) -> float:
    """Return when the card left off showing a code, in ms."""
    history = await panel.shown(ID)
    assert [item["shows"] for item in history[-2:]] == ["code", "nothing"]
    at: float = history[-1]["at"]
    return at


@pytest.mark.parametrize("wrong", [0, 3600, -3600], ids=["right", "ahead", "behind"])
async def test_a_code_goes_before_it_dies_whatever_the_clock_says(
    station: Station, broker: Mosquitto, new_page: NewPage, wrong: int
) -> None:
    panel = Panel(await new_page(), url_of(broker))
    await panel.page.add_init_script(
        f"const now = Date.now; Date.now = () => now() + {wrong * 1000};"
    )
    await station.say_state("not_authorized", login="showing")
    await panel.open(instance=ID)
    await panel.expect_shows(ID, "nothing", seconds=10)
    end = await station.say_code("code 1", LIFE)
    await panel.expect_shows(ID, "code", seconds=LIFE)
    await panel.expect_shows(ID, "nothing", seconds=2 * LIFE)
    assert await ended_at(panel) < (end.timestamp() + wrong) * 1000
    assert not panel.errors


async def test_a_code_goes_before_it_dies_without_a_broker(
    new_page: NewPage, tmp_path: Path
) -> None:
    async with running(make_broker(tmp_path)) as broker:
        panel = Panel(await new_page(), url_of(broker))
        async with Station(broker.port, id_instance=ID) as station:
            await station.say_state("not_authorized", login="showing")
            await panel.open()
            await panel.expect_shows(ID, "nothing", seconds=10)
            end = await station.say_code("code 1", LIFE)
            await panel.expect_shows(ID, "code", seconds=LIFE)
            await broker.kill()
        await expect(panel.status).to_contain_text("No connection")
        await panel.expect_shows(ID, "nothing", seconds=2 * LIFE)
        assert await ended_at(panel) < end.timestamp() * 1000


async def test_who_comes_late_sees_the_living_code_and_what_is_left_of_it(
    station: Station, broker: Mosquitto, new_page: NewPage
) -> None:
    await station.say_state("not_authorized", login="showing")
    await station.say_code("code 1", 100)
    panel = Panel(await new_page(width=360, height=740), url_of(broker))
    await panel.open()
    await panel.expect_shows(ID, "code", seconds=10)
    assert read_qr(await panel.look(ID)) == "code 1"
    left = panel.card(ID).locator(".life p")
    await expect(left).to_have_text(re.compile("^Valid for (100|9[0-9]) s$"))
    first = await left.text_content()
    await expect(left).not_to_have_text(first or "")
    await expect(left).to_have_text(re.compile("^Valid for 9[0-9] s$"))

    await station.say_code("code 2", 100)
    await expect(panel.card(ID).locator("img")).to_be_visible()
    async with asyncio.timeout(10):
        while read_qr(await panel.look(ID)) != "code 2":
            pass
    assert not panel.errors


async def test_a_code_that_is_taken_back_goes_before_the_still_picture_comes(
    station: Station, broker: Mosquitto, new_page: NewPage
) -> None:
    panel = Panel(await new_page(), url_of(broker))
    await panel.open()
    await station.say_state("not_authorized", login="showing")
    await station.say_code("code 1", 100)
    await panel.expect_shows(ID, "code", seconds=10)
    await station.say("qr/availability", "offline")
    await panel.expect_shows(ID, "nothing", seconds=5)
    await station.say_still("authorized")
    await panel.expect_shows(ID, "still", seconds=5)
    alt = await panel.card(ID).locator("img").get_attribute("alt")
    assert alt == "Picture: Authorized"


async def test_a_picture_that_is_not_the_one_of_its_meta_is_not_shown(
    station: Station, broker: Mosquitto, new_page: NewPage
) -> None:
    panel = Panel(await new_page(), url_of(broker))
    await panel.open()
    await station.say_state("not_authorized", login="showing")
    await station.say_code("code 1", 100)
    await panel.expect_shows(ID, "code", seconds=10)
    await station.say("qr/image", qr_png("another code, of another size" * 3))
    await panel.expect_shows(ID, "nothing", seconds=5)
    await station.say_code("code 2", 100)
    await panel.expect_shows(ID, "code", seconds=5)


async def test_what_is_gone_when_the_broker_is_back_leaves_the_page(
    new_page: NewPage, tmp_path: Path
) -> None:
    async with running(make_broker(tmp_path)) as broker:
        panel = Panel(await new_page(), url_of(broker))
        async with Station(broker.port, id_instance=ID) as station:
            await station.say_state("authorized")
            await panel.open()
            await expect(panel.card(ID)).to_be_visible()
        await broker.stop()
        await expect(panel.status).to_contain_text("No connection")
        await expect(panel.card(ID)).to_be_visible()
        await broker.start()
        await expect(panel.status).to_have_text("Connected", timeout=20_000)
        await expect(panel.cards).to_have_count(0)


async def test_a_broker_of_mqtt_3_is_understood(
    new_page: NewPage, tmp_path: Path
) -> None:
    ports = choose_ports({"broker": 0, "websocket": 0})
    embedded = EmbeddedBroker(ports["broker"], websocket_port=ports["websocket"])
    async with running(embedded) as broker:
        panel = Panel(await new_page(), url_of(broker))
        await panel.open(instance=ID)
        await expect(panel.status).to_have_text("Connected", timeout=30_000)
        async with Station(broker.port, id_instance=ID, modern=False) as station:
            await station.say_state("not_authorized", login="showing")
            end = await station.say_code("code 1", LIFE + 1)
            await panel.expect_shows(ID, "code", seconds=LIFE)
            assert read_qr(await panel.look(ID)) == "code 1"
            await panel.expect_shows(ID, "nothing", seconds=2 * LIFE)
            assert await ended_at(panel) < end.timestamp() * 1000


async def test_online_without_an_end_by_a_will_runs_out(
    station: Station, broker: Mosquitto, new_page: NewPage
) -> None:
    panel = Panel(await new_page(), url_of(broker))
    await panel.open()
    await station.say_state("authorized", account="*********67")
    notes = panel.card(ID).locator(".notes")
    await expect(notes).to_have_text("Account *********67")
    await station.say("availability", "online", expiry=1)
    await expect(notes).to_contain_text("does not publish")
    await station.say("availability", "online")
    await expect(notes).to_have_text("Account *********67")
    await station.say("availability", "offline")
    await expect(notes).to_contain_text("does not publish")


async def test_problem_and_unknown_words_are_told_as_text(
    station: Station, broker: Mosquitto, new_page: NewPage
) -> None:
    panel = Panel(await new_page(), url_of(broker))
    await panel.open()
    await station.say_state(
        "new_word", messenger="<b>new</b>", problem="rate_limited", login="new_phase"
    )
    card = panel.card(ID)
    await expect(card.locator(".state")).to_have_text("New word")
    await expect(card.locator("h2")).to_have_text(f"<b>new</b> {ID}")
    await expect(card.locator(".notes")).to_have_text("Problem: Rate limited.")
    valid_only = '{"valid": true, "bytes": 3}'
    await station.say("qr/image", b"png")
    await station.say("qr/availability", "online")
    for broken in ("[", "[]", "null", "1", valid_only):
        await station.say("qr/meta", broken, expiry=100)
        await station.say("attributes", broken, expiry=2**32 - 1)
    await panel.expect_shows(ID, "code", seconds=5)
    await station.say("availability", "online", expiry=2**32 - 1)
    await expect(card.locator("h2")).to_have_text(ID)
    assert not panel.errors


async def test_a_cleared_instance_leaves_the_page(
    station: Station, broker: Mosquitto, new_page: NewPage
) -> None:
    panel = Panel(await new_page(), url_of(broker))
    await panel.open()
    await expect(panel.page.locator("#empty")).to_contain_text("Nothing is published")
    await station.say_state("authorized")
    await expect(panel.card(ID)).to_be_visible()
    await expect(panel.page.locator("#empty")).to_be_hidden()
    await station.clear("state", "attributes", "availability")
    await expect(panel.cards).to_have_count(0)


async def kept(page: Page) -> list[str]:
    """Return what the device keeps beyond the tab."""
    values: list[str] = await page.evaluate("Object.values(localStorage)")
    return values


async def test_a_wrong_password_is_told_and_the_right_one_is_kept_secret(
    closed_broker: Mosquitto, new_page: NewPage, shoot: Shoot
) -> None:
    panel = Panel(await new_page(width=360, height=740), url_of(closed_broker))
    await panel.open(username=USER, password="wrong")
    await expect(panel.status).to_contain_text("does not accept this user")

    page = panel.page
    await page.get_by_role("button", name="Settings").click()
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await shoot(page, "panel-settings")
    await page.get_by_role("button", name="Connect").click()
    await expect(panel.status).to_have_text("Connected")
    await expect(page.locator("form")).to_be_hidden()
    assert page.url == PANEL.as_uri()
    assert await kept(page) == []

    await page.reload()
    await expect(panel.status).to_have_text("Connected")
    told = "\n".join([*panel.console, *panel.asked, await page.content()])
    assert "wrong" not in told
    assert PASSWORD not in told


async def test_settings_of_the_address_do_not_stay_there(
    closed_broker: Mosquitto, new_page: NewPage
) -> None:
    panel = Panel(await new_page(), url_of(closed_broker))
    await panel.open(username=USER, password=PASSWORD)
    await expect(panel.status).to_have_text("Connected")
    assert panel.page.url == PANEL.as_uri()
    assert await kept(panel.page) == []


async def test_remembered_settings_outlive_the_tab_until_told_otherwise(
    closed_broker: Mosquitto, new_page: NewPage
) -> None:
    panel = Panel(await new_page(), url_of(closed_broker))
    await panel.open(username=USER, password="wrong")
    page = panel.page
    for remember in (True, False):
        await page.get_by_role("button", name="Settings").click()
        box = page.get_by_label("Remember")
        await expect(box).to_be_checked(checked=not remember)
        await box.set_checked(remember)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.get_by_role("button", name="Connect").click()
        await expect(panel.status).to_have_text("Connected")
        assert len(await kept(page)) == remember

        tab = await page.context.new_page()
        other = Panel(tab, "")
        await tab.route(re.compile("^https?://(?!127)"), other._answer)
        await tab.goto(PANEL.as_uri())
        if remember:
            await expect(other.status).to_have_text("Connected")
        else:
            await expect(tab.locator("form")).to_be_visible()
        await tab.close()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"url": "broker"}, "has to look like"),
        ({"url": "mqtt://broker"}, "has to begin with ws://"),
        ({"url": "ws://user:password@broker"}, "in their own fields"),
        ({"url": "ws://broker", "prefix": "green/+"}, "must not"),
        ({"url": "ws://broker", "prefix": ""}, "must not"),
        ({"url": "ws://broker", "instance": "all"}, "is a number"),
    ],
)
async def test_settings_that_cannot_be_used_are_told(
    new_page: NewPage, settings: dict[str, str], complaint: str
) -> None:
    panel = Panel(await new_page(), "")
    await panel.open(**settings)
    await expect(panel.page.get_by_role("alert")).to_contain_text(complaint)


async def test_it_works_from_a_web_server_with_the_library_beside_it(
    station: Station, broker: Mosquitto, new_page: NewPage, tmp_path: Path
) -> None:
    shutil.copy(library(), tmp_path)
    text, changes = re.subn(r'src="https://[^"]+/', 'src="', PANEL.read_text())
    assert changes == 1
    (tmp_path / "panel.html").write_text(text)
    app = web.Application()
    app.router.add_static("/", tmp_path)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, choose_ports({"web": 0})["web"])
        await site.start()
        panel = Panel(await new_page(), url_of(broker))
        await panel.open(f"{site.name}/panel.html")
        await station.say_state("authorized")
        await expect(panel.card(ID).locator(".state")).to_have_text("Authorized")
        assert all(item.startswith((site.name, "blob:")) for item in panel.asked)
        assert not panel.errors
    finally:
        await runner.cleanup()


async def test_another_library_than_the_pinned_one_is_not_run(
    new_page: NewPage,
) -> None:
    page = await new_page()
    await page.route(
        re.compile("^https://"),
        lambda route: route.fulfill(
            body=f"{library().read_text()};window.changed = true",
            headers={"access-control-allow-origin": "*"},
        ),
    )
    await page.goto(PANEL.as_uri())
    await expect(page.locator("#status")).to_contain_text("could not be loaded")
    assert await page.evaluate("window.changed") is None
