"""What every emulated heater is made of: a server on loopback that answers, remembers what it was told, and can misbehave.

An emulator keeps the vices of the real device in its own file; the vices here are those of any host on a network.
"""

import gzip
import http.server
import json
import socket
import threading
import time

VICES = ["silent", "dribble", "redirect", "endless", "long", "header", "garbage", "corrupt", "refuse"]
MEGABYTE = b"x" * 1048576


class Emulator:
    """start() and stop() may alternate and keep the port: that is the device losing its power."""

    head = b""   # of an answer without a stated end, that vices begin with

    def __init__(self, port=0, address="127.0.0.1"):
        self.address, self.port = address, port
        self.vice = None      # one of VICES, from the next connection on
        self.served = 0       # connections
        self.overlaps = 0     # connections made while another one was served
        self.requests = []    # (monotonic time, what was asked), in order
        self.lock = threading.RLock()
        self._serving = 0
        self._server = None
        self._ended = threading.Event()

    def begin_service(self):
        with self.lock:
            self.served += 1
            self.overlaps += self._serving > 0
            self._serving += 1

    def end_service(self):
        with self.lock:
            self._serving -= 1

    def note(self, what):
        with self.lock:
            self.requests.append((time.monotonic(), what))

    def asked(self, accept):
        """Requests that a predicate accepts."""
        with self.lock:
            return [what for _, what in self.requests if accept(what)]

    def misbehave(self, connection):
        """What is left of a connection once the device has a vice; returns whether it had one."""
        vice = self.vice
        if vice is None:
            return False
        try:
            if vice == "refuse":
                pass
            elif vice == "silent":
                self._ended.wait(60)
            elif vice == "redirect":
                connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")
            elif vice == "garbage":
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n\xff\xfe{\"a\":NaN,]\x00")
            elif vice == "dribble":
                for byte in self.head + b"{" + b" " * 5000:
                    connection.sendall(bytes([byte]))
                    if self._ended.wait(1):
                        break
            elif vice == "corrupt":
                return False  # it answers as ever, and then see spoil()
            else:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: " if vice == "header" else self.head + b'{"a":"')
                sent = 0
                while not self._ended.is_set() and (vice == "endless" or sent < 100):
                    connection.sendall(MEGABYTE)
                    sent += 1
        except OSError:
            pass  # heatbridge has had enough
        return True

    def spoil(self, answer):
        """What the vice "corrupt" makes of bytes on the wire: every seventh is another one."""
        if self.vice != "corrupt":
            return answer
        return bytes(byte ^ 0x55 if n % 7 == 3 else byte for n, byte in enumerate(answer))

    @property
    def where(self):
        return f"{self.address}:{self.port}"

    def start(self):
        self._ended.clear()
        self._server = self.make_server()
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.on_power()
        return self

    def stop(self):
        """The plug is pulled: connections end, state that is not in flash is gone (see on_power)."""
        self._ended.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def on_power(self):
        """Overridden: what the device does when it gets power."""

    def make_server(self):
        raise NotImplementedError


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def handle_one_request(self):
        emulator = self.server.emulator
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline:
            self.close_connection = True
            return
        if not self.parse_request():
            return
        emulator.begin_service()
        try:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if emulator.misbehave(self.connection):
                self.close_connection = True
                return
            emulator.note(f"{self.command} {self.path} {body.decode(errors='replace')}".rstrip())
            status, headers, answer = emulator.answer(self.command, self.path, self.headers, body)
            if emulator.vice == "corrupt":  # the CRC at the end is wrong
                packed = bytearray(gzip.compress(answer))
                packed[-8] ^= 0xFF
                answer, headers = bytes(packed), {**headers, "Content-Encoding": "gzip"}
        except OSError:
            self.close_connection = True
            return
        finally:
            emulator.end_service()  # before the client can know the answer, and ask again on another connection
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
        except OSError:
            self.close_connection = True

    def log_message(self, format, *args):  # noqa: A002: the name is the base class's
        pass


class _HttpServer(http.server.ThreadingHTTPServer):
    """Closing it ends kept connections too, as pulling the plug does."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *args):
        self._open = set()
        super().__init__(*args)

    def process_request(self, request, client_address):
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self):
        super().server_close()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended by itself


class HttpEmulator(Emulator):
    """`answer` returns (status, headers, body as bytes) and is called from several threads: take self.lock."""

    head = b"HTTP/1.1 200 OK\r\n\r\n"

    def make_server(self):
        server = _HttpServer((self.address, self.port), _Handler)
        server.emulator = self
        return server

    @property
    def url(self):
        return f"http://{self.where}"

    def answer(self, method, path, headers, body):
        raise NotImplementedError

    @staticmethod
    def json(value, status=200):
        return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


class _Wire:
    """A connection on which the device's vice spoils what it sends."""

    def __init__(self, emulator, connection):
        self._emulator, self._connection = emulator, connection

    def sendall(self, answer):
        self._connection.sendall(self._emulator.spoil(answer))

    def __getattr__(self, name):
        return getattr(self._connection, name)


class Page(HttpEmulator):
    """The web page beside an API that has a port of its own: all that is known of it is how it begins."""

    def __init__(self, status, headers, body, **network):
        super().__init__(**network)
        self.page = status, headers, body

    def answer(self, method, path, headers, body):
        return self.page if path == "/" else (404, {}, b"")


class _TcpServer:
    """Accepts; `one_at_a_time` makes others wait in the backlog, as single-threaded firmware does."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.socket = socket.create_server((emulator.address, emulator.port), backlog=8)
        self.server_address = self.socket.getsockname()
        self._ended = threading.Event()
        self._done = threading.Event()

    def serve_forever(self, poll_interval):
        try:
            self._accept(poll_interval)
        finally:
            self._done.set()

    def _accept(self, poll_interval):
        self.socket.settimeout(poll_interval)
        while not self._ended.is_set():
            try:
                connection, _ = self.socket.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            connection.settimeout(10)
            if self.emulator.one_at_a_time:
                self._serve(connection)
            else:
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        self.emulator.begin_service()
        try:
            with connection:
                if not self.emulator.misbehave(connection):
                    self.emulator.converse(_Wire(self.emulator, connection))
        except OSError:
            pass
        finally:
            self.emulator.end_service()

    def shutdown(self):
        self._ended.set()
        self._done.wait(30)  # the port is free only when nobody waits on it

    def server_close(self):
        self.socket.close()


class TcpEmulator(Emulator):
    one_at_a_time = True

    def make_server(self):
        return _TcpServer(self)

    def converse(self, connection):
        """One receive, one answer, as cgminer does it; overridden for other framings."""
        request = connection.recv(4095)
        self.note(request.decode(errors="replace"))
        answer = self.answer(request)
        if answer is not None:
            connection.sendall(answer)

    def answer(self, request):
        raise NotImplementedError


class BlackHole:
    """An address where connections are neither taken nor refused: the queue of its listener is full."""

    served = 0   # never

    def __init__(self):
        self.requests, self._sockets = [], []

    def start(self):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        self.where = "127.0.0.1:%d" % listener.getsockname()[1]
        self._sockets = [listener]
        while not self._is_full():
            pass
        return self

    def _is_full(self):
        knock = socket.socket()
        self._sockets.append(knock)
        knock.settimeout(0.5)
        try:
            knock.connect(self._sockets[0].getsockname())
        except TimeoutError:
            return True
        return False

    def stop(self):
        for each in self._sockets:
            each.close()
