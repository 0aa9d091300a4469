"""Waiting for changes."""

import asyncio

from simulator.changes import Changes


async def test_a_waiter_wakes_at_the_next_change() -> None:
    changes = Changes()
    async with asyncio.TaskGroup() as group:
        waiters = [group.create_task(changes.wait()) for _ in range(2)]
        await asyncio.sleep(0)
        changes.notify()
    assert [waiter.result() for waiter in waiters] == [1, 1]


async def test_a_change_that_was_missed_is_told_at_once() -> None:
    changes = Changes()
    seen = changes.revision
    changes.notify()
    changes.notify()
    assert await changes.wait(seen) == 2


def test_a_change_is_one_of_the_parent_too() -> None:
    parent = Changes()
    Changes(parent).notify()
    assert parent.revision == 1


async def test_a_waiter_that_gave_up_does_no_harm() -> None:
    changes = Changes()
    waiter = asyncio.create_task(changes.wait())
    await asyncio.sleep(0)
    waiter.cancel()
    changes.notify()
    await asyncio.gather(waiter, return_exceptions=True)
    assert waiter.cancelled()
