"""What the node tells Prometheus: names, labels and values that follow what happens."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from worlds.node import World, change, changes, penalties, penalty, uscc
from worlds.node_app import TOKEN, app_of, client_of

from ledger.api import metrics as metrics_module

CSV = {"Content-Type": "text/csv"}
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

WORDS = re.compile(r"[a-z0-9_:+./{}-]*", re.IGNORECASE)


@pytest.fixture
def fresh(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
async def client(fresh: World) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app_of(fresh), token=TOKEN) as client:
        yield client
    fresh.kill()


async def samples(client: httpx.AsyncClient) -> Samples:
    answer = await client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    return found[f"credit_ledger_{name}", frozenset(labels.items())]


async def test_metrics_every_name_has_the_prefix_and_every_label_is_a_word(
    client: httpx.AsyncClient, fresh: World
) -> None:
    await client.post("/v1/batches", content=penalties(penalty(1)), headers=CSV)
    fresh.settle()
    await client.post("/v1/lookups", json={"subjects": [uscc(1)]})
    found = await samples(client)
    assert len(found) > 60
    for name, labels in found:
        assert name.startswith("credit_ledger_")
        for _label, text in labels:
            assert WORDS.fullmatch(text), (name, text)


async def test_metrics_count_rows_and_published_records(
    client: httpx.AsyncClient, fresh: World
) -> None:
    bad = penalty(3).replace(uscc(3), "")
    content = penalties(penalty(1), penalty(2), bad, penalty(1))
    await client.post("/v1/batches", content=content, headers=CSV)
    found = await samples(client)
    for outcome, count in (("accepted", 2), ("rejected", 1), ("unchanged", 1), ("skipped", 0)):
        assert value(found, "rows_total", region="310000", outcome=outcome) == count
    assert value(found, "records_published_total", region="310000") == 2


async def test_metrics_publish_latency_is_from_acceptance_to_confirmed(
    client: httpx.AsyncClient, fresh: World
) -> None:
    fresh.publish(penalties(penalty(1)))
    fresh.settle()
    await samples(client)  # what was served before is seen, and not counted
    await client.post("/v1/batches", content=penalties(penalty(2), penalty(3)), headers=CSV)
    for _ in range(12):
        fresh.tick(1)
        await samples(client)
    found = await samples(client)
    count = value(found, "publish_latency_seconds_count", stream="records")
    mean = value(found, "publish_latency_seconds_sum", stream="records") / count
    assert count == 2
    assert 1 <= mean <= 12


async def test_metrics_gauges_follow_the_node(client: httpx.AsyncClient, fresh: World) -> None:
    found = await samples(client)
    assert value(found, "ready") == 0
    fresh.publish(penalties(penalty(1)))
    fresh.settle()
    found = await samples(client)
    assert value(found, "ready") == 1
    assert value(found, "chain_up") == 1
    assert value(found, "outbox_depth") == 0
    assert value(found, "size", stream="records") == 2
    assert value(found, "served_size", stream="records") == 2
    assert value(found, "pending", stream="records") == 0
    assert 0 <= value(found, "chain_head_age_seconds") <= 2
    assert 0 <= value(found, "blocks_behind", stream="records") <= 3
    fresh.publish(penalties(penalty(2)))
    found = await samples(client)
    assert value(found, "pending", stream="records") == 1


async def test_metrics_outbox_shows_a_head_that_does_not_arrive(
    client: httpx.AsyncClient, fresh: World
) -> None:
    fresh.publish(penalties(penalty(1)))
    fresh.settle()
    fresh.publish(penalties(penalty(2)))
    for _ in range(6):
        fresh.worker.run_once()  # no block is mined
        fresh.clock.advance(5)
    found = await samples(client)
    assert value(found, "outbox_depth") == 1
    assert value(found, "outbox_oldest_seconds") >= 5
    fresh.chain.is_down = True
    fresh.tick(10)
    found = await samples(client)
    assert value(found, "chain_up") == 0
    assert value(found, "ready") == 1  # what is served is proved without the chain
    assert value(found, "step_failures", step="anchoring:records") >= 1


async def test_metrics_lookups_are_counted_by_result(
    client: httpx.AsyncClient, fresh: World
) -> None:
    fresh.publish(penalties(penalty(1), penalty(2)))
    fresh.settle()
    fresh.publish(changes(change(2)))
    questions = [{"subject": uscc(n), "record_type": "cf"} for n in (1, 2, 3)]
    questions.append({"subject": uscc(1), "record_type": "tax"})
    await client.post("/v1/answers", json={"questions": questions})
    asked = {"subjects": [uscc(1), uscc(3)], "record_types": ["cf"]}
    await client.post("/v1/lookups", json=asked)
    found = await samples(client)
    for result, code in (
        ("records", "ok"),
        ("none", "ok"),
        ("pending", "change-not-anchored"),
        ("refused", "not-covered"),
    ):
        assert value(found, "lookups_total", asked="here", result=result, code=code) == 1
    assert value(found, "lookups_total", asked="all", result="records", code="ok") == 1
    assert value(found, "verify_total", region="310000", result="valid") == 2
    assert value(found, "region_up", region="310000") == 1


async def test_metrics_codes_beyond_the_limit_count_as_other(
    client: httpx.AsyncClient, fresh: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_module, "MAX_CODES", 1)
    fresh.settle()
    questions = [{"subject": uscc(1), "record_type": one} for one in ("cf", "tax", "tax2")]
    await client.post("/v1/answers", json={"questions": questions})
    found = await samples(client)
    assert value(found, "lookups_total", asked="here", result="refused", code="other") == 2


async def test_metrics_requests_are_counted_by_route_pattern(client: httpx.AsyncClient) -> None:
    for path in ("/v1/batches/1", "/v1/batches/2", "/v1/batches/3/rows", "/nowhere/1", "/x"):
        await client.get(path)
    await client.request("BREW", "/livez")
    found = await samples(client)

    def count(method: str, route: str, status: str) -> float:
        name = "http_request_duration_seconds_count"
        return value(found, name, method=method, route=route, status=status)

    assert count("GET", "/v1/batches/{batch_id}", "404") == 2
    assert count("GET", "/v1/batches/{batch_id}/rows", "404") == 1
    assert count("GET", "none", "404") == 2
    assert {dict(labels).get("method") for _name, labels in found} >= {"GET", "other"}
    assert "BREW" not in str(found)


async def test_metrics_refusals_for_now_are_counted_by_code(fresh: World) -> None:
    app = app_of(fresh)
    async with client_of(app, token=TOKEN) as client:
        app.state.in_work.is_stopping = True
        await client.get("/v1/status")
        found = await samples(client)
    assert value(found, "http_refused_total", code="stopping") == 1
    fresh.kill()
