"""Invoice reconciliation records (2.3.0 edition 2): which CDRs an invoice covers."""

import pytest
from partners import kinds, refusal, told

from connectors.ocpi.feed import destination
from schemas import codec, topics

INVOICE = {
    "country_code": "NO",
    "party_id": "NLD",
    "id": "R-1",
    "invoice_id": "INV-2026-11-0007",
    "cdrs": ["cdr-42", "cdr-43"],
    "last_updated": "2026-11-30T08:00:00Z",
}
DELETE = {
    "object_hint": "invoice",
    "object_id": "R-1",
    "method": "DELETE",
    "country_code": "NO",
    "party_id": "NLD",
}


def test_a_record_says_which_cdrs_an_invoice_covers():
    done = told(INVOICE)
    (seen,) = done.facts
    assert (seen.record_id, seen.invoice_id, seen.cdr_ids, seen.withdrawn) == (
        "R-1",
        "INV-2026-11-0007",
        ["cdr-42", "cdr-43"],
        False,
    )
    assert (seen.ocpi_version, done.notes) == ("2.3.0", ())
    assert destination(seen) == (topics.INVOICES, "nordlade/ocpi/no/nld/invoice/r-1")
    assert codec.decode(codec.encode(seen)) == seen


def test_a_repeat_by_hub_or_peer_is_told_once_and_a_change_again():
    state = told(INVOICE).state
    assert kinds(told(INVOICE, state=state, partner="hub")) == ["repeated"]
    changed = INVOICE | {"cdrs": ["cdr-42"], "last_updated": "2026-11-30T09:00:00Z"}
    (seen,) = told(changed, state=state).facts
    assert seen.cdr_ids == ["cdr-42"]


def test_a_delete_withdraws_what_was_told_last():
    newer = INVOICE | {"cdrs": ["cdr-44"], "last_updated": "2026-11-30T09:00:00Z"}
    state = told(INVOICE, state=told(newer).state).state  # the older came later
    done = told({}, state=state, **DELETE)
    (seen,) = done.facts
    assert (seen.withdrawn, seen.cdr_ids, seen.invoice_id) == (True, ["cdr-44"], "INV-2026-11-0007")
    assert told({}, state=done.state, **DELETE).facts == ()
    assert refusal({}, **DELETE).reason == "waits-for-its-object"


@pytest.mark.parametrize(
    ("changes", "said", "reason", "field"),
    [
        ({"cdrs": [""]}, {}, "bad-identifier", "cdrs[0]"),
        ({"cdrs": {}}, {}, "wrong-type", "cdrs"),
        ({"cdrs": ["x"] * 5_001}, {}, "too-many", "cdrs"),
        ({"country_code": "NOR"}, {}, "bad-identifier", "country_code"),
        ({"id": "R-2"}, DELETE | {"method": "PUT"}, "contradicts-its-path", "id"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(changes, said, reason, field):
    found = refusal(INVOICE | changes, **said)
    assert (found.reason, found.field) == (reason, field)
