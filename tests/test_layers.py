"""The order of the house: who may import whom.

The tables are the rule; docs/architecture.md gives the reasons.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "custom_components.green_api"
INTEGRATION = ROOT / "custom_components" / "green_api"

type Layers = list[list[str]]


def rows(table: str) -> Layers:
    """Read a table of layers: a line each, the lowest first."""
    return [line.split() for line in table.strip().splitlines()]


# Each line may import from the lines above it only. A package is one name here.
LAYERS = rows("""
    const
    api backoff broker mqtt_input redact
    clients mqtt_forms problems snapshot
    memory
    moments
    login stills
    coordinator
    authorization entity push targets teller
    candidate issues job_flow publisher
    link_flow mqtt_flow push_flow
    qr_flow
    options_flow
    button camera event image sensor \
        card condition config_flow diagnostics repairs \
        services system_health trigger
    websocket_api
    __init__
""")

# The same inside the packages.
INNER_LAYERS = {
    "api": rows("""
        address errors limiter models
        account authorization cloud_text notification qr_page settings
        answers scan_message
        scan_socket
        client
        scan
        __init__
    """),
    "broker": rows("""
        errors settings
        tls
        client dial
        connection
        __init__
    """),
    "publisher": rows("""
        topics
        settings
        payloads
        brokers
        home_assistant_broker own_broker
        commands discovery watch
        publisher
        __init__
    """),
    "push": rows("""
        claim loss notices
        address
        cloud_settings queue webhook
        upkeep
        __init__
    """),
}

# What has to be usable without Home Assistant, and without the rest of ours.
ALONE = {"api", "broker"}

# Top-level packages that a package of ours must not know.
STRANGERS = {
    "custom_components": {"simulator", "demo", "benchmarks", "tests"},
    "simulator": {"custom_components", "homeassistant", "demo", "benchmarks", "tests"},
    "demo": {"benchmarks", "tests"},
    "benchmarks": {"tests"},
}

# Home Assistant loads helpers of such names by itself, or the name hides an
# integration.
FORBIDDEN_NAMES = {
    "backup",
    "energy",
    "group",
    "hardware",
    "intent",
    "logbook",
    "mqtt",
    "recorder",
}


class Import(NamedTuple):
    """One imported thing: ``from <module> import <name>``, or ``import <module>``."""

    module: str
    name: str | None
    line: int


def imports_of(source: str, package: str) -> Iterator[Import]:
    """Yield every import of a module, relative ones resolved against its package."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, None, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                parts = package.split(".")
                parents = parts[: len(parts) - node.level + 1]
                module = ".".join([*parents, module] if module else parents)
            for alias in node.names:
                yield Import(module, alias.name, node.lineno)


def rank(name: str, layers: Layers) -> int | None:
    """Return the row of a module, or None if the table does not know it."""
    return next((row for row, names in enumerate(layers) if name in names), None)


def violations(module: str, source: str) -> list[str]:
    """Return what a module of the integration imports against the rules.

    ``module`` is its name below the package: ``camera``, ``api.client``,
    ``publisher`` (its ``__init__``) or ``__init__`` (the root).
    """
    top, _, inner = module.partition(".")
    package = f"{PACKAGE}.{top}" if top in INNER_LAYERS else PACKAGE
    found: list[str] = []
    if rank(top, LAYERS) is None:
        found.append(
            f"{module} stands in no layer: give it one in tests/test_layers.py"
        )
        return found
    if top in INNER_LAYERS and rank(inner or "__init__", INNER_LAYERS[top]) is None:
        found.append(f"{module} stands in no layer of {top}")
        return found
    for item in imports_of(source, package):
        reason = _objection(module, item)
        if reason:
            found.append(f"{module}:{item.line}: {reason}")
    return found


def _objection(module: str, item: Import) -> str | None:
    """Return why a module may not have this import, or None."""
    top, _, inner = module.partition(".")
    root = item.module.partition(".")[0]
    if root in STRANGERS["custom_components"]:
        return f"imports {root}, which does not ship"
    if root == "homeassistant" and top in ALONE:
        return "imports Home Assistant"
    if root != "custom_components":
        return None
    below = item.module.removeprefix(PACKAGE).removeprefix(".")
    if not item.module.startswith(PACKAGE) or (item.name is None and not below):
        return "imports the package root"
    if not below:
        # from . import x: fine where x is a module, and not something of the root.
        if item.name is None or rank(item.name, LAYERS) is None:
            return f"imports {item.name} from the package root"
        below, name = item.name, None
    else:
        name = item.name
    return _objection_within(top, inner, below, name)


def _objection_within(top: str, inner: str, below: str, name: str | None) -> str | None:
    """Return why ``top.inner`` may not take ``name`` from ``below``, or None."""
    target, _, target_inner = below.partition(".")
    if target == top and top in INNER_LAYERS:
        layers = INNER_LAYERS[top]
        wanted = target_inner
        if not wanted:
            wanted = name if name and rank(name, layers) is not None else "__init__"
        mine, other = rank(inner or "__init__", layers), rank(wanted, layers)
        label = f"{top}.{wanted}"
    else:
        if top in ALONE:
            return f"imports {target}, which {top} may not know"
        mine, other = rank(top, LAYERS), rank(target, LAYERS)
        label = target
    if mine is None or other is None:
        return f"imports {label}, which stands in no layer"
    if other >= mine:
        return f"imports {label}, which is not below it"
    return None


def module_name(path: Path, root: Path) -> str:
    """Return a file's module name below a package; packages without __init__."""
    parts = list(path.relative_to(root).with_suffix("").parts)
    if len(parts) > 1 and parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts)


def python_files(folder: Path) -> list[Path]:
    """Return a folder's Python files; there have to be some."""
    files = sorted(folder.rglob("*.py"))
    assert files, f"{folder} has no Python files"
    return files


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=module_name(path, INTEGRATION))
        for path in python_files(INTEGRATION)
    ],
)
def test_integration_imports_downward(path: Path) -> None:
    """Each module of the integration keeps to its layer."""
    assert violations(module_name(path, INTEGRATION), path.read_text("utf-8")) == []


@pytest.mark.parametrize("package", STRANGERS)
def test_packages_keep_apart(package: str) -> None:
    """No package of ours knows one that it must not know."""
    strangers = STRANGERS[package]
    found = [
        f"{path.relative_to(ROOT)}:{item.line} imports {item.module}"
        for path in python_files(ROOT / package)
        for item in imports_of(
            path.read_text("utf-8"), ".".join(path.relative_to(ROOT).parts[:-1])
        )
        if item.module.partition(".")[0] in strangers
    ]
    assert found == []


def test_no_forbidden_file_names() -> None:
    """No module bears a name that Home Assistant would take for its own."""
    assert {path.stem for path in INTEGRATION.glob("*")} & FORBIDDEN_NAMES == set()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("sensor", "from homeassistant.core import HomeAssistant"),
        ("sensor", "from .entity import GreenApiEntity"),
        ("sensor", "from . import const"),
        ("coordinator", "from .login import LoginSession"),
        ("api.client", "import httpx\nfrom .models import Messenger"),
        ("api.client", "from . import errors"),
        ("publisher", "from .publisher import Publisher"),
        ("publisher.publisher", "from ..const import DOMAIN"),
        ("config_flow", "from .coordinator import GreenApiConfigEntry"),
        ("__init__", "from .services import async_setup_services"),
    ],
)
def test_checker_accepts(module: str, source: str) -> None:
    """What the rules allow passes."""
    assert violations(module, source) == []


@pytest.mark.parametrize(
    ("module", "source", "reason"),
    [
        ("const", "from .api import x", "imports api, which is not below it"),
        ("sensor", "from .camera import x", "imports camera, which is not below it"),
        ("login", "from .coordinator import x", "which is not below it"),
        ("entity", "def f():\n    from .sensor import x", "which is not below it"),
        (
            "entity",
            "if TYPE_CHECKING:\n    from .sensor import x",
            "which is not below it",
        ),
        ("sensor", f"import {PACKAGE}", "imports the package root"),
        ("sensor", "import custom_components", "imports the package root"),
        ("sensor", "from . import async_setup_entry", "from the package root"),
        ("sensor", f"from {PACKAGE} import x", "imports x from the package root"),
        ("sensor", f"import {PACKAGE}.camera", "imports camera, which is not below"),
        ("sensor", "from .new import x", "imports new, which stands in no layer"),
        ("new", "", "new stands in no layer"),
        ("api.new", "", "api.new stands in no layer of api"),
        ("api.client", "from homeassistant import core", "imports Home Assistant"),
        ("api.client", "import homeassistant.core", "imports Home Assistant"),
        ("api.client", "from ..const import X", "imports const, which api may not"),
        ("api.models", "from .client import X", "api.client, which is not below it"),
        ("api.models", "from . import client", "api.client, which is not below it"),
        ("api.models", "from . import Anything", "api.__init__, which is not below"),
        ("publisher.topics", "from .brokers import X", "publisher.brokers, which"),
        ("publisher.topics", "from ..sensor import X", "sensor, which is not below"),
        ("sensor", "from simulator.cloud import x", "simulator, which does not ship"),
        ("sensor", "import tests.common", "tests, which does not ship"),
    ],
)
def test_checker_objects(module: str, source: str, reason: str) -> None:
    """What the rules forbid is found, and named."""
    (message,) = violations(module, source)
    assert reason in message


def test_checker_resolves_relative_imports() -> None:
    """Dots climb from the package in which the module stands."""
    source = "from . import a\nfrom .b import c\nfrom ..d import e\nimport f.g"
    assert [item[:2] for item in imports_of(source, "simulator.control")] == [
        ("simulator.control", "a"),
        ("simulator.control.b", "c"),
        ("simulator.d", "e"),
        ("f.g", None),
    ]
