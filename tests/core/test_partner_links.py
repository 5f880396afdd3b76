from partnerworld import advice, cdr, credit, seen, settlement
from sessionworld import T0, started

from schemas import codec, ids
from streams.core.partner_links import asking, asking_station, begin_aliases, own_aliases

REFERENCE = ids.reference_alias("t", "ref")
OWNER = ("CH", "ABC")
OF_SESSION = ids.ocpi_alias("t", OWNER, "session", "s-1")
OF_CDR = ids.ocpi_alias("t", OWNER, "cdr", "c-1")
OF_CREDIT = ids.ocpi_alias("t", OWNER, "cdr", "c-2")


def test_the_reference_is_asked_first_and_the_objects_own_name_last():
    assert asking(seen()).aliases == (REFERENCE, OF_SESSION)
    assert asking(cdr()).aliases == (REFERENCE, OF_SESSION, OF_CDR)
    assert asking(credit()).aliases == (REFERENCE, OF_SESSION, OF_CDR, OF_CREDIT)
    own = ids.advice_alias("t", "p", "A-1")
    assert asking(advice()).aliases == (REFERENCE, own)


def test_what_is_not_told_is_not_asked():
    bare = credit(authorization_reference="", ocpi_session_id="")
    assert asking(bare).aliases == (OF_CDR, OF_CREDIT)


def test_what_a_fact_binds_for_others_is_never_the_reference():
    """Somebody's mistaken reference must not become this session's."""
    for fact in (seen(), cdr(), credit(), advice()):
        assert own_aliases(fact) == asking(fact).aliases[1:]


def test_its_own_time_and_when_it_came():
    fact = cdr(at=T0 + 60_000, received_at=T0 + 99_000)
    assert asking(fact)[1:] == (T0, T0 + 99_000, True)
    assert asking(cdr(at=T0 + 7, started_at=0)).occurred_at == T0 + 7


def test_contracts_do_not_wait_and_what_is_not_known_does():
    assert not asking(seen(payment_kind="contract")).waits
    assert asking(seen(payment_kind="unknown")).waits


def begin(**changed):
    fact = codec.decode(started(0).fact)
    return begin_aliases(type(fact)(**{**_fields(fact), **changed}))


def _fields(fact):
    return {name: getattr(fact, name) for name in fact.__struct_fields__}


def test_a_begin_asks_by_remote_start_then_by_the_payment_then_by_its_transaction():
    by_start = ids.charger_alias("t", "n", "c", "remote_start", "R")
    by_payment = ids.psp_alias("t", "P")
    by_transaction = ids.charger_alias("t", "n", "c", "transaction", "tx1")
    assert begin(remote_start_id="R", psp_reference="P") == [by_start, by_payment]
    assert begin(remote_start_id="", psp_reference="P") == [by_payment]
    assert begin(remote_start_id="") == [by_transaction]
    assert begin(remote_start_id="", payment_kind="unknown") == []
    assert begin(remote_start_id="R", payment_kind="contract") == []


def test_a_payment_that_a_station_gave_up_asks_by_its_own_name():
    asked = asking_station(settlement(transaction_id=""))
    assert asked.aliases == (ids.psp_alias("t", "P-1"),)
