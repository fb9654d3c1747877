"""Settings of hypothesis: few cases in the tests, many with ``--hypothesis-profile=chaos``."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "chaos",
    max_examples=1500,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# A busy machine is no defect: no deadline for a single case.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")
