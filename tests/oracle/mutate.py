"""Changes that know the grammar: one value somewhere in a decoded file becomes another."""

from __future__ import annotations

import copy
import json
import re
from random import Random
from typing import Any

from oracle.canonical import Refused, encode
from oracle.forge import rlp_encode

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 63, 64, 256, 2**31, 2**32 - 1, 2**32, 2**53 - 1, 2**53),
    *(1.5, "", "0", "é", "\u0000", "一", "😀", "0001-01-01", "9999-12-31", "2026-02-30"),
    *("2026-10", "records", "restricted", "queries", "dispute", "publish", "end/1", "cf/1"),
    *([], {}, [[]], [0], {"v": 1}, "00" * 16, "00" * 32, "0x" + "00" * 20, "0x" + "00" * 32),
)


def spell(value: Any) -> bytes:
    """Encode canonically where that is possible, else as near to it as it gets."""
    try:
        return encode(value)
    except Refused:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return text.encode("utf-8", "surrogatepass")


def change(value: Any, random: Random, donor: Any = None) -> Any:
    """Return a copy in which one part is changed; parts may come from the donor."""
    value = copy.deepcopy(value)
    parent, place, twin = None, None, donor
    here = value
    while isinstance(here, (dict, list)) and here and (parent is None or random.random() < 0.8):
        places = sorted(here) if isinstance(here, dict) else list(range(len(here)))
        parent, place = here, random.choice(places)
        here = here[place]
        try:
            twin = twin[place]
        except (LookupError, TypeError):
            twin = None
    if parent is None:
        return random.choice(ODD_VALUES)
    if twin is not None and twin != here and random.random() < 0.25:
        parent[place] = copy.deepcopy(twin)
    elif isinstance(parent, dict) and random.random() < 0.1:
        _rename(parent, place, random)
    elif random.random() < 0.12:
        parent[place] = copy.deepcopy(random.choice(ODD_VALUES))
    else:
        parent[place] = _other(here, random)
    return value


def _rename(parent: dict[str, Any], name: str, random: Random) -> None:
    way = random.randrange(3)
    if way == 0:
        del parent[name]
    elif way == 1:
        parent[random.choice(("v", "x", "", "é", "count", "pairs", name + "_"))] = parent[name]
    else:
        parent[name.upper()] = parent.pop(name)


def _other(here: Any, random: Random) -> Any:
    if isinstance(here, bool):
        return not here
    if isinstance(here, int):
        return here + random.choice((-1, 1, -60, 60, 256, 2**32, 2**52))
    if isinstance(here, str):
        return _other_text(here, random)
    if isinstance(here, list):
        return _other_list(here, random)
    if isinstance(here, dict):
        return random.choice((None, [], list(here), list(here.values())))
    return random.choice(ODD_VALUES)


def _other_text(here: str, random: Random) -> str:
    place = random.randrange(len(here)) if here else 0
    if re.fullmatch(r"(0x)?[0-9a-f]{8,}", here) and random.random() < 0.6:
        digit = random.choice("0123456789abcdef")
        return here[:place] + digit + here[place + 1 :]
    ways = (
        *(here[:-1], here[2:], here + "00", here + here[-1:], here.upper(), here.lower()),
        *(
            here + "\n",
            " " + here,
            here + "=",
            here.replace("0", "٠", 1),
            here.replace("2", "1", 1),
        ),
        here[:place] + random.choice("0129AZa-_/+:. ") + here[place + 1 :],
        here[:place] + here[place + 1 :],
    )
    return random.choice(ways)


def _other_list(here: list[Any], random: Random) -> list[Any]:
    if not here:
        return [random.choice(ODD_VALUES)]
    a, b = random.randrange(len(here)), random.randrange(len(here))
    changed = copy.deepcopy(here)
    way = random.randrange(5)
    if way == 0:
        del changed[a]
    elif way == 1:
        changed.insert(b, copy.deepcopy(here[a]))
    elif way == 2:
        changed[a], changed[b] = changed[b], changed[a]
    elif way == 3:
        changed.reverse()
    else:
        changed.append(random.choice(ODD_VALUES))
    return changed


def respell(data: bytes, random: Random) -> bytes:
    """Return other bytes for a file: a byte changed, added or left out, or another spelling."""
    place = random.randrange(len(data))
    ways = (
        data[:place] + bytes([random.randrange(256)]) + data[place + 1 :],
        data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :],
        data[:place] + b" " + data[place:],
        data[:place] + data[place + 1 :],
        data[:place],
        data + b"\n",
        b"\xef\xbb\xbf" + data,
        data.replace(b'"v":1', b'"v":1,"v":1', 1),
        data.replace(b'"v":1', b'"v":1.0', 1),
        data.replace(b'"v":1', b'"v":-0', 1),
        data.replace(b'"v":1', b'"v":2', 1),
        data.replace(b'"kind"', b'"\\u006bind"', 1),
        data.replace(b'"v":1', b'"v":"\\ud800"', 1),
        b"[" * random.choice((15, 16, 17, 5000)) + data,
    )
    return random.choice(ways)


def miswrite(item: Any, random: Random) -> bytes:
    """Return RLP of something near to an item, or bytes near to its RLP."""
    if isinstance(item, list) and random.random() < 0.75:
        item = copy.deepcopy(item)
        place = random.randrange(len(item))
        odd = (b"", b"\x00", b"\x01", b"\x20" + bytes(32), bytes(32), [], [b"", b""])
        inline = ([b"\x31", b"\x01"], [b"\x20" + bytes(8), b"\x01"], [b"\x11", bytes(32)])
        way = random.randrange(5)
        if way == 0:
            del item[place]
        elif way == 1:
            item.insert(place, random.choice(odd))
        elif way == 2:
            item[place] = random.choice((*odd, *inline))
        elif isinstance(item[place], bytes):
            changes = (b"\x00" + item[place], item[place][1:], item[place] + b"\x00")
            item[place] = random.choice(changes)
        return rlp_encode(item)
    data = rlp_encode(item)
    place = random.randrange(len(data))
    ways = (
        data + b"\x00",
        data[:-1],
        b"\xb8" + bytes([len(data) % 256]) + data,
        data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :],
        b"\x81" + data,
    )
    return random.choice(ways)
