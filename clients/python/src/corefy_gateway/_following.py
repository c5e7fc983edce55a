"""Where a stream of events stands; blocking and asyncio readers share it."""

from collections.abc import Iterable

import grpc
from corefy.gateway.v1.event_pb2 import Event, EventView
from corefy.gateway.v1.event_service_pb2 import StreamEventsRequest, StreamEventsResponse
from google.rpc.status_pb2 import Status

from ._attempts import ATTEMPTS, may_be_repeated, pause
from .errors import GatewayError


class Following:
    """The request of the next stream, and how often streams broke since the last message."""

    def __init__(
        self, after_event_id: str, types: Iterable[str], object_id: str, view: "EventView.ValueType"
    ) -> None:
        self.request = StreamEventsRequest(after_event_id=after_event_id, types=types, object_id=object_id, view=view)
        self._breaks = 0

    def taken(self, message: StreamEventsResponse) -> Event | None:
        """Takes a message in, so that the next stream begins after it; a heartbeat has no event."""
        self._breaks = 0
        if message.HasField("event"):
            self.request.after_event_id = message.event.id
            return message.event
        if message.heartbeat.resume_after_event_id:
            self.request.after_event_id = message.heartbeat.resume_after_event_id
        return None

    @staticmethod
    def end() -> GatewayError:
        """The end of a stream that went without an error: the gateway never ends one so, but what stands between may."""
        return GatewayError(grpc.StatusCode.UNAVAILABLE, "the stream has ended", Status())

    def pause_after(self, error: GatewayError) -> float:
        """Seconds to wait before the next stream, given the end of the last one; raises that when there is none."""
        self._breaks += 1
        is_slow_reader = error.reason == "EVENT_READER_TOO_SLOW"
        if self._breaks == ATTEMPTS or not (is_slow_reader or may_be_repeated(error)):
            raise error
        return pause(self._breaks, error)
