"""Checks a gateway as a partner meets it, and prints a table: `python -m corefy_gateway.check`.

    GATEWAY_TARGET=https://gateway.example:50051 GATEWAY_API_KEY=pk_...:sk_... python -m corefy_gateway.check

It initialises the service, connects, authenticates, makes every call of `CorefyService`, and provokes errors. Its payment is
charged only where Corefy is a sandbox; elsewhere the test card is declined, and what needs a payment is skipped. The exit
code is 1 when a check failed. `GATEWAY_TARGET_CA` names a file with the authority of the gateway's certificate.
"""

import os
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

import grpc

from .connection import connect
from .errors import GatewayError
from .service import CorefyService, PaymentData

_CARD: PaymentData = {
    "card_number": "4111111111111111",
    "card_expiry_month": 12,
    "card_expiry_year": 2040,
    "card_cvv": "123",
    "card_holder_name": "Test Payer",
}
_NOWHERE = f"pi_{uuid.UUID(int=0).hex}"
_NOT_CHARGED = "the test card was not charged, so Corefy is no sandbox"
_T = TypeVar("_T")


class _Surprise(Exception):
    """Another answer than expected: a sentence."""


@dataclass(frozen=True)
class _Row:
    check: str
    tried: str
    outcome: str
    seconds: float


class _Checks:
    """The checks, as they are made."""

    def __init__(self) -> None:
        self.rows: list[_Row] = []

    def make(self, check: str, tried: str, call: Callable[[], _T]) -> _T | None:
        """Makes one check. `None`: it did not go as expected."""
        started, answer, outcome = time.monotonic(), None, "ok"
        try:
            answer = call()
        except (GatewayError, _Surprise, ValueError) as error:
            outcome = f"FAILED: {error}"
        self.rows.append(_Row(check, tried, outcome, time.monotonic() - started))
        return answer

    def skip(self, check: str, tried: str, why: str) -> None:
        """Notes a check that cannot be made here."""
        self.rows.append(_Row(check, tried, f"skipped: {why}", 0.0))

    @property
    def has_failed(self) -> bool:
        """Whether a check failed."""
        return any(row.outcome.startswith("FAILED") for row in self.rows)

    def table(self) -> str:
        """All checks, aligned."""
        cells = [(row.check, row.tried, row.outcome, f"{row.seconds * 1000:.0f} ms") for row in self.rows]
        cells.insert(0, ("check", "tried", "outcome", "time"))
        widths = [max(len(row[column]) for row in cells) for column in range(4)]
        lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
        return "\n".join(line.rstrip() for line in lines)


def check(target: str, api_key: str, authority: bytes | None = None) -> tuple[str, bool]:
    """Checks the gateway at `target`. Answers with the table, and whether all went as expected."""
    checks = _Checks()
    credentials = None if authority is None else grpc.ssl_channel_credentials(authority)

    def service(key: str) -> CorefyService:
        return CorefyService(connect(target, key, credentials=credentials))

    corefy = checks.make("initialisation", "the service is made of target and key", lambda: service(api_key))
    if corefy is None:
        return checks.table(), False
    if checks.make("connectivity", "test_connection", lambda: _connected(corefy)) is None:
        # Every other call would fail for the same reason, each after its repetitions.
        return f"{checks.table()}\nNothing else can be checked without a connection.", False
    stranger = service("pk_nobody:sk_nothing")
    checks.make(
        "authentication",
        "a key that is none is refused",
        lambda: _refused(stranger.test_connection, "CREDENTIALS_INVALID"),
    )
    _check_payments(checks, corefy)
    _check_customers(checks, corefy)
    _check_errors(checks, corefy)
    return checks.table(), not checks.has_failed


def _check_payments(checks: _Checks, corefy: CorefyService) -> None:
    intent = checks.make("endpoint", "create_payment_intent", lambda: _create(corefy))
    if intent is None:
        return
    paid = checks.make(
        "endpoint", "confirm_payment_intent", lambda: corefy.confirm_payment_intent(intent["id"], _CARD)
    )
    checks.make("endpoint", "get_payment_status", lambda: corefy.get_payment_status(intent["id"]))
    if paid is None or paid["status"] != "succeeded":
        checks.skip("endpoint", "create_refund", _NOT_CHARGED)
        return
    checks.make("endpoint", "create_refund", lambda: corefy.create_refund(intent["id"], Decimal("4.00"), "check"))
    checks.make(
        "error handling",
        "a refund of more than is left is refused",
        lambda: _refused(lambda: corefy.create_refund(intent["id"], Decimal("6.01")), "REFUND_EXCEEDS_PAYMENT"),
    )


def _check_customers(checks: _Checks, corefy: CorefyService) -> None:
    customer = checks.make("endpoint", "create_customer", lambda: corefy.create_customer("payer@example.com", "Payer"))
    checks.make("endpoint", "get_supported_methods", corefy.get_supported_methods)
    if customer is None:
        return
    identity: str = customer["id"]
    checks.make("endpoint", "get_customer", lambda: corefy.get_customer(identity))
    checks.make("endpoint", "create_payment_method", lambda: corefy.create_payment_method(identity, _CARD))
    checks.make("endpoint", "get_payment_methods", lambda: corefy.get_payment_methods(identity))


def _check_errors(checks: _Checks, corefy: CorefyService) -> None:
    key = f"check-{uuid.uuid4().hex}"
    checks.make(
        "error handling",
        "an amount with too many decimals is refused",
        lambda: _refused(lambda: _create(corefy, amount="1.001"), "FIELDS_INVALID"),
    )
    checks.make(
        "error handling",
        "a payment that does not exist is not found",
        lambda: _refused(lambda: corefy.get_payment_status(_NOWHERE), "RESOURCE_NOT_FOUND"),
    )
    first = checks.make("error handling", "a call under a key of its own", lambda: _create(corefy, key=key))
    if first is not None:
        checks.make(
            "error handling",
            "the same call under that key is the same payment",
            lambda: _expect(_create(corefy, key=key)["id"] == first["id"], "another payment was made"),
        )
        checks.make(
            "error handling",
            "another call under that key is refused",
            lambda: _refused(lambda: _create(corefy, amount="7.00", key=key), "IDEMPOTENCY_KEY_REUSED"),
        )


def _create(corefy: CorefyService, amount: str = "10.00", key: str | None = None) -> dict[str, Any]:
    return corefy.create_payment_intent(
        amount, "USD", customer_email="payer@example.com", description="corefy_gateway.check", idempotency_key=key
    )


def _connected(corefy: CorefyService) -> bool:
    answer = corefy.test_connection()
    _expect(bool(answer["reachable"] and answer["authenticated"]), str(answer["message"]))
    return True


def _expect(came_true: bool, otherwise: str) -> None:
    if not came_true:
        raise _Surprise(otherwise)


def _refused(call: Callable[[], object], reason: str) -> None:
    """Makes a call that the gateway refuses with this reason."""
    try:
        call()
    except GatewayError as error:
        _expect(error.reason == reason, f"expected {reason}, not {error}")
        return
    raise _Surprise(f"it was answered, and not refused with {reason}")


def main(arguments: Sequence[str]) -> int:
    """Reads the environment, checks, and prints. Answers with the exit code."""
    target, api_key = os.environ.get("GATEWAY_TARGET"), os.environ.get("GATEWAY_API_KEY")
    if arguments or not target or not api_key:
        print("usage: GATEWAY_TARGET=URL GATEWAY_API_KEY=KEY python -m corefy_gateway.check", file=sys.stderr)
        return 2
    authority = None
    if path := os.environ.get("GATEWAY_TARGET_CA"):
        with open(path, "rb") as file:
            authority = file.read()
    table, is_fine = check(target, api_key, authority)
    print(table)
    return 0 if is_fine else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
