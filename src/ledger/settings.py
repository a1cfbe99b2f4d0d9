"""A node's settings: flag, then environment (CREDIT_LEDGER_...), then node.json, then default."""

import json
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    JsonConfigSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from ledger.errors import InputError

FILE_NAME: Final = "node.json"
ENVIRONMENT_PREFIX: Final = "CREDIT_LEDGER_"


class NodeSettings(BaseSettings):
    """What a node is told; secrets are in the key file, not here."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, extra="forbid", hide_input_in_errors=True
    )

    region: Annotated[str, Field(pattern=r"^[1-9][0-9]{5}$")]
    """GB/T 2260 code of the node's region."""
    host: Annotated[str, Field(min_length=1, max_length=253)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8310
    endpoint: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """How other regions reach the node; default ``http://host:port``."""
    rpc_url: Annotated[str, Field(pattern=r"^https?://")] = "http://127.0.0.1:8545"
    database_url: str | None = None
    """SQLAlchemy URL; default a SQLite file in the node's folder."""
    trust_root: Annotated[str, Field(min_length=1)] = "trust-root.json"
    """What the node verifies against; relative to the node's folder."""
    clock_offset_s: int = 0
    """Shifts the clock; development chains only."""

    requests_anyone: Annotated[int, Field(ge=0, le=10**9)] = 600
    """Requests a minute of one client address; 0: no limit."""
    requests_regions: Annotated[int, Field(ge=0, le=10**9)] = 6_000
    """Requests a minute of one address for this region's answers and streams; 0: no limit."""
    requests_operator: Annotated[int, Field(ge=0, le=10**9)] = 3_000
    """Requests a minute with the operator's token; 0: no limit."""
    lookups_at_once: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Lookups across regions in work at a time."""
    answers_at_once: Annotated[int, Field(ge=1, le=10_000)] = 128
    """Requests for this region's answers in work at a time."""
    files_at_once: Annotated[int, Field(ge=1, le=100)] = 4
    """Files in work or waiting at a time."""
    trusted_proxies: Annotated[str, Field(max_length=1_000)] = ""
    """Addresses or networks, with commas, whose X-Forwarded-For is believed."""
    graceful_stop_s: Annotated[int, Field(ge=1, le=3_600)] = 30
    """Seconds that requests in work have to end once the node is told to stop."""

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        for part in filter(None, value.split(",")):
            ip_network(part.strip())
        return value

    @property
    def listens_everywhere(self) -> bool:
        """Whether the host is the address that stands for every interface."""
        try:
            return ip_address(self.host).is_unspecified
        except ValueError:
            return False

    @property
    def local_url(self) -> str:
        """How this machine reaches the node."""
        host = "127.0.0.1" if self.listens_everywhere else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def public_endpoint(self) -> str:
        """How other regions reach the node.

        Raises:
            InputError: It listens on every interface and nobody said under which name.
        """
        if self.endpoint is None and self.listens_everywhere:
            raise InputError(f"endpoint: expected one, host {self.host} is no name of this machine")
        return self.endpoint or self.local_url


def make_settings(**flags: Any) -> NodeSettings:
    """Settings of a new node from flags and environment.

    Args:
        flags: Values that go before everything else; None means not given.

    Raises:
        InputError: A value breaks its rule; names the setting.
    """
    return _checked(NodeSettings, flags)


def load_settings(folder: Path, **flags: Any) -> NodeSettings:
    """Read a node's settings.

    Args:
        folder: The node's folder with ``node.json``.
        flags: Values that go before everything else; None means not given.

    Raises:
        InputError: The file is missing or a value breaks its rule; names the setting.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise InputError(f"{FILE_NAME}: not found; run init first")

    class Stored(NodeSettings):
        """Settings with the file below the environment."""

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            """First come, first served."""
            stored = JsonConfigSettingsSource(settings_cls, json_file=path)
            return init_settings, env_settings, stored

    return _checked(Stored, flags)


def save_settings(folder: Path, settings: NodeSettings) -> None:
    """Write a node's settings, leaving out what is the default."""
    content = settings.model_dump(exclude_defaults=True)
    text = json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True)
    (folder / FILE_NAME).write_text(text + "\n", encoding="utf-8")


def _checked(make: Callable[..., NodeSettings], flags: dict[str, Any]) -> NodeSettings:
    try:
        return make(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        # Names only: a database URL may hold a password.
        names = sorted({".".join(str(part) for part in one["loc"]) for one in error.errors()})
        raise InputError(f"settings: {', '.join(names)}: not of the expected form") from None
    except (SettingsError, ValueError, TypeError):
        raise InputError(f"{FILE_NAME}: expected a JSON object") from None
