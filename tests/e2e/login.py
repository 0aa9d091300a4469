"""One instance's login, as a person before Home Assistant goes through it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
import json
from typing import Any

from demo.hass_client import HomeAssistantClient
from demo.instances import DemoInstance
from demo.qr import read_qr
from simulator.control import ControlClient, ControlError

# What anything here may take on a busy machine; most is there much sooner.
PATIENCE = 60.0

type Submit = Callable[[str], Awaitable[dict[str, Any]]]


@dataclass(frozen=True)
class Login:
    """The person with the phone of an instance."""

    phone: ControlClient
    client: HomeAssistantClient
    instance: DemoInstance

    @property
    def sequence(self) -> int:
        """Return the number of the code that is shown, 0 for none."""
        sensor = self.client.states.get(self.instance.login_sensor)
        if sensor is None or sensor["state"] != "showing":
            return 0
        return int(sensor["attributes"]["sequence"])

    async def wait_for_code(self, after: int = 0) -> int:
        """Wait until a code is shown that is newer; return its number."""
        await self.client.wait_until(
            f"{self.instance.title} shows a code after number {after}",
            lambda: self.sequence > after,
            seconds=PATIENCE,
        )
        return self.sequence

    async def scan(self, after: int = 0) -> str:
        """Scan what the camera shows, once it is newer; return what it said."""
        id_instance = self.instance.id_instance
        while True:
            after = await self.wait_for_code(after)
            picture = await self.client.camera_picture(self.instance.camera)
            payload = await asyncio.to_thread(read_qr, picture)
            if payload is None:
                continue
            try:
                await self.phone.scan(id_instance, payload)
            except ControlError as error:
                if error.status != HTTPStatus.CONFLICT:
                    raise
                # The cloud has renewed it in this moment.
                continue
            return payload

    async def expect(self, state: str) -> None:
        """Wait for a state of the instance."""
        await self.client.wait_for_state(self.instance.sensor, state, seconds=PATIENCE)

    async def expect_phase(self, phase: str) -> None:
        """Wait for a phase of the login."""
        await self.client.wait_for_state(
            self.instance.login_sensor, phase, seconds=PATIENCE
        )

    async def act(self, action: str, **data: str) -> None:
        """Perform an action of the integration."""
        await self.client.act(f"green_api.{action}", self._named(data))

    async def ask(self, action: str, **data: str) -> dict[str, Any]:
        """Perform an action of the integration and return what it responds."""
        return await self.client.ask(f"green_api.{action}", self._named(data))

    async def open_password_repair(self) -> Submit:
        """Open the repair as the interface does; return what submits its form."""
        client = self.client
        issue_id = f"pending_password_{self.instance.entry_id}"
        listed = await client.call("repairs/list_issues")
        assert issue_id in {item["issue_id"] for item in listed["issues"]}
        moved: set[str] = set()
        await client.subscribe(
            "subscribe_events",
            lambda event: moved.add(event["data"]["flow_id"]),
            event_type="data_entry_flow_progressed",
        )
        flow = await client.post(
            "/api/repairs/issues/fix", {"handler": "green_api", "issue_id": issue_id}
        )
        assert flow["type"] == "progress"
        await client.wait_until(
            "the repair has looked at the state",
            lambda: flow["flow_id"] in moved,
            seconds=PATIENCE,
        )
        path = f"/api/repairs/issues/fix/{flow['flow_id']}"
        form = json.loads(await client.get(path))
        assert (form["type"], form["step_id"]) == ("form", "password")

        async def submit(password: str) -> dict[str, Any]:
            return await client.post(path, {"password": password})

        return submit

    async def phone_number(self) -> str:
        """Return the number of the account, as people write it."""
        listed = await self.phone.instance(self.instance.id_instance)
        return f"+{listed['account']['phone']}"

    async def read_phone_code(self) -> str:
        """Return the code that the messenger has sent to the phone."""
        listed = await self.phone.instance(self.instance.id_instance)
        return str(listed["phone_code"]["code"])

    async def requests(
        self, method: str, *, wait: float = PATIENCE
    ) -> list[dict[str, Any]]:
        """Return the requests that have ended, if there is none yet, the first."""
        answer = await self.phone.requests(
            id_instance=self.instance.id_instance, method=method, wait=wait
        )
        found: list[dict[str, Any]] = answer["requests"]
        return found

    def _named(self, data: dict[str, str]) -> dict[str, str]:
        return {"config_entry_id": self.instance.entry_id, **data}
