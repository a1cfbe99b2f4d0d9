import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from worlds.node import RECORDS, World, penalties, penalty, uscc

from ledger.api import limits
from ledger.api.limits import MAX_JSON_BYTES, LooseJsonError, check_json

JSON = {"Content-Type": "application/json"}
CSV = {"Content-Type": "text/csv"}


async def post(client: httpx.AsyncClient, content: bytes, **headers: str) -> httpx.Response:
    return await client.post("/v1/lookups", content=content, headers=JSON | headers)


def request_of(**members: object) -> bytes:
    return json.dumps({"subjects": [uscc(5)], **members}).encode()


async def test_json_body_at_the_limit_is_read(anyone: httpx.AsyncClient) -> None:
    body = request_of().ljust(MAX_JSON_BYTES)
    assert (await post(anyone, body)).status_code == 200


async def test_json_body_over_the_limit_answers_413(anyone: httpx.AsyncClient) -> None:
    answer = await post(anyone, request_of().ljust(MAX_JSON_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
    assert answer.headers["connection"] == "close"


async def test_chunked_body_without_length_is_cut_off_at_the_limit(
    anyone: httpx.AsyncClient,
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b" " * 65_536

    answer = await anyone.post("/v1/lookups", content=endless(), headers=JSON)
    assert answer.status_code == 413
    assert sent <= MAX_JSON_BYTES + 2 * 65_536


async def test_file_over_the_limit_answers_413_by_its_declared_length(
    operator: httpx.AsyncClient,
) -> None:
    headers = CSV | {"Content-Length": str(limits.MAX_FILE_BYTES + 1)}
    answer = await operator.post("/v1/batches", content=b"x", headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize("length", ["-1", "1e3", "١", "9" * 40, ""])
async def test_content_length_that_is_no_number_answers_400(
    anyone: httpx.AsyncClient, length: str
) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", length.encode())]
    answer = await anyone.post("/v1/lookups", content=request_of(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "content-length")


async def test_body_that_arrives_too_slowly_answers_408(
    anyone: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BODY_WITHIN_S", 0.05)

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    answer = await anyone.post("/v1/lookups", content=slow(), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (408, "body-too-slow")


async def test_publish_connection_lost_within_the_file_publishes_nothing(
    app: FastAPI, world: World
) -> None:
    from worlds.node_app import TOKEN

    content = penalties(penalty(70), penalty(71))
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": content[:-150], "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"authorization", f"Bearer {TOKEN}".encode()), (b"content-type", b"text/csv")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/batches",
        "raw_path": b"/v1/batches",
        "query_string": b"",
        "headers": headers,
        "app": app,
    }
    before = world.store.batch(1), world.store.pending_count(RECORDS, 0)
    await app(scope, receive, send)
    assert sent == []
    assert (world.store.batch(1), world.store.pending_count(RECORDS, 0)) == before


@pytest.mark.parametrize("encoding", ["gzip", "identity", "br", ""])
async def test_body_with_content_encoding_answers_415(
    anyone: httpx.AsyncClient, encoding: str
) -> None:
    bomb = gzip.compress(b" " * 1_000_000)
    answer = await post(anyone, bomb, **{"Content-Encoding": encoding})
    assert (answer.status_code, answer.json()["code"]) == (415, "content-encoding")


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/vnd.api+json",
        "application/json; charset=gbk",
        "application/json, text/plain",
        "",
    ],
)
async def test_json_route_with_another_media_type_answers_415(
    anyone: httpx.AsyncClient, media_type: str
) -> None:
    answer = await post(anyone, request_of(), **{"Content-Type": media_type})
    assert (answer.status_code, answer.json()["code"]) == (415, "media-type")


async def test_json_route_without_or_with_two_media_types_answers_415(
    anyone: httpx.AsyncClient,
) -> None:
    duplicate = b'{"subjects":["%s"],"subjects":[]}' % uscc(5).encode()
    for types in ([], [b"application/json", b"text/plain"], [b"text/plain", b"application/json"]):
        headers = [(b"content-type", one) for one in types]
        answer = await anyone.post("/v1/lookups", content=duplicate, headers=headers)
        assert answer.status_code == 415


@pytest.mark.parametrize("media_type", ["Application/JSON", "application/json;charset=UTF-8"])
async def test_json_route_media_type_in_another_spelling_is_taken(
    anyone: httpx.AsyncClient, media_type: str
) -> None:
    answer = await post(anyone, request_of(), **{"Content-Type": media_type})
    assert answer.status_code == 200


async def test_publish_with_another_media_type_answers_415(operator: httpx.AsyncClient) -> None:
    answer = await operator.post("/v1/batches", content=b"{}", headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (415, "media-type")


LOOSE = {
    "duplicate": b'{"subjects":["a"],"subjects":["b"]}',
    "nested duplicate": b'{"questions":[{"subject":"a","subject":"b","record_type":"cf"}]}',
    "float": b'{"subjects":["a"],"x":1.0}',
    "exponent": b'{"subjects":["a"],"x":1e2}',
    "NaN": b'{"subjects":["a"],"x":NaN}',
    "Infinity": b'{"subjects":["a"],"x":-Infinity}',
    "large integer": b'{"subjects":["a"],"x":123456789012345678}',
    "lone surrogate": b'{"subjects":["\\ud800"]}',
    "lone surrogate in a name": b'{"\\udfff":["a"]}',
    "not UTF-8": b'{"subjects":["\xff"]}',
    "GBK": '{"subjects":["企业"]}'.encode("gbk"),
    "byte order mark": b'\xef\xbb\xbf{"subjects":["a"]}',
    "UTF-16": '{"subjects":["a"]}'.encode("utf-16"),
    "257 members": json.dumps({f"a{n}": 1 for n in range(257)}).encode(),
    "15,000 members": json.dumps({f"a{n}": 1 for n in range(15_000)}).encode(),
    "endless digits": b'{"subjects":["a"],"x":' + b"9" * 200_000 + b"}",
    "depth bomb": b"[" * 200_000,
    "depth bomb of objects": b'{"a":' * 40_000,
    "17 levels": b"[" * 17 + b"]" * 17,
    "truncated": b'{"subjects":["a"',
    "trailing": b'{"subjects":["a"]} {}',
    "empty": b"",
    "comment": b'{"subjects":["a"]} // x',
    "single quotes": b"{'subjects':['a']}",
}


@pytest.mark.parametrize("body", LOOSE.values(), ids=LOOSE.keys())
@pytest.mark.parametrize("path", ["/v1/lookups", "/v1/answers"])
async def test_json_that_two_parsers_could_read_differently_answers_400(
    anyone: httpx.AsyncClient, path: str, body: bytes
) -> None:
    answer = await anyone.post(path, content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed-json")


def test_check_json_depth_bomb_is_refused_fast() -> None:
    started = time.monotonic()
    for bomb in (b"[" * 1_000_000, b'{"":' * 250_000, b'"' + b"\\" * 1_000_000):
        with pytest.raises(LooseJsonError):
            check_json(bomb)
    assert time.monotonic() - started < 1


def test_check_json_brackets_within_texts_do_not_count() -> None:
    check_json(b'{"a":"' + b"[{" * 100 + b'\\"[[[[[[[[[[[[[[[[[[[[[["}')
    check_json(b"[" * 16 + b"]" * 16)


async def test_target_over_the_limit_answers_414(anyone: httpx.AsyncClient) -> None:
    for path in ("/" + "a" * 2048, "/livez?" + "a" * 2048):
        answer = await anyone.get(path)
        assert (answer.status_code, answer.json()["code"]) == (414, "target-too-long")


async def test_header_over_the_limit_answers_431(anyone: httpx.AsyncClient) -> None:
    one = await anyone.get("/livez", headers={"X-Large": "a" * (16 << 10)})
    many = await anyone.get("/livez", headers={f"X-{n}": "a" * 100 for n in range(200)})
    assert {one.status_code, many.status_code} == {431}
    assert one.json()["code"] == "header-too-large"


@pytest.mark.parametrize(
    ("members", "field", "code"),
    [
        ({"subjects": []}, "subjects", "too-short"),
        ({"subjects": [uscc(5)] * 201}, "subjects", "too-long"),
        ({"subjects": uscc(5)}, "subjects", "list-type"),
        ({"subjects": [5]}, "subjects.0", "string-type"),
        ({"subjects": ["9" * 65]}, "subjects.0", "string-too-long"),
        ({"regions": []}, "regions", "too-short"),
        ({"regions": ["31000"]}, "regions.0", "string-pattern-mismatch"),
        ({"regions": ["310000\n"]}, "regions.0", "string-pattern-mismatch"),
        ({"regions": ["３１００００"]}, "regions.0", "string-pattern-mismatch"),
        ({"record_types": ["CF"]}, "record_types.0", "string-pattern-mismatch"),
        ({"more": True}, "body", "extra-forbidden"),
        ({"record_types": "cf"}, "record_types", "list-type"),
    ],
)
async def test_lookup_field_that_breaks_its_rule_is_named(
    anyone: httpx.AsyncClient, members: dict[str, object], field: str, code: str
) -> None:
    answer = await post(anyone, request_of(**members))
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": field, "code": code}]


async def test_body_that_is_no_object_answers_422(anyone: httpx.AsyncClient) -> None:
    for body in (b"[]", b"null", b"3", b'"text"'):
        assert (await post(anyone, body)).status_code == 422


async def test_lookup_with_too_many_questions_answers_422(anyone: httpx.AsyncClient) -> None:
    body = request_of(
        subjects=[uscc(number) for number in range(200)],
        regions=["310000", "320000", "330000"],
        record_types=["cf", "xk"],
    )
    answer = await post(anyone, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "too-many-questions")


async def test_answers_with_too_many_questions_answers_422(anyone: httpx.AsyncClient) -> None:
    questions = [{"subject": uscc(5), "record_type": "cf"}] * 1001
    answer = await anyone.post("/v1/answers", json={"questions": questions})
    assert answer.json()["errors"] == [{"field": "questions", "code": "too-long"}]
