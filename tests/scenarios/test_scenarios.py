"""Whole sessions as text: one fact a line, what it must lead to beside it. See README.md here."""

import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from partnerworld import advice, cdr, linked, seen, settlement
from sessionworld import (
    POLICY,
    SESSION,
    T0,
    World,
    answered,
    card_read,
    ended,
    hold_reported,
    notified,
    path_of,
    reading,
    receipted,
    refund_decided,
    released,
    request,
    signed,
    silence,
    started,
    taken_over,
    tariff,
    tick,
    told_so,
    updated,
    visited,
    webhook,
)
from tariffworld import body, element

from schemas.commands import InquireCommand, ResendCommand
from schemas.flags import Flag
from streams.core.session import ReferenceReused
from streams.core.strategy_policy import Fiscal

HERE = Path(__file__).parent
UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
NUMBERS = {"power_max_w", "declared_value"}
YES_NO = {"reauthorise_consent"}
PLAIN = {"raises", "closed_reason", "energy_wh", "proof", "strategy", "scheme", "receipt_status"}
PLAIN |= {"cdr_status", "ocpi_status", "advice_outcome"}


def minor(text):
    whole, _, cents = text.partition(".")
    return int(whole) * 100 + int(cents or 0)


def major(amount):
    return f"{amount // 100}.{amount % 100:02}"


def options(words):
    pairs = dict(word.split("=", 1) for word in words if "=" in word)
    return {name: option(name, value) for name, value in pairs.items()}


def option(name, value):
    if name in YES_NO:
        return value == "yes"
    return int(value) if name in NUMBERS else value


def changed_policy(at_deadline="lapse", extends="", consent="", inquiry="yes", **rest):
    """The usual policy, with what it says of a hold's time, at every acquirer, and of refunds."""
    below_cost = rest.pop("below_cost", POLICY.below_cost)
    more_refunds = {n: int(v) if v.isdigit() else v for n, v in rest.items()}
    more = {"increment_extends": tuple(extends.split()), "reauthorise": consent == "yes"}
    more["inquiry"] = inquiry == "yes"
    return replace(
        POLICY,
        clocks=replace(POLICY.clocks, at_deadline=at_deadline),
        refunds=replace(POLICY.refunds, **more_refunds),
        below_cost=below_cost,
        acquirers={name: replace(one, **more) for name, one in POLICY.acquirers.items()},
    )


def with_fiscal(policy, country, regime="SIGN_CHAINED", chain="CHAIN", **more):
    """The policy, with what it says of receipts in this country."""
    late_ms = 1_000 * int(more.pop("late", 3_600))
    said = Fiscal(regime=regime, chain=chain, late_after_ms=late_ms, **more)
    return replace(policy, fiscal={**policy.fiscal, country: said})


def with_proof(policy, **said):
    """The policy, with what it says of proof: waits as of a line's advance."""
    plain = {"energy_wh", "money_minor", "energy_per_mille", "money_per_mille"}
    limits = {name: int(said.pop(name)) for name in plain & said.keys()}
    said = {name: _said(value) for name, value in said.items()}
    if "register_wraps_wh" in said:
        said["register_wraps_wh"] = (said["register_wraps_wh"],)
    return replace(
        policy,
        proof=replace(policy.proof, **said),
        reconciliation=replace(policy.reconciliation, **limits),
    )


def _said(value):
    wait = re.fullmatch(r"(\d+)([smhd])", value)
    if wait:
        return int(wait[1]) * UNITS[wait[2]]
    return value == "yes" if value in ("yes", "no") else int(value) if value.isdigit() else value


SAID = (  # fields of commands that a story mentions, and how
    ("amount_minor", major),
    ("max_energy_wh", lambda energy_wh: f"{energy_wh}Wh"),
    ("how", str),
    ("transaction_id", lambda tx: "" if tx == "tx1" else tx),
    ("rule", lambda rule: {"capture_floor": "floor", "reauthorise": "anew"}.get(rule, "")),
    ("ceiling_minor", lambda ceiling: f"up to {major(ceiling)}"),
    ("reason", str),
    ("paid_minor", major),
    ("supply_minor", lambda supply: f"of {major(supply)}"),
    ("parts", lambda parts: "+".join(f"{major(one.vat_minor)}@{one.rate or '?'}" for one in parts)),
    ("of_receipt", lambda name: f"corrects {name}" if name else ""),
    ("receipt", str),
    ("outcome", str),
    ("proof", lambda rung: "" if rung in USUAL else f"by {rung}"),
    ("price_authority", lambda word: "" if word == "tariff" else f"price {word}"),
    ("settled_by", lambda way: f"settled {way}" if way else ""),
)
USUAL = {"COMPLETE_TRANSACTION", "CHARGER_FLOOR"}


ODD = {"unnumbered": 0, "doubtful": Flag.PER_TRANSACTION, "clock": Flag.CLOCK_AHEAD}


def odd(fact, plain):
    """A charger's fact that its feed has doubts about, or that has no number."""
    said = {"flags": int(sum(ODD[word] for word in plain if word in ODD))}
    if "unnumbered" in plain:
        said["seq"] = -1
    return told_so(fact, fell="fell" in plain, **said)


class Story:
    """A scenario being told: the world, its clock, and how to read a line of it."""

    def __init__(self):
        self.world = None
        self.now_at = T0
        self.given = {}
        self.tariff_body = tariff()
        self.elements, self.limits = [], {}
        self.policy = POLICY
        self.silences = 0
        self.begun_at = {}
        self.heard_at = {}

    def line(self, text):
        if text.startswith("given"):
            return self.set_up(text.split()[1:])
        asked, _, expected = text.partition("->")
        words = asked.split()
        if words[0].startswith("+"):
            count, unit = re.fullmatch(r"\+(\d+)([smhd])", words.pop(0)).groups()
            self.now_at += int(count) * UNITS[unit]
        wanted, _, checks = expected.partition("|")
        assert self.told(words, checks) == (wanted.strip(), self.checked(checks)), text
        return None

    def set_up(self, words):
        if words[0] == "proof":
            self.policy = with_proof(self.policy, **options(words))
        elif words[0] == "policy":
            self.policy = changed_policy(**options(words))
        elif words[0] == "fiscal":
            self.policy = with_fiscal(self.policy, words[1], **options(words))
        elif words[0] == "tariff":
            self.tariff_body = "" if words[1] == "none" else tariff(**options(words))
        elif words[0] in ("element", "limits"):
            self.elements += [element(**options(words))] if words[0] == "element" else []
            self.limits |= options(words) if words[0] == "limits" else {}
            self.tariff_body = body(*self.elements, **self.limits)
        elif words[0] == "time":
            self.now_at = round(datetime.fromisoformat(words[1]).timestamp()) * 1000
        else:
            self.given |= options(words)

    def told(self, words, checks):
        """The commands of this step, and the value of everything that the line asks about."""
        if self.world is None:
            self.world = World(self.tariff_body, self.policy)
            if not self.tariff_body:
                self.world.pins.body = None
        try:
            step = self.world.apply(self.fact(words), self.now_at)
        except ReferenceReused:
            return "reference-reused", self.values(checks, None)
        commands = ", ".join(self.say(one) for one in step.commands) or "nothing"
        return commands, self.values(checks, step)

    def fact(self, words):
        verb, *rest = words
        plain = [word for word in rest if "=" not in word]
        given = options(rest)
        at = self.now_at
        match verb:
            case "request" | "reported":
                said = {"requested_at": at, **self.given, **given}
                return self.reported(minor(plain[0]), said) if plain else request(**said)
            case "answer" | "notified" | "webhook":
                return self.acquirer_fact(verb, plain, given)
            case "card":
                return self.card(int(plain[0]), given)
            case "started" | "reading" | "ended" | "updated" | "charger":
                return self.charger_fact(verb, plain, given)
            case (
                "visit"
                | "receipt"
                | "ocpi"
                | "cdr"
                | "advice"
                | "settled"
                | "released"
                | "decided"
                | "takeover"
            ):
                return self.outer_fact(verb, plain, given)
        assert verb == "tick", f"no such fact: {verb}"
        return tick(at)

    def reported(self, amount_minor, said):
        """A hold that was placed without us, by whom the story's requests name."""
        by = said.pop("hold_by", "terminal")
        if "expires_in" in said:
            count, unit = re.fullmatch(r"(\d+)([smhd])", said.pop("expires_in")).groups()
            said["expires_at"] = self.now_at + int(count) * UNITS[unit]
        return hold_reported(amount_minor, self.now_at, by, **said)

    def silence(self, state, tx):
        """What link says of the charger of a charging: each time the next version."""
        self.silences += 1
        return silence(state, self.silences, self.now_at, tx, self.heard_at.get(tx, 0))

    def persons_fact(self, verb, plain, given):
        if verb == "takeover":
            return taken_over(given["by"], self.now_at)
        if verb == "decided":
            return refund_decided(plain[0], minor(plain[1]), self.now_at, **given)
        amount = minor(given["amount"]) if "amount" in given else -1
        return released(int(plain[0]), given.get("by", "a.keller"), self.now_at, amount)

    def outer_fact(self, verb, plain, given):
        if verb in ("released", "decided", "takeover"):
            return self.persons_fact(verb, plain, given)
        if verb == "visit":
            return self.visit(plain, given)
        if verb == "receipt":
            return receipted(plain[0], plain[1], self.now_at, self.world, **given)
        return linked(self.partner_fact(verb, plain, given))

    def visit(self, plain, given):
        number, barred = int(given.pop("version", 1)), "barred" in plain
        wait_ms = 1_000 * int(given.pop("wait", 0))
        given = {n: int(v) if n == "attempts_left" else v for n, v in given.items()}
        if wait_ms:
            given["wait_until_at"] = self.now_at + wait_ms
        return visited(number, self.now_at, barred=barred, **given)

    def acquirer_fact(self, verb, plain, given):
        last = [path_of(one) for one in self.world.session.issued if "/refund/" in one][-1:]
        if verb == "answer" and re.match("refund($|/inquire/)", plain[0]):
            plain = [last[0] + plain[0].removeprefix("refund"), *plain[1:]]
        if given.get("of") == "refund":
            given["of"] = last[0]
        if verb == "notified":
            return notified(plain[0], minor(plain[1]), given.get("of", ""), self.now_at)
        if verb == "webhook":
            path = given.pop("of", "")
            return webhook(plain[0], minor(plain[1]), path, self.now_at, **given)
        amount = minor(plain[2]) if len(plain) > 2 else 0
        if "expires" in given:
            count, unit = re.fullmatch(r"(\d+)([smhd])", given.pop("expires")).groups()
            given["expires_at"] = self.now_at + int(count) * UNITS[unit]
        if "hold_id" in given:
            given["hold_id"] = f"{SESSION}/hold/{given['hold_id']}"
        return answered(plain[0], plain[1], amount, self.now_at, **given)

    def partner_fact(self, verb, plain, given):
        """What a partner says; its session began with the story, and ends now."""
        usual = {"started_at": T0, **given}
        match verb:
            case "ocpi":
                return seen(int(plain[1]), self.now_at, status=plain[0], **usual)
            case "cdr":
                energy_wh, gross = int(plain[0]), plain[1]
                usual["rejected_code"] = int(given.get("rejected_code", 0))
                taken_back = usual.get("credit_reference_id", "")
                return cdr(energy_wh, gross, self.now_at, credit=bool(taken_back), **usual)
            case "advice":
                return advice(minor(plain[1]), self.now_at, outcome=plain[0], **given)
        return settlement(plain[1], plain[0], self.now_at)

    def card(self, number, given):
        agreed, offer = minor(given.pop("agreed", "0")), int(given.pop("offer", "0"))
        return card_read(number, offer, agreed, self.now_at, **given)

    def charger_fact(self, verb, plain, given):
        tx, seq = given.get("tx", "tx1"), int(given.get("seq", 1))
        at = self.now_at - minor(given.get("ago", "0")) * 600  # ago=2.00: two minutes
        if verb != "charger":
            self.heard_at[tx] = max(at, self.heard_at.get(tx, 0))
        match verb:
            case "charger":
                return self.silence(plain[0], tx)
            case "started":
                fact = started(int(plain[0]), at, tx, takes_limit="takes-limit" in plain)
                self.begun_at.setdefault(tx, at)
                return odd(fact, plain)
            case "reading":
                power_w, gap_s = int(given.get("power", -1)), int(given.get("gap", 0))
                return reading(int(plain[0]), at, tx, seq, power_w, gap_s * 1_000)
            case "updated":
                return updated(plain[0], int(plain[1]), at, tx, seq, int(given.get("limit", -1)))
        number = {"seq": -1} if "unnumbered" in plain else {}
        whole = not {"incomplete", "unnumbered"} & set(plain)
        fact = odd(ended(int(plain[0]), at, tx, complete=whole, **number), plain)
        return self.with_pair(fact, at, tx, given) if "signed" in given else fact

    def with_pair(self, fact, at, tx, given):
        """Signed from the charging's begin to its end, or `apart` minutes before both."""
        apart_ms = minor(given.get("apart", "0")) * 600
        between = self.begun_at[tx] - apart_ms, at - apart_ms
        key, outcome = given.get("key", "registry"), given.get("outcome", "valid")
        return signed(fact, int(given["signed"]), between, key, outcome=outcome)

    def say(self, command):
        name = type(command).__name__
        match command:
            case InquireCommand() | ResendCommand():
                of = re.sub("refund/charging-[0-9a-f]+", "refund", path_of(command.of_command_id))
                return f"{name.removesuffix('Command')} {of}"
        words = [
            name,
            *(how(getattr(command, field)) for field, how in SAID if hasattr(command, field)),
        ]
        if getattr(command, "acquirer_id", self.first_acquirer()) != self.first_acquirer():
            words.append(f"at {command.acquirer_id}")
        if getattr(command, "performer", "executor") != "executor":
            words.append(f"by {command.performer}")
        return " ".join(word for word in words if word)

    def first_acquirer(self):
        pinned = self.world.session.pinned
        return pinned.route[0] if pinned.route else self.world.session.request.acquirer_id

    def checked(self, checks):
        words = checks.split()
        return [words[0], *words[1:]] if words else []

    def values(self, checks, step):
        words = checks.split()
        if not words:
            return []
        return [self.world.ledger.phase, *(self.value(word, step) for word in words[1:])]

    def value(self, word, step):
        name = word.split("=")[0]
        match name:
            case "watch" | "marks":
                said = step.watches[-1] if step.watches else None
                words = self.say_watch(said) if name == "watch" else self.say_marks(said)
                return f"{name}={words}"
            case "difference":
                said = step.discrepancies[-1] if step.discrepancies else None
                return f"difference={said.kind}-{said.status}" if said else "difference=none"
            case "at_risk":
                return f"at_risk={major(step.discrepancies[-1].amount_minor)}"
            case "declined_at_tap" | "declined_mid_charge" | "stop_sent" | "risk_open":
                return f"{name}={'yes' if getattr(self.world.ledger, name) else 'no'}"
            case name if name in PLAIN:
                return f"{name}={getattr(self.world.ledger, name)}"
        return f"{name}={major(getattr(self.world.ledger, f'{name}_minor'))}"

    def say_marks(self, watch):
        """The local times at which the tariff changes."""
        zone = ZoneInfo(self.given["time_zone"])
        moments = [datetime.fromtimestamp(at / 1000, zone) for at in watch.marks] if watch else []
        return ",".join(one.strftime("%H:%M") for one in moments)

    @staticmethod
    def say_watch(watch):
        if watch is None:
            return "none"
        if watch.closing:
            return "closing"
        return "never" if watch.wake_energy_wh == 10**12 else str(watch.wake_energy_wh)


@pytest.mark.parametrize("path", sorted(HERE.glob("*.txt")), ids=lambda path: path.stem)
def test_scenario(path):
    story = Story()
    for number, text in enumerate(path.read_text().splitlines(), 1):
        if text.startswith("  ") and text.strip():
            try:
                story.line(text.strip())
            except AssertionError as error:
                raise AssertionError(f"{path.name}:{number}  {error}") from error
    assert story.world is not None, f"{path.name} tells nothing"
    assert story.world.session is None or not story.world.session.conflicts
    books_balance(story.world.ledger)


def books_balance(ledger):
    for hold in ledger.holds:
        where = hold.captured_minor + hold.released_minor + hold.lapsed_minor + hold.open_minor
        assert hold.approved_minor == where
    if ledger.phase == "closed":
        settled = ledger.captured_minor - ledger.refunded_minor
        settled += ledger.arrears_minor + ledger.forgiven_minor
        assert ledger.priced_minor == settled
