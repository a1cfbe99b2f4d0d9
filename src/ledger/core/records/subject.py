"""The unified social credit code, the one name of a subject (GB 32100-2015).

One spelling per subject: a record filed under a second spelling would be hidden from every lookup.
The area in positions 3 to 8 is the one at registration and is never compared with a table, and the
inner check of the organisation code (position 17) is not required.
"""

import re
import unicodedata
from functools import lru_cache
from operator import mul
from typing import Final, Literal

from ledger.errors import MalformedRecordError

ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""The 31 characters of a code, value = index; no I, O, S, V, Z. GB 32100-2015, table 1."""

WEIGHTS: Final = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
"""3^(i-1) mod 31 for positions 1 to 17. GB 32100-2015, annex A."""

USCC_LENGTH: Final = 18
"""Characters of a code, the check character included."""

SOLE_PROPRIETOR_PREFIX: Final = "92"
"""First two characters of a 个体工商户, who is one person."""

WHITE_SPACE: Final = frozenset(
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""The characters with the Unicode property White_Space; zero-width characters do not have it."""

DASHES: Final = frozenset("-\u2010\u2011\u2012\u2013\u2014\u2015\u2212")
"""U+002D, U+2010 to U+2015 and U+2212, which people put between the groups of a code."""

UsccProblem = Literal["missing", "length", "alphabet", "check"]
"""What is wrong with a code; the first that applies, in this order."""

_DROPPED: Final = dict.fromkeys(map(ord, WHITE_SPACE | DASHES))
_LONGEST_SPELLING: Final = 256
"""Characters of the longest text that is looked at as a code."""

_SQUEEZED: Final = re.compile("[0-9A-Z]{0,18}", re.ASCII)
"""Texts that squeezing leaves as they are."""
_SPELLED: Final = re.compile(f"[{ALPHABET}]{{18}}", re.ASCII)
_VALUES: Final = bytes.maketrans(ALPHABET.encode(), bytes(range(len(ALPHABET))))
_ALL_WEIGHTS: Final = (*WEIGHTS, 1)
"""With the check character's: the weighted sum of a right code is a multiple of 31."""


class UsccError(MalformedRecordError):
    """A text is not a unified social credit code.

    Attributes:
        problem: The first rule it breaks.
        expected: What the rule asks for.
        found: What stands there instead; never the code itself.
    """

    code = "uscc"

    def __init__(self, problem: UsccProblem, *, expected: str, found: str) -> None:
        super().__init__(f"uscc-{problem}: expected {expected}, found {found}")
        self.problem: UsccProblem = problem
        self.expected = expected
        self.found = found


def squeeze_code(text: str) -> str:
    """Return the one spelling of a code without checking it: NFKC, no spaces or dashes, upper case.

    Args:
        text: A code as people write it; beyond 256 characters the rest is left out.

    Source: DESIGN, section 3, row "subject".
    """
    if _SQUEEZED.fullmatch(text):
        return text
    folded = unicodedata.normalize("NFKC", text[:_LONGEST_SPELLING])
    return folded.translate(_DROPPED).upper()


def normalize_uscc(text: str) -> str:
    """Return the one spelling of a unified social credit code.

    Args:
        text: The code as given: any width, any case, with spaces or dashes.

    Returns:
        18 characters of ``ALPHABET``, the last of which is the right check character.

    Raises:
        UsccError: The text is empty, has another length, a foreign character or a wrong check.

    Source: GB 32100-2015, section 5 and annex A; DESIGN, section 3.
    """
    if is_normal_uscc(text):
        return text
    code = squeeze_code(text)
    if not code:
        raise UsccError("missing", expected="a unified social credit code", found="nothing")
    if len(code) != USCC_LENGTH or len(text) > _LONGEST_SPELLING:
        raise UsccError("length", expected="18 characters", found=f"{len(code)} characters")
    foreign = [position for position, one in enumerate(code, 1) if one not in ALPHABET]
    if foreign:
        raise UsccError(
            "alphabet",
            expected=f"characters of {ALPHABET}",
            found="another character at position " + ", ".join(map(str, foreign)),
        )
    if code[-1] != check_character(code[:-1]):
        raise UsccError(
            "check", expected="a check character that fits", found="one that does not fit"
        )
    return code


@lru_cache(maxsize=4096)
def is_normal_uscc(text: str) -> bool:
    """Tell whether a text is a code in its one spelling, so that ``normalize_uscc`` returns it.

    The last texts are remembered: each is asked about several times, and few authorities write
    many records.
    """
    if not _SPELLED.fullmatch(text):
        return False
    total: int = sum(map(mul, text.encode().translate(_VALUES), _ALL_WEIGHTS))
    return total % len(ALPHABET) == 0


def check_character(body: str) -> str:
    """Compute the check character of the first 17 characters of a code.

    Args:
        body: 17 characters of ``ALPHABET``.

    Returns:
        One character; a remainder of 0 gives ``0``, which published samples forget.

    Raises:
        UsccError: The body has another length or a foreign character.

    Source: GB 32100-2015, annex A: C18 = 31 - (sum of C_i * W_i mod 31).
    """
    if len(body) != len(WEIGHTS):
        raise UsccError("length", expected="17 characters", found=f"{len(body)} characters")
    if not set(body) <= set(ALPHABET):
        raise UsccError("alphabet", expected=f"characters of {ALPHABET}", found="another character")
    total = sum(ALPHABET.index(one) * weight for one, weight in zip(body, WEIGHTS, strict=True))
    return ALPHABET[-total % len(ALPHABET)]
