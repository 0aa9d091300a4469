"""Wait for what happens instead of sleeping; make short what only takes time."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED
from homeassistant.const import MATCH_ALL
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
import pytest

from custom_components.green_api.api.client import GreenApiClient
from custom_components.green_api.api.models import Messenger
from custom_components.green_api.api.scan import RHYTHMS, CodeRhythm
from custom_components.green_api.const import CONF_LOGIN_WINDOW, DEFAULT_OPTIONS, DOMAIN
from custom_components.green_api.coordinator import GreenApiCoordinator
from custom_components.green_api.snapshot import LoginCode, LoginPhase

BOUND = 10.0

# Long enough that no code dies of a busy machine, unless a test wants it to.
LONG_LIFE = 60.0


async def wait_until(
    hass: HomeAssistant, predicate: Callable[[], object], *, bound: float = BOUND
) -> None:
    """Return when the predicate holds; raises TimeoutError after `bound` seconds.

    It is looked at again with every event of Home Assistant, every change of a
    config entry and every snapshot of the entries that are loaded at the call.
    """
    changed = asyncio.Event()

    @callback
    def wake(*_: object) -> None:
        changed.set()

    @callback
    def wake_by_event(_event: Event) -> None:
        changed.set()

    stops = [
        hass.bus.async_listen(MATCH_ALL, wake_by_event),
        async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, wake),
        *(
            entry.runtime_data.async_add_listener(wake)
            for entry in hass.config_entries.async_loaded_entries(DOMAIN)
        ),
    ]
    try:
        async with asyncio.timeout(bound):
            while not predicate():
                changed.clear()
                await changed.wait()
    finally:
        for stop in stops:
            stop()


async def code_of(
    hass: HomeAssistant, coordinator: GreenApiCoordinator, sequence: int = 1
) -> LoginCode:
    """Wait for a code, at least the one of this number, and return it."""

    def there() -> bool:
        code = coordinator.data.login.code
        return code is not None and code.sequence >= sequence

    await wait_until(hass, there)
    code = coordinator.data.login.code
    assert code is not None
    assert coordinator.data.login.phase is LoginPhase.SHOWING
    return code


def lift_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow any number of requests a second, here and in the cloud."""
    limiter = "custom_components.green_api.api.limiter"
    monkeypatch.setattr(f"{limiter}.RATES", {})
    monkeypatch.setattr(f"{limiter}.DEFAULT_RATE", 1e6)
    monkeypatch.setattr(f"{limiter}.ARRIVAL_JITTER", 0.0)
    monkeypatch.setattr("simulator.limits._WINDOW", 0.0)


def shorten_backoff(monkeypatch: pytest.MonkeyPatch, seconds: float = 0.05) -> None:
    """Try again so soon after a failure, however many there were."""
    monkeypatch.setattr("custom_components.green_api.backoff.BACKOFF_FIRST", seconds)
    monkeypatch.setattr("custom_components.green_api.backoff.BACKOFF_LONGEST", seconds)
    monkeypatch.setattr(
        "custom_components.green_api.login.LOGIN_BACKOFF_LONGEST", seconds
    )


def allow_short_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let session follow session however short it was, as where time is pushed on."""
    monkeypatch.setattr("custom_components.green_api.login.SOCKET_LEAST", -1.0)


def refuse_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Get codes by asking for them only."""
    login = "custom_components.green_api.login"
    monkeypatch.setattr(f"{login}._SOCKET_MESSENGERS", frozenset())


def set_rhythm(
    monkeypatch: pytest.MonkeyPatch,
    *,
    poll: float = 0.05,
    renewal: float = LONG_LIFE,
    slow_answer: float = 0.5,
) -> None:
    """Let every messenger be asked for codes, in this rhythm.

    For entries that are set up afterwards.
    """
    refuse_sockets(monkeypatch)
    rhythm = CodeRhythm(poll=poll, renewal=renewal)
    for messenger in Messenger:
        monkeypatch.setitem(RHYTHMS, messenger, rhythm)
    scan = "custom_components.green_api.api.scan"
    monkeypatch.setattr(f"{scan}.SLOW_ANSWER", slow_answer)


def forgive_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the first failed request for an outage."""
    coordinator = "custom_components.green_api.coordinator"
    monkeypatch.setattr(f"{coordinator}.OUTAGE_GRACE", timedelta(0))


def shorten_window(
    monkeypatch: pytest.MonkeyPatch,
    *,
    window: float,
    pause: float,
    refetch: float = 0.0,
) -> None:
    """Let login windows and what follows them last so many seconds.

    For entries that are made afterwards. No window follows another by itself.
    """
    monkeypatch.setitem(DEFAULT_OPTIONS, CONF_LOGIN_WINDOW, window / 60)
    login = "custom_components.green_api.login"
    monkeypatch.setattr(f"{login}.FIRST_CODE_TIME", timedelta(0))
    monkeypatch.setattr(f"{login}.REFETCH_TIME", timedelta(seconds=refetch))
    monkeypatch.setattr(f"{login}.LOGIN_PAUSE", timedelta(seconds=pause))


def shorten_answer_timeout(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Wait only so long for an answer of the cloud."""
    defaults = GreenApiClient._request.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "limit", seconds)
    monkeypatch.setattr("custom_components.green_api.api.client.CODE_TIMEOUT", seconds)
