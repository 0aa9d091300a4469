"""The demo's command: the round by itself, clear errors, nothing left behind."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import os
from pathlib import Path
import re
import signal
import socket

import psutil
import pytest

from custom_components.green_api.const import DEFAULT_OPTIONS, MINOR_VERSION
from demo import storage
from demo.hass_client import HomeAssistantClient
from demo.instances import INSTANCES, DemoInstance
from demo.logs import complaints, leaks
from demo.places import ROOT
from demo.waiting import until
from simulator.control import ControlClient
from tests.e2e.conftest import ENVIRONMENT

pytestmark = pytest.mark.asyncio(loop_scope="module")

PYTHON = ENVIRONMENT / "bin" / "python"
READY = "Ctrl-C ends everything"
FREE_PORTS = (
    *("--port-ha", "0", "--port-phone", "0"),
    *("--port-broker", "0", "--port-websocket", "0"),
)


@asynccontextmanager
async def demo(*arguments: str, home: Path = ENVIRONMENT) -> AsyncIterator[Process]:
    """Run the demo's command, with the Home Assistant of an environment."""
    process = await asyncio.create_subprocess_exec(
        PYTHON,
        *("-m", "demo", "--environment", str(home), *arguments),
        cwd=ROOT,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


async def run(*arguments: str, home: Path = ENVIRONMENT) -> tuple[int, str, str]:
    """Return the exit code, the output and the errors of the demo's command."""
    async with demo(*arguments, home=home) as process:
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()


async def read_until(process: Process, text: str) -> list[str]:
    """Return the lines of the output up to the one with the text."""
    assert process.stdout
    lines: list[str] = []
    async with asyncio.timeout(200):
        while not lines or text not in lines[-1]:
            line = await process.stdout.readline()
            assert line, f"it ended before {text!r}: {lines}"
            lines.append(line.decode())
    return lines


def children(process: Process) -> list[psutil.Process]:
    return list(psutil.Process(process.pid).children(recursive=True))


async def both(process: Process) -> list[psutil.Process] | None:
    """Return the broker's and Home Assistant's processes once they are there."""
    started = children(process)
    return started if len(started) == 2 else None


@pytest.mark.parametrize("broker", ["mosquitto", "embedded"])
async def test_check_plays_the_whole_round(broker: str) -> None:
    code, out, err = await run("--check", "--broker", broker)
    assert (code, err) == (0, "")
    assert out.count("one QR on camera, image and MQTT") == len(INSTANCES)
    assert out.count("after the scan: the automation's notification") == len(INSTANCES)
    assert out.count("after green_api.logout: another QR") == len(INSTANCES)
    assert out.endswith("All as it should be.\n")


async def test_entries_are_those_that_a_set_up_makes() -> None:
    instance = DemoInstance(id_instance="1101000001", messenger="MAX", token="abc")
    entry = storage.instance_entry(instance, "http://127.0.0.1", {})
    defaults = {**DEFAULT_OPTIONS, "mqtt": "state_and_qr"}
    assert (entry["version"], entry["minor_version"]) == (1, MINOR_VERSION)
    assert entry["options"] == defaults


async def test_check_fails_with_the_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    async with demo("--check", "--port-phone", str(port)) as process:
        await read_until(process, "Starting Home Assistant")
        async with ControlClient(f"http://127.0.0.1:{port}") as phone:
            # The cloud says so for ever, whatever is scanned.
            await phone.add_fault(
                "state", state="notAuthorized", method="getStateInstance"
            )
        out, err = await process.communicate()
        assert process.returncode == 1
    # Whichever of the two that are waited for is the first to give up.
    assert re.search(
        rb"5 s in vain (until sensor\.whatsapp_1101000001_state is authorized; it is"
        rb"|for authorized on green_api/1101000001/state; it has) not_authorized",
        err,
    )
    assert b"All as it should be" not in out


async def test_check_would_find_complaints_and_tokens_in_the_log() -> None:
    at = "2026-11-21 20:35:51.022+00:00"
    ours = f"{at} ERROR (MainThread) [homeassistant] Failed\n  green_api/camera.py\n"
    blocking = f"{at} WARNING (Sync) [asyncio_] Detected by integration 'green_api'\n"
    log = (
        f"{at} WARNING (Sync_0) [homeassistant.loader] We found green_api"
        " which has not been tested by Home Assistant\n"
        f"{at} ERROR (MainThread) [haffmpeg.core] FFmpeg fails\n"
        f"{at} DEBUG (MainThread) [custom_components.green_api] abc123\n"
        f"{ours}{blocking}{ours}"
    )
    assert complaints(log) == [ours.rstrip(), blocking.rstrip()]
    assert leaks(log, ["abc123"]) == 1
    assert leaks(log, ["abc124"]) == 0


@pytest.mark.parametrize(
    "option", ["--port-ha", "--port-phone", "--port-broker", "--port-websocket"]
)
async def test_taken_port_is_named_with_its_option(option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = await run(*FREE_PORTS, option, str(port))
    assert (code, out) == (1, "")
    assert f"error: port {port} is taken" in err
    assert f"choose another one with {option}, or 0" in err


async def test_one_port_for_two_parts_is_refused() -> None:
    code, _, err = await run("--port-ha", "18123", "--port-phone", "18123")
    assert code == 1
    assert "--port-ha and --port-phone are both 18123" in err


async def test_folder_to_keep_must_be_empty(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    code, _, err = await run(*FREE_PORTS, "--keep", str(tmp_path))
    assert code == 1
    assert f"the folder {tmp_path} is not empty" in err
    assert os.listdir(tmp_path) == ["something"]  # noqa: PTH208  no blocking worth it


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_signal_during_the_start_leaves_no_process(
    number: signal.Signals, tmp_path: Path
) -> None:
    async with demo(*FREE_PORTS, "--keep", str(tmp_path)) as process:
        await read_until(process, "Starting Home Assistant")
        started = await until("both run", lambda: both(process), seconds=30)
        process.send_signal(number)
        await process.communicate()
        assert process.returncode == 130
    assert not [child for child in started if child.is_running()]


async def test_second_ctrl_c_ends_it_at_once() -> None:
    async with demo(*FREE_PORTS) as process:
        await read_until(process, READY)
        started = children(process)
        assert len(started) == 2
        process.send_signal(signal.SIGINT)
        await read_until(process, "Stopping Home Assistant")
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(5):
            await process.communicate()
        assert process.returncode == 130
    assert not [child for child in started if child.is_running()]


async def test_failing_home_assistant_is_reported_and_leaves_no_process(
    tmp_path: Path,
) -> None:
    program = tmp_path / "bin" / "hass"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho broken here >&2\nexit 7\n")
    program.chmod(0o755)
    folder = tmp_path / "kept"
    code, _, err = await run(*FREE_PORTS, "--keep", str(folder), home=tmp_path)
    assert code == 1
    assert "Home Assistant ended with exit code 7:\n  | broken here" in err
    assert (folder / "broker" / "mosquitto.log").exists()
    assert not [item for item in psutil.process_iter() if _speaks_of(item, folder)]


async def test_running_demo_shows_messages_restarts_and_ends() -> None:
    async with demo(*FREE_PORTS) as process:
        lines = await read_until(process, READY)
        url = next(line.split()[-1] for line in lines if "Home Assistant  " in line)
        shown = await read_until(process, "green_api/1101000001/qr/availability  onl")
        assert any("1101000001/qr/image  PNG, " in line for line in shown)
        assert any("(retained, expires in " in line for line in shown)
        started = children(process)
        async with HomeAssistantClient(url) as client:
            await client.call("call_service", domain="homeassistant", service="restart")
        await read_until(process, "Starting Home Assistant anew")
        await read_until(process, "ready after")
        started = [*{*started, *children(process)}]
        process.send_signal(signal.SIGINT)
        out, _ = await process.communicate()
        assert process.returncode == 130
        assert out.decode().endswith("Ended.\n")
    assert not [child for child in started if child.is_running()]


def _speaks_of(process: psutil.Process, folder: Path) -> bool:
    try:
        return any(str(folder) in word for word in process.cmdline())
    except psutil.Error:
        return False
