"""What the cloud tells by itself is understood, and nothing else is."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.green_api.api.notification import (
    Notification,
    ReceivedNotification,
    is_of_another_kind,
    parse_notification,
)

_SENT_AT = 1586700690
_LOST = Notification("1234", "stateInstanceChanged", "not_authorized", sent_at=_SENT_AT)


def _body(**changes: Any) -> dict[str, Any]:
    """Return the vendor's example with other values in some places."""
    body = {
        "typeWebhook": "stateInstanceChanged",
        "instanceData": {
            "idInstance": 1234,
            "wid": "79001234567@c.us",
            "typeInstance": "whatsapp",
        },
        "timestamp": _SENT_AT,
        "stateInstance": "notAuthorized",
    }
    return {**body, **changes}


@pytest.mark.parametrize(
    ("body", "notification"),
    [
        (_body(), _LOST),
        (_body(instanceData={"idInstance": 1234}), _LOST),
        (_body(instanceData={"idInstance": "1234"}), _LOST),
        (_body(somethingNew={"a": 1}), _LOST),
        (_body(instanceData={"idInstance": 0}), replace(_LOST, id_instance="0")),
        (
            _body(instanceData={"idInstance": "9" * 20}),
            replace(_LOST, id_instance="9" * 20),
        ),
        (
            _body(instanceData={"idInstance": 10**20 - 1}),
            replace(_LOST, id_instance="9" * 20),
        ),
        (_body(timestamp=0), replace(_LOST, sent_at=0)),
        (_body(timestamp=-5), replace(_LOST, sent_at=-5)),
        (_body(stateInstance="authorized"), replace(_LOST, state="authorized")),
        (_body(stateInstance="newWord"), replace(_LOST, state="new_word")),
        (_body(stateInstance="<b>x</b>"), replace(_LOST, state="b_x_b")),
        (_body(stateInstance=""), replace(_LOST, state=None)),
        (_body(stateInstance=None), replace(_LOST, state=None)),
        (_body(stateInstance=["authorized"]), replace(_LOST, state=None)),
        (
            _body(typeWebhook="statusInstanceChanged", statusInstance="online"),
            replace(_LOST, kind="statusInstanceChanged", state=None),
        ),
        (
            _body(typeWebhook="incomingMessageReceived", messageData={}),
            replace(_LOST, kind="incomingMessageReceived", state=None),
        ),
        (_body(typeWebhook=""), replace(_LOST, kind="", state=None)),
    ],
)
def test_a_notification_is_taken_for_what_it_says(
    body: object, notification: Notification
) -> None:
    assert parse_notification(body) == notification


@pytest.mark.parametrize(
    "body",
    [
        None,
        True,
        5,
        1.5,
        "",
        "stateInstanceChanged",
        [],
        [_body()],
        {},
        {"typeWebhook": "stateInstanceChanged"},
        {key: value for key, value in _body().items() if key != "typeWebhook"},
        {key: value for key, value in _body().items() if key != "instanceData"},
        {key: value for key, value in _body().items() if key != "timestamp"},
        _body(typeWebhook=None),
        _body(typeWebhook=1),
        _body(typeWebhook=["stateInstanceChanged"]),
        _body(instanceData=None),
        _body(instanceData=1234),
        _body(instanceData="idInstance"),
        _body(instanceData=[1234]),
        _body(instanceData={}),
        _body(instanceData={"idInstance": None}),
        _body(instanceData={"idInstance": True}),
        _body(instanceData={"idInstance": False}),
        _body(instanceData={"idInstance": 1234.0}),
        _body(instanceData={"idInstance": -1234}),
        _body(instanceData={"idInstance": 10**20}),
        _body(instanceData={"idInstance": 10**5000}),
        _body(instanceData={"idInstance": ""}),
        _body(instanceData={"idInstance": "1234 "}),
        _body(instanceData={"idInstance": "-1"}),
        _body(instanceData={"idInstance": "٣"}),
        _body(instanceData={"idInstance": "1" * 21}),
        _body(instanceData={"idInstance": [1234]}),
        _body(instanceData={"idInstance": {"idInstance": 1234}}),
        _body(timestamp=None),
        _body(timestamp=True),
        _body(timestamp=1586700690.5),
        _body(timestamp=str(_SENT_AT)),
        _body(timestamp=10**20),
        _body(timestamp=-(10**5000)),
        _body(timestamp=[_SENT_AT]),
    ],
)
def test_what_is_no_notification_is_none(body: object) -> None:
    assert parse_notification(body) is None


@pytest.mark.parametrize(
    ("body", "other"),
    [
        (_body(), False),
        (_body(timestamp=None), False),
        (_body(typeWebhook="incomingMessageReceived"), True),
        ({"typeWebhook": "incomingMessageReceived"}, True),
        ({"typeWebhook": ""}, True),
        ({"typeWebhook": None}, False),
        ({"typeWebhook": 5}, False),
        ({}, False),
        (["incomingMessageReceived"], False),
        ("incomingMessageReceived", False),
        (None, False),
    ],
)
def test_what_is_of_another_kind_may_look_as_it_likes(
    *, body: object, other: bool
) -> None:
    assert is_of_another_kind(body) is other


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["stateInstanceChanged", "authorized", "1234"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=3) | st.sampled_from([*_body(), "idInstance"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=8,
)


@given(
    body=_VALUES
    | st.fixed_dictionaries(
        {
            "typeWebhook": _VALUES,
            "instanceData": st.fixed_dictionaries({"idInstance": _VALUES}) | _VALUES,
            "timestamp": _VALUES,
        },
        optional={"stateInstance": _VALUES},
    )
)
@settings(max_examples=500, deadline=None, database=None, derandomize=True)
def test_whatever_comes_is_understood_or_none(body: object) -> None:
    notification = parse_notification(body)
    if notification is not None:
        assert notification.id_instance.isdecimal()
        assert type(notification.sent_at) is int
        assert notification.state is None or notification.state.strip("_")
        hash(notification)


def test_a_message_of_somebody_is_not_shown() -> None:
    received = ReceivedNotification(7, {"textMessage": "between us"})
    assert repr(received) == "ReceivedNotification(receipt_id=7)"
