"""Meter values: units, exponents, measurands, contexts, phases, places; exact, or refused."""

from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ocpp.figures import OF_2X, OF_16
from connectors.ocpp.messages import v16, v21
from connectors.ocpp.messages.payload import Number
from connectors.ocpp.sampled import INTERVAL, POWER_IMPORT, REGISTER, samples
from schemas.flags import Flag

AT = "2026-03-01T08:00:00Z"


def read_16(*told, at=AT, offset=None):
    values = [{"timestamp": at, "sampledValue": list(told)}]
    return samples(msgspec.convert(values, list[v16.MeterValue]), "meterValue", OF_16, offset)


def read_2x(*told, at=AT):
    values = [{"timestamp": at, "sampledValue": list(told)}]
    found = msgspec.convert(values, list[v21.MeterValue], dec_hook=lambda _, value: Number(value))
    return samples(found, "meterValue", OF_2X, None)


def one_16(*told):
    said = read_16(*told)
    assert said.refused == ()
    (sample,) = said.samples
    return sample


def one_2x(*told):
    said = read_2x(*told)
    assert said.refused == ()
    (sample,) = said.samples
    return sample


@pytest.mark.parametrize(
    ("value", "unit", "wh"),
    [
        ("1234", None, 1234),  # Wh where nothing is said
        ("1234", "Wh", 1234),
        ("1.234", "kWh", 1234),
        ("1.2349", "kWh", 1234),
        ("1234.999", "Wh", 1234),
        (" 12.50 ", "kWh", 12500),
        ("1.5E3", "Wh", 1500),
        ("15e-1", "kWh", 1500),
        ("+7", "kWh", 7000),
        (".5", "kWh", 500),
        ("5.", "kWh", 5000),
        ("0", "Wh", 0),
        ("12345678.123456", "kWh", 12_345_678_123),
        ("0.1", "kWh", 100),  # 0.1 is no binary fraction
    ],
)
def test_values_and_units_of_16(value, unit, wh):
    told = {"value": value, **({"unit": unit} if unit else {})}
    sample = one_16(told)
    assert (sample.wh, sample.flags) == (wh, 0)


def test_a_comma_is_the_decimal_point_and_flagged():
    sample = one_16({"value": "12,345", "unit": "kWh"})
    assert (sample.wh, sample.flags) == (12345, Flag.DECIMAL_COMMA)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "is no number"),
        ("abc", "is no number"),
        ("NaN", "is no number"),
        ("Infinity", "is no number"),
        ("0x10", "is no number"),
        ("1_000", "is no number"),
        ("\u0661\u0662", "is no number"),
        ("1.234,5", "comma and point"),
        ("1,234,567", "comma and point"),
        ("-5", "no register"),
        ("1e12", "no register"),
        ("1e20", "none that a meter shows"),
        ("1e999", "none that a meter shows"),
        ("1e-999", "none that a meter shows"),
        ("9" * 41, "is no number"),
    ],
)
def test_a_value_that_is_none_is_refused_by_its_field(value, problem):
    said = read_16({"value": value})
    (refused,) = said.refused
    assert refused.field == "meterValue[0].sampledValue[0].value"
    assert problem in refused.problem
    assert said.samples[0].wh == -1


def test_a_unit_of_something_else_is_refused_by_its_field():
    (refused,) = read_16({"value": "7", "unit": "W"}).refused
    assert (refused.field, refused.problem) == (
        "meterValue[0].sampledValue[0].unit",
        "'W' is no unit of energy",
    )
    (refused,) = read_2x({"value": 7, "unitOfMeasure": {"unit": "J"}}).refused
    assert refused.field == "meterValue[0].sampledValue[0].unitOfMeasure.unit"


@pytest.mark.parametrize(
    ("measure", "wh"),
    [
        (None, 12),
        ({}, 12),
        ({"unit": "Wh"}, 12),
        ({"unit": "kWh"}, 12345),
        ({"unit": "KWH"}, 12345),
        ({"multiplier": 3}, 12345),
        ({"unit": "kWh", "multiplier": -3}, 12),
        ({"unit": "kWh", "multiplier": 3}, 12_345_678),
        ({"unit": "MWh"}, 12_345_678),
    ],
)
def test_units_and_multipliers_of_2x(measure, wh):
    told = {"value": "12.345678", **({"unitOfMeasure": measure} if measure is not None else {})}
    assert one_2x(told).wh == wh


@pytest.mark.parametrize("multiplier", [99, -99, 10**9])
def test_a_multiplier_of_no_meter_is_refused_at_once(multiplier):
    (refused,) = read_2x({"value": 7, "unitOfMeasure": {"multiplier": multiplier}}).refused
    assert refused.field.endswith("unitOfMeasure.multiplier")


@given(
    st.decimals(0, 10**5, places=6, allow_nan=False),
    st.sampled_from(["Wh", "kWh"]),
    st.integers(-3, 2),
)
def test_energy_is_exact_and_cut_off(value, unit, multiplier):
    exact = Fraction(value) * Fraction(10) ** multiplier * (1000 if unit == "kWh" else 1)
    told = {"value": str(value), "unitOfMeasure": {"unit": unit, "multiplier": multiplier}}
    assert one_2x(told).wh == int(exact)


def test_power_in_w_and_kw_and_with_the_unit_of_energy_that_2x_has_for_a_default():
    energy = {"value": "5"}
    for unit, w in (({"unit": "kW"}, 11020), ({"unit": "W"}, 11), ({"unit": "Wh"}, 11), ({}, 11)):
        power = {"value": "11.02", "measurand": POWER_IMPORT}
        assert one_2x(energy, power | {"unitOfMeasure": unit}).power_w == w
        assert one_16(energy, power | unit).power_w == w or unit == {"unit": "Wh"}


def test_a_power_that_cannot_be_is_not_told_and_noted_for_no_money_rests_on_it():
    said = read_16({"value": "5"}, {"value": "?", "measurand": POWER_IMPORT})
    assert said.refused == ()
    assert [note.kind for note in said.notes] == ["bad-power"]
    assert (said.samples[0].wh, said.samples[0].power_w) == (5, -1)


def test_a_negative_power_is_none():
    assert one_16({"value": "5"}, {"value": "-40", "measurand": POWER_IMPORT}).power_w == 0


@pytest.mark.parametrize("place", ["Inlet", "Body", "Cable", "EV"])
def test_what_is_not_measured_at_the_outlet_is_not_billed(place):
    sample = one_16({"value": "999", "location": place}, {"value": "5", "location": "Outlet"})
    assert sample.wh == 5


@pytest.mark.parametrize("place", ["Inlet", "EV"])
def test_elsewhere_than_the_outlet_nothing_is_billed(place):
    said = read_16({"value": "999", "location": place})
    assert (said.samples[0].wh, [one.kind for one in said.notes]) == (
        -1,
        ["no-register-at-outlet"],
    )


@pytest.mark.parametrize("place", ["Body", "Cable"])
def test_a_station_that_tells_no_outlet(place):
    (sample,) = read_16({"value": "999", "location": place}).samples
    assert (sample.wh, sample.flags) == (999, Flag.NOT_AT_OUTLET)
    power = {"value": "7", "measurand": POWER_IMPORT, "location": place}
    said = read_16(power)
    assert (said.samples[0].wh, said.samples[0].power_w) == (-1, -1)


@pytest.mark.parametrize(
    "measurand",
    [
        "Energy.Active.Export.Register",
        "Energy.Reactive.Import.Register",
        "Voltage",
        "SoC",
        "Temperature",
        "Current.Import",
    ],
)
def test_other_measurands_are_passed_over_whatever_they_say(measurand):
    sample = one_16({"value": "x", "measurand": measurand}, {"value": "5", "measurand": REGISTER})
    assert (sample.wh, sample.flags) == (5, 0)


@pytest.mark.parametrize("spelt", ["Celsius", "Celcius"])
def test_both_spellings_of_celsius(spelt):
    warm = {"value": "21", "measurand": "Temperature", "unit": spelt}
    assert one_16(warm, {"value": "5"}).wh == 5


def test_the_value_for_all_phases_counts_and_not_the_sum():
    parts = [{"value": "100", "phase": name} for name in ("L1", "L2", "L3")]
    assert one_16({"value": "310"}, *parts).wh == 310
    assert one_16(*parts, {"value": "310"}).wh == 310


@pytest.mark.parametrize("names", [("L1", "L2", "L3"), ("L1-N", "L2-N", "L3-N")])
def test_without_it_the_phases_are_added_up(names):
    parts = [{"value": "100.6", "phase": name} for name in names]
    sample = one_16(*parts)
    assert (sample.wh, sample.flags) == (301, Flag.SUMMED_PHASES)


def test_phases_told_twice_are_added_once():
    plain = [{"value": "100", "phase": name} for name in ("L1", "L2", "L3")]
    against = [{"value": "100", "phase": name} for name in ("L1-N", "L2-N", "L3-N")]
    assert one_16(*plain, *against, *plain).wh == 300


def test_one_phase_alone_is_a_car_on_one_phase():
    assert one_16({"value": "100", "phase": "L1"}).wh == 100


def test_voltages_between_phases_are_no_energy():
    (refused,) = read_16({"value": "100", "phase": "L1-L2"}).refused
    assert refused.field == "meterValue[0].sampledValue[0].phase"


def test_power_by_phases():
    parts = [
        {"value": "3.5", "unit": "kW", "measurand": POWER_IMPORT, "phase": name}
        for name in ("L1", "L2", "L3")
    ]
    assert one_16({"value": "5"}, *parts).power_w == 10500


def test_sampled_before_clock_and_begin_and_end_before_both():
    clock = {"value": "100", "context": "Sample.Clock"}
    periodic = {"value": "101", "context": "Sample.Periodic"}
    end = {"value": "102", "context": "Transaction.End"}
    sample = one_16(clock, periodic)
    assert (sample.wh, sample.flags) == (101, Flag.DISAGREEING)
    assert one_16(clock | {"value": "101"}, periodic).flags == 0
    sample = one_16(periodic, end, clock)
    assert (sample.wh, sample.at_end, sample.at_begin) == (102, True, False)


def test_intervals_only_where_there_is_no_register():
    interval = {"value": "0.25", "unit": "kWh", "measurand": INTERVAL}
    sample = one_16(interval)
    assert (sample.wh, sample.interval_uwh, sample.by_clock) == (-1, 250_000_000, False)
    assert one_16(interval, {"value": "5"}).interval_uwh == -1
    by_clock = interval | {"context": "Sample.Clock", "value": "9"}
    assert one_16(by_clock, interval).interval_uwh == 250_000_000
    assert one_16(by_clock).by_clock


def test_values_of_one_instant_are_one_sample_however_they_are_split():
    first = {"timestamp": AT, "sampledValue": [{"value": "5"}]}
    second = {
        "timestamp": "2026-03-01T09:00:00+01:00",
        "sampledValue": [{"value": "7", "measurand": POWER_IMPORT}],
    }
    values = msgspec.convert([first, second], list[v16.MeterValue])
    (sample,) = samples(values, "meterValue", OF_16, None).samples
    assert (sample.wh, sample.power_w) == (5, 7)


def test_samples_come_in_order_of_time():
    values = [
        {"timestamp": f"2026-03-01T08:0{minute}:00Z", "sampledValue": [{"value": str(minute)}]}
        for minute in (3, 1, 2)
    ]
    said = samples(msgspec.convert(values, list[v16.MeterValue]), "meterValue", OF_16, None)
    assert [one.wh for one in said.samples] == [1, 2, 3]


def test_a_bad_instant_is_refused_and_its_neighbours_are_read():
    values = [
        {"timestamp": "yesterday", "sampledValue": [{"value": "1"}]},
        {"timestamp": AT, "sampledValue": [{"value": "2"}]},
    ]
    said = samples(msgspec.convert(values, list[v16.MeterValue]), "transactionData", OF_16, None)
    assert [one.wh for one in said.samples] == [2]
    assert [one.field for one in said.refused] == ["transactionData[0].timestamp"]


def test_a_clock_without_zone_is_flagged():
    told = {"value": "1"}
    assert read_16(told, at="2026-03-01T08:00:00").samples[0].flags == Flag.ZONE_ASSUMED
    assert read_16(told, at="2026-03-01T08:00:00", offset=60).samples[0].flags == 0


def test_signed_data_of_16_is_kept_and_is_no_figure():
    sample = one_16({"value": "OCMF|{}|{}", "format": "SignedData", "context": "Transaction.End"})
    assert sample.wh == -1
    (proof,) = sample.signed
    assert (proof.context, msgspec.json.decode(proof.text)) == ("Transaction.End", "OCMF|{}|{}")


def test_a_signed_value_of_2x_is_a_figure_too():
    signed = {
        "signedMeterData": "T0NNRg==",
        "encodingMethod": "OCMF",
        "signingMethod": "x",
        "publicKey": "k",
    }
    sample = one_2x({"value": 5, "signedMeterValue": signed})
    assert sample.wh == 5
    assert msgspec.json.decode(sample.signed[0].text) == signed
    assert sample.signed[0].key


CONTEXTS = [None, "Sample.Periodic", "Sample.Clock", "Transaction.Begin", "Trigger", "Other"]
ANY = st.fixed_dictionaries(
    {"value": st.decimals(0, 10**6, places=3, allow_nan=False).map(str)},
    optional={
        "phase": st.sampled_from(["L1", "L2", "L3", "L1-N", "N", "L1-L2"]),
        "context": st.sampled_from(CONTEXTS[1:]),
        "measurand": st.sampled_from([REGISTER, INTERVAL, POWER_IMPORT, "Voltage"]),
        "location": st.sampled_from(["Outlet", "Inlet"]),
        "unit": st.sampled_from(["Wh", "kWh", "W"]),
    },
)


@given(st.lists(ANY, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_within_an_instant_does_not_matter(told, chance):
    shuffled = list(told)
    chance.shuffle(shuffled)
    one, other = read_16(*told), read_16(*shuffled)
    if one.refused or other.refused:
        assert bool(one.refused) == bool(other.refused)
        return
    assert [sample._replace(signed=()) for sample in one.samples] == [
        sample._replace(signed=()) for sample in other.samples
    ]


@given(st.text(max_size=12), st.sampled_from(["Wh", "kWh"]))
def test_any_text_is_a_figure_or_refused(text, unit):
    said = read_16({"value": text, "unit": unit})
    assert bool(said.refused) == (said.samples[0].wh == -1)
    if not said.refused:
        assert 0 <= said.samples[0].wh <= Decimal(10) ** 11
