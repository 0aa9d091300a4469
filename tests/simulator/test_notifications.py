"""What an instance has to tell, received by asking for it."""

import asyncio
from typing import TYPE_CHECKING, Any

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
    from collections.abc import Coroutine

    from .conftest import Ask

BOUND = 10
DAY = 24 * 3600


class Owner:
    """Whoever owns an instance and asks for its notifications."""

    def __init__(self, http: httpx.AsyncClient, instance: Instance) -> None:
        """Ask as the instance's owner."""
        self._http = http
        self._instance = instance

    def receive(
        self, wanted: str | None = None
    ) -> Coroutine[None, None, httpx.Response]:
        """Ask for the oldest notification; ``wanted`` is the time-out."""
        query = {} if wanted is None else {"receiveTimeout": wanted}
        return self._http.get(self._path("receiveNotification"), params=query)

    def delete(self, receipt: object) -> Coroutine[None, None, httpx.Response]:
        """Delete a notification."""
        return self._http.delete(f"{self._path('deleteNotification')}/{receipt}")

    async def take(self) -> dict[str, Any]:
        """Receive the oldest notification, delete it and return its body."""
        answer = (await self.receive()).json()
        deleted = await self.delete(answer["receiptId"])
        assert deleted.json() == {"result": True, "reason": ""}
        body: dict[str, Any] = answer["body"]
        return body

    async def set(self, **settings: str) -> None:
        """Change settings."""
        answer = await self._http.post(self._path("setSettings"), json=settings)
        assert answer.json() == {"saveSettings": True}

    def _path(self, method: str) -> str:
        instance = self._instance
        return f"/waInstance{instance.id_instance}/{method}/{instance.token}"


@pytest.fixture
def instance(cloud: Cloud) -> Instance:
    """Return an authorized instance that tells of its state."""
    instance = cloud.create(state="authorized")
    instance.set_settings({"stateWebhook": "yes"})
    return instance


@pytest.fixture
def owner(http: httpx.AsyncClient, instance: Instance) -> Owner:
    """Return the instance's owner."""
    return Owner(http, instance)


@pytest.mark.parametrize(
    ("messenger", "wid"),
    [
        ("whatsapp", "79001000009@c.us"),
        ("telegram", "001000009"),
        ("v3", "001000009"),
    ],
)
async def test_a_state_is_told(
    cloud: Cloud, http: httpx.AsyncClient, messenger: str, wid: str
) -> None:
    instance = cloud.create("1101000009", messenger)
    instance.set_settings({"stateWebhook": "yes"})
    before = int(cloud.clock.wall().timestamp())
    instance.set_state("authorized")
    answer = await Owner(http, instance).receive()
    notification = answer.json()
    assert isinstance(notification.pop("receiptId"), int)
    assert before <= notification["body"].pop("timestamp") <= before + BOUND
    assert notification == {
        "body": {
            "typeWebhook": "stateInstanceChanged",
            "instanceData": {
                "idInstance": 1101000009,
                "wid": wid,
                "typeInstance": messenger,
            },
            "stateInstance": "authorized",
        }
    }


async def test_no_wid_without_an_account(instance: Instance, owner: Owner) -> None:
    instance.unlink()
    body = await owner.take()
    assert body["stateInstance"] == "notAuthorized"
    assert body["instanceData"]["wid"] == ""


@pytest.mark.parametrize("state", [state for state in State if state != "authorized"])
async def test_every_state_is_told(
    instance: Instance, owner: Owner, state: State
) -> None:
    instance.set_state(state)
    assert (await owner.take())["stateInstance"] == state


async def test_whether_the_account_is_online_is_told(
    instance: Instance, owner: Owner
) -> None:
    instance.set_online(online=False)
    instance.set_online(online=False)
    instance.set_online(online=True)
    bodies = [await owner.take(), await owner.take()]
    assert [
        (body["typeWebhook"], body["statusInstance"], body["instanceData"]["wid"])
        for body in bodies
    ] == [
        ("statusInstanceChanged", "offline", instance.account.wid),
        ("statusInstanceChanged", "online", instance.account.wid),
    ]
    assert instance.notifications.list() == []


async def test_nothing_is_told_unless_wanted(instance: Instance) -> None:
    instance.set_settings({"stateWebhook": "no"})
    instance.unlink()
    instance.set_online(online=False)
    assert instance.notifications.list() == []


async def test_what_does_not_change_is_not_told(instance: Instance) -> None:
    instance.set_state("authorized")
    instance.set_state(None)
    assert instance.notifications.list() == []


async def test_a_new_instance_tells_when_it_is_up(
    cloud: Cloud, clock: ManualClock, http: httpx.AsyncClient
) -> None:
    instance = cloud.create(timing=Timing(start=300))
    instance.set_settings({"stateWebhook": "yes"})
    clock.advance(300)
    body = await Owner(http, instance).take()
    assert body["stateInstance"] == "notAuthorized"


async def test_set_settings_restarts_and_tells_so(
    cloud: Cloud, clock: ManualClock, http: httpx.AsyncClient
) -> None:
    instance = cloud.create(state="authorized", timing=Timing(reboot=200))
    owner = Owner(http, instance)
    await owner.set(stateWebhook="yes")
    clock.advance(200)
    told = [(await owner.take())["stateInstance"] for _ in range(2)]
    assert told == ["starting", "authorized"]


@pytest.mark.parametrize(("wanted", "seconds"), [(None, 5), ("5", 5), ("60", 60)])
async def test_asking_waits_as_long_as_told(
    cloud: Cloud,
    clock: ManualClock,
    instance: Instance,
    owner: Owner,
    ask: Ask,
    wanted: str | None,
    seconds: int,
) -> None:
    asking = asyncio.create_task(owner.receive(wanted))
    await cloud.log.wait_for_open(method="receiveNotification")
    clock.advance(seconds - 1)
    await ask(instance, "getStateInstance")
    assert not asking.done()
    clock.advance(1)
    answer = await asking
    assert (answer.status_code, answer.json()) == (200, None)


async def test_asking_waits_by_a_fast_clock_too(socket_enabled: None) -> None:
    async with Simulator(speed=1000) as sim, httpx.AsyncClient(timeout=BOUND) as http:
        http.base_url = httpx.URL(sim.url)
        instance = sim.cloud.create()
        answer = await Owner(http, instance).receive("60")
    assert answer.json() is None


@pytest.mark.parametrize(
    "wanted",
    ["4", "61", "", "soon", "-5", "5.5", "\N{ARABIC-INDIC DIGIT FIVE}", "9" * 5000],
    ids=lambda wanted: ascii(wanted)[:9],
)
async def test_an_impossible_timeout_is_refused(owner: Owner, wanted: str) -> None:
    answer = await owner.receive(wanted)
    assert answer.status_code == 400
    assert answer.json()["message"] == "Validation failed"


async def test_whoever_waits_gets_it_at_once(
    cloud: Cloud, instance: Instance, owner: Owner
) -> None:
    asking = asyncio.create_task(owner.receive("60"))
    await cloud.log.wait_for_open(method="receiveNotification")
    instance.unlink()
    assert (await asking).json()["body"]["stateInstance"] == "notAuthorized"


async def test_it_comes_again_until_deleted(instance: Instance, owner: Owner) -> None:
    instance.set_state("yellowCard")
    instance.set_state("authorized")
    first, again = [(await owner.receive()).json() for _ in range(2)]
    assert first == again
    assert first["body"]["stateInstance"] == "yellowCard"
    assert (await owner.delete(first["receiptId"])).json()["result"] is True
    second = (await owner.receive()).json()
    assert second["body"]["stateInstance"] == "authorized"
    assert second["receiptId"] != first["receiptId"]


async def test_a_later_one_can_be_deleted_first(
    instance: Instance, owner: Owner
) -> None:
    instance.set_state("yellowCard")
    instance.set_state("authorized")
    _, later = instance.notifications.list()
    assert (await owner.delete(later.receipt_id)).json()["result"] is True
    assert (await owner.take())["stateInstance"] == "yellowCard"
    assert instance.notifications.list() == []


async def test_what_is_gone_cannot_be_deleted(instance: Instance, owner: Owner) -> None:
    instance.unlink()
    receipt = (await owner.receive()).json()["receiptId"]
    await owner.delete(receipt)
    for unknown in (receipt, receipt + 1):
        answer = await owner.delete(unknown)
        assert answer.status_code == 200
        assert answer.json()["result"] is False
        assert answer.json()["reason"]


@pytest.mark.parametrize("receipt", ["last", "-1", "9" * 5000], ids=["word", "-", "9"])
async def test_a_receipt_is_a_number(
    instance: Instance, owner: Owner, receipt: str
) -> None:
    instance.unlink()
    answer = await owner.delete(receipt)
    assert answer.status_code == 400
    assert answer.json()["message"] == "Validation failed"
    assert len(instance.notifications.list()) == 1


async def test_it_is_kept_for_a_day(
    clock: ManualClock, instance: Instance, owner: Owner
) -> None:
    instance.set_state("yellowCard")
    clock.advance(DAY / 2)
    instance.set_state("authorized")
    clock.advance(DAY / 2 - 1)
    assert (await owner.receive()).json()["body"]["stateInstance"] == "yellowCard"
    clock.advance(1)
    assert (await owner.receive()).json()["body"]["stateInstance"] == "authorized"
    clock.advance(DAY / 2)
    assert instance.notifications.list() == []


async def test_asking_is_refused_with_a_webhook(
    instance: Instance, owner: Owner
) -> None:
    await owner.set(webhookUrl="http://127.0.0.1:9/")
    answer = await owner.receive()
    assert answer.status_code == 400
    assert answer.json()["message"] == "custom webhook url is set"


async def test_whoever_waits_is_refused_once_there_is_a_webhook(
    cloud: Cloud, instance: Instance, owner: Owner
) -> None:
    asking = asyncio.create_task(owner.receive("60"))
    await cloud.log.wait_for_open(method="receiveNotification")
    await owner.set(webhookUrl="http://127.0.0.1:9/", stateWebhook="no")
    assert (await asking).status_code == 400


async def test_two_who_wait_get_the_same(
    cloud: Cloud, instance: Instance, owner: Owner
) -> None:
    first = asyncio.create_task(owner.receive("60"))
    await cloud.log.wait_for_open(method="receiveNotification")
    instance.unlink()
    second = await owner.receive()
    assert (await first).json() == second.json()
    assert second.json()["body"]["stateInstance"] == "notAuthorized"


async def test_who_does_not_wait_takes_nothing_along(
    cloud: Cloud, instance: Instance, owner: Owner
) -> None:
    asking = asyncio.create_task(owner.receive("60"))
    await cloud.log.wait_for_open(method="receiveNotification")
    asking.cancel()
    gone = await cloud.log.wait_for(method="receiveNotification", since=0)
    assert gone.status == 499
    instance.unlink()
    assert (await owner.take())["stateInstance"] == "notAuthorized"


async def test_a_restart_of_the_cloud_keeps_the_queue(
    sim: Simulator, cloud: Cloud, instance: Instance, owner: Owner
) -> None:
    asking = asyncio.create_task(owner.receive("60"))
    await cloud.log.wait_for_open(method="receiveNotification")
    await sim.stop()
    with pytest.raises(httpx.TransportError):
        await asking
    instance.unlink()
    await sim.start()
    assert (await owner.take())["stateInstance"] == "notAuthorized"


async def test_a_deleted_instance_lets_go(
    cloud: Cloud, instance: Instance, owner: Owner
) -> None:
    asking = asyncio.create_task(owner.receive("60"))
    await cloud.log.wait_for_open(method="receiveNotification")
    cloud.delete(instance.id_instance)
    assert (await asking).json() is None


async def test_a_notification_gets_lost(
    cloud: Cloud, instance: Instance, owner: Owner
) -> None:
    cloud.faults.add(NotificationLost(), id_instance=instance.id_instance, count=1)
    instance.set_state("yellowCard")
    instance.set_state("authorized")
    assert (await owner.take())["stateInstance"] == "authorized"
    assert instance.notifications.list() == []
    assert cloud.faults.list() == []


async def test_another_instance_loses_nothing(
    cloud: Cloud, instance: Instance, telegram: Instance
) -> None:
    cloud.faults.add(NotificationLost(), id_instance=telegram.id_instance)
    instance.unlink()
    assert len(instance.notifications.list()) == 1
