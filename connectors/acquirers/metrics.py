"""What the executor counts. One place, so that a name exists once."""

from prometheus_client import Counter, Histogram

ANSWERS = Counter(
    "holdfast_executor_answers", "Answers written, by kind and outcome.", ("kind", "outcome")
)
SKIPPED = Counter("holdfast_executor_skipped", "Commands of another performer.")
PARKED = Counter("holdfast_executor_parked", "Commands that could not be taken.", ("reason",))
LOOKED_UP = Counter(
    "holdfast_executor_looked_up", "Commands asked after first: they may have been sent before."
)
SECONDS = Histogram("holdfast_executor_request_seconds", "One HTTP exchange with an acquirer.")
WEBHOOKS = Counter(
    "holdfast_webhooks", "Webhooks received, by acquirer and what became of them.",
    ("acquirer", "result"),
)  # fmt: skip
