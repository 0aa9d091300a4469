"""The WebSocket scanqrcode."""

import asyncio
from http import HTTPStatus
import json
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
from aiohttp import WSMsgType, web
import pytest

from simulator import (
    Cloud,
    Delay,
    Deleted,
    Drop,
    Expired,
    Fault,
    Frame,
    FrameFault,
    Hang,
    Instance,
    ManualClock,
    Simulator,
    SocketClose,
    State,
    Status,
    Timing,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable

    from .conftest import Ask

type Socket = aiohttp.ClientWebSocketResponse

ALREADY = {
    "type": "alreadyLogged",
    "message": "instance account already authorized",
}
LOG_OUT_FIRST = {
    "type": "error",
    "message": "Instance has auth. You need to make log out",
}


class Connect(Protocol):
    """Open a socket."""

    def __call__(
        self,
        instance: Instance,
        *,
        method: str = "scanqrcode",
        prefix: str = "",
        token: str | None = None,
    ) -> Awaitable[Socket]:
        """Return the socket, or raise what the handshake was answered with."""


@pytest.fixture
async def connect(sim: Simulator) -> AsyncGenerator[Connect]:
    """Return a way to open a socket as the owner of an instance would."""
    async with aiohttp.ClientSession() as session:

        async def connect(
            instance: Instance,
            *,
            method: str = "scanqrcode",
            prefix: str = "",
            token: str | None = None,
        ) -> Socket:
            token = instance.token if token is None else token
            path = f"{prefix}/waInstance{instance.id_instance}/{method}/{token}"
            return await session.ws_connect(sim.url + path, max_msg_size=0)

        yield connect


async def receive(socket: Socket) -> Any:
    """Return the next frame, which must be JSON."""
    return json.loads(await socket.receive_str(timeout=10))


async def close_code(socket: Socket) -> int | None:
    """Return the code with which the socket closes now, without a frame more."""
    message = await socket.receive(timeout=10)
    assert message.type in {WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR}
    return socket.close_code


@pytest.mark.parametrize("method", ["scanqrcode", "Scanqrcode"])
@pytest.mark.parametrize("prefix", ["", "/v3"])
async def test_each_renewal_of_the_code_is_pushed(
    whatsapp: Instance, connect: Connect, clock: ManualClock, method: str, prefix: str
) -> None:
    socket = await connect(whatsapp, method=method, prefix=prefix)
    seen = []
    for _ in range(4):
        frame = await receive(socket)
        assert frame == {"type": "qrCode", "message": frame["message"]}
        assert whatsapp.code
        assert frame["message"] == whatsapp.code.base64
        seen.append(frame["message"])
        clock.advance(20)
    assert len(set(seen)) == 4


async def test_the_first_frame_comes_when_there_is_a_code(
    cloud: Cloud, connect: Connect, clock: ManualClock
) -> None:
    instance = cloud.create(timing=Timing(qr=60))
    socket = await connect(instance)
    first = asyncio.create_task(receive(socket))
    clock.advance(59.9)
    await cloud.log.wait_for_open(method="scanqrcode")
    assert not first.done()
    clock.advance(0.1)
    assert (await first)["type"] == "qrCode"


async def test_a_scan_ends_in_the_accounts_data(
    whatsapp: Instance, connect: Connect, clock: ManualClock
) -> None:
    whatsapp.set_account(phone="79001234567", name="Ada")
    whatsapp.set_settings({"webhookUrl": "http://192.0.2.1/hook"})
    whatsapp.set_timing(Timing(scan=4))
    socket = await connect(whatsapp)
    await receive(socket)
    whatsapp.scan()
    assert whatsapp.state == "starting"
    clock.advance(4)
    frame = await receive(socket)
    assert frame.pop("proxy")
    assert frame == {
        "type": "accountData",
        "wid": "79001234567@c.us",
        "pushname": "Ada",
        "webhookUrl": "http://192.0.2.1/hook",
    }
    assert await close_code(socket) == 1000


async def test_by_the_older_text_a_scan_ends_without_a_word(
    whatsapp: Instance, connect: Connect
) -> None:
    whatsapp.set_scan_text("older")
    socket = await connect(whatsapp)
    await receive(socket)
    whatsapp.scan()
    assert await close_code(socket) == 1000


@pytest.mark.parametrize(
    ("text", "word"), [("older", "timeout"), ("newer", "timeoutExpired")]
)
async def test_after_100_seconds_it_ends(
    whatsapp: Instance, connect: Connect, clock: ManualClock, text: str, word: str
) -> None:
    whatsapp.set_scan_text(text)
    clock.advance(7)
    socket = await connect(whatsapp)
    await receive(socket)
    clock.advance(99)
    assert (await receive(socket))["type"] == "qrCode"
    clock.advance(1)
    assert await receive(socket) == {"type": word, "message": word}
    assert await close_code(socket) == 1000


async def test_it_can_end_before_a_code_ever_came(
    cloud: Cloud, connect: Connect, clock: ManualClock
) -> None:
    instance = cloud.create(timing=Timing(qr=600))
    socket = await connect(instance)
    await cloud.log.wait_for_open(method="scanqrcode")
    clock.advance(100)
    assert (await receive(socket))["type"] == "timeoutExpired"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State.AUTHORIZED, ALREADY),
        (State.YELLOW_CARD, ALREADY),
        (State.SLEEP_MODE, ALREADY),
        (State.SUSPENDED, ALREADY),
        (State.BLOCKED, LOG_OUT_FIRST),
        (State.PENDING_CODE, {"type": "error", "message": "not_ready"}),
        (
            State.STARTING,
            {"type": "error", "message": "instance in starting process try later"},
        ),
        (
            None,
            {"type": "error", "message": "instance in starting process try later"},
        ),
    ],
)
async def test_what_wants_no_login_says_so_and_closes(
    whatsapp: Instance,
    connect: Connect,
    state: State | None,
    expected: dict[str, str],
) -> None:
    whatsapp.set_state(state)
    socket = await connect(whatsapp)
    assert await receive(socket) == expected
    assert await close_code(socket) == 1000


async def test_a_state_that_comes_in_between_ends_it(
    whatsapp: Instance, connect: Connect
) -> None:
    socket = await connect(whatsapp)
    await receive(socket)
    whatsapp.set_state("blocked")
    assert await receive(socket) == LOG_OUT_FIRST
    assert await close_code(socket) == 1000


@pytest.mark.parametrize("opened_before", [True, False])
async def test_stale_credentials_want_a_logout(
    whatsapp: Instance,
    connect: Connect,
    clock: ManualClock,
    ask: Ask,
    *,
    opened_before: bool,
) -> None:
    if opened_before:
        socket = await connect(whatsapp)
        await receive(socket)
        whatsapp.set_stale_credentials(stale=True)
    else:
        whatsapp.set_stale_credentials(stale=True)
        socket = await connect(whatsapp)
    assert await receive(socket) == LOG_OUT_FIRST
    assert await close_code(socket) == 1000
    await ask(whatsapp, "logout")
    clock.advance(1)
    socket = await connect(whatsapp)
    assert (await receive(socket))["type"] == "qrCode"


async def test_a_reboot_is_outlived(
    whatsapp: Instance, connect: Connect, clock: ManualClock
) -> None:
    socket = await connect(whatsapp)
    first = await receive(socket)
    whatsapp.reboot()
    clock.advance(3)
    second = await receive(socket)
    assert second["type"] == "qrCode"
    assert second != first


async def test_a_second_socket_closes_the_first(
    whatsapp: Instance, connect: Connect, clock: ManualClock
) -> None:
    first = await connect(whatsapp)
    await receive(first)
    clock.advance(1)
    second = await connect(whatsapp)
    assert await close_code(first) == 1000
    assert (await receive(second))["type"] == "qrCode"
    clock.advance(20)
    assert (await receive(second))["type"] == "qrCode"


async def test_sockets_of_two_instances_stand_side_by_side(
    cloud: Cloud, whatsapp: Instance, connect: Connect, clock: ManualClock
) -> None:
    sockets = [
        await connect(whatsapp),
        await connect(cloud.create("1101000002")),
    ]
    for _ in range(2):
        for socket in sockets:
            assert (await receive(socket))["type"] == "qrCode"
        clock.advance(20)


async def test_deleting_the_instance_closes_it(
    cloud: Cloud, whatsapp: Instance, connect: Connect
) -> None:
    socket = await connect(whatsapp)
    await receive(socket)
    cloud.delete(whatsapp.id_instance)
    assert await close_code(socket) == 1000


async def test_what_the_client_says_is_overheard(
    whatsapp: Instance, connect: Connect, clock: ManualClock
) -> None:
    socket = await connect(whatsapp)
    await receive(socket)
    await socket.send_str("hello")
    clock.advance(20)
    assert (await receive(socket))["type"] == "qrCode"


async def test_a_socket_is_one_request_from_its_handshake_to_its_end(
    cloud: Cloud, whatsapp: Instance, connect: Connect, clock: ManualClock
) -> None:
    clock.advance(3)
    socket = await connect(whatsapp)
    await receive(socket)
    clock.advance(20)
    await receive(socket)
    assert cloud.log.list() == []
    await socket.close()
    request = await cloud.log.wait_for(method="scanqrcode", since=0)
    assert (request.status, request.ok, request.fault) == (101, True, None)
    assert (request.at, request.ended_at) == (3, 23)
    assert cloud.log.counts() == {"scanqrcode": 1}


async def test_a_client_that_vanishes_ends_it(
    cloud: Cloud, sim: Simulator, whatsapp: Instance
) -> None:
    async with aiohttp.ClientSession() as session:
        path = f"/waInstance1101000001/scanqrcode/{whatsapp.token}"
        socket = await session.ws_connect(sim.url + path)
        await receive(socket)
        connection = socket._response.connection
        assert connection
        assert connection.transport
        connection.transport.abort()
        request = await cloud.log.wait_for(method="scanqrcode", since=0)
    assert request.status == 101


async def test_a_client_that_is_gone_when_a_frame_is_due_ends_it(
    cloud: Cloud,
    whatsapp: Instance,
    connect: Connect,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def send_str(_socket: object, _text: str) -> None:
        raise aiohttp.ClientConnectionResetError

    socket = await connect(whatsapp)
    await receive(socket)
    monkeypatch.setattr(web.WebSocketResponse, "send_str", send_str)
    clock.advance(20)
    request = await cloud.log.wait_for(method="scanqrcode", since=0)
    assert request.status == 101
    assert "Error handling request" not in caplog.text


async def test_a_stopped_server_ends_it(
    sim: Simulator, whatsapp: Instance, connect: Connect
) -> None:
    socket = await connect(whatsapp)
    await receive(socket)
    await sim.stop()
    await close_code(socket)
    (request,) = sim.cloud.log.list()
    assert request.status == 101


async def status_of(connecting: Awaitable[Socket]) -> int:
    """Return the status of a refused handshake."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await connecting
    return refused.value.status


async def test_whoever_may_not_ask_gets_no_socket(
    cloud: Cloud, whatsapp: Instance, telegram: Instance, connect: Connect
) -> None:
    assert await status_of(connect(whatsapp, token="0" * 50)) == 401
    assert await status_of(connect(whatsapp, token="a/b")) == 403
    assert await status_of(connect(telegram)) == 404
    assert await status_of(connect(cloud.create("3100000002", "max"))) == 404


async def test_one_handshake_a_second_is_allowed(
    whatsapp: Instance, connect: Connect, clock: ManualClock
) -> None:
    await connect(whatsapp)
    assert await status_of(connect(whatsapp)) == 429
    clock.advance(1)
    await connect(whatsapp)


async def test_a_plain_request_is_400(whatsapp: Instance, ask: Ask) -> None:
    assert (await ask(whatsapp, "scanqrcode")).status_code == 400


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Status(502), 502),
        (Status(466), 466),
        (Status(200), 200),
        (Expired(), 400),
        (Deleted(), 400),
    ],
)
async def test_the_faults_of_other_methods_hit_the_handshake(
    cloud: Cloud, whatsapp: Instance, connect: Connect, fault: Fault, status: int
) -> None:
    cloud.faults.add(fault, method="scanqrcode", count=1)
    assert await status_of(connect(whatsapp)) == status
    (request,) = cloud.log.list()
    assert (request.status, request.fault) == (status, fault.kind)


async def test_a_handshake_can_be_cut(
    cloud: Cloud, whatsapp: Instance, connect: Connect
) -> None:
    # Not one alone: aiohttp asks again by itself.
    cloud.faults.add(Drop())
    with pytest.raises(aiohttp.ClientConnectionError):
        await connect(whatsapp)
    cloud.faults.clear()
    assert (await receive(await connect(whatsapp)))["type"] == "qrCode"


async def test_a_handshake_can_hang_or_be_late(
    cloud: Cloud, whatsapp: Instance, connect: Connect, clock: ManualClock
) -> None:
    cloud.faults.add(Hang(60), count=1)
    hanging = asyncio.ensure_future(connect(whatsapp))
    await cloud.log.wait_for_open(method="scanqrcode")
    clock.advance(60)
    assert await status_of(hanging) == HTTPStatus.GATEWAY_TIMEOUT
    cloud.faults.add(Delay(5), count=1)
    late = asyncio.ensure_future(connect(whatsapp))
    await cloud.log.wait_for_open(method="scanqrcode")
    clock.advance(5)
    assert (await receive(await late))["type"] == "qrCode"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (FrameFault(Frame.UNKNOWN_TYPE), "somethingNew"),
        (FrameFault(Frame.ERROR, "timeout"), "timeout"),
        (FrameFault(Frame.NO_MESSAGE), "{'type': 'qrCode'}"),
    ],
)
async def test_a_frame_can_be_wrong_and_the_next_is_right(
    cloud: Cloud,
    whatsapp: Instance,
    connect: Connect,
    clock: ManualClock,
    fault: FrameFault,
    expected: str,
) -> None:
    cloud.faults.add(fault, id_instance=whatsapp.id_instance, count=1)
    socket = await connect(whatsapp)
    assert expected in str(await receive(socket))
    clock.advance(20)
    frame = await receive(socket)
    assert whatsapp.code
    assert frame == {"type": "qrCode", "message": whatsapp.code.base64}
    await socket.close()
    request = await cloud.log.wait_for(since=0)
    assert request.fault == "frame"


async def test_a_frame_can_be_no_json(
    cloud: Cloud, whatsapp: Instance, connect: Connect
) -> None:
    cloud.faults.add(FrameFault())
    socket = await connect(whatsapp)
    with pytest.raises(ValueError, match=r".+"):
        await receive(socket)


async def test_a_frame_can_be_binary(
    cloud: Cloud, whatsapp: Instance, connect: Connect
) -> None:
    cloud.faults.add(FrameFault(Frame.BINARY))
    socket = await connect(whatsapp)
    assert await socket.receive_bytes(timeout=10)


async def test_a_frame_can_be_larger_than_clients_take(
    cloud: Cloud, whatsapp: Instance, connect: Connect
) -> None:
    cloud.faults.add(FrameFault(Frame.OVERSIZED))
    socket = await connect(whatsapp)
    frame = await receive(socket)
    assert frame["type"] == "qrCode"
    assert len(frame["message"]) > 4 * 1024 * 1024


async def test_the_last_frame_can_be_wrong_too(
    cloud: Cloud, whatsapp: Instance, connect: Connect
) -> None:
    socket = await connect(whatsapp)
    await receive(socket)
    cloud.faults.add(FrameFault(Frame.ERROR, "connection_closed"), count=1)
    whatsapp.scan()
    assert await receive(socket) == {"type": "error", "message": "connection_closed"}
    assert await close_code(socket) == 1000


@pytest.mark.parametrize(("code", "seen"), [(1000, 1000), (1011, 1011), (1006, 1006)])
@pytest.mark.parametrize("frames", [0, 2])
async def test_it_can_close_without_a_word(
    cloud: Cloud,
    whatsapp: Instance,
    connect: Connect,
    clock: ManualClock,
    code: int,
    seen: int,
    frames: int,
) -> None:
    cloud.faults.add(SocketClose(frames, code), count=1)
    socket = await connect(whatsapp)
    for number in range(frames):
        if number:
            clock.advance(20)
        assert (await receive(socket))["type"] == "qrCode"
    assert await close_code(socket) == seen
    request = await cloud.log.wait_for(since=0)
    assert (request.status, request.fault) == (101, "close")
    clock.advance(1)
    assert (await receive(await connect(whatsapp)))["type"] == "qrCode"


async def test_an_open_socket_can_be_closed(
    cloud: Cloud, whatsapp: Instance, connect: Connect
) -> None:
    socket = await connect(whatsapp)
    await receive(socket)
    cloud.faults.add(SocketClose(), count=1)
    assert await close_code(socket) == 1000
    assert cloud.faults.list() == []


async def test_an_open_socket_counts_as_asking_all_the_time(
    whatsapp: Instance, connect: Connect, clock: ManualClock
) -> None:
    whatsapp.set_timing(Timing(ask_limit=90))
    socket = await connect(whatsapp)
    await receive(socket)
    clock.advance(89)
    assert whatsapp.state == "notAuthorized"
    clock.advance(1)
    assert whatsapp.state == "starting"


async def test_only_asking_while_there_is_something_to_ask_for_counts(
    whatsapp: Instance, connect: Connect, clock: ManualClock
) -> None:
    whatsapp.set_timing(Timing(ask_limit=40, reboot=50))
    socket = await connect(whatsapp)
    await receive(socket)
    clock.advance(30)
    whatsapp.reboot()
    clock.advance(50)
    assert whatsapp.state == "notAuthorized"
    assert (await receive(socket))["type"] == "qrCode"


async def test_a_socket_that_closed_asks_no_more(
    cloud: Cloud, whatsapp: Instance, connect: Connect, clock: ManualClock
) -> None:
    whatsapp.set_timing(Timing(ask_limit=90))
    socket = await connect(whatsapp)
    await receive(socket)
    clock.advance(50)
    await socket.close()
    await cloud.log.wait_for(since=0)
    clock.advance(100)
    assert whatsapp.state == "notAuthorized"
