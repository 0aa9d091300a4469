"""Whoever logs in by number, code or password hears exactly what came of it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
import pytest

from custom_components.green_api.api import client as client_module
from custom_components.green_api.api.authorization import (
    check_authorization,
    parse_pairing_code,
)
from custom_components.green_api.api.client import GreenApiClient
from custom_components.green_api.api.errors import (
    AlreadyRegistered,
    AttemptsExceeded,
    AuthorizationNotStarted,
    AuthorizationRateLimited,
    AuthorizationRefused,
    InvalidPassword,
    MessengerTimedOut,
    PairingRefused,
    TimedOut,
    TimeLimitExpired,
    UnexpectedAnswer,
)
from custom_components.green_api.api.models import PairingCode

from .lab import ID_INSTANCE, TOKEN, MakeClient, limit_requests
from .servers import serve

type Refusal = type[AuthorizationRefused]

_REASONS = [
    ("already_registered", AlreadyRegistered),
    ("invalid_password", InvalidPassword),
    ("rate_limit_exceeded", AuthorizationRateLimited),
    ("authorization_not_started", AuthorizationNotStarted),
    ("timeout", MessengerTimedOut),
    ("attempts_exceeded", AttemptsExceeded),
    ("time_limit_expired_logout", TimeLimitExpired),
]

# The name of each method, its arguments, and what it sends.
_METHODS: list[tuple[str, list[Any], str, dict[str, Any]]] = [
    (
        "get_authorization_code",
        [441234567890],
        "getAuthorizationCode",
        {"phoneNumber": 441234567890},
    ),
    (
        "start_authorization",
        [441234567890],
        "startAuthorization",
        {"phoneNumber": 441234567890},
    ),
    (
        "send_authorization_code",
        ["12345"],
        "sendAuthorizationCode",
        {"code": "12345"},
    ),
    (
        "send_authorization_code",
        ["01234", "пароль"],
        "sendAuthorizationCode",
        {"code": "01234", "password": "пароль"},
    ),
    (
        "send_authorization_password",
        ["pa$$ \"word'"],
        "sendAuthorizationPassword",
        {"password": "pa$$ \"word'"},
    ),
]

_YES = {"status": True, "data": {"status": "success"}, "code": "GAPI2015"}


def _no(reason: object, **more: object) -> dict[str, Any]:
    return {"status": False, "data": {"status": "fail", "reason": reason, **more}}


@asynccontextmanager
async def _answering(
    make: MakeClient, answer: object
) -> AsyncGenerator[tuple[GreenApiClient, list[tuple[str, str, Any]]]]:
    """Give a client of a server with one answer, and what the server was asked."""
    asked: list[tuple[str, str, Any]] = []

    async def give(request: web.BaseRequest) -> web.Response:
        assert request.content_type == "application/json"
        asked.append((request.method, request.path_qs, await request.json()))
        return web.json_response(answer)

    async with serve(give) as url:
        yield make(url), asked


# ------------------------------------------------------------------ requests


@pytest.mark.parametrize(("name", "arguments", "method", "sent"), _METHODS)
async def test_what_a_person_gave_is_posted_as_documented(
    make_client: MakeClient,
    name: str,
    arguments: list[Any],
    method: str,
    sent: dict[str, Any],
) -> None:
    async with _answering(make_client, _YES) as (client, asked):
        result = await getattr(client, name)(*arguments)
    assert asked == [("POST", f"/waInstance{ID_INSTANCE}/{method}/{TOKEN}", sent)]
    pairing = name == "get_authorization_code"
    assert result == (PairingCode("GAPI2015") if pairing else None)


@pytest.mark.parametrize(("name", "arguments", "_method", "_sent"), _METHODS)
@pytest.mark.parametrize(("reason", "error"), _REASONS)
async def test_every_method_names_the_reason_and_the_next_attempt_works(
    make_client: MakeClient,
    name: str,
    arguments: list[Any],
    _method: str,
    _sent: dict[str, Any],
    reason: str,
    error: Refusal,
) -> None:
    answer = _no(reason, retryAfter=60)
    async with _answering(make_client, answer) as (client, _):
        with pytest.raises(AuthorizationRefused) as caught:
            await getattr(client, name)(*arguments)
    assert type(caught.value) is error
    assert caught.value.retry_after == 60
    async with _answering(make_client, _YES) as (client, _):
        await getattr(client, name)(*arguments)


@pytest.mark.parametrize(("name", "arguments", "_method", "_sent"), _METHODS)
@pytest.mark.parametrize("answer", [None, [], "text", 5, True, {}, {"status": 1}])
async def test_an_answer_that_says_neither_yes_nor_no_is_unexpected(
    make_client: MakeClient,
    name: str,
    arguments: list[Any],
    _method: str,
    _sent: dict[str, Any],
    answer: object,
) -> None:
    async with _answering(make_client, answer) as (client, _):
        with pytest.raises(UnexpectedAnswer):
            await getattr(client, name)(*arguments)


async def test_a_messenger_may_take_longer_than_any_other_answer(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_requests(monkeypatch, 0.0)
    async with _answering(make_client, _YES) as (client, _):
        await client.start_authorization(441234567890)
        monkeypatch.setattr(client_module, "AUTHORIZATION_TIMEOUT", 0.0)
        with pytest.raises(TimedOut):
            await client.start_authorization(441234567890)


# ------------------------------------------------------------------ answers


@pytest.mark.parametrize(
    "answer",
    [
        {"status": True, "data": {"status": "success"}},
        {"status": True, "data": {"status": "success", "reason": ""}},
        {"status": True, "data": None},
        {"status": True},
        {"data": {"status": "success"}},
    ],
)
def test_a_success_is_understood(answer: object) -> None:
    check_authorization(answer)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        *((_no(reason), error) for reason, error in _REASONS),
        (_no("invalidPassword"), InvalidPassword),
        (_no("ATTEMPTS_EXCEEDED"), AttemptsExceeded),
        ({"status": False, "reason": "timeout"}, MessengerTimedOut),
        ({"status": False, "data": {"reason": "timeout"}}, MessengerTimedOut),
        (
            {"status": True, "data": {"status": "fail", "reason": "timeout"}},
            MessengerTimedOut,
        ),
        ({"data": {"status": "fail", "reason": "timeout"}}, MessengerTimedOut),
        ({"status": False, "data": {"status": "success"}}, AuthorizationRefused),
        ({"status": False}, AuthorizationRefused),
        ({"status": False, "data": "timeout"}, AuthorizationRefused),
        (_no("something_new"), AuthorizationRefused),
        (_no(None), AuthorizationRefused),
        (_no(["timeout"]), AuthorizationRefused),
        (_no(5), AuthorizationRefused),
    ],
)
def test_a_refusal_has_the_name_of_its_reason(answer: object, error: Refusal) -> None:
    with pytest.raises(AuthorizationRefused) as caught:
        check_authorization(answer)
    assert type(caught.value) is error
    assert caught.value.retry_after is None


@pytest.mark.parametrize(
    "answer", [{"data": {}}, {"data": {"status": "ok"}}, {"status": "success"}]
)
def test_any_other_answer_is_unexpected(answer: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        check_authorization(answer)


@pytest.mark.parametrize(
    ("wire", "seconds"),
    [
        (60, 60),
        (0, 0),
        (1.5, 1.5),
        ("90", 90),
        (" 2.5 ", 2.5),
        (-1, None),
        ("-1", None),
        ("soon", None),
        ("", None),
        (None, None),
        (True, None),
        ([], None),
        ({}, None),
        (1e300, None),
        (10**400, None),
        ("1e999", None),
        (float("nan"), None),
        (1_795_000_000, None),
    ],
)
def test_a_time_to_wait_is_told_where_it_makes_sense(
    wire: object, seconds: float | None
) -> None:
    answers = [
        _no("attempts_exceeded", retryAfter=wire),
        {**_no("attempts_exceeded"), "retryAfter": wire},
    ]
    for answer in answers:
        with pytest.raises(AttemptsExceeded) as caught:
            check_authorization(answer)
        assert caught.value.retry_after == seconds


# ------------------------------------------------------------------ pairing code


@pytest.mark.parametrize("code", ["GAPI2015", "gapi2015", "GAPI-2015", "12345678"])
def test_a_pairing_code_is_taken_as_it_is(code: str) -> None:
    assert parse_pairing_code({"status": True, "code": code}).code == code


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": False}, PairingRefused),
        ({"status": False, "code": ""}, PairingRefused),
        ({"status": False, "code": "GAPI2015"}, PairingRefused),
        (_no("something_new"), PairingRefused),
        (_no("already_registered"), AlreadyRegistered),
    ],
)
def test_a_pairing_may_be_refused(answer: object, error: Refusal) -> None:
    with pytest.raises(AuthorizationRefused) as caught:
        parse_pairing_code(answer)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    "answer",
    [
        {"status": True},
        {"status": True, "code": None},
        {"status": True, "code": 12345678},
        {"status": True, "code": ""},
        {"status": True, "code": "GAPI 2015"},
        {"status": True, "code": "<b>GAPI</b>"},
        {"status": True, "code": "GAPI2015\n"},
        {"status": True, "code": "G" * 21},
        {"code": "GAPI2015"},
        None,
    ],
)
def test_what_is_no_pairing_code_is_unexpected(answer: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        parse_pairing_code(answer)
