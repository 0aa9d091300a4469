"""The state machine of an instance and the lives of its codes."""

import asyncio

import pytest

from simulator import (
    BadInputError,
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


def test_starting_allows_no_logout(whatsapp: Instance) -> None:
    whatsapp.set_state("starting")
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
