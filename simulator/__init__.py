"""A GREEN-API cloud of our own, for demo and tests. Never shipped."""

from .account import Account
from .authorization import Outcome, Reason
from .clock import Clock, LoopClock, ManualClock
from .cloud import Cloud
from .errors import (
    BadInputError,
    ConflictError,
    NotFoundError,
    RejectedError,
    SimulatorError,
)
from .faults import (
    AuthorizationAnswer,
    Body,
    Delay,
    Deleted,
    Drop,
    Expired,
    Fault,
    Frame,
    FrameFault,
    Hang,
    NotificationLost,
    QrAnswer,
    SocketClose,
    StateAnswer,
    Status,
)
from .instance import Instance, ScanText
from .messenger import Messenger, State
from .server import Simulator
from .settings import Settings
from .timing import Timing

__all__ = [
    "Account",
    "AuthorizationAnswer",
    "BadInputError",
    "Body",
    "Clock",
    "Cloud",
    "ConflictError",
    "Delay",
    "Deleted",
    "Drop",
    "Expired",
    "Fault",
    "Frame",
    "FrameFault",
    "Hang",
    "Instance",
    "LoopClock",
    "ManualClock",
    "Messenger",
    "NotFoundError",
    "NotificationLost",
    "Outcome",
    "QrAnswer",
    "Reason",
    "RejectedError",
    "ScanText",
    "Settings",
    "Simulator",
    "SimulatorError",
    "SocketClose",
    "State",
    "StateAnswer",
    "Status",
    "Timing",
]
