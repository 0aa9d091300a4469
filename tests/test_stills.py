"""In every situation there is one picture that tells it, and no code in it."""

from datetime import UTC, datetime
from itertools import product

from PIL import Image
import pytest
import zxingcpp

from custom_components.green_api import stills
from custom_components.green_api.api.errors import (
    GreenApiError,
)
from custom_components.green_api.api.models import (
    InstanceState,
    Messenger,
    ScanFailure,
    StateReading,
)
from custom_components.green_api.snapshot import (
    InstanceData,
    LoginPhase,
    LoginProgress,
)
from custom_components.green_api.stills import Situation, load_stills, situation_of


@pytest.fixture(autouse=True)
def _custom_integrations() -> None:
    """Leave Home Assistant out: pictures and values are all that is needed."""


def _data(
    state: InstanceState = InstanceState.NOT_AUTHORIZED,
    phase: LoginPhase = LoginPhase.IDLE,
    *,
    login: str | None = None,
    connection: str | None = None,
) -> InstanceData:
    return InstanceData(
        messenger=Messenger.WHATSAPP,
        reading=StateReading(state.value),
        since=datetime(2026, 1, 1, tzinfo=UTC),
        login=LoginProgress(phase, problem=login),
        connection_problem=connection,
    )


def _keys(error: type[GreenApiError] = GreenApiError) -> set[str]:
    return {error.key}.union(*map(_keys, error.__subclasses__()))


LOGIN_PROBLEMS: list[str | None] = [None, *ScanFailure, *sorted(_keys())]

# ------------------------------------------------------------------ situations

BY_STATE = {
    InstanceState.AUTHORIZED: Situation.AUTHORIZED,
    InstanceState.BLOCKED: Situation.BLOCKED,
    InstanceState.PENDING_CODE: Situation.PHONE_CODE,
    InstanceState.PENDING_PASSWORD: Situation.PASSWORD,
    InstanceState.SLEEP_MODE: Situation.SLEEP_MODE,
    InstanceState.STARTING: Situation.STARTING,
    InstanceState.SUSPENDED: Situation.SUSPENDED,
    InstanceState.UNKNOWN: Situation.UNKNOWN,
    InstanceState.YELLOW_CARD: Situation.YELLOW_CARD,
}

BY_PHASE = {
    LoginPhase.IDLE: Situation.WAITING,
    LoginPhase.WAITING: Situation.WAITING,
    LoginPhase.SHOWING: Situation.WAITING,  # the code has just ended
    LoginPhase.PASSWORD: Situation.PASSWORD,
    LoginPhase.PHONE_CODE: Situation.PHONE_CODE,
    LoginPhase.EXPIRED: Situation.PAUSED,
}

# The cloud answers, but not for this instance.
REFUSALS = {
    "instance_deleted": Situation.INSTANCE_DELETED,
    "instance_expired": Situation.INSTANCE_EXPIRED,
    "instance_rejected": Situation.CREDENTIALS_REJECTED,
    "token_rejected": Situation.CREDENTIALS_REJECTED,
}

# No code comes by waiting.
OBSTACLES = {"method_not_available", "passkey_required", "quota_exceeded"}


def test_the_tables_are_whole() -> None:
    assert set(BY_STATE) == set(InstanceState) - {InstanceState.NOT_AUTHORIZED}
    assert set(BY_PHASE) == set(LoginPhase)
    told = {*BY_STATE.values(), *BY_PHASE.values(), *REFUSALS.values()}
    others = {Situation.NEEDS_LOGOUT, Situation.NO_CODE, Situation.NO_CONNECTION}
    assert told.isdisjoint(others)
    assert told | others == set(Situation)
    assert REFUSALS.keys() | OBSTACLES < set(LOGIN_PROBLEMS)


@pytest.mark.parametrize(("state", "situation"), BY_STATE.items())
def test_a_state_has_its_situation_whatever_the_login_says(
    state: InstanceState, situation: Situation
) -> None:
    for phase, problem in product(LoginPhase, LOGIN_PROBLEMS):
        assert situation_of(_data(state, phase, login=problem)) is situation


@pytest.mark.parametrize(("phase", "situation"), BY_PHASE.items())
def test_without_authorization_the_login_tells_the_situation(
    phase: LoginPhase, situation: Situation
) -> None:
    for problem in LOGIN_PROBLEMS:
        if problem not in {ScanFailure.NEEDS_LOGOUT, *OBSTACLES}:
            assert situation_of(_data(phase=phase, login=problem)) is situation


@pytest.mark.parametrize(("phase", "situation"), BY_PHASE.items())
def test_what_waiting_does_not_end_looks_like_no_waiting(
    phase: LoginPhase, situation: Situation
) -> None:
    expected = Situation.NO_CODE if situation is Situation.WAITING else situation
    for problem in OBSTACLES:
        assert situation_of(_data(phase=phase, login=problem)) is expected


@pytest.mark.parametrize("phase", LoginPhase)
def test_an_unusable_login_asks_for_a_logout(phase: LoginPhase) -> None:
    data = _data(phase=phase, login=ScanFailure.NEEDS_LOGOUT)
    assert situation_of(data) is Situation.NEEDS_LOGOUT


@pytest.mark.parametrize("key", sorted(_keys()))
def test_a_cloud_that_cannot_be_asked_hides_all_that_was_known(key: str) -> None:
    expected = REFUSALS.get(key, Situation.NO_CONNECTION)
    for state, phase, problem in product(InstanceState, LoginPhase, LOGIN_PROBLEMS):
        data = _data(state, phase, login=problem, connection=key)
        assert situation_of(data) is expected


# ------------------------------------------------------------------ pictures


@pytest.mark.parametrize("situation", Situation)
def test_a_picture_is_opaque_of_one_size_and_no_code(situation: Situation) -> None:
    path = stills._FOLDER / f"{situation}.png"
    with Image.open(path) as picture:
        picture.load()
        assert picture.format == "PNG"
        assert picture.size == (552, 552)
        assert not picture.has_transparency_data
        assert zxingcpp.read_barcodes(picture.convert("RGB")) == []
    assert load_stills()[situation] == path.read_bytes()


def test_each_situation_has_a_picture_and_no_picture_is_left_over() -> None:
    files = {path.name for path in stills._FOLDER.iterdir()}
    assert files == {f"{situation}.png" for situation in Situation}


def test_no_two_situations_share_a_picture() -> None:
    pixels = set()
    for situation in Situation:
        with Image.open(stills._FOLDER / f"{situation}.png") as picture:
            pixels.add(picture.convert("RGB").tobytes())
    assert len(pixels) == len(Situation)


def test_the_files_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    load_stills.cache_clear()
    first = load_stills()
    assert set(first) == set(Situation)
    # From now on every file would be missing.
    monkeypatch.setattr(stills, "_FOLDER", stills._FOLDER / "none")
    assert load_stills() is first
