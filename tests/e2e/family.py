"""A member of the family: may use the interface, and administers nothing."""

import json
import time
from typing import Any

import aiohttp

from demo.hass_client import HomeAssistantClient

_USER = "family"
_PASSWORD = "a password of the family"

type Json = dict[str, Any]


async def admit(client: HomeAssistantClient) -> None:
    """Let Home Assistant know of the person, as an administrator does."""
    made = await client.call(
        "config/auth/create", name="Family", group_ids=["system-users"], local_only=True
    )
    await client.call(
        "config/auth_provider/homeassistant/create",
        user_id=made["user"]["id"],
        username=_USER,
        password=_PASSWORD,
    )


async def login_script(url: str) -> str:
    """Log in, and return the script by which each page of a browser is logged in."""
    client_id = f"{url}/"
    async with aiohttp.ClientSession(raise_for_status=True) as session:

        async def post(path: str, **body: Any) -> Json:
            async with session.post(f"{url}/auth/{path}", **body) as response:
                answer: Json = await response.json()
                return answer

        flow = await post(
            "login_flow",
            json={
                "client_id": client_id,
                "handler": ["homeassistant", None],
                "redirect_uri": client_id,
            },
        )
        done = await post(
            f"login_flow/{flow['flow_id']}",
            json={"client_id": client_id, "username": _USER, "password": _PASSWORD},
        )
        tokens = await post(
            "token",
            data={
                "client_id": client_id,
                "grant_type": "authorization_code",
                "code": done["result"],
            },
        )
    kept = tokens | {
        "hassUrl": url,
        "clientId": client_id,
        "expires": (time.time() + tokens["expires_in"]) * 1000,
    }
    return f"localStorage.setItem('hassTokens', {json.dumps(json.dumps(kept))})"
