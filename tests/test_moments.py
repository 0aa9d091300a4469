"""What is told between what was known and one snapshot after the other."""

from dataclasses import replace
from datetime import timedelta

from homeassistant.util import dt as dt_util
import pytest

from custom_components.green_api.api.models import Messenger, StateReading
from custom_components.green_api.memory import LastKnown
from custom_components.green_api.moments import Happening, Moment, MomentTracker
from custom_components.green_api.snapshot import (
    InstanceData,
    LoginCode,
    LoginPhase,
    LoginProgress,
)

NOW = dt_util.utcnow()
LATER = NOW + timedelta(minutes=1)
NEW = InstanceData(
    messenger=Messenger.TELEGRAM, reading=StateReading("not_authorized"), since=NOW
)
EDGES = {Moment.AUTHORIZED, Moment.AUTHORIZATION_LOST}


def in_state(word: str) -> InstanceData:
    """Return a snapshot of this state."""
    return replace(NEW, reading=StateReading(word))


def in_login(
    phase: LoginPhase,
    code: LoginCode | None = None,
    *,
    word: str = "not_authorized",
    login: int = 1,
) -> InstanceData:
    """Return a snapshot of a login, of several the one of this number."""
    began_at = NOW + timedelta(hours=login)
    return replace(
        NEW,
        reading=StateReading(word),
        login=LoginProgress(phase, code, began_at=began_at),
    )


def code(sequence: int, left: float = 20) -> LoginCode:
    """Return a code with so many seconds left."""
    now = dt_util.utcnow()
    return LoginCode(b"png", sequence, now, now + timedelta(seconds=left))


def known_after(*words: str) -> LastKnown | None:
    """Return what is known after these states, each told as soon as it came."""
    tracker = MomentTracker(None)
    for word in words:
        tracker.take(in_state(word))
    return tracker.known


def told(
    *snapshots: InstanceData, known: LastKnown | None = None, first: bool = False
) -> list[Happening]:
    """Return what happened over these snapshots, since the first or with it."""
    tracker = MomentTracker(known)
    happenings = [tracker.take(data) for data in snapshots]
    return [item for items in happenings[0 if first else 1 :] for item in items]


def link_edges(*words: str) -> list[Moment]:
    """Return when the link came and went."""
    happenings = told(*(in_state(word) for word in words))
    return [item.moment for item in happenings if item.moment in EDGES]


# ------------------------------------------------------------------- the state

LINKS = [
    (["authorized"], []),
    (["not_authorized"], []),
    (["unknown"], []),
    (["new_state"], []),
    (["authorized", "authorized"], []),
    (["not_authorized", "authorized"], ["authorized"]),
    (["pending_code", "authorized"], ["authorized"]),
    (["pending_password", "authorized"], ["authorized"]),
    (["blocked", "yellow_card"], ["authorized"]),
    (["not_authorized", "starting", "authorized"], ["authorized"]),
    (["not_authorized", "unknown", "authorized"], ["authorized"]),
    (["not_authorized", "new_state", "suspended"], ["authorized"]),
    (["starting", "authorized"], []),
    (["starting", "not_authorized"], []),
    (["unknown", "starting", "sleep_mode", "authorized"], []),
    (["starting", "not_authorized", "authorized"], ["authorized"]),
    (["authorized", "starting", "authorized"], []),
    (["authorized", "sleep_mode", "unknown", "authorized"], []),
    (["authorized", "yellow_card", "suspended", "authorized"], []),
    (["authorized", "not_authorized"], ["authorization_lost"]),
    (["authorized", "blocked"], ["authorization_lost"]),
    (["authorized", "blocked", "not_authorized"], ["authorization_lost"]),
    (["yellow_card", "new_state", "pending_password"], ["authorization_lost"]),
    (["authorized", "starting", "not_authorized"], ["authorization_lost"]),
    (
        ["authorized", "not_authorized", "starting", "not_authorized", "authorized"],
        ["authorization_lost", "authorized"],
    ),
]


@pytest.mark.parametrize(("words", "edges"), LINKS)
def test_the_link_counts_as_it_was_last_known(
    words: list[str], edges: list[str]
) -> None:
    assert link_edges(*words) == edges


@pytest.mark.parametrize(("words", "edges"), LINKS)
def test_a_restart_after_any_snapshot_changes_nothing(
    words: list[str], edges: list[str]
) -> None:
    known, found = None, []
    for word in words:
        tracker = MomentTracker(known)
        found += [item.moment for item in tracker.take(in_state(word))]
        known = tracker.known
        if known is not None:
            known = LastKnown.from_dict(known.as_dict())
    assert [moment for moment in found if moment in EDGES] == edges


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


def test_a_state_that_the_cloud_does_not_tell_is_none() -> None:
    words = ["authorized", "unknown", "starting", "unknown", "unknown", "authorized"]
    assert [item.facts for item in told(*map(in_state, words))] == [
        {"from": "authorized", "to": "starting"},
        {"from": "starting", "to": "authorized"},
    ]


def test_nothing_happens_to_an_instance_that_is_new_here() -> None:
    assert told(in_state("authorized"), first=True) == []
    assert told(in_state("unknown"), in_state("blocked"), first=True) == []


def test_the_first_snapshot_is_compared_with_what_is_remembered() -> None:
    known = known_after("not_authorized")
    assert told(in_state("authorized"), known=known, first=True) == [
        Happening(Moment.STATE_CHANGED, {"from": "not_authorized", "to": "authorized"}),
        Happening(Moment.AUTHORIZED),
    ]
    assert told(in_state("not_authorized"), known=known, first=True) == []
    # The link was not known to be anything else before it was `starting`.
    known = known_after("not_authorized", "starting")
    happenings = told(in_state("authorized"), known=known, first=True)
    assert [item.moment for item in happenings] == ["state_changed", "authorized"]


# --------------------------------------------------------------- what is known


def test_all_is_known_since_it_was_first_seen() -> None:
    tracker = MomentTracker(None)
    tracker.take(in_state("not_authorized"))
    first = LastKnown(
        state="not_authorized", state_since=NOW, linked=False, since=NOW, changed=False
    )
    assert tracker.known == first
    tracker.take(replace(NEW, reading=StateReading("starting"), since=LATER))
    assert tracker.known == replace(
        first, state="starting", state_since=LATER, state_before="not_authorized"
    )
    tracker.take(replace(NEW, reading=StateReading("unknown"), since=LATER))
    assert tracker.known.state == "starting"
    after = LATER + timedelta(minutes=1)
    tracker.take(replace(NEW, reading=StateReading("authorized"), since=after))
    linked = LastKnown(
        state="authorized",
        state_since=after,
        state_before="starting",
        linked=True,
        since=after,
        changed=True,
    )
    assert tracker.known == linked
    # A snapshot of the same state after a restart is younger than what it shows.
    tracker = MomentTracker(linked)
    tracker.take(
        replace(NEW, reading=StateReading("authorized"), since=after + timedelta(1))
    )
    assert tracker.known == linked


def test_a_loss_waits_to_be_told_and_nothing_else_does() -> None:
    for words in (["authorized"], ["not_authorized"], ["blocked", "authorized"]):
        known = known_after(*words)
        assert known
        assert known.told
    known = known_after("authorized", "not_authorized")
    assert known
    assert not known.told
    known = known_after("authorized", "not_authorized", "starting")
    assert known
    assert not known.told
    # It came back before anybody told of the loss, of which nothing is left to tell.
    known = known_after("authorized", "not_authorized", "authorized")
    assert known
    assert known.told


def test_what_was_first_seen_to_be_so_is_no_change() -> None:
    for words in (["not_authorized"], ["starting", "authorized"]):
        known = known_after(*words)
        assert known
        assert not known.changed
        assert known.linked is (words[-1] == "authorized")
    known = known_after("starting", "authorized", "blocked")
    assert known
    assert known.changed


# ------------------------------------------------------------------- the login


def test_each_code_is_told_once_and_all_but_the_first_are_repeated() -> None:
    first, second = code(1), code(2)
    showing = LoginPhase.SHOWING
    happenings = told(
        in_login(LoginPhase.WAITING),
        in_login(showing, first),
        in_login(showing, replace(first, expires_at=NOW + timedelta(seconds=50))),
        in_login(showing, second),
        in_login(showing, code(3), login=2),
        in_login(showing, code(4), login=2),
    )
    assert [(item.facts["sequence"], item.repeated) for item in happenings] == [
        (1, False),
        (2, True),
        (3, False),
        (4, True),
    ]
    assert {item.moment for item in happenings} == {Moment.QR_READY}
    expires_at = first.expires_at.isoformat(timespec="milliseconds")
    assert happenings[0].facts["expires_at"] == expires_at


def test_a_code_after_a_gap_belongs_to_the_same_login() -> None:
    happenings = told(
        in_login(LoginPhase.SHOWING, code(1)),
        in_login(LoginPhase.WAITING),
        in_login(LoginPhase.SHOWING, code(2)),
    )
    assert [item.repeated for item in happenings] == [True]


def test_a_code_that_is_there_at_once_is_told() -> None:
    happenings = told(in_login(LoginPhase.SHOWING, code(3)), first=True)
    assert [(item.moment, item.repeated) for item in happenings] == [
        (Moment.QR_READY, False)
    ]


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
    wanted = in_login(LoginPhase.PASSWORD)
    pending = in_login(LoginPhase.PASSWORD, word="pending_password")
    happenings = told(in_login(LoginPhase.WAITING), wanted, pending)
    assert [item.moment for item in happenings] == [
        "password_required",
        "state_changed",
    ]


def test_a_password_that_is_wanted_still_is_not_asked_for_again() -> None:
    pending = in_login(LoginPhase.PASSWORD, word="pending_password")
    # As after a rejection of the credentials, which stops all that goes on.
    paused = in_login(LoginPhase.IDLE, word="pending_password")
    assert told(pending, paused, pending) == []
    known = known_after("not_authorized", "pending_password")
    assert told(pending, paused, pending, known=known, first=True) == []


@pytest.mark.parametrize("before", ["not_authorized", "starting", "authorized"])
def test_a_password_that_is_wanted_anew_is_asked_for(before: str) -> None:
    pending = in_login(LoginPhase.PASSWORD, word="pending_password")
    happenings = told(pending, in_state(before), pending)
    moments = [item.moment for item in happenings]
    assert moments.count(Moment.PASSWORD_REQUIRED) == 1
    happenings = told(pending, known=known_after(before), first=True)
    moments = [item.moment for item in happenings]
    assert moments.count(Moment.PASSWORD_REQUIRED) == 1


def test_the_end_of_a_phone_code_is_no_windows_end() -> None:
    assert not told(in_login(LoginPhase.PHONE_CODE), in_login(LoginPhase.EXPIRED))
