"""The benchmarks can be run: they end well and have something to show."""

import asyncio
from asyncio.subprocess import PIPE
import re

import pytest

from demo.places import ROOT
from tests.e2e.conftest import ENVIRONMENT

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOGINS = ("WebSocket login", "HTTP login, WhatsApp without WebSocket", "HTTP login")
CARDS = (
    "green-api-card",
    "picture-entity, image",
    "picture-entity, camera live",
    "picture-entity, camera auto",
)
RESTS = ("webhook", "queue", "poll every 2 s")


async def bench(*arguments: str) -> tuple[int | None, str, str]:
    """Return the exit code, the output and the errors of the command."""
    process = await asyncio.create_subprocess_exec(
        ROOT / "scripts" / "bench", *arguments, stdout=PIPE, stderr=PIPE
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    return process.returncode, out.decode(), err.decode()


async def test_latency_has_a_row_for_each_way() -> None:
    code, out, err = await bench(
        "latency",
        *("--environment", str(ENVIRONMENT)),
        *("--repeat", "1", "--poll", "2", "--rest", "0"),
    )
    assert code == 0, err
    table = out.partition("\n\n")[2]
    measured = r".*  1( +\d+\.\d\d){3} +-$"
    for what, ways in (
        ("linked by a QR shown here", LOGINS),
        ("linked elsewhere", RESTS),
        ("link lost", RESTS),
    ):
        for way in ways:
            assert re.search(f"^{what} +{way}{measured}", table, re.MULTILINE), out


async def test_pixels_has_a_row_for_each_card() -> None:
    code, out, err = await bench(
        "pixels", "--environment", str(ENVIRONMENT), "--repeat", "1"
    )
    assert code == 0, err
    table = out.partition("\n\n")[2]
    for way in (r"WebSocket \(WhatsApp\)", r"HTTP \(Telegram\)"):
        for card in CARDS:
            line = rf"^{way} +{card} +1( +\d+){{3}}$"
            assert re.search(line, table, re.MULTILINE), out


async def test_cost_has_a_row_for_each_situation() -> None:
    code, out, err = await bench(
        "cost",
        *("--environment", str(ENVIRONMENT)),
        *("--instances", "1", "--seconds", "2"),
    )
    assert code == 0, err
    table = out.partition("\n\n")[2]
    for situation, who in (
        ("login by WebSocket", "integration"),
        ("login by HTTP", "integration"),
        ("login by HTTP", "bare relay"),
        ("linked", "integration"),
        ("linked", "bare relay"),
    ):
        line = rf"^{situation} +{who} +-?\d+( +\d+\.\d){{2}}$"
        assert re.search(line, table, re.MULTILINE), out
    # What asks once a second has asked.
    asked = re.search(r"^login by HTTP +bare relay +-?\d+ +(\d+)", table, re.MULTILINE)
    assert asked
    assert int(asked[1]) >= 30


async def test_without_a_name_it_lists_what_there_is() -> None:
    code, out, _ = await bench()
    assert code == 0
    for line in ("latency +from the phone's scan", "pixels +from", "cost +what an"):
        assert re.search(f"^{line}", out, re.MULTILINE)


@pytest.mark.parametrize("number", ["0", "-1", "many"])
async def test_number_that_makes_no_sense_is_refused(number: str) -> None:
    code, _, err = await bench("latency", "--repeat", number)
    assert code == 2
    assert f"'{number}' is not a whole number above 0" in err
