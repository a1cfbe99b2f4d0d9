"""A Council that is being spoken to: with which keys, and what the commands do alike."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ledger.errors import InputError

if TYPE_CHECKING:
    from ledger.adapters.governance.council import Council
    from ledger.adapters.governance.governed import Governed
    from ledger.services.onchain import Call

DEPLOYMENT: Final = Path("var/devnet/deployment.json")
LONGEST_WAIT_S: Final = 120.0
"""Windows longer than this are not waited for; the proposal is carried out later."""

Deployment = Annotated[Path, typer.Option(help="合约部署文件 / deployment file")]
Nodes = Annotated[
    list[Path] | None,
    typer.Option("--as", help="以该节点目录的 operator-key 行事 / act with a node's operator-key"),
]
Keys = Annotated[list[Path] | None, typer.Option("--key", help="私钥文件 / file with a key")]


@dataclass(frozen=True, slots=True)
class Session:
    """A Council that is being spoken to, and with which keys."""

    governed: "Governed"
    council: "Council"
    keys: tuple[bytes, ...]

    def first_key(self) -> bytes:
        """The key that proposes and carries out.

        Raises:
            InputError: None was given.
        """
        if not self.keys:
            raise InputError("--as or --key: expected at least one, found none")
        return self.keys[0]


@contextmanager
def open_session(
    deployment: Path, nodes: Sequence[Path] | None, keys: Sequence[Path] | None
) -> Iterator[Session]:
    """Speak to the Council of a deployment; connections are closed at the end.

    Args:
        deployment: The deployment file.
        nodes: Folders whose operators' keys are used.
        keys: Further files with keys.

    Raises:
        LedgerError: A file is missing or malformed, or there is no Council yet.
    """
    from ledger.adapters.account_key import OPERATOR_FILE, load_account_key
    from ledger.adapters.governance.council import Council
    from ledger.adapters.governance.deployment import load_deployment
    from ledger.adapters.governance.governed import Governed

    files = [node / OPERATOR_FILE for node in nodes or ()] + list(keys or ())
    secrets = tuple(load_account_key(file) for file in files)
    governed = Governed(load_deployment(deployment))
    try:
        yield Session(governed, Council(governed), secrets)
    finally:
        governed.close()


def propose_calls(session: Session, calls: "Sequence[Call]", *, carry_out: bool) -> int:
    """Propose with the first key, approve with the others, and carry out if asked to."""
    first = session.first_key()
    number = session.council.propose(first, calls)
    for key in session.keys[1:]:
        session.council.approve(key, number)
    if carry_out:
        session.council.wait_for_window(first, number, deadline_s=LONGEST_WAIT_S)
        session.council.execute(first, number)
    return number


def note_mirrors(deployment: Path, session: Session) -> None:
    """Write the mirrors' numbers, which a trust root lists, into the deployment file."""
    from ledger.adapters.governance.admission import Lacking
    from ledger.adapters.governance.deployment import load_deployment, save_deployment

    found_mirrors = Lacking.for_council(session.governed).mirrors
    save_deployment(deployment, replace(load_deployment(deployment), mirrors=found_mirrors))


def words_of(session: Session, calls: Sequence[tuple[bytes, bytes]]) -> list[str]:
    """Each call, target and data, in words."""
    from ledger.adapters.governance.wording import Wording

    (rows,) = session.governed.view("RegionRegistry", "regions")
    wording = Wording(session.governed.deployment, (f"{row[0]:06d}" for row in rows))
    return [wording.describe(target, data) for target, data in calls]


def parse_address(what: str, text: str) -> bytes:
    """An address as it is typed, 20 bytes.

    Raises:
        InputError: It is none.
    """
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        value = b""
    if len(value) != 20:
        raise InputError(f"{what}: expected 0x and 40 hexadecimal digits")
    return value
