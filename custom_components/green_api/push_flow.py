"""The options of events, as dialogs: the grace of losses, and how the cloud tells."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import ConfigFlowResult, UnknownEntry
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
)
import voluptuous as vol

from .api.errors import GreenApiError
from .const import (
    CONF_LOSS_GRACE,
    CONF_PUSH,
    DEFAULT_OPTIONS,
    LONGEST_LOSS_GRACE,
    PushMode,
)
from .job_flow import EntryFlow, Job
from .push.cloud_settings import Outlook, async_apply, async_look
from .push.loss import is_lost

CONF_OFF_ANYWAY: Final = "off_anyway"

_GRACE: Final = NumberSelector(
    NumberSelectorConfig(min=0, max=LONGEST_LOSS_GRACE, mode=NumberSelectorMode.BOX)
)
_PUSH: Final = SelectSelector(
    SelectSelectorConfig(options=list(PushMode), translation_key=CONF_PUSH)
)


def events_schema(*, may_turn_off: bool) -> vol.Schema:
    """Return the form; `may_turn_off` adds the choice to turn off without the cloud."""
    fields: dict[vol.Marker, object] = {
        # A number selector gives fractions.
        vol.Required(CONF_LOSS_GRACE): vol.All(_GRACE, vol.Coerce(int)),
        vol.Required(CONF_PUSH): _PUSH,
    }
    if may_turn_off:
        fields[vol.Required(CONF_OFF_ANYWAY, default=False)] = BooleanSelector()
    return vol.Schema(fields)


class PushFlow(EntryFlow):
    """Ask how the cloud is to tell of changes, and agree on it with the cloud.

    The options are saved when the cloud's settings are as they have to be. Whoever
    loses by that is named before.
    """

    _typed_events: Mapping[str, Any] = MappingProxyType({})
    _event_errors: Mapping[str, str] = MappingProxyType({})
    _may_turn_off = False
    _title = ""
    _outlook: Outlook

    async def async_step_events(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the grace of losses, and how the cloud tells of changes."""
        present = {**DEFAULT_OPTIONS, **self.config_entry.options}
        if (typed := self.typed(user_input)) is not None:
            self.end_job()
            off_anyway = typed.pop(CONF_OFF_ANYWAY, False)
            self._typed_events = typed
            self._event_errors = {}
            turns_off = typed[CONF_PUSH] == PushMode.OFF
            stays = typed[CONF_PUSH] == present[CONF_PUSH]
            lost = is_lost(self.hass, self.config_entry)
            if (turns_off and off_anyway) or (stays and not lost):
                return self.async_create_entry(
                    data={**self.config_entry.options, **typed}
                )
            self._may_turn_off = False
            return await self.async_step_reading_settings()
        return self.async_show_form(
            step_id="events",
            data_schema=self.add_suggested_values_to_schema(
                events_schema(may_turn_off=self._may_turn_off),
                {**present, **self._typed_events},
            ),
            errors=dict(self._event_errors),
            last_step=False,
        )

    async def async_step_reading_settings(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Wait for what stands in the cloud now."""
        return self._show_push_job("reading_settings", self._read)

    async def async_step_confirm_push(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether the instance may be changed and restarted."""
        return self._show_change("confirm_push")

    async def async_step_confirm_queue(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether whoever takes from the queue may get nothing any more."""
        return self._show_change("confirm_queue")

    async def async_step_confirm_takeover(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether another system may lose what it gets now."""
        return self._show_change("confirm_takeover", loser=str(self._outlook.loser))

    async def async_step_confirm_put_back(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether the former settings may come back now."""
        return self._show_change("confirm_put_back")

    async def async_step_apply_push(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Wait for the cloud to take the settings."""
        return self._show_push_job("apply_push", self._apply)

    async def async_step_save_push(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """End well; everything is saved already."""
        return self.async_create_entry(data=dict(self.config_entry.options))

    def _show_push_job(self, step_id: str, job: Job) -> ConfigFlowResult:
        if self._job is None:
            # Later on the entry may go, but a progress may not end because of it.
            self._title = self.config_entry.title
        return self.show_job(step_id, job, {"title": self._title})

    def _show_change(self, step_id: str, **placeholders: str) -> ConfigFlowResult:
        return self.async_show_menu(
            step_id=step_id,
            menu_options=["apply_push", "events"],
            description_placeholders={
                "now": self._outlook.now,
                "then": self._outlook.then,
                **placeholders,
            },
        )

    @property
    def _wanted(self) -> PushMode:
        return PushMode(self._typed_events[CONF_PUSH])

    async def _read(self) -> str:
        entry = self.config_entry
        try:
            self._outlook = await async_look(self.hass, entry, self._wanted)
        except (GreenApiError, HomeAssistantError) as err:
            return self._refuse_push(err)
        return await self._go_on()

    async def _apply(self) -> str:
        entry, seen = self.config_entry, self._outlook
        # Whoever closes the dialog meanwhile does not leave it half done.
        job = self.hass.async_create_task(
            async_apply(self.hass, entry, seen, self._typed_events)
        )
        try:
            self._outlook = await asyncio.shield(job)
        except (GreenApiError, HomeAssistantError) as err:
            return self._refuse_push(err)
        if self._outlook == seen:
            return "save_push"
        # Somebody has changed the settings while they were shown.
        return await self._go_on()

    async def _go_on(self) -> str:
        """Return the step that asks before, or the last one where nobody is asked."""
        if not self._outlook.needed:
            present = self.config_entry.options[CONF_PUSH]
            if self._wanted is PushMode.QUEUE and present != PushMode.QUEUE:
                # It takes from others also where nothing has to be changed for it.
                return "confirm_queue"
            return await self._apply()
        if self._wanted is PushMode.OFF:
            return "confirm_put_back"
        return "confirm_push" if self._outlook.loser is None else "confirm_takeover"

    def _refuse_push(self, err: GreenApiError | HomeAssistantError) -> str:
        """Return the step that says why it cannot be so."""
        if isinstance(err, UnknownEntry):
            return "entry_removed"
        if isinstance(err, GreenApiError):
            self._event_errors = {"base": err.key}
            if self._wanted is PushMode.OFF:
                self._may_turn_off = True
        else:
            self._event_errors = {CONF_PUSH: str(err.translation_key)}
        return "events"
