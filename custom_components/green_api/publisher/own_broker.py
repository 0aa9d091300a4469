"""The way to a broker that the user names, over a connection of the instance's own."""

import asyncio
from typing import Final, override

from homeassistant.core import HomeAssistant, callback

from ..backoff import backoff
from ..broker.connection import Connection, Incoming, Protocol, connect
from ..broker.errors import BrokerClosed, BrokerError, BrokerProtocolRefused
from ..broker.settings import BrokerSettings, Will
from ..const import LOGGER
from .brokers import Broker, ExpiryRefused, NotSent, TakeConnection, TakeMessage

# A connection that breaks sooner counts as one more failure in a row: somebody else
# with the same client id would take it away again and again.
_LASTING_SECONDS: Final = 60.0


class OwnBroker(Broker):
    """Keep a connection, with a last will that says `offline`."""

    has_will = True

    def __init__(
        self,
        hass: HomeAssistant,
        settings: BrokerSettings,
        will: Will | None,
        take_connection: TakeConnection,
    ) -> None:
        """Take where to connect to, and whom to tell of it; nothing is done yet."""
        super().__init__(take_connection)
        self._hass = hass
        self._settings = settings
        self._will = will
        self._name = f"{settings.host}:{settings.port}"
        self._problem: str | None = BrokerClosed.key
        self._connection: Connection | None = None
        self._protocol: Protocol | None = None
        self._takers: dict[str, TakeMessage] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    @override
    def problem(self) -> str | None:
        return self._problem

    @callback
    @override
    def open(self) -> None:
        self._task = self._hass.async_create_background_task(
            self._run(), f"MQTT connection to {self._name}"
        )

    @override
    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            # It takes the connection down with it.
            await asyncio.wait([self._task])
            self._task = None

    @override
    async def subscribe(self, topic_filter: str, take: TakeMessage) -> None:
        self._takers[topic_filter] = take
        connection = self._require_connection()
        try:
            await connection.subscribe(topic_filter)
        except BrokerError as err:
            raise self._failure(err) from None

    @override
    async def send(
        self,
        topic: str,
        payload: str | bytes,
        *,
        retain: bool = False,
        expiry: int | None = None,
    ) -> None:
        connection = self._require_connection()
        if expiry is not None and connection.protocol is not Protocol.MQTT_5:
            raise ExpiryRefused(BrokerProtocolRefused.key)
        try:
            await connection.publish(topic, payload, retain=retain, expiry=expiry)
        except BrokerError as err:
            raise self._failure(err) from None

    def _require_connection(self) -> Connection:
        if self._connection is None:
            raise NotSent(self._problem or BrokerClosed.key)
        return self._connection

    def _failure(self, err: BrokerError) -> NotSent:
        LOGGER.debug("The broker at %s took no message: %s", self._name, err)
        return NotSent(err.key)

    async def _run(self) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self._follow_connection()
            except BrokerError as err:
                self._lose(err)
            except Exception:  # noqa: BLE001  it must not end the connecting
                LOGGER.exception("Unexpected error on the way to %s", self._name)
                self._lose(BrokerError())
            if loop.time() - began > _LASTING_SECONDS:
                failures = 0
            failures += 1
            await asyncio.sleep(backoff(failures))

    async def _follow_connection(self) -> None:
        """Return, or raise a BrokerError, when there is no connection any longer."""
        # Where MQTT 5 has worked, a hiccup is no reason to do without it.
        protocol, self._protocol = self._protocol, None
        connection = await connect(
            self._settings, will=self._will, on_message=self._take, protocol=protocol
        )
        if connection.protocol is Protocol.MQTT_5:
            self._protocol = connection.protocol
        try:
            self._connection = connection
            self._problem = None
            LOGGER.debug("Connected to the broker at %s", self._name)
            self._begin()
            await asyncio.wait([connection.ended])
        finally:
            self._connection, self._problem = None, BrokerClosed.key
            await connection.close()
        raise connection.ended.result() or BrokerClosed

    def _lose(self, err: BrokerError) -> None:
        LOGGER.debug("No connection to the broker at %s: %s", self._name, err)
        self._problem = err.key
        self._take_connection(False)  # noqa: FBT003  the only thing it tells

    @callback
    def _take(self, incoming: Incoming) -> None:
        for take in self._takers.values():
            take(incoming.topic, incoming.payload, incoming.retained)
