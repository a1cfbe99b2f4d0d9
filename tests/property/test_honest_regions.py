"""Whatever an honest region does, its evidence is VALID and shows exactly what is in force.

A model keeps, for each company, the record ids in force; the log, lists and map are the project's.
"""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from worlds.paper import PaperWorld
from worlds.people import COMPANIES, penalty, plain_event

from ledger.core.verify import Outcome

ANHUI = "340000"
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["publish", "publish", "amend", "repair", "dispute", "others"]),
        st.integers(0, 2),
        st.integers(0, 5),
    ),
    max_size=14,
)

InForce = dict[str, dict[int, str]]
"""Company -> log index -> record id."""


def play(world: PaperWorld, steps: list[tuple[str, int, int]]) -> InForce:
    """Do the steps in the world and in the model."""
    stream = world.stream(ANHUI)
    model: InForce = {COMPANIES[number]: {} for number in range(3)}
    for number, (step, company, chosen) in enumerate(steps):
        subject, items = COMPANIES[company], model[COMPANIES[company]]
        records = [i for i in items if stream.events[i].event["kind"] != "dispute"]
        index = records[chosen % len(records)] if records else None
        if step == "others":
            stream.fill(chosen)
        elif step == "publish" or index is None:
            added = stream.publish(penalty(subject, number))
            items[added] = stream.events[added].event["record_id"]
        elif step == "amend":
            added = stream.amend(penalty(subject, number, fine_fen=number), index)
            items[added] = items.pop(index)
        elif step == "repair":
            ended = items.pop(index)
            stream.repair(index)
            for disputed in [i for i in items if stream.events[i].event["about"] == ended]:
                # A drop of a record drops its disputes in the same head.
                stream.drop(disputed)
                del items[disputed]
        else:
            made = plain_event(stream.random, subject=subject, kind="dispute", about=items[index])
            added = stream.put(made)
            items[added] = made.event["record_id"]
    return model


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_evidence_of_any_history_is_valid_and_complete(steps: list[tuple[str, int, int]]) -> None:
    world = PaperWorld()
    model = play(world, steps)
    block = world.block()
    for subject, items in model.items():
        evidence = world.complete(ANHUI, "cf", subject, block=block)
        verdict = world.verify(evidence)
        assert verdict.outcome is Outcome.VALID
        assert {one.index: one.record_id for one in verdict.records} == items
        for count in {0, len(items) - 1, len(items) + 1} - {len(items), -1}:
            forged = replace(evidence, claim=replace(evidence.claim, count=count))
            assert world.verify(forged).outcome is Outcome.INVALID
        for index, record_id in items.items():
            current = world.current(ANHUI, "cf", subject, index, block=block)
            shown = world.verify(current)
            assert shown
            assert [one.record_id for one in shown.records] == [record_id]
