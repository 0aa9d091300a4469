"""What an instance has to tell, sent to its webhook."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web
import httpx
import pytest

from simulator import (
    Cloud,
    Instance,
    ManualClock,
    NotificationLost,
    Simulator,
    State,
    Timing,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from types import TracebackType

    from .conftest import Ask

BOUND = 10
DAY = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What the webhook got."""

    body: dict[str, Any]
    content_type: str
    authorization: str | None
    connection: object = field(default=None, compare=False)

    @property
    def state(self) -> object:
        """Return the state it tells of."""
        return self.body["stateInstance"]


class Target:
    """A server that is somebody's webhook."""

    def __init__(self) -> None:
        """Answer 200 at once."""
        self.statuses: list[int | None] = []
        """The next answers, None for a cut connection; 200 after them."""
        self.answering = asyncio.Event()
        """Cleared: it holds whatever comes."""
        self.answering.set()
        self.received: list[Delivery] = []
        self.gone = asyncio.Event()
        """Set once a sender did not wait for its answer."""
        self._arrived: asyncio.Queue[Delivery] = asyncio.Queue()
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        """Start to serve."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop serving."""
        await self.stop()

    @property
    def url(self) -> str:
        """Return the webhook's address, whose end is a secret."""
        return f"http://127.0.0.1:{self._port}/api/webhook/5ecret"

    async def start(self) -> None:
        """Serve, after a stop on the same port."""
        app = web.Application()
        app.router.add_post("/api/webhook/5ecret", self._handle)
        app.router.add_get("/", self._nothing)
        self._runner = web.AppRunner(
            app, handler_cancellation=True, shutdown_timeout=0.05
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Refuse connections."""
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def next(self) -> Delivery:
        """Return the next delivery."""
        async with asyncio.timeout(BOUND):
            return await self._arrived.get()

    async def settle(self) -> None:
        """Let whatever is on its way to this server arrive."""
        async with httpx.AsyncClient(verify=False) as http:  # noqa: S501 - no TLS here
            await http.get(f"http://127.0.0.1:{self._port}/")

    async def _handle(self, request: web.Request) -> web.Response:
        delivery = Delivery(
            body=await request.json(),
            content_type=request.content_type,
            authorization=request.headers.get("Authorization"),
            connection=request.protocol,
        )
        self.received.append(delivery)
        self._arrived.put_nowait(delivery)
        try:
            await self.answering.wait()
        except asyncio.CancelledError:
            self.gone.set()
            raise
        status = self.statuses.pop(0) if self.statuses else 200
        if status is None and request.transport:
            request.transport.abort()
        return web.Response(status=status or 200, headers={"Location": "/"})

    async def _nothing(self, _request: web.Request) -> web.Response:
        return web.Response()


@pytest.fixture
async def target(socket_enabled: None) -> AsyncGenerator[Target]:
    """Run a server that is the webhook."""
    async with Target() as target:
        yield target


@pytest.fixture
def instance(cloud: Cloud, target: Target) -> Instance:
    """Return an authorized instance that tells its webhook of its state."""
    instance = cloud.create(state="authorized")
    instance.set_settings({"stateWebhook": "yes", "webhookUrl": target.url})
    return instance


async def until(instance: Instance, holds: Callable[[], object]) -> None:
    """Wait until something holds, which is looked at with each change."""
    async with asyncio.timeout(BOUND):
        while not holds():
            await instance.changed.wait()


async def result_of(instance: Instance, number: int) -> tuple[object, ...]:
    """Wait for the result of the try at so many of the clock's seconds."""
    notifications = instance.notifications
    await until(
        instance,
        lambda: notifications.last_result and notifications.last_result.at == number,
    )
    result = notifications.last_result
    assert result
    return result.status, result.problem, result.ok


async def test_a_state_is_delivered(instance: Instance, target: Target) -> None:
    before = int(instance.clock.wall().timestamp())
    instance.unlink()
    delivery = await target.next()
    assert before <= delivery.body.pop("timestamp") <= before + BOUND
    assert delivery == Delivery(
        body={
            "typeWebhook": "stateInstanceChanged",
            "instanceData": {
                "idInstance": int(instance.id_instance),
                "wid": "",
                "typeInstance": "whatsapp",
            },
            "stateInstance": "notAuthorized",
        },
        content_type="application/json",
        authorization=None,
    )
    assert await result_of(instance, 0) == (200, None, True)
    assert instance.notifications.list() == []


@pytest.mark.parametrize(
    ("token", "authorization"),
    [
        ("", None),
        ("a1b2", "Bearer a1b2"),
        ("Bearer a1b2", "Bearer a1b2"),
        ("Basic YTpi", "Basic YTpi"),
    ],
)
async def test_the_token_is_an_authorization(
    instance: Instance, target: Target, token: str, authorization: str | None
) -> None:
    instance.set_settings({"webhookUrlToken": token})
    instance.unlink()
    assert (await target.next()).authorization == authorization


@pytest.mark.parametrize("status", [201, 204, 302, 401, 404, 500, 503, None])
async def test_only_200_ends_it(
    clock: ManualClock, instance: Instance, target: Target, status: int | None
) -> None:
    target.statuses = [status, status]
    instance.unlink()
    first = await target.next()
    problem = "not reached" if status is None else None
    assert await result_of(instance, 0) == (status, problem, False)
    clock.advance(59)
    await target.settle()
    assert len(target.received) == 1
    clock.advance(1)
    again = await target.next()
    assert again == first
    # A connection that was kept might be dead by now.
    assert again.connection is not first.connection
    assert await result_of(instance, 60) == (status, problem, False)
    assert len(instance.notifications.list()) == 1
    clock.advance(60)
    assert await target.next() == first
    assert await result_of(instance, 120) == (200, None, True)
    assert instance.notifications.list() == []
    clock.advance(60)
    await target.settle()
    assert len(target.received) == 3


async def test_an_answer_may_take_three_minutes(
    clock: ManualClock, instance: Instance, target: Target
) -> None:
    target.answering.clear()
    instance.unlink()
    await target.next()
    clock.advance(179)
    target.answering.set()
    assert await result_of(instance, 179) == (200, None, True)


async def test_no_answer_within_three_minutes(
    clock: ManualClock, instance: Instance, target: Target
) -> None:
    target.answering.clear()
    instance.unlink()
    first = await target.next()
    clock.advance(180)
    outcome = await result_of(instance, 180)
    assert outcome == (None, "no answer within 180 s", False)
    await asyncio.wait_for(target.gone.wait(), BOUND)
    target.answering.set()
    clock.advance(60)
    assert await target.next() == first
    assert await result_of(instance, 240) == (200, None, True)


async def test_a_webhook_that_restarts_misses_nothing(
    clock: ManualClock, instance: Instance, target: Target
) -> None:
    instance.set_state("yellowCard")
    await target.next()
    await result_of(instance, 0)
    await target.stop()
    clock.advance(1)
    instance.set_state("authorized")
    assert await result_of(instance, 1) == (None, "not reached", False)
    await target.start()
    clock.advance(60)
    assert (await target.next()).state == "authorized"


async def test_a_fast_clock_repeats_fast(target: Target, socket_enabled: None) -> None:
    target.statuses = [500]
    async with Simulator(speed=6000) as sim:
        instance = sim.cloud.create(state="authorized")
        instance.set_settings({"stateWebhook": "yes", "webhookUrl": target.url})
        instance.unlink()
        assert await target.next() == await target.next()


async def test_it_is_given_up_after_a_day(
    clock: ManualClock, instance: Instance, target: Target
) -> None:
    target.statuses = [500]
    instance.set_state("yellowCard")
    assert (await target.next()).state == "yellowCard"
    await result_of(instance, 0)
    clock.advance(DAY)
    instance.set_state("authorized")
    assert (await target.next()).state == "authorized"
    await result_of(instance, DAY)
    assert instance.notifications.list() == []


async def test_the_next_waits_for_the_one_before(
    clock: ManualClock, instance: Instance, target: Target
) -> None:
    target.statuses = [500]
    instance.set_state("yellowCard")
    await target.next()
    await result_of(instance, 0)
    instance.set_state("authorized")
    await target.settle()
    assert len(target.received) == 1
    clock.advance(60)
    told = [(await target.next()).state for _ in range(2)]
    assert told == ["yellowCard", "authorized"]


async def test_set_settings_and_its_restart_are_told(
    cloud: Cloud, clock: ManualClock, http: httpx.AsyncClient, target: Target
) -> None:
    instance = cloud.create(state="authorized", timing=Timing(reboot=200))
    path = f"/waInstance{instance.id_instance}/setSettings/{instance.token}"
    settings = {
        "webhookUrl": target.url,
        "webhookUrlToken": "a1b2",
        "stateWebhook": "yes",
    }
    answer = await http.post(path, json=settings)
    assert answer.json() == {"saveSettings": True}
    starting = await target.next()
    assert (starting.state, starting.authorization) == ("starting", "Bearer a1b2")
    await result_of(instance, 0)
    clock.advance(200)
    assert (await target.next()).state == "authorized"


async def test_a_restart_of_the_instance_repeats_what_was_not_taken(
    clock: ManualClock, instance: Instance, target: Target, ask: Ask
) -> None:
    target.statuses = [503]
    await ask(instance, "reboot")
    await target.next()
    await result_of(instance, 0)
    clock.advance(3)
    assert instance.state is State.AUTHORIZED
    clock.advance(57)
    told = [(await target.next()).state for _ in range(2)]
    assert told == ["starting", "authorized"]


async def test_while_the_cloud_does_not_answer_it_still_tells(
    sim: Simulator, instance: Instance, target: Target
) -> None:
    await sim.stop()
    instance.unlink()
    assert (await target.next()).state == "notAuthorized"


async def test_a_new_address_gets_what_waits(
    instance: Instance, target: Target
) -> None:
    target.statuses = [500]
    instance.unlink()
    first = await target.next()
    await result_of(instance, 0)
    async with Target() as other:
        instance.set_settings({"webhookUrl": other.url})
        assert await other.next() == first
        await until(instance, lambda: not instance.notifications.list())
    await target.settle()
    assert len(target.received) == 1


async def test_other_settings_disturb_no_delivery(
    instance: Instance, target: Target
) -> None:
    target.answering.clear()
    instance.unlink()
    await target.next()
    instance.set_settings({"webhookUrlToken": "a1b2"})
    target.answering.set()
    await until(instance, lambda: not instance.notifications.list())
    assert len(target.received) == 1


async def test_without_an_address_what_waits_can_be_received(
    clock: ManualClock, instance: Instance, target: Target, ask: Ask
) -> None:
    target.statuses = [500]
    instance.unlink()
    delivery = await target.next()
    await result_of(instance, 0)
    instance.set_settings({"webhookUrl": ""})
    clock.advance(60)
    answer = await ask(instance, "receiveNotification")
    assert answer.json()["body"] == delivery.body
    await target.settle()
    assert len(target.received) == 1


async def test_an_address_gets_what_waited_to_be_received(
    instance: Instance, target: Target
) -> None:
    instance.set_settings({"webhookUrl": ""})
    instance.unlink()
    assert len(instance.notifications.list()) == 1
    instance.set_settings({"webhookUrl": target.url})
    assert (await target.next()).state == "notAuthorized"


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("http://", ""),
        ("http://[::1/", ""),
        ("http://127.0.0.1:99999/", ""),
        (None, "a\r\nb"),
    ],
)
async def test_settings_that_lead_nowhere(
    instance: Instance, target: Target, url: str | None, token: str
) -> None:
    instance.set_settings({"webhookUrl": url or target.url, "webhookUrlToken": token})
    instance.unlink()
    assert await result_of(instance, 0) == (None, "not reached", False)
    assert target.received == []


async def test_a_notification_gets_lost(
    cloud: Cloud, instance: Instance, target: Target
) -> None:
    cloud.faults.add(NotificationLost(), count=1)
    instance.set_state("yellowCard")
    instance.set_state("authorized")
    assert (await target.next()).state == "authorized"
    await until(instance, lambda: not instance.notifications.list())
    assert len(target.received) == 1


async def test_a_deleted_instance_tells_no_more(
    cloud: Cloud, clock: ManualClock, instance: Instance, target: Target
) -> None:
    target.statuses = [500]
    instance.unlink()
    await target.next()
    await result_of(instance, 0)
    cloud.delete(instance.id_instance)
    clock.advance(60)
    await target.settle()
    assert len(target.received) == 1


@pytest.mark.parametrize("answering", [True, False])
async def test_the_end_leaves_nothing_behind(
    target: Target, clock: ManualClock, *, answering: bool
) -> None:
    before = asyncio.all_tasks()
    target.statuses = [500]
    async with Simulator(clock=clock) as sim:
        instance = sim.cloud.create(state="authorized")
        instance.set_settings({"stateWebhook": "yes", "webhookUrl": target.url})
        if not answering:
            target.answering.clear()
        instance.unlink()
        await target.next()
        if answering:
            await result_of(instance, 0)
        session = sim.cloud.webhooks._session
        assert session
    left = asyncio.all_tasks() - before
    assert [task for task in left if "notifications" in repr(task.get_coro())] == []
    assert session.closed
    instance.set_state("authorized")
    if not answering:
        await asyncio.wait_for(target.gone.wait(), BOUND)
    clock.advance(60)
    await target.settle()
    assert len(target.received) == 1


async def test_results_and_logs_hold_no_secret(
    instance: Instance, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "simulator")
    instance.set_settings({"webhookUrlToken": "a1b2c3d4"})
    await target.stop()
    instance.unlink()
    await result_of(instance, 0)
    words = f"{instance.notifications.last_result!r} {caplog.text}"
    assert "5ecret" not in words
    assert "a1b2c3d4" not in words
