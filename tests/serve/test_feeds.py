"""Feeds over a gateway that a test plays: who gets what, how many polls there are, what is left when all have gone."""

from __future__ import annotations

import asyncio
import json

import pytest

from actors.hub import END, Event
from ktrdr.errors import InfrastructureError, KtrdrError, UnknownOperation
from serve.feeds import SENT_PER_S, Feeds, News, Watcher
from tests.fakes.house import run, until

ID = "train-1"
NOW_MS = 1000


class Source:
    """Long polls that are answered when the test says so; `known` is what there is already."""

    def __init__(self, *known: Event) -> None:
        self.known = list(known)
        self.polls: list[int] = []
        self.pauses_s: list[float] = []
        self.n_open = self.most_open = 0
        self._answer: asyncio.Future[list[Event]] = asyncio.get_running_loop().create_future()

    async def changes(self, operation_id: str, since: int, timeout_s: float) -> list[Event]:
        if operation_id != ID:
            raise UnknownOperation(operation_id)
        if timeout_s == 0:
            return [event for event in self.known if event.id > since]
        self.polls.append(since)
        self.n_open += 1
        self.most_open = max(self.most_open, self.n_open)
        try:
            return await asyncio.shield(self._answer)
        finally:
            self.n_open -= 1

    async def give(self, *events: Event) -> None:
        (await self._answered_poll()).set_result(list(events))
        await self._taken()

    async def fail(self, error: Exception) -> None:
        (await self._answered_poll()).set_exception(error)
        await self._taken()

    async def _answered_poll(self) -> asyncio.Future[list[Event]]:
        await until(lambda: self.n_open == 1)
        answer, self._answer = self._answer, asyncio.get_running_loop().create_future()
        self._n_polls = len(self.polls)
        return answer

    async def _taken(self) -> None:
        """Wait for the next poll, or for there being none."""
        await until(lambda: self.n_open == 0 or len(self.polls) > self._n_polls)

    async def pause(self, seconds: float) -> None:
        self.pauses_s.append(seconds)

    @property
    def feeds(self) -> Feeds:
        return Feeds(self.changes, lambda: NOW_MS, self.pause)


def progress(number: int) -> Event:
    return Event(number, "progress", {"sequence": number})


def state(number: int, status: str = "running") -> Event:
    return Event(number, "state", {"status": status})


def end(number: int) -> tuple[Event, Event]:
    return state(number, "completed"), Event(number + 1, END, {"status": "completed"})


async def all_of(watcher: Watcher) -> list[tuple[int, str]]:
    found = []
    while (news := await watcher.next()) is not None:
        found.append((news.id, news.event))
    return found


async def id_of_next(watcher: Watcher) -> int:
    news = await watcher.next()
    assert news is not None
    return news.id


def test_news_are_the_same_as_an_event_and_as_a_frame() -> None:
    news = News(7, "state", json.dumps({"status": "running", "status_reason": "two\nlines"}))
    lines = news.sse.decode().split("\r\n")
    assert lines[:2] == ["id: 7", "event: state"]
    data = json.loads(lines[2].removeprefix("data: "))
    assert json.loads(news.frame) == {"id": 7, "event": "state", "data": data}


def test_two_hundred_watchers_make_one_poll_at_a_time_and_all_see_everything() -> None:
    async def scene() -> None:
        source = Source(state(1))
        feeds = source.feeds

        async def watching() -> list[tuple[int, str]]:
            with feeds.watch(ID, 0) as watcher:
                return await all_of(watcher)

        watchers = [asyncio.create_task(watching()) for _ in range(200)]
        await source.give(progress(5))
        await source.give(progress(6))
        await source.give(*end(8))
        seen = await asyncio.gather(*watchers)
        assert all(found == [(1, "state"), (5, "progress"), (6, "progress"), (8, "state"), (9, END)] for found in seen)
        assert source.polls == [1, 5, 6]
        assert source.most_open == 1
        assert source.pauses_s[-1] == 200 / SENT_PER_S  # the more watch, the less often each is told

    run(scene)


def test_a_latecomer_gets_what_is_newest_at_once_and_no_backlog() -> None:
    async def scene() -> None:
        source = Source(progress(1), state(2))
        feeds = source.feeds
        with feeds.watch(ID, 0) as first:
            assert [await id_of_next(first), await id_of_next(first)] == [1, 2]
            for number in (3, 4, 5):
                await source.give(progress(number))
            with feeds.watch(ID, 0) as late:
                assert [await id_of_next(late), await id_of_next(late)] == [2, 5]
            assert source.most_open == 1

    run(scene)


def test_a_slow_watcher_finds_the_newest_and_holds_up_nobody() -> None:
    async def scene() -> None:
        source = Source()
        feeds = source.feeds
        with feeds.watch(ID, 0) as quick, feeds.watch(ID, 0) as slow:
            for number in range(1, 51):
                waiting = asyncio.create_task(id_of_next(quick))
                await source.give(progress(number))
                assert await waiting == number
                if number == 1:
                    assert await id_of_next(slow) == 1
            assert await id_of_next(slow) == 50

    run(scene)


def test_a_watcher_goes_on_behind_the_last_id_it_has_seen() -> None:
    async def scene() -> None:
        source = Source(state(3), progress(7))
        feeds = source.feeds
        for last_id, first in ((0, 3), (3, 7), (6, 7)):
            with feeds.watch(ID, last_id) as watcher:
                assert await id_of_next(watcher) == first
        with feeds.watch(ID, 9) as ahead:  # of what this process knows yet: another one has told it
            waiting = asyncio.create_task(id_of_next(ahead))
            await source.give(progress(9))
            await source.give(progress(10))
            assert await waiting == 10

    run(scene)


def test_an_id_from_the_future_counts_as_the_newest() -> None:
    async def scene() -> None:
        source = Source(state(3), progress(7))
        with source.feeds.watch(ID, 10**17) as watcher:
            waiting = asyncio.create_task(id_of_next(watcher))
            await source.give(progress(8))
            assert await waiting == 8

    run(scene)


@pytest.mark.parametrize(("last_id", "ids"), [(0, [8, 9]), (8, [9, 10]), (10**17, [10**17 + 1, 10**17 + 2])])
def test_an_ended_operation_replays_its_state_and_ends_with_ids_that_rise(last_id: int, ids: list[int]) -> None:
    async def scene() -> None:
        source = Source()
        source.known = list(end(8))
        source.changes = lambda *_: asyncio.sleep(0, list(end(8)))  # type: ignore[method-assign, assignment]
        with source.feeds.watch(ID, last_id) as watcher:
            assert await all_of(watcher) == list(zip(ids, ["state", END], strict=True))

    run(scene)


def test_an_operation_that_was_resumed_since_is_asked_for_again() -> None:
    async def scene() -> None:
        source = Source()
        feeds = source.feeds
        with feeds.watch(ID, 0) as slow:
            await source.give(*end(8))
            await until(lambda: feeds._feeds[ID].is_over)
            source.known = [state(20, "pending")]
            with feeds.watch(ID, 9) as resumed:
                assert await id_of_next(resumed) == 20
                assert await all_of(slow) == [(8, "state"), (9, END)]

    run(scene)


def test_the_last_who_goes_away_leaves_nothing_running() -> None:
    async def scene() -> None:
        source = Source()
        feeds = source.feeds

        async def watching() -> None:
            with feeds.watch(ID, 0) as watcher:
                await watcher.next()

        first, second = asyncio.create_task(watching()), asyncio.create_task(watching())
        await until(lambda: source.n_open == 1)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert source.n_open == 1
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        await until(lambda: source.n_open == 0)
        assert feeds._feeds == {}
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("feed")]

    run(scene)


def test_where_the_service_cannot_be_asked_any_more_the_news_end_without_an_end() -> None:
    async def scene() -> None:
        source = Source(progress(1))
        feeds = source.feeds
        with feeds.watch(ID, 0) as watcher:
            waiting = asyncio.create_task(all_of(watcher))
            await source.fail(InfrastructureError("The operations actor does not answer."))
            assert await waiting == [(1, "progress")]
            source.known = [progress(2)]
            with feeds.watch(ID, 1) as again:
                assert await id_of_next(again) == 2

    run(scene)


def test_a_defect_is_every_watchers() -> None:
    async def scene() -> None:
        source = Source()
        feeds = source.feeds
        with feeds.watch(ID, 0) as one, feeds.watch(ID, 0) as other:
            waiting = [asyncio.create_task(watcher.next()) for watcher in (one, other)]
            await source.fail(ZeroDivisionError("a defect"))
            for ended in await asyncio.gather(*waiting, return_exceptions=True):
                assert isinstance(ended, ZeroDivisionError)

    run(scene)


def test_an_unknown_operation_is_known_before_its_stream_begins() -> None:
    async def scene() -> None:
        source = Source()
        feeds = source.feeds
        await feeds.check(ID)
        with pytest.raises(UnknownOperation):
            await feeds.check("train-nope")
        assert issubclass(UnknownOperation, KtrdrError)

    run(scene)
