"""The read-only cgminer API on TCP 4028 that Antminers have beside their web page, for clients that look there."""

import json

from .base import TcpEmulator


class CgminerApi(TcpEmulator):
    """`sections` maps commands to functions that return their part of the answer."""

    def __init__(self, sections, description="cgminer 1.0.0", port=0, address="127.0.0.1"):
        super().__init__(port, address)
        self.sections, self.description = sections, description

    def answer(self, request):
        try:
            command = json.loads(request)["command"]
        except (ValueError, KeyError, TypeError):
            command = request.decode(errors="replace").strip()
        if "+" in command:
            return json.dumps({name: [self.one(name)] for name in command.split("+")}).encode() + b"\0"
        return json.dumps(self.one(command)).encode() + b"\0"

    def one(self, command):
        section = self.sections.get(command)
        letter = "S" if section else "E"
        status = {"STATUS": [{"STATUS": letter, "When": 1755615295, "Code": 11 if section else 14,
                              "Msg": command if section else "Invalid command", "Description": self.description}], "id": 1}
        return {**(section() if section else {}), **status}
