"""Answers as they look, for the OpenAPI description; a test holds them against their schemas."""

from typing import Any, Final

_VERDICT: Final = {
    "outcome": "VALID",
    "block_number": 2871,
    "block_time": "2026-11-23T02:10:04Z",
    "epoch": 12,
    "anchored_at": "2026-11-23T02:09:58Z",
    "development": True,
}
_EVIDENCE: Final = {"v": 1, "claim": {"kind": "complete", "count": 0}, "chain": {"...": "..."}}
_NONE: Final = {
    "subject": "91310113MA1GKX4U0M",
    "region": "320000",
    "record_type": "cf",
    "result": "none",
    "code": "ok",
    "evidence": _EVIDENCE,
    "verdict": _VERDICT,
}
_UNAVAILABLE: Final = {
    "subject": "91310113MA1GKX4U0M",
    "region": "330000",
    "record_type": "cf",
    "result": "unavailable",
    "code": "deadline",
    "evidence": None,
    "verdict": None,
}
_PENDING: Final = _UNAVAILABLE | {
    "region": "320000",
    "result": "pending",
    "code": "change-not-anchored",
}
_ROW_PROBLEM: Final = {
    "row": 3,
    "field": "CF_XDR_SHXYM",
    "code": "uscc-check",
    "expected": "X",
    "found": None,
    "message": "统一社会信用代码校验码不符",
    "message_en": "the check character of the unified social credit code does not fit",
}
_BATCH: Final = {
    "id": 17,
    "source_name": "310000-cf.csv",
    "kind": "records",
    "record_type": "cf",
    "received_at": "2026-11-23T02:09:55Z",
    "ignored_columns": ["CF_BZ"],
    "mode": "publish",
    "rows": 3,
    "accepted": 1,
    "amended": 0,
    "unchanged": 1,
    "skipped": 0,
    "rejected": [_ROW_PROBLEM],
    "rejected_rows": 1,
    "state": "integrated",
    "events": {"accepted": 1, "sequenced": 1, "integrated": 1, "anchored": 0, "confirmed": 0},
}


def example(**named: object) -> dict[str, Any]:
    """A response's content with named examples."""
    return {
        "content": {
            "application/json": {"examples": {name: {"value": one} for name, one in named.items()}}
        }
    }


LOOKUP: Final = example(
    none={"answers": [_NONE]},
    region_down={"answers": [_NONE, _UNAVAILABLE]},
)
ANSWERS: Final = example(
    none={"answers": [_NONE | {"verdict": None}], "region": "320000"},
    pending={"answers": [_PENDING], "region": "320000"},
)
BATCH: Final = example(in_work=_BATCH)
BATCHES: Final = example(
    page={
        "items": [
            {"id": 17, "source_name": "310000-cf.csv", "received_at": "2026-11-23T02:09:55Z"}
        ],
        "next_cursor": None,
    }
)
ROWS: Final = example(
    page={
        "items": [
            {
                "row": 2,
                "outcome": "accepted",
                "effect": "put",
                "state": "integrated",
                "problems": [],
            },
            {
                "row": 3,
                "outcome": "rejected",
                "effect": None,
                "state": None,
                "problems": [_ROW_PROBLEM],
            },
        ],
        "next_cursor": "AAAAAAAAAAJbCkrkY9k2ug",
    }
)
ALIVE: Final = example(alive={"status": "alive"})
READY: Final = example(
    ready={"status": "ready", "region": "310000", "checks": []},
    verbose={
        "status": "ready",
        "region": "310000",
        "checks": [
            {"name": "store", "state": "ok", "code": "ok", "since": None, "lasted_s": None},
            {
                "name": "chain",
                "state": "warning",
                "code": "chain-stalled",
                "since": "2026-11-01T08:00:00Z",
                "lasted_s": 75,
            },
        ],
    },
)
VERSION: Final = example(version={"version": "0.1.0", "evidence": 1, "trust_root": 1})
STATUS: Final = example(
    status={
        "region": "310000",
        "worker": {"is_ready": True, "reason": "ready", "streams": [], "errors": []},
        "in_work": {"files": 1, "rows_decided": 1200, "rows": 5000},
    }
)
TRUST_ROOT: Final = example(shortened={"v": 1, "sequence": 1, "chain_id": 31337})
DESCRIPTION: Final = example(shortened={"openapi": "3.1.0"})
METRICS: Final[dict[str, Any]] = {
    "content": {
        "text/plain": {
            "schema": {"type": "string"},
            "examples": {"shortened": {"value": "credit_ledger_ready 1.0\n"}},
        }
    }
}
