"""The control API's application, to be mounted at /control/."""

from typing import TYPE_CHECKING

from aiohttp import web

from .fault_routes import FaultRoutes
from .feed import Feed
from .guard import guard
from .instance_routes import InstanceRoutes
from .request_routes import RequestRoutes

if TYPE_CHECKING:
    from simulator.cloud import Cloud


def control_app(cloud: Cloud) -> web.Application:
    """Build the application for a cloud."""
    app = web.Application(middlewares=[guard])
    for part in (InstanceRoutes, FaultRoutes, RequestRoutes, Feed):
        app.add_routes(part(cloud).routes())
    return app
