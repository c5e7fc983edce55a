"""Corefy's sandbox from a shop's tests: payers, banks, time, and the money that is expected to have moved.

    from corefy_gateway.sandbox import Sandbox

    sandbox = Sandbox("http://127.0.0.1:8090")
    sandbox.complete(intent.id)
    sandbox.expect_money(intent.id, charged="100.00", charges=1)

Payments, refunds and customers are named by the gateway's ids. docs/sandbox.md has the rest.
"""

import json
import urllib.error
import urllib.request
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import quote

__all__ = ["DEFAULT_URL", "MoneyDiffers", "Sandbox", "SandboxError"]

DEFAULT_URL = "http://127.0.0.1:8090"
# How long an answer may take, in seconds: longer than the longest wait that can be asked for.
_PATIENCE = 90.0
# A sandbox is near: no proxy leads to it.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class SandboxError(Exception):
    """The sandbox refused a call; `fields` has whatever is wrong with each."""

    def __init__(self, status: int, refusal: dict[str, Any]) -> None:
        self.status = status
        self.code: str = refusal.get("error_code", "")
        self.fields: dict[str, list[str]] = refusal.get("errors", {})
        wrong = "".join(f"\n  {field}: {'; '.join(problems)}" for field, problems in self.fields.items())
        super().__init__(f"{refusal.get('message', f'HTTP {status}')}{wrong}")


class MoneyDiffers(AssertionError):
    """Other money moved than was expected, or the payment is not known."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.differences: list[dict[str, str]] = answer.get("differences", [])
        self.moved: dict[str, Any] | None = answer.get("moved")
        self.nearest_request: dict[str, Any] | None = answer.get("nearest_request")
        nearest = self.nearest_request
        hint = f"\n  nearest request: {nearest['method']} {nearest['path']}" if nearest else ""
        super().__init__(f"{answer['message']}{hint}")


class Sandbox:
    """The control of a sandbox; of the ledger of this name, where the gateway's API key has one behind it."""

    def __init__(self, url: str = DEFAULT_URL, ledger: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"X-Sandbox-Ledger": ledger} if ledger else {}

    def reset(self) -> None:
        """Forgets everything: other tests at the same sandbox would miss it."""
        self._call("reset")

    def settle(self, payment: str) -> dict[str, Any]:
        """Lets the next thing happen now that would happen with time: a processing payment is charged."""
        return self._payment(payment, "settle")

    def charge_late(self, payment: str) -> dict[str, Any]:
        """Charges a payment whose request was lost."""
        return self._payment(payment, "charge-late")

    def complete(self, payment: str, answer: Literal["approve", "decline"] = "approve") -> dict[str, Any]:
        """Has the payer answer: 3-D Secure, or details that they were shown."""
        return self._payment(payment, "complete", answer=answer)

    def cancel(self, payment: str) -> dict[str, Any]:
        """Cancels a payment that is not paid."""
        return self._payment(payment, "cancel")

    def expire(self, payment: str) -> dict[str, Any]:
        """Ends the time in which a payment can be paid."""
        return self._payment(payment, "expire")

    def charge_back(self, payment: str, amount: str | None = None) -> dict[str, Any]:
        """Has the payer's bank take an amount back, in major units; without one, all that is left."""
        return self._payment(payment, "charge-back", amount=amount)

    def refund_on_dashboard(self, payment: str, amount: str | None = None) -> dict[str, Any]:
        """Gives an amount back, in major units, without the gateway; without one, all that is left."""
        return self._payment(payment, "refund", amount=amount)

    def settle_refund(self, refund: str) -> dict[str, Any]:
        """Lets a pending refund end now."""
        return self._object(f"refunds/{quote(refund, safe='')}/settle")

    def return_refund(self, refund: str) -> dict[str, Any]:
        """Has the payer's bank return a refund that succeeded."""
        return self._object(f"refunds/{quote(refund, safe='')}/return")

    def hold_webhooks(self) -> None:
        """Keeps webhooks back from now on."""
        self._call("webhooks/hold")

    def release_webhooks(self) -> None:
        """Delivers webhooks again, beginning with those that were held."""
        self._call("webhooks/release")

    def wait_for_webhooks(self, timeout: float = 10.0) -> None:
        """Returns when every webhook was delivered or given up, at most after so many seconds."""
        self._call("webhooks/wait", timeout_ms=round(timeout * 1000))

    def advance_clock(self, by: timedelta | str) -> None:
        """Lets time go by: a text such as `25h`, or whole seconds. In `dev` the gateway has caught up on return."""
        self._call("clock", advance=by if isinstance(by, str) else f"{round(by.total_seconds())}s")

    def expect_money(
        self,
        payment: str,
        *,
        charged: str | None = None,
        refunded: str | None = None,
        charged_back: str | None = None,
        charges: int | None = None,
        refunds: int | None = None,
        chargebacks: int | None = None,
        known: bool | None = None,
    ) -> None:
        """Raises `MoneyDiffers` unless just this moved for the payment intent; `None` is not compared."""
        expected = {
            "charged": charged,
            "refunded": refunded,
            "charged_back": charged_back,
            "charges": charges,
            "refunds": refunds,
            "chargebacks": chargebacks,
            "known": known,
        }
        self._call("expect", payment=payment, **expected)

    def _payment(self, payment: str, control: str, **fields: Any) -> dict[str, Any]:
        return self._object(f"payments/{quote(payment, safe='')}/{control}", **fields)

    def _object(self, path: str, **fields: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._call(path, **fields)
        return answer

    def _call(self, path: str, **fields: Any) -> Any:
        given = {name: value for name, value in fields.items() if value is not None}
        body = json.dumps(given).encode()
        request = urllib.request.Request(f"{self._url}/_sandbox/{path}", body, self._headers, method="POST")
        try:
            with _OPENER.open(request, timeout=_PATIENCE) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise _refusal(error) from None
        return json.loads(text) if text else None


def _refusal(error: urllib.error.HTTPError) -> Exception:
    try:
        refusal = json.loads(error.read())
    except ValueError:
        refusal = {}
    if refusal.get("error_code") == "money_differs" or "nearest_request" in refusal:
        return MoneyDiffers(refusal)
    return SandboxError(error.code, refusal)
