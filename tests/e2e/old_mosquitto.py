"""Mosquitto as one that is set to MQTT 3.1.1; not every version can be."""

import asyncio
from pathlib import Path

from demo.broker import Mosquitto
from demo.ports import choose_ports

from .relay import Refused, Relay

_MQTT_5 = 5
_CONNECT = 0x10

# Unsupported protocol version, as Mosquitto says it.
_REFUSAL = bytes((0x20, 0x03, 0x00, 0x84, 0x00))


class OldMosquitto:
    """Mosquitto behind a door that turns away who comes with MQTT 5."""

    protocol = "3.1.1"

    def __init__(self, program: Path, port: int, folder: Path) -> None:
        """Take the port of the door, and the folder for the broker's files."""
        self.port = port
        behind = choose_ports({"broker": 0})["broker"]
        self._broker = Mosquitto(program, behind, folder)
        self._door = Relay(port, behind, _admit_old)

    async def start(self) -> None:
        """Take connections; raises DemoError."""
        await self._broker.start()
        await self._door.open()

    async def stop(self) -> None:
        """Cut all connections."""
        await self._door.cut()
        await self._broker.stop()

    async def kill(self) -> None:
        """End it as a crash does."""
        await self._door.cut()
        await self._broker.kill()


async def _admit_old(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bytes:
    head = await reader.readexactly(2)
    # All bytes of the length but the last have the highest bit set.
    while head[-1] & 0x80:
        head += await reader.readexactly(1)
    head += await reader.readexactly(len(b"\0\4MQTT") + 1)
    if head[0] == _CONNECT and head[-1] == _MQTT_5:
        writer.write(_REFUSAL)
        await writer.drain()
        raise Refused
    return head
