"""The named outcome of a tariff or a course that no price can be told from."""


class Unpriceable(ValueError):
    """No price can be told: `reason` is a slug, `detail` names the field and what stands there.

    An outcome of its own; it never becomes a price of zero.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
