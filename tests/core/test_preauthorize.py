"""What a tariff itself wants held."""

import pytest

from streams.core.preauthorize import preauthorize_minor


@pytest.mark.parametrize(
    ("body", "currency", "minor"),
    [
        ('{"preauthorize_amount": 45}', "EUR", 4_500),
        ('{"preauthorize_amount": 45.5}', "EUR", 4_550),
        ('{"preauthorize_amount": 0.1}', "EUR", 10),
        ('{"preauthorize_amount": 45.501}', "EUR", 4_551),
        ('{"preauthorize_amount": 45.5}', "JPY", 46),
        ('{"preauthorize_amount": 4.5}', "KWD", 4_500),
        ('{"preauthorize_amount": 0}', "EUR", None),
        ('{"preauthorize_amount": -3}', "EUR", None),
        ('{"preauthorize_amount": null}', "EUR", None),
        ('{"preauthorize_amount": 1e99}', "EUR", None),
        ('{"preauthorize_amount": "45"}', "EUR", 4_500),
        ('{"preauthorize_amount": "NaN"}', "EUR", None),
        ('{"preauthorize_amount": []}', "EUR", None),
        ('{"currency": "EUR"}', "EUR", None),
        ("not JSON", "EUR", None),
    ],
)
def test_its_figure_in_minor_units_rounded_up(body, currency, minor):
    assert preauthorize_minor(body, currency) == minor
