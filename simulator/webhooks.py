"""Send notifications to the webhooks of the instances."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping

    from .clock import Clock

_ANSWER_SECONDS = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookResult:
    """How one try to deliver a notification ended."""

    receipt_id: int
    at: float
    """The end of the try in the clock's seconds."""
    status: int | None = None
    """What the webhook answered; None: it did not."""
    problem: str | None = None
    """Why there was no answer; never holds the webhook's URL or token."""

    @property
    def ok(self) -> bool:
        """Tell whether it was delivered, which only 200 says."""
        return self.status == HTTPStatus.OK


class Webhooks:
    """The cloud's way out to the webhooks of all its instances.

    ``close`` must be awaited once something was sent.
    """

    def __init__(self, clock: Clock) -> None:
        """Wait by this clock."""
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def start(
        self, work: Callable[[], Coroutine[None, None, None]]
    ) -> asyncio.Task[None]:
        """Do the work in a task that ``close`` ends."""
        task = asyncio.get_running_loop().create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def post(
        self, url: str, token: str, receipt_id: int, body: Mapping[str, object]
    ) -> WebhookResult:
        """Try once to deliver a notification; never raises what the network does."""
        status, problem = None, None
        try:
            async with time_limit(self._clock, _ANSWER_SECONDS):
                status = await self._send(url, token, body)
        except TimeoutError:
            problem = f"no answer within {_ANSWER_SECONDS} s"
        except aiohttp.ClientError, ValueError:
            # ValueError: a token that cannot stand in a header.
            problem = "not reached"
        return WebhookResult(
            receipt_id=receipt_id,
            at=self._clock.now(),
            status=status,
            problem=problem,
        )

    async def close(self) -> None:
        """End every task and close every connection."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session:
            await self._session.close()
            self._session = None

    async def _send(self, url: str, token: str, body: Mapping[str, object]) -> int:
        session = self._session or self._open_session()
        # A redirect is no delivery: only 200 is.
        async with session.post(
            url, json=body, headers=_headers(token), allow_redirects=False
        ) as answer:
            return answer.status

    def _open_session(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            # A kept connection would fail the first try after a webhook's restart.
            connector=aiohttp.TCPConnector(force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            # The clock bounds the try.
            timeout=aiohttp.ClientTimeout(total=None),
        )
        return self._session


@asynccontextmanager
async def time_limit(clock: Clock, seconds: float) -> AsyncGenerator[None]:
    """Raise TimeoutError when the body takes longer, by this clock."""
    now = asyncio.get_running_loop().time
    async with asyncio.timeout(None) as limit:
        handle = clock.call_later(seconds, lambda: limit.reschedule(now()))
        try:
            yield
        finally:
            handle.cancel()


def _headers(token: str) -> dict[str, str]:
    if not token:
        return {}
    # A token that names its own scheme holds a blank; others get Bearer.
    return {"Authorization": token if " " in token else f"Bearer {token}"}
