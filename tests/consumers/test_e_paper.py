"""The e-paper recipe: run as a program onto a file, and its drawing."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
import io
from pathlib import Path
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

from PIL import Image
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from demo.broker import EmbeddedBroker, Mosquitto
from demo.places import INTEGRATION
from demo.ports import choose_ports
from demo.qr import read_qr
from demo.waiting import until
from simulator import Instance

from .conftest import CONSUMERS, load, names
from .station import Station, qr_png

ID = "1101000001"
PROGRAM = CONSUMERS / "e_paper.py"

# Codes of the station live so long, and are taken away so much earlier.
LIFE = 3
LEAD = 1.0

SIZES = [(296, 128), (400, 300), (800, 480), (480, 800)]

recipe: Any = load("e_paper.py")


@asynccontextmanager
async def running(
    broker: Mosquitto | EmbeddedBroker, file: Path, *options: str
) -> AsyncIterator[Process]:
    """Run the program; whatever happens, it ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, PROGRAM, ID, "--broker", "127.0.0.1"),
        *("--port", str(broker.port), "--file", file, "--lead", str(LEAD), *options),
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


def seen(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


async def wait_for_code(file: Path, code: str | None = None) -> str:
    """Wait until the display shows a code, or this one, and return what it says."""

    async def there() -> str | None:
        picture = seen(file)
        said = read_qr(picture) if picture else None
        return said if code in {None, said} else None

    return await until("the display shows the code", there, seconds=15)


async def wait_for_screen(file: Path, screen: Any) -> None:
    """Wait until the display shows exactly this."""
    expected = recipe.draw(screen, (400, 300)).tobytes()

    async def there() -> bool | None:
        picture = seen(file)
        return (picture and pixels(picture) == expected) or None

    await until("the display shows what it should", there, seconds=15)


def pixels(png: bytes) -> bytes:
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.mode == "1"
        return picture.tobytes()


async def test_it_follows_the_instance(
    broker: Mosquitto, entry: MockConfigEntry, instance: Instance, tmp_path: Path
) -> None:
    (tmp_path / "display").mkdir()
    file = tmp_path / "display" / "display.png"
    title = f"WhatsApp {ID}"
    async with running(broker, file) as program:
        code = await wait_for_code(file)
        assert instance.code
        assert code == instance.code.payload
        instance.scan()
        still = (INTEGRATION / "images" / "authorized.png").read_bytes()
        await wait_for_screen(file, recipe.Screen(title, "Authorized", (), still))
        assert await entry.runtime_data.hass.config_entries.async_unload(entry.entry_id)
        said = ("Home Assistant does not publish",)
        await wait_for_screen(file, recipe.Screen(title, "Authorized", said))
        program.terminate()
        assert await program.wait() == 0
    said = ("No connection to the broker",)
    await wait_for_screen(file, recipe.Screen(title, "Authorized", said))
    assert names(tmp_path / "display") == [file.name]


async def test_a_code_is_taken_away_in_time(broker: Mosquitto, tmp_path: Path) -> None:
    file = tmp_path / "display.png"
    async with (
        Station(broker.port, id_instance=ID) as station,
        running(broker, file),
    ):
        await station.say_state("not_authorized", login="showing")
        end = await station.say_code("code 1", LIFE)
        await wait_for_code(file, "code 1")
        said = ("Waiting for the next code",)
        screen = recipe.Screen(f"WhatsApp {ID}", "Not authorized", said)
        await wait_for_screen(file, screen)
        assert datetime.now(UTC) < end

        await station.say_code("code 2", 100)
        await wait_for_code(file, "code 2")
        await station.say("qr/availability", "offline")
        await wait_for_screen(file, screen)


async def test_a_lost_broker_takes_the_code_away_and_brings_it_back(
    broker: Mosquitto, tmp_path: Path
) -> None:
    file = tmp_path / "display.png"
    async with running(broker, file):
        async with Station(broker.port, id_instance=ID) as station:
            await station.say_state("not_authorized", login="showing")
            await station.say_code("code 1", 100)
            await wait_for_code(file, "code 1")
        await broker.stop()
        screen = recipe.Screen(
            f"WhatsApp {ID}", "Not authorized", ("No connection to the broker",)
        )
        await wait_for_screen(file, screen)
        await broker.start()
        async with Station(broker.port, id_instance=ID) as station:
            await station.say_state("not_authorized", login="showing")
            await station.say_code("code 2", 100)
            await wait_for_code(file, "code 2")


async def test_a_broker_of_mqtt_3_is_enough(
    socket_enabled: None, tmp_path: Path
) -> None:
    broker = EmbeddedBroker(choose_ports({"broker": 0})["broker"])
    await broker.start()
    file = tmp_path / "display.png"
    try:
        async with (
            Station(broker.port, id_instance=ID, modern=False) as station,
            running(broker, file, "--mqtt3"),
        ):
            await station.say_state("not_authorized", login="showing")
            title = f"WhatsApp {ID}"
            await wait_for_screen(file, recipe.Screen(title, "Not authorized"))
            await station.say_code("code 1", 100)
            await wait_for_code(file, "code 1")
    finally:
        await broker.stop()


@pytest.mark.parametrize("size", SIZES)
def test_a_code_can_be_read_on_every_display(size: tuple[int, int]) -> None:
    screen = recipe.Screen("WhatsApp 1101000001", "Not authorized", ("Scan",), None)
    without = recipe.draw(screen, size)
    assert (without.mode, without.size) == ("1", size)
    # As long as those of the messengers.
    code = "2@" + "a1B2c3D4" * 26
    screen = recipe.Screen(*(screen.title, screen.state, screen.lines), qr_png(code))
    out = io.BytesIO()
    picture = recipe.draw(screen, size)
    picture.resize((2 * size[0], 2 * size[1])).save(out, format="png")
    assert read_qr(out.getvalue()) == code


@pytest.mark.parametrize("png", [None, qr_png("code")], ids=["text", "code"])
@pytest.mark.parametrize("size", SIZES)
def test_no_text_leaves_the_display(size: tuple[int, int], png: bytes | None) -> None:
    lines = ("Home Assistant does not publish", "Problem: messenger unreachable")
    screen = recipe.Screen("Telegram 4100000001", "Pending password", lines, png)
    width, height = size
    picture = recipe.draw(screen, size).convert("L")
    for edge in ((width - 2, 0, width, height), (0, height - 2, width, height)):
        assert picture.crop(edge).getextrema() == (255, 255)


def test_nothing_is_true_for_ever() -> None:
    now = 1000.0
    instance = recipe.Instance(ID, clock=lambda: now)
    instance.begin()
    instance.take("state", b"authorized", None)
    instance.take("availability", b"online", 150)
    assert instance.screen(LEAD).lines == ()
    assert instance.next_change(LEAD) == 150
    now += 150
    assert instance.screen(LEAD).lines == ("Home Assistant does not publish",)
    assert instance.next_change(LEAD) is None
    instance.take("availability", b"online", None)
    assert instance.next_change(LEAD) == recipe.SILENCE
    instance.take("attributes", b'{"problem": "timed_out"}', None)
    assert instance.screen(LEAD).lines == ("Problem: timed out",)

    png = qr_png("code")
    until_then = datetime.fromtimestamp(now, UTC) + timedelta(seconds=20)
    meta = f'{{"valid": true, "bytes": {len(png)}, "expires_at": "{until_then}"}}'
    for name, said in (("image", png), ("meta", meta.encode())):
        instance.take(f"qr/{name}", said, None)
    assert instance.screen(LEAD).png is None
    instance.take("qr/availability", b"online", None)
    assert instance.screen(LEAD).png == png
    assert instance.next_change(LEAD) == pytest.approx(20 - LEAD)
    now += 20 - LEAD
    assert instance.screen(LEAD).png is None


@pytest.mark.parametrize("payload", [b"", b"[", b"[]", b"null", b"\xff"])
def test_what_cannot_be_read_is_no_code(payload: bytes) -> None:
    instance = recipe.Instance(ID)
    instance.begin()
    for name in recipe.TOPICS:
        instance.take(name, payload, None)
    instance.take("availability", b"online", None)
    assert instance.screen(LEAD).png is None


def test_a_display_is_driven_as_waveshare_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[tuple[str, object]] = []
    driver = SimpleNamespace(
        width=300,
        height=400,
        init=lambda: calls.append(("init", None)),
        getbuffer=lambda picture: picture.size,
        display=lambda buffer: calls.append(("display", buffer)),
        sleep=lambda: calls.append(("sleep", None)),
    )
    module = ModuleType("waveshare_epd.epd4in2_V2")
    module.EPD = lambda: driver  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "waveshare_epd", ModuleType("waveshare_epd"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    display = recipe.WaveshareDisplay("epd4in2_V2")
    assert display.size == (400, 300)
    display.show(Image.new("1", display.size))
    assert calls == [("init", None), ("display", (400, 300)), ("sleep", None)]


@pytest.mark.parametrize("size", ["400", "4x3", "axb"])
def test_a_wrong_size_is_told(size: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        recipe.parse([ID, "--broker", "x", "--file", "x.png", "--size", size])
    assert "is no size such as 400x300" in capsys.readouterr().err
