"""The simulator as a process of its own."""

import asyncio
from contextlib import asynccontextmanager
import re
import signal
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from simulator.control import ControlClient

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncGenerator

pytestmark = pytest.mark.usefixtures("socket_enabled")


@asynccontextmanager
async def running(*options: str) -> AsyncGenerator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "simulator",
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def address(process: Process) -> str:
    assert process.stdout
    line = (await process.stdout.readline()).decode()
    found = re.fullmatch(r"The simulated phone: (http://127\.0\.0\.1:\d+)/\n", line)
    assert found
    return found[1]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
async def test_it_starts_with_an_instance_of_each_messenger_and_ends_cleanly(
    ending: signal.Signals,
) -> None:
    async with running("--port", "0", "--speed", "50") as process:
        async with ControlClient(await address(process)) as control:
            instances = await control.instances()
        assert [(item["id_instance"], item["title"]) for item in instances] == [
            ("1101000001", "WhatsApp"),
            ("4100000001", "Telegram"),
            ("3100000001", "MAX"),
        ]
        assert len({item["token"] for item in instances}) == 3
        process.send_signal(ending)
        _, errors = await process.communicate()
        assert (process.returncode, errors) == (0, b"")


async def test_it_can_start_empty() -> None:
    async with (
        running("--port", "0", "--empty") as process,
        ControlClient(await address(process)) as control,
    ):
        assert await control.instances() == []


async def test_a_taken_port_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with running("--port", str(port)) as process:
            output, errors = await process.communicate()
    assert process.returncode == 1
    assert output == b""
    assert errors.decode() == (
        f"simulator: port {port} is taken; choose another one with --port\n"
    )


async def test_a_foreign_address_is_said_in_one_line() -> None:
    async with running("--port", "0", "--host", "192.0.2.1") as process:
        _, errors = await process.communicate()
    assert process.returncode == 1
    assert errors == b"simulator: 192.0.2.1 is no address of this machine\n"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "required: --port"),
        (["--port", "70000"], "'70000' is no port"),
        (["--port", "-1"], "'-1' is no port"),
        (["--port", "http"], "'http' is no port"),
        (["--port", "0", "--speed", "0"], "'0' is no speed"),
        (["--port", "0", "--speed", "fast"], "'fast' is no speed"),
        (["--port", "0", "--host", ""], "give a host"),
    ],
)
async def test_bad_options_are_explained(options: list[str], reason: str) -> None:
    async with running(*options) as process:
        _, errors = await process.communicate()
    assert process.returncode == 2
    assert reason in errors.decode()
