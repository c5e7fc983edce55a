"""How a gateway is reached."""

from collections.abc import Iterable, Iterator, Sequence
from time import sleep
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import grpc
from corefy.gateway.v1.customer_service_pb2_grpc import CustomerServiceStub
from corefy.gateway.v1.event_pb2 import EVENT_VIEW_BASIC, Event, EventView
from corefy.gateway.v1.event_service_pb2_grpc import EventServiceStub
from corefy.gateway.v1.export_service_pb2_grpc import ExportServiceStub
from corefy.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from corefy.gateway.v1.lists import Lists
from corefy.gateway.v1.payment_intent_service_pb2_grpc import PaymentIntentServiceStub
from corefy.gateway.v1.payment_method_service_pb2_grpc import PaymentMethodServiceStub
from corefy.gateway.v1.refund_service_pb2_grpc import RefundServiceStub
from corefy.gateway.v1.risk_service_pb2_grpc import RiskServiceStub

from ._attempts import Preparation
from ._calls import Calls
from ._following import Following
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
    interceptors: Sequence[grpc.UnaryUnaryClientInterceptor | grpc.UnaryStreamClientInterceptor] = (),
    options: Sequence[tuple[str, Any]] = (),
) -> "Gateway":
    """Gives a gateway's services. The connection is made by the first call, and made again when it breaks.

    `target` is `https://host:port`, or `host:port` for the same; only `http://host:port` goes without TLS. `timeout` is
    for one call with all its repetitions, in seconds. `credentials` are for a private authority or a client
    certificate: see `grpc.ssl_channel_credentials`.

    `interceptors` see each attempt of a call, as it goes to the gateway: for traces and metrics. `options` are the channel's, as
    `grpc.insecure_channel` takes them; they replace the client's own of the same name.
    """
    host, is_plain = reach(target, credentials)
    if is_plain:
        channel = grpc.insecure_channel(host, merged(options))
    else:
        channel = grpc.secure_channel(host, credentials or grpc.ssl_channel_credentials(), merged(options))
    return Gateway(grpc.intercept_channel(channel, *interceptors), api_key, timeout)


def merged(options: Sequence[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The options of a channel: the caller's, and the client's own where the caller has none."""
    return list({**dict(_OPTIONS), **dict(options)}.items())


def reach(target: str, credentials: grpc.ChannelCredentials | None) -> tuple[str, bool]:
    """Reads a target: the address to resolve, and whether it goes without TLS. Raises `ValueError` when it is none."""
    address = urlsplit(target if "://" in target else f"https://{target}")
    if address.scheme not in ("http", "https") or not address.hostname or address.path.strip("/"):
        raise ValueError(f"{target!r} is not like https://gateway.example:50051")
    if address.scheme == "http" and credentials is not None:
        raise ValueError("credentials need https://")
    port = address.port or (443 if address.scheme == "https" else 80)
    host = f"[{address.hostname}]" if ":" in address.hostname else address.hostname
    return f"dns:///{host}:{port}", address.scheme == "http"


class Gateway:
    """The services of a gateway. Its calls raise `GatewayError`; threads may share it."""

    def __init__(self, channel: grpc.Channel, api_key: str, timeout: float) -> None:
        self._channel = grpc.intercept_channel(channel, Calls(Preparation(api_key, timeout)))
        self.payment_intents = PaymentIntentServiceStub(self._channel)
        self.refunds = RefundServiceStub(self._channel)
        self.customers = CustomerServiceStub(self._channel)
        self.payment_methods = PaymentMethodServiceStub(self._channel)
        self.events = EventServiceStub(self._channel)
        self.exports = ExportServiceStub(self._channel)
        self.risk = RiskServiceStub(self._channel)
        self.gateway = GatewayServiceStub(self._channel)
        self.all = Lists(self._channel)
        """The entries of lists, page after page: `gateway.all.refunds(request)`."""

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
        following = Following(after_event_id, types, object_id, view)
        while True:
            try:
                for message in self.events.StreamEvents(following.request):
                    if event := following.taken(message):
                        yield event
                raise following.end()
            except GatewayError as error:
                sleep(following.pause_after(error))

    def close(self) -> None:
        """Ends the connection, and every call that is under way."""
        self._channel.close()

    def __enter__(self) -> "Gateway":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
