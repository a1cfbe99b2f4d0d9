"""A node put through anything is clean at every moment: an audit never cries wolf."""

import os
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant
from test_node_machine import NodeMachine, Process
from worlds.auditing import AuditedWorld, audit_file

from ledger.services.audit import Memory

EXAMPLES = int(os.environ.get("AUDITED_EXAMPLES", "4"))
"""Each takes about two seconds."""


class AuditedMachine(NodeMachine):
    """The same machine over a chain whose transactions are real ones."""

    world: AuditedWorld

    def __init__(self) -> None:
        super().__init__()
        self.kill()
        own = Path(self.folder) / "audited"
        own.mkdir()
        self.world = AuditedWorld(own)
        self.process = Process(self.world)
        self.world.chain._time = lambda: self.now.timestamp()
        self.pass_time(0)
        self.node = self.world.identity()
        self.memory = Memory()

    @invariant()
    def database_is_clean(self) -> None:
        report = audit_file(self.world.path, self.node, None, memory=self.memory)
        assert report.is_clean, report.findings

    def teardown(self) -> None:
        self.settle()
        report = audit_file(self.world.path, self.node, self.world.chain, memory=self.memory)
        assert report.is_clean, (report.findings, report.unknown)
        super().teardown()


AuditedMachine.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
test_node_in_any_order_of_events_is_clean = AuditedMachine.TestCase
