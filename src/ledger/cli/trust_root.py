"""``credit-ledger trust-root make|sign|update``: what verifiers pin."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from ledger.cli.language import pick
from ledger.cli.output import fail
from ledger.errors import InputError, LedgerError

app = typer.Typer(help="信任根 / The trust root", no_args_is_help=True)


@app.callback()
def room() -> None:
    """信任根 / The trust root."""


@app.command()
def make(
    nodes: Annotated[
        list[Path] | None,
        typer.Argument(
            help="节点目录:只含其地区并写入 / nodes: of their regions alone, given to each"
        ),
    ] = None,
    deployment: Annotated[Path, typer.Option(help="合约部署文件 / deployment file")] = Path(
        "deployment.json"
    ),
    out: Annotated[Path | None, typer.Option(help="写入文件 / write it here")] = None,
    previous: Annotated[
        Path | None, typer.Option(help="上一版,制作更新 / the root before: make its update")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="新地区承诺发布起始日 / first day new regions cover")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=3_653, help="有效天数 / days it is believed")
    ] = None,
    required: Annotated[
        int | None,
        typer.Option(min=0, help="须有几个其他地区确认,默认 2 / confirmations required, default 2"),
    ] = None,
    clock_offset_s: Annotated[int, typer.Option(help="时钟偏移 / clock shift")] = 0,
) -> None:
    """由链上证明制作信任根 / Make a trust root from what the chain proves and a majority says."""
    from ledger.bootstrap.rooting import RootRequest, make_root
    from ledger.bootstrap.trusting import install_first
    from ledger.settings import load_settings

    if not nodes and out is None:
        raise typer.BadParameter("expected folders of nodes, or a file", param_hint="--out")
    if nodes and previous is not None:
        raise typer.BadParameter("an update is signed first", param_hint="--previous")
    try:
        settings = [(node, load_settings(node)) for node in nodes or ()]
        request = RootRequest(
            deployment=deployment,
            previous=previous,
            since=None if since is None else _day(since),
            days=days,
            required=required,
            regions=tuple(one.region for _, one in settings) if nodes else None,
            issued_at=datetime.now(UTC) + timedelta(seconds=clock_offset_s),
        )
        made = make_root(request)
        for node, own in settings:
            install_first(node, own.trust_root, made.content)
        if out is not None:
            out.write_bytes(made.content)
    except (LedgerError, OSError) as error:
        fail("trust-root", error)
    digest, root = hashlib.sha256(made.content).hexdigest(), made.root
    sealed = pick(
        f"{len(root.validators[-1].addresses)} 个验证者" if root.validators else "测试链,无签名",
        f"{len(root.validators[-1].addresses)} validators"
        if root.validators
        else "development chain, no seals",
    )
    typer.echo(
        pick(
            f"信任根第 {root.sequence} 版,SHA-256 {digest}:区块 {made.block},{sealed},"
            f"{len(root.vrf_keys)} 个 VRF 公钥,{len(root.mirrors)} 个镜像,"
            f"下一版须 {root.threshold}/{len(root.signers)} 签署",
            f"trust root {root.sequence}, SHA-256 {digest}: block {made.block}, {sealed},"
            f" {len(root.vrf_keys)} VRF keys, {len(root.mirrors)} mirrors; the next one needs"
            f" {root.threshold} of {len(root.signers)} signatures",
        )
    )


@app.command()
def sign(
    update: Annotated[Path, typer.Argument(help="新信任根 / the update")],
    key: Annotated[Path, typer.Option(help="签署人私钥文件(十六进制)/ signer's key, hex")],
    signatures: Annotated[Path, typer.Option(help="签名文件,追加 / signatures, added to")],
) -> None:
    """签署信任根更新 / Add a signature to an update; wallets may sign its EIP-712 form instead."""
    from eth_account import Account

    from ledger.core.trust import parse_trust_root
    from ledger.core.trust.update import encode_signatures, parse_signatures, signing_digest

    try:
        content = update.read_bytes()
        digest = signing_digest(content, parse_trust_root(content))
        present: tuple[bytes, ...] = ()
        if signatures.exists():
            present = parse_signatures(signatures.read_bytes(), content)
        made = bytes(Account.unsafe_sign_hash(digest, _secret(key)).signature)
        if made not in present:
            signatures.write_bytes(encode_signatures(content, (*present, made)))
    except (LedgerError, OSError) as error:
        fail("trust-root", error)
    count = len({*present, made})
    typer.echo(pick(f"已有 {count} 份签名:{signatures}", f"{count} signatures: {signatures}"))


@app.command("update")
def update_root(
    update: Annotated[Path, typer.Argument(help="新信任根 / the update")],
    signatures: Annotated[Path, typer.Option(help="签名文件 / its signatures")],
    folder: Annotated[Path, typer.Option("--dir", help="节点目录 / the node's folder")],
) -> None:
    """更新节点的信任根 / Take an update as a node's trust root; read at its next start."""
    from ledger.bootstrap.trusting import install_update
    from ledger.settings import load_settings

    try:
        name = load_settings(folder).trust_root
        content = update.read_bytes()
        root = install_update(folder, name, content, signatures.read_bytes())
    except (LedgerError, OSError) as error:
        fail("trust-root", error)
    digest = hashlib.sha256(content).hexdigest()
    typer.echo(
        pick(
            f"信任根已更新为第 {root.sequence} 版,SHA-256 {digest};重启节点后生效",
            f"trust root {root.sequence} taken, SHA-256 {digest}; restart the node",
        )
    )


def _secret(path: Path) -> bytes:
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip().removeprefix("0x"))
    except ValueError:
        secret = b""
    if len(secret) != 32:
        raise InputError("--key: expected a file with 64 hexadecimal digits")
    return secret


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError("--since: expected a date YYYY-MM-DD") from None
