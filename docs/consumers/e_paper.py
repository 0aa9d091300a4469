#!/usr/bin/env python3
"""Show state and login QR of a GREEN-API instance on an e-paper display, over MQTT.

Needs Python 3.11, paho-mqtt 2 and Pillow 10.1 or later; see e_paper.md beside it.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
import importlib
import io
import json
from pathlib import Path
import queue
import secrets
import signal
import sys
import tempfile
import time
from typing import Any, Protocol

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from PIL import Image, ImageDraw, ImageFont

TOPICS = (
    "availability",
    "state",
    "attributes",
    "qr/availability",
    "qr/image",
    "qr/meta",
)

# So long "online" holds where no expiry comes with it: it is said each minute.
SILENCE = 150

LEAST_SIDE = 100  # of a display, in pixels
SMALLEST = 10  # size of a text
WHITE, BLACK = 255, 0
NEAREST = Image.Resampling.NEAREST


class Display(Protocol):
    """What can show a picture of one bit a pixel."""

    size: tuple[int, int]

    def show(self, picture: Image.Image) -> None:
        """Show a picture of this size; return when it can be seen."""


class FileDisplay:
    """A PNG file, replaced as a whole: to try it without a display."""

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        """Take the file and its size in pixels."""
        self.size = size
        self._path = path

    def show(self, picture: Image.Image) -> None:
        """Replace the file."""
        with tempfile.NamedTemporaryFile(dir=self._path.parent, delete=False) as new:
            picture.save(new, format="png")
        Path(new.name).replace(self._path)


class WaveshareDisplay:
    """A display that a module of Waveshare's package waveshare_epd drives."""

    def __init__(self, module: str) -> None:
        """Take the module's name, such as epd4in2_V2."""
        driver: Any = importlib.import_module(f"waveshare_epd.{module}")
        self._epd = driver.EPD()
        # The drivers give the sizes of the display held upright.
        self.size = (
            max(self._epd.width, self._epd.height),
            min(self._epd.width, self._epd.height),
        )

    def show(self, picture: Image.Image) -> None:
        """Refresh the display and let it sleep, which spares it."""
        self._epd.init()
        self._epd.display(self._epd.getbuffer(picture))
        self._epd.sleep()


@dataclass(frozen=True)
class Screen:
    """What is to be seen."""

    title: str
    state: str
    lines: tuple[str, ...] = ()
    png: bytes | None = field(default=None, repr=False)


@dataclass
class Instance:
    """What an instance has said; times are those of the given clock."""

    id_instance: str
    clock: Callable[[], float] = time.time
    said: dict[str, bytes] = field(default_factory=dict, repr=False)
    code_until: float = 0.0
    online_until: float = 0.0
    connected: bool = False

    def begin(self) -> None:
        """Start afresh: what was taken back meanwhile would never be told."""
        self.connected = True
        self.said.clear()

    def end(self) -> None:
        """Take the loss of the connection."""
        self.connected = False

    def take(self, name: str, payload: bytes, expiry: int | None) -> None:
        """Take the newest message of a topic, and how long it is true, if known."""
        if payload:
            self.said[name] = payload
        else:
            self.said.pop(name, None)
        if name == "availability":
            self.online_until = self.clock() + (SILENCE if expiry is None else expiry)
        elif name == "qr/meta":
            self.code_until = self._code_until(expiry)

    def screen(self, lead: float) -> Screen:
        """Return what is true for `lead` seconds more at the least."""
        attributes = self._json("attributes")
        messenger = {"whatsapp": "WhatsApp", "telegram": "Telegram", "max": "MAX"}.get(
            str(attributes.get("messenger")), ""
        )
        title = f"{messenger} {self.id_instance}".strip()
        state = self._text("state").replace("_", " ").capitalize() or "Unknown"
        if not self.connected:
            return Screen(title, state, ("No connection to the broker",))
        if self._text("availability") != "online":
            return Screen(title, state, ("Home Assistant does not publish",))
        problem = str(attributes.get("problem") or "").replace("_", " ")
        lines = [f"Problem: {problem}"] if problem else []
        meta, png = self._json("qr/meta"), self.said.get("qr/image")
        if png is None or meta.get("bytes") != len(png):
            # A picture and a meta of two different moments do not belong together.
            return Screen(title, state, tuple(lines))
        if meta.get("valid") is True:
            lives = self.clock() + lead < self.code_until
            if not lives or self._text("qr/availability") != "online":
                return Screen(title, state, (*lines, "Waiting for the next code"))
            until = datetime.fromtimestamp(self.code_until).astimezone()
            lines.append(f"Scan until {until:%H:%M:%S}")
        return Screen(title, state, tuple(lines), png)

    def next_change(self, lead: float) -> float | None:
        """Return in how many seconds the screen changes by itself, if it does."""
        now = self.clock()
        moments = [self.code_until - lead, self.online_until]
        return min((moment - now for moment in moments if now < moment), default=None)

    def _text(self, name: str) -> str:
        if name == "availability" and self.clock() >= self.online_until:
            return ""
        return self.said.get(name, b"").decode(errors="replace")

    def _json(self, name: str) -> dict[str, Any]:
        try:
            found = json.loads(self.said.get(name, b"{}"))
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _code_until(self, expiry: int | None) -> float:
        meta = self._json("qr/meta")
        if expiry is not None:
            # What the broker says is left does not depend on the clock here.
            return self.clock() + expiry
        try:
            return datetime.fromisoformat(str(meta.get("expires_at"))).timestamp()
        except ValueError:
            return 0.0


def draw(screen: Screen, size: tuple[int, int]) -> Image.Image:
    """Return a picture of one bit a pixel, the code as large as it fits."""
    canvas = Image.new("L", size, WHITE)
    width, height = size
    side = min(size)
    if screen.png:
        picture = _fitted(screen.png, side)
        canvas.paste(
            picture, ((side - picture.width) // 2, (side - picture.height) // 2)
        )
    margin = max(4, side // 40)
    left, top = (side + margin, margin) if width >= height else (margin, side + margin)
    if not screen.png:
        left, top = margin, margin
    pen = ImageDraw.Draw(canvas)
    for text, points in (
        (screen.title, side // 18),
        (screen.state, side // 12),
        *((line, side // 18) for line in screen.lines),
    ):
        font: Any = _font(text, max(points, SMALLEST), width - left - margin)
        for line in _wrapped(text, font, width - left - margin):
            pen.text((left, top), line, fill=BLACK, font=font)
            top += int(font.size * 1.3)
    return canvas.convert("1", dither=Image.Dither.NONE)


def _fitted(png: bytes, side: int) -> Image.Image:
    with Image.open(io.BytesIO(png)) as opened:
        # A still picture may be transparent where the display is white.
        layered = opened.convert("RGBA")
    white = Image.new("RGBA", layered.size, "white")
    picture = Image.alpha_composite(white, layered).convert("L")
    module = _module(picture)
    small = picture.resize((picture.width // module, picture.height // module), NEAREST)
    times = side // max(small.size)
    if times:
        # Whole pixels keep the modules of a code equal.
        return small.resize((small.width * times, small.height * times), NEAREST)
    picture.thumbnail((side, side), Image.Resampling.BOX)
    return picture


def _module(picture: Image.Image) -> int:
    """Return of how many pixels the squares are that a picture consists of."""
    width, height = picture.size
    for module in range(min(width, height) // 21, 1, -1):
        if width % module == height % module == 0:
            small = picture.resize((width // module, height // module), NEAREST)
            if small.resize(picture.size, NEAREST).tobytes() == picture.tobytes():
                return module
    return 1


def _font(text: str, points: int, width: int) -> Any:
    """Return a font in which the longest word is no wider, or the smallest one."""
    while points > SMALLEST:
        font: Any = ImageFont.load_default(points)
        if max(map(font.getlength, text.split()), default=0) <= width:
            return font
        points -= 1
    return ImageFont.load_default(SMALLEST)


def _wrapped(text: str, font: Any, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


class Panel:
    """Keep a display equal to an instance."""

    def __init__(self, display: Display, instance: Instance, lead: float) -> None:
        """Take how long the display needs for a refresh, in seconds."""
        self._display = display
        self._instance = instance
        self._lead = lead
        self._news: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._shown: Screen | None = None

    def post(self, change: Callable[[], None] | None) -> None:
        """Have something changed in the thread that draws; None ends it."""
        self._news.put(change)

    def run(self) -> None:
        """Draw until the end, and leave no code behind: paper keeps what it shows."""
        self._show()
        while self._take():
            self._show()
        self._instance.end()
        self._show()

    def _take(self) -> bool:
        """Wait for news, then take all that is there: drawing is slower than MQTT."""
        timeout = self._instance.next_change(self._lead)
        try:
            change = self._news.get(timeout=timeout)
            while change is not None:
                change()
                # What belongs together comes within a moment.
                change = self._news.get(timeout=0.1)
        except queue.Empty:
            return True
        return False

    def _show(self) -> None:
        screen = self._instance.screen(self._lead)
        if screen != self._shown:
            self._display.show(draw(screen, self._display.size))
            self._shown = screen


class Subscriber:
    """Tell a panel what an instance says; connects anew by itself."""

    def __init__(
        self, options: argparse.Namespace, panel: Panel, instance: Instance
    ) -> None:
        """Take what to connect to; nothing is done yet."""
        self._panel = panel
        self._instance = instance
        self._broker: str = options.broker
        self._base = f"{options.prefix}/{instance.id_instance}/"
        encrypted = options.tls or options.ca
        self._port: int = options.port or (8883 if encrypted else 1883)
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"green-api-e-paper-{secrets.token_hex(4)}",
            protocol=(
                MQTTProtocolVersion.MQTTv311
                if options.mqtt3
                else MQTTProtocolVersion.MQTTv5
            ),
        )
        if options.username:
            file = options.password_file
            password = file.read_text().strip() if file else None
            self._client.username_pw_set(options.username, password)
        if encrypted:
            self._client.tls_set(ca_certs=str(options.ca) if options.ca else None)
        self._client.reconnect_delay_set(1, 30)
        self._client.on_connect = self._begin
        self._client.on_connect_fail = self._fail
        self._client.on_disconnect = self._end
        self._client.on_message = self._take

    def start(self) -> None:
        """Connect, in a thread of its own."""
        self._client.connect_async(self._broker, self._port, keepalive=30)
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _begin(
        self, client: Client, _data: Any, _flags: Any, reason: Any, _more: Any
    ) -> None:
        if reason.is_failure:
            sys.stderr.write(f"The broker refuses: {reason}\n")
            return
        self._panel.post(self._instance.begin)
        for name in TOPICS:
            client.subscribe(f"{self._base}{name}", qos=1)

    def _fail(self, *_: Any) -> None:
        sys.stderr.write(f"No connection to {self._broker}; trying again\n")

    def _end(self, *_: Any) -> None:
        self._panel.post(self._instance.end)

    def _take(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        expiry = getattr(message.properties, "MessageExpiryInterval", None)
        name = message.topic.removeprefix(self._base)
        payload = bytes(message.payload)
        self._panel.post(lambda: self._instance.take(name, payload, expiry))


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    try:
        size = (int(width), int(height))
    except ValueError:
        size = (0, 0)
    if min(size) < LEAST_SIDE:
        message = f"{text!r} is no size such as 400x300"
        raise argparse.ArgumentTypeError(message)
    return size


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("instance", help="idInstance")
    add("--broker", required=True, help="host of the MQTT broker")
    add("--port", type=int, help="default: 1883, with TLS 8883")
    add("--username")
    add("--password-file", type=Path, help="a file that holds the password alone")
    add(
        "--tls",
        action="store_true",
        help="encrypt, with the certificates of the system",
    )
    add("--ca", type=Path, help="encrypt, with this file of certificates")
    add("--mqtt3", action="store_true", help="for a broker that speaks MQTT 3.1.1 only")
    add("--prefix", default="green_api", help="of the topics (default: %(default)s)")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--display", help="a module of waveshare_epd, such as epd4in2_V2"
    )
    where.add_argument("--file", type=Path, help="a PNG file instead of a display")
    add(
        "--size",
        type=_size,
        default="400x300",
        help="of the file (default: %(default)s)",
    )
    add(
        "--lead",
        type=float,
        default=5.0,
        help="a code is taken away so many seconds before it dies, because a refresh"
        " takes time (default: %(default)s)",
    )
    return parser.parse_args(arguments)


def main() -> None:
    """Run until SIGTERM or Ctrl-C."""
    options = parse()
    display: Display = (
        FileDisplay(options.file, options.size)
        if options.file
        else WaveshareDisplay(options.display)
    )
    instance = Instance(options.instance)
    panel = Panel(display, instance, options.lead)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: panel.post(None))
    subscriber = Subscriber(options, panel, instance)
    subscriber.start()
    try:
        panel.run()
    finally:
        subscriber.stop()


if __name__ == "__main__":
    main()
