"""The wire between a client and the gateway: passes bytes on, and loses an answer when told to."""

import contextlib
import socket
import threading

# How long a client waits for the lost answer before its connection breaks, in seconds: the gateway has long finished.
LOSS = 0.5
CHUNK = 65536


class Wire:
    """Listens on a port of its own and passes each connection on to the gateway's."""

    def __init__(self, gateway_port):
        self.gateway_port = gateway_port
        self.is_to_lose = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.serve()

    def serve(self):
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def close(self):
        """Lets nobody in any more; connections that are open go on."""
        # Wakes the thread that waits for a connection.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def open(self):
        """Lets callers in again, on the same port."""
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.serve()

    def lose_answer(self):
        """The next request reaches the gateway, and what the gateway answers reaches nobody."""
        self.is_to_lose = True

    def accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                Connection(self, client)


class Connection:
    """One client, and the gateway's end of its connection."""

    def __init__(self, wire, client):
        self.wire, self.client, self.is_lost = wire, client, False
        try:
            self.gateway = socket.create_connection(("127.0.0.1", wire.gateway_port))
        except OSError:
            client.close()
            return
        self.gateway.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, sink in ((self.client, self.gateway), (self.gateway, self.client)):
            threading.Thread(target=self.pass_on, args=(source, sink), daemon=True).start()

    def pass_on(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                if source is self.client and self.wire.is_to_lose:
                    self.wire.is_to_lose, self.is_lost = False, True
                    threading.Timer(LOSS, self.end).start()
                if sink is not self.client or not self.is_lost:
                    sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def end(self):
        for end in (self.client, self.gateway):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
