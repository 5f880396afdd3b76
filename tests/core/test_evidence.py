"""What stands on a capture command: every number that was reconciled, and what proves it."""

from proofworld import END, HOUR, bill, over, session_of
from sessionworld import T0, World, answered, ended, released, request, signed, started

from schemas.commands import CaptureHold
from streams.core.evidence import figures, words


def test_of_a_whole_transaction_registers_and_numbers():
    case = session_of(ended(10_000, END))
    assert figures(case) == {
        "charger_wh": 10_000, "cdr_id": "", "cdr_wh": -1, "cdr_minor": -1,
        "price_authority": "tariff", "settled_by": "", "signed_meter": "", "signed_from_at": 0,
        "signed_to_at": 0, "decision_id": "",
    }  # fmt: skip
    assert words(case).endswith("register 0 to 10000 Wh, sequence complete to 9")


def test_of_a_signed_end_meter_key_and_pair():
    case = session_of(signed(ended(10_000, END, complete=False), 10_000, (T0, END)))
    told = figures(case)
    assert (told["signed_meter"], told["signed_from_at"], told["signed_to_at"]) == ("M-1", T0, END)
    assert "sequence with gaps to 9; signed by meter M-1 (registry): 10000 Wh" in words(case)


def test_of_a_cdr_its_id_its_figures_and_its_session():
    case = session_of(bill(), over(), ended(10_050, END, complete=False), after_ms=6 * HOUR)
    told = figures(case)
    assert (told["cdr_id"], told["cdr_wh"], told["cdr_minor"]) == ("C-1", 10_000, 790)
    assert told["charger_wh"] == 10_050
    assert "CDR C-1: 10000 Wh, 7.90 CHF, OCPI session COMPLETED with 10000 Wh" in words(case)


def test_of_a_settled_difference_how_and_both_numbers():
    case = session_of(bill(6_000, "4.74"), ended(10_000, END), disagreement="lower")
    told = figures(case)
    assert (told["settled_by"], told["charger_wh"], told["cdr_wh"]) == ("lower", 10_000, 6_000)
    assert case.total.final.energy_wh == 6_000


def test_of_a_decision_who_and_why():
    case = session_of(released(8_000, "ann"), released(8_000, "bob"))
    assert figures(case)["decision_id"]
    assert words(case) == "decided by ann and bob: the charger burnt (ticket 7)"


def test_of_a_register_that_rolled_over_where():
    whole = ended(6_000, END)
    case = session_of(started(996_000, T0, tx="tx1"), whole, begun=False,
                      register_wraps_wh=(10**6,))  # fmt: skip
    assert case.proof.rung == "COMPLETE_TRANSACTION"
    assert case.total.final.energy_wh == 10_000
    assert "register 996000 to 6000 Wh" in words(case)
    assert "register counted on, it went on at nought at 1000000 Wh" in words(case)


def test_who_decided_too_early_is_not_among_those_who_decided():
    world = World()
    world.apply(request(), T0)
    world.apply(released(8_000, "early"), T0)
    world.apply(answered("hold/1", "done", 2_000, T0), T0)
    world.apply(released(8_000, "ann", END), END)
    (capture,) = [one for one in world.commands if isinstance(one, CaptureHold)]
    assert capture.evidence == "decided by ann: the charger burnt (ticket 7)"
