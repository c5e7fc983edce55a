"""The wire between a client and the gateway: passes calls on, and does to their answers what a proxy does on a bad day.

It ends TLS on both sides and reads HTTP/2's frames, but not their headers. A call whose answer is replaced has reached the
gateway and is finished there.
"""

import asyncio
import contextlib
import ssl
import threading

# How long it may take to let callers in or not, in seconds.
PATIENCE = 10
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
ACK, END_STREAM, END_HEADERS = 0x1, 0x1, 0x4
# The gateway is to name each header in full, so that those which are left out are not missed: no table of headers.
NO_HEADER_TABLE = b"\x00\x01\x00\x00\x00\x00"


def text(value):
    return bytes([len(value)]) + value.encode()


# Answers that a proxy makes by itself, as blocks of headers; numbers are places in HPACK's static table.
STATUS_200, STATUS_503 = b"\x88", b"\x08" + text("503")
CONTENT_TYPE = b"\x0f\x10"
ANSWERS = {
    "503": STATUS_503 + CONTENT_TYPE + text("text/plain"),
    "unavailable": STATUS_200 + CONTENT_TYPE + text("application/grpc") + b"\x00" + text("grpc-status") + text("14")
    + b"\x00" + text("grpc-message") + text("no healthy upstream"),
}
CUT = "cut"


def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


async def read_frame(reader):
    """The next frame: kind, flags, stream and payload."""
    head = await reader.readexactly(9)
    payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
    return head[3], head[4], int.from_bytes(head[5:], "big") & 0x7FFFFFFF, payload


class Wire:
    """Listens on a port of its own and passes each connection on to the gateway's."""

    def __init__(self, gateway_port, tls=None):
        self.gateway_port, self.port = gateway_port, 0
        self.fault, self.is_once = None, False
        # How many calls have come since the number was last asked for.
        self.calls = 0
        self.callers_tls = self.gateway_tls = None
        if tls:
            self.callers_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.callers_tls.load_cert_chain(tls["certificate"], tls["key"])
            self.gateway_tls = ssl.create_default_context(cafile=tls["authority"])
            for context in (self.callers_tls, self.gateway_tls):
                context.set_alpn_protocols(["h2"])
        self.loop = asyncio.new_event_loop()
        # A caller that does not trust the certificate, or goes away, is no fault of the wire.
        self.loop.set_exception_handler(lambda *_: None)
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.open()

    def do(self, work):
        asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def open(self):
        """Lets callers in, after the first time on the same port."""
        self.do(self.listen())

    async def listen(self):
        self.listener = await asyncio.start_server(self.carry, "127.0.0.1", self.port, ssl=self.callers_tls)
        self.port = self.listener.sockets[0].getsockname()[1]

    def close(self):
        """Accepts no new connections; open ones stay."""
        self.do(self.stop_listening())

    async def stop_listening(self):
        self.listener.close()

    def lose_answer(self):
        """The answer to the next call is lost, and its connection breaks."""
        self.fault, self.is_once = CUT, True

    def break_answers(self, fault):
        """So ends each call from now on."""
        self.fault, self.is_once = fault, False

    def mend(self):
        self.fault = None

    def take_calls(self):
        calls, self.calls = self.calls, 0
        return calls

    def next_fault(self):
        self.calls += 1
        fault = self.fault
        if self.is_once:
            self.fault = None
        return fault

    async def carry(self, reader, writer):
        try:
            host = "localhost" if self.gateway_tls else None
            gateway = await asyncio.open_connection("127.0.0.1", self.gateway_port, ssl=self.gateway_tls, server_hostname=host)
        except OSError:
            writer.close()
            return
        await Connection(self, (reader, writer), gateway).carry()


class Connection:
    """One client, and the gateway's end of its connection."""

    def __init__(self, wire, client, gateway):
        self.wire = wire
        (self.from_client, self.to_client), (self.from_gateway, self.to_gateway) = client, gateway
        # The fault of each call by its stream, and the streams whose answer has been replaced.
        self.faults, self.answered = {}, set()

    async def carry(self):
        ways = [asyncio.create_task(way) for way in (self.pass_requests(), self.pass_answers())]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        self.to_client.close()
        self.to_gateway.close()

    async def pass_requests(self):
        with contextlib.suppress(OSError, EOFError):
            preface = await self.from_client.readexactly(len(PREFACE))
            self.to_gateway.write(preface)
            while preface == PREFACE:
                kind, flags, stream, payload = await read_frame(self.from_client)
                # A call has a message, and what a browser asks before it has none.
                if kind == DATA and stream not in self.faults:
                    self.faults[stream] = self.wire.next_fault()
                if kind == SETTINGS and not flags & ACK:
                    payload += NO_HEADER_TABLE
                self.to_gateway.write(frame(kind, flags, stream, payload))
                await self.to_gateway.drain()

    async def pass_answers(self):
        with contextlib.suppress(OSError, EOFError):
            while True:
                kind, flags, stream, payload = await read_frame(self.from_gateway)
                fault = self.faults.get(stream)
                if fault and kind == HEADERS and stream not in self.answered:
                    if fault == CUT:
                        self.to_client.transport.abort()
                        return
                    self.answered.add(stream)
                    self.to_client.write(frame(HEADERS, END_HEADERS | END_STREAM, stream, ANSWERS[fault]))
                elif stream not in self.answered:
                    self.to_client.write(frame(kind, flags, stream, payload))
                await self.to_client.drain()
