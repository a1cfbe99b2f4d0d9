"""The proxy counts answers that were changed, not requests that could have been."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from worlds.processes import wait_for
from worlds.rpc_faults import FAULTS, FaultProxy

ANSWERS: dict[str, object] = {
    "eth_blockNumber": "0x10",
    "eth_chainId": "0x4f25",
    "eth_getTransactionReceipt": None,
    "eth_sendRawTransaction": "0x" + "11" * 32,
}


class Endpoint(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = {"jsonrpc": "2.0", "id": request["id"], "result": ANSWERS[request["method"]]}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    made = FaultProxy(f"http://127.0.0.1:{server.server_port}", seed=1)
    yield made
    made.close()
    server.shutdown()
    server.server_close()
    thread.join()


def ask(proxy: FaultProxy, method: str, *params: object) -> dict[str, Any]:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    with urllib.request.urlopen(proxy.url, body, timeout=5) as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found


def wait_bitten(proxy: FaultProxy, **expected: int) -> None:
    """An answer may be read before it is counted."""
    wait_for(lambda: +proxy.bitten == expected, lambda: proxy.bitten)


def test_true_answers_are_not_counted(proxy: FaultProxy) -> None:
    proxy.fault = FAULTS["stale"]
    assert ask(proxy, "eth_chainId")["result"] == "0x4f25"
    assert ask(proxy, "eth_blockNumber")["result"] == "0xb"
    wait_bitten(proxy, stale=1)
    assert proxy.met["stale"] == 2


def test_changed_answers_are_counted(proxy: FaultProxy) -> None:
    proxy.fault = FAULTS["stale"]
    assert ask(proxy, "eth_blockNumber")["result"] == "0xb"
    proxy.fault = FAULTS["already_known"]
    assert "error" in ask(proxy, "eth_sendRawTransaction", "0x00")
    wait_bitten(proxy, stale=1, already_known=1)


def test_broken_connections_are_counted(proxy: FaultProxy) -> None:
    proxy.fault = FAULTS["cut_before"]
    with pytest.raises(OSError):
        ask(proxy, "eth_chainId")
    wait_bitten(proxy, cut_before=1)


def test_receipt_of_what_is_in_no_block_is_forged(proxy: FaultProxy) -> None:
    proxy.fault = FAULTS["forged_receipt"]
    tx_hash = "0x" + "22" * 32
    receipt = ask(proxy, "eth_getTransactionReceipt", tx_hash)["result"]
    assert (receipt["transactionHash"], receipt["status"]) == (tx_hash, "0x1")
    wait_bitten(proxy, forged_receipt=1)
