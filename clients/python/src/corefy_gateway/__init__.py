"""Client of corefy-gateway: takes payments and gives them back, exactly once.

    from corefy.gateway.v1 import CreatePaymentIntentRequest
    from corefy_gateway import connect

    gateway = connect("https://gateway.example:50051", api_key)
    request = CreatePaymentIntentRequest(amount="100.00", currency="USD", customer_email="payer@example.com")
    intent = gateway.payment_intents.CreatePaymentIntent(request).payment_intent
"""

from corefy.gateway.v1.constants import DeclineCodes, ErrorReasons, EventTypes

from .connection import DEFAULT_TIMEOUT, Gateway, connect
from .errors import GatewayError

__all__ = [
    "DEFAULT_TIMEOUT",
    "DeclineCodes",
    "ErrorReasons",
    "EventTypes",
    "Gateway",
    "GatewayError",
    "connect",
]
