"""The fix flows: what a person is asked, and the order that follows."""

from abc import abstractmethod
import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, override

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_PASSWORD
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.selector import (
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol

from .api.errors import GreenApiError, InvalidPassword
from .authorization import async_send_password
from .const import DOMAIN
from .coordinator import GreenApiConfigEntry, GreenApiCoordinator
from .issues import IssueKind, async_give_time, kind_of

_ORDERS: Final[dict[IssueKind, Callable[[GreenApiCoordinator], Awaitable[None]]]] = {
    IssueKind.NEEDS_LOGOUT: GreenApiCoordinator.async_logout,
    IssueKind.STARTING_TOO_LONG: GreenApiCoordinator.async_reboot,
    IssueKind.YELLOW_CARD: GreenApiCoordinator.async_reboot,
}

_CONFIRM_SCHEMA: Final = vol.Schema({})
_PASSWORD_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_PASSWORD): TextSelector(
            TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")
        )
    }
)
_FIELD_OF_ERROR: Final = {InvalidPassword.key: CONF_PASSWORD}

# A dialog follows its flow from the first progress step on, and may miss the end of
# one that is over before it listens.
CHECK_TIME: Final = 1.0


async def async_create_fix_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Return the flow that fixes an issue."""
    entry_id = str((data or {})["entry_id"])
    kind = kind_of(issue_id, entry_id)
    if kind is IssueKind.PENDING_PASSWORD:
        return PasswordFlow(kind, entry_id)
    return OrderFlow(kind, entry_id)


class FixFlow(RepairsFlow):
    """Ask a person, give the order, and end where there is nothing to mend."""

    def __init__(self, kind: IssueKind, entry_id: str) -> None:
        """Take what is to be fixed."""
        self._kind = kind
        self._entry_id = entry_id
        self._ordering = False
        self._ordered = False

    @property
    def _entry(self) -> GreenApiConfigEntry | None:
        """Return the entry if it is loaded."""
        entry = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is None or entry.state is not ConfigEntryState.LOADED:
            return None
        return entry

    @property
    def _solved(self) -> bool:
        if ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id) is not None:
            return False
        # A cloud that refuses every request takes issues back without an end of them.
        entry = self._entry
        return entry is None or entry.runtime_data.data.connection_problem is None

    @abstractmethod
    async def _order(
        self, coordinator: GreenApiCoordinator, user_input: dict[str, Any]
    ) -> None:
        """Do what mends it; raises a translated HomeAssistantError."""

    async def _ask(
        self,
        step_id: str,
        schema: vol.Schema,
        user_input: dict[str, Any] | None,
    ) -> RepairsFlowResult:
        """Show a form, and give the order when it was submitted."""
        error: HomeAssistantError | None = None
        if user_input is not None and (entry := self._entry) is not None:
            job = self._carry_out(entry.runtime_data, user_input)
            # A browser that is closed cancels its request, but not what it began.
            error = await asyncio.shield(self.hass.async_create_task(job))
            if self._ordered:
                return self.async_create_entry(data={}, description="ordered")
        if (entry := self._entry) is None:
            return self.async_abort(reason="not_loaded")
        if self._solved:
            return self.async_create_entry(data={})
        placeholders = {"title": entry.title}
        errors = {}
        if error is not None:
            key = error.translation_key or GreenApiError.key
            errors[_FIELD_OF_ERROR.get(key, "base")] = key
            placeholders |= error.translation_placeholders or {}
        return self.async_show_form(
            step_id=step_id,
            data_schema=schema,
            errors=errors,
            description_placeholders=placeholders,
        )

    async def _carry_out(
        self, coordinator: GreenApiCoordinator, user_input: dict[str, Any]
    ) -> HomeAssistantError | None:
        """Give the order if it is still needed; return why it failed."""
        self._ordering = True
        try:
            # The form may have been open for long: an account that somebody has
            # linked meanwhile must not be logged out.
            await coordinator.async_require_state()
            if not self._solved:
                await self._order(coordinator, user_input)
                self._ordered = True
                async_give_time(self.hass, self._entry_id, self._kind)
        except HomeAssistantError as err:
            return err
        finally:
            self._ordering = False
        return None


class OrderFlow(FixFlow):
    """Have a reboot or a logout confirmed."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Say what will happen, then do it."""
        return await self._ask("confirm", _CONFIRM_SCHEMA, user_input)

    @override
    async def _order(
        self, coordinator: GreenApiCoordinator, user_input: dict[str, Any]
    ) -> None:
        await _ORDERS[self._kind](coordinator)


class PasswordFlow(FixFlow):
    """Ask for the two-factor password; end by itself when it is wanted no more."""

    _check: asyncio.Task[object] | None = None
    _stop_watching: CALLBACK_TYPE | None = None

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_check()

    async def async_step_check(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Look whether the password is still wanted."""
        if self._check is None:
            if (entry := self._entry) is None:
                return self.async_abort(reason="not_loaded")
            self._check = self.hass.async_create_background_task(
                _check(entry.runtime_data), f"{entry.title} repair", eager_start=False
            )
        if not self._check.done():
            return self.async_show_progress(
                step_id="check", progress_action="check", progress_task=self._check
            )
        return self.async_show_progress_done(next_step_id="password")

    async def async_step_password(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask for the password and send it."""
        if self._stop_watching is None:
            self._stop_watching = self.hass.bus.async_listen(
                ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED, self._end_when_solved
            )
        return await self._ask("password", _PASSWORD_SCHEMA, user_input)

    @override
    async def _order(
        self, coordinator: GreenApiCoordinator, user_input: dict[str, Any]
    ) -> None:
        await async_send_password(coordinator, user_input[CONF_PASSWORD])

    @callback
    @override
    def async_remove(self) -> None:
        """Stop watching."""
        if self._stop_watching is not None:
            self._stop_watching()

    @callback
    def _end_when_solved(self, event: Event[ir.EventIssueRegistryUpdatedData]) -> None:
        # While a password is on its way, the answer to it ends the flow.
        ours = event.data["issue_id"] == self.issue_id
        if ours and self._solved and not self._ordering:
            self.async_notify_flow_changed()


async def _check(coordinator: GreenApiCoordinator) -> None:
    """Ask for the state, in a task of the entry's that outlives the dialog."""
    await asyncio.gather(coordinator.async_ask_state(), asyncio.sleep(CHECK_TIME))
