"""Batches and their rows in pages; how far a batch is, without one giant body."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from worlds.node import World, change, changes, penalties, penalty, uscc
from worlds.node_app import TOKEN, app_of, client_of

from ledger.api.cursors import encode_cursor, parse_cursor
from ledger.api.problems import ApiProblem
from ledger.services.publication import pages

CSV = {"Content-Type": "text/csv"}
KEY = b"k" * 32


@pytest.fixture
def fresh(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
async def client(fresh: World) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app_of(fresh), token=TOKEN) as client:
        yield client
    fresh.kill()


async def walk(client: httpx.AsyncClient, path: str, **query: object) -> list[list[dict]]:  # type: ignore[type-arg]
    """Every page of a list."""
    found, cursor = [], None
    while True:
        params = query if cursor is None else query | {"cursor": cursor}
        body = (await client.get(path, params=params)).json()  # type: ignore[arg-type]
        found.append(body["items"])
        cursor = body["next_cursor"]
        if cursor is None:
            return found


async def test_batches_empty_list_is_one_empty_page(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/batches")).json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
async def test_batches_pages_hold_every_batch_once_newest_first(
    client: httpx.AsyncClient, fresh: World, limit: int
) -> None:
    for number in range(1, 5):
        fresh.publish(penalties(penalty(number)))
    found = await walk(client, "/v1/batches", limit=limit)
    assert [one["id"] for page in found for one in page] == [4, 3, 2, 1]
    assert all(1 <= len(page) <= limit for page in found)
    assert set(found[0][0]) == {"id", "source_name", "received_at"}


async def test_batches_published_while_a_list_is_read_do_not_shift_it(
    client: httpx.AsyncClient, fresh: World
) -> None:
    for number in range(1, 5):
        fresh.publish(penalties(penalty(number)))
    first = (await client.get("/v1/batches?limit=2")).json()
    fresh.publish(penalties(penalty(9)))
    second = (await client.get(f"/v1/batches?limit=2&cursor={first['next_cursor']}")).json()
    assert [one["id"] for one in first["items"] + second["items"]] == [4, 3, 2, 1]


@pytest.mark.parametrize("limit", [1, 3, 7, 1000])
async def test_rows_pages_hold_every_row_once_in_the_order_of_the_file(
    client: httpx.AsyncClient, fresh: World, limit: int
) -> None:
    good = [penalty(number) for number in range(1, 5)]
    bad = penalty(6).replace(uscc(6), uscc(6)[:-1] + "?")
    fresh.publish(penalties(*good, bad, good[0]))
    found = await walk(client, "/v1/batches/1/rows", limit=limit)
    rows = [row for page in found for row in page]
    assert [row["row"] for row in rows] == list(range(2, 8))
    assert [row["outcome"] for row in rows] == ["accepted"] * 4 + ["rejected", "unchanged"]
    assert [row["state"] for row in rows] == ["accepted"] * 4 + [None, "accepted"]
    assert rows[4]["problems"][0]["code"] == "uscc-alphabet"
    assert all(len(page) <= limit for page in found)


async def test_rows_of_one_outcome_only(client: httpx.AsyncClient, fresh: World) -> None:
    bad = [penalty(n).replace(uscc(n), uscc(n)[:-1] + "?") for n in (11, 12, 13)]
    fresh.publish(penalties(bad[0], penalty(1), bad[1], penalty(2), bad[2]))
    found = await walk(client, "/v1/batches/1/rows", limit=1, outcome="rejected")
    assert [row["row"] for page in found for row in page] == [2, 4, 6]
    found = await walk(client, "/v1/batches/1/rows", limit=5, outcome="skipped")
    assert found == [[]]


async def test_rows_state_follows_each_row(client: httpx.AsyncClient, fresh: World) -> None:
    fresh.publish(penalties(penalty(1)))
    fresh.settle()
    fresh.publish(penalties(penalty(1), penalty(2)))
    states = [row["state"] for row in (await client.get("/v1/batches/2/rows")).json()["items"]]
    assert states == ["confirmed", "accepted"]
    summary = (await client.get("/v1/batches/2")).json()
    assert (summary["accepted"], summary["unchanged"], summary["state"]) == (1, 1, "accepted")
    fresh.settle()
    states = [row["state"] for row in (await client.get("/v1/batches/2/rows")).json()["items"]]
    assert states == ["confirmed", "confirmed"]


async def test_batch_of_unchanged_rows_is_no_further_than_their_records(
    client: httpx.AsyncClient, fresh: World
) -> None:
    content = penalties(penalty(1), penalty(2))
    fresh.publish(content)
    body = (await client.post("/v1/batches", content=content, headers=CSV)).json()
    assert (body["unchanged"], body["state"]) == (2, "accepted")
    fresh.settle()
    assert (await client.get(f"/v1/batches/{body['id']}")).json()["state"] == "confirmed"


async def test_batch_of_unchanged_changes_speaks_of_the_ends(
    client: httpx.AsyncClient, fresh: World
) -> None:
    fresh.publish(penalties(penalty(1)))
    fresh.settle()
    fresh.publish(changes(change(1)))
    body = (await client.post("/v1/batches", content=changes(change(1)), headers=CSV)).json()
    assert (body["kind"], body["unchanged"], body["state"]) == ("changes", 1, "accepted")
    (row,) = (await client.get(f"/v1/batches/{body['id']}/rows")).json()["items"]
    assert row["state"] == "accepted"
    fresh.settle()
    assert (await client.get(f"/v1/batches/{body['id']}")).json()["state"] == "confirmed"


async def test_batch_with_many_rejected_rows_names_the_first_and_counts_all(
    client: httpx.AsyncClient, fresh: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST_REJECTED", 3)
    bad = [penalty(n).replace(uscc(n), uscc(n)[:-1] + "?") for n in range(1, 8)]
    answer = await client.post("/v1/batches", content=penalties(*bad), headers=CSV)
    body = answer.json()
    assert [one["row"] for one in body["rejected"]] == [2, 3, 4]
    assert (body["rejected_rows"], body["rows"]) == (7, 7)


async def test_batch_report_survives_a_restart(fresh: World) -> None:
    fresh.publish(penalties(penalty(1), penalty(1)))
    fresh.settle()
    async with client_of(app_of(fresh), token=TOKEN) as client:
        before = (await client.get("/v1/batches/1")).json()
    fresh.restart()
    fresh.settle()
    async with client_of(app_of(fresh), token=TOKEN) as client:
        assert (await client.get("/v1/batches/1")).json() == before
        assert before["events"] == dict.fromkeys(before["events"], 1)
    fresh.kill()


async def test_status_tells_how_far_a_file_is_that_is_being_taken(
    client: httpx.AsyncClient, fresh: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, int]] = []
    app = app_of(fresh)
    in_work = app.state.in_work
    noted = in_work.note_progress

    def watched(decided: int, rows: int) -> None:
        noted(decided, rows)
        seen.append(in_work.files_json())

    monkeypatch.setattr(in_work, "note_progress", watched)
    content = penalties(*(penalty(number) for number in range(1, 30)))
    async with client_of(app, token=TOKEN) as client:
        assert (await client.post("/v1/batches", content=content, headers=CSV)).status_code == 202
        after = (await client.get("/v1/status")).json()["in_work"]
    assert seen[-1] == {"files": 1, "rows_decided": 29, "rows": 29}
    assert after == {"files": 0, "rows_decided": 0, "rows": 0}


@pytest.mark.parametrize("limit", ["0", "-1", "101", "x", "1.5", "", "9" * 30])
async def test_batches_limit_that_is_none_answers_422(
    operator: httpx.AsyncClient, limit: str
) -> None:
    answer = await operator.get("/v1/batches", params={"limit": limit})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "limit")


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "AAAA", "!!!!", "AAAAAAAAAAEAAAAAAAAAAA", "A" * 22, "A" * 64, "é", "a b", "AAAA===="],
)
async def test_cursor_that_is_none_answers_422_without_echo(
    operator: httpx.AsyncClient, cursor: str
) -> None:
    for path in ("/v1/batches", "/v1/batches/1/rows"):
        answer = await operator.get(path, params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-cursor")
        assert len(cursor) < 4 or cursor not in answer.text


async def test_cursor_of_another_list_is_refused(client: httpx.AsyncClient, fresh: World) -> None:
    for number in range(1, 9, 2):
        fresh.publish(penalties(penalty(number), penalty(number + 1)))
    batches = (await client.get("/v1/batches?limit=1")).json()["next_cursor"]
    rows = (await client.get("/v1/batches/1/rows?limit=1")).json()["next_cursor"]
    for path, cursor in (
        ("/v1/batches", rows),
        ("/v1/batches/1/rows", batches),
        ("/v1/batches/2/rows", rows),
        ("/v1/batches/1/rows?outcome=accepted", rows),
    ):
        joint = "&" if "?" in path else "?"
        answer = await client.get(f"{path}{joint}cursor={cursor}")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-cursor"), path


async def test_rows_of_a_batch_that_does_not_exist_answer_404(operator: httpx.AsyncClient) -> None:
    assert (await operator.get("/v1/batches/99999/rows")).status_code == 404
    assert (await operator.get("/v1/batches/9007199254740991/rows")).status_code == 404
    assert (await operator.get("/v1/batches/9007199254740992/rows")).status_code == 422


def test_cursor_round_trip() -> None:
    for place in (0, 1, 255, 2**53, 2**63 - 1):
        assert parse_cursor(KEY, "batches", encode_cursor(KEY, "batches", place)) == place


def test_cursor_any_bit_flipped_or_another_key_is_refused() -> None:
    cursor = encode_cursor(KEY, "batches", 17)
    with pytest.raises(ApiProblem):
        parse_cursor(b"l" * 32, "batches", cursor)
    for place, letter in enumerate(cursor):
        for other in ("A", "B", "_", "9"):
            if other != letter:
                with pytest.raises(ApiProblem):
                    parse_cursor(KEY, "batches", cursor[:place] + other + cursor[place + 1 :])


def test_cursor_has_one_spelling() -> None:
    cursor = encode_cursor(KEY, "batches", 17)
    for other in (cursor + "=", cursor + "\n", " " + cursor, cursor + "A", cursor[:-1]):
        with pytest.raises(ApiProblem):
            parse_cursor(KEY, "batches", other)
