"""Card numbers in bytes that are to be kept or shown: found and masked, wherever they stand.

PCI DSS 3.4, 3.5: a card number is never stored readable, so it goes before anything of a message
reaches a topic, a log or a person. A number counts as a card's by its length (13 to 19 digits,
alone or in groups as on a card), its first digit (the schemes' ranges of ISO/IEC 7812 begin with 2
to 6, Troy with 9792, UATP with 1) and its check digit (Luhn). References of acquirers that are 16
digits long begin with 8 and pass. No digest is told of what was masked: with a dozen digits known
or guessed, a digest gives the rest away; a digest of the cleaned bytes names them as well.
"""

import re
from base64 import b64decode

MASK = "[card-number]"

_DIGITS = re.compile(
    r"(?:(?<![0-9A-Za-z])|(?<=%B)|(?<=%b))"
    r"(?:[1-69][0-9]{12,18}|[2-6][0-9]{3}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{1,7}"
    r"|3[0-9]{3}[ -][0-9]{6}[ -][0-9]{4,5})"
    r"(?![0-9A-Za-z])"
)
_ESCAPED_DIGIT = re.compile(r"\\u003([0-9])")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{20,}={0,2}(?![A-Za-z0-9+/=])")
_LONGEST_BASE64 = 64 << 10
_UATP, _TROY = ("1", 15), "9792"


def clean(payload: bytes) -> tuple[bytes, int]:
    """The payload with every card number masked, and how many there were; else as it was.

    Found in plain text, in JSON with escaped digits, and inside base64, which is masked whole.
    """
    text = payload.decode("utf-8", "surrogateescape")
    cleaned, found = clean_text(text)
    return (cleaned.encode("utf-8", "surrogateescape"), found) if found else (payload, 0)


def clean_text(text: str) -> tuple[str, int]:
    """As `clean`, for a text."""
    plain = _ESCAPED_DIGIT.sub(r"\1", text) if "\\u003" in text else text
    plain, found = _masked(plain)
    inside = 0

    def masked(match: re.Match[str]) -> str:
        nonlocal inside
        if not has_card(_decoded(match[0])):
            return match[0]
        inside += 1
        return MASK

    plain = _BASE64.sub(masked, plain)
    found += inside
    return (plain, found) if found else (text, 0)


def has_card(text: str) -> bool:
    """Whether a card number stands in the text."""
    return any(_is_card(match[0]) for match in _DIGITS.finditer(text))


def inside_base64(text: str) -> list[str]:
    """What the pieces of base64 in a text hold, those too long to be looked into left out."""
    return [_decoded(match[0]) for match in _BASE64.finditer(text)]


def _decoded(base64: str) -> str:
    if len(base64) > _LONGEST_BASE64:
        return ""
    try:
        return b64decode(base64 + "=" * (-len(base64) % 4)).decode("latin-1")
    except ValueError:
        return ""


def _masked(text: str) -> tuple[str, int]:
    found = 0

    def masked(match: re.Match[str]) -> str:
        nonlocal found
        if not _is_card(match[0]):
            return match[0]
        found += 1
        return MASK

    return _DIGITS.sub(masked, text), found


def _is_card(text: str) -> bool:
    digits = text.replace(" ", "").replace("-", "")
    if digits[0] == "1" and (digits[0], len(digits)) != _UATP:
        return False
    if digits[0] == "9" and not digits.startswith(_TROY):
        return False
    return _luhn(digits)


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - the digits' sum, by Luhn
    return total % 10 == 0
