"""Keep the topics of one instance equal to its snapshot."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from homeassistant.core import HassJob, HomeAssistant, callback

from ..broker.errors import BrokerNotAuthorized
from ..broker.settings import Will
from ..const import CONF_MQTT_TOPICS, LOGGER, MqttMode
from ..coordinator import GreenApiConfigEntry
from ..moments import Happening
from ..stills import Situation
from ..teller import async_listen_moments
from .brokers import EXPIRED, Broker, NotSent, TakeConnection
from .commands import Commands
from .discovery import async_discovery_message
from .home_assistant_broker import HomeAssistantBroker
from .own_broker import OwnBroker
from .payloads import LEASE_RENEWAL, event, messages
from .settings import PublishSettings
from .topics import AVAILABILITY, COMMAND, EVENT, OFFLINE, RESPONSE, Message
from .watch import BrokerWatch

# What leaving may take of the time that Home Assistant gives to stop.
FAREWELL_TIMEOUT: Final = 5.0

# For failures that no return of the connection ends, in seconds.
RETRY_INTERVAL: Final = 30.0

# Of events, and of answers, that wait for the state to go first.
_MOST_WAITING: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Tell how the way to a broker stands; nothing of it is secret."""

    own_broker: bool
    """Whether the broker is one that the user names, and not Home Assistant's."""

    connected: bool
    problem: str | None
    """The word for why not all has got out, None when all has."""

    expiry_works: bool
    """Whether the connection is not known to know no message expiry."""


class Publisher:
    """Send what differs from what was sent, always from the present snapshot.

    Nothing is queued while the broker is away: on its return the whole snapshot
    of that moment is sent. The entry remembers the topics in use, so that they can
    be cleared later, whatever happens to the options or the broker meanwhile.
    """

    def __init__(self, hass: HomeAssistant, entry: GreenApiConfigEntry) -> None:
        """Take the entry, whose options say what is published and where."""
        self._hass = hass
        self._entry = entry
        self._settings = PublishSettings.of(entry)
        self._base = self._settings.base
        self._broker = broker_for(hass, self._settings, self._take_connection)
        self._watch = BrokerWatch(hass, entry, self._settings)
        self._commands = Commands(entry.runtime_data, self._answer)
        self._sent: dict[str, Message] = {}
        self._sayings: dict[str, deque[str]] = {
            topic: deque(maxlen=_MOST_WAITING) for topic in (EVENT, RESPONSE)
        }
        self._discovery: Message | None = None
        self._renew_at = 0.0
        self._subscribed = False
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._problem: str | None = None

    @property
    def standing(self) -> Standing:
        """Return how it stands now."""
        return Standing(
            own_broker=self._settings.broker is not None,
            connected=self._broker.problem is None,
            problem=self._problem,
            expiry_works=self._broker.expiry_works,
        )

    @callback
    def start(self) -> None:
        """Publish from now on until the entry is unloaded."""
        entry, coordinator = self._entry, self._entry.runtime_data
        self._remember(remembered_topics(entry) | set(self._settings.topics))
        jobs = {"publisher": self._run()}
        if self._settings.commands:
            jobs["commands"] = self._commands.run()
        self._tasks = [
            entry.async_create_background_task(
                self._hass, job, f"{entry.title} MQTT {name}"
            )
            for name, job in jobs.items()
        ]
        entry.async_on_unload(coordinator.async_add_listener(self._take_snapshot))
        entry.async_on_unload(async_listen_moments(self._hass, self._take_moment))
        entry.async_on_unload(coordinator.async_add_action_listener(self._tell))
        entry.async_on_unload(self.async_stop)
        # Before Home Assistant's MQTT client stops, which a listener of the stop
        # event could not be sure of.
        entry.async_on_unload(
            self._hass.async_add_shutdown_job(HassJob(self.async_stop))
        )
        self._broker.open()
        self._note(self._broker.problem)

    async def async_stop(self) -> None:
        """Take back what will not be kept true any longer."""
        if not self._tasks:
            return
        while self._tasks:
            self._tasks.pop().cancel()
        present = PublishSettings.of(self._entry)
        moves = present.target != self._settings.target
        try:
            async with asyncio.timeout(FAREWELL_TIMEOUT):
                await self._send(self._messages(leaving=True))
                await self._clear_but([] if moves else present.topics)
        except TimeoutError:
            LOGGER.debug("MQTT farewell of %s did not get out", self._base)
        finally:
            if moves and remembered_topics(self._entry):
                # Nobody will come to this broker again.
                warn_of_rest(self._entry)
            self._watch.close()
            await self._broker.close()

    @callback
    def _remember(self, used: Iterable[str]) -> None:
        if set(used) != remembered_topics(self._entry):
            data = {**self._entry.data, CONF_MQTT_TOPICS: sorted(used)}
            self._hass.config_entries.async_update_entry(self._entry, data=data)

    @callback
    def _take_connection(self, connected: bool) -> None:  # noqa: FBT001  the only thing it tells
        # At its end too: nothing left to send would look as if all had got out.
        self._sent.clear()
        if connected:
            self._subscribed = False
            self._changed.set()
        else:
            self._take_sayings()
            self._note(self._broker.problem)

    @callback
    def _note(self, problem: str | None) -> None:
        self._problem = problem
        if self._settings.mode is not MqttMode.OFF:
            self._watch.take(problem)

    @callback
    def _take_snapshot(self) -> None:
        self._changed.set()

    @callback
    def _take_moment(self, entry: GreenApiConfigEntry, happening: Happening) -> None:
        if entry is self._entry:
            self._tell(happening)

    @callback
    def _tell(self, happening: Happening) -> None:
        if happening.moment in self._settings.moments:
            self._say(EVENT, event(happening))

    @callback
    def _answer(self, payload: str) -> None:
        self._say(RESPONSE, payload)

    @callback
    def _say(self, topic: str, payload: str) -> None:
        # Not kept for a broker that is away: it is told what is, not what was.
        if self._broker.problem is None:
            self._sayings[topic].append(payload)
            self._changed.set()

    async def _run(self) -> None:
        wait: float | None = None
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            self._changed.clear()
            # What got out may have done so just before the connection broke.
            problem = await self._send_all() or self._broker.problem
            self._note(problem)
            wait = self._next_wait() if problem is None else RETRY_INTERVAL
            if problem is None and self._settings.mode is MqttMode.OFF:
                # All is cleared, nobody needs the connection any longer.
                await self._broker.close()
                return

    def _next_wait(self) -> float:
        return max(self._renew_at - self._hass.loop.time(), 0)

    async def _send_all(self) -> str | None:
        """Return None, or why the broker does not have what it should have.

        That the broker refuses one thing is no reason to keep the others back. That
        there is no connection is: one that came meanwhile would get them out of order.
        """
        if (problem := self._broker.problem) is not None:
            return problem
        try:
            problems = [
                # First: who sees `online` may send commands.
                await self._subscribe(),
                await self._clear_but(self._settings.topics),
                *await self._send_present(),
            ]
        except Exception as err:  # noqa: BLE001  it must not end the publishing
            LOGGER.exception("Unexpected error while publishing %s", self._base)
            return type(err).__name__
        return next(filter(None, problems), None)

    async def _send_present(self) -> list[str | None]:
        # Taken in one step: what is told belongs to the state that goes before it.
        sayings = self._take_sayings()
        return [
            await self._send(self._messages()),
            await self._send_discovery(),
            *await asyncio.gather(
                *(
                    self._problem_of(self._broker.send, f"{self._base}/{topic}", saying)
                    for topic, saying in sayings
                )
            ),
        ]

    @callback
    def _take_sayings(self) -> list[tuple[str, str]]:
        """Return what waits, which waits no longer."""
        taken = [
            (topic, payload)
            for topic, payloads in self._sayings.items()
            for payload in payloads
        ]
        for payloads in self._sayings.values():
            payloads.clear()
        return taken

    async def _problem_of[**P](
        self, send: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs
    ) -> str | None:
        try:
            await send(*args, **kwargs)
        except NotSent as err:
            # A code that has just died is about to be replaced.
            if (problem := str(err)) == EXPIRED:
                return None
            LOGGER.debug("Not everything of %s got out: %s", self._base, problem)
            return problem
        return None

    async def _clear_but(self, kept: Iterable[str]) -> str | None:
        """Remove what other options, of before or of now, have no topic for."""
        problems = []
        for topic in sorted(remembered_topics(self._entry).difference(kept)):
            problem = await self._problem_of(self._broker.clear, topic)
            if problem == BrokerNotAuthorized.key:
                LOGGER.warning("The broker does not let us remove %s", topic)
            elif problem is not None:
                problems.append(problem)
                continue
            self._remember(remembered_topics(self._entry) - {topic})
        return next(iter(problems), None)

    def _messages(self, *, leaving: bool = False) -> dict[str, Message]:
        coordinator = self._entry.runtime_data
        picture = coordinator.picture
        if leaving:
            picture = coordinator.still(Situation.NO_CONNECTION)
        now = self._hass.loop.time()
        if now >= self._renew_at:
            self._sent.pop(f"{self._base}/{AVAILABILITY}", None)
            self._renew_at = now + LEASE_RENEWAL.total_seconds()
        wanted = messages(
            coordinator.data,
            picture,
            self._settings,
            waiting=coordinator.still(Situation.WAITING),
            leaving=leaving,
        )
        return {f"{self._base}/{name}": message for name, message in wanted.items()}

    async def _send_discovery(self) -> str | None:
        if (topic := self._settings.discovery) is None:
            return None
        if self._discovery is None:
            self._discovery = await async_discovery_message(
                self._hass, self._entry, self._settings
            )
        return await self._send({topic: self._discovery})

    async def _subscribe(self) -> str | None:
        """Return None, or why commands are not heard, where there are to be any."""
        if self._subscribed or not self._settings.commands:
            return None
        above = f"{self._base}/{COMMAND}/"

        @callback
        def take(topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001  as it comes
            # There are brokers that send what others have subscribed to.
            if topic.startswith(above):
                self._commands.take(topic.removeprefix(above), payload, retained)

        problem = await self._problem_of(self._broker.subscribe, f"{above}#", take)
        self._subscribed = problem is None
        return problem

    async def _send(self, wanted: dict[str, Message]) -> str | None:
        # At once, in order: were each to wait for the broker, a slow one would get
        # the last of them when it is true no longer.
        problems = await asyncio.gather(
            *(
                self._problem_of(self._publish, topic, message)
                for topic, message in wanted.items()
                if self._sent.get(topic) != message
            )
        )
        return next(filter(None, problems), None)

    async def _publish(self, topic: str, message: Message) -> None:
        # Forgotten first: a failure leaves open what the topic says.
        self._sent.pop(topic, None)
        await self._broker.publish(topic, message)
        self._sent[topic] = message


def broker_for(
    hass: HomeAssistant, settings: PublishSettings, take_connection: TakeConnection
) -> Broker:
    """Return the way to the broker that the settings name."""
    if settings.broker is None:
        return HomeAssistantBroker(hass, take_connection)
    will = None
    if settings.mode is not MqttMode.OFF:
        will = Will(f"{settings.base}/{AVAILABILITY}", OFFLINE)
    return OwnBroker(hass, settings.broker, will, take_connection)


def remembered_topics(entry: GreenApiConfigEntry) -> set[str]:
    """Return the topics on which an entry has left something."""
    return set(entry.data.get(CONF_MQTT_TOPICS, ()))


def warn_of_rest(entry: GreenApiConfigEntry) -> None:
    """Name the topics whose retained messages nobody will remove."""
    LOGGER.warning(
        "No broker was there to remove the retained messages of %s: %s",
        entry.title,
        ", ".join(sorted(remembered_topics(entry))),
    )


async def clear_topics(broker: Broker, used: Iterable[str]) -> None:
    """Remove the retained messages of these topics, as many as go; raises NotSent."""
    failure = None
    for topic in sorted(used):
        try:
            await broker.clear(topic)
        except NotSent as err:
            failure = err
    if failure is not None:
        raise failure
