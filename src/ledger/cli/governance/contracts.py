"""``credit-ledger contracts``: what the founder of a chain does, and what anybody can check."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ledger.cli.governance.session import parse_address
from ledger.cli.language import pick
from ledger.cli.output import exit_code_for, fail, print_json, reason
from ledger.errors import GovernanceError, InputError, LedgerError, VerificationError

if TYPE_CHECKING:
    from ledger.adapters.governance.deployment import Deployment
    from ledger.adapters.rooting import Standing

app = typer.Typer(help="链上合约 / The contracts on a chain", no_args_is_help=True)

OTHERWISE: Final = 1
"""Exit code of ``check``: the chain answered, and it is not as it must be."""

_HERE: Final = Path("deployment.json")
_OF_THE_CALL: Final = frozenset({"deployment", "witnesses", "usage"})
"""Problems of a file or command line, not of the chain."""

_Deployment = Annotated[Path, typer.Option(help="合约部署文件 / deployment file")]
_Urls = Annotated[
    list[str] | None,
    typer.Option(
        "--rpc-url", help="验证节点的 RPC,过半数 / a validator's endpoint; of more than half"
    ),
]
_FounderKey = Annotated[
    Path, typer.Option(help="创建者私钥文件,权限 600 / founder's key, mode 600")
]


@app.command()
def deploy(
    founder_key: _FounderKey,
    chain_id: Annotated[int, typer.Option(min=2, max=2**53 - 1, help="链标识 / chain id")],
    rpc_url: _Urls = None,
    validator: Annotated[
        list[str] | None,
        typer.Option(help="预期的验证者地址 / a validator's address, as expected; default: listed"),
    ] = None,
    development: Annotated[
        bool, typer.Option("--development", help="无签名的开发链 / a chain that seals nothing")
    ] = False,
    deployment: _Deployment = _HERE,
) -> None:
    """创建合约并写入部署文件 / Create the contracts, prove them, write the file; safe to repeat."""
    from ledger.adapters.account_key import load_account_key
    from ledger.bootstrap.deploying import DeployRequest, deploy_contracts

    try:
        request = DeployRequest(
            deployment=deployment,
            rpc_urls=_urls(rpc_url, at_least_one=True),
            chain_id=chain_id,
            founder=load_account_key(founder_key),
            validators=tuple(parse_address("--validator", one) for one in validator or ()),
            is_development=development,
        )
        made, standing = deploy_contracts(request)
    except (LedgerError, OSError) as error:
        fail("contracts", error)
    _print(made, standing)
    typer.echo(pick(f"已写入 {deployment}", f"written to {deployment}"))


@app.command()
def check(
    deployment: _Deployment = _HERE,
    rpc_url: _Urls = None,
    renew: Annotated[
        bool,
        typer.Option(
            "--renew",
            help="写入现任验证者与所给端点 / write today's validators and these endpoints",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="机器可读 / for programs")] = False,
) -> None:
    """证明合约、所有者与部署文件相符 / Prove code, owner and that nothing succeeds them; else 1."""
    from ledger.bootstrap.deploying import check_contracts

    try:
        found, standing = check_contracts(deployment, rpc_urls=_urls(rpc_url), renew=renew)
    except (LedgerError, OSError) as error:
        code = _check_code(error)
        if as_json:
            print_json({"outcome": "otherwise" if code == OTHERWISE else "unknown"})
        typer.echo(f"contracts: {reason(error)}", err=True)
        raise typer.Exit(code) from None
    if as_json:
        print_json(_content(found, standing))
        return
    _print(found, standing)


@app.command()
def admit(
    nodes: Annotated[
        list[Path], typer.Argument(help="含 registration.json 的目录 / folders with registrations")
    ],
    founder_key: _FounderKey,
    deployment: _Deployment = _HERE,
) -> None:
    """委员会成立前接入地区 / Admit regions as long as there is no Council; safe to repeat."""
    from ledger.adapters.account_key import load_account_key
    from ledger.adapters.governance.admission import admit as admit_all
    from ledger.adapters.governance.registration import load_registration

    try:
        founder = load_account_key(founder_key)
        registrations = [load_registration(node) for node in nodes]
        sent = admit_all(deployment, founder, registrations)
    except (LedgerError, OSError) as error:
        fail("contracts", error)
    for region, count in sent.items():
        done = pick(f"已接入({count} 笔交易)", f"admitted ({count} transactions)")
        typer.echo(f"{region}  {done if count else pick('无变化', 'no change')}")


def _urls(given: Sequence[str] | None, *, at_least_one: bool = False) -> tuple[str, ...]:
    """Endpoints, one an option or several with commas, as settings have them."""
    found = tuple(part.strip() for one in given or () for part in one.split(","))
    if at_least_one and not found:
        raise InputError("--rpc-url: expected the endpoints of more than half of the validators")
    return found


def _check_code(error: LedgerError | OSError) -> int:
    is_of_chain = isinstance(error, GovernanceError) and error.problem not in _OF_THE_CALL
    if is_of_chain or isinstance(error, VerificationError):
        return OTHERWISE
    return exit_code_for(error)


def _content(deployment: "Deployment", standing: "Standing") -> dict[str, object]:
    return {
        "outcome": "proved",
        "block": standing.block,
        "chain_id": deployment.chain_id,
        "genesis_hash": f"0x{deployment.genesis_hash.hex()}",
        "consensus": deployment.consensus,
        "validators": [f"0x{one.hex()}" for one in standing.validators],
        "contracts": {name: f"0x{one.address.hex()}" for name, one in deployment.contracts.items()},
        "owner": f"0x{standing.owner.hex()}",
        "signers": [f"0x{one.hex()}" for one in standing.signers],
        "threshold": standing.threshold,
        "paused": standing.is_paused,
    }


def _print(deployment: "Deployment", standing: "Standing") -> None:
    count = len(standing.validators)
    sealed = pick(
        f"{count} 个验证者" if count else "测试链,无签名",
        f"{count} validators" if count else "development chain, no seals",
    )
    typer.echo(
        pick(
            f"链 {deployment.chain_id},区块 {standing.block},{sealed}:合约代码与所有者已证明",
            f"chain {deployment.chain_id}, block {standing.block}, {sealed}: code and owner of the"
            " contracts are proved",
        )
    )
    for name, one in deployment.contracts.items():
        typer.echo(f"  {name:<15} 0x{one.address.hex()}")
    seats = len(standing.signers)
    governs = pick(
        f"治理委员会({seats} 席,{standing.threshold} 席赞成)",
        f"the Council ({seats} seats, {standing.threshold} must approve)",
    )
    if not deployment.is_council_governed:
        governs = pick("创建者", "the founder")
    typer.echo(f"  {pick('治理', 'governed by'):<15} 0x{standing.owner.hex()}  {governs}")
    if standing.is_paused:
        typer.echo(f"  {pick('已暂停接受新的头', 'paused: no head is taken')}")
