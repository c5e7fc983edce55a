"""Adds to every outgoing call the key, a deadline, an idempotency key, and repetitions where they are safe."""

import random
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import MethodOptions

from .errors import GatewayError

# How often a call is made at most: pauses of 0.1, 0.2, 0.4, 0.8, 1.6, 2 and 2 seconds, each shortened by up to half,
# outlast a restart of the gateway.
ATTEMPTS = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_IDEMPOTENCY_KEY = "idempotency-key"
_UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
_WAITING_HELPS = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.ABORTED)


def may_be_repeated(error: GatewayError) -> bool:
    """Whether to make the call again; it keeps its idempotency key, so that it is done once even if it has arrived."""
    return error.code is _UNAVAILABLE or (error.code in _WAITING_HELPS and error.retry_after is not None)


def pause(attempts: int, error: GatewayError) -> float:
    """Seconds to wait after this number of attempts, given the end of the last one: never less than the gateway asks for."""
    longest = min(_FIRST_PAUSE * 2 ** (attempts - 1), _LONGEST_PAUSE)
    return max(random.uniform(longest / 2, longest), error.retry_after or 0)


@dataclass(frozen=True)
class _Details(grpc.ClientCallDetails):
    method: str
    timeout: float | None
    metadata: Any
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class Calls(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Makes the calls of one connection."""

    def __init__(self, api_key: str, timeout: float) -> None:
        self._authorization = ("authorization", f"Bearer {api_key}")
        self._timeout = timeout

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        """Makes a call, again and again while that is safe and the deadline allows it."""
        prepared = self._prepared(details)
        deadline = time.monotonic() + (self._timeout if details.timeout is None else details.timeout)
        is_provable = True
        for attempts in range(1, ATTEMPTS + 1):
            call = continuation(replace(prepared, timeout=deadline - time.monotonic()), request)
            if call.code() is grpc.StatusCode.OK:
                return call
            error = GatewayError.of(call)
            is_provable = error.nothing_was_sent = is_provable and error.nothing_was_sent
            wait = pause(attempts, error)
            if not may_be_repeated(error) or attempts == ATTEMPTS or time.monotonic() + wait > deadline:
                raise error
            time.sleep(wait)

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        """Opens a stream. It has no deadline but the caller's."""
        return _Stream(continuation(self._prepared(details), request))

    def _prepared(self, details: Any) -> _Details:
        metadata = [*(details.metadata or ()), self._authorization]
        if _is_mutating(details.method) and not any(name == _IDEMPOTENCY_KEY for name, _ in metadata):
            metadata.append((_IDEMPOTENCY_KEY, str(uuid.uuid4())))
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


def _is_mutating(method: str) -> bool:
    """Whether `/package.Service/Method` changes anything, by its proto."""
    descriptor = descriptor_pool.Default().FindMethodByName(method.strip("/").replace("/", "."))
    return descriptor.GetOptions().idempotency_level != MethodOptions.NO_SIDE_EFFECTS
