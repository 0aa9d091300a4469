"""The coordinator: all that is known of one instance, and when to ask again."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, override

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator
from homeassistant.util import dt as dt_util

from .api.client import GreenApiClient
from .api.errors import (
    ConnectionFailed,
    CredentialsRejected,
    GreenApiError,
    InstanceNotReady,
    RateLimited,
)
from .api.models import InstanceState, Messenger, StateReading
from .backoff import backoff
from .const import (
    CONF_MESSENGER,
    LOGGER,
    LOGIN_POLL_INTERVAL,
    OUTAGE_GRACE,
    PASSING_POLL_INTERVAL,
    POLL_INTERVAL,
    REFUSED_RETRY,
    SETTLING_TIME,
)
from .login import LoginSession
from .problems import action_error, set_up_error, update_error
from .snapshot import InstanceData, LoginPhase, LoginProgress
from .stills import Situation, situation_of

type GreenApiConfigEntry = ConfigEntry[GreenApiCoordinator]

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
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name=entry.title,
            update_interval=POLL_INTERVAL,
            always_update=False,
        )
        self.client = client
        self.messenger = Messenger(entry.data[CONF_MESSENGER])
        self.login = LoginSession(
            client,
            self.messenger,
            create_task=partial(self._run_soon, name="login session"),
            on_progress=self._take_progress,
            on_state_suspected=self._refresh_soon,
        )
        self._stills = stills
        self._failures = 0
        self._failing_since = 0.0
        self._refused = False
        self._settles_at = 0.0
        self._account_known = False
        self._account_task: asyncio.Task[None] | None = None
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
        await self._act(self.client.logout)

    async def async_reboot(self) -> None:
        """Restart the instance; raises a translated HomeAssistantError."""
        await self._act(self.client.reboot)

    async def _act(self, request: Callable[[], Awaitable[None]]) -> None:
        try:
            await request()
        except GreenApiError as err:
            raise action_error(err) from None
        self._settles_at = self.hass.loop.time() + SETTLING_TIME.total_seconds()
        await self.async_refresh()

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
        now = self.hass.loop.time()
        if self._failures == 1:
            self._failing_since = now
        retry_after = backoff(self._failures)
        if isinstance(err, CredentialsRejected):
            self._refused = True
            self.login.stop()
            self.config_entry.async_start_reauth(self.hass)
            retry_after = REFUSED_RETRY.total_seconds()
        elif (
            self.last_update_success
            and isinstance(err, (ConnectionFailed, RateLimited))
            and now - self._failing_since < OUTAGE_GRACE.total_seconds()
        ):
            self.update_interval = timedelta(seconds=retry_after)
            return self.data
        self._update(login=self.login.progress, connection_problem=err.key)
        raise update_error(err, retry_after)

    def _end_failures(self) -> None:
        self._failures = 0
        if self._refused:
            self._refused = False
            self.login.request()
            for flow in self.config_entry.async_get_active_flows(
                self.hass, {SOURCE_REAUTH}
            ):
                self.hass.config_entries.flow.async_abort(flow["flow_id"])

    def _take_reading(self, reading: StateReading) -> InstanceData:
        """Return the snapshot with the state; start or stop what it calls for."""
        self._end_failures()
        before = self.data.reading if self.data else None
        if reading.state is not InstanceState.NOT_AUTHORIZED:
            waits = reading.state is InstanceState.PENDING_PASSWORD
            self.login.stop(
                LoginPhase.PASSWORD if waits else LoginPhase.IDLE,
                finished=reading.state is InstanceState.AUTHORIZED,
            )
        elif before != reading:
            self.login.request()
        self.update_interval = self._interval(reading.state)
        if reading != before:
            self._account_known = False
        if reading.state is InstanceState.AUTHORIZED and not self._account_known:
            self._start_fetching_account()
        if reading == before:
            return replace(
                self.data, login=self.login.progress, connection_problem=None
            )
        return InstanceData(
            messenger=self.messenger,
            reading=reading,
            since=dt_util.utcnow(),
            login=self.login.progress,
        )

    def _interval(self, state: InstanceState) -> timedelta:
        settling = self.hass.loop.time() < self._settles_at
        if settling or self.login.active:
            return LOGIN_POLL_INTERVAL
        if state in _PASSING_STATES:
            return PASSING_POLL_INTERVAL
        return POLL_INTERVAL

    def _start_fetching_account(self) -> None:
        if self._account_task is None or self._account_task.done():
            self._account_task = self._run_soon(self._fetch_account(), "account")

    async def _fetch_account(self) -> None:
        """Learn whom the instance is linked to; nothing depends on it."""
        try:
            account = await self.client.get_account(self.messenger)
        except GreenApiError as err:
            LOGGER.debug("No account data for %s: %s", self.name, err)
            return
        if self.data.state is InstanceState.AUTHORIZED:
            self._account_known = True
            self._update(account=account)

    @callback
    def _take_progress(self, progress: LoginProgress) -> None:
        opened = progress.active and not self.data.login.active
        self._update(login=progress)
        if opened:
            # The state is polled faster from now on.
            self._refresh_soon()

    def _update(self, **changes: object) -> None:
        # Not async_set_updated_data: it would put off the next poll of the state
        # with every code, and count a failed connection as mended.
        data = replace(self.data, **changes)  # type: ignore[arg-type]
        if data != self.data:
            self.data = data
            self.async_update_listeners()

    @callback
    def _refresh_soon(self) -> None:
        # Not async_request_refresh: it can wait for ten seconds, and the requests
        # are spaced by the client.
        self._run_soon(self.async_refresh(), "refresh")

    def _run_soon(
        self, job: Coroutine[Any, Any, None], name: str
    ) -> asyncio.Task[None]:
        """Run a job beside the entry, not before the present step is done."""
        return self.config_entry.async_create_background_task(
            self.hass, job, f"{self.name} {name}", eager_start=False
        )
