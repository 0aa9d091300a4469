"""What is told between one snapshot and the next."""

from dataclasses import replace
from datetime import timedelta

from homeassistant.util import dt as dt_util
import pytest

from custom_components.green_api.api.models import Messenger, StateReading
from custom_components.green_api.moments import Happening, Moment, MomentTracker
from custom_components.green_api.snapshot import (
    InstanceData,
    LoginCode,
    LoginPhase,
    LoginProgress,
)

NOW = dt_util.utcnow()
NEW = InstanceData(
    messenger=Messenger.TELEGRAM, reading=StateReading("not_authorized"), since=NOW
)


def in_state(word: str) -> InstanceData:
    """Return a snapshot of this state."""
    return replace(NEW, reading=StateReading(word))


def in_login(phase: LoginPhase, code: LoginCode | None = None) -> InstanceData:
    """Return a snapshot of a login."""
    return replace(NEW, login=LoginProgress(phase, code))


def code(sequence: int, left: float = 20) -> LoginCode:
    """Return a code with so many seconds left."""
    now = dt_util.utcnow()
    return LoginCode(b"png", sequence, now, now + timedelta(seconds=left))


def told(*snapshots: InstanceData) -> list[Happening]:
    """Return what happened over these snapshots."""
    tracker = MomentTracker(snapshots[0])
    return [item for data in snapshots[1:] for item in tracker.take(data)]


def link_edges(*words: str) -> list[Moment]:
    """Return when the link came and went."""
    edges = {Moment.AUTHORIZED, Moment.AUTHORIZATION_LOST}
    happenings = told(*(in_state(word) for word in words))
    return [item.moment for item in happenings if item.moment in edges]


@pytest.mark.parametrize(
    ("words", "edges"),
    [
        (["authorized"], []),
        (["authorized", "authorized"], []),
        (["not_authorized", "authorized"], ["authorized"]),
        (["pending_password", "authorized"], ["authorized"]),
        (["not_authorized", "starting", "authorized"], ["authorized"]),
        (["starting", "authorized"], []),
        (["starting", "not_authorized"], []),
        (["authorized", "starting", "authorized"], []),
        (["authorized", "sleep_mode", "unknown", "authorized"], []),
        (["authorized", "yellow_card", "suspended", "authorized"], []),
        (["authorized", "not_authorized"], ["authorization_lost"]),
        (["authorized", "blocked"], ["authorization_lost"]),
        (["authorized", "starting", "not_authorized"], ["authorization_lost"]),
        (
            [
                "authorized",
                "not_authorized",
                "starting",
                "not_authorized",
                "authorized",
            ],
            ["authorization_lost", "authorized"],
        ),
    ],
)
def test_the_link_counts_as_it_was_last_known(
    words: list[str], edges: list[str]
) -> None:
    assert link_edges(*words) == edges


def test_a_loss_names_the_state() -> None:
    happenings = told(in_state("authorized"), in_state("blocked"))
    assert happenings == [
        Happening(Moment.STATE_CHANGED, {"from": "authorized", "to": "blocked"}),
        Happening(Moment.AUTHORIZATION_LOST, {"state": "blocked"}),
    ]


def test_words_of_states_that_are_not_known_are_told() -> None:
    assert told(in_state("new_state"), in_state("newer_state")) == [
        Happening(Moment.STATE_CHANGED, {"from": "new_state", "to": "newer_state"})
    ]


def test_each_code_is_told_once() -> None:
    first, second = code(1), code(2)
    showing = LoginPhase.SHOWING
    happenings = told(
        in_login(LoginPhase.WAITING),
        in_login(showing, first),
        in_login(showing, replace(first, expires_at=NOW + timedelta(seconds=50))),
        in_login(showing, second),
    )
    assert [(item.moment, item.facts["sequence"]) for item in happenings] == [
        ("qr_ready", 1),
        ("qr_ready", 2),
    ]
    expires_at = first.expires_at.isoformat(timespec="milliseconds")
    assert happenings[0].facts["expires_at"] == expires_at


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (in_login(LoginPhase.WAITING), ["qr_expired"]),
        (in_login(LoginPhase.EXPIRED), ["qr_expired", "login_timeout"]),
    ],
)
def test_a_code_that_nobody_scanned_expires(
    after: InstanceData, expected: list[str]
) -> None:
    happenings = told(in_login(LoginPhase.SHOWING, code(4, left=-1)), after)
    assert [item.moment for item in happenings] == expected
    assert happenings[0].facts == {"sequence": 4}


def test_the_end_of_a_window_takes_a_living_code_with_it() -> None:
    happenings = told(
        in_login(LoginPhase.SHOWING, code(4)), in_login(LoginPhase.EXPIRED)
    )
    assert [item.moment for item in happenings] == ["qr_expired", "login_timeout"]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (in_login(LoginPhase.WAITING), []),
        (in_login(LoginPhase.PASSWORD), ["password_required"]),
        (in_state("authorized"), ["state_changed", "authorized"]),
    ],
)
def test_a_code_that_was_scanned_does_not_expire(
    after: InstanceData, expected: list[str]
) -> None:
    happenings = told(in_login(LoginPhase.SHOWING, code(4)), after)
    assert [item.moment for item in happenings] == expected


def test_a_password_is_asked_for_once() -> None:
    password = in_login(LoginPhase.PASSWORD)
    pending = replace(password, reading=StateReading("pending_password"))
    happenings = told(in_login(LoginPhase.WAITING), password, pending)
    assert [item.moment for item in happenings] == [
        "password_required",
        "state_changed",
    ]


def test_the_end_of_a_phone_code_is_no_windows_end() -> None:
    assert not told(in_login(LoginPhase.PHONE_CODE), in_login(LoginPhase.EXPIRED))
