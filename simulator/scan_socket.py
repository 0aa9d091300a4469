"""The WebSocket scanqrcode: codes pushed as they are renewed."""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
import json
from typing import TYPE_CHECKING

from aiohttp import web

from .errors import RefusedError, RejectedError
from .fault_answers import cut
from .faults import FrameFault, SocketClose
from .frames import faulty_frame
from .instance import ScanText
from .messenger import State
from .qr_answers import answer_without_code

if TYPE_CHECKING:
    from .cloud import Cloud
    from .instance import Instance
    from .request_log import Request

_METHOD = "scanqrcode"
_SCAN_SECONDS = 100.0
# A client that does not answer a close frame holds nobody up.
_CLOSE_SECONDS = 1.0
_ABNORMAL = 1006
# An address that belongs to nobody.
_PROXY = "192.0.2.44"
_END_WORDS = {ScanText.OLDER: "timeout", ScanText.NEWER: "timeoutExpired"}


class ScanSockets:
    """The open sockets, one an instance."""

    def __init__(self, cloud: Cloud) -> None:
        """Serve this cloud's instances."""
        self._cloud = cloud
        self._sessions: dict[str, _Session] = {}

    async def serve(
        self, request: web.Request, instance: Instance, record: Request
    ) -> web.WebSocketResponse:
        """Hold a socket until its end; a second one ends the first.

        Raises RefusedError for a request that is no WebSocket handshake.
        """
        socket = web.WebSocketResponse(timeout=_CLOSE_SECONDS)
        if not socket.can_prepare(request):
            # Not documented, as is what becomes of the first socket.
            raise RefusedError(HTTPStatus.BAD_REQUEST, "no WebSocket handshake")
        await socket.prepare(request)
        record.status = HTTPStatus.SWITCHING_PROTOCOLS
        session = _Session(self._cloud, instance, request, socket, record)
        if before := self._sessions.get(instance.id_instance):
            before.end()
        self._sessions[instance.id_instance] = session
        try:
            with instance.asking():
                await session.run()
        finally:
            if self._sessions.get(instance.id_instance) is session:
                del self._sessions[instance.id_instance]
        return socket


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """What a session has to do now."""

    frame: dict[str, object] | None = None
    last: bool = False


class _Session:
    """One socket from its handshake to its end."""

    def __init__(
        self,
        cloud: Cloud,
        instance: Instance,
        request: web.Request,
        socket: web.WebSocketResponse,
        record: Request,
    ) -> None:
        self._cloud = cloud
        self._instance = instance
        self._request = request
        self._socket = socket
        self._record = record
        self._ended = False
        self._timed_out = False
        self._began = False
        """The instance was notAuthorized at some time."""
        self._shown = 0
        """The number of the code in the newest frame."""
        self._frames = 0

    def end(self) -> None:
        """Close the socket without a word."""
        self._ended = True
        self._cloud.changed.notify()

    async def run(self) -> None:
        """Send what is due until the end."""
        timer = self._cloud.clock.call_later(_SCAN_SECONDS, self._time_out)
        reader = asyncio.get_running_loop().create_task(self._read())
        try:
            await self._talk()
        except ConnectionError:
            # The client has gone without a word.
            pass
        finally:
            timer.cancel()
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    def _time_out(self) -> None:
        self._timed_out = True
        self._cloud.changed.notify()

    async def _read(self) -> None:
        # The client has nothing to say but to close.
        async for _message in self._socket:
            pass
        self.end()

    async def _talk(self) -> None:
        changed = self._cloud.changed
        while not self._ended and not self._instance.closed:
            revision = changed.revision
            if fault := self._take_close():
                await self._close(fault.code)
                return
            due = self._find_due()
            if due.frame is not None:
                await self._send(due.frame)
            if due.last:
                break
            if due.frame is None:
                await changed.wait(revision)
        await self._close()

    def _find_due(self) -> _Due:
        instance = self._instance
        if self._timed_out:
            word = _END_WORDS[instance.scan_text]
            return _Due(frame={"type": word, "message": word}, last=True)
        match instance.state:
            case State.NOT_AUTHORIZED if not instance.stale_credentials:
                self._began = True
                return _Due(frame=self._find_code())
            case State.STARTING if self._began:
                return _Due()
            case State.AUTHORIZED if self._began:
                return _Due(frame=self._account_data(), last=True)
        return _Due(frame=self._refusal(), last=True)

    def _find_code(self) -> dict[str, object] | None:
        code = self._instance.code
        if code is None or code.number == self._shown:
            return None
        self._shown = code.number
        return {"type": "qrCode", "message": code.base64}

    def _account_data(self) -> dict[str, object] | None:
        instance = self._instance
        if instance.scan_text is ScanText.OLDER:
            # That text names the type, but nothing that would stand in it.
            return None
        return {
            "type": "accountData",
            "wid": instance.account.wid,
            "pushname": instance.account.name,
            "proxy": _PROXY,
            "webhookUrl": instance.settings.webhookUrl,
        }

    def _refusal(self) -> dict[str, object]:
        try:
            return answer_without_code(self._instance)
        except RejectedError as error:
            return {"type": "error", "message": str(error)}

    async def _send(self, frame: dict[str, object]) -> None:
        self._frames += 1
        where = self._instance.id_instance, _METHOD
        if fault := self._cloud.faults.take((FrameFault,), *where):
            self._record.fault = fault.kind
            data = faulty_frame(fault)
        else:
            data = json.dumps(frame)
        if isinstance(data, bytes):
            await self._socket.send_bytes(data)
        else:
            await self._socket.send_str(data)

    def _take_close(self) -> SocketClose | None:
        fault = self._cloud.faults.take(
            (SocketClose,),
            self._instance.id_instance,
            _METHOD,
            lambda fault: fault.after_frames <= self._frames,
        )
        if fault:
            self._record.fault = fault.kind
        return fault

    async def _close(self, code: int = 1000) -> None:
        if code == _ABNORMAL:
            cut(self._request)
        else:
            await self._socket.close(code=code)
