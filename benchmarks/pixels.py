"""How long until a browser shows a new login code, by each of the dashboard's cards."""

import argparse
import asyncio
import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
import random
import time
from typing import Any, Final

from playwright.async_api import Page

from demo.browser import open_browser
from demo.command import chosen_environment
from demo.console import progress, say
from demo.errors import DemoError
from demo.instances import DemoInstance
from demo.lovelace import save_dashboard
from demo.qr import read_qr
from simulator.instance import Instance
from simulator.qr import Code

from .arguments import add_common, add_repeat
from .home import Home, Plan, open_home
from .table import Table, numbers

SUMMARY: Final = "from a rotation in the cloud to the new picture in the browser"

_HEAD: Final = ("codes come by", "card", "n", "min ms", "median ms", "max ms")

_URL_PATH: Final = "bench-pixels"

# For a first page, in milliseconds; it loads a lot.
_PATIENCE: Final = 60_000

# How often the camera card that polls does so.
_STEP: Final = 10.0

# Two lives of the slowest code, and an interval of the camera card that polls.
_LONGEST_WAIT: Final = 60.0

# In each frame that is drawn, every card's picture is looked at as it is now: a
# stream's picture changes without any event. Small copies are compared; of what is
# new, a large one is handed on to be read, later: that takes longer than a frame.
_WATCH: Final = """
(names) => {
  const SMALL = 61, LARGE = 552;
  const find = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.localName === "img" && element.naturalWidth > 100) return element;
      const found = element.shadowRoot && find(element.shadowRoot);
      if (found) return found;
    }
    return null;
  };
  const all = (root, name) => [...root.querySelectorAll("*")].flatMap((element) => [
    ...(element.localName === name ? [element] : []),
    ...(element.shadowRoot ? all(element.shadowRoot, name) : []),
  ]);
  const draw = (image, side) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = side;
    const context = canvas.getContext("2d", {willReadFrequently: true});
    context.fillStyle = "white";
    context.fillRect(0, 0, side, side);
    context.drawImage(image, 0, 0, side, side);
    return canvas;
  };
  const cards = all(document, "hui-card").slice(0, names.length);
  const before = new Map();
  const look = () => {
    const at = Date.now();
    cards.forEach((card, place) => {
      const image = find(card) || (card.shadowRoot && find(card.shadowRoot));
      if (!image) return;
      const small = draw(image, SMALL).getContext("2d");
      const {data} = small.getImageData(0, 0, SMALL, SMALL);
      const now = new Uint32Array(data.buffer);
      const last = before.get(place);
      if (last && now.every((pixel, index) => pixel === last[index])) return;
      before.set(place, now);
      const large = draw(image, LARGE);
      setTimeout(() => window.tell(names[place], at, large.toDataURL()), 500);
    });
    requestAnimationFrame(look);
  };
  look();
}
"""


def _cards(instance: DemoInstance) -> Mapping[str, dict[str, Any]]:
    """Return the cards that are compared, by their names in the table."""
    picture = {"type": "picture-entity", "show_name": False, "show_state": False}
    camera = picture | {"entity": instance.camera}
    return {
        "green-api-card": {
            "type": "custom:green-api-card",
            "device_id": instance.device_id,
        },
        "picture-entity, image": picture | {"entity": instance.image},
        "picture-entity, camera live": camera | {"camera_view": "live"},
        "picture-entity, camera auto": camera | {"camera_view": "auto"},
    }


@dataclass(kw_only=True)
class Watch:
    """What one instance's codes are, and how soon each card shows them."""

    phone: Instance
    delays: Mapping[str, list[float]]
    """In milliseconds, by card."""
    issued: dict[str, float] = field(default_factory=dict)
    """When each code was issued, in seconds of the machine's clock, by its text."""
    _missing: set[str] = field(default_factory=set)
    _first: str | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self) -> None:
        """Take note of each code, for ever."""
        revision = self.phone.changed.revision
        while True:
            if self.phone.code:
                self._note(self.phone.code)
            revision = await self.phone.changed.wait(revision)

    def take(self, card: str, at: float, address: str) -> None:
        """Take a picture that a card shows since `at`, in ms of the machine's clock."""
        said = read_qr(base64.b64decode(address.partition(",")[2]))
        if self.phone.code:
            self._note(self.phone.code)
        # What was there when the page was opened tells nothing.
        if said in self.issued and said != self._first and card in self._missing:
            self._missing.discard(card)
            self.delays[card].append(at - self.issued[said] * 1000)
            self._changed.set()

    def begin(self) -> None:
        """Count from the next code on, the first that each card shows."""
        self._missing = set(self.delays)
        self._first = self.phone.payload
        self.issued.clear()
        if self.phone.code:
            self._note(self.phone.code)

    async def wait(self) -> None:
        """Wait until each card has shown a new code. Raises DemoError."""
        try:
            async with asyncio.timeout(_LONGEST_WAIT):
                while self._missing:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            problem = f"no new code was shown by: {', '.join(sorted(self._missing))}"
            raise DemoError(problem) from None

    def _note(self, code: Code) -> None:
        age = (self.phone.clock.now() - code.issued_at) / self.phone.clock.speed
        self.issued.setdefault(code.payload, time.time() - age)


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way by which codes come from the cloud."""

    name: str
    id_instance: str
    messenger: str


_WAYS: Final = (
    Way(name="WebSocket (WhatsApp)", id_instance="1101000001", messenger="whatsapp"),
    Way(name="HTTP (Telegram)", id_instance="4100000001", messenger="telegram"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen."""
    add_repeat(parser, "rotations that each card has to show")
    add_common(parser)


async def run(options: argparse.Namespace) -> None:
    """Measure, and print the table. Raises DemoError where something gets stuck."""
    plans = [
        Plan(
            id_instance=way.id_instance,
            messenger=way.messenger,
            state="notAuthorized",
            options={"login_always": True, "login_window": 60},
        )
        for way in _WAYS
    ]
    lines: list[tuple[str, ...]] = []
    async with (
        open_home(chosen_environment(options), plans, ()) as home,
        open_browser() as browser,
    ):
        for way in _WAYS:
            context = await browser.new_context(viewport={"width": 900, "height": 2400})
            delays = await _measure(home, way, await context.new_page(), options.repeat)
            await context.close()
            lines += _lines(way, delays)
    say()
    table = Table(head=_HEAD, lines=lines, texts=2)
    say(table.as_markdown() if options.markdown else table.as_text())


def _lines(way: Way, delays: Mapping[str, list[float]]) -> Iterator[tuple[str, ...]]:
    for card, found in delays.items():
        yield way.name, card, *numbers(found, 0)


async def _measure(
    home: Home, way: Way, page: Page, repeat: int
) -> Mapping[str, list[float]]:
    """Return the delays in milliseconds, by card."""
    instance = home.instances[way.id_instance]
    cards = _cards(instance)
    view = {"title": way.name, "cards": list(cards.values())}
    await save_dashboard(home.client, _URL_PATH, [view])
    await home.client.wait_for_state(
        instance.login_sensor, "showing", seconds=_LONGEST_WAIT
    )
    watch = Watch(
        phone=home.phone_of(way.id_instance), delays={card: [] for card in cards}
    )
    await page.expose_function("tell", _teller(watch))
    async with asyncio.TaskGroup() as group, progress(f"Watching: {way.name}"):
        following = group.create_task(watch.follow())
        for done in range(repeat):
            # The card that polls would keep step with codes that are renewed in time.
            await asyncio.sleep(random.uniform(0, _STEP) if done else 0)  # noqa: S311
            await page.goto(f"{home.url}/{_URL_PATH}")
            last = page.locator("hui-card").nth(len(cards) - 1)
            await last.wait_for(timeout=_PATIENCE)
            watch.begin()
            await page.evaluate(_WATCH, list(cards))
            await watch.wait()
        following.cancel()
    return watch.delays


def _teller(watch: Watch) -> Callable[[str, float, str], None]:
    return watch.take
