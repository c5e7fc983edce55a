"""The client for asyncio: the names, rules and errors of the blocking one.

    from corefy_gateway.aio import connect

    async with connect("https://gateway.example:50051", api_key) as gateway:
        answer = await gateway.payment_intents.CreatePaymentIntent(request)
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from types import TracebackType
from typing import Any

import grpc
import grpc.aio
from corefy.gateway.v1.customer_service_pb2_grpc import CustomerServiceStub
from corefy.gateway.v1.event_pb2 import EVENT_VIEW_BASIC, Event, EventView
from corefy.gateway.v1.event_service_pb2_grpc import EventServiceStub
from corefy.gateway.v1.export_service_pb2_grpc import ExportServiceStub
from corefy.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from corefy.gateway.v1.lists import AsyncLists
from corefy.gateway.v1.payment_intent_service_pb2_grpc import PaymentIntentServiceStub
from corefy.gateway.v1.payment_method_service_pb2_grpc import PaymentMethodServiceStub
from corefy.gateway.v1.refund_service_pb2_grpc import RefundServiceStub
from corefy.gateway.v1.risk_service_pb2_grpc import RiskServiceStub
from google.protobuf.message import Message

from ._aio_calls import StreamCalls, UnaryCalls
from ._attempts import Preparation
from ._following import Following
from .connection import DEFAULT_TIMEOUT, merged, reach
from .errors import GatewayError
from .service import AnyService, Metadata

__all__ = ["DEFAULT_TIMEOUT", "CorefyService", "Gateway", "GatewayError", "connect"]


def connect(
    target: str,
    api_key: str,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    credentials: grpc.ChannelCredentials | None = None,
    interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
    options: Sequence[tuple[str, Any]] = (),
) -> "Gateway":
    """Gives a gateway's services to the loop that runs. `corefy_gateway.connect` explains the arguments."""
    host, is_plain = reach(target, credentials)
    preparation = Preparation(api_key, timeout)
    calls = [UnaryCalls(preparation), StreamCalls(preparation), *interceptors]
    if is_plain:
        return Gateway(grpc.aio.insecure_channel(host, merged(options), interceptors=calls))
    credentials = credentials or grpc.ssl_channel_credentials()
    return Gateway(grpc.aio.secure_channel(host, credentials, merged(options), interceptors=calls))


class Gateway:
    """The services of a gateway. Their calls raise `GatewayError`; tasks of one loop may share it."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self.payment_intents = PaymentIntentServiceStub(channel)
        self.refunds = RefundServiceStub(channel)
        self.customers = CustomerServiceStub(channel)
        self.payment_methods = PaymentMethodServiceStub(channel)
        self.events = EventServiceStub(channel)
        self.exports = ExportServiceStub(channel)
        self.risk = RiskServiceStub(channel)
        self.gateway = GatewayServiceStub(channel)
        self.all = AsyncLists(channel)
        """The entries of lists, page after page: `async for refund in gateway.all.refunds(request)`."""

    async def follow_events(
        self,
        after_event_id: str = "",
        types: Iterable[str] = (),
        object_id: str = "",
        view: "EventView.ValueType" = EVENT_VIEW_BASIC,
    ) -> AsyncIterator[Event]:
        """Events, and then each as it happens, without an end; `corefy_gateway.Gateway.follow_events` explains them."""
        following = Following(after_event_id, types, object_id, view)
        while True:
            try:
                async for message in self.events.StreamEvents(following.request):
                    if event := following.taken(message):
                        yield event
                raise following.end()
            except GatewayError as error:
                await asyncio.sleep(following.pause_after(error))

    async def close(self) -> None:
        """Ends the connection, and every call that is under way."""
        await self._channel.close()

    async def __aenter__(self) -> "Gateway":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class CorefyService(AnyService[Awaitable[dict[str, Any]], Awaitable[list[dict[str, Any]]]]):
    """The calls of `corefy_gateway.service.CorefyService`, to be awaited. They raise `GatewayError`."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)

    async def _make(self, call: Any, request: Message, answer: Callable[[Any], Any], key: Metadata = ()) -> Any:
        return answer(await call(request, metadata=key))
