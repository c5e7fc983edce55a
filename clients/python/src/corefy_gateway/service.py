"""The calls of the Django integration's `CorefyService`, made through the gateway: its names, and dicts as answers.

    corefy = CorefyService(connect("https://gateway.example:50051", api_key))
    payment_intent = corefy.create_payment_intent(
        amount=Decimal("100.00"), currency="USD", customer_email="customer@example.com", description="Test payment"
    )

A dict has the fields of the proto's message by their names, but amounts are `Decimal`, and the state is a short word by
the name `status`: `requires_confirmation`, `requires_action`, `processing`, `succeeded` and so on.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Generic, TypeAlias, TypedDict, TypeVar, cast

from corefy.gateway import v1
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from .connection import Gateway

One = TypeVar("One")
Many = TypeVar("Many")
Metadata: TypeAlias = tuple[tuple[str, str], ...]

_AMOUNTS = (
    "amount",
    "amount_received",
    "amount_refundable",
    "amount_refund_pending",
    "amount_refunded",
    "amount_charged_back",
)


class PaymentData(TypedDict, total=False):
    """The source of a payment: a card as the payer typed it, or a saved payment method."""

    card_number: str
    card_expiry_month: str | int
    card_expiry_year: str | int
    card_cvv: str
    card_holder_name: str
    payment_method_id: str


class AnyService(Generic[One, Many]):
    """The calls, however they are made: `One` is what a call with one object gives, `Many` what a list does.

    Each call that changes something takes an `idempotency_key` of yours: give the same one when you do not know what
    came of the first call, from another process too, and you get the first one's answer. Without it, a `reference_id`
    makes the key: the name of the call and the SHA-256 of the reference, `create_refund:9f86d0…`. So a job that runs
    again under its reference gets the answer of its first run, a refusal by Corefy too.
    """

    def __init__(self, gateway: Any) -> None:
        self._gateway = gateway

    def _make(self, call: Any, request: Message, answer: Callable[[Any], Any], key: Metadata = ()) -> Any:
        """Makes a call, and gives what `answer` makes of its answer."""
        raise NotImplementedError

    def _one(self, call: Any, request: Message, member: str, key: Metadata = ()) -> One:
        return cast(One, self._make(call, request, lambda answer: _plain(getattr(answer, member)), key))

    def _many(self, call: Any, request: Message, member: str) -> Many:
        return cast(Many, self._make(call, request, lambda answer: _all_plain(getattr(answer, member))))

    def create_payment_intent(
        self,
        amount: Decimal | str,
        currency: str,
        *,
        idempotency_key: str | None = None,
        metadata: Mapping[str, str] | None = None,
        **fields: str,
    ) -> One:
        """Creates an intent.

        `fields` are those of `CreatePaymentIntentRequest`, and of its billing address those of `Address` after
        `billing_`, such as `billing_first_name`; `line1` also as `billing_address_line1`. `payment_method` is the guide's
        word for `payment_method_type`.
        """
        if "payment_method" in fields:
            fields["payment_method_type"] = fields.pop("payment_method")
        billing = {name: fields.pop(name) for name in list(fields) if name.startswith("billing_")}
        request = v1.CreatePaymentIntentRequest(
            amount=_amount(amount), currency=currency, billing_address=_address(billing), metadata=metadata, **fields
        )
        call = self._gateway.payment_intents.CreatePaymentIntent
        key = _key(idempotency_key, "create_payment_intent", fields.get("reference_id", ""))
        return self._one(call, request, "payment_intent", key)

    def confirm_payment_intent(
        self, payment_intent_id: str, payment_data: PaymentData, *, idempotency_key: str | None = None
    ) -> One:
        """Pays an intent. A decline is an answer, `requires_payment_method`; `last_payment_error` says why."""
        request = v1.ConfirmPaymentIntentRequest(payment_intent_id=payment_intent_id)
        if "payment_method_id" in payment_data:
            request.payment_method_id = payment_data["payment_method_id"]
        else:
            request.card.CopyFrom(v1.Card(cvv=payment_data.get("card_cvv", ""), **_card(payment_data)))
        call = self._gateway.payment_intents.ConfirmPaymentIntent
        key = _key(idempotency_key)
        return self._one(call, request, "payment_intent", key)

    def get_payment_status(self, payment_id: str) -> One:
        """Reads an intent by its id or its payment's."""
        request = v1.GetPaymentIntentRequest(id=payment_id)
        call = self._gateway.payment_intents.GetPaymentIntent
        return self._one(call, request, "payment_intent")

    def create_refund(
        self,
        payment_id: str,
        amount: Decimal | str | None = None,
        reason: str = "",
        *,
        reference_id: str = "",
        metadata: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> One:
        """Refunds a payment in part; without an amount, all that is left of it. An empty amount is an error."""
        request = v1.CreateRefundRequest(
            payment_id=payment_id,
            amount=None if amount is None else _amount(amount),
            reason=reason,
            reference_id=reference_id,
            metadata=metadata,
        )
        key = _key(idempotency_key, "create_refund", reference_id)
        call = self._gateway.refunds.CreateRefund
        return self._one(call, request, "refund", key)

    def create_customer(
        self,
        email: str,
        name: str = "",
        phone: str = "",
        *,
        reference_id: str = "",
        idempotency_key: str | None = None,
        **address: str,
    ) -> One:
        """Creates a customer. `address` has the fields of `Address`, `line1` also as `address_line1`."""
        request = v1.CreateCustomerRequest(
            email=email, name=name, phone=phone, reference_id=reference_id, address=_address(address)
        )
        key = _key(idempotency_key, "create_customer", reference_id)
        call = self._gateway.customers.CreateCustomer
        return self._one(call, request, "customer", key)

    def get_customer(self, customer_id: str) -> One:
        """Reads a customer."""
        request, call = v1.GetCustomerRequest(id=customer_id), self._gateway.customers.GetCustomer
        return self._one(call, request, "customer")

    def create_payment_method(
        self, customer_id: str, payment_data: PaymentData, *, idempotency_key: str | None = None
    ) -> One:
        """Saves a card for a customer, without its CVV."""
        request = v1.CreatePaymentMethodRequest(customer_id=customer_id, card=v1.CardToSave(**_card(payment_data)))
        call = self._gateway.payment_methods.CreatePaymentMethod
        key = _key(idempotency_key)
        return self._one(call, request, "payment_method", key)

    def get_payment_methods(self, customer_id: str) -> Many:
        """Lists a customer's payment methods, newest first, at most 100."""
        request = v1.ListPaymentMethodsRequest(customer_id=customer_id, page_size=100)
        call = self._gateway.payment_methods.ListPaymentMethods
        return self._many(call, request, "payment_methods")

    def get_supported_methods(self, currency: str = "") -> Many:
        """Lists what the account accepts."""
        request = v1.ListSupportedPaymentMethodsRequest(currency=currency)
        call = self._gateway.payment_methods.ListSupportedPaymentMethods
        return self._many(call, request, "supported_payment_methods")

    def test_connection(self) -> One:
        """Tells whether the gateway reaches Corefy and is known there."""
        return cast(One, self._make(self._gateway.gateway.TestConnection, v1.TestConnectionRequest(), _plain))


class CorefyService(AnyService[dict[str, Any], list[dict[str, Any]]]):
    """Takes payments and gives them back. Its calls wait for their answer, and raise `GatewayError`."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)

    def _make(self, call: Any, request: Message, answer: Callable[[Any], Any], key: Metadata = ()) -> Any:
        return answer(call(request, metadata=key))


def _amount(amount: Decimal | str) -> str:
    """An amount as the gateway takes it; a float, which is not what it shows, is refused."""
    if isinstance(amount, Decimal):
        return f"{amount:f}"
    if isinstance(amount, str):
        return amount
    raise TypeError(f"an amount is a Decimal, not a {type(amount).__name__}")


def _key(idempotency_key: str | None, call: str = "", reference_id: str = "") -> Metadata:
    """The metadata of a call that changes something; without a key and a reference, the connection makes a key."""
    if idempotency_key is None and reference_id:
        idempotency_key = f"{call}:{hashlib.sha256(reference_id.encode()).hexdigest()}"
    return () if idempotency_key is None else (("idempotency-key", idempotency_key),)


def _card(data: PaymentData) -> dict[str, Any]:
    return {
        "number": data.get("card_number", ""),
        "expiry_month": int(data.get("card_expiry_month", 0)),
        "expiry_year": int(data.get("card_expiry_year", 0)),
        "holder_name": data.get("card_holder_name", ""),
    }


def _address(fields: Mapping[str, str]) -> v1.Address:
    return v1.Address(**{re.sub("^(billing_)?(address_)?", "", name): value for name, value in fields.items()})


def _all_plain(messages: Iterable[Message]) -> list[dict[str, Any]]:
    return [_plain(message) for message in messages]


def _plain(message: Message) -> dict[str, Any]:
    """A message as a dict with all of its fields."""
    plain = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    for name in _AMOUNTS:
        if name in plain:
            plain[name] = Decimal(plain[name])
    # JSON has no integers of 64 bits.
    if "revision" in plain:
        plain["revision"] = int(plain["revision"])
    if "state" in plain:
        plain["status"] = plain.pop("state").partition("_STATE_")[2].lower()
    return plain
