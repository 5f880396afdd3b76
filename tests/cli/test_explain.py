"""What a person reads of a session: every amount with its currency, each phase where it begins."""

import re

from rich.console import Console
from sessionworld import HOLD, T0, World, answered, ended, reading, request, silence, started

from schemas import codec
from schemas.facts import AppliedInput, LinkedFact
from streams.cli.explain import lines
from streams.story import Story, Told


def told(*facts):
    world, found = World(), []
    for at, fact in enumerate(facts):
        step = world.apply(fact, T0 + at * 60_000)
        entry = AppliedInput(topic="t", partition=0, offset=at, clock_at=T0 + at * 60_000)
        shown = codec.decode(fact.fact) if isinstance(fact, LinkedFact) else fact
        found.append(Told(entry, shown, step))
    return Story(found, world.ledger)


def text(story):
    console = Console(width=80, color_system=None)
    with console.capture() as captured:
        for line in lines(story):
            console.print(line, soft_wrap=True, highlight=False)
    return captured.get()


def whole_life():
    return told(
        request(),
        answered("hold/1", "done", 2_000),
        started(0),
        reading(1_000),
        reading(2_000),
        reading(22_000),
        answered("hold/1/raise/1", "done", 4_000),
        ended(24_000),
        answered("capture/1", "done", 1_896),
    )


def test_amounts_have_their_currency_everywhere():
    shown = text(whole_life())
    assert "previous=20.00 CHF delta=20.00 CHF" in shown
    assert "priced 18.96 CHF = captured 18.96 CHF + arrears 0.00 CHF" in shown
    assert f"{HOLD}: approved 40.00 CHF = captured 18.96 CHF + released 21.04 CHF" in shown
    assert not re.search(r"_minor|\b\d+\.\d\d(?! CHF|,)", shown)


def test_a_line_is_never_broken_and_a_phase_is_told_once():
    shown = text(whole_life()).splitlines()
    assert max(len(line) for line in shown) > 80
    assert [line for line in shown if line.endswith("now charging")] == ["    now charging"]


def test_brackets_in_what_others_said_are_no_markup():
    story = told(request(), answered("hold/1", "declined", reason="[bold]51"))
    assert "reason=[bold]51" in text(story)


def test_an_input_that_cannot_be_shown_says_why_and_stops_nothing():
    story = whole_life()
    story.told[1] = Told(story.told[1].entry, None, None, "no longer there, or never readable")
    shown = text(story)
    assert "(not read)" in shown
    assert "no longer there, or never readable  t/0/1" in shown
    assert "now closed" in shown


def test_a_charger_that_nobody_hears_of_is_told_with_what_is_at_stake():
    facts = (request(), answered("hold/1", "done", 2_000), started(0), reading(9_000))
    shown = text(told(*facts, silence("silent", 1, T0 + 240_000)))
    assert "ChargerSilence" in shown
    assert "state=silent" in shown
    assert "charger not heard of since" in shown
    assert "held 20.00 CHF, last seen 7.11 CHF, at worst" in shown
    back = text(told(*facts, silence("silent", 1, T0), silence("heard", 2, T0)))
    assert "not heard of" not in back
