"""How often callers may ask, and how much may be in work."""

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from worlds.node import World, penalties, penalty, uscc
from worlds.node_app import TOKEN, app_of, client_of

from ledger.api import rate_limits
from ledger.api.problems import ApiProblem
from ledger.api.rate_limits import (
    ANYONE,
    Allowance,
    RateLimits,
    RequestLimits,
    client_network,
)

LOOKUP = {"subjects": [uscc(5)]}


class Ticking:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def limited(world: World, **limits: int) -> httpx.AsyncClient:
    return client_of(app_of(world, limits=RequestLimits(**limits)))


def left(answer: httpx.Response) -> tuple[str, int, int]:
    """Share, what is left and when it is full again."""
    match = re.fullmatch(r'"(\w+)";r=(\d+);t=(\d+)', answer.headers["ratelimit"])
    assert match is not None
    return match[1], int(match[2]), int(match[3])


def test_allowance_takes_a_full_bucket_at_once_and_fills_evenly() -> None:
    clock = Ticking()
    allowance = Allowance(ANYONE, 60, clock)
    for _ in range(60):
        allowance.charge()
    with pytest.raises(ApiProblem) as refused:
        allowance.charge()
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "1")
    clock.now += 1
    allowance.charge()
    clock.now += 1000
    assert allowance.headers()["RateLimit"] == '"anyone";r=60;t=0'


@pytest.mark.parametrize(("cost", "wait_s"), [(1, "1"), (10, "10"), (60, "60"), (10_000, "60")])
def test_allowance_says_how_long_to_wait_for_what_it_costs(cost: int, wait_s: str) -> None:
    clock = Ticking()
    allowance = Allowance(ANYONE, 60, clock)
    allowance.charge(60)
    with pytest.raises(ApiProblem) as refused:
        allowance.charge(cost)
    assert refused.value.headers["Retry-After"] == wait_s
    clock.now += int(wait_s)
    allowance.charge(cost)


def test_allowance_refused_requests_cost_nothing() -> None:
    clock = Ticking()
    allowance = Allowance(ANYONE, 2, clock)
    allowance.charge(2)
    for _ in range(50):
        with pytest.raises(ApiProblem):
            allowance.charge()
    clock.now += 30
    allowance.charge()


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::1", "::/64"),
        ("not:an:address", "unknown"),
        ("", ""),
    ],
)
def test_client_network_is_the_address_or_the_64_of_ipv6(host: str, network: str) -> None:
    assert client_network({"client": (host, 1)}) == network


def test_client_network_without_a_client_is_one_for_all() -> None:
    assert client_network({"client": None}) == client_network({}) == "unknown"


def scope_of(host: str, path: str = "/v1/lookups", token: str | None = None) -> dict[str, Any]:
    headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
    return {"client": (host, 1), "path": path, "headers": headers}


def test_rate_limits_remember_a_bounded_number_of_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rate_limits, "MAX_ADDRESSES", 10)
    limits = RateLimits(RequestLimits(anyone=1), b"")
    first = limits.allowance(scope_of("10.0.0.1"))
    assert first is not None
    first.charge()
    for number in range(2, 11):
        limits.allowance(scope_of(f"10.0.0.{number}"))
        # Whoever keeps asking is kept: a crowd of others does not give them a fresh bucket.
        assert limits.allowance(scope_of("10.0.0.1")) is first
    for number in range(100):
        limits.allowance(scope_of(f"10.0.1.{number}"))
    assert limits.allowance(scope_of("10.0.0.1")) is not first
    assert len(limits._known[ANYONE]) == 10


def test_rate_limits_zero_is_without_limit() -> None:
    limits = RateLimits(RequestLimits(anyone=0), b"")
    assert limits.allowance(scope_of("10.0.0.1")) is None
    assert limits.allowance(scope_of("10.0.0.1", "/v1/answers")) is not None


async def test_lookup_over_the_quota_answers_429_and_when_to_try_again(world: World) -> None:
    async with limited(world, anyone=3) as client:
        for remaining in (2, 1, 0):
            answer = await client.post("/v1/lookups", json=LOOKUP)
            assert answer.status_code == 200
            assert answer.headers["ratelimit-policy"] == '"anyone";q=3;w=60'
            assert left(answer)[:2] == ("anyone", remaining)
        answer = await client.post("/v1/lookups", json=LOOKUP)
        assert (answer.status_code, answer.json()["code"]) == (429, "rate-limited")
        assert 1 <= int(answer.headers["retry-after"]) <= 20
        assert left(answer)[1] == 0


async def test_rate_limit_counts_what_reaches_no_operation_and_what_is_refused(
    world: World,
) -> None:
    async with limited(world, anyone=4) as client:
        await client.get("/nowhere")
        await client.delete("/v1/lookups")
        await client.post("/v1/lookups", content=b"{")
        await client.get("/v1/status", headers={"Authorization": "Bearer wrong"})
        for path in ("/nowhere", "/version", "/v1/status", "/metrics", "/v1/trust-root"):
            assert (await client.get(path)).status_code == 429


async def test_rate_limit_many_questions_count_as_many_requests(world: World) -> None:
    async with limited(world, anyone=12) as client:
        subjects = [uscc(number) for number in range(1, 51)]
        answer = await client.post(
            "/v1/lookups", json={"subjects": subjects, "regions": ["310000"]}
        )
        assert (answer.status_code, left(answer)[1]) == (200, 2)  # 100 questions
        answer = await client.post("/v1/lookups", json={"subjects": subjects[:20]})
        assert answer.status_code == 429
        assert (await client.post("/v1/lookups", json=LOOKUP)).status_code == 200


async def test_rate_limit_shares_do_not_touch_each_other(world: World) -> None:
    questions = {"questions": [{"subject": uscc(5), "record_type": "cf"}]}
    token = {"Authorization": f"Bearer {TOKEN}"}
    async with limited(world, anyone=1, regions=2, operator=3) as client:
        await client.get("/version")
        assert (await client.get("/version")).status_code == 429
        for _ in range(2):
            answer = await client.post("/v1/answers", json=questions)
            assert (answer.status_code, left(answer)[0]) == (200, "regions")
        assert (await client.post("/v1/answers", json=questions)).status_code == 429
        for _ in range(3):
            answer = await client.get("/v1/status", headers=token)
            assert (answer.status_code, left(answer)[0]) == (200, "operator")
        assert (await client.get("/v1/status", headers=token)).status_code == 429


async def test_rate_limit_probes_and_the_operators_metrics_are_not_counted(world: World) -> None:
    token = {"Authorization": f"Bearer {TOKEN}"}
    async with limited(world, anyone=1, operator=1) as client:
        for _ in range(5):
            assert (await client.get("/livez")).status_code == 200
            assert (await client.get("/readyz")).status_code == 200
            answer = await client.get("/metrics", headers=token)
            assert answer.status_code == 200
            assert "ratelimit" not in answer.headers


async def test_lookup_without_a_place_answers_503_and_answers_keep_theirs(world: World) -> None:
    app = app_of(world, limits=RequestLimits(anyone=0, lookups_at_once=1))
    questions = {"questions": [{"subject": uscc(5), "record_type": "cf"}]}
    async with client_of(app) as client:
        with app.state.in_work.lookups.place():
            answer = await client.post("/v1/lookups", json=LOOKUP)
            assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
            assert answer.headers["retry-after"] == "1"
            assert (await client.post("/v1/answers", json=questions)).status_code == 200
        assert (await client.post("/v1/lookups", json=LOOKUP)).status_code == 200


async def test_publish_files_beyond_the_places_answer_503_without_reading_them(
    world: World,
) -> None:
    app = app_of(world, limits=RequestLimits(operator=0, files_at_once=1))
    headers = {"Content-Type": "text/csv"}
    sent = 0

    async def endless():  # type: ignore[no-untyped-def]
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 65_536

    async with client_of(app, token=TOKEN) as client:
        with app.state.in_work.files.place():
            answer = await client.post("/v1/batches", content=endless(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    assert sent <= 1


async def test_publish_key_of_a_request_in_flight_answers_409(world: World) -> None:
    app = app_of(world)
    headers = {"Content-Type": "text/csv", "Idempotency-Key": "in-flight"}
    content = penalties(penalty(3001))
    async with client_of(app, token=TOKEN) as client:
        async with app.state.in_work.one_file:
            first = asyncio.create_task(
                client.post("/v1/batches", content=content, headers=headers)
            )
            while not app.state.in_work.files.taken:
                await asyncio.sleep(0)
            second = await client.post("/v1/batches", content=content, headers=headers)
        assert (second.status_code, second.json()["code"]) == (409, "request-in-flight")
        assert second.headers["retry-after"] == "1"
        assert (await first).status_code == 202
        third = await client.post("/v1/batches", content=content, headers=headers)
        assert third.json()["id"] == (await first).json()["id"]


async def test_stopping_node_refuses_everything_but_probes(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.settle()
    app = app_of(world)
    async with client_of(app, token=TOKEN) as client:
        assert (await client.get("/readyz")).status_code == 200
        app.state.in_work.is_stopping = True
        for method, path in (("POST", "/v1/lookups"), ("GET", "/v1/status"), ("GET", "/nowhere")):
            answer = await client.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (503, "stopping")
            assert answer.headers["connection"] == "close"
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/metrics")).status_code == 200
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["detail"]) == (503, "stopping")
    world.kill()


async def test_rate_limit_hammering_is_logged_once_and_counted_each_time(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    app = app_of(world, limits=RequestLimits(anyone=1))
    async with client_of(app) as client:
        for _ in range(20):
            await client.get("/version")
    assert capsys.readouterr().out.count("rate-limited") == 1
    refused = b'credit_ledger_http_refused_total{code="rate-limited"} 19.0'
    assert refused in app.state.context.metrics.text()
