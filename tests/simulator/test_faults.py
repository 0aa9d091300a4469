"""Everything that can be made to go wrong."""

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from simulator import (
    BadInputError,
    Body,
    Cloud,
    Delay,
    Deleted,
    Drop,
    Expired,
    Fault,
    Hang,
    Instance,
    ManualClock,
    NotFoundError,
    QrAnswer,
    Simulator,
    StateAnswer,
    Status,
)

from .conftest import without_time

if TYPE_CHECKING:
    from .conftest import Ask


async def test_a_slow_answer_is_the_usual_one(
    cloud: Cloud, whatsapp: Instance, ask: Ask, clock: ManualClock
) -> None:
    cloud.faults.add(Delay(10))
    answer = asyncio.ensure_future(ask(whatsapp, "getStateInstance"))
    await cloud.log.wait_for_open(method="getStateInstance")
    clock.advance(9.9)
    assert cloud.log.list() == []
    clock.advance(0.1)
    assert (await answer).json() == {"stateInstance": "notAuthorized"}
    assert cloud.log.list()[0].fault == "delay"


async def test_a_held_request_ends_in_a_gateways_page(
    cloud: Cloud, whatsapp: Instance, ask: Ask, clock: ManualClock
) -> None:
    cloud.faults.add(Hang(), method="qr")
    answer = asyncio.ensure_future(ask(whatsapp, "qr"))
    await cloud.log.wait_for_open(id_instance=whatsapp.id_instance, method="qr")
    clock.advance(60)
    page = await answer
    assert page.status_code == 504
    assert page.headers["content-type"].startswith("text/html")
    assert "504 Gateway Time-out" in page.text


async def test_a_client_that_does_not_wait_is_noted(
    cloud: Cloud, whatsapp: Instance, ask: Ask
) -> None:
    cloud.faults.add(Hang())
    answer = asyncio.ensure_future(ask(whatsapp, "qr"))
    await cloud.log.wait_for_open(method="qr")
    answer.cancel()
    request = await cloud.log.wait_for(method="qr", since=0)
    assert (request.status, request.ok, request.fault) == (499, False, "hang")


@pytest.mark.parametrize(
    ("body", "content_type", "part"),
    [
        (Body.EMPTY, "", b""),
        (Body.HTML, "text/html", b"<h1>502 Bad Gateway</h1>"),
        (Body.GARBAGE, "application/json", b"\xff"),
        (Body.TRUNCATED, "application/json", b'{"type":"qrCode","message":"iVB'),
    ],
)
async def test_a_status_with_a_body(
    cloud: Cloud,
    whatsapp: Instance,
    ask: Ask,
    body: Body,
    content_type: str,
    part: bytes,
) -> None:
    cloud.faults.add(Status(502, body))
    answer = await ask(whatsapp, "getSettings")
    assert answer.status_code == 502
    assert part in answer.content
    if body is Body.EMPTY:
        assert answer.content == b""
    else:
        assert answer.headers["content-type"].startswith(content_type)
        with pytest.raises(ValueError, match=r".+"):
            answer.json()


async def test_a_status_with_the_vendors_json_echoes_the_token(
    cloud: Cloud, whatsapp: Instance, ask: Ask
) -> None:
    cloud.faults.add(Status(400, Body.JSON, "Validation failed"))
    answer = await ask(whatsapp, "getSettings")
    assert answer.status_code == 400
    assert without_time(answer) == {
        "statusCode": 400,
        "path": f"/waInstance1101000001/getSettings/{whatsapp.token}",
        "message": "Validation failed",
    }


async def test_a_used_up_quota(cloud: Cloud, whatsapp: Instance, ask: Ask) -> None:
    cloud.faults.add(Status(466))
    answer = await ask(whatsapp, "getSettings")
    assert answer.status_code == 466
    status = answer.json()["invokeStatus"]
    assert status.pop("description")
    assert status == {
        "method": "getSettings",
        "used": 100,
        "total": 100,
        "status": "QUOTE_EXCEEDED",
    }


async def test_html_can_come_with_200(
    cloud: Cloud, whatsapp: Instance, ask: Ask
) -> None:
    cloud.faults.add(Status(200, Body.HTML))
    answer = await ask(whatsapp, "qr")
    assert answer.status_code == 200
    assert answer.text.startswith("<html>")


async def test_a_body_can_be_huge(
    cloud: Cloud, whatsapp: Instance, http: httpx.AsyncClient
) -> None:
    cloud.faults.add(Status(200, Body.HUGE))
    size = 0
    path = f"/waInstance1101000001/qr/{whatsapp.token}"
    async with http.stream("GET", path) as answer:
        async for chunk in answer.aiter_raw():
            size += len(chunk)
    assert size > 32 * 1024 * 1024


async def test_a_connection_can_be_cut(
    cloud: Cloud, whatsapp: Instance, ask: Ask
) -> None:
    cloud.faults.add(Drop(), count=1)
    with pytest.raises(httpx.TransportError):
        await ask(whatsapp, "qr")
    request = await cloud.log.wait_for(since=0)
    assert (request.status, request.ok, request.fault) == (None, False, "drop")
    assert (await ask(whatsapp, "qr")).status_code == 200


async def test_the_whole_cloud_can_be_down_while_control_stays(
    sim: Simulator, whatsapp: Instance, telegram: Instance, http: httpx.AsyncClient
) -> None:
    sim.cloud.faults.add(Drop())
    for instance in (whatsapp, telegram):
        path = f"/waInstance{instance.id_instance}/qr/{instance.token}"
        with pytest.raises(httpx.TransportError):
            await http.get(path)
    assert (await http.get("/control/faults")).status_code == 200
    sim.cloud.faults.clear()
    assert (await http.get(path)).status_code == 200


async def test_a_stopped_server_refuses_and_comes_back_on_its_port(
    sim: Simulator, whatsapp: Instance, ask: Ask, clock: ManualClock
) -> None:
    first = whatsapp.payload
    url = sim.url
    await sim.stop()
    await sim.stop()
    with pytest.raises(httpx.TransportError):
        await ask(whatsapp, "qr")
    clock.advance(20)
    await sim.start()
    await sim.start()
    assert sim.url == url
    assert (await ask(whatsapp, "qr")).status_code == 200
    assert whatsapp.payload != first


async def test_a_taken_port_is_an_error_and_frees_what_was_begun(
    sim: Simulator, whatsapp: Instance, ask: Ask
) -> None:
    second = Simulator(port=sim.port)
    with pytest.raises(OSError, match="address already in use"):
        await second.start()
    assert (await ask(whatsapp, "qr")).status_code == 200
    await sim.stop()
    await second.start()
    await second.stop()


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (QrAnswer(), {"type": "error", "message": "timeout"}),
        (
            QrAnswer.log_out_first(),
            {
                "type": "error",
                "message": "Instance has auth. You need to make log out",
            },
        ),
        (
            QrAnswer("error", "connection_closed"),
            {"type": "error", "message": "connection_closed"},
        ),
        (QrAnswer("pending_password", None), {"type": "pending_password"}),
        (
            QrAnswer.not_base64(),
            {"type": "qrCode", "message": "%%% this is no base64 %%%"},
        ),
        (
            QrAnswer.not_png(),
            {"type": "qrCode", "message": "dGhpcyBpcyBubyBwaWN0dXJl"},
        ),
    ],
)
async def test_a_qr_answer_can_be_anything(
    cloud: Cloud,
    whatsapp: Instance,
    ask: Ask,
    fault: QrAnswer,
    expected: dict[str, str],
) -> None:
    cloud.faults.add(fault, count=1)
    assert (await ask(whatsapp, "getStateInstance")).status_code == 200
    answer = await ask(whatsapp, "qr")
    assert (answer.status_code, answer.json()) == (200, expected)
    assert (await ask(whatsapp, "qr")).json()["type"] == "qrCode"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (StateAnswer(), {"stateInstance": "somethingNew"}),
        (StateAnswer(None), None),
    ],
)
async def test_a_state_can_be_a_new_word_or_null(
    cloud: Cloud,
    whatsapp: Instance,
    ask: Ask,
    fault: StateAnswer,
    expected: dict[str, str] | None,
) -> None:
    cloud.faults.add(fault)
    assert (await ask(whatsapp, "getStateInstance")).json() == expected


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            Expired(),
            "Instance account is expired. Renew your instance from personal area",
        ),
        (Deleted(), "Instance is deleted"),
    ],
)
async def test_an_instance_can_be_unpaid_or_deleted(
    cloud: Cloud, whatsapp: Instance, ask: Ask, fault: Fault, message: str
) -> None:
    cloud.faults.add(fault, id_instance=whatsapp.id_instance)
    for method in ("getStateInstance", "qr", "getSettings"):
        answer = await ask(whatsapp, method)
        assert answer.status_code == 400
        assert without_time(answer) == {
            "statusCode": 400,
            "path": f"/waInstance1101000001/{method}/{whatsapp.token}",
            "message": message,
        }
    cloud.faults.clear(whatsapp.id_instance)
    assert (await ask(whatsapp, "qr")).status_code == 200


async def test_a_fault_hits_its_instance_and_method_only(
    cloud: Cloud, whatsapp: Instance, telegram: Instance, ask: Ask
) -> None:
    cloud.faults.add(Status(500), id_instance=whatsapp.id_instance, method="qr")
    assert (await ask(telegram, "qr")).status_code == 200
    assert (await ask(whatsapp, "getSettings")).status_code == 200
    assert (await ask(whatsapp, "qr")).status_code == 500


async def test_a_fault_at_the_gateway_hits_whoever_asks(
    cloud: Cloud, whatsapp: Instance, ask: Ask
) -> None:
    cloud.faults.add(Status(503, Body.EMPTY))
    answer = await ask(whatsapp, "qr", token="stranger")
    assert answer.status_code == 503


async def test_a_fault_of_the_instance_needs_its_token(
    cloud: Cloud, whatsapp: Instance, ask: Ask
) -> None:
    cloud.faults.add(Expired(), count=1)
    assert (await ask(whatsapp, "qr", token="stranger")).status_code == 401
    assert (await ask(whatsapp, "qr")).status_code == 400


async def test_a_counted_fault_wears_off_and_uncovers_the_next(
    cloud: Cloud, whatsapp: Instance, ask: Ask
) -> None:
    cloud.faults.add(Status(500), count=2)
    rest = cloud.faults.add(Status(503))
    statuses = [(await ask(whatsapp, "qr")).status_code for _ in range(4)]
    assert statuses == [500, 500, 503, 503]
    cloud.faults.remove(rest.number)
    assert (await ask(whatsapp, "qr")).status_code == 200
    with pytest.raises(NotFoundError, match="no fault"):
        cloud.faults.remove(rest.number)


def test_a_fault_that_would_never_hit_is_refused(cloud: Cloud) -> None:
    with pytest.raises(BadInputError, match="count must be at least 1"):
        cloud.faults.add(Drop(), count=0)
    with pytest.raises(BadInputError, match="method must be one of"):
        cloud.faults.add(Drop(), method="GetStateInstance")
    assert cloud.faults.list() == []


async def test_deleting_an_instance_clears_its_faults(
    cloud: Cloud, whatsapp: Instance
) -> None:
    cloud.faults.add(Drop(), id_instance=whatsapp.id_instance)
    everybodys = cloud.faults.add(Drop())
    cloud.delete(whatsapp.id_instance)
    assert cloud.faults.list() == [everybodys]
