"""The one exception that a call to the gateway raises."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

import grpc
from corefy.gateway.v1.error_reason_pb2 import ERROR_REASON_UNSPECIFIED, ErrorReason
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

_DETAILS = "grpc-status-details-bin"
_REQUEST_ID = "x-request-id"
_DOMAIN = "corefy-gateway"
_PREVIOUS_ATTEMPTS = "previous_attempts"
_SENT_NOTHING = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)


class _Ended(Protocol):
    """A call that has ended: one of `grpc`, or the error of one of `grpc.aio`."""

    def code(self) -> Any: ...
    def details(self) -> Any: ...
    def trailing_metadata(self) -> Any: ...


class GatewayError(Exception):
    """A call that did not succeed: refused by the gateway, or not answered by it. A declined payment is not one."""

    code: grpc.StatusCode
    """The gRPC code."""
    message: str
    """A sentence for developers."""
    reason: str
    """A name of `ErrorReason` without its prefix: `FIELDS_INVALID`; empty when it was not the gateway that spoke."""
    reason_code: "ErrorReason.ValueType"
    """The reason as a value of the enum; `ERROR_REASON_UNSPECIFIED` for an empty one and for one that is younger than this client."""
    fields: Mapping[str, str]
    """The invalid fields of the request by path, each with its reason."""
    retry_after: float | None
    """Seconds after which the same call may succeed; `None` when waiting does not help."""
    request_id: str
    """The id by which the gateway's operator finds the call; empty when the gateway was not reached."""
    metadata: Mapping[str, str]
    """The metadata that `ErrorReason` documents for this reason."""
    nothing_was_sent: bool
    """Whether this call provably sent nothing to Corefy: in each attempt, the gateway itself said so. Otherwise make the
    call again under the same idempotency key, or read the object: it may have been done."""

    def __init__(self, code: grpc.StatusCode, message: str, details: Status, request_id: str = "") -> None:
        super().__init__(code, message)
        self.code, self.message, self.request_id = code, message, request_id
        self.reason, self.fields, self.retry_after, self.metadata = "", {}, None, {}
        for detail in details.details:
            info, request, retry = ErrorInfo(), BadRequest(), RetryInfo()
            if detail.Unpack(info) and info.domain == _DOMAIN:
                self.reason, self.metadata = info.reason, dict(info.metadata)
            elif detail.Unpack(request):
                self.fields = {violation.field: violation.description for violation in request.field_violations}
            elif detail.Unpack(retry):
                self.retry_after = retry.retry_delay.ToTimedelta().total_seconds()
        name = f"ERROR_REASON_{self.reason}"
        self.reason_code = ErrorReason.Value(name) if name in ErrorReason.keys() else ERROR_REASON_UNSPECIFIED
        is_ours = bool(self.reason) and _PREVIOUS_ATTEMPTS not in self.metadata
        self.nothing_was_sent = is_ours and code in _SENT_NOTHING

    @classmethod
    def of(cls, call: _Ended) -> "GatewayError":
        """The error that a call ended with."""
        details, request_id = Status(), ""
        for name, value in call.trailing_metadata() or ():
            if name == _REQUEST_ID and isinstance(value, str):
                request_id = value
            elif name == _DETAILS and isinstance(value, bytes):
                with suppress(DecodeError):  # something on the way to the gateway spoke, in words of its own
                    details.ParseFromString(value)
        return cls(call.code(), call.details() or "", details, request_id)

    def __str__(self) -> str:
        fields = "".join(f"; {field}: {problem}" for field, problem in self.fields.items())
        request = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.reason or self.code.name}: {self.message}{fields}{request}"
