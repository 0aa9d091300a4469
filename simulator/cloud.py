"""The cloud: its instances, limits, faults and request log."""

from enum import StrEnum
import secrets

from .account import Account
from .changes import Changes
from .clock import Clock
from .errors import BadInputError, ConflictError, NotFoundError
from .faults import Faults, NotificationLost
from .instance import Instance
from .limits import RateLimiter
from .messenger import Messenger, State
from .methods import METHODS
from .request_log import RequestLog
from .timing import Timing
from .webhooks import Webhooks

_TOKEN_BYTES = 25


class Cloud:
    """Everything behind the vendor API. Lives in a running event loop."""

    def __init__(self, clock: Clock | None = None, *, log_size: int = 2000) -> None:
        """Start empty, by this clock or one at real speed.

        The log keeps the newest ``log_size`` requests.
        """
        self.clock = clock or Clock()
        self.changed = Changes()
        """Any change of an instance, a fault or the request log."""
        self.faults = Faults(self.changed, METHODS)
        self.limits = RateLimiter(self.clock)
        self.log = RequestLog(self.clock, self.changed, log_size)
        self.webhooks = Webhooks(self.clock)
        self._instances: dict[str, Instance] = {}
        self._deleted: set[str] = set()

    def create(  # noqa: PLR0913 - all have defaults, and tests name them
        self,
        id_instance: str = "1101000001",
        messenger: Messenger | str = Messenger.WHATSAPP,
        state: State | str = State.NOT_AUTHORIZED,
        token: str | None = None,
        *,
        password: str | None = None,
        timing: Timing | None = None,
    ) -> Instance:
        """Create an instance with a random token, or the one given.

        Raises BadInputError for an id that is not digits, a token that is not
        letters and digits, an unknown messenger or state; ConflictError for an
        id that is taken.
        """
        if not (id_instance.isascii() and id_instance.isdecimal()):
            msg = "id_instance must be digits"
            raise BadInputError(msg)
        if id_instance in self._instances:
            msg = f"instance {id_instance} exists already"
            raise ConflictError(msg)
        if token is not None and not (token.isascii() and token.isalnum()):
            msg = "token must be letters and digits"
            raise BadInputError(msg)
        kind = _member(Messenger, messenger, "messenger")
        first_state = _member(State, state, "state")
        phone = f"7900{id_instance[-7:]:0>7}"
        instance = Instance(
            id_instance=id_instance,
            token=token or secrets.token_hex(_TOKEN_BYTES),
            messenger=kind,
            account=Account(
                phone=phone, name="Simulated phone", wid=kind.profile.wid(phone)
            ),
            clock=self.clock,
            timing=timing or Timing(),
            password=password,
            changed=Changes(self.changed),
            webhooks=self.webhooks,
            lose=lambda: self._loses(id_instance),
        )
        self._deleted.discard(id_instance)
        self._instances[id_instance] = instance
        instance.start(first_state)
        self.changed.notify()
        return instance

    def get(self, id_instance: str) -> Instance:
        """Return an instance. Raises NotFoundError."""
        try:
            return self._instances[id_instance]
        except KeyError:
            msg = f"there is no instance {id_instance}"
            raise NotFoundError(msg) from None

    def list(self) -> list[Instance]:
        """Return all instances, oldest first."""
        return list(self._instances.values())

    def delete(self, id_instance: str) -> None:
        """Delete an instance for good. Raises NotFoundError."""
        self.get(id_instance).close()
        del self._instances[id_instance]
        self._deleted.add(id_instance)
        self.limits.forget(id_instance)
        self.faults.clear(id_instance)

    def was_deleted(self, id_instance: str) -> bool:
        """Tell whether there once was such an instance."""
        return id_instance in self._deleted

    def close(self) -> None:
        """Stop all timers and tasks, for good."""
        for instance in self._instances.values():
            instance.close()

    async def wait_closed(self) -> None:
        """Wait, after ``close``, until tasks and connections have ended."""
        await self.webhooks.close()

    def _loses(self, id_instance: str) -> bool:
        kinds = (NotificationLost,)
        return self.faults.take(kinds, id_instance, "receiveNotification") is not None


def _member[E: StrEnum](enum: type[E], value: str, name: str) -> E:
    try:
        return enum(value)
    except ValueError:
        msg = f"{name} must be one of {', '.join(enum)}"
        raise BadInputError(msg) from None
