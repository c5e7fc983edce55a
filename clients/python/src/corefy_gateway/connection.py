"""How a gateway is reached."""

from collections.abc import Iterable, Iterator
from time import sleep
from types import TracebackType
from urllib.parse import urlsplit

import grpc
from corefy.gateway.v1.customer_service_pb2_grpc import CustomerServiceStub
from corefy.gateway.v1.event_pb2 import EVENT_VIEW_BASIC, Event, EventView
from corefy.gateway.v1.event_service_pb2 import StreamEventsRequest
from corefy.gateway.v1.event_service_pb2_grpc import EventServiceStub
from corefy.gateway.v1.export_service_pb2_grpc import ExportServiceStub
from corefy.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from corefy.gateway.v1.payment_intent_service_pb2_grpc import PaymentIntentServiceStub
from corefy.gateway.v1.payment_method_service_pb2_grpc import PaymentMethodServiceStub
from corefy.gateway.v1.refund_service_pb2_grpc import RefundServiceStub
from corefy.gateway.v1.risk_service_pb2_grpc import RiskServiceStub

from ._calls import ATTEMPTS, Calls, may_be_repeated, pause
from .errors import GatewayError

# Longer than the gateway waits for Corefy by default, in seconds.
DEFAULT_TIMEOUT = 45.0
_OPTIONS = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A gateway that restarts is found again within the pauses between attempts.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Its own repetitions know nothing of the gateway's advice.
    ("grpc.enable_retries", 0),
)


def connect(
    target: str,
    api_key: str,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    credentials: grpc.ChannelCredentials | None = None,
) -> "Gateway":
    """Gives a gateway's services. The connection is made by the first call, and made again when it breaks.

    `target` is `https://host:port`, or `host:port` for the same; only `http://host:port` goes without TLS. `timeout` is
    for one call with all its repetitions, in seconds. `credentials` are for a private authority or a client
    certificate: see `grpc.ssl_channel_credentials`.
    """
    address = urlsplit(target if "://" in target else f"https://{target}")
    if address.scheme not in ("http", "https") or not address.hostname or address.path.strip("/"):
        raise ValueError(f"{target!r} is not like https://gateway.example:50051")
    if address.scheme == "http" and credentials is not None:
        raise ValueError("credentials need https://")
    port = address.port or (443 if address.scheme == "https" else 80)
    host = f"dns:///{f'[{address.hostname}]' if ':' in address.hostname else address.hostname}:{port}"
    if address.scheme == "http":
        channel = grpc.insecure_channel(host, _OPTIONS)
    else:
        channel = grpc.secure_channel(host, credentials or grpc.ssl_channel_credentials(), _OPTIONS)
    return Gateway(channel, api_key, timeout)


class Gateway:
    """The services of a gateway. Its calls raise `GatewayError`; threads may share it."""

    def __init__(self, channel: grpc.Channel, api_key: str, timeout: float) -> None:
        self._channel = grpc.intercept_channel(channel, Calls(api_key, timeout))
        self.payment_intents = PaymentIntentServiceStub(self._channel)
        self.refunds = RefundServiceStub(self._channel)
        self.customers = CustomerServiceStub(self._channel)
        self.payment_methods = PaymentMethodServiceStub(self._channel)
        self.events = EventServiceStub(self._channel)
        self.exports = ExportServiceStub(self._channel)
        self.risk = RiskServiceStub(self._channel)
        self.gateway = GatewayServiceStub(self._channel)

    def follow_events(
        self,
        after_event_id: str = "",
        types: Iterable[str] = (),
        object_id: str = "",
        view: "EventView.ValueType" = EVENT_VIEW_BASIC,
    ) -> Iterator[Event]:
        """Events after this one, or from the oldest that is kept, and then each as it happens, without an end.

        `types` has types such as `refund.succeeded` or kinds of objects such as `refund.*`. The default view has no
        personal data.

        After a break it resumes after the last event that was taken in. Keep the `id` of each event once it is dealt
        with, and begin with it after a restart of your own.
        """
        request = StreamEventsRequest(after_event_id=after_event_id, types=types, object_id=object_id, view=view)
        attempts = 0
        while True:
            try:
                for message in self.events.StreamEvents(request):
                    attempts = 0
                    if message.HasField("event"):
                        request.after_event_id = message.event.id
                        yield message.event
                    elif message.heartbeat.resume_after_event_id:
                        request.after_event_id = message.heartbeat.resume_after_event_id
            except GatewayError as error:
                attempts += 1
                is_slow_reader = error.reason == "EVENT_READER_TOO_SLOW"
                if attempts == ATTEMPTS or not (is_slow_reader or may_be_repeated(error)):
                    raise
                sleep(pause(attempts, error))

    def close(self) -> None:
        """Ends the connection, and every call that is under way."""
        self._channel.close()

    def __enter__(self) -> "Gateway":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
