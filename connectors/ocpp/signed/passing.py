"""Signed updates for which there is no room: verified as they come, and then let go.

A meter counts its records (OCMF 1.4, PG), so that whoever has a begin and an end sees whether
anything was between them. Of a long charging with an update each minute only begin, end and the
first updates are kept; what passed between is known by its pages. They must follow each other, be
signed by one key of one meter, name the same driver, and tell nothing that speaks against billing.
"""

import msgspec

from connectors.ocpp.signed.messages import Passed
from connectors.ocpp.signed.pairing import BEGIN, ENDS, PAGE, alone, signer_of, wh_of
from connectors.ocpp.signed.verify import Checked


def passed_with(before: Passed | None, one: Checked) -> Passed | None:
    """What passed once this one has, too; as `before` where it cannot be counted."""
    found = _passed(one)
    if found is None or before is None:
        return found or before
    same = (found.letter, found.signer, found.register) == (
        before.letter,
        before.signer,
        before.register,
    )
    if not same or found.first != before.last + 1 or found.from_wh < before.to_wh:
        return before
    return msgspec.structs.replace(before, last=found.last, to_wh=found.to_wh)


def _passed(one: Checked) -> Passed | None:
    if not one.whole or one.payload is None:
        return None
    page = PAGE.fullmatch(one.payload.page)
    if page is None or {each.kind for each in one.payload.readings} & {BEGIN, *ENDS}:
        return None
    register, course = alone(one)
    if not course:
        return None
    number = int(page[2])
    return Passed(
        letter=page[1],
        first=number,
        last=number,
        signer=signer_of(one),
        register=register,
        from_wh=wh_of(course[0]),
        to_wh=wh_of(course[-1]),
    )
