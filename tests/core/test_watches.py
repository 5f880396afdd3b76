"""Watches: never optimistic, whatever path energy and time take, and few looks on the way."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from streams.core.pricing import Quantities, Rates
from streams.core.pricing.simple import Prices
from streams.core.watches import Wake, wake

NOW = 1_790_000_000_000
LAST = 4_102_444_800_000
EUR_50_A_KWH = Rates.of("EUR", Prices(energy=Fraction(1, 2)))
EUR_3_AN_HOUR = Rates.of("EUR", Prices(time=Fraction(3)))
BOTH = Rates.of("EUR", Prices(energy=Fraction(1, 2), time=Fraction(3)))

prices = st.one_of(st.just(Fraction(0)), st.fractions(0, 20, max_denominator=10_000))
tariffs = st.builds(
    lambda currency, energy, time, parking, flat: Rates.of(
        currency, Prices(energy=energy, time=time, parking=parking, flat=flat)
    ),
    st.sampled_from(["EUR", "JPY", "KWD"]),
    prices,
    prices,
    prices,
    prices,
)
spans = st.integers(0, 24 * 3_600_000)
quantities = st.builds(Quantities, st.integers(0, 100_000), spans, spans)
thresholds = st.integers(0, 20_000)
horizons = st.integers(1, 120_000)


def later(at, charging, energy_wh, elapsed_ms):
    return Quantities(
        at.energy_wh + energy_wh,
        at.charging_ms + (elapsed_ms if charging else 0),
        at.parking_ms + (0 if charging else elapsed_ms),
    )


def test_energy_alone_is_watched_to_the_wh():
    at = Quantities(1_000, 60_000, 0)
    assert wake(EUR_50_A_KWH, at, True, 2_000, NOW, 10_000) == Wake(40_010, None)


def test_time_alone_is_watched_to_the_ms():
    at = Quantities(0, 0, 0)
    # 20.00 and not quite 20.005 at 3.00 an hour: 6 h 40 min 5.999 s
    assert wake(EUR_3_AN_HOUR, at, True, 2_000, NOW, 10_000) == Wake(None, NOW + 24_006_000)
    assert wake(EUR_3_AN_HOUR, at, False, 2_000, NOW, 10_000) == Wake(None, None)


def test_energy_and_time_share_what_is_left():
    found = wake(BOTH, Quantities(0, 0, 0), True, 2_000, NOW, 10_000)
    assert found == Wake(20_006, NOW + 12_003_000)


def test_near_the_threshold_time_is_not_cut_finer_than_the_horizon():
    at = Quantities(0, 23_990_000, 0)  # 16 s are left
    found = wake(BOTH, at, True, 2_000, NOW, 10_000)
    assert found.at == NOW + 10_001
    assert wake(BOTH, at, True, 2_000, NOW, 60_000).at == NOW + 16_000


def test_above_the_threshold_it_is_due_now():
    at = Quantities(50_000, 0, 0)
    assert wake(BOTH, at, True, 2_000, NOW, 10_000) == Wake(50_000, NOW)


def test_just_below_the_threshold_it_is_not_due_yet():
    tariff = Rates.of("EUR", Prices(energy=Fraction(1), flat=Fraction("0.0049")))
    assert wake(tariff, Quantities(0, 0, 0), True, 0, NOW, 1) == Wake(1, None)


def test_a_free_tariff_is_never_looked_at():
    assert wake(Rates.of("EUR", Prices()), Quantities(0, 0, 0), True, 0, NOW, 1) == Wake(None, None)


def test_a_wake_fits_the_record_that_carries_it():
    nearly_free = Rates.of("KWD", Prices(energy=Fraction(1, 10**9), time=Fraction(1, 10**9)))
    found = wake(nearly_free, Quantities(0, 0, 0), True, 10**12, NOW, 1)
    assert found == Wake(10**12, 4_102_444_800_000)


@given(tariffs, quantities, st.booleans(), thresholds, horizons, st.data())
def test_a_watch_is_never_optimistic(tariff, at, charging, threshold, horizon_ms, data):
    found = wake(tariff, at, charging, threshold, NOW, horizon_ms)
    most_wh = 10**7 if found.energy_wh is None else found.energy_wh - at.energy_wh - 1
    most_ms = 10**9 if found.at is None else found.at - NOW - 1
    if most_wh < 0 or most_ms < 0:
        assert tariff.minor(at) > threshold
        return
    corner = later(at, charging, most_wh, most_ms)
    assert tariff.minor(corner) <= threshold
    within = later(
        at, charging, data.draw(st.integers(0, most_wh)), data.draw(st.integers(0, most_ms))
    )
    assert tariff.minor(within) <= threshold


@given(tariffs, quantities, st.booleans(), thresholds, horizons)
def test_a_watch_gives_away_at_most_what_it_has_to(tariff, at, charging, threshold, horizon_ms):
    """Alone, each reaches the threshold itself; together, one Wh more at the last ms passes it."""
    found = wake(tariff, at, charging, threshold, NOW, horizon_ms)
    if tariff.minor(at) > threshold or found.at == LAST:
        return  # past already, or cut at the last instant a watch can carry: early costs a look
    if found.energy_wh is not None and found.at is not None:
        corner = later(at, charging, found.energy_wh - at.energy_wh, found.at - NOW - 1)
        assert tariff.minor(corner) > threshold
    elif found.energy_wh is not None:
        corner = later(at, charging, found.energy_wh - at.energy_wh, 0)
        assert tariff.minor(corner) > threshold
    elif found.at is not None:
        assert tariff.minor(later(at, charging, 0, found.at - NOW)) > threshold


def looks_until_passed(tariff, threshold, power_w, horizon_ms):
    """A charging at this power that reads every `horizon_ms`; looks only where the watch says."""
    at, now, looks = Quantities(0, 0, 0), NOW, 0
    found = wake(tariff, at, True, threshold, now, horizon_ms)
    while tariff.minor(at) <= threshold:
        now += horizon_ms
        at = Quantities(power_w * (now - NOW) // 3_600_000, now - NOW, 0)
        crossed = found.energy_wh is not None and at.energy_wh >= found.energy_wh
        if crossed or (found.at is not None and now >= found.at):
            looks += 1
            found = wake(tariff, at, True, threshold, now, horizon_ms)
    return looks


@given(
    st.fractions(Fraction(1, 10), 1, max_denominator=100),
    st.fractions(Fraction(1, 2), 20, max_denominator=100),
    st.integers(500, 12_000),
    st.integers(0, 350_000),
)
def test_looks_are_logarithmic_in_number(energy, time, threshold, power_w):
    tariff = Rates.of("EUR", Prices(energy=energy, time=time))
    horizon_ms = 20_000
    readings = threshold * 36_000 / time / horizon_ms  # were there only time
    looks = looks_until_passed(tariff, threshold, power_w, horizon_ms)
    assert looks <= int(readings).bit_length() + 3
