"""The least that could do the work: poll the cloud, and publish what it says.

It has none of what makes a login last: no rest between windows, no limit of requests,
no word of what is wrong. Told by one line of JSON on its standard input what to do.
"""

import asyncio
import base64
import json
import sys
from typing import Any

import aiohttp
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion


async def _relay(
    session: aiohttp.ClientSession,
    broker: Client,
    item: dict[str, Any],
    told: dict[str, Any],
) -> None:
    """Publish the code of one instance as often as it is another one."""
    id_instance, token = item["id_instance"], item["token"]
    address = f"{told['url']}/waInstance{id_instance}/qr/{token}"
    last = ""
    while True:
        async with session.get(address) as response:
            answer = await response.json()
        said = answer["message"] if answer["type"] == "qrCode" else answer["type"]
        if said != last:
            last = said
            code = answer["type"] == "qrCode"
            payload = base64.b64decode(said) if code else said
            broker.publish(f"relay/{id_instance}/qr", payload, qos=1, retain=True)
        linked = answer["type"] == "alreadyLogged"
        await asyncio.sleep(told["rest"] if linked else told["poll"])


async def _main(told: dict[str, Any]) -> None:
    broker = Client(CallbackAPIVersion.VERSION2)
    broker.connect(told["host"], told["port"])
    broker.loop_start()
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for item in told["instances"]:
            group.create_task(_relay(session, broker, item, told))


if __name__ == "__main__":
    asyncio.run(_main(json.loads(sys.stdin.readline())))
