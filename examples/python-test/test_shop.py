"""A shop's own tests: its checkout against the gateway and Corefy's sandbox, with outcomes that each test picks for itself.

    GATEWAY_TARGET=http://127.0.0.1:50051 GATEWAY_API_KEY=$(cat target/dev/api-key) python examples/python-test/test_shop.py
"""

import os
import unittest

from corefy.gateway.v1 import (
    PAYMENT_INTENT_STATE_REQUIRES_ACTION,
    PAYMENT_INTENT_STATE_SUCCEEDED,
    Card,
    ConfirmPaymentIntentRequest,
    CreatePaymentIntentRequest,
    CreateRefundRequest,
    PaymentIntent,
)
from corefy_gateway import Gateway, GatewayError, connect
from corefy_gateway.sandbox import DEFAULT_URL, MoneyDiffers, Sandbox

SANDBOX = Sandbox(os.environ.get("SANDBOX_URL", DEFAULT_URL))
CARD = Card(number="4111111111111111", expiry_month=12, expiry_year=2040, cvv="123", holder_name="Ada Lovelace")


def order(gateway: Gateway, outcomes: str) -> PaymentIntent:
    """The shop's order of 100 dollars; its attempts and refunds come to these outcomes."""
    request = CreatePaymentIntentRequest(
        amount="100.00", currency="USD", customer_email="payer@example.com", metadata={"sandbox": outcomes}
    )
    return gateway.payment_intents.CreatePaymentIntent(request).payment_intent


def pay(gateway: Gateway, intent: PaymentIntent) -> PaymentIntent:
    """The shop's checkout."""
    confirmation = ConfirmPaymentIntentRequest(payment_intent_id=intent.id, card=CARD)
    return gateway.payment_intents.ConfirmPaymentIntent(confirmation).payment_intent


class CheckoutTest(unittest.TestCase):
    """The checkout, whatever else runs at the same sandbox."""

    def setUp(self) -> None:
        self.gateway = connect(os.environ["GATEWAY_TARGET"], os.environ["GATEWAY_API_KEY"])
        self.addCleanup(self.gateway.close)

    def test_a_payer_who_was_declined_tries_again(self) -> None:
        intent = order(self.gateway, "decline:insufficient_funds,approve")
        declined = pay(self.gateway, intent)
        self.assertEqual(declined.last_payment_error.code, "insufficient_funds")
        SANDBOX.expect_money(intent.id, charged="0.00", charges=0)
        self.assertEqual(pay(self.gateway, intent).state, PAYMENT_INTENT_STATE_SUCCEEDED)
        SANDBOX.expect_money(intent.id, charged="100.00", charges=1)

    def test_a_payer_approves_at_the_bank(self) -> None:
        intent = order(self.gateway, "challenge")
        self.assertEqual(pay(self.gateway, intent).state, PAYMENT_INTENT_STATE_REQUIRES_ACTION)
        SANDBOX.complete(intent.id)
        SANDBOX.expect_money(intent.id, charged="100.00", charges=1)

    def test_an_answer_that_is_lost_charges_once(self) -> None:
        intent = order(self.gateway, "charged_cut")
        pay(self.gateway, intent)
        SANDBOX.expect_money(intent.id, charged="100.00", charges=1)

    def test_a_refund_that_fails_gives_nothing_back(self) -> None:
        intent = order(self.gateway, "approve,refund:refuse")
        paid = pay(self.gateway, intent)
        with self.assertRaises(GatewayError):
            self.gateway.refunds.CreateRefund(CreateRefundRequest(payment_id=paid.payment_id, amount="25.00"))
        self.gateway.refunds.CreateRefund(CreateRefundRequest(payment_id=paid.payment_id, amount="40.00"))
        SANDBOX.expect_money(intent.id, charged="100.00", refunded="40.00", refunds=1)

    def test_a_payment_that_takes_its_time_is_charged_by_then(self) -> None:
        intent = order(self.gateway, "process")
        pay(self.gateway, intent)
        SANDBOX.settle(intent.id)
        SANDBOX.expect_money(intent.id, charged="100.00")
        SANDBOX.charge_back(intent.id, "10.00")
        SANDBOX.expect_money(intent.id, charged_back="10.00", chargebacks=1)

    def test_another_ledger_knows_nothing_of_it(self) -> None:
        intent = order(self.gateway, "approve")
        other = Sandbox(os.environ.get("SANDBOX_URL", DEFAULT_URL), ledger="another-shop")
        other.expect_money(intent.id, known=False)
        SANDBOX.expect_money(intent.id, known=True)

    def test_money_that_is_wrong_is_told(self) -> None:
        intent = order(self.gateway, "approve")
        pay(self.gateway, intent)
        with self.assertRaisesRegex(MoneyDiffers, "charged is 100.00, not 99.00"):
            SANDBOX.expect_money(intent.id, charged="99.00")


if __name__ == "__main__":
    unittest.main()
