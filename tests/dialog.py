"""Use a dialog of the options as the frontend does."""

import asyncio
from typing import Any, Self

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.data_entry_flow import (
    EVENT_DATA_ENTRY_FLOW_PROGRESSED,
    FlowResultType,
)
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.waiting import BOUND


class Dialog:
    """Show what a dialog shows, and fetch it again whenever Home Assistant says so."""

    def __init__(self, hass: HomeAssistant, result: ConfigFlowResult) -> None:
        """Listen from the first step on."""
        self.result = result
        self.flow_id = result["flow_id"]
        self._flows = hass.config_entries.options
        self._progressed = asyncio.Event()
        hass.bus.async_listen(EVENT_DATA_ENTRY_FLOW_PROGRESSED, self._take)

    @classmethod
    async def open(
        cls, hass: HomeAssistant, entry: MockConfigEntry, step: str | None = None
    ) -> Self:
        """Open the options of an entry, and choose from the menu."""
        flows = hass.config_entries.options
        dialog = cls(hass, await flows.async_init(entry.entry_id))
        assert dialog.at == "menu init"
        if step is not None:
            await dialog.submit(next_step_id=step)
            assert dialog.at == f"form {step}"
        return dialog

    @property
    def at(self) -> str:
        """Return what is shown, such as `form phone` or `abort linked`."""
        what = self.result["type"]
        if what is FlowResultType.ABORT:
            return f"abort {self.result['reason']}"
        return f"{what.value} {self.result['step_id']}"

    @property
    def errors(self) -> dict[str, str]:
        """Return what the form says of which field."""
        return self.result["errors"] or {}

    @property
    def facts(self) -> dict[str, str]:
        """Return what the texts are filled with."""
        return dict(self.result["description_placeholders"] or {})

    @property
    def filled_in(self) -> dict[str, str]:
        """Return what the form has filled in."""
        schema = self.result["data_schema"]
        assert schema is not None
        return {
            str(field): field.description["suggested_value"]
            for field in schema.schema
            if field.description
        }

    @property
    def called(self) -> bool:
        """Return whether Home Assistant has asked to fetch it since it was fetched."""
        return self._progressed.is_set()

    async def submit(self, **typed: Any) -> None:
        """Send the form, or the choice."""
        self.result = await self._flows.async_configure(self.flow_id, typed)

    async def fetch(self) -> None:
        """Ask for what is to be shown now."""
        self._progressed.clear()
        self.result = await self._flows.async_configure(self.flow_id)

    async def reach(self, at: str, bound: float = BOUND) -> None:
        """Wait until the dialog has come to this by itself."""
        async with asyncio.timeout(bound):
            while self.at != at:
                await self._progressed.wait()
                await self.fetch()

    def close(self) -> None:
        """Close the dialog half-way."""
        self._flows.async_abort(self.flow_id)

    @callback
    def _take(self, event: Event[dict[str, Any]]) -> None:
        if event.data["flow_id"] == self.flow_id:
            self._progressed.set()


def jobs() -> set[asyncio.Task[Any]]:
    """Return the jobs of dialogs that run."""
    return {
        task for task in asyncio.all_tasks() if task.get_name().startswith("dialog of ")
    }


async def expect_no_job(bound: float = BOUND) -> None:
    """Check that the jobs that still run are ending."""
    if ending := jobs():
        _, left = await asyncio.wait(ending, timeout=bound)
        assert not left
