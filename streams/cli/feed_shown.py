"""What a sample becomes, for people: what each fact tells, and what was refused how often."""

import textwrap
from collections import Counter
from typing import Any

from connectors.feeding import Refused
from streams.agents.feed_checking import Became, Checked
from streams.app import iso
from streams.cli.screen import out

_WIDTH = 100
_LONGEST = 120  # characters of a value; `--json` has all of it
_REASONS_MAX = 20
_FEW = 5  # messages, which are seen at a glance


def print_checked(found: Checked) -> None:
    """Message by message, then how often each reason was met."""
    for one in found.messages:
        _say(f"{one.number}: {one.outcome}")
        for fact in one.facts:
            _say(f"   {fact.record} on {fact.topic}")
            _say(textwrap.indent(_fields(fact), "      "))
        for why in one.refused:
            _say(f"   refused, {why.reason}: {why.field + ': ' if why.field else ''}{why.problem}")
        for note in one.notes:
            _say(f"   note, {note.kind}{': ' + note.detail if note.detail else ''}")
    _print_reasons(found)
    _say(f"{found.accepted} accepted, {found.refused} refused, {found.facts} facts")


def _say(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)


def _fields(fact: Became) -> str:
    """What is told, name by name; empty fields are left out."""
    told = [f"{name}={_shown(name, value)}" for name, value in fact.fields.items() if _tells(value)]
    return textwrap.fill("  ".join(told), _WIDTH, break_long_words=False, break_on_hyphens=False)


def _tells(value: Any) -> bool:
    return value is not False and value not in ("", [], {})


def _shown(name: str, value: Any) -> str:
    if name.endswith("_at") and isinstance(value, int) and value > 0:
        return f"{iso(value).replace(' ', 'T')}Z"
    text = repr(value)
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}... ({len(text)} characters)"


def _print_reasons(found: Checked) -> None:
    """What is to be done about a long sample stands in its few reasons; a short one needs none."""
    if len(found.messages) <= _FEW:
        return
    refused = Counter(_reason(why) for one in found.messages for why in one.refused)
    notes = Counter(note.kind for one in found.messages for note in one.notes)
    for title, counted in (("refused", refused), ("note", notes)):
        for what, count in counted.most_common(_REASONS_MAX):
            _say(f"{count} x {title}, {what}")
        if len(counted) > _REASONS_MAX:
            _say(f"and {len(counted) - _REASONS_MAX} more kinds of {title}")


def _reason(why: Refused) -> str:
    return f"{why.reason}: {why.field}" if why.field else why.reason
