"""The way to link an instance by a login QR, as a dialog."""

from base64 import b64encode
from datetime import timedelta
from functools import partial
from typing import Any, Final, override

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import voluptuous as vol

from .api.errors import InstanceNotReady
from .api.models import Messenger, ScanFailure
from .const import STARTING_LIMIT
from .coordinator import GreenApiCoordinator
from .job_flow import Job
from .link_flow import LinkFlow, is_starting, is_unlinked
from .snapshot import LoginPhase

# So long the first code is waited for where nothing but the wait is shown.
FIRST_LOOK: Final = timedelta(seconds=10)

CONF_WAY: Final = "way"

# They say no more than that the first code is on its way.
_ON_ITS_WAY: Final = frozenset({InstanceNotReady.key, ScanFailure.NOT_READY})

_ENDED: Final = frozenset({LoginPhase.EXPIRED, LoginPhase.PHONE_CODE})

# They have nothing to show that would be better than what went wrong.
_RESTING: Final = frozenset(
    {"qr_expired", "qr_needs_logout", "qr_pending", "qr_problem"}
)


def way_schema(ways: list[str]) -> vol.Schema:
    """Return the form that asks which step is to follow, the first by default."""
    selector = SelectSelector(
        SelectSelectorConfig(
            options=ways, mode=SelectSelectorMode.LIST, translation_key=CONF_WAY
        )
    )
    return vol.Schema({vol.Required(CONF_WAY, default=ways[0]): selector})


class QrFlow(LinkFlow):
    """Link an instance by a login QR, which renews itself in the open dialog.

    A menu shows the QR, with the other ways below it. What is shown follows the
    login, and so the dialog goes on by itself.
    """

    _code_seen = False

    @property
    def ways_out(self) -> list[str]:
        """Return the steps that lead away from the QR, beside the other ways."""
        return []

    @property
    @override
    def ways(self) -> list[str]:
        """Return the steps by which the instance can be linked now."""
        ways = super().ways
        return ways if ways in ([], ["password"]) else ["qr_wait", *ways]

    @override
    async def async_step_qr_wait(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Wait for the first code, a short time."""
        return self._show_progress("qr_wait", self._await_code)

    async def async_step_qr_whatsapp(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the QR, and how WhatsApp scans it."""
        return await self._show_qr("qr_whatsapp")

    async def async_step_qr_telegram(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the QR, and how Telegram scans it."""
        return await self._show_qr("qr_telegram")

    async def async_step_qr_max(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the QR, and how MAX scans it."""
        return await self._show_qr("qr_max")

    async def async_step_qr_pending(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say that no code has come yet."""
        if self.coordinator is None:
            return await self.async_step_qr_wait()
        return await self._show_menu("qr_pending", self._ways_around)

    async def async_step_qr_expired(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Offer to begin again."""
        return await self._show_menu("qr_expired", ["qr_wait", *self._ways_around])

    async def async_step_qr_needs_logout(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Offer to give up the stored login, which is of no use."""
        return await self._show_menu("qr_needs_logout", ["qr_logout", *self.ways_out])

    async def async_step_qr_logout(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Wait for the logout."""
        return self._show_progress("qr_logout", self._log_out)

    async def async_step_qr_problem(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say what stands in the way, and ask how to go on."""
        if (typed := self.typed(user_input)) is not None:
            return await self._go(typed[CONF_WAY])
        if (step := self._run_beside("qr_problem", self._watch_problem)) is not None:
            return await self._go(step)
        schema = way_schema(["qr_wait", *self._ways_around])
        return self._show_form("qr_problem", schema, {})

    # ------------------------------------------------------------------- shown

    async def _show_qr(self, step_id: str) -> ConfigFlowResult:
        if (coordinator := self.coordinator) is None:
            return await self.async_step_qr_wait()
        png = b64encode(coordinator.picture.png).decode()
        return await self._show_menu(
            step_id, self._ways_around, qr=f"data:image/png;base64,{png}"
        )

    async def _show_menu(
        self, step_id: str, ways: list[str], **placeholders: str
    ) -> ConfigFlowResult:
        if self.is_just_opened(step_id):
            return await self.async_step_qr_wait()
        job = partial(self._watch_menu, step_id)
        if (step := self._run_beside(step_id, job)) is not None:
            return await self._go(step)
        return self.async_show_menu(
            step_id=step_id,
            menu_options=ways,
            description_placeholders={"messenger": self._label, **placeholders},
        )

    def _run_beside(self, step_id: str, job: Job) -> str | None:
        """Return to which other step a job leads; the same one is shown anew."""
        while (step := self.run_beside(step_id, job, renews=True)) == step_id:
            pass
        return step

    @property
    def _ways_around(self) -> list[str]:
        return [*super().ways, *self.ways_out]

    # -------------------------------------------------------------------- jobs

    async def _await_code(self) -> str:
        """Ask for codes as a person does, and wait a while for the first."""
        self._form = self._first = "qr_problem"
        self._errors = {}
        self._facts = {}
        self._code_seen = False
        # It may be loading just now.
        await self.wait_while(lambda _: False, FIRST_LOOK)
        if (coordinator := self.coordinator) is None:
            return self._refuse("qr_problem", "not_loaded")
        try:
            await coordinator.async_request_login()
        except HomeAssistantError:
            # Where another state is the reason, it leads on.
            if is_unlinked(coordinator):
                # The code is to come by itself once it can.
                coordinator.look()
                raise
        await self.wait_while(_awaits_code, FIRST_LOOK)
        return self._lead()

    async def _log_out(self) -> str:
        if (coordinator := self.coordinator) is None:
            return self._refuse("qr_problem", "not_loaded")
        await coordinator.async_logout()
        return "qr_wait"

    async def _watch_menu(self, step_id: str) -> str:
        """Wait until there is another picture to show, or something else."""
        png = self.coordinator.picture.png if self.coordinator else b""
        await self.wait_while(
            lambda coordinator: (
                self._qr_step() == step_id and coordinator.picture.png == png
            ),
            STARTING_LIMIT,
        )
        return self._lead()

    async def _watch_problem(self) -> str:
        """Wait until the problem has gone, or has become another one."""
        problem = self._problem
        await self.wait_while(
            lambda _: self._qr_step() in _RESTING and self._problem in {problem, None},
            STARTING_LIMIT,
        )
        return self._lead()

    @override
    async def _watch_link(self) -> str:
        """Follow a scanned code to what comes of it."""
        if self._form != "qr_problem":
            return await super()._watch_link()
        await self.wait_while(is_starting, STARTING_LIMIT)
        return self._lead()

    # --------------------------------------------------------------- the login

    def _lead(self) -> str:
        """Return the step that shows where the login stands; name a problem."""
        step = self._qr_step()
        self._code_seen = step.removeprefix("qr_") in Messenger
        if step == "qr_problem" and (problem := self._problem) is not None:
            self._errors = {"base": problem}
            detail = self.coordinator.data.login.detail if self.coordinator else None
            self._facts = {"detail": detail or ""}
        return step

    def _qr_step(self) -> str:
        """Return the step that shows where the login stands."""
        if (coordinator := self.coordinator) is None:
            return "qr_problem"
        step = self._step_for_state("")
        if step == "linking" and not self._code_seen:
            return "qr_pending"
        return step or self._unlinked_step(coordinator)

    def _unlinked_step(self, coordinator: GreenApiCoordinator) -> str:
        showing = f"qr_{coordinator.messenger}"
        if coordinator.picture.situation is None:
            return showing
        if self._problem == ScanFailure.NEEDS_LOGOUT:
            return "qr_needs_logout"
        if self._problem is not None:
            return "qr_problem"
        if coordinator.data.login.phase in _ENDED:
            return "qr_expired"
        # The place of a code that is over is kept for the next one.
        return showing if self._code_seen else "qr_pending"

    @property
    def _problem(self) -> str | None:
        return _problem_of(self.coordinator) if self.coordinator else "not_loaded"


def _problem_of(coordinator: GreenApiCoordinator) -> str | None:
    problem = coordinator.data.problem
    return None if problem in _ON_ITS_WAY else problem


def _awaits_code(coordinator: GreenApiCoordinator) -> bool:
    if is_starting(coordinator):
        return True
    return (
        is_unlinked(coordinator)
        and coordinator.picture.situation is not None
        and _problem_of(coordinator) is None
    )
