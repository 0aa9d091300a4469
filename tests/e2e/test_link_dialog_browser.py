"""An instance is linked in the dialogs, from the picker to the device."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
import re
import time

from playwright.async_api import Browser, Locator, Page, expect
import pytest
import pytest_asyncio

from custom_components.green_api.stills import load_stills
from demo.broker import BrokerKind
from demo.hass_client import HomeAssistantClient
from demo.instances import DemoInstance
from demo.logs import complaints
from demo.qr import read_qr
from demo.stack import Settings, Stack, run_stack
from demo.waiting import until
from simulator.control import ControlError
from simulator.instance import Instance
from tests.e2e.conftest import ENVIRONMENT, NewPage, Shoot
from tests.e2e.interface import (
    PATIENCE,
    Complaints,
    FlowDialog,
    SetUpDialog,
    error_text,
    open_options,
    said,
    speak,
)
from tests.e2e.plays import ids_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

_SET_UP = "/api/config/config_entries/flow"
_OPTIONS = "/api/config/config_entries/options/flow"

# Two login windows are a minute apart.
SECONDS = 100.0
PASSWORD, WRONG = "correct horse", "battery staple"

# Below that, a phone's camera has trouble, in CSS pixels.
LEAST_PICTURE = 200

WIDTHS = (360, 768, 1280)

# A code lives so many seconds here.
LIFE = 10.0

# The login asks at least so often, in seconds, for codes or for the state.
LONGEST_PAUSE = 6

# Of a dialog, in seconds, until Home Assistant has heard of it.
CLOSING_TIME = 2

_STILLS = frozenset(load_stills().values())

# Each frame that is drawn: a dialog that is shown anew makes a new picture.
_WATCH = """
(dialog) => {
  const find = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.localName === "img" && element.src.startsWith("data:")) {
        return element.complete ? element : null;
      }
      const found = element.shadowRoot && find(element.shadowRoot);
      if (found) return found;
    }
    return null;
  };
  let last = null;
  const look = () => {
    const image = find(dialog.shadowRoot);
    if (image && image.src !== last) {
      last = image.src;
      window.tell(Date.now(), last);
    }
    requestAnimationFrame(look);
  };
  look();
}
"""

_LINES = """
(heading) => {
  const range = document.createRange();
  range.selectNodeContents(heading);
  return new Set([...range.getClientRects()].map(({top}) => top)).size;
}
"""

# What is wider inside than it is outside, with room to spare for rounding.
_OVERFLOW = """
(dialog) => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap((element) => [
    element, ...(element.shadowRoot ? all(element.shadowRoot) : []),
  ]);
  return all(dialog.shadowRoot)
    .filter((it) => !it.matches("ha-spinner, .mdc-ripple-surface"))
    .filter((it) => it.clientWidth > 0 && it.scrollWidth > it.clientWidth + 1)
    .map((it) => `${it.localName}.${it.className}: ${it.scrollWidth}`);
}
"""


@dataclass
class Scene:
    """The parts, and instances that nobody has used yet."""

    stack: Stack
    client: HomeAssistantClient
    _unused: list[DemoInstance]

    @property
    def url(self) -> str:
        """Return the address of Home Assistant."""
        return self.stack.home_assistant.url

    def take(self, messenger: str) -> DemoInstance:
        """Return another instance of a messenger, such as ``WhatsApp``."""
        found = next(item for item in self._unused if item.messenger == messenger)
        self._unused.remove(found)
        return found

    async def begin(self, page: Page, instance: DemoInstance) -> SetUpDialog:
        """Open the set-up of an instance, as far as where the link begins."""
        dialog = SetUpDialog(page)
        await dialog.open(self.url)
        await dialog.fill_in(
            instance.id_instance, instance.token, self.stack.simulator.url
        )
        return dialog

    async def add(self, instance: DemoInstance, **options: object) -> str:
        """Set an instance up without the interface; return the entry's id.

        It is not linked, and somebody asks for its codes from now on.
        """
        id_instance = instance.id_instance
        # One that is linked needs no dialog; nor is a login window opened too early.
        await self.stack.phone.scan(id_instance)
        flow = await self.client.post(_SET_UP, {"handler": "green_api"})
        path = f"{_SET_UP}/{flow['flow_id']}"
        await self.client.post(
            path,
            {"id_instance": id_instance, "api_token_instance": instance.token},
        )
        answer = await self.client.post(
            path, {"api_url": self.stack.simulator.url, "mqtt": "off"}
        )
        assert answer["type"] == "create_entry", answer
        entry_id = str(answer["result"]["entry_id"])
        await self.client.wait_for_state(instance.sensor, "authorized", seconds=SECONDS)
        if options:
            flow = await self.client.post(_OPTIONS, {"handler": entry_id})
            path = f"{_OPTIONS}/{flow['flow_id']}"
            form = await self.client.post(path, {"next_step_id": "login"})
            present = {
                item["name"]: item["description"]["suggested_value"]
                for item in form["data_schema"]
            }
            await self.client.post(path, present | options)
        await self.stack.phone.unlink(id_instance)
        await self.client.act(
            "homeassistant.update_entity", {"entity_id": instance.sensor}
        )
        await self.client.wait_for_state(
            instance.login_sensor, "showing", seconds=SECONDS
        )
        return entry_id

    async def wait_for_code(
        self, dialog: FlowDialog, instance: DemoInstance, *others: str
    ) -> str:
        """Wait until the screen shows the present code, none of the others."""

        async def probe() -> str | None:
            code = await self.stack.phone.code(instance.id_instance)
            shown = await dialog.read()
            if code is None or shown != code["payload"] or shown in others:
                return None
            return shown

        return await until("the dialog shows the code", probe, seconds=SECONDS)

    async def scan(self, dialog: FlowDialog, instance: DemoInstance) -> None:
        """Scan the screen with the phone."""

        async def probe() -> bool | None:
            shown = await self.wait_for_code(dialog, instance)
            try:
                await self.stack.phone.scan(instance.id_instance, shown)
            except ControlError:
                # Renewed in this moment.
                return None
            return True

        await until("the phone has scanned the screen", probe, seconds=SECONDS)

    async def finish(self, dialog: FlowDialog, instance: DemoInstance) -> None:
        """Go through the last page of a set-up, of an instance that is linked."""
        name = dialog.page.get_by_role("textbox", name="Device name")
        await expect(name).to_have_value(instance.title, timeout=PATIENCE)
        await expect(dialog.root.get_by_text("Area").first).to_be_visible()
        finish = re.compile("finish$", re.IGNORECASE)
        await dialog.page.get_by_role("button", name=finish).click()
        await expect(dialog.title).to_be_hidden()
        await self.client.wait_for_state(instance.sensor, "authorized", seconds=SECONDS)

    async def phone_number(self, instance: DemoInstance) -> str:
        """Return the number of the account, as people write it."""
        listed = await self.stack.phone.instance(instance.id_instance)
        return f"+{listed['account']['phone']}"


def option(step: str, key: str, *, language: str = "en", of: str = "config") -> str:
    """Return the words of an option of a menu."""
    return said(language, of, "step", step, "menu_options", key)


def title(step: str, language: str = "en", of: str = "config") -> str:
    """Return the title of a step."""
    return said(language, of, "step", step, "title")


@dataclass
class Pictures:
    """Which codes the cloud has issued, and which the dialog has shown, and when."""

    issued: dict[str, float] = field(default_factory=dict)
    """By what they say, in seconds of the machine's clock."""
    shown: dict[str, float] = field(default_factory=dict)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self, phone: Instance) -> None:
        """Take note of each code of the cloud, for ever."""
        revision = phone.changed.revision
        while True:
            if (code := phone.code) is not None:
                age = (phone.clock.now() - code.issued_at) / phone.clock.speed
                self.issued.setdefault(code.payload, time.time() - age)
            revision = await phone.changed.wait(revision)

    async def watch(self, dialog: FlowDialog) -> None:
        """Take note of each code of the dialog."""
        await dialog.page.expose_function("tell", self._take)
        await dialog.root.evaluate(_WATCH)

    async def wait_for(self, count: int) -> None:
        """Wait until so many codes were shown."""
        async with asyncio.timeout(SECONDS):
            while len(self.shown) < count:
                self._arrived.clear()
                await self._arrived.wait()

    def _take(self, at: float, address: str) -> None:
        png = base64.b64decode(address.partition(",")[2])
        if png in _STILLS:
            # A busy machine lets one code be over before it has got the next one.
            return
        payload = read_qr(png)
        assert payload is not None
        self.shown.setdefault(payload, at / 1000)
        self._arrived.set()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene() -> AsyncIterator[Scene]:
    """Run a Home Assistant that knows no instance yet."""
    messengers = ["whatsapp"] * 11 + ["telegram"] * 4 + ["max"]
    settings = Settings(
        environment=ENVIRONMENT,
        broker=BrokerKind.MOSQUITTO,
        set_up=False,
        instances=dict(zip(ids_for(messengers), messengers, strict=True)),
        speed=2,
    )
    async with (
        run_stack(settings) as stack,
        HomeAssistantClient(stack.home_assistant.url) as client,
    ):
        yield Scene(stack, client, list(stack.instances))


@pytest_asyncio.fixture(loop_scope="module")
async def english(scene: Scene) -> None:
    """Let the interface speak English."""
    await speak(scene.client, "en")


@dataclass
class Late:
    """Somebody who has opened the dialog and then has done nothing for too long."""

    dialog: FlowDialog
    instance: DemoInstance


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def late(scene: Scene, browser: Browser) -> AsyncIterator[Late]:
    """Open a dialog whose time runs out while the other tests go on."""
    await speak(scene.client, "en")
    instance = scene.take("WhatsApp")
    await scene.add(instance, login_window=1)
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    dialog = await open_options(await context.new_page(), scene.url, instance.title)
    await dialog.choose(option("init", "qr_wait", of="options"))
    await scene.wait_for_code(dialog, instance)
    yield Late(dialog, instance)
    await context.close()


async def test_from_the_picker_to_the_linked_phone(
    scene: Scene, english: None, new_page: NewPage, shoot: Shoot
) -> None:
    instance = scene.take("WhatsApp")
    page = await new_page()
    console = Complaints(page)
    dialog = SetUpDialog(page)
    await dialog.find(scene.url)
    await dialog.fill_in(
        instance.id_instance, instance.token, scene.stack.simulator.url
    )
    await dialog.expect_title(title("qr_wait"))
    await shoot(page, "link-1-waiting")
    await dialog.expect_title(title("qr_whatsapp"))
    await expect(dialog.picture).to_be_visible()

    # Three codes one after the other, in the dialog that stays open.
    pictures = Pictures()
    phone = scene.stack.simulator.cloud.get(instance.id_instance)
    async with asyncio.TaskGroup() as group:
        following = group.create_task(pictures.follow(phone))
        await pictures.watch(dialog)
        first = await scene.wait_for_code(dialog, instance)
        await shoot(page, "link-2-code")
        second = await scene.wait_for_code(dialog, instance, first)
        await scene.wait_for_code(dialog, instance, first, second)
        await pictures.wait_for(3)
        following.cancel()
    shown, issued = list(pictures.shown), list(pictures.issued)
    # What was there when the watch began may have been over at that moment.
    begun = issued.index(shown[1])
    assert shown[1:] == issued[begun : begun + len(shown) - 1]
    delays = [pictures.shown[code] - pictures.issued[code] for code in shown[1:]]
    # Enough of it is left for a scan.
    assert max(delays) < LIFE / 2

    await scene.scan(dialog, instance)
    await scene.finish(dialog, instance)
    await page.wait_for_url("**/config/devices/device/*")
    cards = page.locator("ha-device-entities-card")
    sensors = cards.filter(has_text="Login QR live")
    await expect(sensors).to_contain_text("Authorized", timeout=PATIENCE)
    await shoot(page, "link-3-device")
    assert console.found == []


@pytest.mark.parametrize("messenger", ["Telegram", "MAX"])
async def test_password_is_asked_for_in_the_next_step(
    scene: Scene, english: None, new_page: NewPage, shoot: Shoot, messenger: str
) -> None:
    instance = scene.take(messenger)
    await scene.stack.phone.set_password(instance.id_instance, PASSWORD)
    page = await new_page()
    console = Complaints(page)
    dialog = await scene.begin(page, instance)
    await dialog.expect_title(title(f"qr_{messenger.lower()}"))
    await scene.scan(dialog, instance)

    await dialog.expect_title(title("password"))
    field = dialog.field("password")
    assert await field.get_attribute("type") == "password"
    await dialog.submit(password=WRONG)
    await dialog.expect_errors(error_text("invalid_password", "en"), seconds=SECONDS)
    assert await field.input_value() == ""
    await shoot(page, f"link-password-wrong-{messenger}")
    await dialog.submit(password=PASSWORD)
    await scene.finish(dialog, instance)
    assert console.found == []


async def test_pairing_code_instead_of_the_qr(
    scene: Scene, english: None, new_page: NewPage, shoot: Shoot
) -> None:
    instance = scene.take("WhatsApp")
    page = await new_page()
    console = Complaints(page)
    dialog = await scene.begin(page, instance)
    await scene.wait_for_code(dialog, instance)
    await dialog.choose(option("qr_whatsapp", "pairing"))
    await dialog.expect_title(title("pairing"))
    await shoot(page, "link-pairing-number")
    await dialog.submit(phone_number=await scene.phone_number(instance))
    await dialog.expect_title(title("pairing_code"))
    heading = dialog.root.get_by_role("heading", level=2)
    code = await heading.inner_text(timeout=PATIENCE)
    # It stays in one piece on a phone.
    await page.set_viewport_size({"width": min(WIDTHS), "height": 800})
    lines = await heading.evaluate(_LINES)
    assert lines == 1
    assert await dialog.root.evaluate(_OVERFLOW) == []
    await shoot(page, "link-pairing-code")
    # No QR is asked for meanwhile: it might take the code with it.
    await expect(dialog.picture).to_have_count(0)
    await scene.stack.phone.enter_pairing_code(instance.id_instance, code)
    await scene.finish(dialog, instance)
    assert console.found == []


async def test_code_by_phone_number_instead_of_the_qr(
    scene: Scene, english: None, new_page: NewPage, shoot: Shoot
) -> None:
    instance = scene.take("Telegram")
    page = await new_page()
    console = Complaints(page)
    dialog = await scene.begin(page, instance)
    await dialog.choose(option("qr_telegram", "phone"))
    await dialog.expect_title(title("phone"))
    # Whoever thinks better of it goes back to the QR.
    await dialog.submit()
    await scene.wait_for_code(dialog, instance)
    await dialog.choose(option("qr_telegram", "phone"))
    await dialog.submit(phone_number=await scene.phone_number(instance))
    await dialog.expect_title(title("code"))
    await shoot(page, "link-phone-code")
    listed = await scene.stack.phone.instance(instance.id_instance)
    await dialog.submit(code=str(listed["phone_code"]["code"]))
    await scene.finish(dialog, instance)
    assert console.found == []


async def test_instance_that_starts_is_waited_for(
    scene: Scene, english: None, new_page: NewPage, shoot: Shoot
) -> None:
    instance = scene.take("WhatsApp")
    phone = scene.stack.phone
    await phone.set_state(instance.id_instance, "starting")
    page = await new_page()
    console = Complaints(page)
    dialog = await scene.begin(page, instance)
    await dialog.expect_title(title("qr_pending"))
    # No picture yet that would push the ways on out of sight.
    await expect(dialog.picture).to_have_count(0)
    await shoot(page, "link-pending")
    await phone.set_state(instance.id_instance, "notAuthorized")
    await scene.scan(dialog, instance)
    await scene.finish(dialog, instance)
    assert console.found == []


async def test_old_login_is_given_up_first(
    scene: Scene, english: None, new_page: NewPage, shoot: Shoot
) -> None:
    instance = scene.take("WhatsApp")
    await scene.stack.phone.set_stale(instance.id_instance, stale=True)
    page = await new_page()
    console = Complaints(page)
    dialog = await scene.begin(page, instance)
    await dialog.expect_title(title("qr_needs_logout"))
    await shoot(page, "link-needs-logout")
    await dialog.choose(option("qr_needs_logout", "qr_logout"))
    await scene.scan(dialog, instance)
    await scene.finish(dialog, instance)
    assert console.found == []


async def test_what_stands_in_the_way_is_said_and_passes(
    scene: Scene, english: None, new_page: NewPage, shoot: Shoot
) -> None:
    instance = scene.take("Telegram")
    phone = scene.stack.phone
    fault = await phone.add_fault(
        "qr", id_instance=instance.id_instance, message="passkey required"
    )
    page = await new_page()
    console = Complaints(page)
    dialog = await scene.begin(page, instance)
    await dialog.expect_title(title("qr_problem"))
    await expect(dialog.root.locator("ha-alert")).to_have_count(1)
    await shoot(page, "link-problem")
    await phone.remove_fault(fault["number"])
    await scene.scan(dialog, instance)
    await scene.finish(dialog, instance)
    assert console.found == []


async def test_link_is_left_for_later(
    scene: Scene, english: None, new_page: NewPage
) -> None:
    instance = scene.take("WhatsApp")
    page = await new_page()
    dialog = await scene.begin(page, instance)
    await dialog.choose(option("qr_whatsapp", "skip"))
    name = page.get_by_role("textbox", name="Device name")
    await expect(name).to_have_value(instance.title, timeout=PATIENCE)
    await scene.client.wait_for_state(
        instance.sensor, "not_authorized", seconds=SECONDS
    )


@pytest.mark.parametrize("messenger", ["WhatsApp", "Telegram"])
async def test_closed_dialog_asks_for_no_code_any_more(
    scene: Scene, english: None, new_page: NewPage, messenger: str
) -> None:
    instance = scene.take(messenger)
    dialog = await scene.begin(await new_page(), instance)
    await scene.wait_for_code(dialog, instance)
    phone = scene.stack.phone
    cursor = (await phone.requests(id_instance=instance.id_instance))["cursor"]
    await dialog.close()

    # What was under way may still come to its end; nothing follows.
    clock = scene.stack.simulator.cloud.clock
    closed_at = clock.now() + CLOSING_TIME * clock.speed
    ended = [{}]
    while ended:
        answer = await phone.requests(
            id_instance=instance.id_instance, since=cursor, wait=LONGEST_PAUSE
        )
        ended, cursor = answer["requests"], answer["cursor"]
        assert [item for item in ended if item["at"] > closed_at] == []
    entries = await scene.client.call("config_entries/get", domain="green_api")
    assert instance.title not in {entry["title"] for entry in entries}


async def test_new_token_and_then_the_link(
    scene: Scene, english: None, new_page: NewPage, shoot: Shoot
) -> None:
    instance = scene.take("WhatsApp")
    await scene.add(instance)
    fault = await scene.stack.phone.add_fault(
        "status", status=401, body="json", id_instance=instance.id_instance
    )
    page = await new_page()
    console = Complaints(page)
    await page.goto(f"{scene.url}/config/integrations")
    ask = page.get_by_role("button", name="Reconfigure")
    await ask.click(timeout=PATIENCE)
    dialog = FlowDialog(page)
    await dialog.expect_title(title("reauth_confirm").format(title=instance.title))
    await scene.stack.phone.remove_fault(fault["number"])
    await shoot(page, "link-reauth-1-token")
    await dialog.submit(api_token_instance=instance.token)
    await scene.scan(dialog, instance)
    done = said("en", "config", "abort", "linked").format(title=instance.title)
    await expect(dialog.root.get_by_text(done)).to_be_visible(timeout=PATIENCE)
    await shoot(page, "link-reauth-2-done")
    await scene.client.wait_for_state(instance.sensor, "authorized", seconds=SECONDS)
    assert console.found == []


async def test_code_is_scanned_in_the_options(
    scene: Scene, english: None, new_page: NewPage, shoot: Shoot
) -> None:
    instance = scene.take("WhatsApp")
    entry_id = await scene.add(instance)
    page = await new_page()
    console = Complaints(page)
    dialog = await open_options(page, scene.url, instance.title)
    await shoot(page, "link-options-1-menu")
    await dialog.choose(option("init", "qr_wait", of="options"))
    await scene.wait_for_code(dialog, instance)
    await shoot(page, "link-options-2-code")

    # A code by phone, asked for elsewhere, puts the QR to rest.
    await scene.client.ask(
        "green_api.get_authorization_code",
        {
            "config_entry_id": entry_id,
            "phone_number": await scene.phone_number(instance),
        },
    )
    await dialog.expect_title(title("qr_expired", of="options"))
    await shoot(page, "link-options-3-over")
    await dialog.choose(option("qr_expired", "qr_wait", of="options"))
    await scene.scan(dialog, instance)
    done = said("en", "options", "abort", "linked").format(title=instance.title)
    await expect(dialog.root.get_by_text(done)).to_be_visible(timeout=PATIENCE)
    await shoot(page, "link-options-4-linked")
    assert console.found == []


async def test_time_for_scanning_runs_out(
    scene: Scene, late: Late, shoot: Shoot
) -> None:
    dialog = late.dialog
    # A minute after the others have begun, which is over as a rule.
    over = title("qr_expired", of="options")
    await dialog.expect_title(over, seconds=SECONDS)
    await expect(dialog.picture).to_have_count(0)
    await shoot(dialog.page, "link-expired")
    # Whoever begins again may have to wait: there is a pause between two windows.
    await dialog.choose(option("qr_expired", "qr_wait", of="options"))
    await scene.wait_for_code(dialog, late.instance)
    await dialog.close()


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_code_can_be_scanned_on_every_screen(
    scene: Scene, new_page: NewPage, shoot: Shoot, language: str
) -> None:
    await speak(scene.client, language)
    instance = scene.take("WhatsApp")
    page = await new_page()
    dialog = await scene.begin(page, instance)
    await dialog.expect_title(title("qr_whatsapp", language))
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 800})
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            await scene.wait_for_code(dialog, instance)
            await shoot(page, f"link-code-{width}-{scheme}-{language}")
            await expect_room(dialog)
            for key in ("pairing", "skip"):
                words = option("qr_whatsapp", key, language=language)
                await expect_within_reach(page, dialog.root.get_by_text(words))


async def test_log_holds_no_complaint(scene: Scene) -> None:
    log = await asyncio.to_thread(scene.stack.home_assistant.read_log)
    # One test has taken an instance's token away.
    found = [text for text in complaints(log) if "rejected the token" not in text]
    assert found == []


async def expect_room(dialog: FlowDialog) -> None:
    """See that the code is large, and that nothing is cut off at the side."""
    # None while the dialog is shown anew.
    box = await until("it is there", dialog.picture.bounding_box, seconds=SECONDS)
    view = dialog.page.viewport_size
    assert view
    assert min(box["width"], box["height"]) >= LEAST_PICTURE
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= view["width"]
    wide = await dialog.root.evaluate(_OVERFLOW)
    assert wide == []


async def expect_within_reach(page: Page, words: Locator) -> None:
    """See that something can be brought onto the screen."""
    await words.first.scroll_into_view_if_needed()
    await expect(words.first).to_be_in_viewport(ratio=1)
