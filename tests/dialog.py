"""Use the dialogs of the set-up and of the options as the frontend does."""

import asyncio
from base64 import b64decode
from io import BytesIO
from typing import Any, Self

from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigEntriesFlowManager,
    ConfigFlowResult,
    OptionsFlowManager,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.data_entry_flow import (
    EVENT_DATA_ENTRY_FLOW_PROGRESSED,
    FlowResultType,
)
from PIL import Image
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import zxingcpp

from custom_components.green_api.const import DOMAIN
from custom_components.green_api.coordinator import GreenApiCoordinator
from simulator import Instance, Simulator
from tests.waiting import BOUND

type Flows = ConfigEntriesFlowManager | OptionsFlowManager


class Dialog:
    """Show what a dialog shows, and fetch it again whenever Home Assistant says so."""

    def __init__(
        self, hass: HomeAssistant, flows: Flows, result: ConfigFlowResult
    ) -> None:
        """Listen from the first step on."""
        self.result = result
        self.flow_id = result["flow_id"]
        self._flows = flows
        self._progressed = asyncio.Event()
        hass.bus.async_listen(EVENT_DATA_ENTRY_FLOW_PROGRESSED, self._take)

    @classmethod
    async def open(
        cls, hass: HomeAssistant, entry: MockConfigEntry, step: str | None = None
    ) -> Self:
        """Open the options of an entry, and choose from the menu."""
        flows = hass.config_entries.options
        dialog = cls(hass, flows, await flows.async_init(entry.entry_id))
        assert dialog.at == "menu init"
        if step is not None:
            await dialog.submit(next_step_id=step)
            assert dialog.at == f"form {step}"
        return dialog

    @classmethod
    async def add(
        cls, hass: HomeAssistant, cloud: Simulator, instance: Instance, **typed: Any
    ) -> Self:
        """Open the set-up, and send credentials, address and what else is typed."""
        flows = hass.config_entries.flow
        result = await flows.async_init(DOMAIN, context={"source": SOURCE_USER})
        dialog = cls(hass, flows, result)
        await dialog.submit(
            id_instance=instance.id_instance, api_token_instance=instance.token
        )
        assert dialog.at == "form connection"
        await dialog.submit(api_url=cloud.url, **typed)
        return dialog

    @classmethod
    async def ask_for_token(
        cls, hass: HomeAssistant, instance: Instance, entry: MockConfigEntry
    ) -> Self:
        """Change the token in the console, and open the dialog that asks for it."""
        flows = hass.config_entries.flow
        instance.token = "0" * 50
        await entry.runtime_data.async_refresh()
        (flow,) = flows.async_progress_by_handler(DOMAIN)
        dialog = cls(hass, flows, await flows.async_configure(flow["flow_id"]))
        assert dialog.at == "form reauth_confirm"
        return dialog

    @property
    def at(self) -> str:
        """Return what is shown, such as `form phone` or `abort linked`."""
        what = self.result["type"]
        if what is FlowResultType.ABORT:
            return f"abort {self.result['reason']}"
        if what is FlowResultType.CREATE_ENTRY:
            return "entry"
        return f"{what.value} {self.result['step_id']}"

    @property
    def ways(self) -> list[str]:
        """Return what the menu offers."""
        return list(self.result["menu_options"])

    @property
    def png(self) -> bytes:
        """Return the picture that the text shows."""
        start = "data:image/png;base64,"
        assert self.facts["qr"].startswith(start)
        return b64decode(self.facts["qr"].removeprefix(start), validate=True)

    @property
    def payload(self) -> str | None:
        """Return what a phone reads that is held at the picture, if it is a code."""
        with Image.open(BytesIO(self.png)) as picture:
            codes = zxingcpp.read_barcodes(picture.convert("RGB"))
        return codes[0].text if codes else None

    @property
    def coordinator(self) -> GreenApiCoordinator:
        """Return the coordinator that the dialog follows."""
        flow: Any = self._flows._progress[self.flow_id]
        coordinator: GreenApiCoordinator = flow.coordinator
        return coordinator

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

    async def follow(self) -> None:
        """Wait until Home Assistant calls, then fetch what is to be shown."""
        await self._called()
        await self.fetch()

    async def miss_call(self) -> None:
        """Wait for a call, and do nothing, as a browser that sleeps."""
        await self._called()
        self._progressed.clear()

    async def reach(self, at: str, bound: float = BOUND) -> None:
        """Wait until the dialog has come to this by itself."""
        async with asyncio.timeout(bound):
            while self.at != at:
                await self.follow()

    def close(self) -> None:
        """Close the dialog half-way."""
        self._flows.async_abort(self.flow_id)

    async def _called(self) -> None:
        # Where time flies, this is soon over as well.
        async with asyncio.timeout(3600):
            await self._progressed.wait()

    @callback
    def _take(self, event: Event[dict[str, Any]]) -> None:
        if event.data["flow_id"] == self.flow_id:
            self._progressed.set()


def close_all(hass: HomeAssistant) -> None:
    """Close every dialog that is open."""
    entries = hass.config_entries
    flows: list[Flows] = [entries.flow, entries.options]
    for manager in flows:
        for flow in manager.async_progress():
            manager.async_abort(flow["flow_id"])


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


async def expect_nothing_left(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    """Close all dialogs, and check that they leave no job and no complaint."""
    close_all(hass)
    await expect_no_job()
    # Nothing of ours does what Home Assistant warns of.
    assert "Detected" not in caplog.text
