"""Runs the cases of clients/scenario by the client for asyncio; what looks at the answers is that of the blocking one."""

import asyncio
import os
import sys
from typing import Any

from corefy_gateway import aio
from scenario import Runner, as_json, at, credentials, entries_of, key_of, metadata_of, request_of, run_all


class AioRunner(Runner):
    """Makes the calls in a loop of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.loop = loop
        self.aio_gateways: dict[str, aio.Gateway] = {}

    def answer(self, step: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return self.loop.run_until_complete(self.awaited(step))

    async def awaited(self, step: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        service, name, request = request_of(step)
        gateway = self.aio_gateway(key_of(step))
        if "list" in step:
            return {"messages": await kept(getattr(gateway.all, entries_of(name))(request), step)}, {}
        stub = getattr(getattr(gateway, service), name)
        if "stream" in step:
            return {"messages": await kept(stub(request, timeout=30), step)}, {}
        call = stub(request, metadata=metadata_of(step), timeout=step.get("timeout_seconds"))
        return as_json(await call), dict(await call.initial_metadata())

    def aio_gateway(self, api_key: str) -> aio.Gateway:
        if api_key not in self.aio_gateways:
            gateway = aio.connect(os.environ["SCENARIO_TARGET"], api_key, credentials=credentials())
            self.aio_gateways[api_key] = gateway
        return self.aio_gateways[api_key]

    async def close(self) -> None:
        for gateway in self.aio_gateways.values():
            await gateway.close()


async def kept(stream: Any, step: dict[str, Any]) -> list[Any]:
    """Reads a stream or a list to its end, or until enough is kept of its messages; then a stream is closed."""
    messages: list[Any] = []
    async for message in stream:
        if (member := at(as_json(message), step.get("each", ""))) is not None:
            messages.append(member)
        if len(messages) == step.get("take"):
            if "stream" in step:
                stream.cancel()
            break
    return messages


def main() -> int:
    loop = asyncio.new_event_loop()
    runner = AioRunner(loop)
    code = run_all("python-aio", runner)
    loop.run_until_complete(runner.close())
    loop.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
