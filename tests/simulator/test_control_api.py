"""The control API and its client."""

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from simulator import Drop
from simulator.control import ControlClient, ControlError

if TYPE_CHECKING:
    import httpx

    from simulator import Cloud, Instance, ManualClock, Simulator

    from .conftest import Ask

ONE = "/control/instances/1101000001"


async def test_instances_are_listed_with_their_tokens(
    control: ControlClient, whatsapp: Instance, telegram: Instance
) -> None:
    first, second = await control.instances()
    assert first["token"] == whatsapp.token
    assert (second["id_instance"], second["messenger"]) == ("4100000001", "telegram")
    assert first["code"]["payload"] == whatsapp.payload
    assert second["code"] is None
    assert await control.instance("1101000001") == first


async def test_an_instance_is_created_and_deleted(
    control: ControlClient, cloud: Cloud
) -> None:
    made = await control.create(
        "3100000001",
        "max",
        state="authorized",
        token="abc123",
        password="secret",
        reboot_seconds=7,
        scan_seconds=1.5,
    )
    instance = cloud.get("3100000001")
    assert (made["messenger"], made["state"]) == ("v3", "authorized")
    assert (instance.token, instance.password) == ("abc123", "secret")
    assert (instance.timing.reboot, instance.timing.scan) == (7, 1.5)
    await control.delete("3100000001")
    assert cloud.list() == []
    with pytest.raises(ControlError, match="there is no instance 3100000001") as error:
        await control.delete("3100000001")
    assert error.value.status == 404


async def test_the_present_code_is_told(
    http: httpx.AsyncClient,
    control: ControlClient,
    whatsapp: Instance,
    clock: ManualClock,
) -> None:
    clock.advance(25)
    answer = await http.get(f"{ONE}/code")
    expected = {
        "number": 2,
        "payload": whatsapp.payload,
        "issued_at": 20,
        "expires_at": 40,
    }
    assert answer.json() == {"now": 25, **expected}
    assert await control.code("1101000001") == expected
    picture = await http.get(f"{ONE}/code.png")
    assert picture.headers["content-type"] == "image/png"
    assert picture.headers["cache-control"] == "no-store"
    assert whatsapp.code
    assert picture.content == whatsapp.code.png
    whatsapp.scan()
    for path in ("code", "code.png"):
        answer = await http.get(f"{ONE}/{path}")
        assert answer.status_code == 404
        assert answer.json() == {"error": "instance 1101000001 has no live code"}
    assert await control.code("1101000001") is None


async def test_the_phone_scans_and_unlinks(
    control: ControlClient, whatsapp: Instance, clock: ManualClock
) -> None:
    dead = whatsapp.payload
    clock.advance(20)
    with pytest.raises(ControlError, match="dead code") as error:
        await control.scan("1101000001", dead)
    assert error.value.status == 409
    answer = await control.scan("1101000001", whatsapp.payload)
    assert (answer["state"], answer["linked"]) == ("authorized", True)
    assert (await control.unlink("1101000001"))["state"] == "notAuthorized"
    assert (await control.scan("1101000001"))["state"] == "authorized"
    with pytest.raises(ControlError, match="no code to scan"):
        await control.scan("1101000001")


async def test_states_passwords_accounts_and_timing_are_set(
    control: ControlClient, telegram: Instance, clock: ManualClock
) -> None:
    name = telegram.id_instance
    assert (await control.set_state(name, "suspended"))["state"] == "suspended"
    assert (await control.set_state(name, None))["state"] is None
    assert (await control.set_password(name, "secret"))["has_password"]
    await control.set_state(name, "pendingPassword")
    with pytest.raises(ControlError, match="wrong password"):
        await control.enter_password(name, "guess")
    assert (await control.enter_password(name, "secret"))["state"] == "authorized"
    assert not (await control.set_password(name, None))["has_password"]
    answer = await control.set_account(name, phone="441234567890", name="Ada")
    assert answer["account"] == {
        "phone": "441234567890",
        "name": "Ada",
        "wid": "234567890",
    }
    answer = await control.set_timing(name, qr_seconds=30)
    assert answer["timing"] == {
        "start": 0,
        "qr": 30,
        "scan": 0,
        "reboot": 3,
        "ask_limit": 0,
    }
    await control.unlink(name)
    assert telegram.request_code() is None
    clock.advance(30)
    assert telegram.request_code()


async def test_a_pairing_code_is_typed_on_the_phone(
    control: ControlClient, whatsapp: Instance, clock: ManualClock
) -> None:
    name = whatsapp.id_instance
    assert (await control.instance(name))["pairing"] is None
    with pytest.raises(ControlError, match="no live pairing code") as error:
        await control.enter_pairing_code(name, "ABCD1234")
    assert error.value.status == 409
    clock.advance(5)
    code = whatsapp.request_pairing_code(79001234567)
    assert code
    shown = await control.instance(name)
    assert shown["pairing"] == {"expires_at": 155}
    assert code not in json.dumps(shown)
    with pytest.raises(ControlError, match="wrong pairing code"):
        await control.enter_pairing_code(name, "x")
    answer = await control.enter_pairing_code(name, code)
    assert (answer["state"], answer["pairing"]) == ("authorized", None)


async def test_the_message_with_the_login_code_is_shown(
    control: ControlClient, telegram: Instance, clock: ManualClock
) -> None:
    name = telegram.id_instance
    assert (await control.instance(name))["phone_code"] is None
    telegram.start_authorization(79001234567)
    assert (await control.instance(name))["phone_code"] == {
        "code": telegram.phone_code,
        "expires_at": 300,
    }
    clock.advance(300)
    assert (await control.instance(name))["phone_code"] is None


async def test_what_is_wrong_with_the_phone_is_set(
    control: ControlClient, whatsapp: Instance
) -> None:
    name = whatsapp.id_instance
    shown = await control.instance(name)
    assert [
        shown[key]
        for key in ("online", "stale_credentials", "refuse_pairing", "scan_text")
    ] == [True, False, False, "newer"]
    assert not (await control.set_online(name, online=False))["online"]
    assert (await control.set_scan_text(name, "older"))["scan_text"] == "older"
    assert (await control.refuse_pairing(name, refuse=True))["refuse_pairing"]
    assert whatsapp.request_pairing_code(79001234567) is None
    answer = await control.set_stale(name, stale=True)
    assert answer["stale_credentials"]
    assert (answer["state"], answer["code"]) == ("notAuthorized", None)
    answer = await control.set_stale(name, stale=False)
    assert answer["code"]


async def test_an_account_is_suspended_for_a_time(
    control: ControlClient, telegram: Instance, clock: ManualClock
) -> None:
    answer = await control.suspend(telegram.id_instance, 60)
    assert answer["state"] == "suspended"
    assert telegram.suspended_until
    assert answer["suspended_until"] == telegram.suspended_until.isoformat()
    clock.advance(60)
    answer = await control.instance(telegram.id_instance)
    assert (answer["state"], answer["suspended_until"]) == ("authorized", None)


async def test_settings_are_changed_and_notifications_listed(
    http: httpx.AsyncClient, control: ControlClient, whatsapp: Instance
) -> None:
    name = whatsapp.id_instance
    answer = await control.set_settings(
        name, stateWebhook="yes", webhookUrlToken="hush"
    )
    assert answer["settings"]["stateWebhook"] == "yes"
    assert answer["settings"]["webhookUrlToken"] == "hush"
    assert await control.notifications(name) == []
    await control.scan(name)
    (waiting,) = await control.notifications(name)
    assert waiting["body"]["stateInstance"] == "authorized"
    shown = await control.instance(name)
    assert shown["notifications"] == {"waiting": 1, "last_result": None}
    answer = await http.get("/control/instances/9/notifications")
    assert answer.status_code == 404


async def test_the_end_of_a_try_to_reach_the_webhook_is_told(
    sim: Simulator, control: ControlClient, whatsapp: Instance
) -> None:
    name = whatsapp.id_instance
    # A server that is sure to answer, with 405: this one's own page.
    url = f"{sim.url}/page/page.css"
    await control.set_settings(name, webhookUrl=url, stateWebhook="yes")
    await control.scan(name)
    async with asyncio.timeout(10):
        while not (result := whatsapp.notifications.last_result):
            await whatsapp.changed.wait()
    shown = (await control.instance(name))["notifications"]
    assert shown == {
        "waiting": 1,
        "last_result": {
            "ok": False,
            "receipt_id": result.receipt_id,
            "at": 0,
            "status": 405,
            "problem": None,
        },
    }


async def test_faults_are_added_listed_and_cleared(
    control: ControlClient, whatsapp: Instance, ask: Ask
) -> None:
    rule = await control.add_fault(
        "status",
        status=503,
        body="empty",
        id_instance="1101000001",
        method="qr",
        count=2,
    )
    assert rule == {
        "number": rule["number"],
        "kind": "status",
        "id_instance": "1101000001",
        "method": "qr",
        "left": 2,
        "preset": None,
        "status": 503,
        "body": "empty",
        "message": "Internal server error",
    }
    assert (await ask(whatsapp, "qr")).status_code == 503
    assert await control.faults() == [{**rule, "left": 1}]
    await control.remove_fault(rule["number"])
    assert (await ask(whatsapp, "qr")).status_code == 200
    with pytest.raises(ControlError, match="no fault") as error:
        await control.remove_fault(rule["number"])
    assert error.value.status == 404
    await control.add_fault("drop", id_instance="1101000001")
    await control.add_fault("expired")
    await control.clear_faults("1101000001")
    assert [rule["kind"] for rule in await control.faults()] == ["expired"]
    await control.clear_faults()
    assert await control.faults() == []


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("delay", {}, {"seconds": 10}),
        ("delay", {"seconds": 0.5}, {"seconds": 0.5}),
        ("hang", {}, {"seconds": 60}),
        ("drop", {}, {}),
        ("qr", {}, {"type": "error", "message": "timeout"}),
        (
            "qr",
            {"type": "passkeyRequired", "message": None},
            {"type": "passkeyRequired", "message": None},
        ),
        ("state", {"state": None}, {"state": None}),
        ("state", {"state": "dreaming"}, {"state": "dreaming"}),
        ("deleted", {}, {}),
        ("frame", {}, {"what": "malformed", "message": "connection_closed"}),
        (
            "frame",
            {"what": "error", "message": "text"},
            {"what": "error", "message": "text"},
        ),
        ("close", {}, {"after_frames": 0, "code": 1000}),
        (
            "close",
            {"after_frames": 2, "code": 1006},
            {"after_frames": 2, "code": 1006},
        ),
        ("authorization", {}, {"reason": "timeout", "retry_after": None}),
        (
            "authorization",
            {"reason": "attempts_exceeded", "retry_after": 60},
            {"reason": "attempts_exceeded", "retry_after": 60},
        ),
        ("notification_lost", {}, {}),
    ],
)
async def test_every_kind_of_fault_can_be_added(
    control: ControlClient,
    kind: str,
    fields: dict[str, Any],
    expected: dict[str, Any],
) -> None:
    rule = await control.add_fault(kind, **fields)
    for common in ("number", "id_instance", "method", "left", "preset"):
        del rule[common]
    assert rule == {"kind": kind, **expected}


async def test_faults_of_one_preset_are_cleared_alone(
    control: ControlClient, whatsapp: Instance, telegram: Instance
) -> None:
    first, second = whatsapp.id_instance, telegram.id_instance
    rule = await control.switch_on("504", first, method="qr", count=2)
    assert (rule["preset"], rule["method"], rule["left"]) == ("504", "qr", 2)
    await control.switch_on("504", first)
    await control.switch_on("504", second)
    await control.switch_on("cut", first)
    await control.switch_on("504")
    await control.switch_off("504", first)

    def shown(rules: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
        return [(rule["preset"], rule["id_instance"]) for rule in rules]

    rest = [("504", second), ("cut", first), ("504", None)]
    assert shown(await control.faults()) == rest
    await control.switch_off("504")
    assert shown(await control.faults()) == [("cut", first)]
    await control.switch_off("504")


@pytest.mark.parametrize(
    ("query", "status", "error"),
    [
        ("preset=x", 400, "preset must be one of cut, "),
        ("id_instance=9", 404, "there is no instance 9"),
        ("preset=cut&id_instance=9", 404, "there is no instance 9"),
        ("id=1101000001", 400, "unknown: id"),
    ],
)
async def test_a_mistaken_clearing_clears_nothing(
    http: httpx.AsyncClient, cloud: Cloud, query: str, status: int, error: str
) -> None:
    cloud.faults.add(Drop())
    answer = await http.delete(f"/control/faults?{query}")
    assert answer.status_code == status
    assert answer.json()["error"].startswith(error)
    assert len(cloud.faults.list()) == 1


async def test_requests_are_read_by_filter_and_cursor(
    control: ControlClient,
    whatsapp: Instance,
    telegram: Instance,
    ask: Ask,
    clock: ManualClock,
) -> None:
    clock.advance(3)
    await ask(whatsapp, "qr", prefix="/v3")
    await ask(telegram, "getSettings")
    log = await control.requests()
    assert (log["cursor"], log["counts"]) == (2, {"getSettings": 1, "qr": 1})
    assert [request["method"] for request in log["requests"]] == ["qr", "getSettings"]
    first = log["requests"][0]
    assert {
        key: first[key] for key in ("prefix", "status", "ok", "fault", "ended_at")
    } == {
        "prefix": "/v3",
        "status": 200,
        "ok": True,
        "fault": None,
        "ended_at": 3,
    }
    log = await control.requests(since=1, id_instance="1101000001")
    assert (log["requests"], log["counts"]) == ([], {"qr": 1})
    everything = json.dumps(await control.requests())
    assert whatsapp.token not in everything


async def test_the_next_request_is_waited_for(
    control: ControlClient, cloud: Cloud, whatsapp: Instance, ask: Ask
) -> None:
    async with asyncio.TaskGroup() as group:
        waiter = group.create_task(control.requests(method="qr", wait=30))
        await ask(whatsapp, "getSettings")
        await ask(whatsapp, "qr")
    (request,) = waiter.result()["requests"]
    assert request["method"] == "qr"


async def test_a_wait_for_nothing_ends_empty(control: ControlClient) -> None:
    assert (await control.requests(wait=0.05))["requests"] == []


BAD: list[tuple[str, str, str]] = [
    (f"{ONE}/scan", "[]", "the body must be a JSON object"),
    (f"{ONE}/scan", "{", "the body is not JSON"),
    (f"{ONE}/scan", '"\\ud800"', "the body must be a JSON object"),
    (f"{ONE}/scan", '{"payload": 1}', "payload must be a text"),
    (f"{ONE}/scan", '{"payloda": "x"}', "unknown: payloda"),
    (f"{ONE}/unlink", '{"x": 1}', "unknown: x"),
    (f"{ONE}/state", "{}", "state is missing: it must be a text or null"),
    (f"{ONE}/state", '{"state": "happy"}', "state must be null or one of notAuth"),
    (f"{ONE}/state", '{"state": 1}', "state must be a text"),
    (f"{ONE}/password", "{}", "password is missing: it must be a text or null"),
    (f"{ONE}/password", '{"password": 1}', "password must be a text"),
    (f"{ONE}/enter-password", "{}", "password must be a text"),
    (f"{ONE}/account", '{"phone": "x"}', "phone must be digits"),
    (f"{ONE}/account", '{"name": null}', "name must be a text"),
    (f"{ONE}/timing", '{"qr_seconds": -1}', "qr_seconds must be a number of seconds"),
    (f"{ONE}/timing", '{"qr_seconds": true}', "qr_seconds must be a number of sec"),
    (f"{ONE}/timing", '{"qr_seconds": NaN}', "qr_seconds must be a number of sec"),
    (f"{ONE}/timing", f'{{"qr_seconds": {"9" * 400}}}', "qr_seconds must be a numb"),
    (f"{ONE}/timing", '{"ask_limit_seconds": "x"}', "ask_limit_seconds must be a n"),
    (f"{ONE}/timing", "[" * 100_000, "the body is not JSON"),
    (f"{ONE}/pairing", "{}", "code must be a text"),
    (f"{ONE}/pairing", '{"code": "x", "y": 1}', "unknown: y"),
    (f"{ONE}/settings", '{"webhook": ""}', "unknown: webhook"),
    (f"{ONE}/settings", '{"webhookUrl": "ftp://x"}', "webhookUrl must be an http"),
    (f"{ONE}/settings", '{"stateWebhook": true}', "stateWebhook must be yes or no"),
    (f"{ONE}/suspended", "{}", "seconds must be a number of seconds"),
    (f"{ONE}/suspended", '{"seconds": 0}', "seconds must be a number above 0"),
    (f"{ONE}/suspended", '{"seconds": 1e300}', "seconds must be a number of seconds"),
    (f"{ONE}/online", "{}", "online must be true or false"),
    (f"{ONE}/online", '{"online": 1}', "online must be true or false"),
    (f"{ONE}/stale", '{"stale": null}', "stale must be true or false"),
    (f"{ONE}/stale", '{"stale": true, "x": 1}', "unknown: x"),
    (f"{ONE}/refuse-pairing", '{"refuse": "yes"}', "refuse must be true or false"),
    (f"{ONE}/scan-text", "{}", "text must be a text"),
    (f"{ONE}/scan-text", '{"text": "new"}', "text must be one of older, newer"),
    ("/control/instances", "{}", "id_instance must be a text"),
    ("/control/instances", '{"id_instance": "1"}', "messenger must be a text"),
    (
        "/control/instances",
        '{"id_instance": "x", "messenger": "whatsapp"}',
        "id_instance must be digits",
    ),
    (
        "/control/instances",
        '{"id_instance": "1", "messenger": "icq"}',
        "messenger must be one of whatsapp, telegram, v3",
    ),
    (
        "/control/instances",
        '{"id_instance": "1", "messenger": "whatsapp", "state": null}',
        "state must be a text",
    ),
    ("/control/faults", "{}", "kind must be a text"),
    ("/control/faults", '{"kind": "x"}', "kind must be one of delay, hang, status"),
    ("/control/faults", '{"kind": "drop", "count": 0}', "count must be at least 1"),
    ("/control/faults", '{"kind": "drop", "count": true}', "count must be a whole"),
    ("/control/faults", '{"kind": "drop", "seconds": 1}', "unknown: seconds"),
    ("/control/faults", '{"kind": "drop", "method": "x"}', "method must be one of"),
    ("/control/faults", '{"kind": "status", "status": 99}', "status must be an HTTP"),
    ("/control/faults", '{"kind": "status", "body": "x"}', "body must be one of empty"),
    ("/control/faults", '{"kind": "hang", "seconds": "1"}', "seconds must be a number"),
    ("/control/faults", '{"kind": "frame", "what": "x"}', "what must be one of malfo"),
    ("/control/faults", '{"kind": "frame", "message": 1}', "message must be a text"),
    ("/control/faults", '{"kind": "close", "code": 999}', "code must be a WebSocket"),
    ("/control/faults", '{"kind": "close", "code": 1005}', "code must be a WebSocket"),
    (
        "/control/faults",
        '{"kind": "close", "after_frames": -1}',
        "after_frames must be 0 or more",
    ),
    (
        "/control/faults",
        '{"kind": "authorization", "retry_after": -1}',
        "retry_after must be 0 or more",
    ),
    ("/control/faults", '{"kind": "authorization", "reason": 1}', "reason must be a t"),
    ("/control/faults", '{"preset": "x"}', "preset must be one of cut, "),
    ("/control/faults", '{"preset": 1}', "preset must be a text"),
    ("/control/faults", '{"preset": "504", "kind": "drop"}', "unknown: kind"),
    ("/control/faults", '{"preset": "504", "method": "x"}', "method must be one of"),
    (
        "/control/faults",
        '{"preset": "state-null", "method": "qr"}',
        "state-null hits only getStateInstance",
    ),
    (
        "/control/faults",
        '{"preset": "login-timeout", "id_instance": "1101000001"}',
        "login-timeout cannot hit an instance of WhatsApp",
    ),
]


@pytest.mark.parametrize(("path", "body", "error"), BAD)
async def test_bad_input_is_400_with_a_reason(
    http: httpx.AsyncClient,
    cloud: Cloud,
    whatsapp: Instance,
    path: str,
    body: str,
    error: str,
) -> None:
    before = repr(whatsapp)
    answer = await http.post(
        path, content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(error)
    assert repr(whatsapp) == before
    assert cloud.list() == [whatsapp]
    assert cloud.faults.list() == []


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("since=x", "since must be a whole number"),
        ("since=-1", "since must be a whole number"),
        (f"since={'9' * 400}", "since must be a whole number"),
        ("wait=61", "wait must be a number of seconds, at most 60"),
        ("wait=-1", "wait must be a number of seconds, at most 60"),
        ("wait=nan", "wait must be a number of seconds, at most 60"),
        ("wait=soon", "wait must be a number of seconds, at most 60"),
        ("form=1", "unknown: form"),
    ],
)
async def test_a_bad_query_is_400(
    http: httpx.AsyncClient, query: str, error: str
) -> None:
    answer = await http.get(f"/control/requests?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(error)


@pytest.mark.parametrize(
    ("path", "body", "method"),
    [
        ("online", {"online": False}, "getStatusInstance"),
        ("refuse-pairing", {"refuse": True}, "getAuthorizationCode"),
        ("scan-text", {"text": "older"}, "scanqrcode"),
    ],
)
async def test_what_a_messenger_lacks_cannot_be_set(
    http: httpx.AsyncClient,
    telegram: Instance,
    path: str,
    body: dict[str, object],
    method: str,
) -> None:
    before = repr(telegram)
    answer = await http.post(f"/control/instances/4100000001/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json() == {"error": f"Telegram has no {method}"}
    assert repr(telegram) == before


async def test_unknown_things_are_404(http: httpx.AsyncClient, cloud: Cloud) -> None:
    posts = {
        "/control/instances/9/scan": {},
        "/control/faults": {"kind": "drop", "id_instance": "9"},
    }
    for path, body in posts.items():
        answer = await http.post(path, json=body)
        assert (answer.status_code, answer.json()) == (
            404,
            {"error": "there is no instance 9"},
        )
    answer = await http.get("/control/nonsense")
    assert (answer.status_code, answer.json()) == (404, {"error": "Not Found"})
    answer = await http.put("/control/faults")
    assert (answer.status_code, answer.json()) == (405, {"error": "Method Not Allowed"})
    assert cloud.faults.list() == []


async def test_a_taken_id_is_409(http: httpx.AsyncClient, whatsapp: Instance) -> None:
    body = {"id_instance": whatsapp.id_instance, "messenger": "whatsapp"}
    answer = await http.post("/control/instances", json=body)
    assert answer.status_code == 409
    assert answer.json() == {"error": "instance 1101000001 exists already"}


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded"]
)
async def test_what_a_page_of_another_origin_could_post_is_refused(
    http: httpx.AsyncClient, whatsapp: Instance, content_type: str | None
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    answer = await http.post(f"{ONE}/scan", content="{}", headers=headers)
    assert answer.status_code == 415
    assert answer.json() == {"error": "the content type must be application/json"}
    assert whatsapp.state == "notAuthorized"
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    answer = await http.options(f"{ONE}/scan", headers=asked)
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:1234", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
        ("rebound.example", 403),
        ("127.0.0.1.example", 403),
    ],
)
async def test_a_rebound_host_name_is_refused(
    http: httpx.AsyncClient, whatsapp: Instance, host: str, status: int
) -> None:
    answer = await http.get("/control/instances", headers={"host": host})
    assert answer.status_code == status
    assert (whatsapp.token in answer.text) is (status == 200)


async def test_a_client_out_of_its_context_says_so() -> None:
    with pytest.raises(RuntimeError, match="async context manager"):
        await ControlClient("http://127.0.0.1:9").instances()
