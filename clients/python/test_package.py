"""Beyond the scenario: the guide's call style, events across a restart, and what `connect` refuses."""

import os
import subprocess
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import grpc
from corefy.gateway.v1.event_service_pb2_grpc import EventServiceServicer, add_EventServiceServicer_to_server

from corefy_gateway import Gateway, GatewayError, connect
from corefy_gateway.service import CorefyService, PaymentData

CARD: PaymentData = {
    "card_number": "4111111111111111",
    "card_expiry_month": "12",
    "card_expiry_year": "2040",
    "card_cvv": "123",
    "card_holder_name": "John Doe",
}
# The deadline may pass between two attempts or within one.
GAVE_UP = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def gateway(**given: Any) -> Gateway:
    with open(os.environ["SCENARIO_CA"], "rb") as authority:
        credentials = grpc.ssl_channel_credentials(authority.read())
    return connect(os.environ["SCENARIO_TARGET"], os.environ["SCENARIO_API_KEY"], credentials=credentials, **given)


class TheGuidesCalls(unittest.TestCase):
    def setUp(self) -> None:
        self.corefy = CorefyService(gateway())

    def test_take_a_payment_and_give_half_of_it_back(self) -> None:
        intent = self.corefy.create_payment_intent(
            amount=Decimal("100.00"),
            currency="USD",
            payment_method="card",
            customer_email="customer@example.com",
            description="Test payment",
            billing_first_name="John",
            billing_address_line1="123 Main St",
            billing_country="US",
            metadata={"order": "7"},
        )
        self.assertEqual((intent["status"], intent["amount"]), ("requires_confirmation", Decimal("100.00")))
        self.assertEqual(intent["billing_address"]["line1"], "123 Main St")
        self.assertEqual(intent["payment_method_type"], "card")
        confirmation = self.corefy.confirm_payment_intent(payment_intent_id=intent["id"], payment_data=CARD)
        self.assertEqual(confirmation["status"], "succeeded")
        self.assertEqual(confirmation["amount_refundable"], Decimal("100.00"))
        self.assertGreater(confirmation["revision"], intent["revision"])
        self.assertEqual(self.corefy.get_payment_status(intent["id"]), confirmation)
        refund = self.corefy.create_refund(intent["id"], Decimal("50.00"), reason="Customer requested refund")
        self.assertEqual((refund["status"], refund["amount"]), ("succeeded", Decimal("50.00")))
        self.assertEqual(self.corefy.create_refund(intent["payment_id"])["amount"], Decimal("50.00"))

    def test_save_a_card_and_pay_with_it(self) -> None:
        customer = self.corefy.create_customer(
            "john@example.com", "John Doe", address_line1="123 Main St", city="Anytown"
        )
        self.assertEqual(self.corefy.get_customer(customer["id"])["address"]["city"], "Anytown")
        method = self.corefy.create_payment_method(customer["id"], CARD)
        self.assertEqual([method["id"]], [saved["id"] for saved in self.corefy.get_payment_methods(customer["id"])])
        intent = self.corefy.create_payment_intent("5", "JPY", customer_id=customer["id"])
        paid = self.corefy.confirm_payment_intent(intent["id"], {"payment_method_id": method["id"]})
        self.assertEqual(paid["amount_received"], 5)

    def test_tell_what_the_account_can_do(self) -> None:
        self.assertTrue(self.corefy.test_connection()["authenticated"])
        self.assertIn("card", [method["type"] for method in self.corefy.get_supported_methods("USD")])

    def test_repeat_a_call_under_the_callers_own_key(self) -> None:
        first, second = (
            self.corefy.create_payment_intent("5.00", "USD", customer_email="a@b.example", idempotency_key="mine")
            for _ in range(2)
        )
        self.assertEqual(first, second)

    def test_repeat_a_call_under_the_callers_reference_in_place_of_failing(self) -> None:
        intent = self.corefy.create_payment_intent("9.00", "USD", customer_email="a@b.example", reference_id="Bücher 7")
        again = self.corefy.create_payment_intent("9.00", "USD", customer_email="a@b.example", reference_id="Bücher 7")
        self.assertEqual(intent, again)
        self.corefy.confirm_payment_intent(intent["id"], CARD)
        first, second = (
            CorefyService(gateway()).create_refund(intent["id"], Decimal("4.00"), reference_id="Bücher 7")
            for _ in range(2)
        )
        self.assertEqual(first, second)
        self.assertEqual(self.corefy.get_payment_status(intent["id"])["amount_refunded"], Decimal("4.00"))

    def test_refund_nothing_when_the_amount_is_empty(self) -> None:
        with self.assertRaises(GatewayError) as caught:
            self.corefy.create_refund("pi_00000000000070008000000000000000", "")
        self.assertEqual(list(caught.exception.fields), ["amount"])

    def test_take_no_amount_that_is_a_float(self) -> None:
        with self.assertRaises(TypeError):
            self.corefy.create_payment_intent(0.1, "USD", customer_email="a@b.example")  # type: ignore[arg-type]

    def test_tell_every_wrong_field_in_the_text_of_the_error(self) -> None:
        with self.assertRaises(GatewayError) as caught:
            self.corefy.create_payment_intent("1.001", "USD", customer_email="nobody")
        text = str(caught.exception)
        self.assertRegex(text, r"^FIELDS_INVALID: .*amount: .*customer_email: .* \(request .+\)$")


class Events(unittest.TestCase):
    def test_go_on_after_a_restart_without_a_gap(self) -> None:
        corefy = CorefyService(gateway())
        intents = [corefy.create_payment_intent("1.00", "USD", customer_email="a@b.example")["id"] for _ in range(2)]
        seen = []
        for event in gateway().follow_events():
            seen.append(event.object_id)
            if event.object_id == intents[0]:
                subprocess.run([os.environ["SCENARIO_CONTROL"], "restart"], check=True)
                intents.append(corefy.create_payment_intent("1.00", "USD", customer_email="a@b.example")["id"])
            if len(intents) == 3 and event.object_id == intents[2]:
                break
        self.assertEqual(seen[-3:], intents)


ATTEMPTS = 8


class EndlesslyEnding(EventServiceServicer):
    """Ends each stream at once, as though nothing were wrong: something between may."""

    def __init__(self) -> None:
        self.opened = 0

    def StreamEvents(self, request: Any, context: Any) -> Any:
        self.opened += 1
        if self.opened > 2 * ATTEMPTS:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "these streams would have no end")
        return iter(())

    def ListEvents(self, request: Any, context: Any) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "only streams are asked for")


class StreamsThatEnd(unittest.TestCase):
    def test_are_opened_again_after_pauses_and_not_for_ever(self) -> None:
        service = EndlesslyEnding()
        server = grpc.server(ThreadPoolExecutor(max_workers=1))
        add_EventServiceServicer_to_server(service, server)
        target = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        with patch("corefy_gateway.connection.sleep") as sleep, self.assertRaises(GatewayError) as caught:
            next(connect(target, "pk:sk").follow_events())
        server.stop(None)
        self.assertEqual(caught.exception.code, grpc.StatusCode.UNAVAILABLE)
        self.assertEqual((service.opened, sleep.call_count), (ATTEMPTS, ATTEMPTS - 1))


class Notes(grpc.UnaryUnaryClientInterceptor):
    """Notes the calls that it sees."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, bool]] = []

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        self.seen.append((details.method, "idempotency-key" in dict(details.metadata)))
        return continuation(details, request)


class OfTheCallers(unittest.TestCase):
    def test_interceptors_see_each_attempt_with_its_metadata(self) -> None:
        notes = Notes()
        nowhere = connect("http://127.0.0.1:1", "pk:sk", timeout=2, interceptors=[notes])
        with self.assertRaises(GatewayError):
            CorefyService(nowhere).create_refund("pi_1")
        self.assertGreater(len(notes.seen), 1)
        self.assertEqual(set(notes.seen), {("/corefy.gateway.v1.RefundService/CreateRefund", True)})

    def test_options_of_the_channel_go_before_the_clients_own(self) -> None:
        with self.assertRaises(GatewayError) as caught:
            CorefyService(gateway(options=[("grpc.max_receive_message_length", 1)])).test_connection()
        self.assertEqual(caught.exception.code, grpc.StatusCode.RESOURCE_EXHAUSTED)


class Check(unittest.TestCase):
    """The acceptance test that a partner runs."""

    def run_with(self, key: str) -> tuple[int, str]:
        environment = {
            **os.environ,
            "GATEWAY_TARGET": os.environ["SCENARIO_TARGET"],
            "GATEWAY_TARGET_CA": os.environ["SCENARIO_CA"],
            "GATEWAY_API_KEY": key,
        }
        command = [sys.executable, "-m", "corefy_gateway.check"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_makes_every_call_of_the_service(self) -> None:
        code, table = self.run_with(os.environ["SCENARIO_API_KEY"])
        self.assertEqual(code, 0, table)
        self.assertNotIn("skipped", table)
        for call in dir(CorefyService):
            if not call.startswith("_"):
                self.assertIn(call, table)

    def test_fails_where_the_gateway_refuses(self) -> None:
        code, table = self.run_with(os.environ["SCENARIO_READ_KEY"])
        self.assertEqual(code, 1, table)
        self.assertIn("FAILED: SCOPE_MISSING", table)

    def test_ends_at_once_without_a_connection(self) -> None:
        code, table = self.run_with("pk_nobody:sk_nothing")
        self.assertEqual(code, 1, table)
        self.assertEqual(table.count("FAILED: CREDENTIALS_INVALID"), 1, table)
        self.assertIn("Nothing else can be checked without a connection.", table)


class Connect(unittest.TestCase):
    def test_refuses_targets_that_are_none(self) -> None:
        for target in ("", "ftp://gateway", "https://gateway/v1", "http://"):
            with self.assertRaises(ValueError, msg=target):
                connect(target, "pk:sk")

    def test_speaks_tls_unless_told_otherwise(self) -> None:
        plain = os.environ["SCENARIO_TARGET"].removeprefix("https://")
        with self.assertRaises(GatewayError) as caught:
            CorefyService(connect(plain, os.environ["SCENARIO_API_KEY"], timeout=1)).test_connection()
        self.assertIn(caught.exception.code, GAVE_UP)

    def test_gives_up_when_the_deadline_passes(self) -> None:
        with self.assertRaises(GatewayError) as caught:
            CorefyService(connect("http://127.0.0.1:1", "pk:sk", timeout=0.5)).test_connection()
        self.assertIn(caught.exception.code, GAVE_UP)
        self.assertEqual(caught.exception.request_id, "")


if __name__ == "__main__":
    unittest.main()
