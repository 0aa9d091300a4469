"""The lines and the script for mosquitto_sub, run as they stand."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
import os
from pathlib import Path

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from demo.broker import Mosquitto
from demo.qr import read_qr
from demo.waiting import until
from simulator import Clock, Instance
from tests.publisher.subscriber import Subscriber
from tests.waiting import lift_limits, set_rhythm

from .conftest import CONSUMERS, blocks, mosquitto_client, names
from .station import Station

ID = "1101000001"
SCRIPT = CONSUMERS / "qr-to-file.sh"
TIMED_OUT = 27

# Codes of the station live so long: whole seconds, no more than needed.
LIFE = 2


@pytest.fixture
def clock() -> Clock:
    """Let the cloud renew its codes once a second."""
    return Clock(speed=20)


@pytest.fixture(autouse=True)
def _eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """See each new code soon."""
    set_rhythm(monkeypatch, poll=0.2)
    lift_limits(monkeypatch)


@pytest.fixture
def environment(broker: Mosquitto, tmp_path: Path) -> dict[str, str]:
    """Return where mosquitto_sub is found, and finds the broker."""
    folder = tmp_path / "settings"
    folder.mkdir()
    (folder / "mosquitto_sub").write_text(f"-h 127.0.0.1\n-p {broker.port}\n")
    programs = mosquitto_client("mosquitto_sub").parent
    path = f"{programs}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "XDG_CONFIG_HOME": str(folder)}


async def run(
    line: str, folder: Path, environment: dict[str, str]
) -> tuple[int | None, str]:
    """Run a line of a page; return its status and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", line), cwd=folder, env=environment, stdout=PIPE, stderr=PIPE
    )
    async with asyncio.timeout(20):
        out, _ = await process.communicate()
    return process.returncode, out.decode()


@asynccontextmanager
async def following(
    file: Path, environment: dict[str, str], *options: str
) -> AsyncIterator[Process]:
    """Run the script; whatever happens, it ends."""
    process = await asyncio.create_subprocess_exec(
        *("bash", SCRIPT, f"green_api/{ID}", file, *options),
        env=environment,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


def content(file: Path) -> bytes | None:
    with suppress(FileNotFoundError):
        return file.read_bytes()
    return None


async def wait_for(file: Path, what: str | bytes | None) -> None:
    """Wait until the file holds this code, these bytes, or is not there."""

    async def there() -> bool | None:
        found = content(file)
        code = read_qr(found) if found and isinstance(what, str) else found
        return code == what or None

    await until(f"{file.name} is as wanted", there, seconds=15)


async def wait_for_code(file: Path, *, but: set[str]) -> str:
    """Wait until the file holds another code and return what it says."""

    async def there() -> str | None:
        found = content(file)
        code = read_qr(found) if found else None
        return None if code in but else code

    return await until(f"{file.name} is another code", there, seconds=15)


def test_the_page_has_the_lines_that_are_run_here() -> None:
    lines = blocks("mosquitto_sub.md", "sh")
    assert [line.split()[0] for line in lines] == [
        *(["mosquitto_sub"] * 3),
        "./qr-to-file.sh",
    ]


async def test_each_line_gives_the_picture_of_this_moment(
    environment: dict[str, str],
    entry: MockConfigEntry,
    instance: Instance,
    subscriber: Subscriber,
    tmp_path: Path,
) -> None:
    assert instance.id_instance == ID
    instance.scan()
    await subscriber.wait_for(
        lambda latest: latest[f"{ID}/qr/meta"].json["situation"] == "authorized"
    )
    picture, text, meta, _ = blocks("mosquitto_sub.md", "sh")
    still = entry.runtime_data.picture.png
    retained = picture.replace(" > ", " --retained-only > ")
    for line in (picture, retained, text):
        assert await run(line, tmp_path, environment) == (0, "")
        assert (tmp_path / "qr.png").read_bytes() == still
        (tmp_path / "qr.png").unlink()
    status, out = await run(meta, tmp_path, environment)
    assert status == 0
    assert '"situation": "authorized"' in out


async def test_a_living_code_is_there_for_who_comes_late(
    environment: dict[str, str], broker: Mosquitto, tmp_path: Path
) -> None:
    picture = blocks("mosquitto_sub.md", "sh")[0]
    async with Station(broker.port, id_instance=ID) as station:
        await station.say_code("code 1", 100)
        assert await run(picture, tmp_path, environment) == (0, "")
    assert read_qr((tmp_path / "qr.png").read_bytes()) == "code 1"


async def test_without_a_picture_the_line_gives_up_with_a_status_of_its_own(
    environment: dict[str, str], tmp_path: Path
) -> None:
    picture = blocks("mosquitto_sub.md", "sh")[0]
    line = picture.replace("-W 60", "--retained-only -W 1")
    assert line != picture
    assert await run(line, tmp_path, environment) == (TIMED_OUT, "")


async def test_the_script_follows_the_instance(
    environment: dict[str, str],
    entry: MockConfigEntry,
    instance: Instance,
    tmp_path: Path,
) -> None:
    file = tmp_path / "qr.png"
    async with following(file, environment) as script:
        codes: set[str] = set()
        # Each is renewed within the second.
        while len(codes) < 3:
            codes.add(await wait_for_code(file, but=codes))
        assert mode(file) == 0o600

        instance.scan()
        still = await wait_for_situation(entry, "authorized")
        await wait_for(file, still)
        script.terminate()
        assert await script.wait() == 143
    assert not [name for name in names(tmp_path) if "qr.png" in name]


def changed_at(folder: Path) -> datetime:
    """Return when a file came into a folder last, or left it."""
    return datetime.fromtimestamp(folder.stat().st_mtime, UTC)


def mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


async def wait_for_situation(entry: MockConfigEntry, situation: str) -> bytes:
    async def there() -> bytes | None:
        picture = entry.runtime_data.picture
        return picture.png if picture.situation == situation else None

    return await until(f"the instance is {situation}", there, seconds=15)


@pytest.mark.parametrize("options", [(), ("-V", "mqttv311")], ids=["5", "3.1.1"])
async def test_the_script_removes_a_code_before_it_dies(
    environment: dict[str, str],
    broker: Mosquitto,
    tmp_path: Path,
    options: tuple[str, ...],
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    file = folder / "qr.png"
    async with (
        Station(broker.port, id_instance=ID) as station,
        following(file, environment, *options),
    ):
        await station.say_code("code 1", 100)
        await wait_for(file, "code 1")
        end = await station.say_code("code 2", LIFE)
        await wait_for(file, "code 2")
        await broker.kill()
        await wait_for(file, None)
        assert changed_at(folder) < end

        await broker.start()
    async with (
        following(file, environment, *options),
        Station(broker.port, id_instance=ID) as station,
    ):
        await station.say_code("code 3", 100)
        await wait_for(file, "code 3")


async def test_the_script_removes_what_is_taken_back(
    environment: dict[str, str], broker: Mosquitto, tmp_path: Path
) -> None:
    file = tmp_path / "qr.png"
    async with (
        Station(broker.port, id_instance=ID) as station,
        following(file, environment),
    ):
        await station.say_code("code 1", 100)
        await wait_for(file, "code 1")
        await station.say("qr/availability", "offline")
        await wait_for(file, None)
        still = await station.say_still("authorized")
        await wait_for(file, still)
        await station.clear()
        await wait_for(file, None)


async def test_the_script_comes_back_with_the_broker(
    environment: dict[str, str], broker: Mosquitto, tmp_path: Path
) -> None:
    file = tmp_path / "qr.png"
    async with following(file, environment):
        async with Station(broker.port, id_instance=ID) as station:
            await station.say_code("code 1", 100)
            await wait_for(file, "code 1")
        await broker.stop()
        await broker.start()
        async with Station(broker.port, id_instance=ID) as station:
            await station.say_code("code 2", 100)
            await wait_for(file, "code 2")


async def test_the_script_tells_how_it_is_used(environment: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        "bash", SCRIPT, "green_api/1", env=environment, stderr=PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert b"qr-to-file.sh TOPIC FILE" in errors


async def test_the_script_tells_that_mosquitto_sub_is_missing(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("dirname", "bash"):
        (tmp_path / "bin" / name).symlink_to(f"/usr/bin/{name}")
    process = await asyncio.create_subprocess_exec(
        *("/usr/bin/env", "bash", SCRIPT, "green_api/1", tmp_path / "qr.png"),
        env={"PATH": str(tmp_path / "bin")},
        stderr=PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert errors == b"There is no mosquitto_sub here: install Mosquitto's clients.\n"
