"""Every problem the API can answer with: code, status, and what it means in two languages.

One table feeds the answers, the OpenAPI description and docs/api.md, so that they cannot differ. A
code is stable: callers switch on it, never on a text. What an operation may answer beyond its own
codes stands in the groups at the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ledger.core.intake.problems import FILE_PROBLEMS


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one code means."""

    status: int
    """HTTP status; a code never has two."""
    zh: str
    """The title in Chinese."""
    en: str
    """The title in English."""


_OWN: Final = {
    # 400: the request cannot be read
    "malformed-request": Meaning(400, "不是有效的 HTTP 请求", "Not an HTTP request"),
    "framing": Meaning(400, "请求边界不明确", "Where the request ends is not clear"),
    "content-length": Meaning(400, "Content-Length 无效", "Content-Length is not a length"),
    "malformed-json": Meaning(400, "JSON 不合要求", "The JSON is malformed or ambiguous"),
    # 401: who asks
    "unauthorized": Meaning(401, "需要运营方令牌", "The operator's token is required"),
    "mirror-required": Meaning(401, "需要镜像节点的签名", "A mirror's signature is required"),
    # 403: what the caller may not
    "not-for-caller": Meaning(403, "该调用方无权读取", "Not for this caller"),
    # 404, 405: what is asked for
    "not-found": Meaning(404, "没有此资源", "There is no such resource"),
    "method-not-allowed": Meaning(405, "不支持此方法", "The method is not allowed"),
    # 408, 413, 414, 415, 431: how it is sent
    "head-too-slow": Meaning(408, "请求头到达过慢", "The request head took too long"),
    "body-too-slow": Meaning(408, "请求体到达过慢", "The request body took too long"),
    "body-too-large": Meaning(413, "请求体过大", "The request body is too large"),
    "target-too-long": Meaning(414, "地址过长", "The target is too long"),
    "media-type": Meaning(415, "不支持此内容类型", "The content type is not supported"),
    "charset": Meaning(415, "不支持此字符编码", "The character set is not supported"),
    "content-encoding": Meaning(415, "不接受压缩的请求体", "Encoded bodies are not accepted"),
    "header-too-large": Meaning(431, "请求头过大", "The request header is too large"),
    # 409: the present state
    "conflict": Meaning(409, "与现有状态冲突", "Conflict with the present state"),
    "request-in-flight": Meaning(
        409, "同一 Idempotency-Key 的请求仍在处理", "A request with this key is still in work"
    ),
    "state": Meaning(409, "当前状态不允许", "The present state does not allow it"),
    # 422: what it says
    "invalid-request": Meaning(422, "请求内容有误", "The request breaks a rule"),
    "invalid-cursor": Meaning(422, "游标无效", "The cursor is not one of this list"),
    "idempotency-key-reused": Meaning(
        422, "此 Idempotency-Key 已用于其他内容", "The key was used with other content"
    ),
    "too-many-questions": Meaning(422, "一次提问过多", "Too many questions at once"),
    "uscc": Meaning(422, "统一社会信用代码无效", "Not a unified social credit code"),
    "input": Meaning(422, "请求内容有误", "The request content is wrong"),
    # 429, 503: later
    "rate-limited": Meaning(429, "请求过于频繁", "Too many requests"),
    "not-ready": Meaning(503, "节点尚未就绪", "The node is not ready"),
    "overloaded": Meaning(503, "节点繁忙", "The node has too much in work"),
    "stopping": Meaning(503, "节点正在停止", "The node is stopping"),
    "store-unavailable": Meaning(503, "数据库暂不可用", "The database is not available"),
    "store-busy": Meaning(503, "数据库被占用", "The database is locked by another process"),
    "store-read-only": Meaning(503, "数据库不可写", "The database may not be written"),
    "store-full": Meaning(507, "存储空间已满", "There is no room left on the disk"),
    "chain-unavailable": Meaning(503, "链暂不可用", "The chain is not available"),
    "unavailable": Meaning(503, "暂时无法服务", "Not available now"),
    # 500: ours
    "store-damaged": Meaning(500, "数据库已损坏", "The database is damaged"),
    "fatal-state": Meaning(500, "节点状态自相矛盾", "The node's state contradicts itself"),
    "internal": Meaning(500, "内部错误", "Internal error"),
}

PROBLEMS: Final[Mapping[str, Meaning]] = MappingProxyType(
    _OWN | {code: Meaning(422, zh, en) for code, (zh, en) in FILE_PROBLEMS.items()}
)
"""Every code that can leave the API."""

SERVER_CODES: Final = ("malformed-request", "head-too-slow")
"""Answered before there is a request that could have an operation."""

ROUTER_CODES: Final = ("not-found", "method-not-allowed")
"""Answered where there is no operation."""

EVERYWHERE: Final = (
    *("framing", "target-too-long", "content-encoding", "header-too-large"),
    "internal",
)
"""Any operation may answer with these; most also with ``rate-limited`` and ``stopping``."""

BODY: Final = ("content-length", "body-too-slow", "body-too-large", "media-type")
"""Of operations that take a body."""

JSON_BODY: Final = (*BODY, "malformed-json", "invalid-request")
"""Of operations that take JSON."""

FILE: Final = (*BODY, "charset", *FILE_PROBLEMS)
"""Of operations that take a file."""

STORE: Final = (
    *("store-unavailable", "store-busy", "store-read-only", "store-full", "store-damaged"),
    *("unavailable", "fatal-state"),
)
"""Of operations that read or write the store."""
