"""The card as eyes, hands and readers of screens meet it, whoever they belong to."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Literal, NamedTuple

from playwright.async_api import Browser, Page, expect
import pytest
import pytest_asyncio

from demo.broker import BrokerKind
from demo.browser import screenshot
from demo.hass_client import HomeAssistantClient
from demo.instances import DemoInstance
from demo.lovelace import save_dashboard
from demo.qr import read_qr
from demo.stack import Settings, Stack, run_stack
from demo.waiting import until
from tests.e2e.axe import grave_faults
from tests.e2e.card import TAG, TYPE, Card, Part, Watch, open_card, speak
from tests.e2e.conftest import ENVIRONMENT, NewPage, Shoot
from tests.e2e.family import admit, login_script
from tests.e2e.interface import PATIENCE
from tests.e2e.login import Login

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "correct horse"

WIDTHS = {360: 780, 768: 1024, 1280: 900}
"""To the heights of the screens."""

SCHEMES: dict[Literal["light", "dark"], str] = {
    "light": "rgb(255, 255, 255)",
    "dark": "rgb(28, 28, 28)",
}
"""To the colours of the cards, in Home Assistant's own theme."""

MAX = "3100000001"
"""The instance whose login is soon over."""


class Scene(NamedTuple):
    """Who takes part in a test."""

    stack: Stack
    client: HomeAssistantClient

    def login(self, messenger: str) -> Login:
        """Return the person with the phone."""
        instance = self.stack.instance(messenger)
        return Login(self.stack.phone, self.client, instance)

    def url(self, dashboard: str) -> str:
        """Return the address of a dashboard."""
        return f"{self.stack.home_assistant.url}/{dashboard}/0"

    async def show_code(self, messenger: str = "WhatsApp") -> DemoInstance:
        """See that an instance wants a login, and has a code."""
        login = self.login(messenger)
        instance = login.instance
        await self.stack.phone.set_password(instance.id_instance, None)
        state = self.client.state(instance.sensor)
        if state in {"authorized", "pending_password"}:
            await self.client.act(
                "green_api.logout", {"config_entry_id": instance.entry_id}
            )
        if self.client.state(instance.login_sensor) == "phone_code":
            await self.client.press(instance.login_button)
        await login.wait_for_code()
        return instance

    async def link(self, messenger: str = "WhatsApp") -> None:
        """See that an instance is linked."""
        login = self.login(messenger)
        if self.client.state(login.instance.sensor) != "authorized":
            await login.scan()
            await login.expect("authorized")

    async def want_password(self) -> DemoInstance:
        """See that Telegram wants its password."""
        instance = await self.show_code("Telegram")
        await self.stack.phone.set_password(instance.id_instance, PASSWORD)
        login = self.login("Telegram")
        await login.scan()
        await login.expect("pending_password")
        return instance


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene() -> AsyncIterator[Scene]:
    """Run the demo's parts: a login that goes on for ever, and one that is over."""
    settings = Settings(
        environment=ENVIRONMENT,
        broker=BrokerKind.MOSQUITTO,
        options={"login_always": True},
        own_options={MAX: {"login_always": False, "login_window": 0.3}},
    )
    async with (
        run_stack(settings) as stack,
        HomeAssistantClient(stack.home_assistant.url) as client,
    ):
        for messenger in ("WhatsApp", "Telegram", "MAX"):
            await save_card(client, stack.instance(messenger))
        await save_card(client, stack.instance("WhatsApp"), compact=True)
        await admit(client)
        yield Scene(stack, client)


@pytest_asyncio.fixture(loop_scope="module")
async def english(scene: Scene) -> None:
    """Speak English, and have no fault from an earlier test."""
    await scene.stack.phone.clear_faults()
    await speak(scene.client, "en")


async def save_card(
    client: HomeAssistantClient, instance: DemoInstance, *, compact: bool = False
) -> None:
    """Make a dashboard of one card."""
    card = {"type": TYPE, "device_id": instance.device_id, "compact": compact}
    section = {"type": "grid", "cards": [card]}
    view = {"title": "Card", "type": "sections", "sections": [section]}
    await save_dashboard(
        client, dashboard_of(instance.messenger, compact=compact), [view]
    )


def dashboard_of(messenger: str, *, compact: bool = False) -> str:
    """Return the name of a dashboard."""
    return f"eyes-{messenger.lower()}{'-compact' if compact else ''}"


# A window's pause, and time for the first code after it.
LONGEST_PAUSE = 120


async def shows_code(
    scene: Scene, page: Page, instance: DemoInstance, *, seconds: float = 30
) -> bytes:
    """Wait until the screen, as it is, shows the phone's present code."""

    async def probe() -> bytes | None:
        picture = await screenshot(page)
        code = await scene.stack.phone.code(instance.id_instance)
        return picture if code and read_qr(picture) == code["payload"] else None

    return await until("the screen shows the code", probe, seconds=seconds)


async def turn(page: Page, scheme: Literal["light", "dark"]) -> None:
    """Turn the theme to light or dark, and wait for its end."""
    await page.emulate_media(color_scheme=scheme)
    await expect(page.locator(f"{TAG} ha-card")).to_have_css(
        "background-color", SCHEMES[scheme], timeout=PATIENCE
    )


async def overflow(page: Page) -> int:
    """Return by how many pixels anything stands out of the page, or of the card."""
    pixels: int = await page.evaluate(
        """(tag) => {
          const all = (root) => [...root.querySelectorAll("*")].flatMap((element) =>
            [element, ...(element.shadowRoot ? all(element.shadowRoot) : [])]);
          const card = all(document).find(({localName}) => localName === tag);
          const outer = card.getBoundingClientRect();
          const inner = all(card.shadowRoot).map((it) => it.getBoundingClientRect())
            .filter(({width, height}) => width > 1 && height > 1);
          return Math.ceil(Math.max(
            document.scrollingElement.scrollWidth - window.innerWidth,
            -outer.left, outer.right - window.innerWidth,
            ...inner.flatMap((it) => [outer.left - it.left, it.right - outer.right]),
          ));
        }""",
        TAG,
    )
    return pixels


@asynccontextmanager
async def family_page(scene: Scene, browser: Browser) -> AsyncIterator[Page]:
    """Open an empty page of somebody who is no administrator."""
    context = await browser.new_context(viewport={"width": 900, "height": 900})
    try:
        await context.add_init_script(
            await login_script(scene.stack.home_assistant.url)
        )
        yield await context.new_page()
    finally:
        await context.close()


ADMIN_PARTS = (
    Part.LOGOUT,
    Part.REBOOT,
    Part.BY_PHONE,
    Part.PHONE_FORM,
    Part.CODE_FORM,
    Part.PASSWORD_FORM,
)


async def expect_nothing_grave(page: Page, shoot: Shoot, name: str) -> None:
    """See that axe-core has no grave complaint, on light and on dark."""
    for scheme in SCHEMES:
        await turn(page, scheme)
        await shoot(page, f"card-{name}-{scheme}")
        ours, others = await grave_faults(page, TAG)
        assert not ours, "\n\n".join(ours)
        assert not others, "\n\n".join(others)


# ------------------------------------------------------------------ time is up


async def test_family_gets_a_new_code_when_time_is_up(
    scene: Scene, english: None, browser: Browser, shoot: Shoot
) -> None:
    # The first test, because the first window is open now and soon over.
    instance = scene.stack.instance("MAX")
    async with family_page(scene, browser) as page:
        watch = Watch(page)
        card = await open_card(page, scene.url(dashboard_of("MAX")))
        await expect(card.part(Part.NEW_CODE)).to_be_visible(
            timeout=LONGEST_PAUSE * 1000
        )
        await card.expect_hidden(*ADMIN_PARTS)
        await expect_nothing_grave(page, shoot, "expired")
        await card.press(Part.NEW_CODE)
        await shows_code(scene, page, instance, seconds=LONGEST_PAUSE)
        assert not watch.errors


# -------------------------------------------------------------------- sizes


@pytest.mark.parametrize("compact", [False, True], ids=["full", "compact"])
@pytest.mark.parametrize("language", ["en", "ru"])
async def test_code_can_be_scanned_from_any_screen(
    scene: Scene, new_page: NewPage, shoot: Shoot, language: str, compact: bool
) -> None:
    instance = await scene.show_code()
    await speak(scene.client, language)
    page = await new_page()
    watch = Watch(page)
    card = await open_card(page, scene.url(dashboard_of("WhatsApp", compact=compact)))
    for width, height in WIDTHS.items():
        await page.set_viewport_size({"width": width, "height": height})
        for scheme in SCHEMES:
            await turn(page, scheme)
            await shows_code(scene, page, instance)
            kind = "compact" if compact else "full"
            await shoot(page, f"card-{kind}-{width}-{scheme}-{language}")
            box = await card.part(Part.QR).bounding_box()
            assert box
            assert min(box["width"], box["height"]) >= 200
            assert await overflow(page) <= 0
    assert not watch.errors


@pytest.mark.parametrize("language", ["he", "ar"])
async def test_right_to_left_nothing_overflows(
    scene: Scene, new_page: NewPage, shoot: Shoot, language: str
) -> None:
    instance = await scene.show_code()
    await speak(scene.client, language)
    page = await new_page()
    card = await open_card(page, scene.url(dashboard_of("WhatsApp")))
    for width, height in WIDTHS.items():
        await page.set_viewport_size({"width": width, "height": height})
        await shows_code(scene, page, instance)
        direction = "element => getComputedStyle(element).direction"
        assert await card.root.evaluate(direction) == "rtl"
        # There is no translation, and English is numbered where it begins.
        assert await card.part(Part.STEPS).locator("ol").evaluate(direction) == "ltr"
        assert await overflow(page) <= 0
        await shoot(page, f"card-{language}-{width}")


async def test_narrowest_phone_has_room(
    scene: Scene, english: None, new_page: NewPage, shoot: Shoot
) -> None:
    instance = await scene.show_code()
    page = await new_page(width=320, height=700)
    await open_card(page, scene.url(dashboard_of("WhatsApp")))
    await shows_code(scene, page, instance)
    await shoot(page, "card-320")
    assert await overflow(page) <= 0


# --------------------------------------------------------------- the family


async def test_family_sees_the_code_and_no_orders(
    scene: Scene, english: None, browser: Browser, shoot: Shoot
) -> None:
    instance = await scene.show_code()
    async with family_page(scene, browser) as page:
        watch = Watch(page)
        card = await open_card(page, scene.url(dashboard_of("WhatsApp")))
        await shows_code(scene, page, instance)
        await card.expect_visible(Part.STEPS, Part.STATE)
        assert not await page.evaluate(
            "document.querySelector('home-assistant').hass.user.is_admin"
        )
        await shoot(page, "family-code")
        for part in ADMIN_PARTS:
            assert (
                await card.part(part).count() == 0
                or not await card.part(part).is_visible()
            )

        await scene.link()
        await card.expect_state("Authorized")
        await card.expect_hidden(Part.QR, *ADMIN_PARTS)
        await shoot(page, "family-linked")
        assert not watch.errors


async def test_family_is_not_asked_for_the_password(
    scene: Scene, english: None, browser: Browser, shoot: Shoot
) -> None:
    await scene.want_password()
    async with family_page(scene, browser) as page:
        card = await open_card(page, scene.url(dashboard_of("Telegram")))
        await card.expect_state("Waiting for the two-factor password")
        assert read_qr((await shoot(page, "family-password")).read_bytes()) is None
        await card.expect_hidden(*ADMIN_PARTS)


# --------------------------------------------------------------- situations


class Situation(NamedTuple):
    """A situation that the card can be in."""

    messenger: str
    arrange: Callable[[Scene], Awaitable[Any]]
    """What is so before the page is opened."""
    act: Callable[[Scene, Card], Awaitable[Any]]
    """What a person does then; ends when it is shown."""


async def see_code(scene: Scene, card: Card) -> None:
    await shows_code(scene, card.page, scene.stack.instance("WhatsApp"))


async def see_linked(_scene: Scene, card: Card) -> None:
    await card.expect_visible(Part.LOGOUT)


async def ask_to_log_out(_scene: Scene, card: Card) -> None:
    await card.press(Part.LOGOUT)
    await card.expect_visible(Part.CONFIRM)


async def fail_to_reboot(scene: Scene, card: Card) -> None:
    await scene.stack.phone.add_fault(
        "status", status=403, method="reboot", body="html", count=5
    )
    await card.press(Part.REBOOT)
    await card.answer(yes=True)
    await card.expect_visible(Part.ERROR)


async def open_phone_form(_scene: Scene, card: Card) -> None:
    await card.press(Part.BY_PHONE)
    await card.expect_visible(Part.PHONE_FORM)


async def see_password(_scene: Scene, card: Card) -> None:
    await card.expect_visible(Part.PASSWORD_FORM)


SITUATIONS = {
    "code": Situation("WhatsApp", Scene.show_code, see_code),
    "phone-form": Situation("WhatsApp", Scene.show_code, open_phone_form),
    "linked": Situation("WhatsApp", Scene.link, see_linked),
    "confirm": Situation("WhatsApp", Scene.link, ask_to_log_out),
    "error": Situation("WhatsApp", Scene.link, fail_to_reboot),
    "password": Situation("Telegram", Scene.want_password, see_password),
}


@pytest.mark.parametrize("name", SITUATIONS)
async def test_nothing_grave_keeps_anybody_out(
    scene: Scene, english: None, new_page: NewPage, shoot: Shoot, name: str
) -> None:
    situation = SITUATIONS[name]
    await situation.arrange(scene)
    page = await new_page()
    card = await open_card(page, scene.url(dashboard_of(situation.messenger)))
    await situation.act(scene, card)
    await expect_nothing_grave(page, shoot, name)


# ------------------------------------------------------------ hands and motion

_FOCUSED = """(tag) => {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  const part = (at) => at?.closest?.("[data-part]")
    || (at?.getRootNode?.().host && part(at.getRootNode().host));
  const found = part(element);
  return found?.getRootNode().host?.localName === tag ? found.dataset.part : null;
}"""


async def focused(page: Page) -> str | None:
    """Return the part of the card that has the focus."""
    found: str | None = await page.evaluate(_FOCUSED, TAG)
    return found


async def tab_to(page: Page, part: str) -> None:
    """Press Tab until a part has the focus."""
    for _ in range(60):
        if await focused(page) == part:
            return
        await page.keyboard.press("Tab")
    pytest.fail(f"the keyboard does not reach {part}")


async def assert_focus_is_seen(card: Card, part: Part) -> None:
    """See that the focused part looks other than without the focus."""
    page = card.page
    box = await card.part(part).bounding_box()
    assert box
    clip = {
        "x": box["x"] - 6,
        "y": box["y"] - 6,
        "width": box["width"] + 12,
        "height": box["height"] + 12,
    }
    take = partial(page.screenshot, clip=clip, animations="disabled")
    assert await focused(page) == part
    with_focus = await take()
    await page.keyboard.press("Shift+Tab")
    assert await focused(page) != part
    without = await take()
    await page.keyboard.press("Tab")
    assert await focused(page) == part
    assert with_focus != without


async def test_log_out_by_keyboard_alone(
    scene: Scene, english: None, new_page: NewPage
) -> None:
    await scene.link()
    page = await new_page()
    card = await open_card(page, scene.url(dashboard_of("WhatsApp")))
    await card.expect_visible(Part.LOGOUT)
    await tab_to(page, Part.LOGOUT)
    await assert_focus_is_seen(card, Part.LOGOUT)

    await page.keyboard.press("Enter")
    await card.expect_visible(Part.CONFIRM)
    question = card.part(Part.CONFIRM)
    assert await question.get_attribute("role") == "alertdialog"
    assert await focused(page) in {Part.CONFIRM, "yes", "no"}
    await page.keyboard.press("Escape")
    await card.expect_hidden(Part.CONFIRM)
    assert await focused(page) == Part.LOGOUT

    await page.keyboard.press("Enter")
    await card.expect_visible(Part.CONFIRM)
    await tab_to(page, "yes")
    await page.keyboard.press("Enter")
    await card.expect_state("Not authorized")


async def test_pairing_code_by_keyboard_alone(
    scene: Scene, english: None, new_page: NewPage, shoot: Shoot
) -> None:
    instance = await scene.show_code()
    page = await new_page()
    card = await open_card(page, scene.url(dashboard_of("WhatsApp")))
    await tab_to(page, Part.BY_PHONE)
    await assert_focus_is_seen(card, Part.BY_PHONE)
    await page.keyboard.press("Enter")
    await card.expect_visible(Part.PHONE_FORM)
    await page.keyboard.type("79001234567")
    await page.keyboard.press("Enter")
    await card.expect_visible(Part.PAIRING_CODE)
    shown = await card.part(Part.PAIRING_CODE).inner_text()
    code = scene.stack.simulator.cloud.get(instance.id_instance).pairing_code
    assert code
    assert code in shown.replace("-", "").replace(" ", "").replace("\n", "")
    assert await focused(page) == Part.PAIRING_CODE
    await shoot(page, "card-pairing-code")

    # Whoever would rather have a QR after all.
    await tab_to(page, Part.NEW_CODE)
    await page.keyboard.press("Enter")
    await shows_code(scene, page, instance)


@pytest.mark.parametrize("reduced", [False, True])
async def test_nothing_moves_for_who_wants_no_motion(
    scene: Scene, english: None, browser: Browser, reduced: bool
) -> None:
    instance = await scene.show_code()
    context = await browser.new_context(
        viewport={"width": 900, "height": 900},
        reduced_motion="reduce" if reduced else "no-preference",
    )
    try:
        page = await context.new_page()
        card = await open_card(page, scene.url(dashboard_of("WhatsApp")))
        await shows_code(scene, page, instance)
        # Over two seconds of the countdown, so that what moves has begun to.
        left = await card.seconds_left()
        await expect(card.part(Part.RING)).not_to_have_attribute(
            "data-left", str(left), timeout=PATIENCE
        )
        moving = await page.evaluate(
            """(tag) => {
              const find = (root) => [...root.querySelectorAll("*")].flatMap((it) =>
                [...(it.localName === tag ? [it] : []),
                 ...(it.shadowRoot ? find(it.shadowRoot) : [])]);
              return find(document)[0].shadowRoot.getAnimations()
                .filter(({playState}) => playState === "running").length;
            }""",
            TAG,
        )
        assert (moving == 0) is reduced
    finally:
        await context.close()
