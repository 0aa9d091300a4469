"""A GREEN-API cloud of our own, for demo and tests. Never shipped."""

from .clock import Clock, ManualClock
from .cloud import Cloud
from .errors import (
    BadInputError,
    ConflictError,
    NotFoundError,
    RejectedError,
    SimulatorError,
)
from .faults import (
    Body,
    Delay,
    Deleted,
    Drop,
    Expired,
    Fault,
    Hang,
    QrAnswer,
    StateAnswer,
    Status,
)
from .instance import Account, Instance, Timing
from .messenger import Messenger, State
from .server import Simulator

__all__ = [
    "Account",
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
    "Hang",
    "Instance",
    "ManualClock",
    "Messenger",
    "NotFoundError",
    "QrAnswer",
    "RejectedError",
    "Simulator",
    "SimulatorError",
    "State",
    "StateAnswer",
    "Status",
    "Timing",
]
