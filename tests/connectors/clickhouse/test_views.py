"""Views run, tell what they promise, and add up; the README shows them as they are."""

import re
from pathlib import Path

import msgspec
import pytest

from connectors.clickhouse.client import Limits, ask
from connectors.clickhouse.rows import Source, row_of
from connectors.clickhouse.tables import TABLES
from connectors.clickhouse.viewdocs import VIEWS, documented
from schemas import codec, topics
from schemas.commands import PlaceHold, RaiseHold
from schemas.drift import FeedMark
from schemas.facts import AcquirerAnswered, DiscrepancyChanged
from schemas.ledger import CommandLine, SessionLedger

README = Path("connectors/clickhouse/README.md")


def example(record):
    return codec.decode(bytes.fromhex(Path(f"schemas/examples/{record}.v1.hex").read_text()))


class World:
    """Records put into the tables as the sink would."""

    def __init__(self, warehouse):
        self.warehouse = warehouse
        self.offset = 0

    def put(self, topic, record):
        self.offset += 1
        source = Source(topic, 0, self.offset, 0, b"k", codec.encode(record))
        table, row = row_of(source, topic)
        self.warehouse.insert(TABLES[table], [row], f"{topic}:0:{self.offset}-{self.offset}")


@pytest.fixture
def world(warehouse):
    return World(warehouse)


def rows(address, sql):
    answer = ask(address, sql, Limits())
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def ledger(**changes):
    return msgspec.structs.replace(example("SessionLedger"), **changes)


def line(kind, number, **changes):
    about = {
        "command_id": f"s/{kind}/{number}", "kind": kind, "amount_minor": 4000, "outcome": "done",
        "reason": "", "rule": "r", "issued_at": 1_000_000, "answered_at": 1_002_500,
    }  # fmt: skip
    return CommandLine(**(about | changes))


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_runs_with_and_without_rows(address, world, view):
    sql = f"SELECT * FROM {view}"  # noqa: S608 - names of ours
    assert rows(address, sql) == []
    for topic in (
        topics.COMMANDS,
        topics.RESPONSES,
        topics.LOOKUPS,
        topics.LEDGER,
        topics.DISCREPANCIES,
        topics.VISITS,
        topics.HEALTH,
        topics.DRIFT,
        topics.OCPI_SESSIONS,
        topics.OCPI_CDRS,
        topics.INVOICES,
    ):
        for record in topics.BY_NAME[topic].records:
            world.put(topic, example(record))
    world.put(topics.LEDGER, ledger(session_id="dark", risk_open=True))
    assert rows(address, sql)


def test_a_capture_shows_charger_cdr_and_acquirer_side_by_side(address, world):
    told = {"charger_wh": 10_000, "cdr_wh": 9_900, "priced_minor": 790, "cdr_minor": 782}
    capture = msgspec.structs.replace(
        example("CaptureHold"), amount_minor=782, energy_wh=9_900, **told, settled_by="lower"
    )
    world.put(topics.COMMANDS, capture)
    (found,) = rows(address, "SELECT * FROM v_capture")
    assert (found["energy_gap_wh"], found["price_gap_minor"]) == (100, 8)
    assert (found["energy_wh"], found["settled_by"]) == (9_900, "lower")
    assert (found["outcome"], found["captured_minor"]) == ("", None)
    answer = msgspec.structs.replace(
        example("AcquirerAnswered"), tenant=capture.tenant, session_id=capture.session_id,
        command_id="inquiry", resolves=capture.command_id, kind="capture", outcome="done",
        amount_minor=780,
    )  # fmt: skip
    world.put(topics.RESPONSES, answer)
    about = {"tenant": capture.tenant, "session_id": capture.session_id}
    outcome = line("capture", 1, command_id=capture.command_id, outcome="unknown")
    sql = "SELECT outcome, captured_minor, acquirer_gap_minor FROM v_capture"
    for number, (word, captured, gap) in enumerate([("unknown", None, None), ("done", 780, -2)]):
        outcome = msgspec.structs.replace(outcome, outcome=word)
        world.put(topics.LEDGER, ledger(**about, version=number + 1, commands=[outcome]))
        (found,) = rows(address, sql)
        assert tuple(found.values()) == (word, captured, gap)


def test_what_was_not_told_of_a_capture_is_null_and_no_zero(address, world):
    nobody = {"charger_wh": -1, "cdr_wh": -1, "cdr_minor": -1, "cdr_id": ""}
    world.put(topics.COMMANDS, msgspec.structs.replace(example("CaptureHold"), **nobody))
    (found,) = rows(
        address,
        "SELECT charger_wh, cdr_wh, cdr_minor, energy_gap_wh, price_gap_minor FROM v_capture",
    )
    assert set(found.values()) == {None}


def test_there_are_no_other_views(warehouse):
    found = warehouse.select(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View'"
    )
    assert {row[0] for row in found} == set(VIEWS)
    assert all(name.startswith("v_") for name in VIEWS)


def test_every_column_says_what_it_means_and_keeps_its_type(address, warehouse):
    """A view's stated type must be what its SELECT gives, or readers get something else."""
    for view in VIEWS:
        for name, kind, comment in documented(warehouse, view):
            assert comment, f"{view}.{name}"
            told = ask(address, f"SELECT {name} FROM {view} LIMIT 0", Limits())  # noqa: S608 - ours
            assert told.types == [kind], f"{view}.{name}"


def test_the_readme_shows_the_views_as_they_are(warehouse):
    found = re.findall(r"<!-- views -->\n(.*?)\n<!-- /views -->", README.read_text(), re.DOTALL)
    lines = []
    for view in VIEWS:
        lines += [f"### {view}", VIEWS[view], "", "| column | type | meaning |", "|---|---|---|"]
        lines += [
            f"| `{name}` | {kind} | {comment} |"
            for name, kind, comment in documented(warehouse, view)
        ]
        lines.append("")
    wanted = "\n".join(lines).strip()
    assert found == [wanted], f"put this between the marks:\n{wanted}"


def test_an_attempt_has_its_amounts_its_outcome_and_its_latency(address, world):
    hold = msgspec.structs.replace(
        example("PlaceHold"), tenant="t", session_id="s", command_id="s/hold/1", hold_id="s/hold/1",
        amount_minor=4000, body_hash="",
    )  # fmt: skip
    answer = msgspec.structs.replace(
        example("AcquirerAnswered"), tenant="t", session_id="s", command_id="s/hold/1",
        resolves="", kind="hold", outcome="done", amount_minor=3000, raw_code="00",
    )  # fmt: skip
    raised = msgspec.structs.replace(
        example("RaiseHold"), tenant="t", session_id="s", command_id="s/hold/1/raise/2",
        hold_id="s/hold/1", amount_minor=6000, previous_minor=4000, delta_minor=2000, body_hash="",
    )  # fmt: skip
    inquired = msgspec.structs.replace(
        answer, command_id="s/hold/1/raise/2/inquire/1", resolves="s/hold/1/raise/2", kind="raise",
        outcome="declined", amount_minor=0, raw_code="51",
    )  # fmt: skip
    assert isinstance(hold, PlaceHold)
    assert isinstance(raised, RaiseHold)
    assert isinstance(answer, AcquirerAnswered)
    for topic, record in (
        (topics.COMMANDS, hold), (topics.COMMANDS, raised),
        (topics.RESPONSES, answer), (topics.RESPONSES, inquired),
    ):  # fmt: skip
        world.put(topic, record)
    commands = [
        line("hold", 1),
        line("raise", 2, command_id="s/hold/1/raise/2", amount_minor=6000, outcome="declined",
             reason="insufficient_funds"),
        line("capture", 1),
        line("hold", 2, outcome="", answered_at=0),
    ]  # fmt: skip
    world.put(topics.LEDGER, ledger(tenant="t", session_id="s", commands=commands))
    found = {one["command_id"]: one for one in rows(address, "SELECT * FROM v_auth_attempt")}
    assert found.keys() == {"s/hold/1", "s/hold/1/raise/2", "s/hold/2"}
    first, refused, waiting = found["s/hold/1"], found["s/hold/1/raise/2"], found["s/hold/2"]
    assert (first["amount_minor"], first["approved_minor"], first["delta_minor"]) == (
        4000,
        3000,
        4000,
    )
    assert (first["latency_ms"], first["is_approved"], first["raw_code"]) == (2500, True, "")
    assert (refused["delta_minor"], refused["approved_minor"], refused["raw_code"]) == (
        2000,
        0,
        "51",
    )
    assert (refused["is_declined"], refused["reason"], refused["attempt_number"]) == (
        True, "insufficient_funds", 2,
    )  # fmt: skip
    assert (waiting["answered_at"], waiting["latency_ms"]) == (None, None)
    assert not waiting["is_declined"]


def test_declines_by_day_add_up_to_the_attempts(address, world):
    day = 86_400_000
    for number, (outcome, reason, at) in enumerate(
        [("done", "", 0), ("declined", "insufficient_funds", 0), ("failed", "expired_card", 0),
         ("declined", "insufficient_funds", day), ("", "", day), ("unknown", "", day)]
    ):  # fmt: skip
        one = line("hold", 1, outcome=outcome, reason=reason, issued_at=1_767_600_000_000 + at)
        world.put(topics.LEDGER, ledger(session_id=f"s{number}", commands=[one]))
    found = rows(address, "SELECT * FROM v_decline_daily ORDER BY day")
    told = [(one["attempts"], one["approved"], one["declined"], one["unanswered"]) for one in found]
    assert told == [(3, 1, 2, 0), (3, 0, 1, 2)]
    assert found[0]["declines_by_reason"] == {"insufficient_funds": 1, "expired_card": 1}
    assert found[0]["declined_minor"] == 8000
    assert found[0]["decline_rate"] == pytest.approx(2 / 3)


def test_a_charger_that_nobody_hears_of_shows_what_is_at_stake_until_it_is_back(address, world):
    dark = ledger(
        phase="charging", version=1, open_minor=2_000, risk_open=True, risk_since_at=600_000,
        risk_seen_minor=711, risk_worst_minor=4_661,
    )  # fmt: skip
    world.put(topics.LEDGER, dark)
    (found,) = rows(address, "SELECT * FROM v_risk")
    assert (found["held_minor"], found["seen_minor"], found["worst_minor"]) == (2_000, 711, 4_661)
    assert found["uncovered_minor"] == 2_661
    assert str(found["since_at"]).startswith("1970-01-01 00:10:00")
    world.put(topics.LEDGER, msgspec.structs.replace(dark, version=2, risk_open=False))
    assert rows(address, "SELECT * FROM v_risk") == []


def test_money_that_does_not_add_up_is_flagged(address, world):
    good = ledger(session_id="good")
    world.put(topics.LEDGER, good)
    holds = [msgspec.structs.replace(good.holds[0], open_minor=1)]
    world.put(topics.LEDGER, ledger(session_id="hold", holds=holds))
    world.put(topics.LEDGER, ledger(session_id="sum", approved_minor=good.approved_minor + 1))
    world.put(topics.LEDGER, ledger(session_id="price", arrears_minor=5))
    world.put(topics.LEDGER, ledger(session_id="open", arrears_minor=5, phase="charging"))
    sql = "SELECT session_id, holds_conserved, price_conserved, is_conserved FROM v_session_money"
    found = {one["session_id"]: tuple(one.values())[1:] for one in rows(address, sql)}
    assert found == {
        "good": (True, True, True),
        "hold": (False, True, False),
        "sum": (False, True, False),
        "price": (True, False, False),
        "open": (True, True, True),
    }
    told = {
        one["session_id"]: one["is_conserved"]
        for one in rows(address, "SELECT session_id, is_conserved FROM v_hold")
    }
    assert told == {"good": True, "hold": False, "sum": True, "price": True, "open": True}


def test_a_newer_ledger_replaces_the_older_in_every_figure(address, world):
    world.put(topics.LEDGER, ledger(priced_minor=1))
    world.put(topics.LEDGER, ledger(priced_minor=2))
    assert rows(address, "SELECT priced_minor FROM v_session_money") == [{"priced_minor": 2}]
    assert len(rows(address, "SELECT 1 FROM v_hold")) == len(example("SessionLedger").holds)


def test_frozen_credit_is_what_was_held_and_not_needed_for_how_long(address, world):
    begun, hour = 1_767_600_000_000, 3_600_000
    one = example("SessionLedger")
    assert isinstance(one, SessionLedger)
    hold = msgspec.structs.replace(
        one.holds[0], approved_minor=5000, captured_minor=2000, released_minor=3000,
        lapsed_minor=0, open_minor=0, approved_at=begun,
    )  # fmt: skip
    still = msgspec.structs.replace(hold, captured_minor=0, released_minor=0, open_minor=5000)
    world.put(topics.LEDGER, ledger(session_id="freed", holds=[hold], closed_at=begun + 2 * hour))
    world.put(
        topics.LEDGER,
        ledger(session_id="still", holds=[still], closed_at=0, changed_at=begun + 3 * hour),
    )
    world.put(topics.LEDGER, ledger(session_id="later", holds=[], changed_at=begun + 10 * hour))
    found = {one["session_id"]: one for one in rows(address, "SELECT * FROM v_frozen_credit")}
    freed, frozen = found["freed"], found["still"]
    assert (freed["excess_minor"], freed["frozen_s"]) == (3000, 7200)
    assert freed["excess_minor_hours"] == 6000
    assert (frozen["freed_at"], frozen["open_minor"]) == (None, 5000)
    assert frozen["as_of_at"] == freed["as_of_at"]
    assert frozen["frozen_s"] >= 36_000


def test_a_discrepancy_shows_its_newest_word(address, world):
    one = example("DiscrepancyChanged")
    assert isinstance(one, DiscrepancyChanged)
    world.put(topics.DISCREPANCIES, msgspec.structs.replace(one, status="opened", changed_at=5000))
    world.put(topics.DISCREPANCIES, msgspec.structs.replace(one, status="closed", changed_at=9000))
    (found,) = rows(address, "SELECT * FROM v_discrepancy")
    assert (found["status"], found["is_open"]) == ("closed", False)
    assert (found["opened_at"], found["changed_at"]) == (
        "1970-01-01 00:00:05.000", "1970-01-01 00:00:09.000",
    )  # fmt: skip


# --- visits and health ----------------------------------------------------------------------------


def visit(version, *sessions, **changes):
    about = {"version": version, "sessions": list(sessions)}
    return msgspec.structs.replace(example("CardVisit"), **(about | changes))


def test_a_visit_has_the_declines_and_holds_of_its_sessions(address, world):
    hold = example("SessionLedger").holds[0]
    open_hold = msgspec.structs.replace(hold, approved_minor=500, open_minor=500)
    refused = msgspec.structs.replace(hold, approved_minor=0, open_minor=0)
    freed = msgspec.structs.replace(hold, approved_minor=500, open_minor=0)
    no = line("hold", 1, outcome="declined", reason="insufficient_funds")
    for session, holds, commands in (
        ("a", [refused], [no]),
        ("b", [open_hold], [line("hold", 1), line("raise", 1, outcome="failed")]),
        ("c", [freed], [line("hold", 1)]),
    ):
        world.put(
            topics.LEDGER,
            ledger(tenant="t1", session_id=session, holds=holds, commands=commands),
        )
    for told in (visit(1, "a"), visit(2, "a", "b"), visit(3, "c", visit_from_at=9_000_000)):
        world.put(topics.VISITS, msgspec.structs.replace(told, tenant="t1"))
    found = rows(address, "SELECT * FROM v_card_visit ORDER BY visit_from_at DESC")
    counted = ("sessions", "attempts", "declined", "holds", "holds_open", "is_newest")
    told = {tuple(one["session_ids"]): tuple(one[name] for name in counted) for one in found}
    assert told == {("a", "b"): (2, 3, 2, 1, 1, False), ("c",): (1, 1, 0, 1, 0, True)}


def test_a_visit_whose_first_session_was_heard_of_late_is_one(address, world):
    world.put(topics.VISITS, visit(1, "b", visit_from_at=9_000_000))
    world.put(topics.VISITS, visit(2, "a", "b", visit_from_at=5_000_000))
    world.put(topics.VISITS, visit(2, "a", "b", visit_from_at=5_000_000, site_id="another"))
    found = rows(address, "SELECT site_id, session_ids, is_newest FROM v_card_visit")
    sites = {one["site_id"] for one in found}
    assert len(found) == len(sites) == 2
    assert all((one["session_ids"], one["is_newest"]) == (["a", "b"], True) for one in found)


def test_what_is_not_known_of_a_visit_is_null(address, world):
    world.put(topics.VISITS, visit(1, "a", attempts_left=-1, wait_until_at=0))
    world.put(topics.VISITS, visit(1, "b", site_id="z", attempts_left=0, wait_until_at=5000))
    sql = "SELECT attempts_left, wait_until_at FROM v_card_visit ORDER BY site_id = 'z'"
    found = [tuple(one.values()) for one in rows(address, sql)]
    assert found == [(None, None), (0, "1970-01-01 00:00:05.000")]


def test_an_acquirer_shows_its_newest_rates(address, world):
    one = example("AcquirerHealth")
    told = {"answers": 20, "approved": 9, "declined": 3, "technical": 5, "last_at": 1_000_000}
    world.put(topics.HEALTH, msgspec.structs.replace(one, answers=1, version=1))
    world.put(
        topics.HEALTH,
        msgspec.structs.replace(
            one, version=2, window_ms=900_000, p50_ms=-1, p95_ms=800, last_technical_at=0, **told
        ),
    )
    (found,) = rows(address, "SELECT * FROM v_acquirer_health")
    assert {name: found[name] for name in told if name != "last_at"} == {
        name: value for name, value in told.items() if name != "last_at"
    }
    assert (found["approval_rate"], found["technical_rate"]) == (0.75, 0.25)
    assert (found["p50_ms"], found["p95_ms"], found["last_technical_at"]) == (None, 800, None)
    assert found["from_at"] == "1970-01-01 00:02:00.000"


def span(accepted, refused, to_at, *marks, **changes):
    told = [
        FeedMark(what=what, detail=detail, count=n, first_at=at) for what, detail, n, at in marks
    ]
    about = {"accepted": accepted, "refused": refused, "from_at": to_at - 10, "to_at": to_at}
    return msgspec.structs.replace(example("FeedSeen"), marks=told, **(about | changes))


def test_marks_of_a_party_add_up_over_spans_and_partitions(address, world):
    world.put(topics.DRIFT, span(10, 0, 5_000, ("version", "1.6", 10, 4_995)))
    marks = (("version", "1.6", 8, 4_990), ("field", "x.y", 3, 8_000))
    world.put(topics.DRIFT, span(8, 2, 9_000, *marks))
    world.put(topics.DRIFT, span(1, 0, 9_000, ("version", "1.6", 1, 8_995), make="another"))
    sql = "SELECT detail, messages, first_at, last_at FROM v_feed_mark WHERE make <> 'another'"
    assert [tuple(one.values()) for one in rows(address, f"{sql} ORDER BY detail")] == [
        ("1.6", 18, "1970-01-01 00:00:04.990", "1970-01-01 00:00:09.000"),
        ("x.y", 3, "1970-01-01 00:00:08.000", "1970-01-01 00:00:09.000"),
    ]
    (day,) = rows(address, "SELECT * FROM v_feed_daily WHERE make <> 'another'")
    assert (day["accepted"], day["refused"], day["refusal_rate"]) == (18, 2, 0.1)


def test_how_late_partners_are_is_told_by_day_and_of_what(address, world):
    at = 1_790_000_000_000
    for lag_ms, partner in ((500, "hub"), (59_000, "hub"), (61_000, "hub"), (-5_000, "peer")):
        told = msgspec.structs.replace(
            example("CdrSeen"), partner=partner, last_updated_at=at, received_at=at + lag_ms
        )
        world.put(topics.OCPI_CDRS, told)
    never = msgspec.structs.replace(example("SessionSeen"), last_updated_at=0)
    world.put(topics.OCPI_SESSIONS, never)
    found = {one["partner"]: one for one in rows(address, "SELECT * FROM v_partner_lag")}
    assert found.keys() == {"hub", "peer"}
    hub = found["hub"]
    assert (hub["feed"], hub["messages"], hub["late"]) == ("cdr", 3, 1)
    assert (hub["p50_ms"], hub["worst_ms"]) == (59_000, 61_000)
    assert (found["peer"]["worst_ms"], found["peer"]["late"]) == (0, 0)


def test_a_cdr_shows_its_total_and_whether_it_was_refused(address, world):
    world.put(topics.OCPI_CDRS, example("CdrSeen"))
    refused = msgspec.structs.replace(example("CdrSeen"), partner="peer", rejected_code=2001)
    world.put(topics.OCPI_CDRS, refused)
    first, second = rows(address, "SELECT * FROM v_partner_cdr ORDER BY partner")
    assert (first["total_net"], first["total_gross"], first["party"]) == (
        "190.8",
        "238.5",
        "NO*NLD",
    )
    assert (first["rejected_code"], second["rejected_code"]) == (None, 2001)


def test_an_invoice_shows_the_session_of_each_cdr_as_it_stands(address, world):
    cdr = example("CdrSeen")
    about = {"country_code": cdr.country_code, "party_id": cdr.party_id, "tenant": cdr.tenant}
    older = msgspec.structs.replace(
        example("InvoiceReported"), **about, cdr_ids=["gone"], last_updated_at=1
    )
    newer = msgspec.structs.replace(older, cdr_ids=[cdr.cdr_id.upper(), "x"], last_updated_at=2)
    world.put(topics.OCPI_CDRS, cdr)
    world.put(topics.INVOICES, newer)
    world.put(topics.INVOICES, older)
    known, unknown = rows(address, "SELECT * FROM v_partner_invoice ORDER BY cdr_known DESC")
    assert (known["cdr_known"], unknown["cdr_known"], unknown["cdr_id"]) == (True, False, "x")
    assert known["authorization_reference"] == cdr.authorization_reference
    assert (known["total_gross"], unknown["total_gross"]) == ("238.5", "")


def test_a_notice_without_a_session_shows_when_it_became_an_orphan(address, world):
    notice = example("NoticeUnbound")
    world.put(topics.LOOKUPS, notice)
    (waiting,) = rows(address, "SELECT * FROM v_unbound_notice")
    assert (waiting["psp_reference"], waiting["aged_at"]) == (notice.psp_reference, None)
    orphan = msgspec.structs.replace(
        example("OrphanAged"), tenant=notice.tenant, alias=notice.alias, aged_at=5_000,
        source_topic=topics.LOOKUPS, source_partition=0, source_offset=1,
    )  # fmt: skip
    world.put(topics.DISCREPANCIES, orphan)
    (aged,) = rows(address, "SELECT * FROM v_unbound_notice")
    assert aged["aged_at"] == "1970-01-01 00:00:05.000"
