"""The parts that blocking and asyncio calls share: the metadata of a call, and when it is made again."""

import random
import time
import uuid
from collections.abc import Iterable

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


class Attempts:
    """The attempts of one call, which has `timeout` seconds for all of them."""

    def __init__(self, timeout: float) -> None:
        self._deadline = time.monotonic() + timeout
        self._failed = 0
        self._is_provable = True

    def seconds_left(self) -> float:
        """The time that is left for the next attempt."""
        return self._deadline - time.monotonic()

    def pause_after(self, error: GatewayError) -> float:
        """Seconds to wait before the next attempt, given the end of the last one; raises that when there is none."""
        self._failed += 1
        self._is_provable = error.nothing_was_sent = self._is_provable and error.nothing_was_sent
        wait = pause(self._failed, error)
        if not may_be_repeated(error) or self._failed == ATTEMPTS or wait > self.seconds_left():
            raise error
        return wait


class Preparation:
    """The additions to each call of a connection."""

    def __init__(self, api_key: str, timeout: float) -> None:
        self._authorization = ("authorization", f"Bearer {api_key}")
        self._timeout = timeout

    def attempts(self, timeout: float | None) -> Attempts:
        """The attempts of a call; `timeout` is its caller's, in seconds."""
        return Attempts(self._timeout if timeout is None else timeout)

    def metadata(self, method: str, given: Iterable[tuple[str, str | bytes]] | None) -> list[tuple[str, str | bytes]]:
        """The metadata of a call of `/package.Service/Method`: its caller's, the key, and an idempotency key."""
        metadata = [*(given or ()), self._authorization]
        if _is_mutating(method) and not any(name == _IDEMPOTENCY_KEY for name, _ in metadata):
            metadata.append((_IDEMPOTENCY_KEY, str(uuid.uuid4())))
        return metadata


def _is_mutating(method: str) -> bool:
    """Whether `/package.Service/Method` changes anything, by its proto."""
    descriptor = descriptor_pool.Default().FindMethodByName(method.strip("/").replace("/", "."))
    return descriptor.GetOptions().idempotency_level != MethodOptions.NO_SIDE_EFFECTS
