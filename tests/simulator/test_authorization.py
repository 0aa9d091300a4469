"""The ways in without a QR: pairing code, phone login, two-factor password."""

from typing import TYPE_CHECKING, Any

import pytest

from simulator import (
    AuthorizationAnswer,
    Cloud,
    ConflictError,
    Instance,
    ManualClock,
    Reason,
    State,
    Timing,
)

from .conftest import without_time

if TYPE_CHECKING:
    from .conftest import Ask

PHONE = {"phoneNumber": 441234567890}
SUCCESS = {"status": True, "data": {"status": "success"}}
STARTING = "instance in starting process try later"


def failed(reason: str | None = None, **more: object) -> dict[str, object]:
    """Return the vendor's answer to a step that failed."""
    named = {} if reason is None else {"reason": reason}
    return {"status": False, "data": {"status": "fail", **named, **more}}


def pairing_of(instance: Instance) -> tuple[str | None, float | None]:
    """Return the pairing code and when it dies."""
    return instance.pairing_code, instance.pairing_expires_at


def phone_code_of(instance: Instance) -> tuple[str | None, float | None]:
    """Return the code that was sent to the phone and when it dies."""
    return instance.phone_code, instance.phone_code_expires_at


@pytest.fixture(params=["telegram", "v3"])
def by_phone(request: pytest.FixtureRequest, cloud: Cloud) -> Instance:
    """Return an instance that can be logged in by a code to the phone."""
    return cloud.create("4100000001", request.param)


async def test_a_pairing_code_links_the_account(
    whatsapp: Instance, ask: Ask, clock: ManualClock
) -> None:
    whatsapp.set_timing(Timing(scan=4))
    answer = await ask(whatsapp, "getAuthorizationCode", json=PHONE)
    code = answer.json()["code"]
    assert answer.status_code == 200
    assert answer.json() == {"status": True, "code": code}
    assert len(code) == 8
    assert pairing_of(whatsapp) == (code, 150)
    assert whatsapp.state == "notAuthorized"
    whatsapp.enter_pairing_code(f"{code[:4]}-{code[4:]}".lower())
    assert whatsapp.state == "starting"
    assert whatsapp.pairing_code is None
    clock.advance(4)
    assert whatsapp.state == "authorized"


async def test_a_wrong_or_dead_pairing_code_links_nothing(
    whatsapp: Instance, clock: ManualClock
) -> None:
    with pytest.raises(ConflictError, match="no live pairing code"):
        whatsapp.enter_pairing_code("GAPI2015")
    code = whatsapp.request_pairing_code(441234567890)
    assert code
    with pytest.raises(ConflictError, match="wrong pairing code"):
        whatsapp.enter_pairing_code(code[::-1] + "X")
    clock.advance(149.9)
    assert whatsapp.pairing_code == code
    revision = whatsapp.changed.revision
    clock.advance(0.1)
    assert pairing_of(whatsapp) == (None, None)
    assert whatsapp.changed.revision > revision
    with pytest.raises(ConflictError, match="no live pairing code"):
        whatsapp.enter_pairing_code(code)
    again = whatsapp.request_pairing_code(441234567890)
    assert again not in {None, code}
    assert whatsapp.state == "notAuthorized"


async def test_a_second_pairing_code_in_a_row_drives_it_to_starting(
    whatsapp: Instance, ask: Ask, clock: ManualClock
) -> None:
    await ask(whatsapp, "getAuthorizationCode", json=PHONE)
    clock.advance(100)
    answer = await ask(whatsapp, "getAuthorizationCode", json=PHONE)
    assert (answer.status_code, answer.json()) == (200, {"status": False})
    assert whatsapp.state == "starting"
    assert whatsapp.pairing_code is None
    clock.advance(1000)
    answer = await ask(whatsapp, "getAuthorizationCode", json=PHONE)
    assert (answer.status_code, answer.json()["message"]) == (400, STARTING)
    whatsapp.reboot()
    clock.advance(3)
    answer = await ask(whatsapp, "getAuthorizationCode", json=PHONE)
    assert answer.json()["status"] is True


async def test_no_pairing_code_is_status_false(
    whatsapp: Instance, ask: Ask, clock: ManualClock
) -> None:
    whatsapp.set_refuse_pairing(refuse=True)
    answer = await ask(whatsapp, "getAuthorizationCode", json=PHONE)
    assert (answer.status_code, answer.json()) == (200, {"status": False})
    whatsapp.set_refuse_pairing(refuse=False)
    whatsapp.set_state("authorized")
    clock.advance(1)
    answer = await ask(whatsapp, "getAuthorizationCode", json=PHONE)
    assert (answer.status_code, answer.json()) == (200, {"status": False})
    whatsapp.set_stale_credentials(stale=True)
    assert whatsapp.request_pairing_code(1) is None
    whatsapp.logout()
    assert whatsapp.request_pairing_code(1)


async def test_whatever_else_moves_the_state_kills_the_codes(
    whatsapp: Instance, telegram: Instance
) -> None:
    for move in (Instance.scan, Instance.reboot, Instance.logout):
        whatsapp.set_state("notAuthorized")
        telegram.set_state("notAuthorized")
        telegram.request_code()
        whatsapp.request_pairing_code(1)
        telegram.start_authorization(1)
        assert whatsapp.pairing_code
        assert telegram.phone_code
        for instance in (whatsapp, telegram):
            move(instance)
        assert pairing_of(whatsapp) == (None, None)
        assert phone_code_of(telegram) == (None, None)


async def test_a_code_to_the_phone_links_the_account(
    by_phone: Instance, ask: Ask, clock: ManualClock
) -> None:
    by_phone.set_timing(Timing(scan=4))
    answer = await ask(by_phone, "startAuthorization", json=PHONE)
    assert (answer.status_code, answer.json()) == (200, SUCCESS)
    code = by_phone.phone_code
    assert code
    assert len(code) == 5
    assert code.isdecimal()
    assert by_phone.phone_code_expires_at == 300
    assert by_phone.state == "notAuthorized"
    answer = await ask(by_phone, "sendAuthorizationCode", json={"code": code})
    assert (answer.status_code, answer.json()) == (200, SUCCESS)
    assert by_phone.state == "starting"
    clock.advance(4)
    assert by_phone.state == "authorized"
    assert by_phone.phone_code is None


async def test_the_code_may_be_a_number(
    by_phone: Instance, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_phone._phone, "_make", lambda: "12345")
    by_phone.start_authorization(1)
    answer = await ask(by_phone, "sendAuthorizationCode", json={"code": 12345})
    assert answer.json() == SUCCESS


async def test_the_code_is_not_sent_again_within_its_life(
    by_phone: Instance, ask: Ask, clock: ManualClock
) -> None:
    await ask(by_phone, "startAuthorization", json=PHONE)
    code = by_phone.phone_code
    clock.advance(299)
    answer = await ask(by_phone, "startAuthorization", json=PHONE)
    assert answer.json() == failed("rate_limit_exceeded")
    assert phone_code_of(by_phone) == (code, 300)
    clock.advance(1)
    answer = await ask(by_phone, "sendAuthorizationCode", json={"code": code})
    assert answer.json() == failed("authorization_not_started")
    answer = await ask(by_phone, "startAuthorization", json=PHONE)
    assert answer.json() == SUCCESS
    assert by_phone.phone_code_expires_at == 600


async def test_a_wrong_code_fails_and_leaves_the_right_one_alive(
    by_phone: Instance, ask: Ask
) -> None:
    by_phone.start_authorization(1)
    code = by_phone.phone_code
    answer = await ask(by_phone, "sendAuthorizationCode", json={"code": "wrong"})
    assert answer.json() == failed()
    assert by_phone.phone_code == code
    assert by_phone.state == "notAuthorized"


async def test_nothing_can_be_sent_before_the_start(
    by_phone: Instance, ask: Ask
) -> None:
    for method, body in (
        ("sendAuthorizationCode", {"code": "12345"}),
        ("sendAuthorizationPassword", {"password": "secret"}),
    ):
        answer = await ask(by_phone, method, json=body)
        assert answer.json() == failed("authorization_not_started")
    assert by_phone.state == "notAuthorized"


@pytest.mark.parametrize("state", [state for state in State if state.linked])
async def test_what_is_linked_needs_no_start(
    by_phone: Instance, ask: Ask, state: State
) -> None:
    by_phone.set_state(state)
    answer = await ask(by_phone, "startAuthorization", json=PHONE)
    assert answer.json() == failed("already_registered")
    assert by_phone.phone_code is None


async def test_a_start_fails_where_a_password_or_a_logout_is_wanted(
    by_phone: Instance, ask: Ask, clock: ManualClock
) -> None:
    by_phone.set_state("pendingPassword")
    answer = await ask(by_phone, "startAuthorization", json=PHONE)
    assert answer.json() == failed()
    by_phone.set_stale_credentials(stale=True)
    clock.advance(1)
    answer = await ask(by_phone, "startAuthorization", json=PHONE)
    assert answer.json() == failed()
    assert by_phone.phone_code is None


async def test_while_starting_every_way_in_is_400(
    whatsapp: Instance, by_phone: Instance, ask: Ask
) -> None:
    for instance in (whatsapp, by_phone):
        instance.set_state("starting")
    for instance, method, body in (
        (whatsapp, "getAuthorizationCode", PHONE),
        (by_phone, "startAuthorization", PHONE),
        (by_phone, "sendAuthorizationCode", {"code": "12345"}),
        (by_phone, "sendAuthorizationPassword", {"password": "secret"}),
    ):
        answer = await ask(instance, method, json=body)
        assert (answer.status_code, answer.json()["message"]) == (400, STARTING)


async def test_a_password_can_follow_the_code(
    by_phone: Instance, ask: Ask, clock: ManualClock
) -> None:
    by_phone.set_password("correct horse")
    by_phone.start_authorization(1)
    body = {"code": by_phone.phone_code}
    assert (await ask(by_phone, "sendAuthorizationCode", json=body)).json() == SUCCESS
    assert by_phone.state == "pendingPassword"
    answer = await ask(by_phone, "sendAuthorizationPassword", json={"password": "x"})
    assert answer.json() == failed("invalid_password")
    assert by_phone.state == "pendingPassword"
    clock.advance(1)
    body = {"password": "correct horse"}
    answer = await ask(by_phone, "sendAuthorizationPassword", json=body)
    assert answer.json() == SUCCESS
    assert by_phone.state == "authorized"


async def test_a_password_can_come_with_the_code(by_phone: Instance, ask: Ask) -> None:
    by_phone.set_password("correct horse")
    by_phone.start_authorization(1)
    body = {"code": by_phone.phone_code, "password": "correct horse"}
    assert (await ask(by_phone, "sendAuthorizationCode", json=body)).json() == SUCCESS
    assert by_phone.state == "authorized"


async def test_a_wrong_password_with_the_code_leaves_it_wanted(
    by_phone: Instance, ask: Ask
) -> None:
    by_phone.set_password("correct horse")
    by_phone.start_authorization(1)
    body = {"code": by_phone.phone_code, "password": "battery staple"}
    answer = await ask(by_phone, "sendAuthorizationCode", json=body)
    assert answer.json() == failed("invalid_password")
    assert by_phone.state == "pendingPassword"


async def test_a_password_can_follow_a_scan(telegram: Instance, ask: Ask) -> None:
    telegram.set_password("correct horse")
    telegram.request_code()
    telegram.scan()
    body = {"password": "correct horse"}
    answer = await ask(telegram, "sendAuthorizationPassword", json=body)
    assert answer.json() == SUCCESS
    assert telegram.state == "authorized"


async def test_max_makes_one_wait_after_three_wrong_passwords(
    max_: Instance, ask: Ask, clock: ManualClock
) -> None:
    max_.set_password("correct horse")
    max_.set_state("pendingPassword")
    right, wrong = {"password": "correct horse"}, {"password": "battery staple"}
    for _ in range(3):
        answer = await ask(max_, "sendAuthorizationPassword", json=wrong)
        assert answer.json() == failed("invalid_password")
        clock.advance(1)
    answer = await ask(max_, "sendAuthorizationPassword", json=right)
    assert answer.json() == failed("attempts_exceeded", retryAfter=299)
    clock.advance(298.5)
    answer = await ask(max_, "sendAuthorizationPassword", json=right)
    assert answer.json() == failed("attempts_exceeded", retryAfter=1)
    assert max_.state == "pendingPassword"
    clock.advance(1)
    answer = await ask(max_, "sendAuthorizationPassword", json=right)
    assert answer.json() == SUCCESS
    assert max_.state == "authorized"


def test_a_logout_ends_max_s_wait(max_: Instance) -> None:
    max_.set_password("correct horse")
    max_.set_state("pendingPassword")
    for _ in range(3):
        max_.send_authorization_password("wrong")
    assert max_.send_authorization_password("wrong").reason == "attempts_exceeded"
    max_.logout()
    max_.set_state("pendingPassword")
    assert max_.send_authorization_password("wrong").reason == "invalid_password"


def test_telegram_lets_one_try_any_number_of_passwords(telegram: Instance) -> None:
    telegram.set_password("correct horse")
    telegram.set_state("pendingPassword")
    for _ in range(10):
        outcome = telegram.send_authorization_password("wrong")
        assert outcome.reason == "invalid_password"


@pytest.mark.parametrize("reason", [*Reason, "something_new"])
@pytest.mark.parametrize("retry_after", [None, 60])
@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("startAuthorization", PHONE),
        ("sendAuthorizationCode", {"code": "12345"}),
        ("sendAuthorizationPassword", {"password": "secret"}),
    ],
)
async def test_each_step_can_be_made_to_fail_for_any_reason(
    cloud: Cloud,
    telegram: Instance,
    ask: Ask,
    reason: str,
    retry_after: int | None,
    method: str,
    body: dict[str, Any],
) -> None:
    cloud.faults.add(AuthorizationAnswer(reason, retry_after), count=1)
    answer = await ask(telegram, method, json=body)
    more = {} if retry_after is None else {"retryAfter": retry_after}
    assert answer.json() == failed(reason, **more)
    assert telegram.phone_code is None
    assert telegram.state == "notAuthorized"
    assert cloud.log.list()[0].fault == "authorization"
    assert cloud.faults.list() == []


async def test_the_end_of_the_time_for_a_password_logs_out(
    cloud: Cloud, max_: Instance, ask: Ask
) -> None:
    max_.set_state("pendingPassword")
    cloud.faults.add(AuthorizationAnswer("time_limit_expired_logout"), count=1)
    body = {"password": "secret"}
    answer = await ask(max_, "sendAuthorizationPassword", json=body)
    assert answer.json() == failed("time_limit_expired_logout")
    assert max_.state == "notAuthorized"


@pytest.mark.parametrize(
    ("messenger", "method", "body"),
    [
        ("whatsapp", "getAuthorizationCode", {}),
        ("whatsapp", "getAuthorizationCode", {"phoneNumber": "441234567890"}),
        ("whatsapp", "getAuthorizationCode", {"phoneNumber": True}),
        ("whatsapp", "getAuthorizationCode", {"phoneNumber": 0}),
        ("whatsapp", "getAuthorizationCode", [441234567890]),
        ("telegram", "startAuthorization", {"phone": 441234567890}),
        ("telegram", "startAuthorization", {"phoneNumber": None}),
        ("telegram", "sendAuthorizationCode", {}),
        ("telegram", "sendAuthorizationCode", {"code": ""}),
        ("telegram", "sendAuthorizationCode", {"code": "12345", "password": 1}),
        ("telegram", "sendAuthorizationPassword", {}),
        ("telegram", "sendAuthorizationPassword", {"password": ""}),
        ("telegram", "sendAuthorizationPassword", {"password": None}),
        ("whatsapp", "setSettings", {"stateWebhook": True}),
        ("whatsapp", "setSettings", {"stateWebhook": ["yes"]}),
        ("whatsapp", "setSettings", {"wid": "1"}),
        ("whatsapp", "setSettings", {"delaySendMessagesMilliseconds": 499}),
        ("whatsapp", "setSettings", {"webhookUrl": "ftp://192.0.2.1"}),
        ("whatsapp", "setSettings", {"webhookUrlToken": None}),
        ("whatsapp", "setSettings", "yes"),
    ],
)
async def test_wrong_or_missing_fields_fail_validation(
    cloud: Cloud, ask: Ask, messenger: str, method: str, body: object
) -> None:
    instance = cloud.create("4100000001", messenger)
    answer = await ask(instance, method, json=body)
    assert answer.status_code == 400
    assert without_time(answer) == {
        "statusCode": 400,
        "path": f"/waInstance4100000001/{method}/{instance.token}",
        "message": "Validation failed",
    }
    assert instance.state == "notAuthorized"
    assert (instance.pairing_code, instance.phone_code) == (None, None)


async def test_no_body_fails_validation(whatsapp: Instance, ask: Ask) -> None:
    answer = await ask(whatsapp, "getAuthorizationCode", verb="POST")
    assert answer.status_code == 400
    assert answer.json()["message"] == "Validation failed"


async def test_codes_stand_in_no_repr(whatsapp: Instance, telegram: Instance) -> None:
    whatsapp.request_pairing_code(1)
    telegram.start_authorization(1)
    assert whatsapp.pairing_code
    assert telegram.phone_code
    assert whatsapp.pairing_code not in repr(whatsapp)
    # Five digits can stand in a time stamp by chance: with quotes they do not.
    assert f"'{telegram.phone_code}'" not in repr(telegram)
