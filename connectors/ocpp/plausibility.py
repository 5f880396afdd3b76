"""What can be true of a charger's figures: thresholds as data, each with the case it comes from."""

import msgspec


class Plausibility(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator says of a network's chargers; the defaults hold for any."""

    power_max_w: int = 1_000_000
