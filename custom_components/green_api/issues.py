"""The repair issues: what stands in an instance's way and a person can mend.

An issue is raised as soon as it is true and dropped as soon as it is true no longer.
One that has gone comes back only where it is still, or again, true a minute after it
was last seen to end: a state that flaps must not ring again and again.
"""

from collections.abc import Iterator, Set as AbstractSet
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import Final

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .api.errors import ConnectionFailed, InstanceDeleted, InstanceExpired, RateLimited
from .api.models import InstanceState, ScanFailure
from .authorization import wants_password
from .const import CONSOLE_URL, DOMAIN, SETTLING_TIME, STARTING_LIMIT
from .coordinator import GreenApiConfigEntry, GreenApiCoordinator


class IssueKind(StrEnum):
    """Name what stands in an instance's way."""

    BLOCKED = "blocked"
    INSTANCE_DELETED = InstanceDeleted.key
    INSTANCE_EXPIRED = InstanceExpired.key
    NEEDS_LOGOUT = "needs_logout"
    PENDING_PASSWORD = "pending_password"  # noqa: S105  a name, not a secret
    STARTING_TOO_LONG = "starting_too_long"
    SUSPENDED = "suspended"
    YELLOW_CARD = "yellow_card"


FIXABLE: Final = frozenset(
    {
        IssueKind.NEEDS_LOGOUT,
        IssueKind.PENDING_PASSWORD,
        IssueKind.STARTING_TOO_LONG,
        IssueKind.YELLOW_CARD,
    }
)

# A login waits for its next step; a suspension ends by itself. The others have
# stopped the instance until somebody does something.
_WARNINGS: Final = frozenset({IssueKind.PENDING_PASSWORD, IssueKind.SUSPENDED})

# The cloud says so in place of every other answer.
_REFUSALS: Final = frozenset({IssueKind.INSTANCE_DELETED, IssueKind.INSTANCE_EXPIRED})

_BY_STATE: Final = {
    InstanceState.BLOCKED: IssueKind.BLOCKED,
    InstanceState.SUSPENDED: IssueKind.SUSPENDED,
    InstanceState.YELLOW_CARD: IssueKind.YELLOW_CARD,
}

# Problems in which the cloud has said nothing: what was true is taken to be so still.
_NO_NEWS: Final = frozenset(
    {
        RateLimited.key,
        ConnectionFailed.key,
        *(error.key for error in ConnectionFailed.__subclasses__()),
    }
)

# In which nobody watches an instance, nor tries to.
_AT_REST: Final = frozenset(
    {
        ConfigEntryState.MIGRATION_ERROR,
        ConfigEntryState.NOT_LOADED,
        ConfigEntryState.SETUP_ERROR,
    }
)

_KEEPERS: Final[HassKey[dict[str, IssueKeeper]]] = HassKey(f"{DOMAIN}_issue_keepers")


class IssueKeeper:
    """Keep the issues of one loaded entry true."""

    def __init__(self, hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
        """Take the entry; its coordinator has a snapshot."""
        self._hass = hass
        self._entry = entry
        self._coordinator = entry.runtime_data
        self._found: AbstractSet[IssueKind] = frozenset()
        self._quiet_until: dict[IssueKind, datetime] = {}
        self._stop_timer: CALLBACK_TYPE | None = None

    @callback
    def look(self, now: datetime | None = None) -> None:
        """Raise what is true now and drop the rest."""
        now = now or dt_util.utcnow()
        found = _issues_now(self._coordinator, now, self._found)
        for kind in self._found - found:
            self._quiet_until[kind] = now + SETTLING_TIME
        self._found = found
        quiet = {
            kind: until for kind, until in self._quiet_until.items() if until > now
        }
        for kind in IssueKind:
            if kind in found and kind not in quiet:
                _raise(self._hass, self._entry, kind, self._suspended_until(kind))
            else:
                _drop(self._hass, self._entry, kind)
        self._look_again(now, [quiet[kind] for kind in found & quiet.keys()])

    @callback
    def give_time(self, kind: IssueKind) -> None:
        """Drop an issue that an order has just cured, unless it lasts."""
        # An instance that was restarted may take as long as any other to start.
        starts = kind is IssueKind.STARTING_TOO_LONG
        time = STARTING_LIMIT if starts else SETTLING_TIME
        self._quiet_until[kind] = dt_util.utcnow() + time
        self.look()

    @callback
    def close(self) -> None:
        """Drop all issues and watch no more."""
        self._set_timer(None)
        _drop_all(self._hass, self._entry)

    def _suspended_until(self, kind: IssueKind) -> datetime | None:
        if kind is IssueKind.SUSPENDED:
            return self._coordinator.data.suspended_until
        return None

    def _look_again(self, now: datetime, times: list[datetime]) -> None:
        data = self._coordinator.data
        limit = data.since + STARTING_LIMIT
        if data.state is InstanceState.STARTING and limit > now:
            times.append(limit)
        self._set_timer(min(times, default=None))

    def _set_timer(self, time: datetime | None) -> None:
        if self._stop_timer is not None:
            self._stop_timer()
            self._stop_timer = None
        if time is not None:
            self._stop_timer = async_track_point_in_utc_time(
                self._hass, self._wake, time
            )

    @callback
    def _wake(self, now: datetime) -> None:
        self._stop_timer = None
        self.look(now)


@callback
def async_setup_issues(hass: HomeAssistant) -> None:
    """Follow the entries: one at rest has no issues, a new title shows at once."""
    keepers = hass.data.setdefault(_KEEPERS, {})

    @callback
    def follow(_change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.domain != DOMAIN:
            return
        if entry.state in _AT_REST:
            _drop_all(hass, entry)
        elif (keeper := keepers.get(entry.entry_id)) is not None:
            keeper.look()

    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, follow)


@callback
def async_keep_issues(hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
    """Keep the issues of a loaded entry true until it is unloaded."""
    keepers = hass.data[_KEEPERS]
    keeper = keepers[entry.entry_id] = IssueKeeper(hass, entry)

    @callback
    def stop() -> None:
        del keepers[entry.entry_id]
        keeper.close()

    entry.async_on_unload(stop)
    entry.async_on_unload(entry.runtime_data.async_add_listener(keeper.look))
    keeper.look()


@callback
def async_give_time(hass: HomeAssistant, entry_id: str, kind: IssueKind) -> None:
    """Drop an issue that an order has just cured, unless it lasts."""
    if (keeper := hass.data[_KEEPERS].get(entry_id)) is not None:
        keeper.give_time(kind)


@contextmanager
def issues_of_set_up(hass: HomeAssistant, entry: ConfigEntry) -> Iterator[None]:
    """Tell by an issue when the cloud refuses to have an entry set up."""
    try:
        yield
    except HomeAssistantError as err:
        key = err.translation_key
        if key not in _NO_NEWS:
            for kind in _REFUSALS:
                if kind == key:
                    _raise(hass, entry, kind)
                else:
                    _drop(hass, entry, kind)
        raise


def issue_id_of(kind: IssueKind, entry_id: str) -> str:
    """Return the id of an entry's issue."""
    return f"{kind}_{entry_id}"


def kind_of(issue_id: str, entry_id: str) -> IssueKind:
    """Return the kind of an entry's issue."""
    return IssueKind(issue_id.removesuffix(f"_{entry_id}"))


def _issues_now(
    coordinator: GreenApiCoordinator, now: datetime, before: AbstractSet[IssueKind]
) -> AbstractSet[IssueKind]:
    data = coordinator.data
    if data.connection_problem in _NO_NEWS:
        refusals = before & _REFUSALS
    else:
        refusals = {kind for kind in _REFUSALS if kind == data.connection_problem}
    if refusals:
        # Nothing else can be mended before.
        return refusals
    found = {_BY_STATE[data.state]} if data.state in _BY_STATE else set()
    if data.state is InstanceState.STARTING and now >= data.since + STARTING_LIMIT:
        found.add(IssueKind.STARTING_TOO_LONG)
    if wants_password(coordinator):
        found.add(IssueKind.PENDING_PASSWORD)
    if data.login.problem == ScanFailure.NEEDS_LOGOUT:
        found.add(IssueKind.NEEDS_LOGOUT)
    return found


def _raise(
    hass: HomeAssistant,
    entry: ConfigEntry,
    kind: IssueKind,
    suspended_until: datetime | None = None,
) -> None:
    key, placeholders = kind.value, {"title": entry.title}
    if suspended_until is not None:
        key = "suspended_until"
        placeholders["end"] = f"{dt_util.as_local(suspended_until):%Y-%m-%d %H:%M}"
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id_of(kind, entry.entry_id),
        data={"entry_id": entry.entry_id},
        is_fixable=kind in FIXABLE,
        is_persistent=False,
        learn_more_url=CONSOLE_URL if kind in _REFUSALS else None,
        severity=(
            ir.IssueSeverity.WARNING if kind in _WARNINGS else ir.IssueSeverity.ERROR
        ),
        translation_key=key,
        translation_placeholders=placeholders,
    )


def _drop(hass: HomeAssistant, entry: ConfigEntry, kind: IssueKind) -> None:
    ir.async_delete_issue(hass, DOMAIN, issue_id_of(kind, entry.entry_id))


def _drop_all(hass: HomeAssistant, entry: ConfigEntry) -> None:
    for kind in IssueKind:
        _drop(hass, entry, kind)
