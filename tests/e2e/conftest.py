"""What the end-to-end tests share: real processes on loopback, and a browser.

Home Assistant is the one of the environment that the tests themselves run in.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
import os
from pathlib import Path
import shutil
import sys

from playwright.async_api import Browser, BrowserContext, Page, expect
import psutil
import pytest
import pytest_asyncio
import pytest_socket

from demo.broker import BrokerKind
from demo.browser import open_browser, screenshot
from demo.stack import Settings, Stack, run_stack

ENVIRONMENT = Path(sys.prefix)

# The first start of Home Assistant in a new environment writes all bytecode.
_TIMEOUT = 300

# What an expectation waits for at most, in milliseconds: a busy machine is slow.
expect.set_options(timeout=20_000)

type NewPage = Callable[..., Awaitable[Page]]
type Shoot = Callable[[Page, str], Awaitable[Path]]


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "e2e: real processes; takes seconds, not ms")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder, and give it time."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(_TIMEOUT))


@pytest.fixture(autouse=True)
def _custom_integrations() -> None:
    """Do without a Home Assistant inside the test's process."""


@pytest.fixture(autouse=True)
def verify_cleanup() -> None:
    """Leave tasks and threads alone: several tests share running parts."""


@pytest.fixture(scope="module", autouse=True)
def _sockets_for_the_module() -> None:
    """Take back what keeps tests from the network, for the module's fixtures."""
    pytest_socket.enable_socket()


@pytest.fixture(autouse=True)
def _sockets() -> None:
    """Take it back again, since it is renewed before each test."""
    pytest_socket.enable_socket()


@pytest.fixture(scope="module", autouse=True)
def _no_process_left() -> Iterator[None]:
    """See that a module ends all that it has started."""
    before = set(psutil.Process().children(recursive=True))
    yield
    left = set(psutil.Process().children(recursive=True)) - before
    assert not left


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    """Run the demo's parts, with two instances set up."""
    settings = Settings(environment=ENVIRONMENT, broker=BrokerKind.MOSQUITTO)
    async with run_stack(settings) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Run Chromium."""
    async with open_browser() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def new_page(browser: Browser) -> AsyncIterator[NewPage]:
    """Return what opens an empty page with a profile of its own."""
    contexts: list[BrowserContext] = []

    async def make(
        *, width: int = 1280, height: int = 900, scale: int = 1, dark: bool = False
    ) -> Page:
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            device_scale_factor=scale,
            color_scheme="dark" if dark else "light",
            # Nothing waits for an animation, and other tests have more of the machine.
            reduced_motion="reduce",
        )
        contexts.append(context)
        return await context.new_page()

    yield make
    for context in contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def shoot(tmp_path: Path) -> Shoot:
    """Return what takes a screenshot, kept in $GREEN_API_SCREENSHOTS if set."""
    kept = os.environ.get("GREEN_API_SCREENSHOTS")

    async def take(page: Page, name: str) -> Path:
        path = tmp_path / f"{name}.png"
        path.write_bytes(await screenshot(page))
        if kept:
            _copy(path, Path(kept))
        return path

    return take


def _copy(path: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, folder)
