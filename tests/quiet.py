"""Settings of hypothesis for tests whose examples are long, and the same every time."""

from hypothesis import HealthCheck, settings

QUIET = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
        HealthCheck.too_slow,
        HealthCheck.large_base_example,
        HealthCheck.differing_executors,
    ],
)
