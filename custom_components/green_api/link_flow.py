"""The ways to link an instance without a QR, as dialogs."""

from abc import abstractmethod
from datetime import datetime, timedelta
from functools import cached_property
from math import ceil
import re
from typing import Any, Final, override

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.selector import (
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .api.address import InvalidAddress, clean_phone_number
from .api.errors import (
    AuthorizationNotStarted,
    CloudFailed,
    ConnectionFailed,
    GreenApiError,
    InstanceNotReady,
    TimedOut,
    TimeLimitExpired,
    UnexpectedAnswer,
)
from .api.models import InstanceState, Messenger
from .authorization import (
    async_get_pairing_code,
    async_send_code,
    async_send_password,
    async_start_phone_login,
    clean_code,
    wants_password,
)
from .const import CONF_MESSENGER, PHONE_CODE_LIFE, SETTLING_TIME, STARTING_LIMIT
from .coordinator import GreenApiCoordinator
from .job_flow import Job, JobFlow
from .snapshot import LoginPhase

CONF_PHONE_NUMBER: Final = "phone_number"
CONF_CODE: Final = "code"
CONF_PASSWORD: Final = "password"  # noqa: S105  a name

_PASSWORD: Final = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")
)
PHONE_SCHEMA: Final = vol.Schema(
    {
        vol.Optional(CONF_PHONE_NUMBER): TextSelector(
            TextSelectorConfig(type=TextSelectorType.TEL, autocomplete="tel")
        )
    }
)
CODE_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_CODE): TextSelector(
            TextSelectorConfig(autocomplete="one-time-code")
        ),
        vol.Optional(CONF_PASSWORD): _PASSWORD,
    }
)
PASSWORD_SCHEMA: Final = vol.Schema({vol.Required(CONF_PASSWORD): _PASSWORD})

# Five digits are usual; how the codes of all messengers look is not documented.
_CODE: Final = re.compile(r"[A-Za-z0-9]{3,20}")

# After these a code may have been given, though nobody was told.
_NO_ANSWER: Final = frozenset(
    {ConnectionFailed.key, TimedOut.key, CloudFailed.key, UnexpectedAnswer.key}
)


class LinkFlow(JobFlow):
    """Link an instance by phone number, code and password.

    Each form hands over to a job, and an error comes back to the form. What was
    typed stays, except passwords.
    """

    def __init__(self) -> None:
        """Start with nothing typed."""
        self._form = ""
        self._first = "phone"
        self._errors: dict[str, str] = {}
        self._facts: dict[str, str] = {}
        self._phone_typed = ""
        self._phone_number = 0
        self._pairing_code = ""
        self._code_ends_at: datetime | None = None
        self._code_typed = ""
        self._password: str | None = None

    @property
    def ways(self) -> list[str]:
        """Return the steps by which the instance can be linked now."""
        if (coordinator := self.coordinator) is None:
            return []
        data = coordinator.data
        if wants_password(coordinator):
            return ["password"]
        if not is_unlinked(coordinator):
            return []
        if coordinator.messenger is Messenger.WHATSAPP:
            return ["pairing"]
        # Whoever has closed the dialog too early still has the code.
        asked = (
            data.login.phase is LoginPhase.PHONE_CODE
            or data.state is InstanceState.PENDING_CODE
        )
        return ["code", "phone"] if asked else ["phone"]

    @override
    def step_after(self, err: HomeAssistantError) -> str:
        """Return the form that says what went wrong, or what the state calls for."""
        key = err.translation_key or GreenApiError.key
        step = self._step_for_state(self._form)
        if key == TimeLimitExpired.key:
            # It ends in a logout, whatever the state still says.
            step = self._first
        elif step not in {"linked", "password"}:
            lost = key == AuthorizationNotStarted.key
            step = self._first if lost else self._form
        self._facts = dict(err.translation_placeholders or {})
        if key in _NO_ANSWER and step in {"pairing", "phone"}:
            return self._refuse_unless_given(step, key)
        return self._refuse(step, key)

    @abstractmethod
    async def async_step_qr_wait(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Go on with a QR, for whoever leaves the phone number empty."""

    # ---------------------------------------------------------------- WhatsApp

    async def async_step_pairing(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the number of the phone that is to be linked."""
        return await self._ask_for_phone("pairing", user_input)

    async def async_step_pairing_expired(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Offer another code."""
        return await self._ask_for_phone("pairing_expired", user_input)

    async def async_step_pairing_code(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the code until the phone has taken it, or it has run out."""
        return self._show_progress(
            "pairing_code",
            self._watch_pairing_code,
            code=self._pairing_code,
            until=_time_of_day(self._code_ends_at),
        )

    # --------------------------------------------------------- Telegram and MAX

    async def async_step_phone(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the number of the account that is to be linked."""
        return await self._ask_for_phone("phone", user_input)

    async def async_step_phone_expired(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Offer another code."""
        return await self._ask_for_phone("phone_expired", user_input)

    async def async_step_code(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the code that the messenger has sent."""
        if (typed := self.typed(user_input)) is not None:
            self._begin_attempt("code")
            self._code_typed = typed[CONF_CODE]
            self._password = typed.get(CONF_PASSWORD) or None
            if _CODE.fullmatch(clean_code(self._code_typed)):
                return await self.async_step_sending_code()
            self._errors[CONF_CODE] = "invalid_code"
        if (step := self.run_beside("code", self._watch_phone_code)) is not None:
            return await self._go(step)
        return self._show_form("code", CODE_SCHEMA, {CONF_CODE: self._code_typed})

    async def async_step_password(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the two-factor password of the account."""
        if (typed := self.typed(user_input)) is not None:
            self._begin_attempt("password")
            self._password = typed[CONF_PASSWORD]
            if self._password:
                return await self.async_step_sending_password()
            self._errors[CONF_PASSWORD] = "password_missing"
        if (step := self.run_beside("password", self._watch_password)) is not None:
            return await self._go(step)
        return self._show_form("password", PASSWORD_SCHEMA, {})

    # ---------------------------------------------------------- what takes long

    async def async_step_asking(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Wait for the code, or for the messenger to have sent it."""
        return self._show_progress("asking", self._ask_for_code)

    async def async_step_sending_code(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Wait for the answer to the code."""
        return self._show_progress("sending_code", self._send_code)

    async def async_step_sending_password(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Wait for the answer to the password."""
        return self._show_progress("sending_password", self._send_password)

    async def async_step_linking(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Wait for the instance to be authorized."""
        return self._show_progress("linking", self._watch_link)

    # ------------------------------------------------------------------ the end

    async def async_step_linked(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """End well."""
        return self.async_abort(
            reason="linked",
            description_placeholders={"title": self.entry.title},
        )

    async def async_step_state_forbids_login(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """End, because nothing can be linked in this state."""
        return self.async_abort(reason="state_forbids_login")

    # ------------------------------------------------------------------- forms

    async def _ask_for_phone(
        self, step_id: str, user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        if user_input is None:
            # From a menu: what was waited for there is of no use to this form.
            self.end_job()
        if (typed := self.typed(user_input)) is not None:
            self._first = step_id.removesuffix("_expired")
            self._begin_attempt(self._first)
            self._phone_typed = typed.get(CONF_PHONE_NUMBER, "").strip()
            if not self._phone_typed:
                return await self.async_step_qr_wait()
            try:
                self._phone_number = clean_phone_number(self._phone_typed)
            except InvalidAddress as err:
                self._errors[CONF_PHONE_NUMBER] = err.key
            else:
                return await self.async_step_asking()
        return self._show_form(
            step_id, PHONE_SCHEMA, {CONF_PHONE_NUMBER: self._phone_typed}
        )

    def _show_form(
        self, step_id: str, schema: vol.Schema, typed: dict[str, str]
    ) -> ConfigFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, typed),
            errors=self._errors,
            description_placeholders={"messenger": self._label, **self._facts},
            last_step=False,
        )

    def _show_progress(
        self, step_id: str, job: Job, **placeholders: str
    ) -> ConfigFlowResult:
        return self.show_job(step_id, job, {"messenger": self._label, **placeholders})

    @cached_property
    def _label(self) -> str:
        # Cached: the entry may go, but a progress step may not end because of it.
        return Messenger(self.entry.data[CONF_MESSENGER]).label

    def _begin_attempt(self, form: str) -> None:
        self.end_job()
        self._form = form
        self._errors = {}
        self._facts = {}

    def _refuse(self, form: str, key: str) -> str:
        """Return a form to go to, which says why."""
        self._errors = {"base": key}
        return form

    def _refuse_unless_given(self, form: str, key: str) -> str:
        """Return a form to go to where a code may be on its way without an answer."""
        if (ends_at := self._hold_ends_at) is None:
            return self._refuse(form, key)
        self._code_ends_at = ends_at
        left = (ends_at - dt_util.utcnow()).total_seconds()
        self._facts = {"seconds": str(max(1, ceil(left)))}
        if form == "pairing":
            # It stood in the answer that did not come.
            return self._refuse("pairing", "pairing_code_lost")
        self._code_typed = ""
        return self._refuse("code", "code_may_come")

    async def _go(self, step: str) -> ConfigFlowResult:
        result: ConfigFlowResult = await getattr(self, f"async_step_{step}")()
        return result

    # -------------------------------------------------------------------- jobs

    async def _ask_for_code(self) -> str:
        if (coordinator := self.coordinator) is None:
            return self._refuse(self._form, "not_loaded")
        if self._form == "pairing":
            issued = await async_get_pairing_code(coordinator, self._phone_number)
            self._pairing_code = issued.code
            self._code_ends_at = issued.expires_at
            return "pairing_code"
        self._code_ends_at = await async_start_phone_login(
            coordinator, self._phone_number
        )
        self._code_typed = ""
        return "code"

    async def _send_code(self) -> str:
        if (coordinator := self.coordinator) is None:
            return self._refuse("code", "not_loaded")
        password, self._password = self._password, None
        await async_send_code(coordinator, clean_code(self._code_typed), password)
        return "linking"

    async def _send_password(self) -> str:
        if (coordinator := self.coordinator) is None:
            return self._refuse("password", "not_loaded")
        password, self._password = self._password, None
        await async_send_password(coordinator, password or "")
        return "linking"

    async def _watch_pairing_code(self) -> str:
        await self.wait_while(is_unlinked, self._code_left)
        return self._step_for_state("pairing_expired")

    async def _watch_phone_code(self) -> str:
        await self.wait_while(is_unlinked, self._code_left)
        step = self._step_for_state("phone_expired")
        if step == "phone_expired":
            # What was said of the code is over with it.
            self._errors = {}
            self._facts = {}
        return step

    async def _watch_password(self) -> str:
        await self.wait_while(wants_password, STARTING_LIMIT)
        return self._step_for_state(self._first)

    async def _watch_link(self) -> str:
        """Follow an accepted code or password to what comes of it."""
        # For a while the cloud can show the state of before.
        await self.wait_while(self._may_be_linked_yet, SETTLING_TIME)
        if self._step_for_state("") == "linking":
            await self.wait_while(is_starting, STARTING_LIMIT)
        step = self._step_for_state(self._first)
        if step == "linking":
            return self._refuse(self._first, InstanceNotReady.key)
        if step in {self._first, self._form}:
            return self._refuse(step, "not_linked")
        return step

    # ------------------------------------------------------------ the instance

    @property
    def _code_left(self) -> timedelta:
        # Another dialog may have asked for it, or an action.
        ends_at = self._code_ends_at or self._hold_ends_at
        return ends_at - dt_util.utcnow() if ends_at else PHONE_CODE_LIFE

    @property
    def _hold_ends_at(self) -> datetime | None:
        """Return until when no QR is asked for, because a code can be entered."""
        if (coordinator := self.coordinator) is None:
            return None
        login = coordinator.data.login
        return login.ends_at if login.phase is LoginPhase.PHONE_CODE else None

    def _may_be_linked_yet(self, coordinator: GreenApiCoordinator) -> bool:
        if wants_password(coordinator):
            return self._form == "password"
        return is_unlinked(coordinator) or is_starting(coordinator)

    def _step_for_state(self, unlinked: str) -> str:
        """Return the step that the state calls for."""
        coordinator = self.coordinator
        if coordinator is None:
            return unlinked
        if coordinator.data.state is InstanceState.AUTHORIZED:
            return "linked"
        if wants_password(coordinator):
            return "password"
        if is_starting(coordinator):
            return "linking"
        if is_unlinked(coordinator):
            return unlinked
        return "state_forbids_login"


def is_unlinked(coordinator: GreenApiCoordinator) -> bool:
    """Return whether the instance waits for somebody to link it."""
    state = coordinator.data.state
    return state in {InstanceState.NOT_AUTHORIZED, InstanceState.PENDING_CODE}


def is_starting(coordinator: GreenApiCoordinator) -> bool:
    """Return whether it shows only later what has become of the instance."""
    state = coordinator.data.state
    return state in {InstanceState.STARTING, InstanceState.UNKNOWN}


def _time_of_day(moment: datetime | None) -> str:
    return dt_util.as_local(moment).strftime("%H:%M:%S") if moment else ""
