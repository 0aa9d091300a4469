"""The card in a browser: chosen, changed, scanned from, and worked with."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial, reduce
import json
from operator import getitem
from pathlib import Path
import re
import shutil
from typing import Any

from playwright.async_api import Route, expect
import pytest
import pytest_asyncio

from custom_components.green_api.card import CARD_URL
from custom_components.green_api.const import PAIRING_CODE_LIFE
from demo.broker import BrokerKind
from demo.hass_client import HomeAssistantClient
from demo.places import INTEGRATION
from demo.stack import Settings, Stack, prepare_stack
from demo.waiting import until
from tests.card_file import card_texts
from tests.e2e.card import (
    TAG,
    TYPE,
    Card,
    DashboardEditor,
    Part,
    StagedCard,
    Watch,
    card_of,
    open_card,
    save_cards,
    saved_cards,
    speak,
)
from tests.e2e.conftest import ENVIRONMENT, NewPage, Shoot
from tests.e2e.login import Login

pytestmark = pytest.mark.asyncio(loop_scope="module")

EN, RU = card_texts()["en"], card_texts()["ru"]

# Each test has an instance of its own, so none depends on what another did.
SEEN, LINKED, PAIRED, HURRIED = "1101000001", "1101000002", "1101000003", "1101000004"
LOCKED, CALLED = "4100000001", "4100000002"
REBOOTED, BARE = "3100000001", "3100000002"
INSTANCES = {
    **dict.fromkeys((SEEN, LINKED, PAIRED, HURRIED), "whatsapp"),
    **dict.fromkeys((LOCKED, CALLED), "telegram"),
    **dict.fromkeys((REBOOTED, BARE), "max"),
}

# A code of WhatsApp comes and goes within seven seconds.
SPEED = 3.0

# The login window of the one that is in a hurry, in minutes.
SHORT_WINDOW = 0.15

ENTITIES = ("image", "state", "login", "show", "logout", "reboot")
"""Of an instance, as far as they are enabled and the card has a use for them."""

PAIRING_SECONDS = int(PAIRING_CODE_LIFE.total_seconds())

PASSWORD, WRONG = "correct horse", "battery staple"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    """Run Home Assistant with an integration that pauses shortly after a window."""
    settings = Settings(
        environment=ENVIRONMENT,
        broker=BrokerKind.MOSQUITTO,
        speed=SPEED,
        instances=INSTANCES,
        options={"mqtt": "off"},
        own_options={HURRIED: {"login_window": SHORT_WINDOW}},
    )
    async with prepare_stack(settings) as prepared:
        shorten_pause(prepared.home_assistant.config)
        await prepared.home_assistant.start()
        yield prepared


def shorten_pause(config: Path) -> None:
    """Put a copy of the integration in place, with another number in it."""
    place = config / "custom_components" / INTEGRATION.name
    place.unlink()
    shutil.copytree(INTEGRATION, place, ignore=shutil.ignore_patterns("__pycache__"))
    numbers = place / "const.py"
    text = numbers.read_text("utf-8")
    pause = "LOGIN_PAUSE: Final = timedelta(minutes=1)"
    assert text.count(pause) == 1
    numbers.write_text(text.replace(pause, pause.replace("minutes", "seconds")))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(stack: Stack) -> AsyncIterator[HomeAssistantClient]:
    """Return a connection to Home Assistant."""
    async with HomeAssistantClient(stack.home_assistant.url) as connected:
        yield connected


class Desk:
    """A person before a dashboard with cards, and with the phones in reach."""

    def __init__(
        self, stack: Stack, client: HomeAssistantClient, new_page: NewPage
    ) -> None:
        """Take what the person works with."""
        self.stack = stack
        self.client = client
        self.new_page = new_page
        self.watches: list[Watch] = []

    def login(self, id_instance: str) -> Login:
        """Return the person with the phone of an instance."""
        return Login(self.stack.phone, self.client, self.stack.of(id_instance))

    async def save(self, *cards: dict[str, Any]) -> str:
        """Save a dashboard of these cards; return its address."""
        return self.stack.home_assistant.url + await save_cards(self.client, cards)

    async def open(self, id_instance: str, **options: object) -> Card:
        """Open a dashboard with the card of one instance."""
        url = await self.save(card_of(self.stack.of(id_instance), **options))
        return await self.open_page(url)

    async def open_page(self, url: str) -> Card:
        """Open a dashboard and return its first card."""
        page = await self.new_page(height=1100)
        self.watches.append(Watch(page))
        return await open_card(page, url)

    async def stage(self, id_instance: str) -> StagedCard:
        """Return a card that sees what it is told; its page's clock can be set."""
        page = await self.new_page(height=1100)
        self.watches.append(Watch(page))
        await page.clock.install()
        instance = self.stack.of(id_instance)
        first = await open_card(page, await self.save(card_of(instance)))
        await first.expect_visible(Part.STATE)
        staged = StagedCard(first, instance)
        await staged.enter()
        return staged

    async def edit(self, url: str) -> DashboardEditor:
        """Open a dashboard so that it can be changed."""
        page = await self.new_page()
        # The older interface asks for energy, which this Home Assistant has not.
        self.watches.append(Watch(page, tolerates="Object"))
        editor = DashboardEditor(page)
        await editor.open(url)
        return editor

    @property
    def pictures(self) -> list[str]:
        """Return the addresses of all pictures that were fetched."""
        return [address for watch in self.watches for address in watch.pictures]

    async def shows_code(self, card: Card, id_instance: str) -> int | None:
        """Return the number of the phone's present code, once the card shows it."""
        said = await card.read()
        code = await self.stack.phone.code(id_instance)
        return code["number"] if code and said == code["payload"] else None

    async def wait_for_code(self, card: Card, id_instance: str) -> int:
        """Wait until the card shows the phone's present code; return its number."""
        probe = partial(self.shows_code, card, id_instance)
        return await until("the card shows the code", probe, seconds=30)

    async def asked(self, id_instance: str, method: str) -> int:
        """Return how often the cloud was asked for something."""
        answer = await self.stack.phone.requests(id_instance=id_instance, method=method)
        return len(answer["requests"])


@pytest_asyncio.fixture(loop_scope="module")
async def desk(
    stack: Stack, client: HomeAssistantClient, new_page: NewPage
) -> AsyncIterator[Desk]:
    """Return the person; in the end no page may have had anything to complain of."""
    person = Desk(stack, client, new_page)
    yield person
    assert [error for watch in person.watches for error in watch.errors] == []


@asynccontextmanager
async def speaking(client: HomeAssistantClient, language: str) -> AsyncIterator[None]:
    """Speak another language for a while."""
    async with AsyncExitStack() as after:
        after.push_async_callback(speak, client, "en")
        await speak(client, language)
        yield


def shipped(*path: str) -> str:
    """Return one of the integration's texts in Russian."""
    file = INTEGRATION / "translations" / "ru.json"
    return str(reduce(getitem, path, json.loads(file.read_text("utf-8"))))


def in_words(text: str) -> re.Pattern[str]:
    """Return what a text of the card becomes, whatever its gaps are filled with."""
    return re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(text)))


# ------------------------------------------------------------------ the editor


async def test_chosen_in_the_picker_and_changed_in_the_editor(
    desk: Desk, shoot: Shoot
) -> None:
    url = await desk.save({"type": "markdown", "content": "Nothing of ours."})
    editor = await desk.edit(url)
    page = editor.page
    await editor.add_card()
    found = await editor.find_card("GREEN-API")
    await expect(found).to_have_count(1)
    await expect(found.locator(f"{TAG} [data-part=state]")).to_have_text(
        "Not authorized"
    )
    await shoot(page, "card-1-picker")
    await found.click()

    name = editor.preview.locator("[data-part=name]")
    steps = editor.preview.locator("[data-part=steps]")
    # The instance that the editor begins with may be the one whose window is short.
    await desk.login(HURRIED).act("request_login_qr")
    await expect(steps).to_be_visible()
    await expect(editor.dialog).to_contain_text(EN["field_device_id"])
    await expect(editor.dialog).to_contain_text(EN["help_compact"])
    await editor.text(EN["field_name"]).fill("Grandma's phone")
    await expect(name).to_have_text("Grandma's phone")
    await editor.switch(EN["field_compact"]).click()
    await expect(steps).to_be_hidden()
    await shoot(page, "card-2-editor")
    await editor.save()

    saved = (await saved_cards(desk.client))[-1]
    devices = [item.device_id for item in desk.stack.instances]
    assert saved.pop("device_id") in devices
    assert saved == {"type": TYPE, "name": "Grandma's phone", "compact": True}
    card = Card(page)
    await expect(card.part(Part.NAME)).to_have_text("Grandma's phone")

    await editor.edit_card()
    await editor.switch(EN["field_compact"]).click()
    await expect(steps).to_be_visible()
    await editor.save()
    await expect(card.part(Part.STEPS)).to_be_visible()
    assert (await saved_cards(desk.client))[-1]["compact"] is False


async def test_suggested_for_an_entity_of_ours_and_for_no_other(
    desk: Desk, shoot: Shoot
) -> None:
    instance = desk.stack.of(LOCKED)
    url = await desk.save({"type": "markdown", "content": "Nothing of ours."})
    editor = await desk.edit(url)
    page = editor.page
    await editor.add_card()
    suggested = await editor.choose_entity("Notify when", "Notify when")
    await expect(suggested.first).to_be_visible()
    await expect(suggested.locator(TAG)).to_have_count(0)

    suggested = await editor.choose_entity("Login QR", instance.title)
    ours = suggested.filter(has=page.locator(TAG))
    await expect(ours.locator("[data-part=name]")).to_have_text(instance.title)
    await shoot(page, "card-3-suggested")
    await ours.locator(".card").click()
    await expect(Card(page).part(Part.NAME)).to_have_text(instance.title)
    saved = await saved_cards(desk.client)
    assert saved[-1] == card_of(instance)


# ------------------------------------------------------------------ the code


async def test_counts_down_and_shows_each_new_code(desk: Desk, shoot: Shoot) -> None:
    card = await desk.open(SEEN)
    await card.expect_visible(Part.QR, Part.RING, Part.COUNTDOWN, Part.STEPS)
    await expect(card.part(Part.HINT)).to_have_text(in_words(EN["says_showing"]))
    before = await desk.wait_for_code(card, SEEN)
    # The next one may be about to come, and be the first that is watched.
    for _ in range(2):
        values = [await card.next_second()]
        while (value := await card.next_second()) < values[-1]:
            values.append(value)
        after = await desk.wait_for_code(card, SEEN)
        assert after > before
        before = after
    assert len(values) >= 3
    assert values == sorted(values, reverse=True)
    assert 18 <= values[0] <= 30, "a code of WhatsApp lives for 20 s and a margin"
    said = await card.part(Part.COUNTDOWN).inner_text()
    assert re.fullmatch(in_words(EN["left"]), said)
    await shoot(card.page, "card-4-code")


async def test_a_code_in_the_middle_of_its_life_does_not_begin_anew(
    desk: Desk,
) -> None:
    login = desk.login(SEEN)
    card = await desk.open(SEEN)
    while True:
        sequence = await login.wait_for_code(login.sequence)
        whole = await card.next_second()
        while (left := await card.next_second()) > whole - 2:
            pass
        await card.page.reload()
        await card.expect_visible(Part.RING)
        afterwards = await card.seconds_left()
        if login.sequence == sequence:
            break
    assert afterwards <= left < whole


async def test_what_is_typed_and_the_focus_survive_all_that_happens(
    desk: Desk,
) -> None:
    login = desk.login(SEEN)
    card = await desk.open(SEEN)
    await card.press(Part.BY_PHONE)
    field = card.field(Part.PHONE_FORM, "phone_number")
    await expect(field).to_be_focused()
    await card.expect_hidden(Part.QR, Part.STEPS)
    await field.press_sequentially("+44 79")
    await login.wait_for_code(login.sequence)
    await expect(field).to_be_focused()
    # Single letters open this and that in the interface.
    await field.press_sequentially("11 ecm")
    await expect(field).to_have_value("+44 7911 ecm")
    await card.page.keyboard.press("Escape")
    await card.expect_hidden(Part.PHONE_FORM)
    await expect(card.part(Part.BY_PHONE)).to_be_focused()
    await card.expect_visible(Part.QR)
    await card.press(Part.BY_PHONE)
    await expect(field).to_have_value("")


async def test_a_new_code_is_asked_for_when_the_window_is_over(
    desk: Desk, shoot: Shoot
) -> None:
    card = await desk.open(HURRIED)
    await card.expect_visible(Part.NEW_CODE)
    await expect(card.part(Part.HINT)).to_have_text(EN["says_expired"])
    await card.expect_hidden(Part.RING, Part.COUNTDOWN, Part.STEPS)
    await shoot(card.page, "card-5-window-over")
    await card.press(Part.NEW_CODE)
    await card.expect_visible(Part.RING)
    await card.expect_hidden(Part.NEW_CODE)
    await desk.wait_for_code(card, HURRIED)


# ------------------------------------------------------------------ linked


async def test_scanned_then_logged_out_after_a_question(
    desk: Desk, shoot: Shoot
) -> None:
    card = await desk.open(LINKED)
    await desk.wait_for_code(card, LINKED)
    await card.expect_hidden(Part.LOGOUT, Part.CONFIRM)
    payload = await card.read()
    await desk.stack.phone.scan(LINKED, payload)
    await card.expect_state("Authorized")
    await card.expect_hidden(Part.QR, Part.RING, Part.STEPS, Part.BY_PHONE)
    await card.expect_hidden(Part.NEW_CODE)
    assert await card.part(Part.QR).get_attribute("src") is None
    fetched = len(desk.pictures)
    await shoot(card.page, "card-6-linked")

    await card.press(Part.LOGOUT)
    await expect(card.part(Part.CONFIRM).locator("[data-part=no]")).to_be_focused()
    await expect(card.part(Part.CONFIRM)).to_have_attribute("role", "alertdialog")
    await shoot(card.page, "card-7-question")
    await card.answer(yes=False)
    await expect(card.part(Part.LOGOUT)).to_be_focused()
    await card.press(Part.LOGOUT)
    await card.page.keyboard.press("Escape")
    await card.expect_hidden(Part.CONFIRM)
    await desk.client.act(
        "homeassistant.update_entity",
        {"entity_id": desk.stack.of(LINKED).sensor},
    )
    assert await desk.asked(LINKED, "logout") == 0
    assert len(desk.pictures) == fetched
    # Each change of anything in the house comes by here.
    elsewhere, here = await card.count_reads(desk.stack.of(LINKED).sensor)
    assert elsewhere <= len(ENTITIES) < here

    await card.press(Part.LOGOUT)
    await card.answer(yes=True)
    await card.expect_state("Not authorized")
    await desk.wait_for_code(card, LINKED)
    assert await desk.asked(LINKED, "logout") == 1
    await card.expect_hidden(Part.ERROR)

    # GREEN-API bears no reboot so soon.
    await card.press(Part.REBOOT)
    await card.answer(yes=True)
    await expect(card.part(Part.ERROR)).to_have_text(
        re.compile(r"logged out just now.* 1\d\d seconds")
    )
    assert await desk.asked(LINKED, "reboot") == 0


async def test_rebooted_after_a_question(desk: Desk) -> None:
    # Long enough to be seen on a busy machine.
    await desk.stack.phone.set_timing(REBOOTED, reboot_seconds=15)
    card = await desk.open(REBOOTED)
    await card.expect_state("Not authorized")
    await card.press(Part.REBOOT)
    await card.answer(yes=False)
    assert await desk.asked(REBOOTED, "reboot") == 0
    await card.press(Part.REBOOT)
    await card.answer(yes=True)
    await card.expect_state("Starting")
    await expect(card.part(Part.HINT)).to_have_text(EN["says_starting"])
    assert await desk.asked(REBOOTED, "reboot") == 1
    await card.expect_state("Not authorized")
    await desk.wait_for_code(card, REBOOTED)


# ------------------------------------------------------------------ without a QR


async def test_password_is_asked_for_and_a_wrong_one_is_told(
    desk: Desk, shoot: Shoot
) -> None:
    await desk.stack.phone.set_password(LOCKED, PASSWORD)
    card = await desk.open(LOCKED)
    await desk.login(LOCKED).scan()
    await card.expect_visible(Part.PASSWORD_FORM)
    await card.expect_hidden(Part.QR, Part.NEW_CODE, Part.BY_PHONE)
    field = card.field(Part.PASSWORD_FORM, "password")
    await expect(field).to_have_attribute("type", "password")
    await card.submit(Part.PASSWORD_FORM, password=WRONG)
    await expect(field).to_have_value("")
    await expect(card.part(Part.ERROR)).to_contain_text("password is wrong")
    await shoot(card.page, "card-8-wrong-password")
    await field.fill(PASSWORD)
    await field.press("Enter")
    await expect(field).to_have_value("")
    await card.expect_state("Authorized")
    await card.expect_hidden(Part.PASSWORD_FORM, Part.ERROR)


async def test_linked_by_a_pairing_code(desk: Desk, shoot: Shoot) -> None:
    card = await desk.open(PAIRED)
    await card.expect_visible(Part.QR)
    await card.press(Part.BY_PHONE)
    await card.submit(Part.PHONE_FORM, phone_number="12")
    await expect(card.part(Part.ERROR)).to_contain_text("not a phone number")
    await expect(card.field(Part.PHONE_FORM, "phone_number")).to_have_value("12")
    await shoot(card.page, "card-9-wrong-number")

    number = await desk.login(PAIRED).phone_number()
    await card.submit(Part.PHONE_FORM, phone_number=number)
    await card.expect_visible(Part.PAIRING_CODE, Part.STEPS, Part.NEW_CODE)
    await card.expect_hidden(Part.PHONE_FORM, Part.QR, Part.BY_PHONE, Part.ERROR)
    await shoot(card.page, "card-10-pairing-code")
    code = await card.part(Part.PAIRING_CODE).text_content()
    assert code
    await desk.stack.phone.enter_pairing_code(PAIRED, code)
    await card.expect_state("Authorized")
    await card.expect_hidden(Part.PAIRING_CODE, Part.STEPS)
    assert code not in await card.root.evaluate("card => card.shadowRoot.textContent")


async def test_linked_by_a_code_that_comes_by_phone(desk: Desk, shoot: Shoot) -> None:
    login = desk.login(CALLED)
    card = await desk.open(CALLED)
    await card.expect_visible(Part.QR)
    await card.press(Part.BY_PHONE)
    await card.submit(Part.PHONE_FORM, phone_number=await login.phone_number())
    await card.expect_visible(Part.CODE_FORM, Part.NEW_CODE)
    await card.expect_hidden(Part.PHONE_FORM, Part.QR, Part.BY_PHONE)
    await expect(card.field(Part.CODE_FORM, "code")).to_be_focused()
    await expect(card.part(Part.HINT)).to_have_text(in_words(EN["says_code"]))
    await shoot(card.page, "card-11-phone-code")

    # Another page knows of it too, and a QR can be had instead.
    other = await desk.open(CALLED)
    await other.expect_visible(Part.CODE_FORM)
    unsent = other.field(Part.CODE_FORM, "password")
    await unsent.fill(PASSWORD)
    await card.submit(Part.CODE_FORM, code=await login.read_phone_code())
    await card.expect_state("Authorized")
    await card.expect_hidden(Part.CODE_FORM, Part.NEW_CODE)
    await other.expect_hidden(Part.CODE_FORM)
    await expect(unsent).to_have_value("")


async def test_what_was_typed_and_not_sent_does_not_come_back(desk: Desk) -> None:
    card = await desk.stage(SEEN)
    see = partial(card.see, messenger="Telegram")
    number = card.field(Part.PHONE_FORM, "phone_number")
    await see("not_authorized", "idle")
    await card.press(Part.BY_PHONE)
    await number.fill("+44 79")
    await see("authorized", "idle")
    await card.expect_hidden(Part.PHONE_FORM)
    await see("not_authorized", "idle")
    await card.press(Part.BY_PHONE)
    await expect(number).to_have_value("")
    # By the time the request fails, there is another form.
    await card.keep_waiting()
    await card.submit(Part.PHONE_FORM, phone_number="+44 79")
    await see("not_authorized", "phone_code")
    await card.reply(error={"message": "Too late."})
    await expect(card.part(Part.ERROR)).to_have_text("Too late.")
    await card.expect_hidden(Part.PHONE_FORM)
    await expect(number).to_have_value("")

    code = card.field(Part.CODE_FORM, "code")
    password = card.field(Part.CODE_FORM, "password")
    await code.fill("12345")
    await password.fill(PASSWORD)
    # Not an administrator for a while, such as somebody else before the same tablet.
    await see("not_authorized", "phone_code", admin=False)
    await card.expect_hidden(Part.CODE_FORM)
    await see("not_authorized", "phone_code")
    await card.expect_visible(Part.CODE_FORM)
    await expect(code).to_have_value("")
    await expect(password).to_have_value("")

    await see("pending_password", "password")
    password = card.field(Part.PASSWORD_FORM, "password")
    await password.fill(PASSWORD)
    await card.leave_and_return()
    await card.expect_visible(Part.PASSWORD_FORM)
    await expect(password).to_have_value("")


async def test_a_pairing_code_is_shown_as_long_as_it_is_of_use(desk: Desk) -> None:
    card = await desk.stage(SEEN)

    async def ask_for_code() -> None:
        await card.reply({"code": "ABCD1234"})
        await card.press(Part.BY_PHONE)
        await card.submit(Part.PHONE_FORM, phone_number="+44 7911 123456")
        await expect(card.part(Part.PAIRING_CODE)).to_have_text("ABCD1234")

    # Without the sensor nothing but the state and the time tell that it is over.
    await card.see("not_authorized", None)
    await ask_for_code()
    await card.see("authorized", None)
    await card.expect_hidden(Part.PAIRING_CODE)
    await card.see("not_authorized", None)
    await card.expect_hidden(Part.PAIRING_CODE)
    await expect(card.part(Part.PAIRING_CODE)).to_have_text("")
    await ask_for_code()
    await card.page.clock.fast_forward((PAIRING_SECONDS - 30) * 1000)
    left = card.root.get_by_text(in_words(EN["left"]))
    await expect(left).to_have_text(re.compile(r"\b(29|30) s"))
    await card.expect_visible(Part.PAIRING_CODE)
    await card.page.clock.fast_forward(30_000)
    await card.expect_hidden(Part.PAIRING_CODE)

    # Where no QR can be had instead, nor another code, there is still this one.
    await card.see("not_authorized", "idle")
    await ask_for_code()
    await card.see("not_authorized", "phone_code")
    await card.reply(error={"message": "Connection lost"})
    await card.press(Part.NEW_CODE)
    await expect(card.part(Part.ERROR)).to_have_text("Connection lost")
    await expect(card.part(Part.PAIRING_CODE)).to_have_text("ABCD1234")
    await expect(card.part(Part.HINT)).to_have_text(EN["says_pairing"])
    await card.reply()
    await card.press(Part.NEW_CODE)
    await card.expect_hidden(Part.PAIRING_CODE, Part.ERROR)


async def test_an_error_is_told_even_where_it_cannot_be_translated(
    desk: Desk,
) -> None:
    card = await desk.stage(SEEN)
    see = partial(card.see, "not_authorized", "phone_code", messenger="Telegram")
    code = card.field(Part.CODE_FORM, "code")
    await see()
    await card.submit(Part.CODE_FORM, code=" ")
    await expect(code).to_have_value(" ")
    assert await card.asked() == []

    error = card.part(Part.ERROR)
    await card.reply(
        error={
            "message": "Untranslated.",
            "translation_domain": "green_api",
            "translation_key": "invalid_phone_number",
        }
    )
    await card.submit(Part.CODE_FORM, code="12345")
    await expect(error).to_contain_text("not a phone number")
    # Not every interface that shows cards has translations.
    await see(translates=False)
    await card.submit(Part.CODE_FORM, code="12345")
    await expect(error).to_have_text("Untranslated.")
    await see()
    await card.reply()
    await card.submit(Part.CODE_FORM, code="12345")
    await card.expect_hidden(Part.ERROR)
    assert len(await card.asked()) == 3


async def test_a_question_that_is_no_longer_one_is_withdrawn(desk: Desk) -> None:
    card = await desk.stage(SEEN)

    async def ask() -> None:
        await card.see("authorized", "idle")
        await card.press(Part.LOGOUT)
        await card.expect_visible(Part.CONFIRM)

    await ask()
    await card.see("not_authorized", "idle")
    await card.expect_hidden(Part.CONFIRM)
    await expect(card.part(Part.NAME)).to_be_focused()
    await ask()
    await card.see("authorized", "idle", admin=False)
    await card.expect_hidden(Part.CONFIRM)
    await ask()
    other = {"device_id": desk.stack.of(LINKED).device_id}
    await card.root.evaluate("(card, config) => card.setConfig(config)", other)
    await card.expect_hidden(Part.CONFIRM)
    assert await card.asked() == []


# ------------------------------------------------------------------ what may be wrong


async def test_tells_what_is_missing(
    desk: Desk, client: HomeAssistantClient, shoot: Shoot
) -> None:
    instance = desk.stack.of(BARE)
    url = await desk.save(
        card_of(instance), {"type": TYPE}, {"type": TYPE, "device_id": "of nobody"}
    )
    card = await desk.open_page(url)
    nameless, strange = Card(card.page, 1), Card(card.page, 2)
    await expect(nameless.part(Part.MISSING)).to_contain_text(EN["choose"])
    await expect(strange.part(Part.MISSING)).to_contain_text(EN["gone"])
    await card.expect_hidden(Part.MISSING)
    await card.expect_visible(Part.QR)

    await disable(client, instance.image)
    await expect(card.part(Part.MISSING)).to_contain_text("Login QR")
    await card.expect_hidden(Part.QR, Part.STEPS)
    await shoot(card.page, "card-12-missing")
    for item in await client.call("config/entity_registry/list"):
        if item["device_id"] == instance.device_id and not item["disabled_by"]:
            await disable(client, item["entity_id"])
    await expect(card.part(Part.MISSING)).to_contain_text(EN["gone"])
    await card.expect_hidden(*set(Part) - {Part.NAME, Part.STATE, Part.MISSING})


async def disable(client: HomeAssistantClient, entity_id: str) -> None:
    """Disable an entity, as its settings do."""
    await client.call(
        "config/entity_registry/update", entity_id=entity_id, disabled_by="user"
    )


async def test_found_even_where_a_page_loads_it_before_all_else(desk: Desk) -> None:
    url = await desk.save(card_of(desk.stack.of(SEEN)))
    page = await desk.new_page()
    desk.watches.append(Watch(page))
    loaded = asyncio.Event()
    page.on("requestfinished", lambda item: TAG in item.url and loaded.set())

    async def hold_back(route: Route) -> None:
        await loaded.wait()
        await route.continue_()

    await page.add_init_script(f"import('{CARD_URL}')")
    await page.route("**/frontend_latest/app.*.js", hold_back)
    card = await open_card(page, url)
    await card.expect_visible(Part.QR)


async def test_two_cards_keep_apart(desk: Desk) -> None:
    first, second = desk.stack.of(SEEN), desk.stack.of(REBOOTED)
    card = await desk.open_page(await desk.save(card_of(first), card_of(second)))
    other = Card(card.page, 1)
    for item, instance in ((card, first), (other, second)):
        await expect(item.part(Part.NAME)).to_have_text(instance.title)
        await desk.wait_for_code(item, instance.id_instance)
        await expect(item.part(Part.HINT)).to_contain_text(instance.messenger)
    await other.press(Part.BY_PHONE)
    await other.expect_visible(Part.PHONE_FORM)
    await card.expect_hidden(Part.PHONE_FORM)
    await card.expect_visible(Part.QR)


async def test_speaks_the_language_of_the_person(
    desk: Desk, client: HomeAssistantClient
) -> None:
    async with speaking(client, "ru"):
        card = await desk.open(SEEN)
        await card.expect_state(
            shipped("entity", "sensor", "state", "state", "not_authorized")
        )
        await expect(card.part(Part.HINT)).to_have_text(in_words(RU["says_showing"]))
        await expect(card.part(Part.BY_PHONE)).to_have_text(RU["by_phone"])
        await card.press(Part.BY_PHONE)
        await card.submit(Part.PHONE_FORM, phone_number="12")
        error = shipped("exceptions", "invalid_phone_number", "message")
        await expect(card.part(Part.ERROR)).to_have_text(error)
