"""The login session: fetch codes while somebody may scan them."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from math import inf
from typing import Any

from homeassistant.util import dt as dt_util

from .api.client import GreenApiClient
from .api.errors import CredentialsRejected, GreenApiError
from .api.models import (
    AlreadyAuthorized,
    CodeReceived,
    Messenger,
    PasswordRequired,
    ScanEvent,
    ScanFailed,
    ScanFailure,
)
from .api.scan import RHYTHMS, poll_scan_events
from .backoff import backoff
from .const import LOGIN_PAUSE, LOGIN_WINDOW, REFETCH_TIME
from .snapshot import LoginCode, LoginPhase, LoginProgress


class LoginSession:
    """Run the login windows of one instance, one at a time.

    A window is followed by a pause in which nothing is asked. All callbacks run
    in the event loop.
    """

    def __init__(
        self,
        client: GreenApiClient,
        messenger: Messenger,
        *,
        create_task: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        on_progress: Callable[[LoginProgress], None],
        on_state_suspected: Callable[[], None],
    ) -> None:
        """Take the callbacks.

        `on_state_suspected` is called when an answer begins to hint at another
        state of the instance than `notAuthorized`.
        """
        self._client = client
        self._rhythm = RHYTHMS[messenger]
        self._create_task = create_task
        self._on_progress = on_progress
        self._on_state_suspected = on_state_suspected
        self.progress = LoginProgress()
        self._sequence = 0
        self._task: asyncio.Task[None] | None = None
        self._code_timer: asyncio.TimerHandle | None = None
        self._window_ends = -inf
        self._closed = False

    @property
    def active(self) -> bool:
        """Return whether a window is open, or opens as soon as it may run."""
        running = self._task is not None and not self._task.done()
        now = asyncio.get_running_loop().time()
        return running and not self._window_ends <= now < self._pause_ends

    @property
    def _pause_ends(self) -> float:
        return self._window_ends + LOGIN_PAUSE.total_seconds()

    def request(self) -> None:
        """Open a window, as soon as a running pause is over."""
        if self._closed:
            return
        if self._task is None or self._task.done():
            self._task = self._create_task(self._run_window())

    def look(self) -> None:
        """Take note that somebody looks, which requests a window."""
        now = asyncio.get_running_loop().time()
        if now >= self._window_ends + REFETCH_TIME.total_seconds():
            self.request()

    def stop(
        self, phase: LoginPhase = LoginPhase.IDLE, *, finished: bool = False
    ) -> None:
        """End the window, take the code back and stand in the phase given.

        Unless the login is finished, the next request goes on with what is left of
        the window: a flapping state must not ask for codes without a pause. Nothing
        is reported: the caller knows, and has more to say in the same snapshot.
        """
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if finished:
            self._window_ends = -inf
        self._time_code(None)
        self.progress = LoginProgress(phase)

    def close(self) -> None:
        """Stop for good."""
        self._closed = True
        self.stop()

    async def _run_window(self) -> None:
        loop = asyncio.get_running_loop()
        if (now := loop.time()) >= self._window_ends:
            await asyncio.sleep(max(0.0, self._pause_ends - now))
            self._window_ends = loop.time() + LOGIN_WINDOW.total_seconds()
        self._report(LoginProgress(LoginPhase.WAITING))
        try:
            async with asyncio.timeout_at(self._window_ends):
                await self._follow_codes()
        except TimeoutError:
            self._report(LoginProgress(LoginPhase.EXPIRED))

    async def _follow_codes(self) -> None:
        failures = 0
        while True:
            try:
                async with aclosing(
                    poll_scan_events(self._client, self._rhythm)
                ) as events:
                    async for event in events:
                        failures = 0
                        self._take(event)
            except GreenApiError as err:
                failures += 1
                changed = self._report(replace(self.progress, problem=err.key))
                if changed and isinstance(err, CredentialsRejected):
                    self._on_state_suspected()
            await asyncio.sleep(backoff(failures))

    def _take(self, event: ScanEvent) -> None:
        match event:
            case CodeReceived(png):
                self._take_code(png)
            case PasswordRequired():
                if self._report(LoginProgress(LoginPhase.PASSWORD)):
                    self._on_state_suspected()
            case AlreadyAuthorized():
                if self._report(LoginProgress(LoginPhase.WAITING)):
                    self._on_state_suspected()
            case ScanFailed(ScanFailure.NEEDS_LOGOUT as reason):
                self._report(LoginProgress(LoginPhase.WAITING, problem=reason))
            case ScanFailed(reason):
                self._report(replace(self.progress, problem=reason))

    def _take_code(self, png: bytes) -> None:
        now = dt_util.utcnow()
        life = timedelta(seconds=self._rhythm.life)
        code = self.progress.code
        if code is None or code.png != png:
            self._sequence += 1
            code = LoginCode(png, self._sequence, now, now + life)
        elif code.expires_at - now < timedelta(seconds=self._rhythm.margin):
            # The cloud still gives this code, so it lives longer than usual.
            code = replace(code, expires_at=now + life)
        self._report(LoginProgress(LoginPhase.SHOWING, code))

    def _report(self, progress: LoginProgress) -> bool:
        """Pass on what changed, and let a code end with its life.

        Returns whether anything has changed.
        """
        if progress == self.progress:
            return False
        if progress.code != self.progress.code:
            self._time_code(progress.code)
        self.progress = progress
        self._on_progress(progress)
        return True

    def _time_code(self, code: LoginCode | None) -> None:
        if self._code_timer is not None:
            self._code_timer.cancel()
            self._code_timer = None
        if code is not None:
            left = (code.expires_at - dt_util.utcnow()).total_seconds()
            loop = asyncio.get_running_loop()
            self._code_timer = loop.call_later(left, self._drop_code)

    def _drop_code(self) -> None:
        self._code_timer = None
        self._report(LoginProgress(LoginPhase.WAITING, problem=self.progress.problem))
