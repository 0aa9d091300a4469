"""Where the demo finds what scripts/setup has made."""

from pathlib import Path
import shlex
import shutil

from .errors import DemoError

ROOT = Path(__file__).resolve().parent.parent
INTEGRATION = ROOT / "custom_components" / "green_api"
PANEL = ROOT / "docs" / "consumers" / "panel.html"

_VENV = ROOT / ".venv"
_PATHS = _VENV / "paths.env"


def environment(version: str) -> Path:
    """Return the environment of a Home Assistant version, ``current`` or ``floor``.

    Raises DemoError where it was not made yet.
    """
    folder = _VENV / version
    if (folder / "bin" / "hass").exists():
        return folder
    problem = f"there is no environment .venv/{version}"
    raise DemoError(problem, f"run scripts/setup {version}")


def mosquitto() -> Path | None:
    """Return the broker that scripts/setup has found or made, else one on the PATH."""
    return _program("MOSQUITTO", "mosquitto")


def chromium() -> Path | None:
    """Return the browser that scripts/setup has found or made, else one on the PATH."""
    return _program("CHROMIUM", "chromium")


def _program(key: str, name: str) -> Path | None:
    noted = _noted(key)
    path = noted if noted and Path(noted).exists() else shutil.which(name)
    return Path(path) if path else None


def _noted(key: str) -> str | None:
    """Return a value of .venv/paths.env, which is written as a shell reads it."""
    if not _PATHS.exists():
        return None
    for word in shlex.split(_PATHS.read_text()):
        name, _, value = word.partition("=")
        if name == key:
            return value
    return None
