"""The Node-RED flows: well formed, wired, and what their functions say."""

from base64 import b64encode
import json
from typing import Any

import pytest

from .node_red import Flow
from .station import qr_png

CORE = "node-red.json"
DASHBOARD = "node-red-dashboard.json"
FLOWS = [CORE, DASHBOARD]

ID = "1101000001"
PNG = qr_png("code 1")
START = 1_700_000_000.0

# Nodes that Node-RED brings.
BUILT_IN = {
    *("comment", "debug", "function", "http in", "http response", "inject"),
    *("mqtt in", "mqtt out", "mqtt-broker", "switch", "tab"),
}


def said(
    name: str, payload: bytes | dict[str, Any], expiry: int | None = None
) -> dict[str, Any]:
    """Return a message as the node mqtt in hands it on."""
    raw = json.dumps(payload).encode() if isinstance(payload, dict) else payload
    properties = {} if expiry is None else {"messageExpiryInterval": expiry}
    return {"topic": f"green_api/{ID}/{name}", "payload": raw, **properties}


def code_meta(**more: object) -> dict[str, object]:
    """Return what qr/meta says of the code; by the clock it is long dead."""
    at = "2001-01-01T00:00:00.000+00:00"
    return {"valid": True, "bytes": len(PNG), "expires_at": at, **more}


@pytest.mark.parametrize("name", FLOWS)
def test_the_nodes_are_wired(name: str) -> None:
    flow = Flow.of(name)
    known = {node["id"]: node for node in flow.nodes}
    assert len(known) == len(flow.nodes)
    (tab,) = flow.every("tab")
    assert [item["name"] for item in tab["env"]] == ["INSTANCE"]
    wired: set[str] = set()
    for node in flow.nodes:
        outputs = node.get("wires", [])
        targets = [target for output in outputs for target in output]
        assert all(known[target]["z"] == tab["id"] for target in targets)
        wired.update(targets)
        if node["type"] == "function":
            assert len(outputs) == node["outputs"]
        for kind in ("broker", "group", "page", "ui", "theme"):
            if node.get(kind) and node["type"] != "mqtt-broker":
                assert node[kind] in known, f"{node['id']}: {kind}"
    sources = {"comment", "http in", "inject", "mqtt in", "tab", "ui-button"}
    loose = [
        node["id"]
        for node in flow.nodes
        if node.get("z") and node["type"] not in sources and node["id"] not in wired
    ]
    assert loose == []


def test_the_first_flow_needs_nothing_but_node_red() -> None:
    assert {node["type"] for node in Flow.of(CORE).nodes} <= BUILT_IN


@pytest.mark.parametrize("name", FLOWS)
def test_the_broker_is_left_to_the_reader(name: str) -> None:
    (broker,) = Flow.of(name).every("mqtt-broker")
    assert broker["protocolVersion"] == "5"
    assert "credentials" not in broker
    assert broker["broker"] == "localhost"


@pytest.mark.parametrize("name", FLOWS)
def test_commands_go_out_once_and_are_not_kept(name: str) -> None:
    flow = Flow.of(name)
    (out,) = flow.every("mqtt out")
    assert (out["qos"], out["retain"], out["topic"]) == ("1", "false", "")
    for button in ("login", "logout"):
        assert out["id"] in flow.led_to(button)


def test_log_out_asks_first_on_the_dashboard() -> None:
    flow = Flow.of(DASHBOARD)
    (first,) = flow.node("logout")["wires"][0]
    assert first == flow.node("question")["id"]
    confirm = flow.node("confirm")
    assert confirm["allowConfirm"] is True
    (rule,) = flow.node("confirmed")["rules"]
    assert rule["v"] == "confirm_clicked"


@pytest.mark.parametrize("name", FLOWS)
def test_a_lost_authorization_is_told(name: str) -> None:
    flow = Flow.of(name)
    assert flow.node("notify")["id"] in flow.led_to("event")
    (rule,) = flow.node("is-lost")["rules"]
    assert rule["v"] == "authorization_lost"
    event = {"event": "authorization_lost", "state": "not_authorized"}
    message = {"topic": f"green_api/{ID}/event", "payload": event}
    (told,) = flow.run(("lost", START, message), instance="1")
    assert told["payload"] == f"Instance {ID} is no longer authorized (not_authorized)."


@pytest.mark.parametrize("name", FLOWS)
def test_a_command_and_its_answer_have_one_transaction(name: str) -> None:
    flow = Flow.of(name)

    def answer(transaction: str | None, error: str | None) -> dict[str, Any]:
        payload = {"command": "logout", "ok": error is None, "error": error}
        return {"payload": {**payload, "transaction": transaction}}

    command, strange, refused, done, old = flow.run(
        ("command", START, {"topic": "logout"}),
        ("answer", START, answer(None, None)),
        ("answer", START, answer("id 1", "busy")),
        ("answer", START, answer("id 1", None)),
        ("answer", START, answer("id 0", None)),
        instance=ID,
    )
    assert command == {
        "topic": f"green_api/{ID}/command/logout",
        "payload": {"transaction": "id 1"},
    }
    assert strange is old is None
    assert refused["payload"] == "logout: busy"
    assert done["payload"] == "logout: done"


def ask(at: float, id_instance: str = ID) -> tuple[str, float, dict[str, Any]]:
    return "give", START + at, {"req": {"params": {"id": id_instance}}}


def test_the_picture_by_http_is_true_when_it_is_asked_for() -> None:
    flow = Flow.of(CORE)
    still = {"valid": False, "bytes": 3, "expires_at": None}
    answers = flow.run(
        ask(0),
        ("keep", START, said("qr/image", PNG, 20)),
        ("keep", START, said("qr/meta", code_meta(), 20)),
        ask(0),
        ("keep", START, said("qr/availability", b"online", 20)),
        ask(0),
        ask(0, "1"),
        ask(19.9),
        ask(20),
        ("keep", START, said("qr/availability", b"offline")),
        ask(1),
        ("keep", START, said("qr/image", b"png")),
        ask(1),
        ("keep", START, said("qr/meta", still)),
        ask(1),
        ("keep", START, said("qr/image", b"")),
        ask(1),
        instance="",
    )
    given = [item for item in answers if item is not None]
    assert [item.get("statusCode", 200) for item in given] == [
        *(404, 404, 200, 404, 200, 404),
        *(404, 404, 200, 404),
    ]
    assert given[2]["payload"] == PNG
    assert given[2]["headers"] == {
        "cache-control": "no-store",
        "content-type": "image/png",
    }
    assert given[8]["payload"] == b"png"


def test_without_an_expiry_the_picture_by_http_goes_by_the_clock() -> None:
    ends = "2023-11-14T22:13:30.000+00:00"  # ten seconds after the start
    answers = Flow.of(CORE).run(
        ("keep", START, said("qr/image", PNG)),
        ("keep", START, said("qr/meta", code_meta(expires_at=ends))),
        ("keep", START, said("qr/availability", b"online")),
        ask(9),
        ask(11),
        instance="",
    )
    assert [item.get("statusCode", 200) for item in answers[3:]] == [200, 404]


def test_the_dashboard_shows_what_is_true_each_second() -> None:
    flow = Flow.of(DASHBOARD)
    (tick,) = [node for node in flow.every("inject") if node["repeat"]]
    assert (tick["repeat"], tick["topic"]) == ("1", "")
    assert tick["wires"] == [[flow.node("picture")["id"]]]
    uri = "data:image/png;base64,"

    def at(second: float, message: dict[str, Any]) -> tuple[str, float, dict[str, Any]]:
        return "picture", START + second, message

    strange = {**said("qr/image", b"other"), "topic": "green_api/1/qr/image"}
    answers = flow.run(
        at(0, strange),
        at(0, said("qr/image", PNG, 20)),
        at(0, said("qr/meta", code_meta(), 20)),
        at(0, said("qr/availability", b"online", 20)),
        at(10, {"topic": ""}),
        at(19.5, {"topic": ""}),
        at(20, {"topic": ""}),
        at(21, said("qr/availability", b"offline")),
        at(21, said("qr/image", b"png")),
        at(21, said("qr/meta", {"valid": False, "bytes": 3, "expires_at": None})),
        instance=ID,
    )
    assert answers[0] is None
    pictures = [item[0] and item[0]["payload"] for item in answers[1:]]
    left = [item[1]["payload"] for item in answers[1:]]
    code, still = (uri + b64encode(png).decode() for png in (PNG, b"png"))
    assert pictures == ["", None, code, None, "", None, None, None, still]
    assert left == ["–", "–", "20 s", "10 s", *["–"] * 5]  # noqa: RUF001  an en dash


def test_the_dashboard_tells_the_state_of_its_instance_only() -> None:
    ours = {"topic": f"green_api/{ID}/state", "payload": "not_authorized"}
    answers = Flow.of(DASHBOARD).run(
        ("state-text", START, ours),
        ("state-text", START, {**ours, "topic": "green_api/1/state"}),
        instance=ID,
    )
    assert [item and item["payload"] for item in answers] == ["not authorized", None]
