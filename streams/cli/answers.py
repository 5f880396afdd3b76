"""What each command prints with --json, on one line, as its last: the keys, in one place.

`write` puts them into the README beside this file; a test holds it to them.
"""

from pathlib import Path
from typing import Any

import msgspec

from connectors.clickhouse.client import Answer
from connectors.ocpp.signed.messages import Verdict, Verified
from schemas.docs import filled
from schemas.facts import OrphanAged
from streams.agents.feed_checking import Checked, Message
from streams.audit.auditor import Report as Audited
from streams.audit.findings import Finding
from streams.audit.inputs import Flow
from streams.bench.feeding import FeedCost
from streams.bench.run import Result
from streams.cli.ending import Failed
from streams.cli.printed import (
    Catalogue,
    Decided,
    Ended,
    Links,
    Mended,
    Orphans,
    ParkedList,
    ParkedShort,
    ParkedWhole,
    Retried,
)
from streams.core.proposals import LinkProposal
from streams.core.strategy import Choice, Refusal
from streams.demo.report import Report
from streams.drift import Change, Drift, Party
from streams.replay.driver import Progress
from streams.simulation.run import Simulated, Violation
from streams.verify import Verification
from streams.whatif.compare import Currency, WhatIf
from streams.whatif.side import Side

README = Path(__file__).with_name("README.md")


_Explained = msgspec.defstruct(
    "_Explained", [("session", str), ("story", list[Any]), ("ledger", Any)]
)
_Explained.__doc__ = "Every input with the decisions that followed, and the public view at the end."

_Priced = msgspec.defstruct(
    "_Priced",
    [
        (name, Any)
        for name in (
            "currency total_cost total_energy_cost total_time_cost total_parking_cost"
            " total_fixed_cost total_reservation_cost total_energy total_time total_parking_time"
            " limit lines differences notes"
        ).split()
    ],
)
_Priced.__doc__ = (
    "A CDR priced anew: costs as decimal strings `excl_vat` and `incl_vat` (null: the tax is not"
    " known), energy in kWh, times in hours; every line with its element, step and tax."
)

_Linted = msgspec.defstruct("_Linted", [("file", str), ("findings", list[Any])])
_Linted.__doc__ = "What in a file cannot be meant: each finding with its kind, place and words."

ANSWERS: dict[str, tuple[type, tuple[str, ...]]] = {
    "any, when it fails": (Failed, ()),
    "`up`, `worker`, `executor`, `sink`, `run feed`": (Ended, ()),
    "`feed check`": (Checked, ()),
    "`feed check`, each of `messages`": (Message, ()),
    "`drift`": (Drift, ()),
    "`drift`, each of `changes`": (Change, ()),
    "`drift`, each of `parties`": (Party, ()),
    "`demo`": (Report, ()),
    "`replay`": (Progress, ()),
    "`explain`": (_Explained, ()),
    "`query`": (Answer, ()),
    "`verify`": (Verification, ("in_order",)),
    "`audit`": (Audited, ()),
    "`audit`, each of `findings`": (Finding, ()),
    "`audit`, each of `flows`": (Flow, ()),
    "`audit --emit`, `--again`": (Mended, ()),
    "`verify-signature`": (Verified, ()),
    "`verify-signature`, each": (Verdict, ()),
    "`price`": (_Priced, ()),
    "`tariff lint`, `policy lint`": (_Linted, ()),
    "`policy explain`, where a hold is chosen": (Choice, ("decided",)),
    "`policy explain`, where none is": (Refusal, ("decided",)),
    "`whatif`": (WhatIf, ()),
    "`whatif`, each currency": (Currency, ()),
    "`whatif`, `old` and `new` of a currency": (Side, ()),
    "`simulate`": (Simulated, ()),
    "`simulate`, each violation": (Violation, ()),
    "`parked list`": (ParkedList, ()),
    "`parked list`, each": (ParkedShort, ()),
    "`parked show`": (ParkedWhole, ()),
    "`parked retry`": (Retried, ()),
    "`orphans`": (Orphans, ()),
    "`orphans`, each": (OrphanAged, ()),
    "`links list`": (Links, ()),
    "`links list`, each": (LinkProposal, ()),
    "`links confirm`, `links reject`": (Decided, ()),
    "`topics`": (Catalogue, ()),
    "`bench`": (Result, ()),
    "`bench`, each of `feeds`": (FeedCost, ()),
}


def keys(command: str) -> tuple[str, ...]:
    """The top-level keys of a row of `ANSWERS`."""
    kind, more = ANSWERS[command]
    fields = kind._fields if issubclass(kind, tuple) else kind.__struct_fields__  # type: ignore[attr-defined] # one of both
    return (*more, *fields)


def table() -> str:
    """The keys in Markdown, with what the answer's own docstring says first."""
    lines = ["| command | keys | |", "|---|---|---|"]
    for command, (kind, _) in ANSWERS.items():
        shown = ", ".join(f"`{key}`" for key in keys(command))
        said = (kind.__doc__ or "").strip().splitlines()[0]
        lines.append(f"| {command} | {shown} | {said} |")
    return "\n".join(lines) + "\n"


def write() -> None:
    """Bring the README up to date."""
    README.write_text(filled(README.read_text(), "answers", table()))
