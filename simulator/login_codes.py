"""The QR codes of an instance: issued, renewed, dead."""

from typing import TYPE_CHECKING

from .qr import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from .changes import Changes
    from .clock import Clock, Handle
    from .messenger import Profile


class LoginCodes:
    """Issue login codes while an instance wants a login."""

    def __init__(self, profile: Profile, clock: Clock, changed: Changes) -> None:
        """Issue none at first; tell each new or dead code to ``changed``."""
        self._profile = profile
        self._clock = clock
        self._changed = changed
        self._code: Code | None = None
        self._issued = 0
        self._ready = False
        self._timer: Handle | None = None

    @property
    def live(self) -> Code | None:
        """Return the live code, if there is one."""
        code = self._code
        return code if code and self._clock.now() < code.expires_at else None

    def begin(self, delay: float) -> None:
        """Issue codes, the first one after a delay."""
        self.stop()
        if delay:
            self._schedule(delay, self._begin)
        else:
            self._begin()

    def stop(self) -> None:
        """Let the code die and issue no more."""
        self._cancel()
        self._code = None
        self._ready = False

    def request(self) -> Code | None:
        """Give the code that a qr request gets; None while not ready."""
        if not self._ready:
            return None
        code, renew_after = self.live, self._profile.renew_after
        if code is None or (
            renew_after is not None
            and self._clock.now() - code.issued_at >= renew_after
        ):
            self._issue()
        return self._code

    def _begin(self) -> None:
        self._ready = True
        if self._profile.renew_after is None:
            self._issue()

    def _issue(self) -> None:
        profile, now = self._profile, self._clock.now()
        self._issued += 1
        self._code = Code(
            payload=profile.make_payload(),
            number=self._issued,
            issued_at=now,
            expires_at=now + profile.life,
        )
        over = self._issue if profile.renew_after is None else self._expire
        self._schedule(profile.life, over)
        self._changed.notify()

    def _expire(self) -> None:
        self._code = None
        self._changed.notify()

    def _schedule(self, delay: float, callback: Callable[[], None]) -> None:
        self._cancel()
        self._timer = self._clock.call_later(delay, callback)

    def _cancel(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
