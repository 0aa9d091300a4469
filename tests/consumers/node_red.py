"""Node-RED's flows without Node-RED: what is wired to what, and the functions' code."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
import json
from pathlib import Path
import subprocess
from typing import Any

import playwright

from .conftest import read

type Node = dict[str, Any]

# What Node-RED hands to the code of a function node, as far as the flows use it.
_HARNESS = """
const {code, env, messages} = JSON.parse(
  require("fs").readFileSync(0), (_, value) =>
    typeof value?.base64 === "string" ? Buffer.from(value.base64, "base64") : value);
const plain = (_, value) => value?.type === "Buffer"
  ? {base64: Buffer.from(value.data).toString("base64")} : value;
const store = () => {
  const kept = new Map();
  return {get: (key) => kept.get(key), set: (key, value) => { kept.set(key, value); }};
};
const flow = store(), contexts = {};
let made = 0;
const RED = {util: {generateId: () => `id ${++made}`}};
const answers = messages.map(([node, at, message]) => {
  Date.now = () => at;
  contexts[node] ??= store();
  const call = new Function("msg", "flow", "context", "env", "RED", code[node]);
  const variables = {get: (name) => env[name]};
  return call(message, flow, contexts[node], variables, RED) ?? null;
});
console.log(JSON.stringify(answers, plain));
"""


@dataclass(frozen=True)
class Flow:
    """A flow as its file has it."""

    nodes: list[Node]

    @classmethod
    def of(cls, name: str) -> Flow:
        """Read a file of the folder."""
        return cls(json.loads(read(name)))

    def every(self, kind: str) -> list[Node]:
        """Return the nodes of a type."""
        return [node for node in self.nodes if node["type"] == kind]

    def node(self, name: str) -> Node:
        """Return the node whose id is the tab's with this name behind it."""
        (tab,) = self.every("tab")
        return next(item for item in self.nodes if item["id"] == f"{tab['id']}-{name}")

    def led_to(self, source: str) -> set[str]:
        """Return the ids of all nodes that a message can reach from a node."""
        known = {node["id"]: node for node in self.nodes}
        reached: set[str] = set()
        waiting = [self.node(source)["id"]]
        while waiting:
            for output in known[waiting.pop()].get("wires", []):
                new = set(output) - reached
                reached |= new
                waiting += new
        return reached

    def run(
        self, *messages: tuple[str, float, dict[str, Any]], instance: str
    ) -> list[Any]:
        """Return what function nodes give for one message after the other.

        Each is the node's name, the time in seconds, and the message, with bytes as
        bytes.
        """
        code = {node: self.node(node)["func"] for node, _, _ in messages}
        job = {
            "code": code,
            "env": {"INSTANCE": instance},
            "messages": [(node, at * 1000, message) for node, at, message in messages],
        }
        done = subprocess.run(
            [Path(playwright.__file__).parent / "driver" / "node", "-e", _HARNESS],
            input=json.dumps(job, default=_bytes),
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
        answers: list[Any] = json.loads(done.stdout, object_hook=_revived)
        return answers


def _bytes(value: object) -> object:
    assert isinstance(value, bytes)
    return {"base64": b64encode(value).decode()}


def _revived(item: dict[str, Any]) -> Any:
    return b64decode(item["base64"]) if set(item) == {"base64"} else item
