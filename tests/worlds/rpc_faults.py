"""A proxy in front of a chain's endpoint that lies, stalls and breaks off, by a seeded choice."""

import json
import random
import socket
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Tree = dict[str, Any]
Fault = Callable[["Exchange"], None]


class Exchange:
    """One request on its way through the proxy."""

    def __init__(self, handler: BaseHTTPRequestHandler, proxy: "FaultProxy", body: bytes) -> None:
        self.handler = handler
        self.proxy = proxy
        self.body = body
        self.request: Tree = json.loads(body)
        self.method: str = self.request["method"]
        self.is_bitten = True
        """Whether something else went back than what the true endpoint answers."""
        self._true: str | None = None

    def forward(self, body: bytes | None = None) -> Tree:
        """What the true endpoint answers, to this request or another."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.proxy.target, body or self.body, headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: Tree = json.loads(answer.read())
        if body is None:
            self._true = json.dumps(found)
        return found

    def answer(self, tree: object) -> None:
        text = json.dumps(tree)
        self.is_bitten = text != self._true
        self.send(text.encode())

    def result(self, value: object) -> None:
        self.answer({"jsonrpc": "2.0", "id": self.request["id"], "result": value})

    def error(self, number: int, words: str) -> None:
        error = {"code": number, "message": words}
        self.answer({"jsonrpc": "2.0", "id": self.request["id"], "error": error})

    def send(self, body: bytes, *, status: int = 200, length: int | None = None) -> None:
        self.handler.send_response(status)
        self.handler.send_header("Content-Type", "application/json")
        self.handler.send_header("Content-Length", str(len(body) if length is None else length))
        self.handler.end_headers()
        self.handler.wfile.write(body)

    def cut(self) -> None:
        self.handler.close_connection = True
        self.handler.connection.shutdown(socket.SHUT_RDWR)


# --- Faults of the network


def cut_before(x: Exchange) -> None:
    """The connection ends before the request is passed on."""
    x.cut()


def cut_after(x: Exchange) -> None:
    """The request takes effect, the reply is lost."""
    x.forward()
    x.cut()


def hang(x: Exchange) -> None:
    """Nothing comes."""
    time.sleep(x.proxy.hang_s)
    x.cut()


def truncated(x: Exchange) -> None:
    """Half of the answer."""
    body = json.dumps(x.forward()).encode()
    x.send(body[: len(body) // 2], length=len(body))
    x.cut()


def not_json(x: Exchange) -> None:
    """A page of a proxy in between."""
    x.send(b"<html>bad gateway</html>")


def too_many_requests(x: Exchange) -> None:
    """Status 429."""
    x.send(b"slow down", status=429)


def endless(x: Exchange) -> None:
    """A body that does not end."""
    x.handler.send_response(200)
    x.handler.end_headers()
    try:
        for _ in range(4_000):
            x.handler.wfile.write(b"[" * 65_536)
    except OSError:
        pass
    x.cut()


def trickle(x: Exchange) -> None:
    """One byte now and then."""
    body = json.dumps(x.forward()).encode()
    x.handler.send_response(200)
    x.handler.end_headers()
    try:
        for position in range(len(body)):
            x.handler.wfile.write(body[position : position + 1])
            time.sleep(0.2)
    except OSError:
        pass


# --- Lies


def nothing(x: Exchange) -> None:
    """Null, whatever was asked."""
    x.result(None)


def other_id(x: Exchange) -> None:
    """The answer to another request."""
    x.answer({**x.forward(), "id": 987_654})


def wrong_chain(x: Exchange) -> None:
    """Another chain's id."""
    x.result("0x1") if x.method == "eth_chainId" else x.answer(x.forward())


def stale(x: Exchange) -> None:
    """The state of some blocks ago as the newest."""
    if x.method == "eth_blockNumber":
        newest = int(x.forward()["result"], 16)
        x.result(hex(max(1, newest - 5)))
    else:
        x.answer(x.forward())


def ahead(x: Exchange) -> None:
    """A block that is not there yet."""
    if x.method == "eth_blockNumber":
        x.result(hex(int(x.forward()["result"], 16) + 100))
    else:
        x.answer(x.forward())


def already_known(x: Exchange) -> None:
    """The transaction is taken and refused in words."""
    tree = x.forward()
    if x.method == "eth_sendRawTransaction":
        x.error(-32000, "already known")
    else:
        x.answer(tree)


def nonce_too_low(x: Exchange) -> None:
    """The transaction is taken and refused in words."""
    tree = x.forward()
    if x.method == "eth_sendRawTransaction":
        x.error(-32000, "nonce too low")
    else:
        x.answer(tree)


def swallowed(x: Exchange) -> None:
    """The transaction is thrown away and called taken."""
    if x.method == "eth_sendRawTransaction":
        from ledger.core.chain.keccak import keccak256

        raw = bytes.fromhex(x.request["params"][0][2:])
        x.result("0x" + keccak256(raw).hex())
    else:
        x.answer(x.forward())


def reverts(x: Exchange) -> None:
    """Every call is said to be refused by the contract."""
    if x.method == "eth_call":
        x.error(3, "execution reverted")
    else:
        x.answer(x.forward())


def other_header(x: Exchange) -> None:
    """A header with one field changed, and a hash that goes with it."""
    tree = x.forward()
    if x.method == "eth_getBlockByNumber" and tree.get("result"):
        block = tree["result"]
        name = x.proxy.rng.choice(("stateRoot", "timestamp", "parentHash", "gasUsed"))
        digit = x.proxy.rng.choice("123456789abcdef")
        block[name] = block[name][:-1] + (digit if block[name][-1] != digit else "0")
    x.answer(tree)


def few_seals(x: Exchange) -> None:
    """A header with the seals of too few."""
    tree = x.forward()
    if x.method == "eth_getBlockByNumber" and tree.get("result"):
        from ledger.core.chain import qbft
        from ledger.errors import MalformedProofError

        block = tree["result"]
        try:
            extra = qbft.parse_extra(bytes.fromhex(block["extraData"][2:]))
        except MalformedProofError:
            pass
        else:
            block["extraData"] = "0x" + extra.encode(extra.round, extra.seals[:2]).hex()
    x.answer(tree)


def other_proof(x: Exchange) -> None:
    """A proof with one bit changed."""
    tree = x.forward()
    if x.method == "eth_getProof" and tree.get("result"):
        proof = tree["result"]
        nodes = x.proxy.rng.choice(
            [proof["accountProof"], *[p["proof"] for p in proof["storageProof"]]]
        )
        if nodes:
            place = x.proxy.rng.randrange(len(nodes))
            raw = bytearray.fromhex(nodes[place][2:])
            raw[x.proxy.rng.randrange(len(raw))] ^= 1 << x.proxy.rng.randrange(8)
            nodes[place] = "0x" + raw.hex()
    x.answer(tree)


def old_proof(x: Exchange) -> None:
    """The proof of an earlier block."""
    if x.method == "eth_getProof":
        address, keys, number = x.request["params"]
        earlier = hex(max(1, int(number, 16) - 3))
        params = {**x.request, "params": [address, keys, earlier]}
        x.answer(x.forward(json.dumps(params).encode()))
    else:
        x.answer(x.forward())


def other_receipt(x: Exchange) -> None:
    """A receipt that says the contrary."""
    tree = x.forward()
    if x.method == "eth_getTransactionReceipt" and tree.get("result"):
        receipt = tree["result"]
        receipt["status"] = "0x0" if receipt["status"] == "0x1" else "0x1"
    x.answer(tree)


def forged_receipt(x: Exchange) -> None:
    """A receipt of a transaction that is in no block."""
    tree = x.forward()
    if x.method == "eth_getTransactionReceipt" and not tree.get("result"):
        tree["result"] = {
            "transactionHash": x.request["params"][0],
            "status": "0x1",
            "blockNumber": "0x1",
            "blockHash": "0x" + x.proxy.rng.randbytes(32).hex(),
            "gasUsed": "0x5208",
        }
    x.answer(tree)


FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        *(cut_before, cut_after, hang, truncated, not_json, too_many_requests, endless, trickle),
        *(nothing, other_id, wrong_chain, stale, ahead, already_known, nonce_too_low, swallowed),
        *(reverts, other_header, few_seals, other_proof, old_proof, other_receipt),
        forged_receipt,
    )
}


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Silent where a client went away."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class FaultProxy:
    """A real server in front of a real endpoint.

    Args:
        target: The true endpoint.
        seed: Of the choice.
        share: How many of a hundred requests meet the fault.
        hang_s: How long a hanging answer hangs.
    """

    def __init__(self, target: str, *, seed: object, share: int = 100, hang_s: float = 3.0) -> None:
        self.target = target
        self.rng = random.Random(str(seed))
        self.share = share
        self.hang_s = hang_s
        self.fault: Fault | None = None
        self.met: Counter[str] = Counter()
        """Requests that a fault was asked to answer, by its name."""
        self.bitten: Counter[str] = Counter()
        """Those of them that were answered otherwise than truly."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                exchange, fault = Exchange(self, proxy, body), proxy.fault
                try:
                    if fault is None or proxy.rng.randrange(100) >= proxy.share:
                        exchange.answer(exchange.forward())
                    else:
                        proxy.bite(exchange, fault)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def bite(self, exchange: Exchange, fault: Fault) -> None:
        self.met[fault.__name__] += 1
        try:
            fault(exchange)
        finally:
            self.bitten[fault.__name__] += exchange.is_bitten

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
