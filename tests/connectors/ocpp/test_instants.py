"""Instants: RFC 3339 as chargers write it, exactly, and whether a zone was told."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ocpp.instants import NoInstant, instant

EIGHT = 1_772_352_000_000  # 2026-03-01T08:00:00Z


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-03-01T08:00:00Z", EIGHT),
        ("2026-03-01T08:00:00.5Z", EIGHT + 500),
        ("2026-03-01T08:00:00.123Z", EIGHT + 123),
        ("2026-03-01T08:00:00.123999999Z", EIGHT + 123),
        ("2026-03-01t08:00:00z", EIGHT),
        ("2026-03-01 08:00:00,25Z", EIGHT + 250),
        ("2026-03-01T09:00:00+01:00", EIGHT),
        ("2026-03-01T09:00:00+0100", EIGHT),
        ("2026-03-01T09:00:00+01", EIGHT),
        ("2026-03-01T07:30:00.000-00:30", EIGHT),
        ("1970-01-01T00:00:00Z", 0),
    ],
)
def test_an_instant_in_every_way_of_writing_it(text, at):
    assert instant(text) == (at, False)


def test_a_clock_without_zone_is_flagged_unless_its_zone_is_known():
    assert instant("2026-03-01T08:00:00") == (EIGHT, True)
    assert instant("2026-03-01T09:00:00.5", 60) == (EIGHT + 500, False)
    assert instant("2026-03-01T08:00:00Z", 60) == (EIGHT, False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-03-01",
        "2026-03-01T08:00Z",
        "2026-13-01T08:00:00Z",
        "2026-02-30T08:00:00Z",
        "2026-03-01T25:00:00Z",
        "2026-03-01T08:00:60Z",
        "2026-03-01T08:00:61.000Z",
        "2026-03-01T08:00:00.Z",
        "2026-03-01T08:00:0\u0661Z",
        "2026-03-01T08:00:00ZZ",
        "2026-W09-7T08:00:00Z",
        "0000-03-01T08:00:00Z",
        "2026-03-01T08:00:00Z\n",
    ],
)
def test_what_is_none_is_refused(text):
    with pytest.raises(NoInstant):
        instant(text)


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)),  # noqa: DTZ001 - zone: the next line
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(["milliseconds", "seconds", "microseconds"]),
)
def test_any_instant_in_any_zone(local, minutes, spec):
    told = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    exact = datetime.fromisoformat(told.isoformat(timespec=spec))
    wanted = (exact - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert instant(told.isoformat(timespec=spec)) == (wanted, False)
    in_utc = exact.astimezone(UTC).isoformat(timespec=spec).replace("+00:00", "Z")
    assert instant(in_utc) == (wanted, False)


@given(st.text(max_size=30) | st.from_regex(r"2026-03-01T[0-9:.,Zz+-]{0,16}", fullmatch=True))
def test_any_text_is_an_instant_or_refused(text):
    try:
        at, _ = instant(text)
    except NoInstant:
        return
    assert isinstance(at, int)
