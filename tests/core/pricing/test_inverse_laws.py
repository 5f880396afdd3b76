"""The inverse and the price agree; a watch is never too late."""

from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st
from invented import bodies, courses, lawful

from streams.core.pricing import Amounts, Assumed, Segment, limits, parse, price, wake
from streams.core.pricing.unpriceable import Unpriceable

WH_MS = 3_600_000
MONTH_MS = 31 * 86_400_000


def parsed(body):
    try:
        return parse(body)
    except Unpriceable:
        assume(condition=False)


def went_on(course, assumed, ms):
    if not ms:
        return course
    now = course.segments[-1].until_at
    energy = Fraction(assumed.power_w * ms, WH_MS) if assumed.charging else 0
    amounts = Amounts(energy, ms) if assumed.charging else Amounts(parking_ms=ms)
    return course._replace(segments=(*course.segments, Segment(now, now + ms, amounts)))


assumptions = st.one_of(
    st.just(Assumed(charging=False)),
    st.sampled_from([0, 3_000, 11_000, 22_000]).map(lambda w: Assumed(True, w)),
)
extra = st.integers(-50, 2_000)


@lawful
@given(bodies(), courses, assumptions, extra, st.data())
def test_limits_and_price_agree_to_the_millisecond(body, course, assumed, more, data):
    tariff = parsed(body)
    ceiling = price(tariff, course).due_minor() + more
    found = limits(tariff, course, assumed, ceiling)
    now = course.segments[-1].until_at

    def due(ms):
        return price(tariff, went_on(course, assumed, ms)).due_minor()

    if more < 0:
        assert found.at == now
        return
    before = MONTH_MS if found.at is None else found.at - now - 1
    assert due(data.draw(st.integers(0, before))) <= ceiling
    assert due(before) <= ceiling
    if found.at is not None and found.at < now + MONTH_MS:
        assert due(before + 1) > ceiling
        had = sum(one.amounts.energy_wh for one in course.segments)
        if assumed.charging and assumed.power_w:
            reached = had + Fraction(assumed.power_w * (before + 1), WH_MS)
            assert reached <= found.energy_wh < reached + 1


@lawful
@given(bodies(), courses, assumptions, extra, st.data())
def test_whatever_the_power_the_price_stays_within_until_one_is_woken(
    body, course, assumed, more, data
):
    tariff = parsed(body)
    ceiling = price(tariff, course).due_minor() + more
    found = wake(tariff, course, assumed, ceiling, 60_000)
    now = course.segments[-1].until_at
    had = int(sum(one.amounts.energy_wh for one in course.segments))
    if more < 0:
        assert (found.energy_wh, found.at) == (had, now)
        return
    assert found.at is None or found.at > now
    assert found.energy_wh is None or found.energy_wh > had
    left_ms = MONTH_MS if found.at is None else found.at - now - 1
    left_wh = 10**6 if found.energy_wh is None else found.energy_wh - had - 1
    longer = course
    for _ in range(data.draw(st.integers(1, 4))):
        ms = data.draw(st.integers(0, left_ms))
        if not ms:
            break
        wh = 0
        if assumed.charging:
            wh = data.draw(st.integers(0, min(left_wh, assumed.power_w * ms // WH_MS)))
        amounts = Amounts(wh, ms) if assumed.charging else Amounts(parking_ms=ms)
        end = longer.segments[-1].until_at
        longer = longer._replace(segments=(*longer.segments, Segment(end, end + ms, amounts)))
        assert price(tariff, longer).due_minor() <= ceiling
        left_ms, left_wh = left_ms - ms, left_wh - wh
