"""The login session: fetch codes while somebody may scan them."""

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import inf
from typing import Any, Final, Protocol

from homeassistant.util import dt as dt_util

from .api.client import GreenApiClient
from .api.errors import CredentialsRejected, GreenApiError
from .api.models import (
    Account,
    AccountLinked,
    AlreadyAuthorized,
    CodeReceived,
    Messenger,
    PasswordRequired,
    ScanEvent,
    ScanFailed,
    ScanFailure,
    ScanTimedOut,
)
from .api.scan import RHYTHMS, SOCKET_RHYTHM, CodeRhythm, poll_scan_events
from .backoff import backoff
from .const import (
    FIRST_CODE_TIME,
    LOGGER,
    LOGIN_BACKOFF_LONGEST,
    LOGIN_PAUSE,
    REFETCH_TIME,
    SOCKET_LEAST,
    SOCKET_RETRY,
    STATE_LAG,
)
from .snapshot import LoginCode, LoginPhase, LoginProgress

# For which the vendor documents codes by WebSocket.
_SOCKET_MESSENGERS: Final = frozenset({Messenger.WHATSAPP})


class LoginHost(Protocol):
    """Run a login session, and hear of what it finds out."""

    def run_soon(self, job: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a job in the background, not before the present step is done."""

    def take_progress(self, progress: LoginProgress) -> None:
        """Take where the login stands now."""

    def take_account(self, account: Account) -> None:
        """Take the account that has just been linked."""

    def suspect_state(self) -> None:
        """Take the hint that the instance is no longer `notAuthorized`."""


@dataclass(slots=True)
class LoginTimes:
    """Hold what outlives a session, in the event loop's time.

    They belong to the instance: a reload is no reason to ask for codes any longer.
    """

    window_ends: float = -inf
    began_at: datetime | None = None
    """When the login began that goes on, or went on until a reload."""

    held_until: float = -inf
    """Until when a code can be entered that came by phone."""

    reboots_at: float = -inf
    """When the instance bears a reboot again after a logout."""


class LoginSession:
    """Run the login windows of one instance, one at a time.

    A window is followed by a pause in which nothing is asked. A window without any
    code is followed by another one, because the first code can take longer. All
    calls come from and go to the event loop.
    """

    def __init__(  # noqa: PLR0913  what it runs by, and how long
        self,
        client: GreenApiClient,
        messenger: Messenger,
        host: LoginHost,
        *,
        times: LoginTimes,
        window: timedelta,
        always: bool,
    ) -> None:
        """Take who runs it; `always` lets window follow window by itself."""
        self._client = client
        self._messenger = messenger
        self._host = host
        self._window = window.total_seconds()
        self._always = always
        self.progress = LoginProgress()
        self._sequence = 0
        self._task: asyncio.Task[None] | None = None
        self._code_timer: asyncio.TimerHandle | None = None
        self._hold_timer: asyncio.TimerHandle | None = None
        self._times = times
        self._socket_at = -inf
        self._code_seen = False
        self._closed = False

    @property
    def active(self) -> bool:
        """Return whether a window is open, or opens as soon as it may run."""
        if self._hold_timer is not None:
            return True
        running = self._task is not None and not self._task.done()
        return running and not self._times.window_ends <= _now() < self._pause_ends

    @property
    def _pause_ends(self) -> float:
        return self._times.window_ends + LOGIN_PAUSE.total_seconds()

    def request(self) -> None:
        """Open a window, as soon as a running pause is over."""
        if self._closed:
            return
        if self._times.held_until > _now():
            if self._hold_timer is None:
                self._enter_hold(_moment(self._times.held_until))
            return
        self._leave_hold()
        if self._task is None or self._task.done():
            self._task = self._host.run_soon(self._run(), "login session")

    def demand(self) -> None:
        """Open a window for a person, who would rather have a QR than a code."""
        self._times.held_until = -inf
        self.request()

    def release(self, *, resume: bool) -> None:
        """Take a hold back, because no code came; go on with QRs or rest."""
        self._times.held_until = -inf
        self._leave_hold()
        if resume:
            self.request()
        elif not self._closed:
            self._report(
                LoginProgress(LoginPhase.EXPIRED, problem=self._lasting_problem)
            )

    def look(self) -> None:
        """Take note that somebody looks, which requests a window."""
        if _now() >= self._times.window_ends + REFETCH_TIME.total_seconds():
            self.request()

    def hold(self, life: timedelta) -> datetime:
        """Ask for no QR while a code that goes by phone can be entered.

        Returns when that is over. A QR's end may take the other code with it.
        """
        ends_at = dt_util.utcnow() + life
        self._times.held_until = _now() + life.total_seconds()
        if not self._closed:
            problem = self._lasting_problem
            self.stop()
            self._enter_hold(ends_at, problem)
        return ends_at

    def stop(
        self, phase: LoginPhase = LoginPhase.IDLE, *, finished: bool = False
    ) -> None:
        """End the window, take the code back and stand in the phase given.

        Unless the login is finished, the next request goes on with what is left of
        the window, or of the hold: a flapping state must not ask for codes without
        a pause, nor spoil a code that can be entered. Nothing is reported: the
        caller knows, and has more to say in the same snapshot.
        """
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._leave_hold()
        if not self._closed:
            self._times.began_at = None
        if finished:
            self._times.window_ends = self._times.held_until = -inf
        self._time_code(None)
        self.progress = LoginProgress(phase)

    def close(self) -> None:
        """Stop for good."""
        self._closed = True
        self.stop()

    def _enter_hold(self, ends_at: datetime, problem: str | None = None) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        left = self._times.held_until - _now()
        loop = asyncio.get_running_loop()
        self._hold_timer = loop.call_later(left, self._end_hold)
        self._report(
            LoginProgress(
                LoginPhase.PHONE_CODE,
                problem=problem,
                began_at=dt_util.utcnow(),
                ends_at=ends_at,
            )
        )
        self._host.suspect_state()

    def _leave_hold(self) -> None:
        if self._hold_timer is not None:
            self._hold_timer.cancel()
            self._hold_timer = None

    def _end_hold(self) -> None:
        self._hold_timer = None
        self._report(LoginProgress(LoginPhase.EXPIRED, problem=self._lasting_problem))
        if self._always:
            self.request()

    async def _run(self) -> None:
        began = _now()
        began_at = self._times.began_at
        if began_at is None or began >= self._times.window_ends:
            began_at = self._times.began_at = dt_util.utcnow()
        while True:
            if (now := _now()) >= self._times.window_ends:
                if (pause := self._pause_ends - now) > 0:
                    self._report(self._waiting(began_at))
                    await asyncio.sleep(pause)
                self._times.window_ends = _now() + self._window
                self._code_seen = False
            ends_at = _moment(self._times.window_ends)
            self._report(replace(self._waiting(began_at), ends_at=ends_at))
            # A scan is to be seen soon: the state is polled faster from now on.
            self._host.suspect_state()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._times.window_ends):
                    await self._follow_codes()
            if not self._goes_on(began):
                break
        # Also where a password is wanted: who looks will be told again.
        self._report(LoginProgress(LoginPhase.EXPIRED, problem=self._lasting_problem))

    def _waiting(self, began_at: datetime) -> LoginProgress:
        return LoginProgress(
            LoginPhase.WAITING, problem=self._lasting_problem, began_at=began_at
        )

    def _goes_on(self, began: float) -> bool:
        """Return whether a window follows that nobody has to ask for."""
        if self._always:
            return True
        waited = _now() - began
        return (
            not self._code_seen
            and self._lasting_problem is None
            and waited < FIRST_CODE_TIME.total_seconds()
        )

    @property
    def _lasting_problem(self) -> str | None:
        """Return the problem if it is one that no window ends."""
        problem = self.progress.problem
        return problem if problem == ScanFailure.NEEDS_LOGOUT else None

    @property
    def _socket_due(self) -> bool:
        return self._messenger in _SOCKET_MESSENGERS and _now() >= self._socket_at

    async def _follow_codes(self) -> None:
        """Take codes by WebSocket where it can be had, else by asking for them."""
        rhythm = RHYTHMS[self._messenger]
        failures = 0
        while True:
            if self._socket_due:
                await self._follow_socket()
            try:
                async with aclosing(poll_scan_events(self._client, rhythm)) as events:
                    async for event in events:
                        self._take(event, rhythm)
                        if not isinstance(event, ScanFailed):
                            failures = 0
                            continue
                        failures += 1
                        if self._socket_due and self.progress.code is None:
                            break
                        await asyncio.sleep(backoff(failures, LOGIN_BACKOFF_LONGEST))
            except GreenApiError as err:
                failures += 1
                changed = self._name_problem(err.key)
                if changed and isinstance(err, CredentialsRejected):
                    self._host.suspect_state()
            await asyncio.sleep(backoff(failures, LOGIN_BACKOFF_LONGEST))

    async def _follow_socket(self) -> None:
        """Take codes by WebSocket as long as one session leads to the next.

        What goes wrong is no problem yet: the codes come by asking then.
        """
        goes_on = True
        while goes_on:
            goes_on = code_seen = linked = False
            began = _now()
            try:
                async with aclosing(self._client.scan_socket()) as events:
                    async for event in events:
                        self._take(event, SOCKET_RHYTHM)
                        code_seen |= isinstance(event, CodeReceived)
                        timed_out = isinstance(event, ScanTimedOut) and code_seen
                        goes_on = timed_out and _now() - began > SOCKET_LEAST
                        linked = isinstance(event, (AccountLinked, AlreadyAuthorized))
            except GreenApiError as err:
                LOGGER.debug("No codes by WebSocket for now: %s", err)
        self._socket_at = _now() + SOCKET_RETRY.total_seconds()
        if linked:
            # The state, which is being asked for, will end the window.
            await asyncio.sleep(STATE_LAG.total_seconds())

    def _take(self, event: ScanEvent, rhythm: CodeRhythm) -> None:
        match event:
            case CodeReceived(png):
                self._take_code(png, rhythm)
            case PasswordRequired():
                self._code_seen = True  # and scanned, as it seems
                if self._report(self._progress(LoginPhase.PASSWORD)):
                    self._host.suspect_state()
            case AlreadyAuthorized():
                if self._report(self._progress(LoginPhase.WAITING)):
                    self._host.suspect_state()
            case AccountLinked(account):
                self._report(self._progress(LoginPhase.WAITING))
                self._host.take_account(account)
                self._host.suspect_state()
            case ScanFailed(ScanFailure.NEEDS_LOGOUT as reason):
                self._report(self._progress(LoginPhase.WAITING, reason))
            case ScanFailed(reason, text):
                self._name_problem(reason, text)
            case ScanTimedOut():
                # The next session brings the next code.
                pass

    def _progress(self, phase: LoginPhase, problem: str | None = None) -> LoginProgress:
        """Return another phase of the present window."""
        return replace(
            self.progress, phase=phase, code=None, problem=problem, detail=None
        )

    def _name_problem(self, problem: str, detail: str | None = None) -> bool:
        """Name what passes; it hides nothing that does not, and ends no code.

        Returns whether anything has changed.
        """
        if self._lasting_problem is not None:
            return False
        return self._report(replace(self.progress, problem=problem, detail=detail))

    def _take_code(self, png: bytes, rhythm: CodeRhythm) -> None:
        now = dt_util.utcnow()
        life = timedelta(seconds=rhythm.life)
        code = self.progress.code
        if code is None or code.png != png:
            self._sequence += 1
            code = LoginCode(png, self._sequence, now, now + life)
        elif code.expires_at - now < timedelta(seconds=rhythm.margin):
            # The cloud still gives this code, so it lives longer than usual.
            code = replace(code, expires_at=now + life)
        self._code_seen = True
        self._report(replace(self._progress(LoginPhase.SHOWING), code=code))

    def _report(self, progress: LoginProgress) -> bool:
        """Pass on what changed, and let a code end with its life.

        Returns whether anything has changed.
        """
        if progress == self.progress:
            return False
        if progress.code != self.progress.code:
            self._time_code(progress.code)
        self.progress = progress
        self._host.take_progress(progress)
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
        progress = self._progress(LoginPhase.WAITING, self.progress.problem)
        self._report(replace(progress, detail=self.progress.detail))


def _now() -> float:
    return asyncio.get_running_loop().time()


def _moment(loop_time: float) -> datetime:
    """Return the wall time of a time of the event loop."""
    return dt_util.utcnow() + timedelta(seconds=loop_time - _now())
