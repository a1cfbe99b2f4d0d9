"""A node's settings: flag, then environment (CREDIT_LEDGER_...), then node.json, then default."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError, field_validator
from pydantic.fields import FieldInfo
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

SECRET_URLS: Final = ("database_url", "rpc_url")
"""Settings that may hold a password. Their values may also stand in a file of their own, which
``CREDIT_LEDGER_..._FILE`` names; the password is never shown."""

FLAG, ENVIRONMENT, STORED, DEFAULT = "flag", "environment", "file", "default"
"""Where a value may come from, the first that has one."""

MAX_SECRET_BYTES: Final = 4_096


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
    rpc_url: Annotated[str, Field(pattern=r"^https?://[^,]+(,https?://[^,]+){0,31}$")] = (
        "http://127.0.0.1:8545"
    )
    """Where the chain answers; on a consortium's chain several validators, with commas."""
    database_url: str | None = None
    """SQLAlchemy URL; default a SQLite file in the node's folder."""
    trust_root: Annotated[str, Field(min_length=1)] = "trust-root.json"
    """What the node verifies against; relative to the node's folder."""
    clock_offset_s: int = 0
    """Shifts the clock; development chains only."""

    peers_on_this_machine: bool = False
    """Whether other regions' nodes may run on this machine, as on every development chain."""

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
    stalled_after_s: Annotated[int, Field(ge=2, le=86_400)] = 60
    """Age of the newest block from which the chain counts as standing."""
    graceful_stop_s: Annotated[int, Field(ge=1, le=3_600)] = 30
    """Seconds that requests in work have to end once the node is told to stop."""

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        for part in filter(None, value.split(",")):
            ip_network(part.strip())
        return value

    @property
    def rpc_urls(self) -> tuple[str, ...]:
        """The chain's endpoints."""
        return tuple(url.strip() for url in self.rpc_url.split(","))

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


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting as it may be shown to anyone."""

    name: str
    value: str | int | None
    """Passwords are masked; an endpoint that was not given is the one in use."""
    source: str
    """``flag``, ``environment``, ``file`` or ``default``."""
    variable: str
    """The environment variable that sets it."""


class _SecretFiles(PydanticBaseSettingsSource):
    """Values in files that ``CREDIT_LEDGER_..._FILE`` names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The content of the file, without white space around it."""
        variable = _variable(field_name)
        path = os.environ.get(f"{variable}_FILE") if field_name in SECRET_URLS else None
        if path is None:
            return None, field_name, False
        if variable in os.environ:
            raise InputError(f"{variable}: expected it or {variable}_FILE, found both")
        try:
            with open(path, "rb") as file:
                content = file.read(MAX_SECRET_BYTES + 1)
            if len(content) > MAX_SECRET_BYTES:
                raise InputError(f"{variable}_FILE: expected at most {MAX_SECRET_BYTES} bytes")
            return content.decode().strip(), field_name, False
        except (OSError, UnicodeError):
            raise InputError(f"{variable}_FILE: expected a file of text that can be read") from None

    def __call__(self) -> dict[str, Any]:
        """All that is given in this way."""
        found = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in found.items() if value is not None}


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
            return init_settings, env_settings, _SecretFiles(settings_cls), stored

    return _checked(Stored, flags)


def show_settings(folder: Path, **flags: Any) -> tuple[Shown, ...]:
    """Every setting in use, and where its value comes from.

    Args:
        folder: The node's folder with ``node.json``.
        flags: As for ``load_settings``.

    Raises:
        InputError: As for ``load_settings``.
    """
    settings = load_settings(folder, **flags)
    content = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    variables = {name.upper() for name in os.environ}
    shown = []
    for name in type(settings).model_fields:
        variable = _variable(name)
        if flags.get(name) is not None:
            source = FLAG
        elif variable in variables or (name in SECRET_URLS and f"{variable}_FILE" in variables):
            source = ENVIRONMENT
        else:
            source = STORED if name in content else DEFAULT
        value = getattr(settings, name)
        if name == "endpoint" and value is None and not settings.listens_everywhere:
            value = settings.public_endpoint
        shown.append(Shown(name, masked(value) if name in SECRET_URLS else value, source, variable))
    return tuple(shown)


def masked(urls: str | None) -> str | None:
    """One URL, or several with commas, without passwords and without the values of queries."""
    if urls is None:
        return None
    # A comma may also stand in a password: only what begins like a URL begins another.
    return ",".join(_masked_one(url) for url in re.split(r",(?=[a-z0-9+]+://)", urls))


def _masked_one(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator:
        return "***"
    address, question, query = rest.partition("?")
    user, at, place = address.rpartition("@")
    if ":" in user:
        user = user.partition(":")[0] + ":***"
    names = "&".join(f"{part.partition('=')[0]}=***" for part in query.split("&"))
    return f"{scheme}://{user}{at}{place}{question}{names if question else ''}"


def save_settings(folder: Path, settings: NodeSettings) -> None:
    """Write a node's settings, leaving out what is the default."""
    content = settings.model_dump(exclude_defaults=True)
    text = json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True)
    (folder / FILE_NAME).write_text(text + "\n", encoding="utf-8")


def _variable(name: str) -> str:
    return ENVIRONMENT_PREFIX + name.upper()


def _checked(make: Callable[..., NodeSettings], flags: dict[str, Any]) -> NodeSettings:
    try:
        return make(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        # Names only: a database URL may hold a password.
        names = sorted({".".join(str(part) for part in one["loc"]) for one in error.errors()})
        raise InputError(f"settings: {', '.join(names)}: not of the expected form") from None
    except (SettingsError, ValueError, TypeError):
        raise InputError(f"{FILE_NAME}: expected a JSON object") from None
