"""A client of Home Assistant's REST and WebSocket API."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from .hass_socket import HomeAssistantError, HomeAssistantSocket, Json

if TYPE_CHECKING:
    from types import TracebackType

_TIMEOUT = aiohttp.ClientTimeout(total=30)


class HomeAssistantClient:
    """Call a Home Assistant that trusts this machine's network.

    Every method raises HomeAssistantError when refused, and aiohttp.ClientError
    when Home Assistant cannot be reached.
    """

    def __init__(self, url: str) -> None:
        """Call the Home Assistant at this address."""
        self.url = url.rstrip("/")
        self.states: dict[str, Json] = {}
        """Home Assistant's states by entity id, as the API gives them."""
        self.notifications: dict[str, Json] = {}
        """The persistent notifications by their id."""
        self._session: aiohttp.ClientSession | None = None
        self._socket: HomeAssistantSocket | None = None
        self._token = ""

    async def __aenter__(self) -> Self:
        """Log in, connect, and mirror states and notifications from now on."""
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        try:
            self._token = await self._log_in()
            self._socket = HomeAssistantSocket(
                await self._session.ws_connect(
                    f"{self.url}/api/websocket", max_msg_size=0
                )
            )
            await self._socket.log_in(self._token)
            await self._mirror()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Disconnect."""
        await self.close()

    async def close(self) -> None:
        """Disconnect."""
        if self._socket:
            await self._socket.close()
        if self._session:
            await self._session.close()

    async def call(self, command: str, **fields: object) -> Any:
        """Send a WebSocket command and return its result."""
        return await self._connection.call(command, fields)

    async def subscribe(
        self, command: str, listener: Callable[[Json], None], **fields: object
    ) -> None:
        """Send a WebSocket command whose events go to the listener."""
        await self._connection.subscribe(command, fields, listener)

    async def act(self, action: str, data: Mapping[str, object]) -> None:
        """Perform an action, such as ``green_api.logout``, and wait for its end."""
        domain, service = action.split(".")
        await self.call(
            "call_service", domain=domain, service=service, service_data=data
        )

    async def ask(self, action: str, data: Mapping[str, object]) -> Json:
        """Perform an action and return what it responds."""
        domain, service = action.split(".")
        answer: Json = await self.call(
            "call_service",
            domain=domain,
            service=service,
            service_data=data,
            return_response=True,
        )
        response: Json = answer["response"]
        return response

    async def press(self, button: str) -> None:
        """Press a button entity, and wait until it has done its work."""
        await self.act("button.press", {"entity_id": button})

    async def get(self, path: str) -> bytes:
        """Return the body of a GET request."""
        async with self._http.get(self.url + path, headers=self._headers) as response:
            body = await response.read()
        if not response.ok:
            msg = f"GET {path}: HTTP {response.status}"
            raise HomeAssistantError(msg)
        return body

    async def post(self, path: str, data: Json) -> Json:
        """Send JSON and return what is answered as JSON."""
        return await self._post(path, json=data)

    async def delete(self, path: str) -> None:
        """Send a DELETE request."""
        async with self._http.delete(
            self.url + path, headers=self._headers
        ) as response:
            if not response.ok:
                msg = f"DELETE {path}: HTTP {response.status}"
                raise HomeAssistantError(msg)

    async def camera_picture(self, entity_id: str) -> bytes:
        """Return a camera's picture as its proxy serves it."""
        return await self.get(f"/api/camera_proxy/{entity_id}")

    async def image_picture(self, entity_id: str) -> bytes:
        """Return an image entity's picture as its proxy serves it."""
        return await self.get(f"/api/image_proxy/{entity_id}")

    def state(self, entity_id: str) -> str | None:
        """Return an entity's state, None where there is no such entity."""
        found = self.states.get(entity_id)
        return str(found["state"]) if found else None

    async def wait_for_state(
        self, entity_id: str, wanted: str, *, seconds: float
    ) -> None:
        """Wait until an entity has a state."""
        try:
            await self.wait_until(
                f"{entity_id} is {wanted}",
                lambda: self.state(entity_id) == wanted,
                seconds=seconds,
            )
        except HomeAssistantError as error:
            msg = f"{error}; it is {self.state(entity_id)}"
            raise HomeAssistantError(msg) from None

    async def wait_until(
        self, what: str, condition: Callable[[], bool], *, seconds: float
    ) -> None:
        """Wait until a condition on states or notifications holds."""
        changed = self._connection.changed
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    if self._connection.gone:
                        msg = f"the connection has ended before {what}"
                        raise HomeAssistantError(msg)
                    await changed.wait()
        except TimeoutError:
            msg = f"waited {seconds:g} s in vain until {what}"
            raise HomeAssistantError(msg) from None

    @property
    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise _not_entered()
        return self._session

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    @property
    def _connection(self) -> HomeAssistantSocket:
        if self._socket is None:
            raise _not_entered()
        return self._socket

    async def _log_in(self) -> str:
        client = f"{self.url}/"
        flow = await self._post(
            "/auth/login_flow",
            json={
                "client_id": client,
                "handler": ["trusted_networks", None],
                "redirect_uri": client,
            },
        )
        if flow.get("type") != "create_entry":
            msg = "Home Assistant does not let this machine in"
            raise HomeAssistantError(msg)
        answer = await self._post(
            "/auth/token",
            data={
                "client_id": client,
                "grant_type": "authorization_code",
                "code": flow["result"],
            },
        )
        return str(answer["access_token"])

    async def _post(
        self,
        path: str,
        *,
        json: Json | None = None,
        data: Json | None = None,
    ) -> Json:
        async with self._http.post(
            self.url + path, json=json, data=data, headers=self._headers
        ) as response:
            if not response.ok:
                msg = f"POST {path}: HTTP {response.status}"
                raise HomeAssistantError(msg)
            answer: Json = await response.json()
            return answer

    async def _mirror(self) -> None:
        # Subscribed first: nothing that changes in between is missed.
        await self._connection.subscribe(
            "subscribe_events", {"event_type": "state_changed"}, self._take_state
        )
        for state in await self.call("get_states"):
            self.states.setdefault(state["entity_id"], state)
        await self._connection.subscribe(
            "persistent_notification/subscribe", {}, self._take_notifications
        )

    def _take_state(self, event: Json) -> None:
        data = event["data"]
        if data["new_state"]:
            self.states[data["entity_id"]] = data["new_state"]
        else:
            self.states.pop(data["entity_id"], None)

    def _take_notifications(self, event: Json) -> None:
        if event["type"] == "removed":
            for key in event["notifications"]:
                self.notifications.pop(key, None)
        else:
            self.notifications.update(event["notifications"])


def _not_entered() -> RuntimeError:
    return RuntimeError("use it as an async context manager")
