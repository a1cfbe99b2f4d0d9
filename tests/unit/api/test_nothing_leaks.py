"""Identifiers planted in every place of a request: none may come back or reach the log."""

import io
import json
import logging
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog
from worlds.node import World, change, changes, penalties, penalty, uscc
from worlds.node_app import TOKEN, app_of, client_of

from ledger.adapters.log_lines import configure_logging
from ledger.api.routes import lookups

NAME = "灵雀科技有限公司"
CODE = uscc(777)
CANARIES = (NAME, CODE, CODE.lower(), CODE[:-1], urllib.parse.quote(NAME), TOKEN)
JSON = {"Content-Type": "application/json"}
CSV = {"Content-Type": "text/csv"}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure_logging(stream)
    logging.getLogger().setLevel(logging.DEBUG)
    yield stream
    structlog.reset_defaults()
    root = logging.getLogger()
    root.handlers.clear()
    root.setLevel(logging.WARNING)


def assert_clean(text: str) -> None:
    spelled = text + json.dumps(text) + urllib.parse.unquote(text)
    for canary in CANARIES:
        assert canary not in spelled
        assert json.dumps(canary)[1:-1] not in spelled


BODIES: list[object] = [
    {CODE: [CODE]},
    {"subjects": [CODE], NAME: NAME},
    {"subjects": [CODE[:-1] + "?"]},
    {"subjects": [NAME]},
    {"subjects": {CODE: NAME}},
    {"subjects": [CODE], "regions": [CODE]},
    {"subjects": [CODE], "regions": [NAME], "record_types": [NAME]},
    {"subjects": [[CODE]]},
    {"subjects": CODE},
    [CODE],
    CODE,
    {"questions": [{"subject": CODE, "record_type": NAME}]},
    {"questions": [{"subject": CODE, "record_type": "cf", CODE: CODE}]},
    {"questions": [{"subject": CODE[:-1], "record_type": "cf"}]},
    {"questions": [{CODE: NAME}]},
]


async def test_bad_body_is_neither_echoed_nor_logged(
    anyone: httpx.AsyncClient, log: io.StringIO
) -> None:
    texts = [json.dumps(body, ensure_ascii=False) for body in BODIES]
    texts += [text[:-1] for text in texts] + [texts[0] * 2, f'{{"{CODE}":1.5}}', f"<{NAME}>"]
    for path in ("/v1/lookups", "/v1/answers", "/v1/batches", "/readyz", f"/{CODE}"):
        for text in texts:
            answer = await anyone.post(path, content=text.encode(), headers=JSON)
            assert answer.status_code >= 400
            assert_clean(answer.text + str(answer.headers))
    assert_clean(log.getvalue())
    assert log.getvalue().count('"event": "request"') == 5 * len(texts)


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "TRACE", "DELETE", f"X{CODE}"])
async def test_identifier_in_target_or_header_is_neither_echoed_nor_logged(
    operator: httpx.AsyncClient, log: io.StringIO, method: str
) -> None:
    quoted = urllib.parse.quote(NAME)
    headers = {"X-Subject": CODE, "Referer": f"http://x/{CODE}", "User-Agent": CODE} | CSV
    headers |= {"Accept-Language": CODE, "X-Request-ID": CODE, "Cookie": f"a={CODE}"}
    headers |= {"Host": f"{CODE}.example"}
    for path in (
        *(f"/{CODE}", f"/v1/lookups/{CODE}", f"/v1/batches/{CODE}", f"/v1/batches/{CODE}/"),
        *(f"/v1/{quoted}", f"/livez?subject={CODE}", f"/v1/batches/1?name={quoted}", f"//{CODE}"),
        *(f"/v1/batches/{quoted}", f"/readyz/{CODE}", f"/v1/lookups/?{CODE}", f"/{CODE * 200}"),
        *(f"/v1/batches?cursor={CODE}", f"/v1/batches/1/rows?outcome={CODE}&limit={quoted}"),
        *(f"/readyz?verbose={CODE}", f"/metrics?{CODE}", f"/v1/streams/310000/{CODE}/1/checkpoint"),
    ):
        answer = await operator.request(method, path, headers=headers)
        assert_clean(answer.text + str(answer.headers))
    assert_clean(log.getvalue())
    assert_clean((await operator.get("/metrics")).text)


async def test_file_errors_do_not_repeat_the_file(
    operator: httpx.AsyncClient, log: io.StringIO
) -> None:
    for content in (
        f"{NAME},{CODE}\n1,2\n".encode(),
        f'"{NAME}{CODE}'.encode(),
        penalties().splitlines()[0] + f',{NAME}\n"{CODE}'.encode(),
        f"CF_XDR_SHXYM,XK_XDR_SHXYM\n{CODE},{NAME}\n".encode(),
        f"CF_XDR_SHXYM,CF_XDR_SHXYM\n{CODE},{NAME}\n".encode(),
    ):
        headers = CSV | {"X-Source-Name": urllib.parse.quote(f"{NAME}\n")}
        headers_of_key = CSV | {"Idempotency-Key": f"{CODE} {CODE}"}
        for sent in (CSV, headers, headers_of_key):
            answer = await operator.post("/v1/batches", content=content, headers=sent)
            assert answer.status_code == 422
            assert_clean(answer.text)
    assert_clean(log.getvalue())


async def test_whole_session_logs_no_identifier(
    tmp_path: Path, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    row = penalty(777).replace("某某有限公司", NAME)
    async with client_of(app_of(world), token=TOKEN) as client:

        async def look_up() -> httpx.Response:
            return await client.post("/v1/lookups", json={"subjects": [CODE]})

        async def publish(content: bytes) -> None:
            headers = CSV | {"X-Source-Name": urllib.parse.quote(f"{NAME}.csv")}
            headers |= {"Idempotency-Key": CODE + str(len(content))}
            await client.post("/v1/batches", content=content, headers=headers)

        await publish(penalties(row, row.replace("1.000000", NAME), row.replace(CODE, NAME)))
        world.settle()
        metrics = (await client.get("/metrics")).text
        assert 'credit_ledger_records_published_total{region="310000"} 1.0' in metrics
        assert_clean(metrics)
        assert NAME not in (await look_up()).text  # fields go out as digests and disclosures
        await publish(changes(change(777), change(778, subject=CODE)))
        await look_up()
        world.chain.is_down = True
        world.tick()
        world.chain.is_down = False
        world.settle()
        world.clock.advance(3600)
        await look_up()
        world.store.close()
        for broken in (tmp_path / "node.db", tmp_path / "node.db-wal"):
            broken.write_bytes(f"{NAME}{CODE}".encode() * 100)
        await publish(penalties(row))
        await look_up()

        def bug(*_: object, **__: object) -> bytes:
            raise ValueError(f"{CODE} {NAME}")

        monkeypatch.setattr(lookups, "render_answers", bug)
        assert (await look_up()).status_code == 500
        assert_clean((await client.get("/metrics")).text)
    logging.getLogger("uvicorn.error").error("failed", exc_info=ValueError(CODE))
    logging.getLogger("asyncio").error("Task %s", ValueError(CODE))
    structlog.get_logger("any").error("failed", exc_info=ValueError(CODE))
    world.kill()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert len(lines) > 12
    assert {"ValueError"} <= {line.get("error_type") for line in lines}
    assert_clean(log.getvalue())
