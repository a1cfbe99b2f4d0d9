"""``credit-ledger init`` and ``serve``: make a region's node, run it."""

from pathlib import Path
from typing import Annotated

import typer

from ledger.cli.language import pick
from ledger.cli.output import fail
from ledger.errors import LedgerError

FAILED = 1

_Folder = Annotated[Path, typer.Option("--dir", help="节点目录 / the node's folder")]


def init(
    region: Annotated[str, typer.Option(help="地区代码,如 340000 / region code")],
    folder: _Folder,
    port: Annotated[int | None, typer.Option(help="端口,默认 8310 / port, default 8310")] = None,
    host: Annotated[
        str | None, typer.Option(help="监听地址,默认 127.0.0.1 / address to listen on")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(help="其他地区访问本节点的地址 / how other regions reach the node")
    ] = None,
    rpc_url: Annotated[
        str | None, typer.Option(help="链节点,默认 http://127.0.0.1:8545 / chain RPC")
    ] = None,
    clock_offset_s: Annotated[
        int | None, typer.Option(help="时钟偏移,仅测试链 / clock shift, development chains only")
    ] = None,
) -> None:
    """建立地区节点 / Make a region's node: keys, settings, registration."""
    from ledger.bootstrap.founding import make_node
    from ledger.settings import make_settings

    try:
        settings = make_settings(
            region=region,
            host=host,
            port=port,
            endpoint=endpoint,
            rpc_url=rpc_url,
            clock_offset_s=clock_offset_s,
        )
        make_node(folder, settings)
    except (LedgerError, OSError) as error:
        fail("init", error)
    typer.echo(
        pick(
            f"节点已建立:{folder}(地区 {region})。请治理方用 registration.json 接入。",
            f"node made: {folder} (region {region}); have governance admit registration.json",
        )
    )


def registration(folder: _Folder) -> None:
    """重写 registration.json,密钥或地址变更后用 / Write registration.json anew after a change."""
    from ledger.bootstrap.founding import renew_registration
    from ledger.settings import load_settings

    try:
        renew_registration(folder, load_settings(folder))
    except (LedgerError, OSError) as error:
        fail("registration", error)
    typer.echo(
        pick(
            "registration.json 已重写;请治理方重新接入。",
            "registration.json written; have governance admit it again",
        )
    )


def serve(
    folder: _Folder,
    host: Annotated[str | None, typer.Option(help="监听地址 / address")] = None,
    port: Annotated[int | None, typer.Option(help="端口 / port")] = None,
) -> None:
    """运行节点 / Run the node: API and workers, until SIGTERM or SIGINT."""
    from ledger.bootstrap.server import run_node

    try:
        run_node(folder, host=host, port=port)
    except LedgerError as error:
        typer.echo(f"serve: {error.code}: {error}", err=True)
        raise typer.Exit(FAILED) from None


def operator_token(folder: Path) -> str:
    """The operator's token from the node's folder.

    Raises:
        InputError: The folder holds no keys.
    """
    from ledger.adapters.keystore import load_keys

    return load_keys(folder).operator_token
