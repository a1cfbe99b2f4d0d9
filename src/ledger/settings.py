"""A node's settings: flag, then environment (CREDIT_LEDGER_...), then node.json, then default."""

import json
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ledger.errors import InputError

FILE_NAME: Final = "node.json"


class NodeSettings(BaseSettings):
    """What a node is told; secrets are in the key file, not here."""

    model_config = SettingsConfigDict(env_prefix="CREDIT_LEDGER_", extra="forbid")

    region: Annotated[str, Field(pattern=r"^[0-9]{6}$")]
    """GB/T 2260 code of the node's region."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8310
    endpoint: str | None = None
    """How other regions reach the node; default ``http://host:port``."""
    rpc_url: str = "http://127.0.0.1:8545"
    database_url: str | None = None
    """SQLAlchemy URL; default a SQLite file in the node's folder."""
    trust_root: str = "trust-root.json"
    """What the node verifies against; relative to the node's folder."""
    clock_offset_s: int = 0
    """Shifts the clock; development chains only."""

    @property
    def public_endpoint(self) -> str:
        """How other regions reach the node."""
        return self.endpoint or f"http://{self.host}:{self.port}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment goes before what was read from the file."""
        return env_settings, init_settings


def load_settings(folder: Path, **flags: Any) -> NodeSettings:
    """Read a node's settings.

    Args:
        folder: The node's folder with ``node.json``.
        flags: Values that go before everything else; None means not given.

    Raises:
        InputError: The file is missing or a value breaks its rule; names the setting.
    """
    try:
        content = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        settings = NodeSettings(**content)
        given = {name: value for name, value in flags.items() if value is not None}
        return settings.model_copy(update=given)
    except FileNotFoundError:
        raise InputError(f"{FILE_NAME}: not found; run init first") from None
    except ValidationError as error:
        names = ", ".join(".".join(str(part) for part in one["loc"]) for one in error.errors())
        raise InputError(f"settings: {names} break their rules") from None
    except ValueError:
        raise InputError(f"{FILE_NAME}: expected JSON") from None


def save_settings(folder: Path, settings: NodeSettings) -> None:
    """Write a node's settings, leaving out what is the default."""
    content = settings.model_dump(exclude_defaults=True)
    text = json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True)
    (folder / FILE_NAME).write_text(text + "\n", encoding="utf-8")
