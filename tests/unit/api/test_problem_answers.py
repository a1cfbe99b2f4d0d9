import re
import uuid
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from worlds.node import World
from worlds.node_app import app_of, client_of, context_of

from ledger import errors
from ledger.api.app import create_app
from ledger.api.auth import Access, access
from ledger.api.frame import HEADERS
from ledger.api.problem_table import PROBLEMS
from ledger.api.problems import MEDIA_TYPE, problem_of
from ledger.api.routes import service
from ledger.core.intake.problems import FileError
from ledger.core.records.subject import UsccError

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "errors", "request_id"}


def assert_is_problem(answer: httpx.Response, status: int, code: str) -> None:
    body = answer.json()
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert set(body) == MEMBERS
    assert body["status"] == status
    assert body["code"] == code
    assert body["type"] == f"urn:credit-ledger:problem:{code}"
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["instance"] == f"urn:uuid:{body['request_id']}"
    assert uuid.UUID(body["request_id"]).version == 4


async def test_unknown_path_answers_a_404_problem(anyone: httpx.AsyncClient) -> None:
    for path in ("/", "/v1", "/v2/lookups", "/docs", "/redoc", "/v1/lookups/", "/v1/batches/1/"):
        assert_is_problem(await anyone.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/lookups", "POST"),
        ("GET", "/v1/answers", "POST"),
        ("DELETE", "/v1/batches/1", "GET"),
        ("TRACE", "/livez", "GET"),
        ("OPTIONS", "/v1/lookups", "POST"),
        ("PROPFIND", "/livez", "GET"),
        ("POST", "/readyz", "GET"),
        ("OPTIONS", "/v1/batches", "GET, POST"),
        ("PUT", "/v1/batches/1/rows", "GET"),
    ],
)
async def test_method_that_is_not_served_answers_a_405_problem(
    anyone: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    answer = await anyone.request(method, path)
    assert_is_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == allowed


async def test_head_answers_405_without_a_body(anyone: httpx.AsyncClient) -> None:
    answer = await anyone.head("/livez")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == MEDIA_TYPE


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en", "en"),
        ("en-GB;q=0.5", "en"),
        ("fr, en;q=0.3", "en"),
        ("zh;q=0.1, en;q=0.2", "en"),
        ("en;q=0", "zh"),
        ("fr", "zh"),
        ("", "zh"),
        ("english", "zh"),
        ("en;q=2", "zh"),
        ("," * 5000 + "en", "zh"),
    ],
)
async def test_title_is_in_the_language_asked_for(
    anyone: httpx.AsyncClient, accepted: str, language: str
) -> None:
    answer = await anyone.get("/nowhere", headers={"Accept-Language": accepted})
    meaning = PROBLEMS["not-found"]
    assert answer.json()["title"] == (meaning.en if language == "en" else meaning.zh)
    assert answer.headers["content-language"] == language
    assert answer.headers["vary"] == "Accept-Language"


async def test_every_answer_carries_the_security_headers_and_an_id_of_our_own(
    anyone: httpx.AsyncClient,
) -> None:
    caller = {"X-Request-ID": "91310118MA0000005X"}
    answers = [
        await anyone.get("/livez", headers=caller),
        await anyone.get("/nowhere", headers=caller),
        await anyone.get("/v1/status", headers=caller),
        await anyone.post("/v1/lookups", content=b"[", headers=caller),
        await anyone.get("/" + "a" * 3000, headers=caller),
        await anyone.head("/livez", headers=caller),
    ]
    for answer in answers:
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-request-id"])
        assert "server" not in answer.headers
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


KINDS = [
    kind
    for kind in (*vars(errors).values(), UsccError, FileError)
    if isinstance(kind, type) and issubclass(kind, errors.LedgerError)
]
EXAMPLES: dict[type[errors.LedgerError], errors.LedgerError] = {
    errors.RootMismatchError: errors.RootMismatchError(expected=b"", computed=b""),
    errors.ContractRevertError: errors.ContractRevertError("Name", {}),
    errors.WrongChainError: errors.WrongChainError(expected=1, found=2),
    errors.GovernanceError: errors.GovernanceError("proposal-unknown", "text"),
    errors.DevnetError: errors.DevnetError("busy", "text"),
    errors.RegionUnavailableError: errors.RegionUnavailableError("310000", "text"),
    UsccError: UsccError("check", expected="a", found="b"),
    FileError: FileError("empty"),
}


def test_problem_of_every_expected_error_has_the_status_of_who_must_act() -> None:
    for kind in KINDS:
        error = EXAMPLES.get(kind) or kind("text")
        problem = problem_of(error)
        if isinstance(error, errors.UnavailableError):
            seconds = str(error.retry_after_s)
            status = 507 if kind is errors.StoreFullError else 503
            assert (problem.status, problem.headers["Retry-After"]) == (status, seconds)
        elif issubclass(kind, errors.InputError | errors.VerificationError | errors.KeyReusedError):
            assert problem.status == 422
        elif issubclass(kind, errors.FatalStateError) or kind is errors.LedgerError:
            assert problem.status == 500
        else:
            assert problem.status == 409
        assert PROBLEMS[problem.code].status == problem.status


def test_problem_of_each_trouble_of_the_database_says_which() -> None:
    found = {
        kind.code: (problem_of(kind("text")).status, problem_of(kind("text")).code)
        for kind in (
            errors.StoreUnavailableError,
            errors.StoreBusyError,
            errors.StoreReadOnlyError,
            errors.StoreFullError,
            errors.StoreDamagedError,
        )
    }
    assert all(code == answered for code, (_, answered) in found.items())
    assert [status for status, _ in found.values()] == [503, 503, 503, 507, 500]


def test_problem_of_a_files_error_has_the_code_of_the_files_problem() -> None:
    assert problem_of(FileError("unknown-columns")).code == "unknown-columns"


def test_problem_of_the_nodes_own_troubles_tells_nothing_about_its_inside() -> None:
    for kind in (errors.StoreUnavailableError, errors.FatalStateError, errors.FencedError):
        assert "/var/lib" not in problem_of(kind("disk full: /var/lib/node.db")).detail


@pytest.fixture
def failing(world: World, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    router = APIRouter()

    @router.get("/bug/{name}")
    @access(Access.ANYONE)
    async def bug(name: str) -> str:
        raise RuntimeError(f"a bug about {name}")

    @router.get("/late-bug")
    @access(Access.ANYONE)
    async def late_bug() -> object:
        from fastapi.responses import StreamingResponse

        async def parts():  # type: ignore[no-untyped-def]
            yield b"one"
            raise RuntimeError("a bug after the beginning")

        return StreamingResponse(parts(), media_type="text/plain")

    @router.get("/down")
    @access(Access.ANYONE)
    async def down() -> str:
        raise errors.StoreUnavailableError("disk full: /var/lib/node.db", retry_after_s=7)

    monkeypatch.setattr(service, "router", router)
    return create_app(context_of(world))


async def test_bug_answers_a_500_problem_without_its_message(failing: FastAPI) -> None:
    async with client_of(failing, is_described=False) as client:
        answer = await client.get("/bug/91310118MA0000005X")
    assert_is_problem(answer, 500, "internal")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "bug about" not in answer.text


async def test_unavailable_answers_503_with_retry_after(failing: FastAPI) -> None:
    async with client_of(failing, is_described=False) as client:
        answer = await client.get("/down")
    assert_is_problem(answer, 503, "store-unavailable")
    assert answer.headers["retry-after"] == "7"
    assert "/var/lib" not in answer.text


async def test_bug_after_the_beginning_of_an_answer_is_logged_and_goes_no_further(
    failing: FastAPI, capsys: pytest.CaptureFixture[str]
) -> None:
    async with client_of(failing, is_described=False) as client:
        # The application ends without ending the answer: a server then cuts the connection.
        with pytest.raises(AssertionError):
            await client.get("/late-bug")
    printed = capsys.readouterr().out
    assert "RuntimeError" in printed
    assert "after the beginning" not in printed


async def test_not_ready_answers_503_with_the_reason_and_retry_after(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with client_of(app_of(world)) as client:
        answer = await client.get("/readyz")
        assert_is_problem(answer, 503, "not-ready")
        assert (answer.headers["retry-after"], answer.json()["detail"]) == ("2", "starting")
        assert (await client.get("/livez")).status_code == 200
        world.settle()
        assert (await client.get("/readyz")).status_code == 200
        world.clock.advance(601)
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["detail"]) == (503, "snapshot-too-old")
    world.kill()
