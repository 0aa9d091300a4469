"""A client of the control API, for tests and demos of another process."""

from typing import TYPE_CHECKING, Any, Self

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_TIMEOUT = aiohttp.ClientTimeout(total=90)


class ControlError(Exception):
    """The control API refused; the text says why."""

    def __init__(self, status: int, text: str) -> None:
        """Keep the HTTP status and the reason."""
        super().__init__(text)
        self.status = status


class ControlClient:
    """Call a running simulator's control API.

    Every method raises ControlError when refused, and aiohttp.ClientError when
    the simulator cannot be reached.
    """

    def __init__(self, url: str) -> None:
        """Call the simulator at this address, such as ``http://127.0.0.1:8090``."""
        self._url = f"{url.rstrip('/')}/control"
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connection pool."""
        if self._session:
            await self._session.close()
            self._session = None

    async def instances(self) -> list[dict[str, Any]]:
        """Return all instances, tokens included."""
        answer = await self._call("GET", "/instances")
        found: list[dict[str, Any]] = answer["instances"]
        return found

    async def instance(self, id_instance: str) -> dict[str, Any]:
        """Return one instance, token included."""
        return await self._call("GET", f"/instances/{id_instance}")

    async def create(
        self, id_instance: str, messenger: str, **options: object
    ) -> dict[str, Any]:
        """Create an instance; options as in ``POST /control/instances``."""
        body = {"id_instance": id_instance, "messenger": messenger, **options}
        return await self._call("POST", "/instances", body)

    async def delete(self, id_instance: str) -> None:
        """Delete an instance."""
        await self._call("DELETE", f"/instances/{id_instance}")

    async def code(self, id_instance: str) -> dict[str, Any] | None:
        """Return the live login code, or None when there is none."""
        code: dict[str, Any] | None = (await self.instance(id_instance))["code"]
        return code

    async def scan(
        self, id_instance: str, payload: str | None = None
    ) -> dict[str, Any]:
        """Scan the live code, or what a picture said."""
        return await self._change(id_instance, "scan", {"payload": payload})

    async def unlink(self, id_instance: str) -> dict[str, Any]:
        """Unlink the instance on the phone."""
        return await self._change(id_instance, "unlink", {})

    async def set_state(self, id_instance: str, state: str | None) -> dict[str, Any]:
        """Put the instance into a state."""
        return await self._change(id_instance, "state", {"state": state})

    async def set_password(
        self, id_instance: str, password: str | None
    ) -> dict[str, Any]:
        """Set or remove the account's two-factor password."""
        return await self._change(id_instance, "password", {"password": password})

    async def enter_password(self, id_instance: str, password: str) -> dict[str, Any]:
        """Give the two-factor password after a scan."""
        return await self._change(id_instance, "enter-password", {"password": password})

    async def enter_pairing_code(self, id_instance: str, code: str) -> dict[str, Any]:
        """Type on the phone the pairing code that the vendor API gave."""
        return await self._change(id_instance, "pairing", {"code": code})

    async def set_account(self, id_instance: str, **account: str) -> dict[str, Any]:
        """Set the account's ``phone``, ``name``, ``wid``."""
        return await self._change(id_instance, "account", account)

    async def set_timing(self, id_instance: str, **seconds: float) -> dict[str, Any]:
        """Set ``start_``, ``qr_``, ``scan_``, ``reboot_`` and ``ask_limit_seconds``."""
        return await self._change(id_instance, "timing", seconds)

    async def set_settings(
        self, id_instance: str, **settings: object
    ) -> dict[str, Any]:
        """Change settings, spelled as the vendor does, without the reboot."""
        return await self._change(id_instance, "settings", settings)

    async def suspend(self, id_instance: str, seconds: float) -> dict[str, Any]:
        """Suspend the account until so many seconds from now."""
        return await self._change(id_instance, "suspended", {"seconds": seconds})

    async def set_online(self, id_instance: str, *, online: bool) -> dict[str, Any]:
        """Say whether the phone has a connection."""
        return await self._change(id_instance, "online", {"online": online})

    async def set_stale(self, id_instance: str, *, stale: bool) -> dict[str, Any]:
        """Let old credentials be in the way of a login until a logout, or not."""
        return await self._change(id_instance, "stale", {"stale": stale})

    async def refuse_pairing(self, id_instance: str, *, refuse: bool) -> dict[str, Any]:
        """Let every request for a pairing code be in vain, or not."""
        return await self._change(id_instance, "refuse-pairing", {"refuse": refuse})

    async def set_scan_text(self, id_instance: str, text: str) -> dict[str, Any]:
        """Keep scanqrcode to the ``older`` or the ``newer`` text of the vendor."""
        return await self._change(id_instance, "scan-text", {"text": text})

    async def notifications(self, id_instance: str) -> list[dict[str, Any]]:
        """Return the notifications that wait to be fetched, oldest first."""
        answer = await self._call("GET", f"/instances/{id_instance}/notifications")
        found: list[dict[str, Any]] = answer["notifications"]
        return found

    async def presets(self) -> list[dict[str, Any]]:
        """Return the named faults on offer."""
        found: list[dict[str, Any]] = (await self._call("GET", "/presets"))["presets"]
        return found

    async def switch_on(
        self, preset: str, id_instance: str | None = None, **options: object
    ) -> dict[str, Any]:
        """Put a preset in force; ``method`` and ``count`` as in ``add_fault``."""
        body = {"preset": preset, "id_instance": id_instance, **options}
        return await self._call("POST", "/faults", body)

    async def switch_off(self, preset: str, id_instance: str | None = None) -> None:
        """Clear a preset, for one instance or wherever it is in force."""
        query = {"preset": preset}
        if id_instance is not None:
            query["id_instance"] = id_instance
        await self._call("DELETE", "/faults", query=query)

    async def faults(self) -> list[dict[str, Any]]:
        """Return the faults in force."""
        found: list[dict[str, Any]] = (await self._call("GET", "/faults"))["faults"]
        return found

    async def add_fault(self, kind: str, **fields: object) -> dict[str, Any]:
        """Put a fault in force; fields as in ``POST /control/faults``."""
        return await self._call("POST", "/faults", {"kind": kind, **fields})

    async def remove_fault(self, number: int) -> None:
        """Clear one fault."""
        await self._call("DELETE", f"/faults/{number}")

    async def clear_faults(self, id_instance: str | None = None) -> None:
        """Clear all faults, or those of one instance."""
        query = {} if id_instance is None else {"id_instance": id_instance}
        await self._call("DELETE", "/faults", query=query)

    async def requests(self, **query: str | float) -> dict[str, Any]:
        """Return ``cursor``, ``requests`` and ``counts``.

        The query: ``id_instance``, ``method``, ``since`` (a cursor), ``wait``
        (seconds to wait for a request that matches).
        """
        return await self._call("GET", "/requests", query=query)

    async def _change(
        self, id_instance: str, what: str, body: Mapping[str, object]
    ) -> dict[str, Any]:
        return await self._call("POST", f"/instances/{id_instance}/{what}", body)

    async def _call(
        self,
        verb: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        query: Mapping[str, str | float] | None = None,
    ) -> dict[str, Any]:
        if self._session is None:
            msg = "use it as an async context manager"
            raise RuntimeError(msg)
        async with self._session.request(
            verb, self._url + path, json=body, params=query
        ) as response:
            text = await response.text()
            answer: dict[str, Any] = await response.json() if text else {}
            if not response.ok:
                raise ControlError(response.status, answer["error"])
            return answer
