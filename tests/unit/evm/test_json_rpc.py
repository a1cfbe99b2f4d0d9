"""The chain's answers are believed only when they are JSON-RPC, in time and of bounded length."""

import json
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from ledger.adapters.evm.json_rpc import JsonRpc, RpcError
from ledger.errors import ChainUnavailableError, InputError

URL = "http://chain.test:8545"


class Scripted(httpx.BaseTransport):
    """Answers a request as told."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self.answer = answer
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        request.read()
        return self.answer(request)


class Chunks(httpx.SyncByteStream):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks


def rpc_of(answer: Callable[[httpx.Request], httpx.Response], **options: object) -> JsonRpc:
    return JsonRpc(URL, transport=Scripted(answer), **options)  # type: ignore[arg-type]


def body(content: object) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(200, content=json.dumps(content).encode())


def error_classes() -> list[type[Exception]]:
    found: list[type[Exception]] = [httpx.InvalidURL, httpx.StreamError]
    waiting: list[type[Exception]] = [httpx.HTTPError, httpx.StreamError]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += one.__subclasses__()
    return sorted(set(found), key=lambda one: one.__name__)


def make_error(kind: type[Exception]) -> Exception:
    request = httpx.Request("POST", URL)
    if issubclass(kind, httpx.HTTPStatusError):
        return kind("secret words", request=request, response=httpx.Response(500))
    try:
        return kind("secret words")
    except TypeError:
        return kind()


@pytest.mark.parametrize("kind", error_classes(), ids=lambda kind: kind.__name__)
def test_call_library_fails_in_any_way_raises_chain_unavailable(kind: type[Exception]) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise make_error(kind)

    with pytest.raises(ChainUnavailableError) as caught:
        rpc_of(fail).call("eth_chainId")
    assert "secret" not in str(caught.value)
    assert "chain.test" not in str(caught.value)


def test_error_classes_cover_every_exception_that_httpx_exports() -> None:
    exported = {
        one
        for name in httpx.__all__
        if isinstance(one := getattr(httpx, name), type) and issubclass(one, Exception)
    }
    # CookieConflict comes from reading a cookie by name, which the client never does.
    assert exported - set(error_classes()) == {httpx.CookieConflict}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"[" * 100_000,
        b"null",
        b"[]",
        b'"0x1"',
        b'{"jsonrpc":"1.0","id":1,"result":"0x1"}',
        b'{"id":1,"result":"0x1"}',
        b'{"jsonrpc":"2.0","result":"0x1"}',
        b'{"jsonrpc":"2.0","id":2,"result":"0x1"}',
        b'{"jsonrpc":"2.0","id":true,"result":"0x1"}',
        b'{"jsonrpc":"2.0","id":"1","result":"0x1"}',
        b'{"jsonrpc":"2.0","id":null,"result":"0x1"}',
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","id":1,"result":"0x1","error":null}',
        b'{"jsonrpc":"2.0","id":1,"error":null}',
        b'{"jsonrpc":"2.0","id":1,"error":"no"}',
        b'{"jsonrpc":"2.0","id":1,"error":{"code":"3","message":"no"}}',
        b'[{"jsonrpc":"2.0","id":1,"result":"0x1"}]',
        b'{"jsonrpc":"2.0","id":1,"result":"0x1"',
    ],
)
def test_call_answer_is_not_json_rpc_is_refused(content: bytes) -> None:
    with pytest.raises(ChainUnavailableError):
        rpc_of(lambda _: httpx.Response(200, content=content)).call("eth_chainId")


DEEP = 90_000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("first", ['"x":"\\""', '"x":"["', '"x":1'])
def test_call_answer_nested_deep_in_any_encoding_is_refused(encoding: str, first: str) -> None:
    # Parsed, it would end the process.
    text = f'{{{first},"jsonrpc":"2.0","id":1,"result":{"[" * DEEP}{"]" * DEEP}}}'
    with pytest.raises(ChainUnavailableError):
        rpc_of(lambda _: httpx.Response(200, content=text.encode(encoding))).call("eth_chainId")


@pytest.mark.parametrize("status", [204, 301, 302, 400, 401, 404, 429, 500, 502, 503])
def test_call_other_http_status_is_refused(status: int) -> None:
    answer = httpx.Response(
        status,
        headers={"location": "http://elsewhere.test"},
        content=b'{"jsonrpc":"2.0","id":1,"result":"0x1"}',
    )
    with pytest.raises(ChainUnavailableError, match=str(status)):
        rpc_of(lambda _: answer).call("eth_chainId")


def test_call_endless_answer_is_cut_off() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 65_536

    rpc = rpc_of(lambda _: httpx.Response(200, stream=Chunks(endless())))
    with pytest.raises(ChainUnavailableError, match="longer"):
        rpc.call("eth_chainId")


def test_call_trickling_answer_is_cut_off() -> None:
    def trickle() -> Iterator[bytes]:
        while True:
            yield b" "
            time.sleep(0.01)

    rpc = rpc_of(lambda _: httpx.Response(200, stream=Chunks(trickle())), timeout_s=0.1)
    begun = time.monotonic()
    with pytest.raises(ChainUnavailableError, match="takes longer"):
        rpc.call("eth_chainId")
    assert time.monotonic() - begun < 2


def test_call_server_answers_error_raises_rpc_error_with_bounded_words() -> None:
    error = {"code": -32000, "message": "n" * 10_000, "data": "0x"}
    with pytest.raises(RpcError) as caught:
        rpc_of(body({"jsonrpc": "2.0", "id": 1, "error": error})).call("eth_chainId")
    assert caught.value.number == -32000
    assert len(str(caught.value)) < 400


def test_call_fails_is_not_sent_again() -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    transport = Scripted(fail)
    rpc = JsonRpc(URL, transport=transport)
    with pytest.raises(ChainUnavailableError):
        rpc.call("eth_sendRawTransaction", ["0x00"])
    assert len(transport.requests) == 1


def test_call_null_result_is_a_result() -> None:
    assert rpc_of(body({"jsonrpc": "2.0", "id": 1, "result": None})).call("eth_x") is None


@pytest.mark.parametrize("url", ["", "chain", "ftp://host", "http://", "file:///etc/x", "ws://h"])
def test_json_rpc_url_is_none_raises_input_error(url: str) -> None:
    with pytest.raises(InputError):
        JsonRpc(url)
