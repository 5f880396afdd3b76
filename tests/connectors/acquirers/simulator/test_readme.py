"""The README names every word that the wire and the settings know."""

from pathlib import Path
from typing import get_args

import pytest

from connectors.acquirers import simulator
from connectors.acquirers.simulator import config, messages

README = Path(simulator.__file__).with_name("README.md").read_text()
FAULTS = [
    word
    for kind in (config.AnswerFault, config.WebhookFault, config.LaterFault)
    for word in get_args(kind)
]
SETTINGS = [
    name
    for model in (
        config.Account, config.Webhooks, config.Latency, config.DeclineRate, config.CardBehaviour,
        config.PartialApproval, config.FaultRate, config.FaultScript,
    )
    for name in model.model_fields
]  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        messages.REFUSAL_CODES,
        get_args(messages.ProblemCode),
        get_args(messages.EventType),
        get_args(messages.Remainder),
        FAULTS,
        SETTINGS,
    ],
    ids=["refusals", "problems", "events", "remainders", "faults", "settings"],
)
def test_readme_names(words):
    missing = [word for word in words if f"`{word}`" not in README]
    assert not missing
