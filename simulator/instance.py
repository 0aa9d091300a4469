"""One instance of the cloud and its states."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .changes import Changes
from .errors import BadInputError, ConflictError, RejectedError
from .messenger import Messenger, State
from .qr import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from .clock import Clock, Handle

_SUSPENSION = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The messenger account that gets linked to an instance."""

    phone: str
    """Digits only, with country code."""
    name: str
    wid: str
    """The account's id in the messenger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long an instance takes for what it does, in the clock's seconds."""

    start: float = 0
    """A new instance has state ``null`` for so long."""
    qr: float = 0
    """The first code comes so long after the instance became notAuthorized."""
    scan: float = 0
    """After a scan the instance is ``starting`` for so long."""
    reboot: float = 3
    """After a reboot the instance is ``starting`` for so long."""


@dataclass(slots=True, kw_only=True)
class Settings:
    """The instance's settings, spelled as the vendor does."""

    webhookUrl: str = ""  # noqa: N815 - the vendor's spelling goes over the wire
    webhookUrlToken: str = ""  # noqa: N815 - as above
    delaySendMessagesMilliseconds: int = 500  # noqa: N815 - as above
    stateWebhook: str = "no"  # noqa: N815 - as above
    incomingWebhook: str = "no"  # noqa: N815 - as above
    outgoingWebhook: str = "no"  # noqa: N815 - as above


@dataclass(kw_only=True)
class Instance:
    """A GREEN-API instance: state machine, login code, account, settings.

    Made by ``Cloud.create``. All changes go through the methods below, each
    counted in ``changed``.
    """

    id_instance: str
    token: str = field(repr=False)
    messenger: Messenger
    account: Account
    clock: Clock
    timing: Timing = field(default_factory=Timing)
    password: str | None = field(default=None, repr=False)
    """The account's two-factor password (Telegram, MAX)."""
    settings: Settings = field(default_factory=Settings)
    changed: Changes = field(default_factory=Changes)
    state: State | None = field(default=None, init=False)
    """None while a new instance comes up."""
    suspended_until: datetime | None = field(default=None, init=False)
    _code: Code | None = field(default=None, init=False, repr=False)
    _codes_issued: int = field(default=0, init=False)
    _codes_flow: bool = field(default=False, init=False)
    _resume: State = field(default=State.NOT_AUTHORIZED, init=False)
    """The state that follows ``starting``."""
    _timer: Handle | None = field(default=None, init=False, repr=False)

    @property
    def code(self) -> Code | None:
        """Return the live login code, if there is one."""
        code = self._code
        return code if code and self.clock.now() < code.expires_at else None

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
        """Stop the instance's timer."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def request_code(self) -> Code | None:
        """Give the code that a qr request gets; None while not ready."""
        if self.state is not State.NOT_AUTHORIZED or not self._codes_flow:
            return None
        code, renew_after = self.code, self.messenger.profile.renew_after
        if code is None or (
            renew_after is not None and self.clock.now() - code.issued_at >= renew_after
        ):
            self._issue()
        return self._code

    def scan(self, payload: str | None = None) -> None:
        """Scan a login code with the phone, as a person does.

        Without a payload the live code is scanned, with one it must be the
        live code's. Raises ConflictError where that cannot work.
        """
        if self.state is not State.NOT_AUTHORIZED:
            msg = f"no code to scan: the state is {self.state or 'null'}"
            raise ConflictError(msg)
        code = self.code
        if payload is not None and (code is None or payload != code.payload):
            msg = "dead code: the messenger does not know it, or no longer"
            raise ConflictError(msg)
        if code is None:
            msg = "no live code: nobody has asked for one of late"
            raise ConflictError(msg)
        wanted = self.messenger.profile.two_factor and self.password is not None
        self._resume = State.PENDING_PASSWORD if wanted else State.AUTHORIZED
        self._restart(self.timing.scan)

    def enter_password(self, password: str) -> None:
        """Give the two-factor password after a scan.

        Raises ConflictError when none is wanted or it is wrong. Where no
        password was set, any will do.
        """
        if self.state is not State.PENDING_PASSWORD:
            msg = f"no password wanted: the state is {self.state or 'null'}"
            raise ConflictError(msg)
        if self.password not in {None, password}:
            msg = "wrong password"
            raise ConflictError(msg)
        self._enter(State.AUTHORIZED)

    def unlink(self) -> None:
        """Remove the instance from the phone's linked devices.

        Raises ConflictError when no account is linked.
        """
        if self.state is None or not self.state.linked:
            msg = f"nothing to unlink: the state is {self.state or 'null'}"
            raise ConflictError(msg)
        self._enter(State.NOT_AUTHORIZED)

    def logout(self) -> None:
        """Log out by the vendor API. Raises RejectedError while starting."""
        self._require_started()
        self._enter(State.NOT_AUTHORIZED)

    def reboot(self) -> None:
        """Restart by the vendor API, then come back to the state before.

        A yellow card is cured. Raises RejectedError while the instance is new.
        """
        if self.state is None:
            self._require_started()
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

    def set_password(self, password: str | None) -> None:
        """Set or remove the account's two-factor password."""
        self.password = password
        self.changed.notify()

    def set_account(self, *, phone: str, name: str, wid: str | None = None) -> None:
        """Set the account that a scan links. Raises BadInputError."""
        if not (phone.isascii() and phone.isdecimal()):
            msg = "phone must be digits, with country code"
            raise BadInputError(msg)
        wid = wid or self.messenger.profile.wid(phone)
        self.account = Account(phone=phone, name=name, wid=wid)
        self.changed.notify()

    def set_timing(self, timing: Timing) -> None:
        """Change how long things take from now on."""
        self.timing = timing
        self.changed.notify()

    async def wait_for_state(self, state: State | str | None) -> None:
        """Wait until the instance is in a state."""
        while self.state != state:
            await self.changed.wait()

    def _require_started(self) -> None:
        if self.state in {None, State.STARTING}:
            msg = "instance in starting process try later"
            raise RejectedError(msg)

    def _restart(self, seconds: float) -> None:
        resume = self._resume
        if not seconds:
            self._enter(resume)
            return
        self._enter(State.STARTING)
        self._schedule(seconds, lambda: self._enter(resume))

    def _enter(self, state: State | None) -> None:
        self.close()
        self.state = state
        self._code = None
        self._codes_flow = False
        self.suspended_until = (
            self.clock.wall() + _SUSPENSION if state is State.SUSPENDED else None
        )
        if state is State.NOT_AUTHORIZED:
            if self.timing.qr:
                self._schedule(self.timing.qr, self._begin_codes)
            else:
                self._begin_codes()
        self.changed.notify()

    def _begin_codes(self) -> None:
        self._codes_flow = True
        if self.messenger.profile.renew_after is None:
            self._issue()

    def _issue(self) -> None:
        profile, now = self.messenger.profile, self.clock.now()
        self._codes_issued += 1
        self._code = Code(
            payload=profile.make_payload(),
            number=self._codes_issued,
            issued_at=now,
            expires_at=now + profile.life,
        )
        over = self._issue if profile.renew_after is None else self._expire
        self._schedule(profile.life, over)
        self.changed.notify()

    def _expire(self) -> None:
        self._code = None
        self.changed.notify()

    def _schedule(self, delay: float, callback: Callable[[], None]) -> None:
        self.close()
        self._timer = self.clock.call_later(delay, callback)
