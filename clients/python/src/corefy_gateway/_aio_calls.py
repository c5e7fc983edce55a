"""Makes the asyncio calls of a connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc.aio

from ._attempts import Preparation
from .errors import GatewayError


class UnaryCalls(grpc.aio.UnaryUnaryClientInterceptor):
    """Adds to every call with one answer the key, a deadline, an idempotency key, and repetitions where they are safe."""

    def __init__(self, preparation: Preparation) -> None:
        self._preparation = preparation

    async def intercept_unary_unary(self, continuation: Callable[..., Any], client_call_details: Any, request: Any) -> Any:
        """Makes a call, again and again while that is safe and the deadline allows it."""
        prepared = _prepared(self._preparation, client_call_details)
        attempts = self._preparation.attempts(client_call_details.timeout)
        while True:
            call = await continuation(prepared._replace(timeout=attempts.seconds_left()), request)
            try:
                await call
                return call
            except grpc.aio.AioRpcError as error:
                wait = attempts.pause_after(GatewayError.of(error))
            await asyncio.sleep(wait)


class StreamCalls(grpc.aio.UnaryStreamClientInterceptor):
    """Adds to every stream what `UnaryCalls` does, but for repetitions; it has no deadline but the caller's."""

    def __init__(self, preparation: Preparation) -> None:
        self._preparation = preparation

    async def intercept_unary_stream(self, continuation: Callable[..., Any], client_call_details: Any, request: Any) -> Any:
        """Opens a stream."""
        return _messages(await continuation(_prepared(self._preparation, client_call_details), request))


async def _messages(call: Any) -> AsyncIterator[Any]:
    """The messages of a stream; one that breaks raises `GatewayError`."""
    try:
        async for message in call:
            yield message
    except grpc.aio.AioRpcError as error:
        raise GatewayError.of(error) from None
    finally:
        call.cancel()  # without effect on one that has ended


def _prepared(preparation: Preparation, details: Any) -> Any:
    # gRPC has the method as bytes here, whatever its types say.
    method = details.method.decode() if isinstance(details.method, bytes) else details.method
    metadata = preparation.metadata(method, details.metadata)
    return details._replace(metadata=grpc.aio.Metadata(*metadata))
