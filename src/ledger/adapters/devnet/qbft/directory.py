"""What a consortium devnet keeps in its directory: configuration, wishes, one folder a validator.

Node keys stand there in the open and are unsafe by name: they must never seal a chain that anybody
relies on. Each new devnet makes its own, because a validator's key serves one chain only.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ledger.adapters.devnet.directory import DevnetDirectory
from ledger.adapters.files import write_whole
from ledger.errors import DevnetError

NAMES: Final = ("shanghai", "jiangsu", "zhejiang", "anhui", "regulator", "spare-1", "spare-2")
"""Validators in the order in which they join; a devnet has the first four, five or all seven."""

SIZES: Final = (4, 5, 7)
MARKER: Final = "consortium.json"


@dataclass(frozen=True, slots=True)
class Validator:
    """One validator."""

    name: str
    address: str
    """0x-hex; of its node key."""
    public_key: str
    """Uncompressed without its first byte, 128 hex digits."""
    p2p_port: int
    rpc_port: int
    link_ports: dict[str, int]
    """Where it reaches each of the others: a relay of the supervisor's, which can be cut."""

    @property
    def rpc_url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.rpc_port}"


@dataclass(frozen=True, slots=True)
class ConsortiumConfig:
    """What must stay the same as long as the chain lives."""

    chain_id: int
    validators: tuple[Validator, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The validators' names."""
        return tuple(one.name for one in self.validators)

    @property
    def quorum(self) -> int:
        """Validators without which nothing is sealed: two thirds, rounded up."""
        return -(-2 * len(self.validators) // 3)

    @property
    def rpc_url(self) -> str:
        """Where the first validator answers."""
        return self.validators[0].rpc_url

    def validator(self, name: str) -> Validator:
        """A validator by name.

        Raises:
            DevnetError: There is none of that name.
        """
        for one in self.validators:
            if one.name == name:
                return one
        raise DevnetError("usage", f"validator: expected one of {', '.join(self.names)}")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator wants the supervisor to do."""

    stopped: tuple[str, ...] = ()
    """Validators that shall not run."""
    groups: tuple[tuple[str, ...], ...] = ()
    """Parts that shall not reach each other; empty: everybody reaches everybody."""

    def is_open(self, one: str, other: str) -> bool:
        """Whether two validators shall reach each other."""
        return not self.groups or any(one in group and other in group for group in self.groups)


@dataclass(frozen=True, slots=True)
class ConsortiumDirectory(DevnetDirectory):
    """The paths of one consortium devnet."""

    @property
    def consortium_file(self) -> Path:
        """The configuration."""
        return self.root / MARKER

    @property
    def wishes_file(self) -> Path:
        """What the operator asked for last."""
        return self.root / "wishes.json"

    @property
    def genesis_file(self) -> Path:
        """The first block, as every validator begins with it."""
        return self.root / "genesis.json"

    def folder(self, name: str) -> Path:
        """A validator's folder."""
        return self.root / "validators" / name

    def load_consortium(self) -> ConsortiumConfig | None:
        """The configuration; None where there is no devnet yet.

        Raises:
            DevnetError: The file is not of the format.
        """
        try:
            content = json.loads(self.consortium_file.read_text(encoding="utf-8"))
            validators = tuple(Validator(**one) for one in content["validators"])
            return ConsortiumConfig(int(content["chain_id"]), validators)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            raise DevnetError(
                "broken-directory", f"{self.consortium_file} is not of the format; reset the devnet"
            ) from None

    def save_consortium(self, config: ConsortiumConfig) -> None:
        """Write the configuration."""
        write_whole(self.consortium_file, _json(asdict(config)))

    def load_wishes(self) -> Wishes:
        """What was asked for last; a file that cannot be read asks for nothing."""
        try:
            content: Any = json.loads(self.wishes_file.read_text(encoding="utf-8"))
            groups = tuple(tuple(map(str, group)) for group in content["groups"])
            return Wishes(tuple(map(str, content["stopped"])), groups)
        except (OSError, ValueError, TypeError, KeyError):
            return Wishes()

    def save_wishes(self, wishes: Wishes) -> None:
        """Ask the supervisor for something."""
        write_whole(self.wishes_file, _json(asdict(wishes)))


def _json(content: Any) -> bytes:
    return json.dumps(content, indent=1).encode() + b"\n"
