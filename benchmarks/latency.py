"""How long until an automation acts, by each way in which a change becomes known."""

import argparse
import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
import random
from typing import Final

from demo.command import chosen_environment
from demo.console import progress, say
from demo.instances import DemoInstance
from demo.waiting import until

from .arguments import (
    add_common,
    add_repeat,
    not_negative,
    positive,
)
from .home import Home, Plan, open_home
from .push import choose_push, set_external_url
from .table import NUMBERS, Table, numbers

SUMMARY: Final = "from the phone's scan to the automation's action, by each way"

_AUTHORIZED: Final = "authorized"
_LOST: Final = "authorization_lost"

# What an option says in minutes. Nobody is to wait long until no login is open any
# more, and within it there is time for a first code.
_SHORT_WINDOW: Final = 0.1

# The rhythm in which the state is asked for while a login is open, with some room.
_LOGIN_POLL: Final = 3.0
_LAST_LOGIN_POLL: Final = 5.0

# Until the closer look after a restart of the instance is over.
_SETTLING: Final = 70.0

# What anything may take that is not polled for.
_PATIENCE: Final = 60.0

# Codes are asked for by login windows of five minutes at most.
_LONGEST_LOGIN: Final = 120.0


_HEAD: Final = ("what", "way", *NUMBERS, "requests a minute")


@dataclass(kw_only=True)
class Row:
    """What was measured of one way."""

    what: str
    way: str
    seconds: list[float] = field(default_factory=list)
    requests: float | None = None
    """In a minute; None where they were not counted."""

    @property
    def cells(self) -> tuple[str, ...]:
        """Return what stands in the table."""
        requests = "-" if self.requests is None else f"{self.requests:.1f}"
        return self.what, self.way, *numbers(self.seconds, 2), requests


@dataclass(frozen=True, kw_only=True)
class Login:
    """A way to hear of a scan while the QR is shown here."""

    name: str
    id_instance: str
    messenger: str
    socket: bool = True
    """Whether the cloud gives codes by WebSocket, where the messenger has that."""


@dataclass(frozen=True, kw_only=True)
class Rest:
    """A way to hear of a change while no login is open."""

    name: str
    push: str
    prefix: str
    """With which the ids of its instances begin."""


_LOGINS: Final = (
    Login(name="WebSocket login", id_instance="1101000001", messenger="whatsapp"),
    Login(
        name="HTTP login, WhatsApp without WebSocket",
        id_instance="1101000002",
        messenger="whatsapp",
        socket=False,
    ),
    Login(name="HTTP login, Telegram", id_instance="4100000001", messenger="telegram"),
)

_RESTS: Final = (
    Rest(name="webhook", push="webhook", prefix="1102"),
    Rest(name="queue", push="queue", prefix="1103"),
    Rest(name="poll every {poll:g} s", push="off", prefix="1104"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen."""
    add_repeat(parser, "measurements of each way")
    add_common(parser)
    add = parser.add_argument
    add(
        "--poll",
        type=positive,
        default=60,
        metavar="SECONDS",
        help="the option that says how often the state is asked for"
        " (default: %(default)s)",
    )
    add(
        "--rest",
        type=not_negative,
        default=300,
        metavar="SECONDS",
        help="how long requests at rest are counted, 0 not to count them"
        " (default: %(default)s)",
    )


async def run(options: argparse.Namespace) -> None:
    """Measure, and print the table. Raises DemoError where something gets stuck."""
    plans = _plans(options.repeat, options.poll)
    folder = chosen_environment(options)
    async with open_home(folder, plans, (_AUTHORIZED, _LOST)) as home:
        rows = await _measure(home, options)
    say()
    table = Table(head=_HEAD, lines=[row.cells for row in rows], texts=2)
    say(table.as_markdown() if options.markdown else table.as_text())


def _plans(repeat: int, poll: int) -> Iterator[Plan]:
    """Yield an instance for each way of a login, and of the others one a measurement.

    What is polled for once a minute would take too long one after the other.
    """
    common = {"loss_grace": 0, "poll_interval": poll}
    for login in _LOGINS:
        yield Plan(
            id_instance=login.id_instance,
            messenger=login.messenger,
            state="notAuthorized",
            socket=login.socket,
            options=common,
        )
    for rest in _RESTS:
        for id_instance in _ids_of(rest, repeat):
            yield Plan(
                id_instance=id_instance,
                messenger="whatsapp",
                state="authorized",
                options={**common, "login_window": _SHORT_WINDOW},
            )


def _ids_of(rest: Rest, repeat: int) -> list[str]:
    return [f"{rest.prefix}{number:06d}" for number in range(1, repeat + 1)]


async def _measure(home: Home, options: argparse.Namespace) -> list[Row]:
    logins = [Row(what="linked by a QR shown here", way=way.name) for way in _LOGINS]
    names = [rest.name.format(poll=options.poll) for rest in _RESTS]
    linked = [Row(what="linked elsewhere", way=name) for name in names]
    lost = [Row(what="link lost", way=name) for name in names]
    try:
        async with asyncio.TaskGroup() as group:
            for login, row in zip(_LOGINS, logins, strict=True):
                group.create_task(_log_in(home, login, row, options))
            await _turn_on_push(home, options.repeat)
            if options.rest:
                await _count_at_rest(home, (lost, linked), options)
            for number, rest in enumerate(_RESTS):
                for id_instance in _ids_of(rest, options.repeat):
                    rows = (lost[number], linked[number])
                    group.create_task(_rest(home, id_instance, rows, options))
    except ExceptionGroup as failed:
        raise _first(failed) from None
    return [*logins, *linked, *lost]


def _first(error: Exception) -> Exception:
    return _first(error.exceptions[0]) if isinstance(error, ExceptionGroup) else error


async def _log_in(
    home: Home, login: Login, row: Row, options: argparse.Namespace
) -> None:
    """Scan what is shown, again and again; log out in between."""
    id_instance, client = login.id_instance, home.client
    instance = home.instances[id_instance]
    await _wait_for_code(home, instance)
    if options.rest:
        seconds = min(options.rest, _LONGEST_LOGIN)
        before = home.requests_of(id_instance)
        await asyncio.sleep(seconds)
        row.requests = (home.requests_of(id_instance) - before) / seconds * 60
    for _ in range(options.repeat):
        # A scan comes at any time between two polls.
        await asyncio.sleep(random.uniform(0, _LOGIN_POLL))  # noqa: S311  no secret
        await _wait_for_code(home, instance)
        scan = home.phone_of(id_instance).scan
        await _add(home, row, id_instance, _AUTHORIZED, scan, _PATIENCE)
        await client.wait_for_state(instance.sensor, "authorized", seconds=_PATIENCE)
        await client.act("green_api.logout", {"config_entry_id": instance.entry_id})
        await client.wait_for_state(
            instance.sensor, "not_authorized", seconds=_PATIENCE
        )


async def _wait_for_code(home: Home, instance: DemoInstance) -> None:
    await home.client.wait_for_state(
        instance.login_sensor, "showing", seconds=_PATIENCE
    )


async def _turn_on_push(home: Home, repeat: int) -> None:
    """Let the cloud tell by itself, where that is the way."""
    await set_external_url(home.client, home.url)
    pushes = [rest for rest in _RESTS if rest.push != "off"]
    for rest in pushes:
        say(f"Turning on: {rest.push}")
        for id_instance in _ids_of(rest, repeat):
            entry_id = home.instances[id_instance].entry_id
            await choose_push(home.client, entry_id, rest.push, loss_grace=0)
    for rest in pushes:
        for id_instance in _ids_of(rest, repeat):
            await _wait_for_push(home, rest, home.instances[id_instance])


async def _wait_for_push(home: Home, rest: Rest, instance: DemoInstance) -> None:
    """Wait until the cloud has restarted the instance, and somebody listens."""
    await home.phone_of(instance.id_instance).wait_for_state("authorized")
    await until(
        f"{instance.title} listens by {rest.push}",
        partial(_listens, home, rest, instance),
        seconds=_PATIENCE,
    )
    await home.client.wait_for_state(instance.sensor, "authorized", seconds=_PATIENCE)


async def _listens(home: Home, rest: Rest, instance: DemoInstance) -> bool | None:
    if rest.push == "webhook":
        listed = await home.client.call("webhook/list")
        return any(item["name"] == instance.title for item in listed) or None
    asked = home.simulator.cloud.log.wait_for_open(
        id_instance=instance.id_instance, method="receiveNotification"
    )
    return bool(await asked)


async def _count_at_rest(
    home: Home, tables: Iterable[list[Row]], options: argparse.Namespace
) -> None:
    """Count requests while all are linked and nothing happens."""
    async with progress(f"Counting the requests at rest, for {options.rest} s"):
        await asyncio.sleep(_SETTLING)
        ids = [_ids_of(rest, options.repeat) for rest in _RESTS]
        before = [sum(map(home.requests_of, of)) for of in ids]
        await asyncio.sleep(options.rest)
        minutes = options.rest / 60 * options.repeat
        for number, of in enumerate(ids):
            count = sum(map(home.requests_of, of)) - before[number]
            for rows in tables:
                rows[number].requests = count / minutes


async def _rest(
    home: Home, id_instance: str, rows: tuple[Row, Row], options: argparse.Namespace
) -> None:
    """Unlink an instance at any time, and link it when no login is open any more."""
    lost, linked = rows
    phone = home.phone_of(id_instance)
    limit = options.poll + _PATIENCE
    await asyncio.sleep(random.uniform(0, options.poll))  # noqa: S311  no secret
    await _add(home, lost, id_instance, _LOST, phone.unlink, limit)
    login = home.instances[id_instance].login_sensor
    await home.client.wait_for_state(login, "expired", seconds=_PATIENCE)
    await asyncio.sleep(_LAST_LOGIN_POLL)
    await asyncio.sleep(random.uniform(0, options.poll))  # noqa: S311  no secret
    await _add(home, linked, id_instance, _AUTHORIZED, phone.authorize, limit)


async def _add(  # noqa: PLR0913, PLR0917  all of a measurement
    home: Home,
    row: Row,
    id_instance: str,
    moment: str,
    act: Callable[[], None],
    limit: float,
) -> None:
    seconds = await home.measure(id_instance, moment, act, limit=limit)
    row.seconds.append(seconds)
    say(f"  {seconds:6.2f} s  {row.what}: {row.way}")
