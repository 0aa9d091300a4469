"""The simulator as a server inside a running event loop."""

from typing import TYPE_CHECKING, Self

from aiohttp import web

from .clock import Clock
from .cloud import Cloud
from .control import control_app
from .page_files import page_routes
from .vendor_api import VendorApi

if TYPE_CHECKING:
    from types import TracebackType

# Held requests and the page's feed would else hold up the end.
_SHUTDOWN_SECONDS = 0.05


class Simulator:
    """A GREEN-API cloud on one port: vendor API, control API and page.

    ``async with Simulator() as sim:`` gives ``sim.url`` and ``sim.cloud``, and
    leaves no task, timer or thread behind.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        speed: float = 1.0,
        clock: Clock | None = None,
        log_size: int = 2000,
    ) -> None:
        """Serve on this address; port 0 picks a free one at the start.

        The clock replaces one of this speed. The request log keeps the newest
        ``log_size`` requests.
        """
        self.host = host
        self.port = port
        self.cloud = Cloud(clock or Clock(speed), log_size=log_size)
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Return the address without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def __aenter__(self) -> Self:
        """Start to serve. Raises OSError when the address cannot be had."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop serving, and every timer and task."""
        await self.stop()
        self.cloud.close()
        await self.cloud.wait_closed()

    async def start(self) -> None:
        """Serve, after a stop on the same port. Raises OSError."""
        if self._runner:
            return
        app = web.Application()
        app.add_subapp("/control/", control_app(self.cloud))
        app.add_routes(VendorApi(self.cloud).routes())
        app.add_routes(page_routes())
        # No access log: every path holds a token.
        runner = web.AppRunner(
            app,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self.host, self.port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Refuse connections and cut those that are open; the cloud lives on."""
        if self._runner:
            runner, self._runner = self._runner, None
            await runner.cleanup()
