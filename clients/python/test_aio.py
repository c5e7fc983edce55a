"""Beyond the scenario: what asyncio has of its own, and events across a restart."""

import asyncio
import os
import unittest
from decimal import Decimal
from typing import Any

import grpc.aio
from corefy.gateway.v1 import CreatePaymentIntentRequest, TestConnectionRequest
from corefy_gateway import GatewayError, aio
from corefy_gateway.service import PaymentData
from scenario import credentials

ORDER = CreatePaymentIntentRequest(amount="1.00", currency="USD", customer_email="a@b.example")


def gateway() -> aio.Gateway:
    return aio.connect(os.environ["SCENARIO_TARGET"], os.environ["SCENARIO_API_KEY"], credentials=credentials())


class Notes(grpc.aio.UnaryUnaryClientInterceptor):
    """Notes the calls that it sees."""

    def __init__(self) -> None:
        self.seen: list[bool] = []

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        self.seen.append("idempotency-key" in client_call_details.metadata)
        return await continuation(client_call_details, request)


class Aio(unittest.IsolatedAsyncioTestCase):
    async def test_events_go_on_after_a_restart_without_a_gap(self) -> None:
        async with gateway() as corefy:
            created = [(await corefy.payment_intents.CreatePaymentIntent(ORDER)).payment_intent.id for _ in range(2)]
            seen = []
            async for event in corefy.follow_events():
                seen.append(event.object_id)
                if len(created) == 2:
                    control = await asyncio.create_subprocess_exec(os.environ["SCENARIO_CONTROL"], "restart")
                    self.assertEqual(await control.wait(), 0)
                    created.append((await corefy.payment_intents.CreatePaymentIntent(ORDER)).payment_intent.id)
                if event.object_id == created[2]:
                    break
            self.assertEqual(seen, created)

    async def test_the_guides_calls_take_a_payment_and_give_half_of_it_back(self) -> None:
        async with gateway() as connection:
            corefy = aio.CorefyService(connection)
            intent = await corefy.create_payment_intent(Decimal("8.00"), "USD", customer_email="a@b.example")
            card: PaymentData = {"card_number": "4111111111111111", "card_expiry_month": 12, "card_expiry_year": 2040}
            paid = await corefy.confirm_payment_intent(intent["id"], {**card, "card_cvv": "123"})
            refunds = [await corefy.create_refund(paid["id"], "4.00", reference_id=paid["id"]) for _ in range(2)]
            self.assertEqual((paid["status"], refunds[0]), ("succeeded", refunds[1]))
            self.assertEqual((await corefy.get_payment_status(paid["id"]))["amount_refunded"], Decimal("4.00"))
            self.assertIn("card", [method["type"] for method in await corefy.get_supported_methods("USD")])

    async def test_calls_of_one_connection_are_made_at_once(self) -> None:
        async with gateway() as corefy:
            calls = [corefy.gateway.TestConnection(TestConnectionRequest()) for _ in range(20)]
            answers = await asyncio.gather(*calls)
            self.assertTrue(all(answer.authenticated for answer in answers))

    async def test_a_call_that_is_canceled_is_not_made_again(self) -> None:
        async with aio.connect("http://127.0.0.1:1", "pk:sk") as nowhere:
            call = asyncio.ensure_future(nowhere.gateway.TestConnection(TestConnectionRequest()))
            await asyncio.sleep(0)
            call.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await call

    async def test_interceptors_see_each_attempt_with_its_metadata(self) -> None:
        notes = Notes()
        async with aio.connect("http://127.0.0.1:1", "pk:sk", timeout=2, interceptors=[notes]) as nowhere:
            with self.assertRaises(GatewayError):
                await nowhere.payment_intents.CreatePaymentIntent(ORDER)
        self.assertGreater(len(notes.seen), 1)
        self.assertEqual(set(notes.seen), {True})

    async def test_a_stream_that_is_refused_raises_the_error_of_every_call(self) -> None:
        async with aio.connect(os.environ["SCENARIO_TARGET"], "pk_no:sk_no", credentials=credentials()) as stranger:
            with self.assertRaises(GatewayError) as caught:
                await anext(stranger.follow_events())
            self.assertEqual(caught.exception.reason, "CREDENTIALS_INVALID")

    async def test_a_target_that_is_none_is_refused(self) -> None:
        with self.assertRaises(ValueError):
            aio.connect("ftp://gateway", "pk:sk")


if __name__ == "__main__":
    unittest.main()
