"""``credit-ledger keys show|renew``: which keys a node has, and others beside them."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.cli.language import pick
from ledger.cli.output import fail
from ledger.errors import InputError, LedgerError

if TYPE_CHECKING:
    from ledger.adapters.keystore import NodeKeys

_Folder = Annotated[Path, typer.Option("--dir", help="节点目录 / the node's folder")]
_Stream = Annotated[str, typer.Option(help="流 / stream: records, restricted, queries")]

app = typer.Typer(help="节点密钥 / The node's keys", no_args_is_help=True)
renewing = typer.Typer(help="增加密钥 / Add keys", no_args_is_help=True)
app.add_typer(renewing, name="renew")


@app.callback()
def room() -> None:
    """节点密钥 / The node's keys."""


@app.command()
def show(folder: _Folder) -> None:
    """显示公开部分 / Show what is public of them; never a secret."""
    from ledger.adapters.keystore import load_keys

    try:
        keys = load_keys(folder)
    except LedgerError as error:
        fail("keys", error)
    for kind, addresses in (
        (pick("锚定密钥", "anchor key"), keys.anchor_addresses),
        (pick("镜像密钥", "mirror key"), keys.mirror_addresses),
    ):
        for number, address in enumerate(addresses, 1):
            typer.echo(f"{kind} {number}  {address}")
    for name, public_key in keys.vrf_public_keys().items():
        typer.echo(f"{pick('VRF 公钥', 'VRF key')} {name}  {public_key.hex()}")


@renewing.command()
def anchor(folder: _Folder) -> None:
    """新增锚定密钥 / Add an anchor key; it counts once governance has entered it."""
    from ledger.adapters.key_changes import add_anchor_key

    _renew(folder, add_anchor_key, lambda keys: keys.anchor_address)


@renewing.command()
def mirror(folder: _Folder) -> None:
    """新增镜像密钥 / Add a mirror key; governance gives it a seat of its own."""
    from ledger.adapters.key_changes import add_mirror_key

    _renew(folder, add_mirror_key, lambda keys: keys.mirror_address)


@renewing.command()
def checkpoint(folder: _Folder, stream: _Stream) -> None:
    """更换检查点密钥 / Replace the key of a stream's checkpoints."""
    from ledger.adapters.key_changes import renew_checkpoint_key

    _renew(folder, lambda at: renew_checkpoint_key(at, stream), lambda _: stream)


@renewing.command()
def generation(
    folder: _Folder,
    stream: _Stream,
    number: Annotated[
        int | None,
        typer.Option(help="第几代,旧密钥丢失时用 / which, where the keys before are lost"),
    ] = None,
) -> None:
    """新增一代 VRF 密钥 / Add the VRF and checkpoint keys of a stream's next generation."""
    from ledger.adapters.key_changes import add_generation

    _renew(
        folder,
        lambda at: add_generation(at, stream, number),
        lambda keys: f"{stream}/{keys.newest_generation(stream)}",
    )


def _renew(
    folder: Path, change: Callable[[Path], "NodeKeys"], name: Callable[["NodeKeys"], str]
) -> None:
    """Change the keys, then write the registration that governance reads."""
    from ledger.bootstrap.founding import renew_registration
    from ledger.settings import load_settings

    try:
        settings = load_settings(folder)
        keys = change(folder)
        renew_registration(folder, settings)
    except OSError as error:
        fail("keys", InputError(f"{folder}: {error.strerror}"))
    except LedgerError as error:
        fail("keys", error)
    typer.echo(
        pick(
            f"已加入密钥:{name(keys)};registration.json 已重写。"
            "治理登记、更新信任根并重启节点后生效。",
            f"key added: {name(keys)}; registration.json written. It counts once governance has"
            " entered it, the trust root is updated and the node was started again",
        )
    )
