"""``credit-ledger council propose``: what the regions shall decide on."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.cli.governance.session import (
    DEPLOYMENT,
    Deployment,
    Keys,
    Nodes,
    Session,
    note_mirrors,
    open_session,
    propose_calls,
    words_of,
)
from ledger.cli.language import pick
from ledger.cli.output import fail
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from ledger.services.onchain import Call

app = typer.Typer(help="提案 / Propose", no_args_is_help=True)

CarryOut = Annotated[
    bool, typer.Option("--carry-out", help="异议期后即执行 / carry out once the window is over")
]


@app.command("registration")
def registration(
    regions: Annotated[list[Path], typer.Argument(help="节点目录 / folders of the nodes")],
    nodes: Nodes = None,
    keys: Keys = None,
    carry_out: CarryOut = False,
    deployment: Deployment = DEPLOYMENT,
) -> None:
    """接入地区或变更其密钥 / Admit regions, or change what differs of their keys."""
    from ledger.adapters.governance.admission import Lacking
    from ledger.adapters.governance.registration import load_registration

    def calls(session: Session) -> "list[Call]":
        lacking = Lacking.for_council(session.governed)
        return [one for node in regions for one in lacking.calls(load_registration(node))]

    _propose_command(deployment, nodes, keys, carry_out, calls)


@app.command("acceptance")
def acceptance(
    nodes: Nodes = None,
    keys: Keys = None,
    carry_out: CarryOut = False,
    deployment: Deployment = DEPLOYMENT,
) -> None:
    """接管创建者移交的合约 / Take over the contracts that the founder has offered."""
    _propose_command(
        deployment, nodes, keys, carry_out, lambda session: session.council.acceptance()
    )


@app.command("change")
def change(
    contract: Annotated[str, typer.Argument(help="合约 / HeadAnchor, RegionRegistry or Council")],
    function: Annotated[str, typer.Argument(help="函数 / its function")],
    arguments: Annotated[list[str] | None, typer.Argument(help="参数 / its arguments")] = None,
    nodes: Nodes = None,
    keys: Keys = None,
    carry_out: CarryOut = False,
    deployment: Deployment = DEPLOYMENT,
) -> None:
    """任一治理函数,如 HeadAnchor pause / Any function of governance, such as HeadAnchor pause."""

    def calls(session: Session) -> "list[Call]":
        from ledger.adapters.governance.deployment import COUNCIL
        from ledger.adapters.governance.wording import parse_arguments

        values = parse_arguments(contract, function, arguments or ())
        caller = session.governed.deployment.address(COUNCIL)
        return [session.governed.call(caller, contract, function, values)]

    _propose_command(deployment, nodes, keys, carry_out, calls)


def _propose_command(
    deployment: Path,
    nodes: list[Path] | None,
    keys: list[Path] | None,
    carry_out: bool,
    make: "Callable[[Session], list[Call]]",
) -> None:
    try:
        with open_session(deployment, nodes, keys) as session:
            calls = make(session)
            if not calls:
                typer.echo(pick("链上已是如此,无需提案", "the chain is like that already"))
                return
            number = propose_calls(session, calls, carry_out=carry_out)
            words = words_of(session, [(one.to, one.data) for one in calls])
            note_mirrors(deployment, session)
    except (LedgerError, OSError) as error:
        fail("council", error)
    done = pick("已执行", "carried out") if carry_out else pick("已提出", "proposed")
    typer.echo(pick(f"提案 {number} {done}", f"proposal {number} {done}"))
    for line in words:
        typer.echo(f"  {line}")
