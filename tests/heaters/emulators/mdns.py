"""A multicast DNS responder that announces web servers on loopback, as a Bitaxe with firmware of 2026 does."""

import socket
import struct
import threading

GROUP, PORT = "224.0.0.251", 5353
PTR, A, TXT, SRV = 12, 1, 16, 33


def encode(*labels):
    return b"".join(bytes([len(label)]) + label for label in (text.encode() for text in labels)) + b"\0"


def decode(packet, at):
    """Labels of an uncompressed name, and where it ends."""
    labels = []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    return tuple(labels), at + 1


class Service:
    def __init__(self, instance, address, port, txt=(), subtype=None):
        self.instance, self.address, self.port, self.txt = instance, address, port, txt
        self.types = [("_http", "_tcp", "local")]
        if subtype:
            self.types.append((subtype, "_sub", "_http", "_tcp", "local"))

    def answer(self, asked):
        """One packet: the PTR that was asked for, and what belongs to it, names in full."""
        instance = encode(self.instance, "_http", "_tcp", "local")
        host = encode(self.instance.split()[0].lower() + f"-{self.port}", "local")
        records = [(encode(*asked), PTR, 1, instance),
                   (instance, SRV, 0x8001, struct.pack(">HHH", 0, 0, self.port) + host),
                   (instance, TXT, 0x8001, b"".join(bytes([len(t)]) + t.encode() for t in self.txt) or b"\0"),
                   (host, A, 0x8001, socket.inet_aton(self.address))]
        packet = struct.pack(">6H", 0, 0x8400, 0, 1, 0, len(records) - 1)
        for name, kind, kind_class, data in records:
            packet += name + struct.pack(">HHIH", kind, kind_class, 120, len(data)) + data
        return packet


class MdnsResponder:
    def __init__(self, services):
        self.services = services
        self.asked = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind((GROUP, PORT))
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                socket.inet_aton(GROUP) + socket.inet_aton("127.0.0.1"))
        self._socket.settimeout(0.1)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def _serve(self):
        while not self._ended.is_set():
            try:
                packet, sender = self._socket.recvfrom(9000)
            except TimeoutError:
                continue
            flags, questions = struct.unpack(">HH", packet[2:6])
            at = 12
            for _ in range(0 if flags & 0x8000 else questions):
                name, at = decode(packet, at)
                kind, _ = struct.unpack(">HH", packet[at:at + 4])
                at += 4
                self.asked.append((name, kind))
                for service in self.services:
                    if kind == PTR and name in service.types:
                        self._socket.sendto(service.answer(name), sender)
