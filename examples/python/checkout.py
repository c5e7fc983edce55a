"""A shop's checkout: takes a payment with 3-D Secure, gives a part of it back, and follows the events.

    GATEWAY_TARGET=http://127.0.0.1:50051 GATEWAY_API_KEY=$(cat target/dev/api-key) python examples/python/checkout.py
"""

import os
import subprocess

from corefy.gateway.v1 import (
    PAYMENT_INTENT_STATE_REQUIRES_ACTION,
    Card,
    ConfirmPaymentIntentRequest,
    CreatePaymentIntentRequest,
    CreateRefundRequest,
    PaymentIntent,
)
from corefy_gateway import Gateway, GatewayError, connect


def pay(gateway: Gateway) -> PaymentIntent:
    """Asks for 100 dollars and pays them with a card that wants the payer's approval."""
    order = CreatePaymentIntentRequest(amount="100.00", currency="USD", customer_email="payer@example.com")
    intent = gateway.payment_intents.CreatePaymentIntent(order).payment_intent
    card = Card(number="4000000000003220", expiry_month=12, expiry_year=2040, cvv="123", holder_name="Ada Lovelace")
    confirmation = ConfirmPaymentIntentRequest(payment_intent_id=intent.id, card=card)
    intent = gateway.payment_intents.ConfirmPaymentIntent(confirmation).payment_intent
    if intent.state == PAYMENT_INTENT_STATE_REQUIRES_ACTION:
        send_payer_to(intent.next_action.redirect.url)
    return intent


def send_payer_to(page: str) -> None:
    """A shop redirects the payer's browser. Here it is yours, or a program that plays the payer."""
    if control := os.environ.get("SCENARIO_CONTROL"):
        subprocess.run([control, "visit", page], check=True)
    else:
        print(f"approve the payment at {page}")


def main() -> None:
    """Follows the events until the payment has succeeded and a part of it has been given back."""
    with connect(os.environ["GATEWAY_TARGET"], os.environ["GATEWAY_API_KEY"]) as gateway:
        intent = pay(gateway)
        for event in gateway.follow_events(types=["payment_intent.succeeded", "refund.succeeded"]):
            if event.payment_intent.id == intent.id:
                print(f"{intent.id} is paid: {event.payment_intent.amount_received} {intent.currency}")
                part = CreateRefundRequest(payment_id=intent.id, amount="25.00", reference_id=f"part-{intent.id}")
                gateway.refunds.CreateRefund(part)
            elif event.refund.payment_intent_id == intent.id:
                print(f"{event.refund.amount} {event.refund.currency} of it are given back")
                return


if __name__ == "__main__":
    try:
        main()
    except GatewayError as error:
        raise SystemExit(str(error)) from None
