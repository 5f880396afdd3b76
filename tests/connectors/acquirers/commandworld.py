"""Money commands as a session gives them, for whoever performs them."""

import msgspec

from schemas import commands, ids
from schemas.codec import body_hash, encode

ISSUED_AT = 1_767_225_600_000  # 2026-01-01, the tests' first virtual instant


class Issue:
    """Commands of one session, hashed as the core hashes them."""

    def __init__(self, session: str, issued_at: int = ISSUED_AT, **common) -> None:
        self.session = session
        self.hold = ids.hold_id(session, 1)
        self.common = {
            "tenant": "demo",
            "session_id": session,
            "performer": "executor",
            "acquirer_id": "acme",
            "hold_id": self.hold,
            "currency": "EUR",
            "rule": "test",
            "policy_version": "1",
            "issued_at": issued_at,
        } | common

    def _make(self, kind, command_id, amount, **fields):
        key = ids.idempotency_key(self.common["tenant"], command_id)
        command = kind(
            **{
                **self.common,
                "command_id": command_id,
                "idempotency_key": key,
                "amount_minor": amount,
                **fields,
            }
        )
        return msgspec.structs.replace(command, body_hash=body_hash(command))

    def place(self, amount=5000, **fields):
        card = {
            "card_token": "tok_1",
            "scheme": "visa",
            "funding": "credit",
            "entry_mode": "contactless",
            "bin_country": "DE",
            "merchant_country": "DE",
            "terminal_id": "T-1",
        }
        return self._make(commands.PlaceHold, self.hold, amount, **(card | fields))

    def raise_(self, psp, step, previous, delta, **fields):
        amounts = {"psp_reference": psp, "previous_minor": previous, "delta_minor": delta}
        command_id = ids.raise_id(self.hold, step)
        return self._make(commands.RaiseHold, command_id, previous + delta, **(amounts | fields))

    def lower(self, psp, step, previous, delta):
        amounts = {"psp_reference": psp, "previous_minor": previous, "delta_minor": delta}
        command_id = ids.lower_id(self.hold, step)
        return self._make(commands.LowerHold, command_id, previous - delta, **amounts)

    def capture(self, psp, amount, **fields):
        proof = {
            "psp_reference": psp,
            "proof": "COMPLETE_TRANSACTION",
            "evidence": "",
            "energy_wh": 10_000,
            "priced_minor": amount,
            "capturable_minor": amount,
        }
        command_id = ids.capture_id(self.session, 1)
        return self._make(commands.CaptureHold, command_id, amount, **(proof | fields))

    def release(self, psp, amount):
        fields = {"psp_reference": psp, "reason": "nothing_delivered"}
        return self._make(commands.ReleaseHold, ids.release_id(self.hold, 1), amount, **fields)

    def inquire(self, of, kind, number=1, **fields):
        about = {"of_command_id": of, "of_kind": kind, "psp_reference": "", "attempt": number}
        return self._make(
            commands.InquireCommand, ids.inquiry_id(of, number), 0, **(about | fields)
        )

    def resend(self, original, kind, number=1, **fields):
        about = {
            "of_command_id": original.command_id,
            "of_kind": kind,
            "original": fields.pop("instead", encode(original)),
            "attempt": number,
        }
        command_id = ids.resend_id(original.command_id, number)
        return self._make(
            commands.ResendCommand, command_id, original.amount_minor, **(about | fields)
        )
