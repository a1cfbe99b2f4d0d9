from pathlib import Path

import httpx
import pytest
from worlds.node import World, changes, penalties, penalty, uscc
from worlds.node_app import TOKEN, app_of, client_of

CSV = {"Content-Type": "text/csv"}


async def test_publish_answers_202_with_location_and_report(
    operator: httpx.AsyncClient, world: World
) -> None:
    answer = await operator.post("/v1/batches", content=penalties(penalty(10)), headers=CSV)
    body = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/batches/{body['id']}"
    assert body == {
        "id": body["id"],
        "source_name": "upload.csv",
        "kind": "records",
        "record_type": "cf",
        "received_at": f"{world.clock.now():%Y-%m-%dT%H:%M:%SZ}",
        "ignored_columns": [],
        "mode": "publish",
        "rows": 1,
        "accepted": 1,
        "amended": 0,
        "unchanged": 0,
        "skipped": 0,
        "rejected": [],
        "rejected_rows": 0,
        "state": "accepted",
        "events": {
            "accepted": 1,
            "sequenced": 0,
            "integrated": 0,
            "anchored": 0,
            "confirmed": 0,
        },
    }


async def test_batch_state_follows_its_events_to_confirmed(tmp_path: Path) -> None:
    world = World(tmp_path)
    app = app_of(world)
    async with client_of(app, token=TOKEN) as client:
        sent = await client.post("/v1/batches", content=penalties(penalty(1)), headers=CSV)
        assert app.state.context.worker.woken == 1
        place, seen = sent.headers["location"], [sent.json()["state"]]
        for _ in range(12):
            world.tick()
            state = (await client.get(place)).json()["state"]
            if state != seen[-1]:
                seen.append(state)
    assert seen[0] == "accepted"
    assert seen[-1] == "confirmed"
    order = ["accepted", "sequenced", "integrated", "anchored", "confirmed"]
    assert seen == sorted(seen, key=order.index)
    world.kill()


async def test_publish_bad_rows_are_named_and_good_rows_taken(
    operator: httpx.AsyncClient,
) -> None:
    bad = penalty(12).replace(uscc(12), uscc(12)[:-1] + "?")
    content = penalties(penalty(11), bad)
    body = (await operator.post("/v1/batches", content=content, headers=CSV)).json()
    assert (body["accepted"], body["rows"]) == (1, 2)
    (problem,) = body["rejected"]
    assert (problem["row"], problem["field"]) == (3, "CF_XDR_SHXYM")
    assert problem["code"] == "uscc-alphabet"
    assert problem["message"] and problem["message_en"]


async def test_publish_columns_without_meaning_are_named(operator: httpx.AsyncClient) -> None:
    header, row, _ = penalties(penalty(13)).decode().split("\n")
    content = f"{header},CF_WSHH\n{row},x\n".encode()
    body = (await operator.post("/v1/batches", content=content, headers=CSV)).json()
    assert (body["accepted"], body["ignored_columns"]) == (1, ["CF_WSHH"])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"\xff\xfe\x00", "encoding"),
        (b"a,b\n1,2\n", "unknown-columns"),
        (penalties().splitlines()[0] + b"\n" + b'"never closed', "malformed-csv"),
    ],
)
async def test_publish_file_that_cannot_be_read_answers_422_with_its_own_code(
    operator: httpx.AsyncClient, content: bytes, code: str
) -> None:
    answer = await operator.post("/v1/batches", content=content, headers=CSV)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_publish_same_key_and_bytes_answers_the_same_report(
    operator: httpx.AsyncClient,
) -> None:
    headers = CSV | {"Idempotency-Key": "first-sending"}
    content = penalties(penalty(14))
    one = await operator.post("/v1/batches", content=content, headers=headers)
    two = await operator.post("/v1/batches", content=content, headers=headers)
    assert two.status_code == 202
    assert two.headers["location"] == one.headers["location"]
    assert two.json() | {"state": ""} == one.json() | {"state": ""}


async def test_publish_same_key_with_other_bytes_answers_422(operator: httpx.AsyncClient) -> None:
    headers = CSV | {"Idempotency-Key": "second-sending"}
    await operator.post("/v1/batches", content=penalties(penalty(15)), headers=headers)
    answer = await operator.post("/v1/batches", content=penalties(penalty(16)), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")


async def test_publish_same_file_twice_publishes_nothing_twice(
    operator: httpx.AsyncClient,
) -> None:
    content = penalties(penalty(17))
    await operator.post("/v1/batches", content=content, headers=CSV)
    body = (await operator.post("/v1/batches", content=content, headers=CSV)).json()
    assert (body["accepted"], body["unchanged"]) == (0, 1)


@pytest.mark.parametrize("key", ["", " ", "a" * 256, "a b", "ключ".encode().decode("latin-1")])
async def test_publish_key_that_is_no_visible_ascii_answers_422(
    operator: httpx.AsyncClient, key: str
) -> None:
    headers = [(b"content-type", b"text/csv"), (b"idempotency-key", key.encode("latin-1"))]
    answer = await operator.post("/v1/batches", content=b"x", headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("encoded", "name"),
    [
        ("%E6%B7%BB%E5%8A%A0.csv", "添加.csv"),
        ("340000-cf.csv", "340000-cf.csv"),
        ("a%20b+c.csv", "a b+c.csv"),
        ("%F0%A0%AE%B7" * 255, "𠮷" * 255),
    ],
)
async def test_publish_source_name_is_percent_decoded(
    operator: httpx.AsyncClient, encoded: str, name: str
) -> None:
    headers = CSV | {"X-Source-Name": encoded}
    answer = await operator.post("/v1/batches", content=penalties(penalty(18)), headers=headers)
    assert answer.json()["source_name"] == name


@pytest.mark.parametrize(
    "encoded",
    ["", "%FF", "%ED%A0%80", "a%0Ab", "a%00", "%E2%80%AEgpj.csv", "a" * 256, "a" * 3061, "ü"],
)
async def test_publish_source_name_that_is_no_name_answers_422(
    operator: httpx.AsyncClient, encoded: str
) -> None:
    headers = [(b"content-type", b"text/csv"), (b"x-source-name", encoded.encode("latin-1"))]
    answer = await operator.post("/v1/batches", content=penalties(penalty(19)), headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].lower() == "x-source-name"


async def test_batch_that_does_not_exist_answers_404(operator: httpx.AsyncClient) -> None:
    answer = await operator.get("/v1/batches/987654321")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", str(2**53), "9" * 400, "١"])
async def test_batch_number_that_is_none_answers_422_without_echo(
    operator: httpx.AsyncClient, number: str
) -> None:
    answer = await operator.get(f"/v1/batches/{number}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "batch_id"
    assert len(number) < 4 or number not in answer.text


async def test_changes_of_other_regions_are_skipped(operator: httpx.AsyncClient) -> None:
    content = changes(
        "320000,32罚〔2026〕00001号," + uscc(1) + ",repair,2026-10-20",
    )
    body = (await operator.post("/v1/batches", content=content, headers=CSV)).json()
    assert (body["kind"], body["record_type"], body["skipped"]) == ("changes", None, 1)
    assert body["state"] == "confirmed"  # nothing of it is under way
