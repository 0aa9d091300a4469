"""The client asks the cloud and understands what it says."""

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
import io

import httpx
from PIL import Image
import pytest
import zxingcpp

from custom_components.green_api.api.client import (
    CODE_TIMEOUT,
    LARGEST_NOTIFICATION,
    GreenApiClient,
)
from custom_components.green_api.api.errors import (
    InstanceNotReady,
    RequestRejected,
    UnexpectedAnswer,
    WebhookIsSet,
)
from custom_components.green_api.api.models import (
    Account,
    AccountSettings,
    AlreadyAuthorized,
    CodeReceived,
    InstanceState,
    Messenger,
    PasswordRequired,
    ScanFailed,
    ScanFailure,
    Settings,
)
from custom_components.green_api.api.notification import (
    ReceivedNotification,
    parse_notification,
)
from custom_components.green_api.api.settings import PushSettings
from simulator import Hang, Instance, ManualClock, QrAnswer, StateAnswer, Timing

from .lab import Lab

MESSENGERS = [
    ("1101000002", "whatsapp", Messenger.WHATSAPP),
    ("4100000001", "telegram", Messenger.TELEGRAM),
    ("3100000001", "v3", Messenger.MAX),
]
_TWO_FACTOR = MESSENGERS[1:]


@pytest.fixture
def clock() -> ManualClock:
    """Return a time that stands still, so that no code dies meanwhile."""
    return ManualClock()


def _client_of(lab: Lab, instance: Instance) -> GreenApiClient:
    return lab.client(
        id_instance=instance.id_instance, api_token_instance=instance.token
    )


# ------------------------------------------------------------------ state


@pytest.mark.parametrize(
    ("wire", "state"),
    [
        ("notAuthorized", InstanceState.NOT_AUTHORIZED),
        ("authorized", InstanceState.AUTHORIZED),
        ("blocked", InstanceState.BLOCKED),
        ("starting", InstanceState.STARTING),
        ("sleepMode", InstanceState.SLEEP_MODE),
        ("yellowCard", InstanceState.YELLOW_CARD),
        ("suspended", InstanceState.SUSPENDED),
        ("pendingPassword", InstanceState.PENDING_PASSWORD),
        ("pendingCode", InstanceState.PENDING_CODE),
        (None, InstanceState.UNKNOWN),
    ],
)
async def test_every_state_of_an_instance_is_told_apart(
    lab: Lab, wire: str | None, state: InstanceState
) -> None:
    lab.instance.set_state(wire)
    reading = await lab.own.get_state_instance()
    assert reading.state is state
    assert reading.word == state


@pytest.mark.parametrize(
    ("wire", "word"),
    [
        ("somethingNew", "something_new"),
        ("", "unknown"),
        ("../#+", "unknown"),
        ("../#+$SYS/blocked", "sys_blocked"),
        ("состояние", "unknown"),
        ("state\x00\n\t2", "state_2"),
        ("\ud83d\ude00", "unknown"),
        ("x" * 10_000, "x" * 40),
        ("<script>alert(1)</script>", "script_alert_1_script"),
    ],
)
async def test_a_state_nobody_knows_is_unknown_under_a_clean_word(
    lab: Lab, wire: str, word: str
) -> None:
    async with lab.fault(StateAnswer(wire)) as client:
        reading = await client.get_state_instance()
    assert reading.word == word
    assert reading.state is InstanceState.UNKNOWN
    assert (await lab.own.get_state_instance()).word == "not_authorized"


async def test_a_null_for_a_state_is_unknown_and_the_next_answer_counts(
    lab: Lab,
) -> None:
    async with lab.fault(StateAnswer(None)) as client:
        assert (await client.get_state_instance()).word == "unknown"
    async with lab.answer({"stateInstance": None}) as client:
        assert (await client.get_state_instance()).word == "unknown"
    assert (await lab.own.get_state_instance()).word == "not_authorized"


# ------------------------------------------------------------------ code


@pytest.mark.parametrize(("id_instance", "wire", "_messenger"), MESSENGERS)
async def test_a_code_is_the_picture_that_the_phone_can_scan(
    lab: Lab, id_instance: str, wire: str, _messenger: Messenger
) -> None:
    instance = lab.cloud.cloud.create(id_instance, wire)
    event = await _client_of(lab, instance).get_qr()
    assert isinstance(event, CodeReceived)
    with Image.open(io.BytesIO(event.png)) as picture:
        (code,) = zxingcpp.read_barcodes(picture)
    instance.scan(code.text)
    assert instance.state == "authorized"


@pytest.mark.parametrize(("id_instance", "wire", "_messenger"), MESSENGERS)
async def test_an_authorized_instance_needs_no_code(
    lab: Lab, id_instance: str, wire: str, _messenger: Messenger
) -> None:
    instance = lab.cloud.cloud.create(id_instance, wire, "authorized")
    assert await _client_of(lab, instance).get_qr() == AlreadyAuthorized()


@pytest.mark.parametrize(("id_instance", "wire", "_messenger"), _TWO_FACTOR)
async def test_a_scan_may_be_followed_by_a_password(
    lab: Lab, id_instance: str, wire: str, _messenger: Messenger
) -> None:
    instance = lab.cloud.cloud.create(id_instance, wire, password="secret")
    client = _client_of(lab, instance)
    assert isinstance(await client.get_qr(), CodeReceived)
    instance.scan()
    assert await client.get_qr() == PasswordRequired()
    instance.enter_password("secret")
    assert await client.get_qr() == AlreadyAuthorized()


async def test_a_blocked_whatsapp_has_to_be_logged_out_before_a_code_comes(
    lab: Lab,
) -> None:
    lab.instance.set_state("blocked")
    assert await lab.own.get_qr() == ScanFailed(ScanFailure.NEEDS_LOGOUT)
    await lab.own.logout()
    assert isinstance(await lab.own.get_qr(), CodeReceived)


async def test_a_telegram_that_is_not_ready_says_so_until_it_is(
    lab: Lab, clock: ManualClock
) -> None:
    timing = Timing(qr=120)
    telegram = lab.cloud.cloud.create("4100000001", "telegram", timing=timing)
    client = _client_of(lab, telegram)
    assert await client.get_qr() == ScanFailed(ScanFailure.NOT_READY)
    clock.advance(timing.qr)
    assert isinstance(await client.get_qr(), CodeReceived)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (QrAnswer.log_out_first(), ScanFailure.NEEDS_LOGOUT),
        (QrAnswer("error", "timeout"), ScanFailure.MESSENGER_UNREACHABLE),
        (QrAnswer("error", "not_ready"), ScanFailure.NOT_READY),
        (QrAnswer("error", "connection_closed"), ScanFailure.CONNECTION_CLOSED),
        (QrAnswer("passkeyRequired", None), ScanFailure.PASSKEY_REQUIRED),
    ],
)
async def test_why_there_is_no_code_is_told_and_the_code_comes_later(
    lab: Lab, answer: QrAnswer, reason: ScanFailure
) -> None:
    async with lab.fault(answer) as client:
        assert await client.get_qr() == ScanFailed(reason)
    assert isinstance(await lab.own.get_qr(), CodeReceived)


async def test_the_clouds_own_words_are_told_without_the_token(lab: Lab) -> None:
    words = f"ECONNRESET\n at {lab.instance.token}"
    async with lab.fault(QrAnswer("error", words)) as client:
        event = await client.get_qr()
    assert event == ScanFailed(ScanFailure.OTHER, "ECONNRESET at ***")
    assert isinstance(await lab.own.get_qr(), CodeReceived)


@pytest.mark.parametrize(
    "answer",
    [
        QrAnswer.not_base64(),
        QrAnswer.not_png(),
        QrAnswer("qrCode", None),
        QrAnswer("qrCode", ""),
        QrAnswer("error", None),
    ],
)
async def test_a_senseless_answer_about_a_code_is_unexpected_and_passes(
    lab: Lab, answer: QrAnswer
) -> None:
    async with lab.fault(answer) as client:
        with pytest.raises(UnexpectedAnswer):
            await client.get_qr()
    assert isinstance(await lab.own.get_qr(), CodeReceived)


def test_a_code_is_waited_for_longer_than_the_cloud_holds_a_request() -> None:
    assert Hang().seconds < CODE_TIMEOUT


# ------------------------------------------------------------------ orders


async def test_a_logout_unlinks_the_instance(lab: Lab) -> None:
    lab.instance.set_state("authorized")
    await lab.own.logout()
    assert lab.instance.state == "notAuthorized"


async def test_a_reboot_restarts_the_instance(lab: Lab, clock: ManualClock) -> None:
    lab.instance.set_state("yellowCard")
    await lab.own.reboot()
    assert lab.instance.state == "starting"
    clock.advance(lab.instance.timing.reboot)
    assert (await lab.own.get_state_instance()).state is InstanceState.AUTHORIZED


@pytest.mark.parametrize(
    "answer", [{}, {"isLogout": False}, {"isLogout": 1}, {"isReboot": True}]
)
async def test_an_order_that_is_not_confirmed_was_refused(
    lab: Lab, answer: dict[str, object]
) -> None:
    lab.instance.set_state("authorized")
    async with lab.answer(answer) as client:
        with pytest.raises(RequestRejected):
            await client.logout()
    await lab.own.logout()
    assert lab.instance.state == "notAuthorized"


# ------------------------------------------------------------------ settings


@pytest.mark.parametrize(("id_instance", "wire", "messenger"), MESSENGERS)
async def test_the_settings_tell_messenger_and_account(
    lab: Lab, id_instance: str, wire: str, messenger: Messenger
) -> None:
    instance = lab.cloud.cloud.create(id_instance, wire, "authorized")
    client = _client_of(lab, instance)
    assert await client.get_settings() == Settings(messenger, instance.account.wid)
    instance.unlink()
    assert await client.get_settings() == Settings(messenger, None)


@pytest.mark.parametrize("type_instance", ["viber", "", None, 5, [], "WhatsApp"])
async def test_a_messenger_nobody_knows_is_none(
    lab: Lab, type_instance: object
) -> None:
    async with lab.answer({"typeInstance": type_instance, "wid": 7}) as client:
        assert await client.get_settings() == Settings(None, None)


@pytest.mark.parametrize(("id_instance", "wire", "messenger"), MESSENGERS)
async def test_the_account_is_there_while_it_is_linked(
    lab: Lab, id_instance: str, wire: str, messenger: Messenger
) -> None:
    instance = lab.cloud.cloud.create(id_instance, wire, "authorized")
    instance.set_account(phone="79001234567", name="Somebody")
    client = _client_of(lab, instance)
    settings = await client.get_account(messenger)
    assert settings.account
    assert settings.account.phone == "79001234567"
    assert settings.account.wid
    assert settings.suspended_until is None
    instance.unlink()
    assert await client.get_account(messenger) == AccountSettings(None)


@pytest.mark.parametrize(
    ("answer", "account"),
    [
        ({"phone": "7900", "deviceId": "7900:8@s"}, Account("7900", "7900:8@s")),
        ({"phone": "7900", "chatId": "1000"}, Account("7900", "1000")),
    ],
)
async def test_an_account_has_an_id_and_may_be_suspended(
    lab: Lab, answer: dict[str, object], account: Account
) -> None:
    end = datetime(2026, 12, 24, tzinfo=UTC)
    async with lab.answer({**answer, "suspendedUntil": end.isoformat()}) as client:
        settings = await client.get_account(Messenger.MAX)
    assert settings == AccountSettings(account, end)


# ------------------------------------------------------------------ push

NO_PUSH = PushSettings("", "", state_webhook=False)


async def test_whom_the_cloud_tells_is_read_and_changed_and_nothing_else(
    lab: Lab, clock: ManualClock
) -> None:
    before = asdict(lab.instance.settings)
    # Nobody is there.
    address = f"{lab.cloud.url}/api/webhook/5ec2e7"
    wanted = PushSettings(address, "a1b2", state_webhook=True)
    assert await lab.own.get_push_settings() == NO_PUSH
    await lab.own.set_push_settings(wanted)
    assert lab.instance.state == "starting"
    changed = {"webhookUrl": address, "webhookUrlToken": "a1b2", "stateWebhook": "yes"}
    assert asdict(lab.instance.settings) == {**before, **changed}
    with pytest.raises(InstanceNotReady):
        await lab.own.set_push_settings(NO_PUSH)
    clock.advance(lab.instance.timing.reboot)
    assert await lab.own.get_push_settings() == wanted
    await lab.own.set_push_settings(NO_PUSH)
    assert asdict(lab.instance.settings) == before


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({}, RequestRejected),
        ({"saveSettings": False}, RequestRejected),
        ({"saveSettings": "true"}, RequestRejected),
        (None, UnexpectedAnswer),
        ([], UnexpectedAnswer),
        (True, UnexpectedAnswer),
    ],
)
async def test_settings_that_are_not_confirmed_were_not_saved(
    lab: Lab, answer: object, error: type[Exception]
) -> None:
    async with lab.answer(answer) as client:
        with pytest.raises(error):
            await client.set_push_settings(NO_PUSH)
    await lab.own.set_push_settings(NO_PUSH)


async def test_a_notification_comes_again_until_it_is_deleted(lab: Lab) -> None:
    lab.instance.set_settings({"stateWebhook": "yes"})
    for state in ("authorized", "notAuthorized"):
        lab.instance.set_state(state)
    received = await lab.own.receive_notification()
    assert received
    assert await lab.own.receive_notification() == received
    notification = parse_notification(received.body)
    assert notification
    assert notification.id_instance == lab.instance.id_instance
    assert notification.state == "authorized"
    assert await lab.own.delete_notification(received.receipt_id) is True
    assert await lab.own.delete_notification(received.receipt_id) is False
    received = await lab.own.receive_notification()
    assert received
    notification = parse_notification(received.body)
    assert notification
    assert notification.state == "not_authorized"


async def test_a_notification_is_waited_for_as_long_as_asked(
    lab: Lab, clock: ManualClock
) -> None:
    log, body = lab.cloud.cloud.log, {"typeWebhook": "something"}
    request = asyncio.create_task(lab.own.receive_notification(7))
    await log.wait_for_open(method="receiveNotification")
    clock.advance(6)
    lab.instance.notifications.push(body)
    assert await request == ReceivedNotification(1, body)
    await lab.own.delete_notification(1)
    request = asyncio.create_task(lab.own.receive_notification(7))
    await log.wait_for_open(method="receiveNotification")
    clock.advance(7)
    assert await request is None


async def test_a_notification_may_be_larger_than_any_other_answer(lab: Lab) -> None:
    body = {"jpegThumbnail": "x" * (LARGEST_NOTIFICATION - 1000)}
    lab.instance.notifications.push(body)
    assert await lab.own.receive_notification() == ReceivedNotification(1, body)
    await lab.own.delete_notification(1)
    lab.instance.notifications.push({"jpegThumbnail": "x" * LARGEST_NOTIFICATION})
    with pytest.raises(UnexpectedAnswer):
        await lab.own.receive_notification()
    await lab.own.delete_notification(2)
    lab.instance.notifications.push({})
    assert await lab.own.receive_notification() == ReceivedNotification(3, {})


async def test_no_notification_is_to_be_had_while_a_webhook_gets_them(
    lab: Lab,
) -> None:
    lab.instance.set_settings({"webhookUrl": f"{lab.cloud.url}/nowhere"})
    with pytest.raises(WebhookIsSet):
        await lab.own.receive_notification()
    lab.instance.set_settings({"webhookUrl": ""})
    lab.instance.notifications.push({})
    assert await lab.own.receive_notification() == ReceivedNotification(1, {})


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        ({"receiptId": 7}, None),
        ({"receiptId": 7, "body": None}, None),
        ({"receiptId": 7, "body": [1]}, [1]),
    ],
)
async def test_what_stands_in_the_queue_can_be_named_whatever_it_is(
    lab: Lab, answer: dict[str, object], body: object
) -> None:
    async with lab.answer(answer) as client:
        received = await client.receive_notification()
    assert received == ReceivedNotification(7, body)


@pytest.mark.parametrize(
    "answer",
    [
        [],
        "text",
        5,
        True,
        {},
        {"body": {}},
        {"receiptId": None, "body": {}},
        {"receiptId": True, "body": {}},
        {"receiptId": "7", "body": {}},
        {"receiptId": 7.5, "body": {}},
    ],
)
async def test_a_notification_that_cannot_be_named_is_unexpected_and_passes(
    lab: Lab, answer: object
) -> None:
    async with lab.answer(answer) as client:
        with pytest.raises(UnexpectedAnswer):
            await client.receive_notification()
    lab.instance.notifications.push({})
    assert await lab.own.receive_notification()


@pytest.mark.parametrize(
    "answer", [None, [], "text", 5, True, {}, {"result": 1}, {"result": None}]
)
async def test_whether_a_notification_is_gone_has_to_be_told(
    lab: Lab, answer: object
) -> None:
    async with lab.answer(answer) as client:
        with pytest.raises(UnexpectedAnswer):
            await client.delete_notification(7)
    assert await lab.own.delete_notification(7) is False


# ------------------------------------------------------------------ shapes


# The state is left out: null is an answer there.
@pytest.mark.parametrize("answer", [None, [], "text", 5, True])
@pytest.mark.parametrize(
    "method",
    ["get_qr", "logout", "reboot", "get_settings", "get_push_settings", "get_account"],
)
async def test_json_of_another_shape_is_unexpected_and_passes(
    lab: Lab, method: str, answer: object
) -> None:
    arguments = [Messenger.WHATSAPP] if method == "get_account" else []
    lab.instance.set_state("authorized")
    async with lab.answer(answer) as client:
        with pytest.raises(UnexpectedAnswer):
            await getattr(client, method)(*arguments)
    await getattr(lab.own, method)(*arguments)


@pytest.mark.parametrize(
    "answer", [[], "text", 5, {}, {"stateInstance": 5}, {"state": "authorized"}]
)
async def test_a_state_that_is_no_word_is_unexpected_and_passes(
    lab: Lab, answer: object
) -> None:
    async with lab.answer(answer) as client:
        with pytest.raises(UnexpectedAnswer):
            await client.get_state_instance()
    await lab.own.get_state_instance()


# ------------------------------------------------------------------ requests


async def test_the_documented_methods_are_called_at_the_documented_paths(
    lab: Lab,
) -> None:
    maximum = lab.cloud.cloud.create("3100000001", "v3", "authorized")
    client = lab.client(
        api_url=f"{lab.cloud.url}/v3",
        id_instance=maximum.id_instance,
        api_token_instance=maximum.token,
    )
    await client.get_state_instance()
    await client.get_qr()
    await client.get_settings()
    await client.get_account(Messenger.MAX)
    await client.logout()
    await client.reboot()
    log = lab.cloud.cloud.log.list(id_instance=maximum.id_instance)
    assert [request.method for request in log] == [
        "getStateInstance",
        "qr",
        "getSettings",
        "getAccountSettings",
        "logout",
        "reboot",
    ]
    assert {(item.verb, item.prefix, item.status) for item in log} == {
        ("GET", "/v3", 200)
    }


async def test_the_documented_methods_are_called_by_the_documented_verbs(
    lab: Lab,
) -> None:
    maximum = lab.cloud.cloud.create("3100000001", "v3", "authorized")
    client = lab.client(
        api_url=f"{lab.cloud.url}/v3",
        id_instance=maximum.id_instance,
        api_token_instance=maximum.token,
    )
    maximum.notifications.push({})
    await client.get_push_settings()
    await client.receive_notification()
    await client.delete_notification(1)
    await client.set_push_settings(NO_PUSH)
    log = lab.cloud.cloud.log.list(id_instance=maximum.id_instance)
    assert [(request.verb, request.method) for request in log] == [
        ("GET", "getSettings"),
        ("GET", "receiveNotification"),
        ("DELETE", "deleteNotification"),
        ("POST", "setSettings"),
    ]
    assert {(item.prefix, item.status) for item in log} == {("/v3", 200)}


async def test_the_callers_http_client_stays_as_it_was(lab: Lab) -> None:
    async with httpx.AsyncClient(timeout=3, trust_env=False) as http:
        await lab.client(http=http).get_state_instance()
        assert not http.is_closed
        assert http.timeout == httpx.Timeout(3)
        assert not http.follow_redirects
        assert not http.cookies


async def test_a_request_that_nobody_waits_for_is_given_up_and_the_next_works(
    lab: Lab,
) -> None:
    async with lab.fault(Hang()) as client:
        request = asyncio.create_task(client.get_qr())
        await lab.cloud.cloud.log.wait_for_open(method="qr")
        since = lab.cloud.cloud.log.cursor
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        gone = await lab.cloud.cloud.log.wait_for(method="qr", since=since)
        assert gone.status == 499
    assert isinstance(await lab.own.get_qr(), CodeReceived)
