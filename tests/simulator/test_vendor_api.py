"""What the vendor API answers."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from simulator import Cloud, Instance, ManualClock, NotificationLost, State, Timing

from .conftest import without_time

if TYPE_CHECKING:
    import httpx

    from .conftest import Ask

ALREADY = "instance account already authorized"
STARTING = "instance in starting process try later"
ACCOUNT_METHODS = {
    "getStateInstance": "stateInstance",
    "logout": "isLogout",
    "reboot": "isReboot",
    "getSettings": "typeInstance",
    "getAccountSettings": "chatId",
}


@pytest.mark.parametrize("state", [*State, None])
async def test_get_state_instance_gives_every_state(
    whatsapp: Instance, ask: Ask, state: State | None
) -> None:
    whatsapp.set_state(state)
    answer = await ask(whatsapp, "getStateInstance")
    assert answer.status_code == 200
    assert answer.json() == (None if state is None else {"stateInstance": str(state)})


@pytest.mark.parametrize("prefix", ["", "/v3"])
@pytest.mark.parametrize("spell", [str, lambda name: name[0].upper() + name[1:]])
@pytest.mark.parametrize(("method", "key"), ACCOUNT_METHODS.items())
async def test_both_spellings_and_the_prefix_work(
    cloud: Cloud, ask: Ask, method: str, key: str, spell: Any, prefix: str
) -> None:
    instance = cloud.create("3100000001", "v3", state="authorized")
    answer = await ask(instance, spell(method), prefix=prefix)
    assert answer.status_code == 200
    assert key in answer.json()
    (request,) = cloud.log.list()
    assert (request.method, request.prefix, request.ok) == (method, prefix, True)


@pytest.mark.parametrize(
    ("messenger", "state", "expected"),
    [
        ("whatsapp", "authorized", {"type": "alreadyLogged", "message": ALREADY}),
        ("v3", "authorized", {"type": "alreadyLogged", "message": ALREADY}),
        ("telegram", "authorized", {"type": "already_registered", "message": ALREADY}),
        ("whatsapp", "yellowCard", {"type": "alreadyLogged", "message": ALREADY}),
        ("whatsapp", "sleepMode", {"type": "alreadyLogged", "message": ALREADY}),
        ("telegram", "suspended", {"type": "already_registered", "message": ALREADY}),
        (
            "telegram",
            "pendingPassword",
            {"type": "pendingPassword", "message": "2FA password required"},
        ),
        ("v3", "pendingPassword", {"type": "pending_password", "message": ""}),
        ("telegram", "pendingCode", {"type": "error", "message": "not_ready"}),
        ("telegram", "blocked", {"type": "error", "message": "connection_closed"}),
        (
            "whatsapp",
            "blocked",
            {
                "type": "error",
                "message": "Instance has auth. You need to make log out",
            },
        ),
    ],
)
async def test_qr_without_a_code(
    cloud: Cloud, ask: Ask, messenger: str, state: str, expected: dict[str, str]
) -> None:
    answer = await ask(cloud.create("1", messenger, state), "qr")
    assert answer.status_code == 200
    assert answer.json() == expected


async def test_qr_while_starting_is_400_with_the_token_in_its_path(
    whatsapp: Instance, ask: Ask
) -> None:
    for state in (None, State.STARTING):
        whatsapp.set_state(state)
        answer = await ask(whatsapp, "qr")
        assert answer.status_code == 400
        assert without_time(answer) == {
            "statusCode": 400,
            "path": f"/waInstance1101000001/qr/{whatsapp.token}",
            "message": STARTING,
        }


async def test_qr_before_the_first_code(
    cloud: Cloud, ask: Ask, clock: ManualClock
) -> None:
    whatsapp = cloud.create("1", timing=Timing(qr=120))
    telegram = cloud.create("2", "telegram", timing=Timing(qr=120))
    answer = await ask(whatsapp, "qr")
    assert (answer.status_code, answer.json()["message"]) == (400, STARTING)
    answer = await ask(telegram, "qr")
    assert answer.json() == {"type": "error", "message": "not_ready"}
    clock.advance(120)
    for instance in (whatsapp, telegram):
        assert (await ask(instance, "qr")).json()["type"] == "qrCode"


async def test_whoever_asks_every_5_seconds_sees_the_newest_telegram_code(
    telegram: Instance, ask: Ask, clock: ManualClock
) -> None:
    seen = []
    for _ in range(4):
        seen.append((await ask(telegram, "qr")).json()["message"])
        assert telegram.code
        assert telegram.code.base64 == seen[-1]
        clock.advance(5)
    assert len(set(seen)) == 4


async def test_logout_and_reboot(
    whatsapp: Instance, ask: Ask, clock: ManualClock
) -> None:
    whatsapp.set_state("authorized")
    answer = await ask(whatsapp, "reboot")
    assert (answer.status_code, answer.json()) == (200, {"isReboot": True})
    assert whatsapp.state == "starting"
    answer = await ask(whatsapp, "logout")
    assert (answer.status_code, answer.json()["message"]) == (400, STARTING)
    clock.advance(3)
    answer = await ask(whatsapp, "logout")
    assert (answer.status_code, answer.json()) == (200, {"isLogout": True})
    assert whatsapp.state == "notAuthorized"


async def test_logout_clears_credentials_that_are_no_use(
    whatsapp: Instance, ask: Ask
) -> None:
    assert (await ask(whatsapp, "logout")).json() == {"isLogout": True}


@pytest.mark.parametrize(
    ("messenger", "message"),
    [
        ("whatsapp", "Instance has auth. You need to make log out"),
        ("telegram", "connection_closed"),
        ("v3", "connection_closed"),
    ],
)
async def test_qr_with_stale_credentials_wants_a_logout(
    cloud: Cloud, ask: Ask, messenger: str, message: str
) -> None:
    instance = cloud.create("1", messenger)
    instance.set_stale_credentials(stale=True)
    answer = await ask(instance, "getStateInstance")
    assert answer.json() == {"stateInstance": "notAuthorized"}
    answer = await ask(instance, "qr")
    assert (answer.status_code, answer.json()) == (
        200,
        {"type": "error", "message": message},
    )
    await ask(instance, "logout")
    assert (await ask(instance, "qr")).json()["type"] == "qrCode"


async def test_get_status_instance(
    whatsapp: Instance, ask: Ask, clock: ManualClock
) -> None:
    answer = await ask(whatsapp, "getStatusInstance")
    assert answer.json() == {"statusInstance": "online"}
    whatsapp.set_online(online=False)
    clock.advance(1)
    answer = await ask(whatsapp, "getStatusInstance")
    assert answer.json() == {"statusInstance": "offline"}


async def test_set_settings_reboots(
    whatsapp: Instance, ask: Ask, clock: ManualClock
) -> None:
    whatsapp.set_state("authorized")
    body = {"stateWebhook": "yes", "webhookUrlToken": "x"}
    answer = await ask(whatsapp, "setSettings", json=body)
    assert (answer.status_code, answer.json()) == (200, {"saveSettings": True})
    assert whatsapp.state == "starting"
    clock.advance(1)
    answer = await ask(whatsapp, "setSettings", json=body)
    assert (answer.status_code, answer.json()["message"]) == (400, STARTING)
    clock.advance(2)
    assert whatsapp.state == "authorized"
    settings = (await ask(whatsapp, "getSettings")).json()
    assert (settings["stateWebhook"], settings["webhookUrlToken"]) == ("yes", "x")
    assert settings["incomingWebhook"] == "no"


async def test_get_settings(whatsapp: Instance, ask: Ask, clock: ManualClock) -> None:
    settings = {
        "webhookUrl": "",
        "webhookUrlToken": "",
        "delaySendMessagesMilliseconds": 500,
        "stateWebhook": "no",
        "incomingWebhook": "no",
        "outgoingWebhook": "no",
    }
    answer = await ask(whatsapp, "getSettings")
    assert answer.json() == {"wid": "", "typeInstance": "whatsapp", **settings}
    whatsapp.set_account(phone="79001234567", name="Ada")
    whatsapp.set_state("authorized")
    clock.advance(1)
    answer = await ask(whatsapp, "getSettings")
    assert answer.json() == {
        "wid": "79001234567@c.us",
        "typeInstance": "whatsapp",
        **settings,
    }


async def test_get_wa_settings(
    whatsapp: Instance, ask: Ask, clock: ManualClock
) -> None:
    whatsapp.set_account(phone="79001234567", name="Ada")
    answer = await ask(whatsapp, "getWaSettings")
    assert answer.json() == {
        "avatar": "",
        "phone": "",
        "stateInstance": "notAuthorized",
        "deviceId": "",
    }
    whatsapp.set_state("authorized")
    clock.advance(1)
    answer = (await ask(whatsapp, "getWaSettings")).json()
    assert answer.pop("avatar").startswith("https://")
    assert answer == {
        "phone": "79001234567",
        "stateInstance": "authorized",
        "deviceId": "79001234567:8@s.whatsapp.net",
    }


async def test_get_account_settings(
    telegram: Instance, ask: Ask, clock: ManualClock
) -> None:
    telegram.set_account(phone="79001234567", name="Ada", wid="10000000")
    answer = await ask(telegram, "getAccountSettings")
    assert answer.json() == {
        "avatar": "",
        "phone": "",
        "stateInstance": "notAuthorized",
        "chatId": "",
        "suspendedUntil": None,
    }
    telegram.set_state("suspended")
    clock.advance(1)
    answer = await ask(telegram, "getAccountSettings")
    assert telegram.suspended_until
    assert answer.json() == {
        "avatar": "",
        "phone": "79001234567",
        "stateInstance": "suspended",
        "chatId": "10000000",
        "suspendedUntil": int(telegram.suspended_until.timestamp()),
    }


@pytest.mark.parametrize("token", ["0" * 50, "x", "%20", "ä"])
async def test_a_wrong_token_is_401_without_a_body(
    whatsapp: Instance, ask: Ask, token: str
) -> None:
    answer = await ask(whatsapp, "getStateInstance", token=token)
    assert (answer.status_code, answer.content) == (401, b"")


async def test_a_deleted_instance_is_401(
    cloud: Cloud, whatsapp: Instance, ask: Ask
) -> None:
    cloud.delete(whatsapp.id_instance)
    assert (await ask(whatsapp, "getStateInstance")).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/waInstance999/getStateInstance/{token}",
        "/waInstanceABC/getStateInstance/{token}",
        "/waInstance/getStateInstance/{token}",
        "/waInstance1101000001/getStateInstance",
        "/waInstance1101000001/getStateInstance/{token}/more",
        "//waInstance1101000001/getStateInstance/{token}",
        "/v4/waInstance1101000001/getStateInstance/{token}",
        "/waInstance1101000001/{token}",
        "/waInstance1101000001/getStateInstance/{token}/1",
        "/waInstance1101000001/deleteNotification/{token}",
    ],
)
async def test_a_wrong_id_or_malformed_path_is_403_without_json(
    cloud: Cloud, whatsapp: Instance, http: httpx.AsyncClient, path: str
) -> None:
    answer = await http.get(f"{http.base_url}{path.format(token=whatsapp.token)}")
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    (request,) = cloud.log.list()
    assert request.status == 403
    assert whatsapp.token not in repr(request)


@pytest.mark.parametrize(
    ("messenger", "verb", "method"),
    [
        ("whatsapp", "POST", "getStateInstance"),
        ("whatsapp", "DELETE", "qr"),
        ("whatsapp", "GET", "getAccountSettings"),
        ("telegram", "GET", "getWaSettings"),
        ("v3", "GET", "getWaSettings"),
        ("telegram", "GET", "getStatusInstance"),
        ("telegram", "POST", "getAuthorizationCode"),
        ("telegram", "GET", "scanqrcode"),
        ("v3", "GET", "scanqrcode"),
        ("whatsapp", "POST", "scanqrcode"),
        ("whatsapp", "POST", "startAuthorization"),
        ("whatsapp", "POST", "sendAuthorizationCode"),
        ("whatsapp", "POST", "sendAuthorizationPassword"),
        ("whatsapp", "GET", "getAuthorizationCode"),
        ("whatsapp", "GET", "setSettings"),
        ("whatsapp", "POST", "receiveNotification"),
        ("whatsapp", "GET", "doMagic"),
        ("whatsapp", "GET", "GETSTATEINSTANCE"),
    ],
)
async def test_what_an_instance_lacks_is_404_and_echoes_the_token(
    cloud: Cloud, ask: Ask, messenger: str, verb: str, method: str
) -> None:
    instance = cloud.create("1101000001", messenger)
    answer = await ask(instance, method, verb=verb)
    path = f"/waInstance1101000001/{method}/{instance.token}"
    assert answer.status_code == 404
    assert without_time(answer) == {
        "statusCode": 404,
        "path": path,
        "message": f"Cannot {verb} {path}",
    }


@pytest.mark.parametrize(
    ("method", "per_second"),
    [
        ("qr", 3),
        ("getStateInstance", 1),
        ("getSettings", 1),
        ("getWaSettings", 1),
        ("getStatusInstance", 1),
        ("reboot", 1),
        ("logout", 1),
    ],
)
async def test_too_many_requests_are_429_until_a_second_has_passed(
    whatsapp: Instance, ask: Ask, clock: ManualClock, method: str, per_second: int
) -> None:
    whatsapp.set_timing(Timing(reboot=0))
    for _ in range(per_second):
        assert (await ask(whatsapp, method)).status_code == 200
    for _ in range(3):
        answer = await ask(whatsapp, method)
        assert (answer.status_code, answer.content) == (429, b"")
    clock.advance(0.9)
    assert (await ask(whatsapp, method)).status_code == 429
    clock.advance(0.1)
    assert (await ask(whatsapp, method)).status_code == 200


@pytest.mark.parametrize(
    ("messenger", "method", "body"),
    [
        ("whatsapp", "getAuthorizationCode", {"phoneNumber": 1}),
        ("whatsapp", "setSettings", {}),
        ("telegram", "startAuthorization", {"phoneNumber": 1}),
        ("telegram", "sendAuthorizationCode", {"code": "1"}),
        ("telegram", "sendAuthorizationPassword", {"password": "1"}),
    ],
)
async def test_methods_that_post_have_a_limit_of_one_a_second(
    cloud: Cloud,
    ask: Ask,
    clock: ManualClock,
    messenger: str,
    method: str,
    body: dict[str, object],
) -> None:
    instance = cloud.create("1", messenger, timing=Timing(reboot=0))
    assert (await ask(instance, method, json=body)).status_code == 200
    assert (await ask(instance, method, json=body)).status_code == 429
    clock.advance(1)
    assert (await ask(instance, method, json=body)).status_code == 200


@pytest.mark.parametrize(
    ("verb", "method", "more"),
    [("GET", "receiveNotification", ""), ("DELETE", "deleteNotification", "/1")],
)
async def test_notifications_are_received_and_deleted_100_times_a_second(
    cloud: Cloud,
    whatsapp: Instance,
    http: httpx.AsyncClient,
    verb: str,
    method: str,
    more: str,
) -> None:
    whatsapp.notifications.push({})
    for _ in range(98):
        assert cloud.limits.accept(whatsapp.id_instance, method, 100)
    path = f"/waInstance1101000001/{method}/{whatsapp.token}{more}"
    statuses = [(await http.request(verb, path)).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


async def test_a_notification_is_received_until_it_is_deleted(
    whatsapp: Instance, http: httpx.AsyncClient, ask: Ask
) -> None:
    whatsapp.set_settings({"stateWebhook": "yes"})
    whatsapp.set_state("authorized")
    first = (await ask(whatsapp, "receiveNotification")).json()
    assert first["body"]["stateInstance"] == "authorized"
    assert (await ask(whatsapp, "receiveNotification")).json() == first
    path = f"/waInstance1101000001/deleteNotification/{whatsapp.token}"
    answer = await http.delete(f"{path}/{first['receiptId']}")
    assert (answer.status_code, answer.json()) == (200, {"result": True, "reason": ""})
    assert whatsapp.notifications.list() == []
    assert (await http.delete(f"{path}/one")).status_code == 400


async def test_a_notification_is_waited_for_as_long_as_asked(
    cloud: Cloud, whatsapp: Instance, http: httpx.AsyncClient, clock: ManualClock
) -> None:
    path = f"/waInstance1101000001/receiveNotification/{whatsapp.token}"
    query = {"receiveTimeout": "30"}
    waiting = asyncio.create_task(http.get(path, params=query))
    await cloud.log.wait_for_open(method="receiveNotification")
    clock.advance(29)
    assert not waiting.done()
    clock.advance(1)
    answer = await waiting
    assert (answer.status_code, answer.json()) == (200, None)
    answer = await http.get(path, params={"receiveTimeout": "4"})
    assert answer.status_code == 400


async def test_notifications_can_get_lost(cloud: Cloud, whatsapp: Instance) -> None:
    cloud.faults.add(NotificationLost(), count=1)
    whatsapp.set_settings({"stateWebhook": "yes"})
    whatsapp.set_state("authorized")
    whatsapp.set_online(online=False)
    (left,) = whatsapp.notifications.list()
    assert left.body["statusInstance"] == "offline"
    assert cloud.faults.list() == []


async def test_the_window_of_a_limit_slides(
    whatsapp: Instance, ask: Ask, clock: ManualClock
) -> None:
    for _ in range(3):
        assert (await ask(whatsapp, "qr")).status_code == 200
        clock.advance(0.25)
    assert (await ask(whatsapp, "qr")).status_code == 429
    clock.advance(0.25)
    assert (await ask(whatsapp, "qr")).status_code == 200
    assert (await ask(whatsapp, "qr")).status_code == 429


async def test_limits_are_apart_for_each_instance_and_method(
    whatsapp: Instance, telegram: Instance, ask: Ask
) -> None:
    for instance in (whatsapp, telegram):
        for method in ("getStateInstance", "getSettings", "qr"):
            assert (await ask(instance, method)).status_code == 200


async def test_a_new_instance_of_a_deleted_ones_id_starts_afresh(
    cloud: Cloud, whatsapp: Instance, ask: Ask
) -> None:
    await ask(whatsapp, "getStateInstance")
    cloud.delete(whatsapp.id_instance)
    again = cloud.create(whatsapp.id_instance)
    assert (await ask(again, "getStateInstance")).status_code == 200
    assert (await ask(whatsapp, "getStateInstance")).status_code == 401


async def test_a_stranger_does_not_use_up_the_limit(
    whatsapp: Instance, ask: Ask
) -> None:
    for _ in range(3):
        await ask(whatsapp, "getStateInstance", token="stranger")
    assert (await ask(whatsapp, "getStateInstance")).status_code == 200
