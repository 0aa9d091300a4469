"""The states of an instance, as time and the vendor API move them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
import math
from typing import TYPE_CHECKING

from .account import Account
from .ask_limit import AskLimit
from .changes import Changes
from .errors import BadInputError, RejectedError
from .login_codes import LoginCodes
from .messenger import Messenger, State
from .qr import Code
from .settings import Settings
from .timing import Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from .clock import Clock, Handle
    from .notifications import Notifications

_SUSPENSION = 24 * 3600.0


@dataclass(kw_only=True)
class StateMachine:
    """What an instance is without the person and the phone.

    All changes go through the methods, each counted in ``changed``.
    """

    id_instance: str
    token: str = field(repr=False)
    messenger: Messenger
    account: Account
    clock: Clock
    timing: Timing = field(default_factory=Timing)
    settings: Settings = field(default_factory=Settings)
    changed: Changes = field(default_factory=Changes)
    notifications: Notifications = field(init=False, repr=False)
    state: State | None = field(default=None, init=False)
    """None while a new instance comes up."""
    suspended_until: datetime | None = field(default=None, init=False)
    stale_credentials: bool = field(default=False, init=False)
    """Old credentials are in the way of every login until a logout."""
    closed: bool = field(default=False, init=False)
    """Deleted, or the cloud is down for good."""
    _codes: LoginCodes = field(init=False, repr=False)
    _ask_limit: AskLimit = field(init=False, repr=False)
    _resume: State = field(default=State.NOT_AUTHORIZED, init=False)
    """The state that follows ``starting``."""
    _timer: Handle | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the parts, but for the notifications."""
        self._codes = LoginCodes(self.messenger.profile, self.clock, self.changed)
        self._ask_limit = AskLimit(self.clock, self._get_stuck)
        self._ask_limit.set_limit(self.timing.ask_limit)

    @property
    def code(self) -> Code | None:
        """Return the live login code, if there is one."""
        return self._codes.live

    @property
    def payload(self) -> str | None:
        """Return what the live login code says, if there is one."""
        return self.code.payload if self.code else None

    def start(self, state: State) -> None:
        """Come up: at once, or after ``timing.start``."""
        self._resume = state
        if self.timing.start:
            self._schedule(self.timing.start, lambda: self._enter(state))
        else:
            self._enter(state)

    def close(self) -> None:
        """Stop every timer and task, and let go whoever waits."""
        self.closed = True
        self._stop_timer()
        self._codes.stop()
        self._ask_limit.close()
        self.notifications.close()
        self.changed.notify()

    def request_code(self) -> Code | None:
        """Give the code that a qr request gets; None while not ready."""
        if self.state is not State.NOT_AUTHORIZED:
            return None
        self._ask_limit.asked()
        return self._codes.request()

    def asking(self) -> AbstractContextManager[None]:
        """Count as asking for codes all the time, as an open socket does."""
        return self._ask_limit.held()

    def logout(self) -> None:
        """Log out by the vendor API. Raises RejectedError while starting."""
        self.require_started()
        self.stale_credentials = False
        self._enter(State.NOT_AUTHORIZED)

    def reboot(self) -> None:
        """Restart by the vendor API, then come back to the state before.

        A yellow card is cured. Raises RejectedError while the instance is new.
        """
        if self.state is None:
            self.require_started()
        if self.state is State.YELLOW_CARD:
            self._resume = State.AUTHORIZED
        elif self.state not in {None, State.STARTING}:
            self._resume = State(self.state)
        self._restart(self.timing.reboot)

    def set_state(self, state: State | str | None) -> None:
        """Put the instance into a state. Raises BadInputError for an unknown one."""
        try:
            wanted = None if state is None else State(state)
        except ValueError:
            msg = f"state must be null or one of {', '.join(State)}"
            raise BadInputError(msg) from None
        if wanted is State.STARTING and self.state not in {None, State.STARTING}:
            self._resume = State(self.state)
        self._enter(wanted)

    def set_suspended_until(self, seconds: float) -> None:
        """Suspend the account for so many of the clock's seconds from now.

        Raises BadInputError unless that is a number above 0.
        """
        if not (math.isfinite(seconds) and seconds > 0):
            msg = "seconds must be a number above 0"
            raise BadInputError(msg)
        self._enter(State.SUSPENDED)
        self._suspend(seconds)
        self.changed.notify()

    def set_stale_credentials(self, *, stale: bool) -> None:
        """Leave the instance with credentials that are no use, or clear them.

        Either way it is notAuthorized afterwards.
        """
        self.stale_credentials = stale
        self._enter(State.NOT_AUTHORIZED)

    def set_timing(self, timing: Timing) -> None:
        """Change how long things take from now on."""
        self.timing = timing
        self._ask_limit.set_limit(timing.ask_limit)
        self.changed.notify()

    def set_settings(self, values: Mapping[str, object]) -> None:
        """Change some settings, at once. Raises BadInputError."""
        self.settings = self.settings.change(values)
        self.notifications.settings_changed()
        self.changed.notify()

    async def wait_for_state(self, state: State | str | None) -> None:
        """Wait until the instance is in a state."""
        while self.state != state:
            await self.changed.wait()

    def require_started(self) -> None:
        """Raise RejectedError while the instance comes up or is ``starting``."""
        if self.state in {None, State.STARTING}:
            msg = "instance in starting process try later"
            raise RejectedError(msg)

    def _get_stuck(self) -> None:
        if self.state is State.NOT_AUTHORIZED:
            self.set_state(State.STARTING)

    def _restart(self, seconds: float) -> None:
        resume = self._resume
        if not seconds:
            self._enter(resume)
            return
        self._enter(State.STARTING)
        self._schedule(seconds, lambda: self._enter(resume))

    def _enter(self, state: State | None) -> None:
        self._stop_timer()
        self._codes.stop()
        self._ask_limit.reset()
        self.state = state
        self.suspended_until = None
        if state is not None and state.linked:
            self.stale_credentials = False
        if state is State.SUSPENDED:
            self._suspend(_SUSPENSION)
        if state is State.NOT_AUTHORIZED and not self.stale_credentials:
            self._codes.begin(self.timing.qr)
        self.notifications.state_changed(state)
        self.changed.notify()

    def _suspend(self, seconds: float) -> None:
        # The wall clock knows no speed: until then the clock gets so far.
        real = timedelta(seconds=seconds / self.clock.speed)
        self.suspended_until = self.clock.wall() + real
        self._schedule(seconds, lambda: self._enter(State.AUTHORIZED))

    def _schedule(self, delay: float, callback: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = self.clock.call_later(delay, callback)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
