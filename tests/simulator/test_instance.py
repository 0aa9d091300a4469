"""The state machine of an instance and the lives of its codes."""

import asyncio

import pytest

from simulator import (
    BadInputError,
    Clock,
    Cloud,
    ConflictError,
    Instance,
    ManualClock,
    NotFoundError,
    RejectedError,
    State,
    Timing,
)


def test_a_whatsapp_code_renews_itself_every_20_seconds(
    whatsapp: Instance, clock: ManualClock
) -> None:
    first = whatsapp.code
    assert first
    assert (first.number, first.issued_at, first.expires_at) == (1, 0, 20)
    clock.advance(19.9)
    assert whatsapp.code == first
    clock.advance(0.1)
    second = whatsapp.code
    assert second
    assert (second.number, second.issued_at, second.expires_at) == (2, 20, 40)
    assert second.payload != first.payload
    clock.advance(200)
    assert whatsapp.code
    assert whatsapp.code.number == 12


def test_asking_does_not_renew_a_whatsapp_code(
    whatsapp: Instance, clock: ManualClock
) -> None:
    first = whatsapp.request_code()
    clock.advance(19)
    assert whatsapp.request_code() == first


def test_a_telegram_code_comes_when_asked_and_is_renewed_for_who_asks_every_5_seconds(
    telegram: Instance, clock: ManualClock
) -> None:
    unasked = telegram.code
    assert unasked is None
    first = telegram.request_code()
    clock.advance(3.9)
    assert telegram.request_code() == first
    clock.advance(1.05)
    second = telegram.request_code()
    assert second
    assert second != first
    assert second == telegram.code
    with pytest.raises(ConflictError, match="dead code"):
        telegram.scan(first.payload if first else "")


def test_a_telegram_code_dies_when_nobody_asks_again(
    telegram: Instance, clock: ManualClock
) -> None:
    telegram.request_code()
    clock.advance(9.9)
    before, revision = telegram.payload, telegram.changed.revision
    clock.advance(0.1)
    assert before
    assert telegram.payload is None
    assert telegram.changed.revision == revision + 1
    with pytest.raises(ConflictError, match="no live code"):
        telegram.scan()


def test_a_scan_links_the_account(whatsapp: Instance, clock: ManualClock) -> None:
    whatsapp.scan(whatsapp.payload)
    assert whatsapp.state == "authorized"
    assert whatsapp.payload is None
    clock.advance(100)
    assert whatsapp.payload is None


def test_a_dead_code_links_nothing(whatsapp: Instance, clock: ManualClock) -> None:
    dead = whatsapp.payload
    clock.advance(20)
    with pytest.raises(ConflictError, match="dead code"):
        whatsapp.scan(dead)
    assert whatsapp.state == "notAuthorized"
    whatsapp.scan()
    assert whatsapp.state == State.AUTHORIZED


def test_nothing_is_scanned_twice(whatsapp: Instance) -> None:
    payload = whatsapp.payload
    whatsapp.scan(payload)
    with pytest.raises(ConflictError, match="the state is authorized"):
        whatsapp.scan(payload)


def test_a_scan_can_go_through_starting(whatsapp: Instance, clock: ManualClock) -> None:
    whatsapp.set_timing(Timing(scan=4))
    whatsapp.scan()
    assert whatsapp.state == "starting"
    clock.advance(3.9)
    assert whatsapp.state == "starting"
    clock.advance(0.1)
    assert whatsapp.state == "authorized"


@pytest.mark.parametrize("messenger", ["telegram", "v3"])
def test_a_password_is_wanted_after_the_scan(cloud: Cloud, messenger: str) -> None:
    instance = cloud.create("4100000002", messenger, password="correct horse")
    instance.request_code()
    with pytest.raises(ConflictError, match="no password wanted"):
        instance.enter_password("correct horse")
    instance.scan()
    assert instance.state == "pendingPassword"
    with pytest.raises(ConflictError, match="wrong password"):
        instance.enter_password("battery staple")
    assert instance.state == "pendingPassword"
    instance.enter_password("correct horse")
    assert instance.state == "authorized"


def test_whatsapp_asks_for_no_password(cloud: Cloud) -> None:
    instance = cloud.create(password="secret")
    instance.scan()
    assert instance.state == "authorized"


def test_a_password_can_be_taken_off(telegram: Instance) -> None:
    telegram.set_password("secret")
    telegram.set_password(None)
    telegram.request_code()
    telegram.scan()
    assert telegram.state == "authorized"


def test_any_password_will_do_where_none_was_set(telegram: Instance) -> None:
    telegram.set_state("pendingPassword")
    telegram.enter_password("anything")
    assert telegram.state == "authorized"


@pytest.mark.parametrize("state", [state for state in State if state.linked])
def test_unlinking_brings_a_fresh_code(whatsapp: Instance, state: State) -> None:
    before = whatsapp.payload
    whatsapp.set_state(state)
    whatsapp.unlink()
    assert whatsapp.state == "notAuthorized"
    assert whatsapp.payload
    assert whatsapp.payload != before


@pytest.mark.parametrize("state", [None, *(s for s in State if not s.linked)])
def test_what_is_not_linked_cannot_be_unlinked(
    whatsapp: Instance, state: State | None
) -> None:
    whatsapp.set_state(state)
    with pytest.raises(ConflictError, match="nothing to unlink"):
        whatsapp.unlink()
    assert whatsapp.state == state


def test_a_reboot_comes_back_to_the_state_before(
    whatsapp: Instance, clock: ManualClock
) -> None:
    for state in State:
        if state in {State.STARTING, State.YELLOW_CARD}:
            continue
        whatsapp.set_state(state)
        whatsapp.reboot()
        assert whatsapp.state == "starting"
        clock.advance(3)
        assert whatsapp.state == state


def test_a_reboot_cures_a_yellow_card(whatsapp: Instance, clock: ManualClock) -> None:
    whatsapp.set_state("yellowCard")
    whatsapp.reboot()
    clock.advance(3)
    assert whatsapp.state == "authorized"


def test_a_reboot_frees_an_instance_stuck_in_starting(
    whatsapp: Instance, clock: ManualClock
) -> None:
    whatsapp.set_state("authorized")
    whatsapp.set_state("starting")
    clock.advance(1000)
    assert whatsapp.state == "starting"
    whatsapp.reboot()
    whatsapp.reboot()
    clock.advance(3)
    assert whatsapp.state == "authorized"


def test_starting_allows_no_logout_and_gives_no_code(whatsapp: Instance) -> None:
    whatsapp.set_state("starting")
    assert whatsapp.request_code() is None
    with pytest.raises(RejectedError, match="instance in starting process"):
        whatsapp.logout()


def test_a_new_instance_comes_up_late_and_its_code_later(
    cloud: Cloud, clock: ManualClock
) -> None:
    instance = cloud.create(timing=Timing(start=300, qr=120))
    with pytest.raises(RejectedError, match="instance in starting process"):
        instance.reboot()
    clock.advance(299)
    states: list[State | None] = [instance.state]
    clock.advance(1)
    states.append(instance.state)
    assert states == [None, State.NOT_AUTHORIZED]
    codes = [instance.request_code()]
    clock.advance(119)
    codes.append(instance.request_code())
    assert codes == [None, None]
    clock.advance(1)
    assert instance.payload


def test_after_a_logout_the_code_can_be_missing_for_a_while(
    telegram: Instance, clock: ManualClock
) -> None:
    telegram.set_state("authorized")
    telegram.set_timing(Timing(qr=30))
    telegram.logout()
    assert telegram.request_code() is None
    clock.advance(30)
    assert telegram.request_code()


def test_a_state_set_stays_whatever_was_under_way(
    whatsapp: Instance, clock: ManualClock
) -> None:
    whatsapp.reboot()
    whatsapp.set_state("blocked")
    clock.advance(100)
    assert whatsapp.state == "blocked"


def test_an_unknown_state_cannot_be_set(whatsapp: Instance) -> None:
    with pytest.raises(BadInputError, match="state must be null or one of"):
        whatsapp.set_state("happy")
    assert whatsapp.state == "notAuthorized"


def test_a_suspension_ends_a_day_later(telegram: Instance, clock: ManualClock) -> None:
    telegram.set_state("suspended")
    assert telegram.suspended_until
    assert 86390 < (telegram.suspended_until - clock.wall()).total_seconds() <= 86400
    telegram.set_state("authorized")
    assert telegram.suspended_until is None


def test_the_end_of_a_suspension_can_be_chosen(
    telegram: Instance, clock: ManualClock
) -> None:
    telegram.set_suspended_until(3600)
    assert telegram.state == "suspended"
    assert telegram.suspended_until
    assert 3590 < (telegram.suspended_until - clock.wall()).total_seconds() <= 3600
    clock.advance(3599)
    assert telegram.state == "suspended"
    clock.advance(1)
    assert telegram.state == "authorized"
    for bad in (0, -1, float("inf"), float("nan")):
        with pytest.raises(BadInputError, match="seconds must be a number above 0"):
            telegram.set_suspended_until(bad)
    assert telegram.state == "authorized"


async def test_a_suspension_ends_sooner_on_a_fast_clock() -> None:
    cloud = Cloud(Clock(speed=60))
    instance = cloud.create(messenger="telegram", state="suspended")
    assert instance.suspended_until
    left = instance.suspended_until - cloud.clock.wall()
    cloud.close()
    await cloud.wait_closed()
    assert 1430 < left.total_seconds() <= 1440


@pytest.mark.parametrize("messenger", ["whatsapp", "telegram"])
def test_stale_credentials_stop_the_codes_until_a_logout(
    cloud: Cloud, clock: ManualClock, messenger: str
) -> None:
    instance = cloud.create(messenger=messenger, state="authorized")
    instance.set_stale_credentials(stale=True)
    assert instance.state == "notAuthorized"
    instance.reboot()
    clock.advance(100)
    assert instance.state == "notAuthorized"
    assert instance.stale_credentials
    assert (instance.request_code(), instance.code) == (None, None)
    with pytest.raises(ConflictError, match="old credentials are in the way"):
        instance.scan()
    instance.logout()
    assert instance.request_code()
    instance.scan()
    assert instance.state == "authorized"


def test_stale_credentials_can_be_mended(whatsapp: Instance) -> None:
    whatsapp.set_stale_credentials(stale=True)
    whatsapp.set_stale_credentials(stale=False)
    assert whatsapp.code
    whatsapp.set_stale_credentials(stale=True)
    whatsapp.set_state("authorized")
    whatsapp.unlink()
    assert whatsapp.code


def ask_every(
    instance: Instance, clock: ManualClock, interval: float, seconds: float
) -> None:
    """Ask for codes for so long."""
    for _ in range(round(seconds / interval)):
        instance.request_code()
        clock.advance(interval)


@pytest.mark.parametrize("messenger", ["whatsapp", "telegram"])
def test_asking_for_too_long_drives_it_to_starting_until_a_reboot(
    cloud: Cloud, clock: ManualClock, messenger: str
) -> None:
    instance = cloud.create(messenger=messenger, timing=Timing(ask_limit=300))
    ask_every(instance, clock, 5, 295)
    assert instance.state == "notAuthorized"
    ask_every(instance, clock, 5, 5)
    assert instance.state == "starting"
    clock.advance(10_000)
    assert instance.state == "starting"
    instance.reboot()
    clock.advance(3)
    assert instance.state == "notAuthorized"
    ask_every(instance, clock, 5, 295)
    assert instance.state == "notAuthorized"


def test_a_break_of_more_than_30_seconds_makes_asking_harmless(
    whatsapp: Instance, clock: ManualClock
) -> None:
    whatsapp.set_timing(Timing(ask_limit=110))
    for _ in range(5):
        ask_every(whatsapp, clock, 10, 80)
        clock.advance(20.1)
        assert whatsapp.state == "notAuthorized"
    ask_every(whatsapp, clock, 30, 90)
    assert whatsapp.state == "notAuthorized"
    ask_every(whatsapp, clock, 30, 30)
    assert whatsapp.state == "starting"


def test_without_a_limit_one_may_ask_for_ever(
    whatsapp: Instance, clock: ManualClock
) -> None:
    ask_every(whatsapp, clock, 10, 5000)
    assert whatsapp.state == "notAuthorized"
    whatsapp.set_timing(Timing(ask_limit=5010))
    ask_every(whatsapp, clock, 5, 10)
    assert whatsapp.state == "starting"


def test_what_the_phone_and_the_page_say_can_be_chosen(whatsapp: Instance) -> None:
    assert (whatsapp.online, whatsapp.scan_text) == (True, "newer")
    revision = whatsapp.changed.revision
    whatsapp.set_online(online=True)
    assert whatsapp.changed.revision == revision
    whatsapp.set_online(online=False)
    whatsapp.set_scan_text("older")
    assert (whatsapp.online, whatsapp.scan_text) == (False, "older")
    assert whatsapp.changed.revision == revision + 2
    with pytest.raises(BadInputError, match="text must be one of older, newer"):
        whatsapp.set_scan_text("oldest")


def test_settings_are_checked(whatsapp: Instance) -> None:
    whatsapp.set_settings({"stateWebhook": "yes", "webhookUrlToken": "x"})
    whatsapp.set_settings({"delaySendMessagesMilliseconds": 600_000})
    settings = whatsapp.settings
    assert (settings.stateWebhook, settings.webhookUrlToken) == ("yes", "x")
    assert settings.delaySendMessagesMilliseconds == 600_000
    for bad, match in (
        ({"colour": "red"}, "unknown: colour"),
        ({"stateWebhook": "maybe"}, "stateWebhook must be yes or no"),
        ({"webhookUrl": "x"}, "webhookUrl must be an http or https address"),
        ({"webhookUrlToken": 1}, "webhookUrlToken must be a text"),
        ({"delaySendMessagesMilliseconds": True}, "whole number from 500 to 600000"),
    ):
        with pytest.raises(BadInputError, match=match):
            whatsapp.set_settings({"incomingWebhook": "yes", **bad})
    assert whatsapp.settings == settings


def test_the_account_can_be_set(whatsapp: Instance) -> None:
    whatsapp.set_account(phone="441234567890", name="Ada")
    assert whatsapp.account.wid == "441234567890@c.us"
    whatsapp.set_account(phone="441234567890", name="Ada", wid="x@c.us")
    assert whatsapp.account.wid == "x@c.us"
    for phone in ("", "+44", "٤٤"):
        with pytest.raises(BadInputError, match="phone must be digits"):
            whatsapp.set_account(phone=phone, name="Ada")


async def test_a_state_can_be_waited_for(
    whatsapp: Instance, clock: ManualClock
) -> None:
    whatsapp.set_timing(Timing(scan=2))
    async with asyncio.TaskGroup() as group:
        group.create_task(whatsapp.wait_for_state("authorized"))
        await asyncio.sleep(0)
        whatsapp.scan()
        await asyncio.sleep(0)
        clock.advance(2)


def test_secrets_stand_in_no_repr(cloud: Cloud) -> None:
    instance = cloud.create("4100000001", "telegram", password="opensesame")
    code = instance.request_code()
    assert code
    shown = repr(instance)
    assert "4100000001" in shown
    for secret in (instance.token, "opensesame", code.payload):
        assert secret not in shown


def test_what_cannot_be_created(cloud: Cloud, whatsapp: Instance) -> None:
    with pytest.raises(ConflictError, match="exists already"):
        cloud.create(whatsapp.id_instance)
    for bad in ("", "12a", "-1", "\uff11\uff12"):
        with pytest.raises(BadInputError, match="id_instance must be digits"):
            cloud.create(bad)
    with pytest.raises(BadInputError, match="messenger must be one of"):
        cloud.create("2", "signal")
    with pytest.raises(BadInputError, match="state must be one of"):
        cloud.create("2", state="happy")
    for bad in ("", "a/b", "ä"):
        with pytest.raises(BadInputError, match="token must be letters and digits"):
            cloud.create("2", token=bad)
    assert cloud.list() == [whatsapp]


def test_tokens_are_random_and_50_hex_characters(cloud: Cloud) -> None:
    tokens = {cloud.create(str(number)).token for number in range(10)}
    assert len(tokens) == 10
    assert all(len(bytes.fromhex(token)) == 25 for token in tokens)


def test_what_was_deleted_is_gone(cloud: Cloud, whatsapp: Instance) -> None:
    cloud.delete(whatsapp.id_instance)
    with pytest.raises(NotFoundError, match="there is no instance 1101000001"):
        cloud.get(whatsapp.id_instance)
    with pytest.raises(NotFoundError):
        cloud.delete(whatsapp.id_instance)


def test_max_is_a_name_for_v3(cloud: Cloud) -> None:
    assert cloud.create("3100000001", "max").messenger == "v3"
