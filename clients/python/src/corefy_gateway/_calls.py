"""Makes the blocking calls of a connection."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import grpc

from ._attempts import Preparation
from .errors import GatewayError


@dataclass(frozen=True)
class _Details(grpc.ClientCallDetails):
    method: str
    timeout: float | None
    metadata: Any
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class Calls(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Adds to every outgoing call the key, a deadline, an idempotency key, and repetitions where they are safe."""

    def __init__(self, preparation: Preparation) -> None:
        self._preparation = preparation

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        """Makes a call, again and again while that is safe and the deadline allows it."""
        prepared = self._prepared(details)
        attempts = self._preparation.attempts(details.timeout)
        while True:
            call = continuation(replace(prepared, timeout=attempts.seconds_left()), request)
            if call.code() is grpc.StatusCode.OK:
                return call
            time.sleep(attempts.pause_after(GatewayError.of(call)))

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        """Opens a stream. It has no deadline but the caller's."""
        return _Stream(continuation(self._prepared(details), request))

    def _prepared(self, details: Any) -> _Details:
        metadata = self._preparation.metadata(details.method, details.metadata)
        return _Details(
            details.method, details.timeout, metadata, details.credentials, details.wait_for_ready, details.compression
        )


class _Stream:
    """The messages of a stream; one that breaks raises `GatewayError`."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._call)
        except grpc.RpcError:
            raise GatewayError.of(self._call) from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)
