"""The card on a dashboard in a browser, as a person uses it."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from playwright.async_api import ConsoleMessage, Locator, Page, expect

from demo.hass_client import HomeAssistantClient
from demo.instances import DemoInstance
from demo.lovelace import save_dashboard
from demo.qr import read_qr

from .interface import PATIENCE

TAG = "green-api-card"
TYPE = f"custom:{TAG}"
# Pictures for the interface, for which the tests have no internet.
_ELSEWHERE = ".home-assistant.io/"
DASHBOARD = "card-test"
"""The address of the dashboard that the tests make for themselves."""


_NEXT_SECOND = """ring => new Promise(resolve => {
  const watch = new MutationObserver(() => {
    watch.disconnect();
    resolve(ring.dataset.left);
  });
  watch.observe(ring, {attributeFilter: ["data-left"]});
})"""


# What a change elsewhere in the house, and then one of ours, makes the card read.
_COUNT_READS = """(card, ours) => {
  const {hass} = card;
  const reads = [];
  const states = new Proxy({...hass.states}, {
    get: (all, id) => (reads.push(id), all[id]),
  });
  const tell = changed => (card.hass = {...hass, states, ...changed});
  tell({});
  const elsewhere = reads.splice(0).length;
  states[ours] = {...hass.states[ours]};
  tell({states: new Proxy(states, {})});
  const here = reads.length;
  card.hass = hass;
  return [elsewhere, here];
}"""


# A second card, over the page of the first: the house has no news for it.
_STAGE = """(card, device_id) => {
  const staged = document.createElement(card.localName);
  staged.dataset.staged = "";
  staged.style = "position: fixed; inset: 0; overflow: auto; z-index: 99";
  Object.assign(staged, {house: card.hass, asked: [], reply: {}});
  staged.setConfig({device_id});
  document.body.append(staged);
}"""

# What is seen is the house's, but for what the test has told.
_SEE = """(card, seen) => {
  const {house} = card;
  const states = {...house.states};
  for (const [id, state] of Object.entries(seen.states)) {
    states[id] = {...states[id], state};
  }
  const gone = ([id]) => !seen.gone.includes(id);
  const ask = async what => {
    card.asked.push(what);
    const {result, error} = await card.reply;
    if (error) throw error;
    return result;
  };
  const tell = ([id, device]) => [id, {...device, model: seen.messenger}];
  card.hass = {
    ...house,
    states: Object.fromEntries(Object.entries(states).filter(gone)),
    entities: Object.fromEntries(Object.entries(house.entities).filter(gone)),
    devices: Object.fromEntries(Object.entries(house.devices).map(tell)),
    user: {...house.user, is_admin: seen.admin},
    callWS: ask,
    callService: (domain, service, data, target) => ask(target.entity_id),
    ...(seen.translates ? {} : {loadBackendTranslation: undefined}),
  };
}"""


class Part(StrEnum):
    """Name the parts of the card, as its elements do."""

    NAME = "name"
    STATE = "state"
    HINT = "hint"
    ACCOUNT = "account"
    MISSING = "missing"
    ERROR = "error"
    QR = "qr"
    RING = "ring"
    COUNTDOWN = "countdown"
    STEPS = "steps"
    PAIRING_CODE = "pairing-code"
    NEW_CODE = "new-code"
    BY_PHONE = "by-phone"
    PHONE_FORM = "phone-form"
    CODE_FORM = "code-form"
    PASSWORD_FORM = "password-form"
    LOGOUT = "logout"
    REBOOT = "reboot"
    CONFIRM = "confirm"


class Card:
    """One of our cards in a page."""

    def __init__(self, page: Page, index: int = 0) -> None:
        """Take the page, and which of its cards is meant."""
        self.page = page
        self.root = page.locator(TAG).nth(index)

    def part(self, part: Part) -> Locator:
        """Return a part of the card; it may be hidden."""
        return self.root.locator(f"[data-part={part}]")

    def field(self, part: Part, name: str) -> Locator:
        """Return a field of one of the card's forms by its name."""
        return self.part(part).locator(f"input[name={name}]")

    async def submit(self, part: Part, **fields: str) -> None:
        """Fill a form of the card and send it."""
        for name, value in fields.items():
            await self.field(part, name).fill(value)
        await self.part(part).locator("[data-part=submit]").click()

    async def press(self, part: Part) -> None:
        """Press a button of the card."""
        await self.part(part).click()

    async def answer(self, *, yes: bool) -> None:
        """Answer the question whether something is really to be done."""
        dialog = self.part(Part.CONFIRM)
        await expect(dialog).to_be_visible()
        await dialog.locator(f"[data-part={'yes' if yes else 'no'}]").click()
        await expect(dialog).to_be_hidden()

    async def expect_state(self, text: str) -> None:
        """Wait until the card says that the instance is in a state, in words."""
        await expect(self.part(Part.STATE)).to_have_text(text, timeout=PATIENCE)

    async def expect_hidden(self, *parts: Part) -> None:
        """Wait until none of these can be seen."""
        for part in parts:
            await expect(self.part(part)).to_be_hidden(timeout=PATIENCE)

    async def expect_visible(self, *parts: Part) -> None:
        """Wait until all of these can be seen."""
        for part in parts:
            await expect(self.part(part)).to_be_visible(timeout=PATIENCE)

    async def read(self) -> str | None:
        """Return what the code on the screen says, None where there is none."""
        picture = self.part(Part.QR)
        if not await picture.is_visible():
            return None
        # Not below the page's fixed header, which a screenshot would show instead.
        await picture.evaluate("element => element.scrollIntoView({block: 'center'})")
        return read_qr(await picture.screenshot(animations="disabled"))

    async def seconds_left(self) -> int:
        """Return how long the code is valid, as the card counts it down."""
        return int(await self.part(Part.RING).get_attribute("data-left") or 0)

    async def next_second(self) -> int:
        """Wait until the card counts on, and return what it says then."""
        return int(await self.part(Part.RING).evaluate(_NEXT_SECOND))

    async def count_reads(self, entity_id: str) -> tuple[int, int]:
        """Return how many states a change elsewhere, and one of ours, makes it read."""
        elsewhere, here = await self.root.evaluate(_COUNT_READS, entity_id)
        return elsewhere, here


class StagedCard(Card):
    """A card that sees what a test tells it, and whose requests go no further."""

    def __init__(self, card: Card, instance: DemoInstance) -> None:
        """Take the card of the instance whose page it is put upon."""
        super().__init__(card.page)
        self.root = card.page.locator(f"{TAG}[data-staged]")
        self._first = card
        self._instance = instance

    async def enter(self) -> None:
        """Put it upon the page; it is told nothing yet."""
        await self._first.root.evaluate(_STAGE, self._instance.device_id)

    async def see(
        self,
        state: str,
        phase: str | None,
        *,
        messenger: str = "WhatsApp",
        admin: bool = True,
        translates: bool = True,
    ) -> None:
        """Tell of the instance's state and of the login's phase, None for no sensor."""
        told = {self._instance.sensor: state}
        if phase is not None:
            told[self._instance.login_sensor] = phase
        seen = {
            "states": told,
            "gone": [] if phase else [self._instance.login_sensor],
            "messenger": messenger,
            "admin": admin,
            "translates": translates,
        }
        await self.root.evaluate(_SEE, seen)

    async def reply(
        self, result: object = None, *, error: dict[str, object] | None = None
    ) -> None:
        """Answer what it has asked for, and whatever it asks for from now on."""
        await self.root.evaluate(
            "(card, reply) => (card.release?.(reply), card.reply = reply)",
            {"result": result, "error": error},
        )

    async def keep_waiting(self) -> None:
        """Answer no request until there is a reply."""
        await self.root.evaluate(
            "card => {card.reply = new Promise(resolve => card.release = resolve)}"
        )

    async def asked(self) -> list[Any]:
        """Return what it has asked for: commands, and the buttons it has pressed."""
        found: list[Any] = await self.root.evaluate("card => card.asked")
        return found

    async def leave_and_return(self) -> None:
        """Leave the view that the card is in, and come back."""
        await self.root.evaluate("card => (card.remove(), document.body.append(card))")


class Watch:
    """What a page complains of, and the pictures that it fetches."""

    def __init__(self, page: Page, *, tolerates: str | None = None) -> None:
        """Listen from now on; one text may be told of what is not ours."""
        self.errors: list[str] = []
        self.pictures: list[str] = []
        self._tolerates = tolerates
        page.on("pageerror", lambda error: self._take_error(str(error)))
        page.on("console", self._take_message)
        page.on("request", lambda request: self._take_address(request.url))

    def _take_error(self, text: str) -> None:
        if text != self._tolerates:
            self.errors.append(text)

    def _take_message(self, message: ConsoleMessage) -> None:
        address = message.location.get("url", "")
        if _ELSEWHERE in address:
            return
        if message.type == "error" or TAG in address:
            self.errors.append(message.text)

    def _take_address(self, url: str) -> None:
        if "/api/image_proxy/" in url or "/api/camera_proxy" in url:
            self.pictures.append(url)


def card_of(instance: DemoInstance, **options: object) -> dict[str, Any]:
    """Return the configuration of an instance's card."""
    return {"type": TYPE, "device_id": instance.device_id, **options}


async def save_cards(
    client: HomeAssistantClient, cards: Iterable[dict[str, Any]]
) -> str:
    """Make a dashboard that has these cards, side by side; return its path."""
    sections = [{"type": "grid", "cards": [card]} for card in cards]
    view = {"title": "Cards", "type": "sections", "sections": sections}
    await save_dashboard(client, DASHBOARD, [view])
    return f"/{DASHBOARD}/0"


class DashboardEditor:
    """The dialogs in which a card is chosen and changed."""

    def __init__(self, page: Page) -> None:
        """Take the page; nothing is opened yet."""
        self.page = page
        self.picker = page.locator("hui-dialog-create-card")
        self.dialog = page.locator("hui-dialog-edit-card")
        page.set_default_timeout(PATIENCE)

    async def open(self, url: str) -> None:
        """Open a dashboard in the mode in which it can be changed."""
        await self.page.goto(f"{url}?edit=1")
        await self.page.locator("hui-grid-section").first.wait_for()

    async def add_card(self) -> None:
        """Open the dialog in which a card is chosen."""
        section = self.page.locator("hui-grid-section").first
        await section.get_by_role("button", name="Add card").click()
        await self.picker.locator("hui-suggestion-picker").wait_for()

    async def find_card(self, words: str) -> Locator:
        """Search for a card by what it is called; return what is found."""
        await self.picker.locator("ha-tab-group-tab").nth(1).click()
        await self.picker.locator("hui-card-picker input").first.fill(words)
        cards = self.picker.locator("hui-card-picker .card")
        return cards.filter(has=self.page.locator(TAG))

    async def choose_entity(self, name: str, shown: str) -> Locator:
        """Choose an entity by its name and what its row shows besides.

        Returns the cards that are suggested for it.
        """
        tree = self.picker.locator("hui-suggestion-entity-tree")
        await tree.locator("input").fill(name)
        await tree.get_by_text(shown).first.click()
        return self.picker.locator("hui-suggestion-card")

    async def edit_card(self) -> None:
        """Open the first card of ours in its editor."""
        edit = self.page.locator("hui-card-edit-mode").filter(
            has=self.page.locator(TAG)
        )
        await edit.first.click()
        await self.dialog.locator("ha-form").first.wait_for()

    @property
    def preview(self) -> Locator:
        """Return what the card that is being changed will look like."""
        return self.dialog.locator(TAG)

    def text(self, label: str) -> Locator:
        """Return a text field of the editor by its label."""
        return self.dialog.get_by_role("textbox", name=label)

    def switch(self, label: str) -> Locator:
        """Return a switch of the editor by its label."""
        rows = self.dialog.locator("ha-selector-boolean").filter(has_text=label)
        return rows.locator("ha-switch")

    async def save(self) -> None:
        """Save the card."""
        await self.dialog.get_by_role("button", name="Save").click()
        await expect(self.dialog).to_be_hidden()


async def saved_cards(client: HomeAssistantClient) -> list[dict[str, Any]]:
    """Return the cards of the dashboard as they are saved."""
    config = await client.call("lovelace/config", url_path=DASHBOARD)
    sections = config["views"][0]["sections"]
    return [card for section in sections for card in section.get("cards", [])]


async def open_card(page: Page, url: str, *, index: int = 0) -> Card:
    """Open a dashboard and wait for one of our cards."""
    await page.goto(url)
    card = Card(page, index)
    await card.root.wait_for(timeout=PATIENCE)
    return card


async def speak(client: HomeAssistantClient, language: str) -> None:
    """Choose the language of the person who uses the interface."""
    await client.call(
        "frontend/set_user_data", key="language", value={"language": language}
    )
