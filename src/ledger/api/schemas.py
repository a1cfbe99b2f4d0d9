"""What goes in and out of the API; unknown members are refused, types are not coerced."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ledger.services.publication.pages import MOST_REJECTED

Region = Annotated[str, Field(pattern=r"^[0-9]{6}$", examples=["340000"])]
RecordType = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", examples=["cf"])]
Subject = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        description="统一社会信用代码 / unified social credit code",
        examples=["91310113MA1GKX4U0M"],
    ),
]
MAX_QUESTIONS = 1000
"""Most (subject, region, record type) triples in one request."""


class Strict(BaseModel):
    """Base of request models."""

    model_config = ConfigDict(extra="forbid", strict=True)


class LookupRequest(Strict):
    """Ask about one or more subjects; regions and types default to all the trust root covers."""

    subjects: Annotated[list[Subject], Field(min_length=1, max_length=200)]
    regions: Annotated[list[Region], Field(min_length=1, max_length=32)] | None = None
    record_types: Annotated[list[RecordType], Field(min_length=1, max_length=32)] | None = None


class OneQuestion(Strict):
    """One question to a region about its own records."""

    subject: Subject
    record_type: RecordType


class AnswersRequest(Strict):
    """Questions to this region's node; this is what nodes send each other."""

    questions: Annotated[list[OneQuestion], Field(min_length=1, max_length=MAX_QUESTIONS)]


class VerdictOut(BaseModel):
    """The asked node's own verification of an answer; verify the evidence yourself."""

    outcome: str
    block_number: int
    block_time: str
    epoch: int
    anchored_at: str
    development: Annotated[bool, Field(description="true on a test chain: show it as 测试链")]


class AnswerOut(BaseModel):
    """The answer for one (subject, region, record type)."""

    subject: str
    region: str
    record_type: str
    result: Annotated[
        str,
        Field(description="records, none, pending, refused, unavailable or invalid"),
    ]
    code: str
    evidence: dict[str, object] | None = None
    verdict: VerdictOut | None = None


class LookupResponse(BaseModel):
    """One answer for each question, in the order subjects x regions x record types."""

    answers: list[AnswerOut]


class AnswersResponse(BaseModel):
    """This region's answers, in the order asked."""

    region: str
    answers: list[AnswerOut]


class RowProblem(BaseModel):
    """What is wrong with one row of a file."""

    row: Annotated[int, Field(description="the header is row 1; records, not physical lines")]
    field: str | None
    code: str
    expected: str | None
    found: str | None
    message: str
    message_en: str


class EventsReached(BaseModel):
    """How many of a batch's own events have come at least so far."""

    accepted: Annotated[int, Field(description="stored; an answer about their subject is pending")]
    sequenced: Annotated[int, Field(description="have their index in the log")]
    integrated: Annotated[int, Field(description="in log and map")]
    anchored: Annotated[int, Field(description="under a head that is in a block")]
    confirmed: Annotated[
        int,
        Field(description="under the head that is proved and served: enough mirrors agree with it"),
    ]


class BatchOut(BaseModel):
    """What became of a file, and how far its events are."""

    id: int
    source_name: str
    kind: Annotated[str, Field(description="records or changes")]
    record_type: str | None
    received_at: Annotated[str, Field(description="RFC 3339, UTC")]
    ignored_columns: Annotated[
        list[str], Field(description="columns of the file that mean nothing here")
    ]
    mode: Annotated[str, Field(description="publish or amend: how the file was sent")]
    rows: int
    accepted: int
    amended: Annotated[int, Field(description="accepted rows that amend a record")]
    unchanged: int
    skipped: int
    rejected: Annotated[
        list[RowProblem],
        Field(
            description=f"problems of the first {MOST_REJECTED} rejected rows; all of them are"
            " under rows?outcome=rejected"
        ),
    ]
    rejected_rows: int
    state: Annotated[
        str,
        Field(
            description="of the event furthest behind: accepted, sequenced, integrated, anchored,"
            " confirmed"
        ),
    ]
    events: EventsReached


class BatchItem(BaseModel):
    """A batch in a list."""

    id: int
    source_name: str
    received_at: Annotated[str, Field(description="RFC 3339, UTC")]


class BatchList(BaseModel):
    """One page of batches, newest first."""

    items: list[BatchItem]
    next_cursor: Annotated[str | None, Field(description="null on the last page")]


class RowOut(BaseModel):
    """What became of one row."""

    row: Annotated[int, Field(description="the header is row 1; records, not physical lines")]
    outcome: Annotated[str, Field(description="accepted, unchanged, rejected or skipped")]
    effect: Annotated[str | None, Field(description="what an accepted row did to its record")]
    state: Annotated[str | None, Field(description="how far it is; null if nothing is under way")]
    problems: list[RowProblem]


class RowList(BaseModel):
    """One page of a batch's rows, in the order of the file."""

    items: list[RowOut]
    next_cursor: Annotated[str | None, Field(description="null on the last page")]


class AliveOut(BaseModel):
    """The process answers."""

    status: Literal["alive"]


class CheckOut(BaseModel):
    """One thing the node looked at."""

    name: str
    state: Literal["ok", "warning", "failed"]
    code: Annotated[str, Field(description="ok, or a stable word that says what is wrong")]
    since: Annotated[
        str | None, Field(description="from when on; null where that is not known")
    ] = None
    lasted_s: Annotated[int | None, Field(description="for how many seconds; likewise")] = None


class ReadyOut(BaseModel):
    """Lookups about this region are proved now."""

    status: Literal["ready"]
    region: str
    checks: list[CheckOut]


class VersionOut(BaseModel):
    """Versions of the software and of the formats it reads and writes."""

    version: str
    evidence: int
    trust_root: int


class StatusOut(BaseModel):
    """How far the node is, for its operator."""

    region: str
    worker: dict[str, Any]
    in_work: Annotated[
        dict[str, int], Field(description="files in work; rows decided of the one being taken in")
    ]


class ProblemField(BaseModel):
    """One field or check that is wrong."""

    field: str
    code: str


class ProblemOut(BaseModel):
    """RFC 9457 problem; switch on ``code``, never on a text."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[ProblemField]
    request_id: str | None = None
