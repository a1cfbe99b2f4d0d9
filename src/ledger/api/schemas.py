"""What goes in and out of the API; unknown members are refused, types are not coerced."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Region = Annotated[str, Field(pattern=r"^[0-9]{6}$", examples=["340000"])]
RecordType = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", examples=["cf"])]
Subject = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        description="统一社会信用代码 / unified social credit code",
        examples=["91310113MA1GKX4U05"],
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


class BatchOut(BaseModel):
    """What became of a file, row by row, and how far its events are."""

    id: int
    source_name: str
    kind: Annotated[str, Field(description="records or changes")]
    record_type: str | None
    received_at: Annotated[str, Field(description="RFC 3339, UTC")]
    ignored_columns: Annotated[
        list[str], Field(description="columns of the file that mean nothing here")
    ]
    rows: int
    accepted: int
    unchanged: int
    skipped: int
    rejected: list[RowProblem]
    state: Annotated[str, Field(description="accepted, sequenced, integrated or anchored")]


class ProblemOut(BaseModel):
    """RFC 9457 problem; switch on ``code``, never on a text."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[dict[str, str]]
    request_id: str | None = None
