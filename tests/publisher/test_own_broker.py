"""A connection of the instance's own: it comes back, and leaves a will."""

import asyncio
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.green_api.broker.connection import Connection
from demo.broker import Mosquitto
from simulator import Instance, Simulator
from tests.conftest import set_up
from tests.logs import errors_logged
from tests.waiting import shorten_backoff, wait_until

from .conftest import own_broker
from .subscriber import Subscriber

BASE = "1101000001"
