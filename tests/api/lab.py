"""The parts of an experiment: a cloud, an instance, and its client."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web
import httpx
import pytest

from custom_components.green_api.api import client as client_module
from custom_components.green_api.api.client import GreenApiClient
from simulator import Fault, Instance, Simulator

from .servers import serve

type MakeClient = Callable[..., GreenApiClient]

ID_INSTANCE = "1101000001"
TOKEN = "d75b3a66374942c5b3c019c698abc2067e151558acbd412345"


def new_client(
    http: httpx.AsyncClient, websession: aiohttp.ClientSession, **address: Any
) -> GreenApiClient:
    """Return a client, of the instance that stands above unless told otherwise."""
    defaults = {"id_instance": ID_INSTANCE, "api_token_instance": TOKEN}
    return GreenApiClient(http, websession=websession, **{**defaults, **address})


class Lab:
    """Hold an instance of a simulated cloud and its client."""

    def __init__(
        self,
        cloud: Simulator,
        instance: Instance,
        http: httpx.AsyncClient,
        websession: aiohttp.ClientSession,
    ) -> None:
        """Make the client of the instance."""
        self.cloud = cloud
        self.instance = instance
        self.http = http
        self.websession = websession
        self.own = self.client()

    def client(self, **changes: Any) -> GreenApiClient:
        """Return a client of the instance, with another address where given."""
        parts = {
            "http": self.http,
            "websession": self.websession,
            "api_url": self.cloud.url,
            "id_instance": self.instance.id_instance,
            "api_token_instance": self.instance.token,
        }
        return new_client(**{**parts, **changes})

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
