"""The parts of an experiment: a cloud, an instance, and its client."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
import httpx
import pytest

from custom_components.green_api.api import client as client_module
from custom_components.green_api.api.client import GreenApiClient
from simulator import Fault, Instance, Simulator

from .servers import serve


class Lab:
    """Hold an instance of a simulated cloud and its client."""

    def __init__(
        self, cloud: Simulator, instance: Instance, http: httpx.AsyncClient
    ) -> None:
        """Make the client of the instance."""
        self.cloud = cloud
        self.instance = instance
        self.http = http
        self.own = self.client()

    def client(self, **changes: Any) -> GreenApiClient:
        """Return a client of the instance, with another address where given."""
        address = {
            "api_url": self.cloud.url,
            "id_instance": self.instance.id_instance,
            "api_token_instance": self.instance.token,
        }
        return GreenApiClient(changes.pop("http", self.http), **{**address, **changes})

    @asynccontextmanager
    async def fault(self, fault: Fault) -> AsyncGenerator[GreenApiClient]:
        """Break the cloud; gives the instance's client."""
        rule = self.cloud.cloud.faults.add(fault)
        yield self.own
        self.cloud.cloud.faults.remove(rule.number)

    @asynccontextmanager
    async def answer(self, answer: object) -> AsyncGenerator[GreenApiClient]:
        """Give a client of another server, which has this JSON for everything."""

        async def give(_request: web.BaseRequest) -> web.Response:
            return web.json_response(answer)

        async with serve(give) as url:
            yield self.client(api_url=url)


def limit_requests(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let no request but one for a code take longer."""
    defaults = GreenApiClient._request.__kwdefaults__
    assert defaults is not None
    assert defaults["limit"] == client_module.ANSWER_TIMEOUT
    monkeypatch.setitem(defaults, "limit", seconds)


def limit_codes(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let no request for a code take longer."""
    monkeypatch.setattr(client_module, "CODE_TIMEOUT", seconds)
