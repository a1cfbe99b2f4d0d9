"""A node through anything: files, midnights, wrong clocks, kills, forks, a second process.

After every step each answer is compared with a model that knows nothing of logs and chains, proved
answers are verified as a bank would, and the stored log is replayed from its bytes.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import text
from worlds.node import ISSUER, OTHER_ISSUER, REGION, World, uscc
from worlds.node_model import ASKED, ChangeRow, Days, Model, Row, file_of

from ledger.core import canonical, prefix_tree
from ledger.core.chain.head_slots import stream_id
from ledger.core.merkle import root_hash
from ledger.core.stream.map_function import replay
from ledger.core.trust import encode_trust_root
from ledger.core.verify import verify_evidence
from ledger.core.verify.verdict import day_of
from ledger.errors import ChainUnavailableError, StoreUnavailableError, UnavailableError
from ledger.services.background.worker import Worker
from ledger.services.lookup.answers import PROVED, Answer, Question, Result
from ledger.services.lookup.region import RegionLookup
from ledger.services.publication import BatchReport, Mode, Publication
from ledger.services.stored import StreamLog
from ledger.services.stream.state import StreamState

RECORDS = stream_id(REGION, "records")
LOG = StreamLog("records", 1)
START = datetime(2026, 10, 31, 15, 50, tzinfo=UTC)
"""Ten minutes before midnight in +08:00."""

UNTIL = (None, date(2026, 10, 30), date(2026, 10, 31), date(2026, 11, 1))
SKEWS = (0, 0, 30, -30, 86_400, -86_400)
LEAPS = (1, 20, 61, 590, 660, 3_600, 86_400)
CALLS = (
    "store.commit_batch",
    "store.commit_endings",
    "store.append_entries",
    "store.entries",
    "store.add_outbox",
    "store.set_outbox_state",
    "store.add_snapshot",
    "store.is_pending",
    "chain.simulate",
    "chain.send_raw",
    "chain.receipt",
    "chain.transaction_count",
    "chain.fetch_head",
    "chain.fetch_proof",
)

ROWS = st.builds(
    Row,
    number=st.integers(0, 8),
    until=st.sampled_from(UNTIL),
    fine=st.sampled_from(["1.000000", "1.000000", "2.500000"]),
    issuer=st.sampled_from([ISSUER, ISSUER, ISSUER, OTHER_ISSUER]),
    spelling=st.integers(0, 2),
)
CHANGES = st.builds(
    ChangeRow,
    number=st.integers(0, 8),
    kind=st.sampled_from(["repair", "revoke"]),
    issuer=st.sampled_from(["", "", ISSUER, OTHER_ISSUER]),
)


class Killed(BaseException):
    """The process dies here."""


class Process:
    """One process of the node: what it has in memory."""

    def __init__(self, world: World) -> None:
        self.store = world.store
        self.publication: Publication = world.publication
        self.lookup: RegionLookup = world.lookup
        self.state: StreamState = world.records
        self.worker: Worker = world.worker


class NodeMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.world = World(self.folder)
        self.now = START
        self.skew = 0
        self.model = Model()
        self.process = Process(self.world)
        self.old: Process | None = None
        self.undo: list[Callable[[], None]] = []
        self.keys = 0
        # The chain has a clock of its own, which no fault of the node's moves.
        self.world.chain._time = lambda: self.now.timestamp()
        self.pass_time(0)

    def teardown(self) -> None:
        self.settle()
        self.kill()
        shutil.rmtree(self.folder)

    # --- Time

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.world.clock.at = self.now + timedelta(seconds=self.skew)

    @initialize()
    def begin(self) -> None:
        self.world.chain.mine()

    @rule(seconds=st.sampled_from(LEAPS))
    def time_passes(self, seconds: int) -> None:
        self.pass_time(seconds)
        self.world.chain.mine()

    @rule(before=st.integers(-3, 40))
    def midnight_comes(self, before: int) -> None:
        midnight = self.now.replace(hour=16, minute=0, second=0)
        wait = (midnight - self.now).total_seconds() % 86_400
        self.pass_time(max(0.0, wait - before))
        self.world.chain.mine()

    @rule(seconds=st.sampled_from(SKEWS))
    def clock_is_set(self, seconds: int) -> None:
        self.skew = seconds
        self.pass_time(0)

    @rule(
        skew=st.sampled_from([30, 86_400]),
        rows=st.lists(ROWS, min_size=1, max_size=3),
        before=st.sampled_from([20, 3_600]),
    )
    def clock_runs_ahead_for_a_while(self, skew: int, rows: list[Row], before: int) -> None:
        """Into a day that the chain does not know yet; the worker goes on meanwhile."""
        self.midnight_comes(before)
        self.clock_is_set(skew)
        self.publish(rows, False, False)
        self.worker_runs(4, True)
        self.every_answer_is_the_models()
        self.clock_is_set(0)
        self.worker_runs(2, True)

    # --- Files

    def days(self) -> Days:
        today, chain_day = day_of(self.world.clock.now()), day_of(self.now)
        return Days(
            today=today,
            # Before the first snapshot nothing says what day it is on the chain.
            proved=chain_day if self.world.store.newest_snapshot(LOG) else today,
            latest=max(today, chain_day),
        )

    @rule(rows=st.lists(ROWS, min_size=1, max_size=4), by_old=st.booleans(), again=st.booleans())
    def publish(self, rows: list[Row], by_old: bool, again: bool) -> None:
        days = self.days()
        self.model.begin_file()
        report, is_retry = self.send(file_of(rows), by_old, again)
        for row, told in zip(rows, report.rows, strict=True):
            self.model.put(row, told, days=days, is_retry=is_retry)
        self.note(rows)

    @rule(rows=st.lists(ROWS, min_size=1, max_size=3), by_old=st.booleans(), again=st.booleans())
    def amend(self, rows: list[Row], by_old: bool, again: bool) -> None:
        days = self.days()
        self.model.begin_file()
        report, is_retry = self.send(file_of(rows), by_old, again, Mode.AMEND)
        for row, told in zip(rows, report.rows, strict=True):
            self.model.amend(row, told, days=days, is_retry=is_retry)
        self.note(rows)

    @rule(rows=st.lists(CHANGES, min_size=1, max_size=3), by_old=st.booleans())
    def end(self, rows: list[ChangeRow], by_old: bool) -> None:
        latest = max(day_of(self.world.clock.now()), day_of(self.now))
        report, is_retry = self.send(file_of(rows), by_old, False)
        for row, told in zip(rows, report.rows, strict=True):
            self.model.change(row, told, latest=latest, is_retry=is_retry)
        self.note(rows)

    def send(
        self, content: bytes, by_old: bool, again: bool, mode: Mode = Mode.PUBLISH
    ) -> tuple[BatchReport, bool]:
        """Send a file until it is acknowledged, as a client does."""
        self.keys += 1
        for tries in range(3):
            process = self.old if by_old and self.old is not None else self.process
            key = None if tries else f"key-{self.keys}"
            try:
                report = process.publication.accept(content, "file.csv", key, mode=mode)
            except Killed:
                self.restart()
            except UnavailableError:
                pass
            else:
                if again and key is not None:
                    repeated = process.publication.accept(content, "file.csv", key, mode=mode)
                    assert repeated.batch_id == report.batch_id
                return report, tries > 0
        raise AssertionError("not acknowledged")

    def note(self, rows: Sequence[Row] | Sequence[ChangeRow]) -> None:
        with self.world.store.reading() as connection:
            events = connection.scalar(text("SELECT count(*) FROM events"))
        for row in rows:
            self.model.due[row.subject] = 1 + (events or 0)

    # --- Work and faults

    @rule(rounds=st.integers(1, 6), mines=st.booleans())
    def worker_runs(self, rounds: int, mines: bool) -> None:
        for _ in range(rounds):
            try:
                assert self.process.worker.run_once(), self.process.worker.status().stopped_by
            except Killed:
                self.restart()
            self.pass_time(1)
            if mines:
                self.world.chain.mine()

    @rule(call=st.sampled_from(CALLS), is_after=st.booleans(), kills=st.booleans())
    def fault_waits(self, call: str, is_after: bool, kills: bool) -> None:
        where, name = call.split(".")
        target: Any = getattr(self.world, where)
        real = getattr(target, name)

        def remove() -> None:
            target.__dict__.pop(name, None)

        def strike(*arguments: Any, **named: Any) -> Any:
            remove()
            if is_after:
                real(*arguments, **named)
            if kills:
                raise Killed
            raise (StoreUnavailableError if where == "store" else ChainUnavailableError)("fault")

        setattr(target, name, strike)
        self.undo.append(remove)

    @rule()
    def restart(self) -> None:
        self.kill()
        self.world.start()
        self.process = Process(self.world)

    def kill(self) -> None:
        self.remove_faults()
        for process in (self.process, self.old):
            if process is not None:
                process.store.close()
        self.old = None

    def remove_faults(self) -> None:
        while self.undo:
            self.undo.pop()()

    @rule()
    def second_process_starts(self) -> None:
        """By mistake, or for more lookups: over the same database, and the first one lives on."""
        self.remove_faults()
        if self.old is not None:
            self.old.store.close()
        self.old = self.process
        self.old.worker.run_once()  # It has its fence before the new one takes the next.
        self.world.start()
        self.process = Process(self.world)
        self.process.worker.run_once()

    @rule()
    def old_worker_runs(self) -> None:
        """A newer fence was handed out: it reads, and writes nothing."""
        if self.old is not None:
            before, sent = self.everything(), len(self.world.chain.sent)
            try:
                self.old.worker.run_once()
            except Killed:
                self.restart()
            assert (self.everything(), len(self.world.chain.sent)) == (before, sent)

    def everything(self) -> list[list[Any]]:
        with self.world.store.reading() as connection:
            return [
                list(connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2")))
                for table in ("events", "entries", "records", "outbox", "snapshots", "fences")
            ]

    @rule(blocks=st.integers(1, 12))
    def chain_is_rolled_back(self, blocks: int) -> None:
        chain = self.world.chain
        chain.roll_back(max(2, len(chain._blocks) - 1 - blocks))
        chain.mine()

    @rule(fault=st.sampled_from(["reply", "send", "pool", "nonce", "down", "up"]))
    def chain_fails(self, fault: str) -> None:
        chain = self.world.chain
        match fault:
            case "reply":
                chain.replies_lost = 1
            case "send":
                chain.sends_lost = 1
            case "pool":
                chain.drop_pool()
            case "nonce":
                chain.use_nonce(self.world.anchor_key.address)
            case _:
                chain.is_down = fault == "down"

    @rule()
    def settle(self) -> None:
        """Nothing goes wrong any more: then everything accepted is proved."""
        self.remove_faults()
        self.world.chain.is_down = False
        self.skew = 0
        # What was published by a clock that ran ahead waits for that day.
        while max(self.model.days(), default=date.min) > day_of(self.now):
            self.pass_time(86_400)
        for _ in range(3):
            self.pass_time(40)
            self.world.chain.mine()
            self.world.settle(12)
            self.now = self.world.clock.at
        for subject in ASKED:
            answer = self.ask(self.process, subject)
            assert answer.result in PROVED, (answer.code, self.process.worker.status())
        newest = self.world.chain.fetch_head(RECORDS)
        assert newest is not None and newest.size == self.process.state.size
        assert self.world.store.pending_count(LOG, newest.size) == 0

    # --- What must hold

    def ask(self, process: Process, subject: int) -> Answer:
        (answer,) = process.lookup.answer([Question(uscc(subject), REGION, "cf")])
        return answer

    @invariant()
    def every_answer_is_the_models(self) -> None:
        for process in (self.process, self.old):
            if process is not None:
                for subject in ASKED:
                    self.check_answer(process, subject)

    def check_answer(self, process: Process, subject: int) -> None:
        try:
            answer = self.ask(process, subject)
        except Killed:
            return
        now, snapshot = self.world.clock.now(), process.state.snapshot
        age = None if snapshot is None else now.timestamp() - snapshot.block_time
        if answer.result is Result.UNAVAILABLE:
            is_due = age is None or not -60 <= age <= 600
            assert is_due or answer.code == "store-unavailable", answer.code
            return
        assert snapshot is not None
        block_day = day_of(datetime.fromtimestamp(snapshot.block_time, UTC))
        today = max(day_of(now), block_day)
        if answer.result is Result.PENDING:
            size = snapshot.head.size
            assert self.model.may_wait(subject, size, today, block_day)
            return
        expected = self.model.in_force(subject, today)
        assert answer.result is (Result.RECORDS if expected else Result.NONE)
        assert answer.evidence is not None
        verdict = verify_evidence(
            answer.evidence, encode_trust_root(self.world.trust_root), now=now
        )
        assert verdict, (verdict.outcome, verdict.reason)
        proved = sorted(str(record.values["document_number"]) for record in verdict.records)
        assert proved == expected

    @invariant()
    def log_holds_every_event_once_and_replays_to_the_heads(self) -> None:
        with self.world.store.reading() as connection:
            entries = list(connection.execute(text("SELECT * FROM entries ORDER BY log_index")))
            events = list(connection.execute(text("SELECT * FROM events ORDER BY seq")))
            live = list(connection.execute(text("SELECT live_epoch FROM outbox")).scalars())
        assert [entry.log_index for entry in entries] == list(range(len(entries)))
        placed = {event.log_index: event for event in events if event.log_index is not None}
        logged = [canonical.decode(entry.entry) for entry in entries[1:]]
        commitments = [one["event"] for one in logged if isinstance(one, dict)]
        assert commitments == [placed[at].commitment.hex() for at in sorted(placed)]
        assert len(commitments) == max(0, len(entries) - 1) == len(set(commitments))
        puts = len(self.model.records) + self.model.amendments
        assert sum(event.op == "put" for event in events) == puts
        # A put is replaced or dropped once.
        targets = Counter(event.target_seq for event in events if event.target_seq is not None)
        assert all(count == 1 for count in targets.values())
        assert max(Counter(one for one in live if one is not None).values(), default=1) == 1
        head = self.world.chain._blocks[-1].state.heads.get(RECORDS)
        if head is not None:
            assert head.size <= len(entries)
            self.check_roots(entries, head.size, (head.log_root, head.map_root))
        ours = self.process.state.head()
        self.check_roots(entries, ours.size, (ours.log_root, ours.map_root))

    def check_roots(self, entries: list[Any], size: int, roots: tuple[bytes, bytes]) -> None:
        state = replay(entry.entry for entry in entries[:size])
        values = {key: state.value(key) for key in state.lists}
        root = root_hash([entry.leaf_hash for entry in entries[:size]])
        assert roots == (root, prefix_tree.root({k: v for k, v in values.items() if v}))


NodeMachine.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
test_node_in_any_order_of_events_answers_as_the_model = NodeMachine.TestCase
