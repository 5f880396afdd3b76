"""Settings of these tests only."""

from hypothesis import HealthCheck, settings

# A deadline measures the machine, which other tests share, and not the code.
settings.register_profile("contract", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("contract")
