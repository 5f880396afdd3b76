import pytest
from sessionworld import POLICY_FILE

from streams.core.strategy_policy import PolicyInvalid, parse_policy

TEXT = POLICY_FILE.read_text()


def test_what_a_vehicle_takes_is_known_without_being_told_and_can_be_told():
    assert parse_policy(TEXT).risk.most_wh == 250_000
    assert parse_policy(f"{TEXT}\n[risk]\nmost_wh = 900_000\n").risk.most_wh == 900_000


@pytest.mark.parametrize("words", ["most_wh = 0", "most_wh = 1.5", "most = 1"])
def test_what_cannot_be_meant_is_named(words):
    with pytest.raises(PolicyInvalid, match=r"risk\.most"):
        parse_policy(f"{TEXT}\n[risk]\n{words}\n")
