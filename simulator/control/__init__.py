"""The control API: play the phone, break things, see what was asked."""

from .app import control_app
from .client import ControlClient, ControlError

__all__ = ["ControlClient", "ControlError", "control_app"]
