"""One instance of the cloud, with the phone that it gets linked to."""

from dataclasses import InitVar, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from .account import Account
from .authorization import Attempts, Outcome, Reason
from .errors import BadInputError, ConflictError
from .messenger import State
from .notifications import Notifications
from .one_time_code import OneTimeCode, make_pairing_code, make_phone_code
from .state_machine import StateMachine

if TYPE_CHECKING:
    from collections.abc import Callable

    from .webhooks import Webhooks

_PAIRING_LIFE = 150.0
_PHONE_CODE_LIFE = 300.0


class ScanText(StrEnum):
    """The text of the vendor's page on scanqrcode that the cloud goes by."""

    OLDER = "older"
    """Ends in ``timeout``; knows no ``accountData``."""
    NEWER = "newer"
    """Ends in ``timeoutExpired``."""


@dataclass(kw_only=True)
class Instance(StateMachine):
    """A GREEN-API instance: state machine, ways in, account, settings.

    Made by ``Cloud.create``.
    """

    password: str | None = field(default=None, repr=False)
    """The account's two-factor password (Telegram, MAX)."""
    webhooks: InitVar[Webhooks]
    """What sends the notifications."""
    lose: InitVar[Callable[[], bool]]
    """Asked of each notification whether it gets lost."""
    refuse_pairing: bool = field(default=False, init=False)
    """The messenger gives no pairing code."""
    online: bool = field(default=True, init=False)
    """What getStatusInstance says."""
    scan_text: ScanText = field(default=ScanText.NEWER, init=False)
    _pairing: OneTimeCode = field(init=False, repr=False)
    _phone: OneTimeCode = field(init=False, repr=False)
    _attempts: Attempts = field(init=False, repr=False)

    def __post_init__(self, webhooks: Webhooks, lose: Callable[[], bool]) -> None:
        """Make the parts."""
        super().__post_init__()
        self.notifications = Notifications(self, webhooks, lose)
        parts = self.clock, self.changed
        self._pairing = OneTimeCode(make_pairing_code, _PAIRING_LIFE, *parts)
        self._phone = OneTimeCode(make_phone_code, _PHONE_CODE_LIFE, *parts)
        allowed = self.messenger.profile.password_attempts
        self._attempts = Attempts(self.clock, allowed)

    @property
    def pairing_code(self) -> str | None:
        """Return the live pairing code, if there is one (WhatsApp)."""
        return self._pairing.value

    @property
    def pairing_expires_at(self) -> float | None:
        """Return when the pairing code dies, in the clock's seconds."""
        return self._pairing.expires_at

    @property
    def phone_code(self) -> str | None:
        """Return the live code that was sent to the phone (Telegram, MAX)."""
        return self._phone.value

    @property
    def phone_code_expires_at(self) -> float | None:
        """Return when the phone's code dies, in the clock's seconds."""
        return self._phone.expires_at

    def close(self) -> None:
        """Stop every timer and task, and let go whoever waits."""
        self._clear_codes()
        super().close()

    def authorize(self, *, with_password: bool = False) -> None:
        """Link the account, as every way in does in the end.

        The instance is ``starting`` for ``timing.scan``, then authorized, or
        pendingPassword where a two-factor password is still wanted.
        """
        two_factor = self.messenger.profile.two_factor and self.password is not None
        wanted = two_factor and not with_password
        self._resume = State.PENDING_PASSWORD if wanted else State.AUTHORIZED
        self._restart(self.timing.scan)

    def scan(self, payload: str | None = None) -> None:
        """Scan a login code with the phone, as a person does.

        Without a payload the live code is scanned, with one it must be the
        live code's. Raises ConflictError where that cannot work.
        """
        self._require_not_authorized("no code to scan")
        code = self.code
        if payload is not None and (code is None or payload != code.payload):
            msg = "dead code: the messenger does not know it, or no longer"
            raise ConflictError(msg)
        if code is None:
            msg = "no live code: nobody has asked for one of late"
            raise ConflictError(msg)
        self.authorize()

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

    def enter_pairing_code(self, code: str) -> None:
        """Type a pairing code into the phone, as a person does.

        Capitals, blanks and hyphens do not matter. Raises ConflictError for a
        code that is dead or wrong.
        """
        typed = code.replace(" ", "").replace("-", "").upper()
        if self.pairing_code is None:
            msg = "no live pairing code: nobody has asked for one of late"
            raise ConflictError(msg)
        if typed != self.pairing_code:
            msg = "wrong pairing code"
            raise ConflictError(msg)
        self.authorize()

    def unlink(self) -> None:
        """Remove the instance from the phone's linked devices.

        Raises ConflictError when no account is linked.
        """
        if self.state is None or not self.state.linked:
            msg = f"nothing to unlink: the state is {self.state or 'null'}"
            raise ConflictError(msg)
        self._enter(State.NOT_AUTHORIZED)

    def request_pairing_code(self, _phone: int | str) -> str | None:
        """Give a pairing code for any phone (WhatsApp); None: the cloud gives none.

        Asking again while one is alive drives the instance to ``starting``,
        where it stays until a reboot. Raises RejectedError while starting.
        """
        self.require_started()
        if self.pairing_code is not None:
            self._get_stuck()
            return None
        # In which cases the vendor gives none is not documented.
        refused = self.refuse_pairing or self.stale_credentials
        if refused or self.state is not State.NOT_AUTHORIZED:
            return None
        return self._pairing.issue()

    def start_authorization(self, _phone: int | str) -> Outcome:
        """Send a login code to any phone (Telegram, MAX).

        Raises RejectedError while starting.
        """
        self.require_started()
        if self.state is not None and self.state.linked:
            return Outcome.fail(Reason.ALREADY_REGISTERED)
        if self.phone_code is not None:
            return Outcome.fail(Reason.RATE_LIMIT_EXCEEDED)
        if self.state is not State.NOT_AUTHORIZED or self.stale_credentials:
            # No reason is documented for these.
            return Outcome.fail()
        self._phone.issue()
        return Outcome()

    def send_authorization_code(
        self, code: str, password: str | None = None
    ) -> Outcome:
        """Give the code that the phone got, and the password if there is one.

        A right code without a right password leads to pendingPassword. Raises
        RejectedError while starting.
        """
        self.require_started()
        if self.phone_code is None:
            return Outcome.fail(Reason.AUTHORIZATION_NOT_STARTED)
        if code != self.phone_code:
            # Not documented: the vendor names no reason for a wrong code.
            return Outcome.fail()
        right = password is not None and self.password in {None, password}
        self.authorize(with_password=right)
        if password is None or right:
            return Outcome()
        self._attempts.count_wrong()
        return Outcome.fail(Reason.INVALID_PASSWORD)

    def send_authorization_password(self, password: str) -> Outcome:
        """Give the two-factor password. Raises RejectedError while starting."""
        self.require_started()
        if self.state is not State.PENDING_PASSWORD:
            return Outcome.fail(Reason.AUTHORIZATION_NOT_STARTED)
        if seconds := self._attempts.wait():
            return Outcome.fail(Reason.ATTEMPTS_EXCEEDED, seconds)
        if self.password not in {None, password}:
            self._attempts.count_wrong()
            return Outcome.fail(Reason.INVALID_PASSWORD)
        self._enter(State.AUTHORIZED)
        return Outcome()

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

    def set_refuse_pairing(self, *, refuse: bool) -> None:
        """Let the messenger refuse to give pairing codes, or give them again."""
        self.refuse_pairing = refuse
        self.changed.notify()

    def set_online(self, *, online: bool) -> None:
        """Set what getStatusInstance says, and notify of a change."""
        if online is not self.online:
            self.online = online
            self.notifications.status_changed(online=online)
            self.changed.notify()

    def set_scan_text(self, text: ScanText | str) -> None:
        """Choose the words of scanqrcode. Raises BadInputError for others."""
        try:
            self.scan_text = ScanText(text)
        except ValueError:
            msg = f"text must be one of {', '.join(ScanText)}"
            raise BadInputError(msg) from None
        self.changed.notify()

    def _require_not_authorized(self, what: str) -> None:
        if self.state is not State.NOT_AUTHORIZED:
            msg = f"{what}: the state is {self.state or 'null'}"
            raise ConflictError(msg)
        if self.stale_credentials:
            msg = f"{what}: old credentials are in the way, log out first"
            raise ConflictError(msg)

    def _enter(self, state: State | None) -> None:
        self._clear_codes()
        if state is State.NOT_AUTHORIZED:
            self._attempts.reset()
        super()._enter(state)

    def _clear_codes(self) -> None:
        self._pairing.clear()
        self._phone.clear()
