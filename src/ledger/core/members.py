"""Taking decoded JSON apart strictly: exact member names, exact types, exact lengths.

Used by the parsers of evidence and trust roots. Every refusal names the member, what was expected
and the type or length found, never the value: a value may be an identifier.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import Final, TypeVar

from ledger.errors import InputError

T = TypeVar("T")

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """The patterns are constants; looking one up in ``re`` takes longer than using it."""
    return re.compile(pattern, re.ASCII)


class Members:
    """Reads values at named places and refuses with one error type.

    Args:
        error: Raised for every refusal, with a message that names the member.
    """

    def __init__(self, error: type[InputError]) -> None:
        self._error = error

    def refuse(self, where: str, expected: str, found: object) -> InputError:
        """Make the error for one member; ``found`` is described by type and length only."""
        return self._error(f"{where}: expected {expected}, found {_describe(found)}")

    def members(self, value: object, names: Sequence[str], where: str) -> dict[str, object]:
        """An object with exactly these member names."""
        if not isinstance(value, dict) or set(value) != set(names):
            raise self.refuse(where, "an object with exactly " + ", ".join(names), value)
        return value

    def array(
        self, value: object, item: Callable[[object, str], T], where: str, *, most: int
    ) -> tuple[T, ...]:
        """An array of at most ``most`` items, each read by ``item``."""
        if not isinstance(value, list) or len(value) > most:
            raise self.refuse(where, f"an array of at most {most}", value)
        return tuple(item(entry, f"{where}[{i}]") for i, entry in enumerate(value))

    def text(self, value: object, where: str, *, most: int, pattern: str | None = None) -> str:
        """A string of at most ``most`` characters that matches ``pattern`` whole."""
        if not isinstance(value, str) or len(value) > most:
            raise self.refuse(where, f"a string of at most {most} characters", value)
        if pattern is not None and _compiled(pattern).fullmatch(value) is None:
            raise self.refuse(where, f"a string of the form {pattern}", value)
        return value

    def choice(self, value: object, options: Sequence[str], where: str) -> str:
        """One of a closed list of strings."""
        if not isinstance(value, str) or value not in options:
            raise self.refuse(where, "one of " + ", ".join(options), value)
        return value

    def integer(self, value: object, where: str, *, least: int, most: int) -> int:
        """An integer in a closed range; booleans are not integers."""
        if type(value) is not int or not least <= value <= most:
            raise self.refuse(where, f"an integer from {least} to {most}", value)
        return value

    def boolean(self, value: object, where: str) -> bool:
        """True or false."""
        if not isinstance(value, bool):
            raise self.refuse(where, "a boolean", value)
        return value

    def hex(self, value: object, where: str, *, length: int) -> bytes:
        """Exactly ``length`` bytes as lower-case hex without prefix."""
        raw = _from_hex(value) if isinstance(value, str) and len(value) == 2 * length else None
        if raw is None:
            raise self.refuse(where, f"{length} bytes in lower-case hex", value)
        return raw

    def hex_up_to(self, value: object, where: str, *, most: int) -> bytes:
        """One to ``most`` bytes as lower-case hex without prefix."""
        raw = _from_hex(value) if isinstance(value, str) and 2 <= len(value) <= 2 * most else None
        if raw is None:
            raise self.refuse(where, f"1 to {most} bytes in lower-case hex", value)
        return raw

    def prefixed(self, value: object, where: str, *, length: int) -> bytes:
        """An Ethereum address or hash: ``0x`` and lower-case hex."""
        if not isinstance(value, str) or not value.startswith("0x"):
            raise self.refuse(where, f"0x and {length} bytes in lower-case hex", value)
        return self.hex(value[2:], where, length=length)

    def date(self, value: object, where: str) -> date:
        """A calendar date ``YYYY-MM-DD``."""
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            raise self.refuse(where, "a date YYYY-MM-DD", value)
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise self.refuse(where, "a date that exists", value) from None

    def time(self, value: object, where: str) -> datetime:
        """A time ``YYYY-MM-DDThh:mm:ssZ`` in UTC."""
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            raise self.refuse(where, "a time YYYY-MM-DDThh:mm:ssZ", value)
        try:
            return datetime.fromisoformat(value[:-1]).replace(tzinfo=UTC)
        except ValueError:
            raise self.refuse(where, "a time that exists", value) from None


def _from_hex(text: str) -> bytes | None:
    """The bytes of lower-case hex; None for every other spelling."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return None
    return raw if raw.hex() == text else None


def _describe(value: object) -> str:
    if isinstance(value, str | list):
        return f"{type(value).__name__} of length {len(value)}"
    if isinstance(value, dict):
        return f"object of {len(value)} members"
    return type(value).__name__
