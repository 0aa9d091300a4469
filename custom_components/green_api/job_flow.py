"""A dialog that waits for what takes long."""

from abc import abstractmethod
import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, override

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntryBaseFlow,
    ConfigEntryState,
    ConfigFlowResult,
    OptionsFlowWithReload,
    UnknownEntry,
)
from homeassistant.core import callback
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from .coordinator import GreenApiConfigEntry, GreenApiCoordinator

# For so long a progress is shown, in seconds. The interface of 2026.10 misses the end
# of one that is over before it has begun to listen, and then waits for ever.
LEAST_PROGRESS: Final = 1.0

type Job = Callable[[], Coroutine[Any, Any, str]]


class JobFlow(ConfigEntryBaseFlow):
    """Run jobs, one at a time, behind a progress step or beside what is shown.

    A job belongs to a step, and ends with the name of the step to go on with. It ends
    with the dialog, too. The entry may be reloaded or removed at any moment.
    """

    _job: asyncio.Task[str] | None = None
    _job_of = ""
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
            self._job = None
            return task.result()

        @callback
        def refresh(done: asyncio.Task[str]) -> None:
            if not done.cancelled() and (renews or done.result() != step_id):
                self.async_notify_flow_changed()

        if task is not present:
            task.add_done_callback(refresh)
        return None

    def end_job(self) -> None:
        """End the job that runs, if one does."""
        if self._job is not None:
            self._job.cancel()
            self._job = None

    async def wait_while(
        self, holds: Callable[[GreenApiCoordinator], bool], limit: timedelta
    ) -> None:
        """Return when something is no longer so, or the time is over.

        An entry that is not loaded counts as unchanged: it may be loading.
        """
        changed = asyncio.Event()

        @callback
        def wake(*_: object) -> None:
            changed.set()

        with suppress(TimeoutError):
            async with asyncio.timeout(limit.total_seconds()):
                while (coordinator := self.coordinator) is None or holds(coordinator):
                    changed.clear()
                    stops = [
                        async_dispatcher_connect(
                            self.hass, SIGNAL_CONFIG_ENTRY_CHANGED, wake
                        )
                    ]
                    if coordinator is not None:
                        stops.append(coordinator.async_add_listener(wake))
                    try:
                        await changed.wait()
                    finally:
                        for stop in stops:
                            stop()

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
