"""A flood of one kind of request is refused early, and leaves the others alone."""

import asyncio
from types import MappingProxyType

import pytest

from devserver.gateway import Gateway
from devserver.lanes import Full, Lane, lanes


def test_a_lane_lets_in_so_many_and_keeps_so_many_waiting_in_order() -> None:
    async def run() -> None:
        lane, done, entered = Lane(2, 2, patience=60), asyncio.Event(), []

        async def call(number: int) -> int:
            async with lane.place():
                entered.append(number)
                await done.wait()
            return number

        calls = [asyncio.create_task(call(number)) for number in range(4)]
        async with asyncio.timeout(5):
            while len(entered) < 2:
                await asyncio.sleep(0)
        with pytest.raises(Full):
            await call(4)
        assert entered == [0, 1]
        done.set()
        assert await asyncio.gather(*calls) == entered == [0, 1, 2, 3]
        assert await call(5) == 5

    asyncio.run(run())


def test_patience_ends_and_leaves_no_place_taken() -> None:
    async def run() -> None:
        lane = Lane(1, 1, patience=0.01)
        async with lane.place():
            with pytest.raises(Full):
                async with lane.place():
                    pass
        for _ in range(3):
            async with lane.place():
                pass

    asyncio.run(run())


def test_a_flood_of_searches_is_503_with_retry_after_and_health_answers() -> None:
    class Slow:
        routes = MappingProxyType({"/health": {"GET": 0}, "/ai-models/search/{user_id}": {"GET": 0}})
        api = type("Api", (), {"binary_types": ()})

    async def run() -> None:
        gateway, store = Gateway(Slow(), 1000), asyncio.Event()

        async def answers(call, match):  # type: ignore[no-untyped-def]
            if match.resource != "/health":
                await store.wait()
            from devserver.gateway import _Answer

            return _Answer(200, [], b"{}")

        gateway._run = answers  # type: ignore[method-assign]

        async def ask(path: str) -> tuple[int, dict[bytes, bytes]]:
            sent = []

            async def receive() -> dict[str, object]:
                return {"type": "http.request", "body": b""}

            async def send(message) -> None:  # type: ignore[no-untyped-def]
                sent.append(message)

            scope = {
                "type": "http",
                "method": "GET",
                "raw_path": path.encode(),
                "query_string": b"",
                "headers": [(b"host", b"localhost")],
                "client": ("127.0.0.1", 1),
            }
            await gateway(scope, receive, send)
            return sent[0]["status"], dict(sent[0]["headers"])

        flood = [asyncio.create_task(ask("/ai-models/search/ana")) for _ in range(64)]
        refused, _ = await asyncio.wait(flood, timeout=1)
        assert len(refused) == 48
        assert {(task.result()[0], task.result()[1][b"retry-after"]) for task in refused} == {(503, b"2")}
        assert (await ask("/health"))[0] == 200
        store.set()
        statuses = [status for status, _ in await asyncio.gather(*flood)]
        assert statuses.count(200) == 16
        assert (await ask("/ai-models/search/ana"))[0] == 200

    asyncio.run(run())


def test_what_a_search_asks_has_its_own_lane() -> None:
    found = lanes()
    assert found.of("/ai-models/search/{user_id}") is found.of("/ai-models/{user_id}")
    assert found.of("/health") is not found.of("/ai-models/{user_id}/{model_id}")
