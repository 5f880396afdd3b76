"""Card numbers: found in plain text, groups, JSON escapes, tracks, base64; and nothing else."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.stripping import MASK, clean, has_card

PAN = "4111111111111111"
PANS = [PAN, "5555555555554444", "378282246310005", "6011111111111117", "30569309025904",
        "2223000048400011", "4222222222222"]  # fmt: skip


def luhn(first):
    """A number with a right check digit."""
    for digit in range(10):
        if has_card(f"{first}{digit}"):
            return f"{first}{digit}"
    raise AssertionError(first)


@pytest.mark.parametrize("pan", PANS)
def test_numbers_of_all_schemes_are_found(pan):
    assert clean(f'{{"idTag":"{pan}"}}'.encode()) == (f'{{"idTag":"{MASK}"}}'.encode(), 1)


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "3782 822463 10005",
        ";4111111111111111=25121010000012345678?",
        "%B4111111111111111^DOE/JOHN^2512",
        "pan:4111111111111111,",
    ],
)
def test_however_it_is_written(text):
    cleaned, found = clean(text.encode())
    assert found == 1
    assert b"1111" not in cleaned.replace(MASK.encode(), b"")


def test_a_number_with_escaped_digits_is_found():
    assert clean(b'"\\u0034111111111111111"') == (f'"{MASK}"'.encode(), 1)


def test_a_number_inside_base64_is_masked_whole():
    inside = base64.b64encode(b'OCMF|{"ID":"4111111111111111"}|{}').decode()
    assert clean(json.dumps({"d": inside}).encode()) == (json.dumps({"d": MASK}).encode(), 1)


@pytest.mark.parametrize(
    "text",
    [
        '{"value":"4111111111111112"}',  # no check digit
        "1794221159000",  # epoch ms
        "8535296650153317",  # an acquirer's reference
        "41111111111111110000000",  # too long
        "411111111111",  # too short
        "a4111111111111111b",  # inside a hexadecimal text
        "550e8400-e29b-41d4-a716-446655440000",
        "NO*NLD*E0042*1",
    ],
)
def test_what_is_none_stays_to_the_byte(text):
    assert clean(text.encode()) == (text.encode(), 0)


@given(st.binary(max_size=300))
def test_any_bytes_without_a_card_stay_as_they_are(data):
    cleaned, found = clean(data)
    assert found or cleaned == data
    assert clean(cleaned) == (cleaned, 0)


@given(
    st.text(st.sampled_from('abc {}":,.é\u00ff'), max_size=20),
    st.sampled_from(["4", "5", "6", "37"]),
    st.integers(10**14, 10**15 - 1),
    st.text(st.sampled_from('xyz {}":,.'), max_size=20),
)
def test_no_card_number_is_left(before, prefix, digits, after):
    pan = luhn(f"{prefix}{digits}"[:15])
    cleaned, found = clean(f"{before} {pan} {after}".encode())
    assert found >= 1
    assert pan.encode() not in cleaned
    assert not has_card(cleaned.decode())
