"""Home Assistant's own HTTP server, the settings that lead to it, and who posts."""

import asyncio
from datetime import timedelta
from typing import Any

from aiohttp.test_utils import TestClient
from aiohttp.typedefs import LooseHeaders
from aiohttp.web import Request
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.green_api.const import CONF_PUSH_SETTINGS
from custom_components.green_api.push import webhook
from simulator import Instance, Simulator
from tests.conftest import entry_of

type Client = TestClient[Any, Any]

TOKEN = "c0ffee0a" * 6
WEBHOOK_ID = "green_api_" + "5e" * 32

IDLE_INTERVAL = timedelta(seconds=60)

OURS = "custom_components.green_api"


def notice(instance: Instance, **changes: Any) -> dict[str, Any]:
    """Return a notification as the instance would send it now."""
    body = {
        "typeWebhook": "stateInstanceChanged",
        "instanceData": {
            "idInstance": int(instance.id_instance),
            "wid": "",
            "typeInstance": str(instance.messenger),
        },
        "timestamp": int(instance.clock.wall().timestamp()),
        "stateInstance": str(instance.state),
    }
    return {**body, **changes}


class Door:
    """Where the cloud, or anybody, reaches Home Assistant."""

    def __init__(self, client: Client) -> None:
        """Take a client of the server."""
        self.client = client

    def path(self, webhook_id: str = WEBHOOK_ID) -> str:
        """Return the path of a webhook."""
        return f"/api/webhook/{webhook_id}"

    def url(self, webhook_id: str = WEBHOOK_ID) -> str:
        """Return the whole address of a webhook."""
        return str(self.client.make_url(self.path(webhook_id)))

    async def post(
        self,
        body: object,
        *,
        token: str = TOKEN,
        webhook_id: str = WEBHOOK_ID,
    ) -> int:
        """Post JSON as the cloud does, and return the status of the answer."""
        async with self.client.post(
            self.path(webhook_id),
            json=body,
            headers={"Authorization": f"Bearer {token}"},
        ) as answer:
            return answer.status

    async def post_raw(self, data: Any, headers: LooseHeaders | None = None) -> int:
        """Post what no JSON library would write, and return the answer's status."""
        headers = {"Authorization": f"Bearer {TOKEN}"} if headers is None else headers
        async with self.client.post(self.path(), data=data, headers=headers) as answer:
            return answer.status


async def set_up_push(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    mode: str,
    settings: dict[str, Any],
) -> MockConfigEntry:
    """Return the entry of an instance that tells of changes by itself, set up."""
    entry = entry_of(cloud, instance, push=mode)
    entry.add_to_hass(hass)
    former = {"webhook_url": "", "webhook_token": "", "state_webhook": False}
    settings = {"former": former, **settings}
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, CONF_PUSH_SETTINGS: settings}
    )
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


async def set_up_webhook(
    hass: HomeAssistant,
    cloud: Simulator,
    instance: Instance,
    door: Door,
    webhook_id: str = WEBHOOK_ID,
    token: str = TOKEN,
) -> MockConfigEntry:
    """Return the entry of an instance that posts to its webhook, all settled."""
    url = door.url(webhook_id)
    instance.set_settings(
        {"webhookUrl": url, "webhookUrlToken": token, "stateWebhook": "yes"}
    )
    settings = {
        "webhook_id": webhook_id,
        "token": token,
        "url": url,
        "cloudhook": False,
    }
    entry = await set_up_push(hass, cloud, instance, "webhook", settings)
    await settle(hass)
    return entry


async def settle(hass: HomeAssistant) -> None:
    """Wait until nothing is under way any more; only where nothing runs for ever."""
    await hass.async_block_till_done(wait_background_tasks=True)


def asked(cloud: Simulator, instance: Instance) -> int:
    """Return how often the state of an instance was asked for."""
    return cloud.cloud.log.counts(instance.id_instance).get("getStateInstance", 0)


def complaints(caplog: pytest.LogCaptureFixture, hass: HomeAssistant) -> list[str]:
    """Return all that was said aloud: our log above debug, and our repair issues."""
    return [
        *(
            record.getMessage()
            for record in caplog.records
            if record.name.startswith(OURS) and record.levelname != "DEBUG"
        ),
        *(
            str(issue.issue_id)
            for issue in ir.async_get(hass).issues.values()
            if issue.domain == "green_api"
        ),
    ]


class Unmoved:
    """See that nothing comes of a request: no question, no change, no complaint."""

    def __init__(
        self,
        hass: HomeAssistant,
        cloud: Simulator,
        entry: MockConfigEntry,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Note how things stand."""
        self._hass, self._cloud, self._caplog = hass, cloud, caplog
        self._coordinator = entry.runtime_data
        self._data = self._coordinator.data
        self._cursor = cloud.cloud.log.cursor
        caplog.clear()

    async def check(self) -> None:
        """See that they stand so still."""
        await settle(self._hass)
        assert self._cloud.cloud.log.list(since=self._cursor) == []
        assert self._coordinator.data is self._data
        assert complaints(self._caplog, self._hass) == []
        assert self._coordinator.update_interval == IDLE_INTERVAL


class Reading:
    """Note when a webhook begins to read a body, and when it has ended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Watch every webhook from now on."""
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()
        self._read = webhook._read
        monkeypatch.setattr(webhook, "_read", self._note)

    async def _note(self, request: Request) -> bytes | None:
        self.begun.set()
        try:
            return await self._read(request)
        finally:
            self.ended.set()


async def storm(door: Door, bodies: list[dict[str, Any]]) -> None:
    """Post them all, as many at a time as the client has connections."""
    statuses = await asyncio.gather(*map(door.post, bodies))
    assert set(statuses) == {200}
