"""Each failure of a request has its name, keeps the token, and passes."""

import sys
import traceback
from typing import Any

import pytest

from custom_components.green_api.api import client as client_module
from custom_components.green_api.api.errors import (
    ConnectionFailed,
    GreenApiError,
    MethodNotAvailable,
    RateLimited,
    TimedOut,
    UnexpectedAnswer,
)
from custom_components.green_api.api.models import InstanceState, Messenger
from simulator import Body, Delay, Simulator, Status

from .conftest import SPEED
from .failures import FAILURES, Failure
from .lab import Lab, limit_requests


async def _fail(lab: Lab, failure: Failure) -> GreenApiError:
    async with failure.breaking(lab) as client:
        with pytest.raises(GreenApiError) as caught:
            await getattr(client, failure.method)()
    return caught.value


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name)
async def test_a_failure_is_named_and_the_next_request_works(
    lab: Lab, failure: Failure
) -> None:
    error = await _fail(lab, failure)
    assert type(error) is failure.error
    reading = await lab.own.get_state_instance()
    assert reading.state is InstanceState.NOT_AUTHORIZED


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name)
async def test_no_error_carries_the_token(lab: Lab, failure: Failure) -> None:
    error = await _fail(lab, failure)
    chained = RuntimeError("as an action would raise it")
    chained.__cause__ = error
    told = [
        str(error),
        repr(error),
        repr(error.args),
        repr(vars(error)),
        *traceback.format_exception(error),
        *traceback.format_exception(chained),
    ]
    assert error.__cause__ is None
    assert str(error) == type(error).text
    for token in (lab.instance.token, lab.instance.token[::-1]):
        assert all(token not in text for text in told)


@pytest.mark.parametrize(
    "method",
    [
        "get_state_instance",
        "get_qr",
        "logout",
        "reboot",
        "get_settings",
        "get_push_settings",
        "receive_notification",
    ],
)
async def test_every_method_fails_and_recovers_alike(lab: Lab, method: str) -> None:
    async with lab.fault(Status(429, Body.EMPTY)) as client:
        with pytest.raises(RateLimited):
            await getattr(client, method)()
    await getattr(lab.own, method)()


async def test_a_method_that_the_instance_lacks_is_refused(lab: Lab) -> None:
    telegram = lab.cloud.cloud.create("4100000001", "telegram", "authorized")
    client = lab.client(
        id_instance=telegram.id_instance, api_token_instance=telegram.token
    )
    with pytest.raises(MethodNotAvailable):
        await client.get_account(Messenger.WHATSAPP)
    assert await client.get_account(Messenger.TELEGRAM)


async def test_a_code_may_take_longer_than_any_other_answer(lab: Lab) -> None:
    async with lab.fault(Delay(0.5 * SPEED)) as client:
        with pytest.MonkeyPatch.context() as patches:
            limit_requests(patches, 0.2)
            with pytest.raises(TimedOut):
                await client.get_state_instance()
            await client.get_qr()
    await lab.own.get_state_instance()


async def test_a_notification_may_take_as_long_as_was_asked_and_not_much_longer(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_requests(monkeypatch, 0.2)
    async with lab.fault(Delay(0.5 * SPEED)) as client:
        assert await client.receive_notification(5) is None
        monkeypatch.setattr(client_module, "RECEIVE_MARGIN", 0.2 - 5)
        with pytest.raises(TimedOut):
            await client.receive_notification(5)


@pytest.mark.parametrize("label", ["xn--zzzzzzzz", "xn--a"])
async def test_a_host_that_cannot_be_spelled_is_a_failed_connection(
    lab: Lab, label: str
) -> None:
    # The resolver refuses so long a name itself, without asking a network.
    client = lab.client(api_url=f"https://{label}.{'a' * 64}.invalid")
    with pytest.raises(ConnectionFailed):
        await client.get_state_instance()
    await lab.own.get_state_instance()


async def test_an_answer_that_is_too_large_is_let_go_of(lab: Lab) -> None:
    left: list[str] = []
    collect = sys.get_asyncgen_hooks().finalizer
    assert collect

    def note(generator: Any) -> None:
        left.append(generator.__name__)
        collect(generator)

    sys.set_asyncgen_hooks(finalizer=note)
    async with lab.fault(Status(200, Body.HUGE)) as client:
        with pytest.raises(UnexpectedAnswer):
            await client.get_state_instance()
    await lab.own.get_state_instance()
    sys.set_asyncgen_hooks(finalizer=collect)
    assert "aiter_bytes" not in left


async def test_asking_too_often_is_told_and_passes(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Simulator(speed=SPEED) as strict:
        instance = strict.cloud.create(token=lab.instance.token)
        client = lab.client(api_url=strict.url, id_instance=instance.id_instance)
        monkeypatch.setattr(strict.cloud.clock, "now", lambda: 100.0)
        await client.get_state_instance()
        with pytest.raises(RateLimited):
            await client.get_state_instance()
        monkeypatch.setattr(strict.cloud.clock, "now", lambda: 101.0)
        await client.get_state_instance()
