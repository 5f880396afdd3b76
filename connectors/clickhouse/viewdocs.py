"""The views and what their columns mean, as ClickHouse has them from the migrations."""

from connectors.clickhouse.client import Warehouse

VIEWS = {
    "v_auth_attempt": "One row for each time a card was asked: a hold placed, or raised.",
    "v_hold": "One row for each hold, and where its money is.",
    "v_session_money": "One row for each session, and whether its money adds up.",
    "v_capture": "One row for each capture: its proof, and the numbers it was reconciled from.",
    "v_risk": "One row for each session with a charger that nobody hears of: what is at stake.",
    "v_decline_daily": "Attempts and refusals by UTC day and by what may explain them.",
    "v_frozen_credit": "One row for each granted hold: what it froze beyond need, for how long.",
    "v_discrepancy": "One row for each difference that a person may have to look at.",
    "v_card_visit": "One row for each visit of a card to a site: its sessions, refusals and holds.",
    "v_acquirer_health": "One row for each acquirer: how it answered of late.",
    "v_feed_mark": "One row for each thing that a feed saw of a party: what others' words became.",
    "v_feed_daily": "Messages of each party of a feed by UTC day, and how many were refused.",
    "v_partner_lag": "Messages of each partner by UTC day, and how late they came.",
    "v_partner_invoice": "One row for each CDR on each invoice, and which session it bills.",
    "v_unbound_notice": "One row for each word of an acquirer that names no session of ours.",
    "v_partner_cdr": "One row for each CDR as each partner told it.",
}


def documented(warehouse: Warehouse, view: str) -> list[tuple[str, str, str]]:
    """Name, type and meaning of every column of a view, in order."""
    rows = warehouse.select(f"DESCRIBE TABLE {view}")
    return [(row[0], row[1], row[4]) for row in rows]
