"""Attacks on steps 2 to 6: trust root, header, contract words, age, confirmations."""

from dataclasses import replace
from datetime import UTC, date, datetime

from worlds.paper import BLOCK_TIME, NOW, PaperWorld, re_rooted, seconds
from worlds.paper_block import CODE_HASH, HEAD_ANCHOR, PAUSED, RUNNING, SLOTS, head_words
from worlds.paper_stream import PaperStream
from worlds.people import CLEAN, penalty
from worlds.trials import (
    ANHUI,
    COMPANY,
    SHANGHAI,
    Given,
    add_trial,
    anhui,
    edited,
    honest,
    honest_absence,
    trial,
)
from worlds.trials_valid import BOTH, NAME, ask, mirrored

from ledger.core.chain.keccak import keccak256
from ledger.core.evidence import Evidence
from ledger.core.trust import Confirmation, Coverage, TrustRoot, ValidatorRange
from ledger.core.verify import Policy

# --- Step 2: trust root


def _absence_under(**changed: object) -> Given:
    world, evidence = honest_absence()
    return Given(evidence, world.trust_root(**changed))


def _covering(record_type: str, klass: str, region: str = ANHUI) -> dict[str, object]:
    return {"coverage": (Coverage(region, record_type, klass, date(2026, 1, 1)),)}


@trial("INVALID trust-root wrong-chain")
def wrong_chain() -> Given:
    """The evidence is of another chain."""
    return _absence_under(chain_id=1)


@trial("INCOMPLETE trust-root trust-root-expired")
def trust_root_expired() -> Given:
    """The trust root expired a second ago."""
    return _absence_under(expires_at=NOW - seconds(1))


@trial("INCOMPLETE trust-root trust-root-not-yet-valid")
def trust_root_not_yet_valid() -> Given:
    """The trust root was issued more than sixty seconds after now."""
    return _absence_under(issued_at=NOW + seconds(61))


@trial("INCOMPLETE trust-root not-covered")
def type_not_covered() -> Given:
    """The region does not undertake this record type: nothing there means nothing."""
    return _absence_under(**_covering("xk", "public"))


@trial("INCOMPLETE trust-root not-covered")
def type_covered_by_another_region_alone() -> Given:
    """Another region undertakes the type, this one does not."""
    return _absence_under(**_covering("cf", "public", SHANGHAI))


@trial("INCOMPLETE trust-root not-covered")
def coverage_begins_tomorrow() -> Given:
    """The region undertakes the type from the day after block M on."""
    return _absence_under(coverage=(Coverage(ANHUI, "cf", "public", date(2026, 11, 1)),))


@trial("INVALID trust-root wrong-stream")
def public_type_asked_on_restricted() -> Given:
    """A public type is absent from the restricted stream, which says nothing."""
    world = anhui(1)
    evidence = world.complete(ANHUI, "cf", COMPANY, stream="restricted")
    return Given(evidence, world.trust_root())


@trial("INVALID trust-root wrong-stream")
def restricted_type_asked_on_records() -> Given:
    """A restricted type is absent from the records stream, which says nothing."""
    world = PaperWorld()
    return Given(world.complete(ANHUI, "tax", CLEAN), world.trust_root())


@trial("INVALID trust-root wrong-stream")
def month_asked_on_records() -> Given:
    """A month is no record type of the records stream."""
    world = PaperWorld()
    return Given(world.complete(ANHUI, "2026-10", CLEAN), world.trust_root())


@trial("INCOMPLETE trust-root not-covered")
def month_listed_as_public_type() -> Given:
    """A trust root that lists a month as a public type does not make it one."""
    world = PaperWorld()
    root = world.trust_root(**_covering("2026-10", "public"))
    return Given(world.complete(ANHUI, "2026-10", CLEAN), root)


@trial("INCOMPLETE trust-root not-covered")
def queries_asked_as_record_type() -> Given:
    """The coverage entry of the query stream is no record type."""
    world = PaperWorld()
    return Given(world.complete(ANHUI, "queries", CLEAN), world.trust_root())


@trial("INCOMPLETE trust-root not-covered")
def penalty_listed_with_class_queries() -> Given:
    """An entry of class queries covers months alone."""
    return _absence_under(**_covering("cf", "queries"))


@trial("INVALID trust-root wrong-stream")
def class_moved_to_restricted() -> Given:
    """The trust root says restricted, the evidence comes from records."""
    return _absence_under(**_covering("cf", "restricted"))


@trial("INVALID subject-key malformed-record")
def penalty_asked_on_queries_without_coverage() -> Given:
    """Only months have keys on the query stream."""
    world = PaperWorld()
    evidence = world.complete(ANHUI, "2026-10", CLEAN, stream="queries")
    claim = replace(evidence.claim, record_type="zz")
    return Given(replace(evidence, claim=claim), world.trust_root())


@trial("UNSUPPORTED format unsupported-trust-root-version")
def trust_root_of_version_2() -> Given:
    """A trust root of a version this release does not know."""
    given = _absence_under()
    return replace(given, root=given.root_bytes.replace(b'"v":1', b'"v":2'))


# --- Step 3: consensus


def _with_header(evidence: Evidence, header: bytes, block_hash: bytes | None = None) -> Evidence:
    chain = evidence.chain
    return replace(
        evidence,
        chain=replace(chain, header=header, block_hash=block_hash or chain.block_hash),
    )


@trial("INVALID consensus block-hash-mismatch")
def header_altered() -> Given:
    """The header's time was moved; its hash is no longer the block hash."""
    world, evidence = honest(1)
    other = world.block(timestamp=BLOCK_TIME + 1)
    return Given(_with_header(evidence, other.header), world.trust_root())


@trial("INVALID consensus block-hash-mismatch")
def block_hash_altered() -> Given:
    """The block hash is another."""
    world, evidence = honest(1)
    return Given(_with_header(evidence, evidence.chain.header, b"\x01" * 32), world.trust_root())


@trial("INVALID state root-mismatch")
def header_of_another_state() -> Given:
    """Header and hash belong together, but the state root is another block's."""
    world, evidence = honest(1)
    other = world.block(words={})
    forged = _with_header(evidence, other.header, other.block_hash)
    return Given(forged, world.trust_root())


def validator_range(first: int, last: int | None) -> ValidatorRange:
    closing = (None, None) if last is None else (b"\x09" * 32, BLOCK_TIME)
    return ValidatorRange(first, last, *closing, frozenset({b"\x01" * 20}))


def sealed_by(*ranges: ValidatorRange) -> dict[str, object]:
    rules = (Confirmation(ANHUI, "records", (0,), 1),)
    return {
        "consensus": "qbft",
        "validators": ranges,
        "mirrors": BOTH_MIRRORS,
        "confirmations": rules,
    }


BOTH_MIRRORS = mirrored().mirrors


@trial("UNSUPPORTED consensus unsupported-consensus")
def header_without_seals_on_a_sealed_chain() -> Given:
    """The trust root wants seals, and the header is of a chain without any."""
    return _absence_under(**sealed_by(validator_range(0, None)))


@trial("INCOMPLETE consensus validators-unknown")
def block_after_every_validator_range() -> Given:
    """No validators are trusted for this height."""
    return _absence_under(**sealed_by(validator_range(0, 10)))


@trial("UNSUPPORTED consensus unsupported-consensus")
def stream_without_rule_off_development() -> Given:
    """Only a development chain may have a stream without mirrors."""
    changed = sealed_by(validator_range(0, None))
    given = _absence_under(**{**changed, "confirmations": ()})
    return given


# --- Step 4: state


def _forged(
    world: PaperWorld, evidence: Evidence | None = None, root: TrustRoot | None = None
) -> Given:
    """The evidence over the world as the attacker left it."""
    base = evidence or world.complete(ANHUI, "cf", CLEAN)
    return Given(re_rooted(base, world), root or world.trust_root())


@trial("INVALID state malformed-proof")
def stream_never_opened() -> Given:
    """No word of the stream was ever written: exclusion must not read as an empty map."""
    world = PaperWorld()
    for number in range(3):
        world.set_head_word(NAME, number, 0)
    return _forged(world)


@trial("INVALID state malformed-proof")
def all_words_zero() -> Given:
    """The stream's words are leaves that hold 0."""
    world = PaperWorld()
    for number in range(3):
        world.set_head_word(NAME, number, 0)
    slots = tuple(head_words(NAME, world.head(NAME)))
    block = world.block(zero_leaves=slots)
    return Given(world.complete(ANHUI, "cf", CLEAN, block=block), world.trust_root())


@trial("INVALID state malformed-proof")
def head_word_0_unset() -> Given:
    """Only head word 0 was never written."""
    world = PaperWorld()
    world.set_head_word(NAME, 0, 0)
    return _forged(world)


@trial("INVALID state malformed-proof")
def head_word_1_unset() -> Given:
    """Only the log root was never written."""
    world = PaperWorld()
    world.set_head_word(NAME, 1, 0)
    return _forged(world)


def _word0(size: int = 9, epoch: int = 7, anchored_at: int = BLOCK_TIME - 60) -> int:
    return size | epoch << 64 | anchored_at << 128 | 1 << 192 | 1 << 224


def _with_word0(word: int) -> Given:
    world = PaperWorld()
    world.set_head_word(NAME, 0, word)
    return _forged(world)


for _name, _what, _word in (
    ("size_zero", "The head has size 0.", _word0(size=0)),
    ("epoch_zero", "The head has epoch 0.", _word0(epoch=0)),
    ("anchored_at_zero", "The head has anchoredAt 0.", _word0(anchored_at=0)),
):
    add_trial(_name, _what, "INVALID state unset-head", lambda word=_word: _with_word0(word))


@trial("INVALID state malformed-proof")
def epoch_of_a_contradiction() -> Given:
    """An epoch of 2^63 would read as a contradiction in a lane."""
    return _with_word0(_word0(epoch=2**63))


@trial("INVALID state anchored-after-block")
def anchored_after_block() -> Given:
    """The head claims to be anchored a second after block M."""
    return _with_word0(_word0(anchored_at=BLOCK_TIME + 1))


@trial("INVALID state malformed-proof")
def status_unset() -> Given:
    """The status word was never written: no contract of ours ever ran there."""
    world = PaperWorld()
    world.set_status(0)
    return _forged(world)


@trial("INVALID state malformed-proof")
def status_of_unknown_state() -> Given:
    """The status word holds state 3."""
    world = PaperWorld()
    world.set_status(3 << 160)
    return _forged(world)


@trial("INVALID state malformed-proof")
def status_with_higher_bits() -> Given:
    """The status word has bits above the state."""
    world = PaperWorld()
    world.set_status(RUNNING | 1 << 200)
    return _forged(world)


@trial("INVALID state superseded")
def contract_superseded() -> Given:
    """Governance has named a successor."""
    world = PaperWorld()
    world.set_status(RUNNING | 0xABC)
    return _forged(world)


@trial("INVALID state root-mismatch")
def contract_with_other_code() -> Given:
    """The account at the address has another code."""
    world = PaperWorld()
    block = world.block(code_hash=b"\x77" * 32)
    return Given(world.complete(ANHUI, "cf", CLEAN, block=block), world.trust_root())


@trial("INVALID state malformed-proof")
def storage_of_another_contract() -> Given:
    """The words are proved under another contract of the same code."""
    world = PaperWorld()
    block = world.block(address=b"\x33" * 20)
    return Given(world.complete(ANHUI, "cf", CLEAN, block=block), world.trust_root())


@trial("INVALID state malformed-proof")
def contract_absent() -> Given:
    """The trie proves that there is no account at the address."""
    world = PaperWorld()
    block = world.block(address=b"\x33" * 20)
    chain = world.chain_proof(NAME, block)
    nodes = tuple(sorted(block.account_nodes(HEAD_ANCHOR)))
    evidence = world.complete(ANHUI, "cf", CLEAN)
    return Given(replace(evidence, chain=replace(chain, nodes=nodes)), world.trust_root())


@trial("INVALID state malformed-proof")
def storage_proof_of_another_stream() -> Given:
    """The nodes prove the head of the restricted stream."""
    world = anhui(1)
    world.stream(ANHUI, "restricted")
    evidence = world.complete(ANHUI, "cf", CLEAN)
    chain = world.chain_proof((ANHUI, "restricted"))
    return Given(replace(evidence, chain=chain), world.trust_root())


@trial("INVALID state malformed-proof")
def storage_proof_of_another_region() -> Given:
    """The nodes prove the head of Shanghai's stream."""
    world, evidence = honest_absence()
    chain = world.chain_proof((SHANGHAI, "records"))
    return Given(replace(evidence, chain=chain), world.trust_root())


@trial("INVALID subject-key vrf-proof")
def whole_evidence_of_another_region() -> Given:
    """Shanghai's absence is presented as Anhui's."""
    world = PaperWorld()
    evidence = world.complete(SHANGHAI, "cf", CLEAN)
    claim = replace(evidence.claim, region=ANHUI)
    return Given(re_rooted(replace(evidence, claim=claim), world), world.trust_root())


@trial("INVALID state malformed-proof")
def wrong_base_slot() -> Given:
    """The contract keeps its heads elsewhere than the trust root says."""
    world, evidence = honest_absence()
    root = world.trust_root()
    anchor = replace(root.head_anchor, slots={**SLOTS, "heads": 40})
    return Given(evidence, replace(root, head_anchor=anchor))


@trial("INVALID state root-mismatch")
def storage_proof_of_another_block() -> Given:
    """Header of block M, nodes of the block before."""
    world, evidence = honest_absence()
    before = PaperWorld()
    nodes = before.chain_proof(NAME).nodes
    return Given(replace(evidence, chain=replace(evidence.chain, nodes=nodes)), world.trust_root())


@trial("INVALID map root-mismatch")
def head_of_another_epoch() -> Given:
    """The chain proof is of the next epoch, the map proof of this one."""
    world = anhui(1)
    evidence = world.complete(ANHUI, "cf", CLEAN)
    world.stream(ANHUI).publish(penalty(CLEAN, 9))
    world.epoch += 1
    return _forged(world, evidence)


@trial("INVALID log malformed-proof")
def log_path_of_another_epoch() -> Given:
    """The list did not change, but the log grew; the log path is of the epoch before."""
    world = anhui(1)
    evidence = world.complete(ANHUI, "cf", COMPANY)
    stream = world.stream(ANHUI)
    for _ in range(16):
        stream.append(b"no entry, so the map stays as it is")
    world.epoch += 1
    return _forged(world, evidence)


def _with_nodes(nodes: tuple[bytes, ...]) -> Given:
    world, evidence = honest_absence()
    chain = replace(evidence.chain, nodes=tuple(sorted(set(nodes))))
    return Given(replace(evidence, chain=chain), world.trust_root())


@trial("INVALID state malformed-proof")
def surplus_node() -> Given:
    """A node of another stream's proof stands among the nodes."""
    world, evidence = honest_absence()
    more = world.chain_proof((SHANGHAI, "records")).nodes
    return _with_nodes(evidence.chain.nodes + more)


@trial("INVALID state malformed-proof")
def node_missing() -> Given:
    """The longest way lacks its last node."""
    world, evidence = honest_absence()
    block = world.block()
    top = block.accounts.root_hash
    kept = [node for node in evidence.chain.nodes if keccak256(node) != top]
    shortest = min(kept, key=len)
    return _with_nodes(tuple(node for node in evidence.chain.nodes if node != shortest))


@trial("INVALID state malformed-proof")
def no_nodes() -> Given:
    """There is no state proof at all."""
    return _with_nodes(())


# --- Step 5: freshness


def _at(now_offset: float, **policy: object) -> Given:
    world, evidence = honest_absence()
    return Given(
        evidence,
        world.trust_root(),
        now=NOW + seconds(now_offset),
        policy=Policy(**policy),  # type: ignore[arg-type]
    )


@trial("STALE freshness stale")
def stale() -> Given:
    """One second older than accepted."""
    return _at(596)


@trial("STALE freshness stale")
def stale_for_a_strict_caller() -> Given:
    """The caller accepts four seconds."""
    return _at(0, max_age_s=4)


@trial("INVALID freshness future-block")
def block_of_the_future() -> Given:
    """Block M is 61 seconds ahead of the clock."""
    return _at(-66)


@trial("INVALID freshness future-block")
def block_of_the_future_with_any_age() -> Given:
    """Any age lifts the upper bound only."""
    return _at(-66, max_age_s=None)


@trial("INCOMPLETE freshness as-of-not-proved")
def as_of_yesterday() -> Given:
    """The day asked for is not that of block M."""
    return _at(0, as_of=date(2026, 10, 30))


@trial("INCOMPLETE freshness as-of-not-proved")
def as_of_tomorrow() -> Given:
    """The day asked for has not come."""
    return _at(0, as_of=date(2026, 11, 1))


@trial("INCOMPLETE freshness as-of-not-proved")
def as_of_day_is_that_of_china() -> Given:
    """At 16:30 UTC the day in China is the next one."""
    world = PaperWorld()
    time = datetime(2026, 10, 30, 16, 30, tzinfo=UTC)
    block = world.block(timestamp=int(time.timestamp()))
    world.heads[NAME] = replace(world.head(NAME), anchored_at=int(time.timestamp()) - 9)
    block = world.block(timestamp=int(time.timestamp()))
    return Given(
        world.complete(ANHUI, "cf", CLEAN, block=block),
        world.trust_root(),
        now=time,
        policy=Policy(as_of=date(2026, 10, 30)),
    )


@trial("INCOMPLETE freshness paused")
def contract_paused() -> Given:
    """Governance has paused the contract."""
    world = PaperWorld()
    world.set_status(PAUSED)
    return _forged(world)


@trial("INCOMPLETE trust-root trust-root-expired")
def stale_and_trust_root_expired() -> Given:
    """Age alone makes STALE; beside another unknown it is INCOMPLETE."""
    return _at(86_400 * 30)


@trial("UNSUPPORTED subject-key unsupported-map-function")
def map_function_2_under_an_expired_trust_root() -> Given:
    """What is not supported outweighs the unknown before it."""
    given = map_function_2()
    return replace(given, now=NOW + seconds(86_400 * 30))


@trial("INVALID freshness future-block")
def future_block_under_an_early_trust_root() -> Given:
    """A fail outweighs the unknown before it."""
    return _at(-86_400 * 30)


# --- Step 6: confirmation


@trial("INCOMPLETE confirmation map-unconfirmed")
def confirmed_by_nobody() -> Given:
    """The confirmation words were never written."""
    return ask(mirrored())


@trial("INCOMPLETE confirmation map-unconfirmed")
def confirmed_by_one_operator_twice() -> Given:
    """Two mirrors of one operator count once."""
    world = mirrored()
    world.confirm(NAME, 1)
    world.confirm(NAME, 5)
    return ask(world)


@trial("INCOMPLETE confirmation map-unconfirmed")
def confirmed_for_another_epoch() -> Given:
    """The lanes hold the epoch before and the one after."""
    world = mirrored()
    world.confirm(NAME, 0, epoch=world.epoch - 1)
    world.confirm(NAME, 6, epoch=world.epoch + 1)
    return ask(world)


@trial("INCOMPLETE confirmation map-unconfirmed")
def confirmed_by_mirrors_that_do_not_count() -> Given:
    """Mirrors 2 and 3 have lanes in the same words and count for nothing."""
    world = mirrored()
    world.confirm(NAME, 2)
    world.confirm(NAME, 3)
    world.confirm(NAME, 7)
    return ask(world)


@trial("INCOMPLETE confirmation map-unconfirmed")
def confirmed_on_another_stream() -> Given:
    """The lanes of the restricted stream say nothing of records."""
    world = mirrored()
    world.confirm((ANHUI, "restricted"), 0)
    world.confirm((ANHUI, "restricted"), 6)
    return ask(world)


@trial("INCOMPLETE confirmation map-unconfirmed")
def contradicting_lanes_do_not_count() -> Given:
    """One confirms, two regions contradict."""
    world = mirrored()
    world.confirm(NAME, 6)
    world.contradict(NAME, 0)
    world.contradict(NAME, 1)
    return ask(world)


@trial("INCOMPLETE confirmation contradicted")
def contradicted_by_the_regulator() -> Given:
    """Enough regions confirm, the regulator contradicts."""
    world = mirrored()
    for mirror in (0, 1, 5):
        world.confirm(NAME, mirror)
    world.contradict(NAME, 6)
    return ask(world)


@trial("INCOMPLETE confirmation contradicted")
def contradicted_by_the_regulator_where_none_is_required() -> Given:
    """Nothing is required, and the regulator contradicts."""
    world = mirrored(replace(BOTH, required=0))
    world.contradict(NAME, 6)
    return ask(world)


@trial("INCOMPLETE confirmation map-unconfirmed")
def contradiction_hidden_by_leaving_the_words_out() -> Given:
    """Nothing is required; the words that hold the regulator's contradiction are left out."""
    world = mirrored(replace(BOTH, required=0))
    world.contradict(NAME, 6)
    evidence = world.complete(ANHUI, "cf", COMPANY)
    chain = world.chain_proof(NAME)
    return Given(replace(evidence, chain=chain, confirmation_words=None), world.trust_root())


@trial("INCOMPLETE confirmation map-unconfirmed")
def confirmations_left_out() -> Given:
    """Two operators are required and no confirmation is proved."""
    world = mirrored()
    evidence = world.complete(ANHUI, "cf", COMPANY)
    chain = world.chain_proof(NAME)
    return Given(replace(evidence, chain=chain, confirmation_words=None), world.trust_root())


def _with_words(world: PaperWorld, words: tuple[int, ...]) -> Given:
    evidence = world.complete(ANHUI, "cf", COMPANY)
    chain = world.chain_proof(NAME, words=words)
    return Given(replace(evidence, chain=chain, confirmation_words=words), world.trust_root())


@trial("INVALID confirmation wrong-confirmation-words")
def one_confirmation_word_left_out() -> Given:
    """Of two words that hold counting mirrors one is left out."""
    world = mirrored()
    world.confirm(NAME, 0)
    world.confirm(NAME, 1)
    return _with_words(world, (0,))


@trial("INVALID confirmation wrong-confirmation-words")
def one_confirmation_word_too_many() -> Given:
    """A word without counting mirrors is proved besides."""
    return _with_words(mirrored(), (0, 1, 2))


@trial("INVALID confirmation wrong-confirmation-words")
def confirmation_words_where_none_count() -> Given:
    """The trust root names no mirrors for the stream."""
    return _with_words(anhui(1), (0,))


@trial("INCOMPLETE subject-key vrf-key-unknown")
def generation_not_in_the_trust_root() -> Given:
    """The head names a generation whose VRF key the trust root does not list."""
    world = PaperWorld()
    root = world.trust_root()
    world.streams[NAME] = PaperStream(ANHUI, "records", generation=3)
    return Given(world.complete(ANHUI, "cf", CLEAN), root)


@trial("INCOMPLETE subject-key vrf-key-unknown")
def generation_zero() -> Given:
    """Generation 0 is never listed."""
    world = PaperWorld()
    word = 1 | 7 << 64 | BLOCK_TIME << 128 | 1 << 192
    world.set_head_word(NAME, 0, word)
    return _forged(world)


@trial("UNSUPPORTED subject-key unsupported-map-function")
def map_function_2() -> Given:
    """The head names a map function this release does not know."""
    world = PaperWorld()
    world.heads[NAME] = replace(world.head(NAME), map_function=2)
    return _forged(world)


@trial("INVALID state root-mismatch")
def code_hash_of_the_trust_root_is_another() -> Given:
    """The trust root pins another code."""
    world, evidence = honest_absence()
    root = world.trust_root()
    anchor = replace(root.head_anchor, code_hash=bytes(reversed(CODE_HASH)))
    return Given(evidence, replace(root, head_anchor=anchor))


@trial("INVALID state malformed-proof")
def status_slot_of_another_variable() -> Given:
    """The trust root's status slot holds another variable."""
    world, evidence = honest_absence()
    root = world.trust_root()
    anchor = replace(root.head_anchor, slots={**SLOTS, "status": 3})
    return Given(evidence, replace(root, head_anchor=anchor))


@trial("INVALID trust-root wrong-chain")
def chain_id_edited() -> Given:
    """Only the chain id of the evidence was changed."""
    world, evidence = honest_absence()
    return Given(edited(evidence, ("chain", "chain_id"), 7), world.trust_root())
