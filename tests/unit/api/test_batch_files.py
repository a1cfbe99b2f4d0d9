"""Files over HTTP: workbooks, named encodings and amendments."""

import httpx
import pytest
from fastapi import FastAPI
from worlds.node import CF_COLUMNS, World, change, changes, penalties, penalty
from worlds.workbooks import sheet, workbook

from ledger.api.file_types import MEDIA_TYPES, XLSX, file_encoding
from ledger.api.problems import ApiProblem
from ledger.core.intake import Encoding

CSV = {"Content-Type": "text/csv"}
BOOK = {"Content-Type": XLSX}
AMEND = {"mode": "amend"}


def book(*rows: str) -> bytes:
    return workbook(sheet([["公示表"], CF_COLUMNS.split(","), *(row.split(",") for row in rows)]))


async def publish(
    operator: httpx.AsyncClient, content: bytes, headers: dict[str, str], **params: str
) -> httpx.Response:
    return await operator.post("/v1/batches", content=content, headers=headers, params=params)


async def test_workbook_is_published_as_its_csv_is(operator: httpx.AsyncClient) -> None:
    body = (await publish(operator, book(penalty(201), penalty(202, subject="1")), BOOK)).json()
    assert (body["accepted"], body["rejected_rows"], body["kind"]) == (1, 1, "records")
    assert [(one["row"], one["code"]) for one in body["rejected"]] == [(4, "uscc-length")]
    again = (await publish(operator, penalties(penalty(201)), CSV)).json()
    assert (again["accepted"], again["unchanged"]) == (0, 1)


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
async def test_what_a_file_is_is_seen_from_its_bytes(
    operator: httpx.AsyncClient, media_type: str
) -> None:
    for content in (book(penalty(203)), penalties(penalty(203))):
        answer = await publish(operator, content, {"Content-Type": media_type})
        assert answer.status_code == 202
        assert answer.json()["accepted"] + answer.json()["unchanged"] == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"PK\x03\x04 and nothing", "malformed-xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
        (workbook(sheet([["a"]])), "unknown-columns"),
        (workbook(), "empty"),
        (workbook(sheet([["CF_WSH", "CF_NR"]])), "missing-columns"),
    ],
)
async def test_workbook_that_cannot_be_read_answers_422_with_its_own_code(
    operator: httpx.AsyncClient, content: bytes, code: str
) -> None:
    answer = await publish(operator, content, BOOK)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_text_in_a_named_encoding_is_read_in_that_one(operator: httpx.AsyncClient) -> None:
    text = penalties(penalty(204)).decode()
    for name in ("gb18030", "GBK", '"gbk"'):
        headers = {"Content-Type": f"text/csv; charset={name}"}
        answer = await publish(operator, text.encode("gbk"), headers)
        assert answer.status_code == 202, answer.text
    wrong = await publish(operator, text.encode("gbk"), {"Content-Type": "text/csv;charset=utf-8"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "encoding-mismatch")
    assert "row 2" in wrong.json()["detail"]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/csv; charset=big5",
        "text/csv; charset=cp936",
        "text/csv; charset=utf_8",
        "text/csv; charset=",
        'text/csv; charset=""',
        "text/csv; charset=utf-8; charset=gbk",
        "text/csv; charset='gbk'",
        "text/csv; CHARSET=hex",
        "application/octet-stream; charset=utf-8",
        f"{XLSX}; charset=utf-8",
    ],
)
async def test_character_set_that_is_not_on_the_list_answers_415(
    operator: httpx.AsyncClient, content_type: str
) -> None:
    answer = await publish(operator, penalties(penalty(205)), {"Content-Type": content_type})
    assert (answer.status_code, answer.json()["code"]) == (415, "charset")
    assert "gb18030" in answer.json()["detail"]


@pytest.mark.parametrize(
    "content_type",
    [
        *("", "text/plain", "text", "text/csv,text/csv", "text/csv charset=gbk", "text/csvx"),
        *(
            "application/json",
            "application/vnd.ms-excel",
            "text/csv; ;",
            "multipart/form-data; boundary=x",
        ),
    ],
)
async def test_content_type_that_is_no_file_answers_415(
    operator: httpx.AsyncClient, content_type: str
) -> None:
    answer = await publish(operator, penalties(penalty(205)), {"Content-Type": content_type})
    assert (answer.status_code, answer.json()["code"]) == (415, "media-type")


@pytest.mark.parametrize("rest", ["; a=b  " * 1_500 + "\x00;", "; a=" + " " * 9_000 + ";;"])
def test_content_type_with_many_readings_is_read_once(rest: str) -> None:
    with pytest.raises(ApiProblem) as caught:
        file_encoding([f"text/csv{rest}"])
    assert caught.value.code == "media-type"


def test_two_content_types_are_none() -> None:
    for headers in ([], ["text/csv", "text/csv"]):
        with pytest.raises(ApiProblem) as caught:
            file_encoding(headers)
        assert caught.value.code == "media-type"
    assert file_encoding(["Text/CSV; header=present; Charset=UTF-16"]) is Encoding.UTF_16


async def test_row_with_other_content_is_a_conflict_unless_it_is_sent_to_amend(
    operator: httpx.AsyncClient,
) -> None:
    await publish(operator, penalties(penalty(206)), CSV)
    other = penalties(penalty(206, fine="2.000000"))
    refused = (await publish(operator, other, CSV)).json()
    assert [one["code"] for one in refused["rejected"]] == ["conflict"]
    amended = (await publish(operator, other, CSV, **AMEND)).json()
    assert (amended["mode"], amended["accepted"], amended["amended"]) == ("amend", 1, 1)
    again = (await publish(operator, other, CSV, **AMEND)).json()
    assert (again["accepted"], again["amended"], again["unchanged"]) == (0, 0, 1)
    rows = (await operator.get(f"/v1/batches/{amended['id']}/rows")).json()["items"]
    assert [(row["outcome"], row["effect"]) for row in rows] == [("accepted", "amended")]


async def test_amendment_of_nothing_is_named(operator: httpx.AsyncClient) -> None:
    body = (await publish(operator, penalties(penalty(299)), CSV, **AMEND)).json()
    assert [one["code"] for one in body["rejected"]] == ["nothing-to-amend"]
    assert body["accepted"] == 0


async def test_change_file_sent_to_amend_answers_422(operator: httpx.AsyncClient) -> None:
    answer = await publish(operator, changes(change(5)), CSV, **AMEND)
    assert (answer.status_code, answer.json()["code"]) == (422, "changes-as-amendment")


@pytest.mark.parametrize("mode", ["", "Amend", "reverse", "publish,amend"])
async def test_mode_that_is_none_answers_422(operator: httpx.AsyncClient, mode: str) -> None:
    answer = await publish(operator, penalties(penalty(206)), CSV, mode=mode)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


async def test_key_of_a_publication_is_refused_for_an_amendment_of_the_same_bytes(
    operator: httpx.AsyncClient,
) -> None:
    headers = CSV | {"Idempotency-Key": "in-two-modes"}
    content = penalties(penalty(207))
    assert (await publish(operator, content, headers)).status_code == 202
    answer = await publish(operator, content, headers, **AMEND)
    assert answer.json()["code"] == "idempotency-key-reused"
    as_gbk = headers | {"Content-Type": "text/csv; charset=utf-8"}
    assert (await publish(operator, content, as_gbk)).json()["code"] == "idempotency-key-reused"


async def test_amendment_is_pending_until_it_is_proved(
    app: FastAPI, operator: httpx.AsyncClient, world: World
) -> None:
    await publish(operator, penalties(penalty(208)), CSV)
    world.settle()
    body = (await publish(operator, penalties(penalty(208, fine="3.000000")), CSV, **AMEND)).json()
    assert world.answer(208).result == "pending"
    world.settle()
    state = (await operator.get(f"/v1/batches/{body['id']}")).json()["state"]
    assert state == "confirmed"
    (record,) = world.verdict(208).records
    assert (record.version, record.values["fine_fen"]) == (2, 3_000_000)
