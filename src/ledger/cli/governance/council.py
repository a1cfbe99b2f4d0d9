"""``credit-ledger council``: the regions decide together, the regulator may object."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.cli.governance import proposals
from ledger.cli.governance.session import (
    DEPLOYMENT,
    LONGEST_WAIT_S,
    Deployment,
    Keys,
    Nodes,
    note_mirrors,
    open_session,
    parse_address,
    propose_calls,
    words_of,
)
from ledger.cli.language import pick
from ledger.cli.output import fail, print_json
from ledger.core.verify import CHINA
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from ledger.adapters.governance.council import Council, Proposal

app = typer.Typer(help="治理委员会 / The Council", no_args_is_help=True)
app.add_typer(proposals.app, name="propose")

THRESHOLD = 3
WINDOW_S = 2 * 86_400
"""Two days: time for a human regulator to look."""


@app.command()
def found(
    nodes: Annotated[list[Path], typer.Argument(help="各地区节点目录 / folders of the nodes")],
    founder_key: Annotated[
        Path | None, typer.Option(help="创建合约者私钥 / key that created the contracts")
    ] = None,
    regulator: Annotated[
        str | None, typer.Option(help="监管者地址 / address of the regulator")
    ] = None,
    threshold: Annotated[int, typer.Option(help="须赞成的席位数 / seats that must approve")] = (
        THRESHOLD
    ),
    veto_window_s: Annotated[int, typer.Option(help="异议期(秒)/ veto window, seconds")] = WINDOW_S,
    deployment: Deployment = DEPLOYMENT,
) -> None:
    """成立治理委员会并移交合约 / Found the Council and hand the contracts over; safe to repeat."""
    from ledger.adapters.account_key import OPERATOR_FILE, load_account_key
    from ledger.adapters.evm.signing import address_of
    from ledger.adapters.governance.council import Rules, Seat, found_council
    from ledger.adapters.governance.registration import load_registration

    try:
        # A devnet keeps both keys beside its deployment file.
        founder = load_account_key(founder_key or deployment.parent / "owner-key")
        registrations = [load_registration(node) for node in nodes]
        rules = Rules(
            seats=tuple(Seat(one.region, one.operator) for one in registrations),
            threshold=threshold,
            regulator=parse_address("--regulator", regulator)
            if regulator is not None
            else address_of(load_account_key(deployment.parent / "regulator-key")),
            veto_window_s=veto_window_s,
        )
        found_council(deployment, founder, rules)
        held = [node for node in nodes if (node / OPERATOR_FILE).exists()]
        with open_session(deployment, held, None) as session:
            calls = session.council.acceptance()
            if calls and len(held) >= threshold and veto_window_s <= LONGEST_WAIT_S:
                propose_calls(session, calls, carry_out=True)
                calls = []
    except (LedgerError, OSError) as error:
        fail("council", error)
    if calls:
        typer.echo(
            pick(
                "治理委员会已建立,合约待其接受:各席位执行 council propose acceptance、approve,"
                "异议期后 execute",
                "the Council stands, and the contracts are offered to it: its seats run council"
                " propose acceptance, approve, and after the window execute",
            )
        )
        return
    typer.echo(
        pick(
            f"治理委员会已成立:{len(rules.seats)} 席,{threshold} 席赞成即通过,"
            f"监管者有 {veto_window_s} 秒异议期",
            f"the Council governs: {len(rules.seats)} seats, {threshold} must approve, the"
            f" regulator has {veto_window_s} s to object",
        )
    )


@app.command("list")
def list_all(
    deployment: Deployment = DEPLOYMENT,
    as_json: Annotated[bool, typer.Option("--json", help="机器可读 / for programs")] = False,
) -> None:
    """席位、规则与提案 / Seats, rules and proposals."""
    from ledger.adapters.governance.council import State

    try:
        with open_session(deployment, None, None) as session:
            rules = session.council.rules()
            proposals = [session.council.proposal(n) for n in range(session.council.count())]
    except (LedgerError, OSError) as error:
        fail("council", error)
    if as_json:
        print_json(
            {
                "seats": {one.region: f"0x{one.operator.hex()}" for one in rules.seats},
                "threshold": rules.threshold,
                "regulator": f"0x{rules.regulator.hex()}",
                "veto_window_s": rules.veto_window_s,
                "proposals": [_content(one) for one in proposals],
            }
        )
        return
    for seat in rules.seats:
        typer.echo(f"{seat.region}  0x{seat.operator.hex()}")
    typer.echo(pick(f"门槛 {rules.threshold}", f"threshold {rules.threshold}"))
    for one in proposals:
        if one.state is State.OPEN:
            typer.echo(_line(one))


@app.command()
def show(
    number: int,
    deployment: Deployment = DEPLOYMENT,
    as_json: Annotated[bool, typer.Option("--json", help="机器可读 / for programs")] = False,
) -> None:
    """查看一项提案的内容 / What a proposal would do."""
    try:
        with open_session(deployment, None, None) as session:
            one = session.council.proposal(number)
            words = words_of(session, one.calls)
    except (LedgerError, OSError) as error:
        fail("council", error)
    if as_json:
        print_json({**_content(one), "words": words})
        return
    typer.echo(_line(one))
    for line in words:
        typer.echo(f"  {line}")


@app.command()
def approve(
    number: int, nodes: Nodes = None, keys: Keys = None, deployment: Deployment = DEPLOYMENT
) -> None:
    """赞成 / Approve a proposal."""
    _act(deployment, nodes, keys, lambda council, key: council.approve(key, number))


@app.command()
def withdraw(
    number: int, nodes: Nodes = None, keys: Keys = None, deployment: Deployment = DEPLOYMENT
) -> None:
    """撤回赞成 / Take an approval back."""
    _act(deployment, nodes, keys, lambda council, key: council.withdraw(key, number))


@app.command()
def veto(number: int, keys: Keys = None, deployment: Deployment = DEPLOYMENT) -> None:
    """监管者否决 / The regulator objects, for good."""
    found_keys = keys or [deployment.parent / "regulator-key"]
    _act(deployment, None, found_keys, lambda council, key: council.veto(key, number))


@app.command()
def execute(
    number: int, nodes: Nodes = None, keys: Keys = None, deployment: Deployment = DEPLOYMENT
) -> None:
    """执行已通过的提案 / Carry a proposal out."""
    try:
        with open_session(deployment, nodes, keys) as session:
            session.council.execute(session.first_key(), number)
            note_mirrors(deployment, session)
    except (LedgerError, OSError) as error:
        fail("council", error)
    typer.echo(pick(f"提案 {number} 已执行", f"proposal {number} carried out"))


def _act(
    deployment: Path,
    nodes: list[Path] | None,
    keys: list[Path] | None,
    act: "Callable[[Council, bytes], None]",
) -> None:
    try:
        with open_session(deployment, nodes, keys) as session:
            session.first_key()
            for key in session.keys:
                act(session.council, key)
    except (LedgerError, OSError) as error:
        fail("council", error)
    typer.echo(pick("完成", "done"))


def _content(one: "Proposal") -> dict[str, Any]:
    return {
        "number": one.number,
        "state": one.state.name.lower(),
        "proposed_at": one.proposed_at,
        "approved_at": one.approved_at or None,
        "approved_by": list(one.approved_by),
        "calls": [
            {"target": f"0x{target.hex()}", "data": f"0x{data.hex()}"} for target, data in one.calls
        ],
    }


def _line(one: "Proposal") -> str:
    day = datetime.fromtimestamp(one.proposed_at, CHINA).strftime("%Y-%m-%d %H:%M")
    approved = ", ".join(one.approved_by) or "-"
    states = {
        "OPEN": pick("待决", "open"),
        "EXECUTED": pick("已执行", "carried out"),
        "VETOED": pick("已否决", "vetoed"),
    }
    return pick(
        f"提案 {one.number}  {states[one.state.name]}  {day}  赞成:{approved}",
        f"proposal {one.number}  {states[one.state.name]}  {day}  approved by: {approved}",
    )
