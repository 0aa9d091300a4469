"""The coordinator: all that is known of one instance, and when to ask again."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from math import ceil
import re
from typing import Any, override

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .api.client import GreenApiClient
from .api.errors import (
    AlreadyRegistered,
    ConnectionFailed,
    CredentialsRejected,
    GreenApiError,
    InstanceNotReady,
    MethodNotAvailable,
    RateLimited,
    RequestRejected,
)
from .api.models import Account, InstanceState, Messenger, StateReading
from .backoff import backoff
from .const import (
    CONF_ACCOUNT_NAME,
    CONF_LOGIN_ALWAYS,
    CONF_LOGIN_WINDOW,
    CONF_MESSENGER,
    CONF_POLL_INTERVAL,
    DOMAIN,
    LOGGER,
    LOGIN_POLL_INTERVAL,
    OUTAGE_GRACE,
    PASSING_POLL_INTERVAL,
    REBOOT_PAUSE,
    REFUSED_RETRIES,
    SAFETY_POLL_INTERVAL,
    SETTLING_TIME,
)
from .login import LoginSession, LoginTimes
from .moments import Action, Facts, Happening, Moment
from .problems import action_error, set_up_error, translated_error, update_error
from .snapshot import InstanceData, LoginPhase, LoginProgress
from .stills import Situation, situation_of

_LOGIN_TIMES: HassKey[dict[str, LoginTimes]] = HassKey(f"{DOMAIN}_login_times")

_DIGITS = re.compile(r"\d+")

type GreenApiConfigEntry = ConfigEntry[GreenApiCoordinator]

# What has something to tell beside the state.
_LINKED_STATES = frozenset({InstanceState.AUTHORIZED, InstanceState.SUSPENDED})

# In which a login goes on; `pendingCode` is said to come during one by phone.
_LOGIN_STATES = frozenset({InstanceState.NOT_AUTHORIZED, InstanceState.PENDING_CODE})

_OBSTACLES = {
    InstanceState.AUTHORIZED: AlreadyRegistered.key,
    InstanceState.PENDING_PASSWORD: "password_wanted",
    InstanceState.STARTING: InstanceNotReady.key,
    InstanceState.UNKNOWN: InstanceNotReady.key,
}

# Which leave an instance's account as it was.
_ACCOUNT_STATES = frozenset(
    {
        InstanceState.BLOCKED,
        InstanceState.SLEEP_MODE,
        InstanceState.STARTING,
        InstanceState.SUSPENDED,
        InstanceState.YELLOW_CARD,
    }
)

_PASSING_STATES = frozenset(
    {
        InstanceState.PENDING_CODE,
        InstanceState.PENDING_PASSWORD,
        InstanceState.STARTING,
        InstanceState.UNKNOWN,
    }
)


@dataclass(frozen=True, slots=True)
class Picture:
    """Hold the PNG that an instance shows now, and what it is."""

    png: bytes = field(repr=False)
    situation: Situation | None
    """None for a login QR."""


class GreenApiCoordinator(DataUpdateCoordinator[InstanceData]):
    """Keep the snapshot of one instance true."""

    config_entry: GreenApiConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: GreenApiConfigEntry,
        client: GreenApiClient,
        stills: Mapping[Situation, bytes],
    ) -> None:
        """Take the instance's client and the still pictures."""
        self._poll_interval = timedelta(seconds=entry.options[CONF_POLL_INTERVAL])
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name=entry.title,
            update_interval=self._poll_interval,
            always_update=False,
        )
        self.client = client
        self.messenger = Messenger(entry.data[CONF_MESSENGER])
        self._times = hass.data.setdefault(_LOGIN_TIMES, {}).setdefault(
            client.id_instance, LoginTimes()
        )
        self.login = LoginSession(
            client,
            self.messenger,
            self,
            times=self._times,
            window=timedelta(minutes=entry.options[CONF_LOGIN_WINDOW]),
            always=entry.options[CONF_LOGIN_ALWAYS],
        )
        self._stills = stills
        self._failures = 0
        self._failure: GreenApiError | None = None
        self._refusals = 0
        self._failing_since = 0.0
        self._refused = False
        self._settles_at = 0.0
        self._push_trusted = False
        self._push_told_at = 0.0
        self._account_known = False
        self._account_task: asyncio.Task[None] | None = None
        self._action_listeners: list[Callable[[Happening], None]] = []
        entry.async_on_unload(self.login.close)

    @property
    def picture(self) -> Picture:
        """Return the picture of the moment: a code that is alive, or a still."""
        code = self.data.login.code
        if code is not None and code.expires_at > dt_util.utcnow():
            return Picture(code.png, None)
        return self.still(situation_of(self.data))

    def still(self, situation: Situation) -> Picture:
        """Return the still picture of a situation."""
        return Picture(self._stills[situation], situation)

    @callback
    def look(self) -> None:
        """Take note that somebody looks at the picture."""
        if self.data.state is InstanceState.NOT_AUTHORIZED and not self._refused:
            self.login.look()

    async def async_logout(self) -> None:
        """Unlink the instance; raises a translated HomeAssistantError."""
        with self.reported(Action.LOGOUT):
            await self.async_act(self.client.logout)
        self._times.reboots_at = self.hass.loop.time() + REBOOT_PAUSE.total_seconds()
        if self.data.state is InstanceState.NOT_AUTHORIZED:
            # It may have been so before, with a login that was of no use.
            self.login.stop()
            self._update(login=self.login.progress)
            self.login.demand()

    async def async_reboot(self) -> None:
        """Restart the instance; raises a translated HomeAssistantError."""
        with self.reported(Action.REBOOT):
            if (left := self._times.reboots_at - self.hass.loop.time()) > 0:
                raise translated_error("reboot_too_soon", seconds=str(ceil(left)))
            await self.async_act(self.client.reboot)

    async def async_request_login(self) -> None:
        """Ask for login QRs, as a person does; raises a HomeAssistantError."""
        with self.reported(Action.LOGIN):
            await self.async_ask_state()
            if (error := self.obstacle_to_login) is not None:
                raise error
            self.login.demand()

    @property
    def obstacle_to_login(self) -> HomeAssistantError | None:
        """Return why the instance can't be linked now, None when it can."""
        if self._failure is not None:
            return action_error(self._failure)
        if self.data.state in _LOGIN_STATES:
            return None
        key = _OBSTACLES.get(self.data.state, "state_forbids_login")
        if key == "password_wanted" and self.messenger is Messenger.WHATSAPP:
            # It has no method that would take one.
            key = "state_forbids_login"
        return translated_error(key)

    async def async_act[T](self, request: Callable[[], Awaitable[T]]) -> T:
        """Do what changes the instance, then watch closely what comes of it.

        Raises a translated HomeAssistantError.
        """
        try:
            answer = await request()
        except GreenApiError as err:
            raise action_error(err) from None
        self._settle()
        await self.async_ask_state()
        return answer

    @contextmanager
    def reported(self, action: Action) -> Iterator[None]:
        """Tell the listeners of actions how the one inside ends."""
        try:
            yield
        except HomeAssistantError as err:
            self._report_action(action, err.translation_key or "failed")
            raise
        self._report_action(action, None)

    @callback
    def async_add_action_listener(
        self, listener: Callable[[Happening], None]
    ) -> CALLBACK_TYPE:
        """Let somebody hear how actions end; return what takes that back."""
        self._action_listeners.append(listener)
        return partial(self._action_listeners.remove, listener)

    def _report_action(self, action: Action, error: str | None) -> None:
        facts: Facts = {"action": action, "ok": error is None, "error": error}
        for listener in list(self._action_listeners):
            listener(Happening(Moment.ACTION_RESULT, facts))

    async def async_require_state(self) -> None:
        """Learn the present state; raises a translated HomeAssistantError."""
        await self.async_ask_state()
        if self._failure is not None:
            raise action_error(self._failure)

    async def async_ask_state(self) -> None:
        """Bring the snapshot up to date, also for a caller who does not wait."""
        # A request of a browser that is closed is cancelled, and a refresh that is
        # cut in the middle would count as failed.
        await asyncio.wait([self.run_soon(self.async_refresh(), "refresh")])

    @override
    async def _async_update_data(self) -> InstanceData:
        answer: StateReading | GreenApiError
        try:
            answer = await self.client.get_state_instance()
        except InstanceNotReady:
            answer = StateReading(InstanceState.STARTING)
        except GreenApiError as err:
            if not self.data:
                raise set_up_error(err) from None
            answer = err
        if self._shutdown_requested:
            # The answer came after the unload: it starts nothing any more.
            return self.data
        if isinstance(answer, GreenApiError):
            return self._take_failure(answer)
        return self._take_reading(answer)

    def _take_failure(self, err: GreenApiError) -> InstanceData:
        """Return the last snapshot, or raise when that is true no longer."""
        self._failures += 1
        self._failure = err
        now = self.hass.loop.time()
        if self._failures == 1:
            self._failing_since = now
        retry_after = backoff(self._failures)
        if isinstance(err, CredentialsRejected):
            self._refused = True
            self.login.stop()
            self._ask_for_token()
            retry_after = self._next_refused_retry()
        elif (
            self.last_update_success
            and _may_pass(err)
            and now - self._failing_since < OUTAGE_GRACE.total_seconds()
        ):
            self.update_interval = timedelta(seconds=retry_after)
            return self.data
        self._update(login=self.login.progress, connection_problem=err.key)
        raise update_error(err, retry_after)

    def _ask_for_token(self) -> None:
        self.config_entry.async_start_reauth(self.hass)

    def _next_refused_retry(self) -> float:
        """Return the seconds to wait after one more rejection of the credentials."""
        retry = REFUSED_RETRIES[min(self._refusals, len(REFUSED_RETRIES) - 1)]
        self._refusals += 1
        return retry.total_seconds()

    def _end_failures(self) -> None:
        self._failures = 0
        self._failure = None
        if self._refused:
            self._refused = False
            self._refusals = 0
            self.login.request()
            for flow in self.config_entry.async_get_active_flows(
                self.hass, {SOURCE_REAUTH}
            ):
                self.hass.config_entries.flow.async_abort(flow["flow_id"])

    def _take_reading(self, reading: StateReading) -> InstanceData:
        """Return the snapshot with the state; start or stop what it calls for."""
        self._end_failures()
        before = self.data.reading if self.data else None
        if reading.state not in _LOGIN_STATES:
            waits = reading.state is InstanceState.PENDING_PASSWORD
            self.login.stop(
                LoginPhase.PASSWORD if waits else LoginPhase.IDLE,
                finished=reading.state is InstanceState.AUTHORIZED,
            )
        elif before != reading and reading.state is InstanceState.NOT_AUTHORIZED:
            self.login.request()
        elif (
            before is not None
            and before.state is InstanceState.PENDING_PASSWORD
            and self.login.progress.phase is LoginPhase.PASSWORD
        ):
            # It waits for a code again, and not for the password any more.
            self.login.stop()
        if reading != before:
            self._account_known = False
            if self._is_found_by_chance:
                # Of the next change, too, nobody may tell.
                self._push_trusted = False
        self.update_interval = self._interval(reading.state)
        if reading.state in _LINKED_STATES and not self._account_known:
            self._start_fetching_account()
        if reading == before:
            return replace(
                self.data, login=self.login.progress, connection_problem=None
            )
        keeps = self.data and reading.state in _ACCOUNT_STATES
        return InstanceData(
            messenger=self.messenger,
            reading=reading,
            since=dt_util.utcnow(),
            account=self.data.account if keeps else None,
            login=self.login.progress,
        )

    def _interval(self, state: InstanceState) -> timedelta:
        settling = self.hass.loop.time() < self._settles_at
        if settling or self.login.active:
            return LOGIN_POLL_INTERVAL
        if state in _PASSING_STATES:
            return PASSING_POLL_INTERVAL
        return self._rest_interval

    @property
    def _is_found_by_chance(self) -> bool:
        """Return whether it was time to ask, and nobody had told of a change."""
        since_told = self.hass.loop.time() - self._push_told_at
        return (
            self.update_interval == self._rest_interval
            and since_told > SETTLING_TIME.total_seconds()
        )

    @property
    def _rest_interval(self) -> timedelta:
        if self._push_trusted:
            return max(self._poll_interval, SAFETY_POLL_INTERVAL)
        return self._poll_interval

    def _start_fetching_account(self) -> None:
        if self._account_task is None or self._account_task.done():
            self._account_task = self.run_soon(self._fetch_account(), "account")

    async def _fetch_account(self) -> None:
        """Learn whom the instance is linked to; nothing depends on it."""
        try:
            settings = await self.client.get_account(self.messenger)
        except GreenApiError as err:
            LOGGER.debug("No account data for %s: %s", self.name, err)
            return
        if self.data.state not in _LINKED_STATES:
            return
        self._account_known = True
        account = settings.account
        if account is not None:
            names = self.config_entry.data.get(CONF_ACCOUNT_NAME, {})
            account = replace(account, name=names.get(_number(account), ""))
        if account is None and self.data.state is not InstanceState.AUTHORIZED:
            # It is told only of an authorized instance.
            account = self.data.account
        self._update(account=account, suspended_until=settings.suspended_until)

    @callback
    def take_account(self, account: Account) -> None:
        """Keep the account's name, which the cloud tells at the login only."""
        data = {**self.config_entry.data, CONF_ACCOUNT_NAME: names_of(account)}
        self.hass.config_entries.async_update_entry(self.config_entry, data=data)

    @callback
    def take_progress(self, progress: LoginProgress) -> None:
        """Show where the login stands."""
        if self.data:  # Otherwise the first snapshot will have it.
            self._update(login=progress)

    @callback
    def suspect_state(self) -> None:
        """Ask for the state at once."""
        # Not async_request_refresh: it can wait for ten seconds, and the requests
        # are spaced by the client.
        self.run_soon(self.async_refresh(), "refresh")

    @callback
    def watch_closely(self) -> None:
        """Ask for the state again and again for a while: it is about to change."""
        self._settle()
        self.suspect_state()

    @callback
    def trust_push(self, trusted: bool) -> None:  # noqa: FBT001  the only thing it tells
        """Take note whether the cloud tells of changes by itself just now.

        As long as it does, an instance at rest is asked less often.
        """
        if trusted:
            self._push_told_at = self.hass.loop.time()
        elif self._push_trusted:
            # The next poll may be far away.
            self.suspect_state()
        self._push_trusted = trusted

    def _settle(self) -> None:
        self._settles_at = self.hass.loop.time() + SETTLING_TIME.total_seconds()

    def _update(self, **changes: object) -> None:
        # Not async_set_updated_data: it would put off the next poll of the state
        # with every code, and count a failed connection as mended.
        data = replace(self.data, **changes)  # type: ignore[arg-type]
        if data != self.data:
            self.data = data
            self.async_update_listeners()

    @callback
    def run_soon(self, job: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a job beside the entry, not before the present step is done."""
        return self.config_entry.async_create_background_task(
            self.hass, job, f"{self.name} {name}", eager_start=False
        )


def _may_pass(err: GreenApiError) -> bool:
    """Return whether one failure of this kind says nothing about the next request."""
    if isinstance(err, MethodNotAvailable):
        return False
    return isinstance(err, (ConnectionFailed, RateLimited, RequestRejected))


def names_of(account: Account) -> dict[str, str]:
    """Return an account's name by its number, as an entry keeps it."""
    return {_number(account): account.name}


def _number(account: Account) -> str:
    """Return the digits that an account's phone or wid begins with."""
    found = _DIGITS.match(account.phone or account.wid)
    return found[0] if found else ""
