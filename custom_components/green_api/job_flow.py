"""A dialog that waits for what takes long."""

from abc import abstractmethod
import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, Final, override

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryBaseFlow,
    ConfigEntryChange,
    ConfigEntryState,
    ConfigFlowResult,
    OptionsFlowWithReload,
    UnknownEntry,
)
from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from .coordinator import GreenApiConfigEntry, GreenApiCoordinator

# For so long a progress is shown, in seconds. The interface of 2026.10 misses the end
# of one that is over before it has begun to listen, and then waits for ever.
LEAST_PROGRESS: Final = 1.0

# A browser that was away for a while, as on a phone, has missed the call to ask for
# what is to be shown. So often it is called again soon, and then seldom, in seconds.
CALLS: Final = 120
CALL_AGAIN: Final = 5.0
CALL_SELDOM: Final = 60.0

# Whoever asks uncalled so many seconds after the last answer has just opened it.
UNCALLED: Final = 3.0

type Job = Callable[[], Coroutine[Any, Any, str]]


class JobFlow(ConfigEntryBaseFlow):
    """Run jobs, one at a time, behind a progress step or beside what is shown.

    A job belongs to a step, and ends with the name of the step to go on with. It ends
    with the dialog, too. The entry may be reloaded or removed at any moment.
    """

    closed = False
    """Whether the dialog is over, though a step of it may still go on."""

    _job: asyncio.Task[str] | None = None
    _job_of = ""
    _next_call: asyncio.TimerHandle | None = None
    _asked_at = 0.0
    _led_here = False

    @property
    @abstractmethod
    def entry(self) -> GreenApiConfigEntry:
        """Return the entry of the instance, maybe one to be; raises AbortFlow."""

    @property
    @abstractmethod
    def coordinator(self) -> GreenApiCoordinator | None:
        """Return the coordinator of the moment, None while there is none."""

    @abstractmethod
    def step_after(self, err: HomeAssistantError) -> str:
        """Return the step to go on with after a job has failed."""

    @callback
    @override
    def async_remove(self) -> None:
        """Leave no job behind."""
        self.closed = True
        self.end_job()

    async def async_step_entry_removed(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """End, because the entry is gone."""
        return self.async_abort(reason="entry_removed")

    def show_job(
        self, step_id: str, job: Job, placeholders: dict[str, str]
    ) -> ConfigFlowResult:
        """Show the progress of a job; when it is done, go on to where it leads."""
        # Not at once: a job that is done before it is shown would hand the form's
        # input on to the next step.
        task = self._start(step_id, job, least=LEAST_PROGRESS)
        if task.done():
            self._job = None
            self._led_here = True
            return self.async_show_progress_done(next_step_id=task.result())
        return self.async_show_progress(
            step_id=step_id,
            progress_action=step_id,
            description_placeholders=placeholders,
            progress_task=task,
        )

    def typed(self, user_input: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the input of a form, None for what was meant for the one before.

        Home Assistant hands the second click of a double one on to where the job
        has led that the first one has started.
        """
        led_here, self._led_here = self._led_here, False
        return None if led_here else user_input

    def run_beside(self, step_id: str, job: Job, *, renews: bool = False) -> str | None:
        """Return where a job beside a step leads, None as long as it goes on.

        The dialog then asks again by itself, if it has shown any progress before.
        Where the job leads to the same step, only one that `renews` is shown again:
        in a form it would take away what was typed.
        """
        present = self._job
        task = self._start(step_id, job)
        if task.done():
            self.end_job()
            return task.result()

        @callback
        def refresh(done: asyncio.Task[str]) -> None:
            if done is not self._job or done.cancelled():
                return
            if renews or done.result() != step_id:
                self._call(CALLS)

        if task is not present:
            task.add_done_callback(refresh)
        return None

    def is_just_opened(self, step_id: str) -> bool:
        """Return whether somebody asks for a step who was not called to.

        The interface listens to calls only after it has shown some progress.
        """
        now = self.hass.loop.time()
        asked_before, self._asked_at = self._asked_at, now
        return (
            self._job is not None
            and self._job_of == step_id
            and self._next_call is None
            and now - asked_before > UNCALLED
        )

    def end_job(self) -> None:
        """End the job that runs, if one does, and all calls to look at it."""
        if self._job is not None:
            self._job.cancel()
            self._job = None
        if self._next_call is not None:
            self._next_call.cancel()
            self._next_call = None

    @callback
    def _call(self, times: int) -> None:
        """Have the dialog ask for what is to be shown now, until it does."""
        self.async_notify_flow_changed()
        self._next_call = self.hass.loop.call_later(
            CALL_AGAIN if times else CALL_SELDOM, self._call, max(0, times - 1)
        )

    async def wait_while(
        self, holds: Callable[[GreenApiCoordinator], bool], limit: timedelta | None
    ) -> None:
        """Return when something is no longer so, or the time is over if it is limited.

        An entry that is not loaded counts as unchanged: it may be loading.
        """
        changed = asyncio.Event()
        seconds = None if limit is None else limit.total_seconds()
        entry_id = self.entry.entry_id
        heard: GreenApiCoordinator | None = None
        stop_hearing: CALLBACK_TYPE | None = None

        @callback
        def take_change(_change: ConfigEntryChange, entry: ConfigEntry) -> None:
            if entry.entry_id == entry_id:
                changed.set()

        stop_following = async_dispatcher_connect(
            self.hass, SIGNAL_CONFIG_ENTRY_CHANGED, take_change
        )
        try:
            async with asyncio.timeout(seconds):
                while (coordinator := self.coordinator) is None or holds(coordinator):
                    changed.clear()
                    if coordinator is not heard:
                        if stop_hearing is not None:
                            stop_hearing()
                        heard = coordinator
                        # Not anew each time: the first listener starts the polling,
                        # and each start would put the next poll off.
                        stop_hearing = (
                            coordinator.async_add_listener(changed.set)
                            if coordinator is not None
                            else None
                        )
                    await changed.wait()
        except TimeoutError:
            pass
        finally:
            stop_following()
            if stop_hearing is not None:
                stop_hearing()

    def _start(
        self, step_id: str, job: Job, *, least: float | None = None
    ) -> asyncio.Task[str]:
        """Start the job of a step unless it runs; the one of another step ends.

        It starts at once if nothing is to be shown of it.
        """
        if self._job_of != step_id:
            # A menu leads away from what was being waited for.
            self.end_job()
        if self._job is None:
            # First: an entry that is gone raises, and would leave a coroutine behind.
            name = f"dialog of {self.entry.title}"
            self._job_of = step_id
            self._job = self.hass.async_create_background_task(
                self._run(job, least or 0),
                name,
                eager_start=least is None,
            )
        return self._job

    async def _run(self, job: Job, least: float) -> str:
        loop = asyncio.get_running_loop()
        shown_until = loop.time() + least
        step = await self._step_of(job)
        if (left := shown_until - loop.time()) > 0:
            await asyncio.sleep(left)
        return step

    async def _step_of(self, job: Job) -> str:
        """Return the step that a job leads to, also when it fails."""
        try:
            try:
                return await job()
            except AbortFlow:
                raise
            except HomeAssistantError as err:
                return self.step_after(err)
        except AbortFlow:
            # The one who waits may go on to another step only.
            return "entry_removed"


class EntryFlow(JobFlow, OptionsFlowWithReload):
    """Run jobs in a dialog of an entry's options."""

    @property
    @override
    def config_entry(self) -> GreenApiConfigEntry:
        """Return the entry; ends the dialog where it was removed meanwhile."""
        try:
            return super().config_entry
        except UnknownEntry:
            raise AbortFlow("entry_removed") from None

    @property
    @override
    def entry(self) -> GreenApiConfigEntry:
        """Return the entry that the options are of."""
        return self.config_entry

    @property
    @override
    def coordinator(self) -> GreenApiCoordinator | None:
        """Return the coordinator of the moment, None while the entry has none."""
        return coordinator_of(self.config_entry)


def coordinator_of(entry: GreenApiConfigEntry) -> GreenApiCoordinator | None:
    """Return the coordinator of an entry, None while it has none."""
    return entry.runtime_data if entry.state is ConfigEntryState.LOADED else None
