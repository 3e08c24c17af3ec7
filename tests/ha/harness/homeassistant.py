"""A real Home Assistant: started, onboarded without a browser, joined to the broker, and asked."""

import json
import pathlib
import re
import shutil
import string
import urllib.error
import urllib.parse
import urllib.request

from .lane import remove_home
from .program import Program, free_port
from .waiting import wait_for
from .websocket import States, WebSocket

HERE = pathlib.Path(__file__).parent.parent
USER, PASSWORD = "heat", "heat-and-hashes"

# What these versions say about their own machine, whatever heatbridge does. Nothing here may match our topics.
FOREIGN_NOISE = [
    r"\[homeassistant\.bootstrap\] Skipping pip installation of required modules",
    r"\[homeassistant\.bootstrap\] Support for the running Python version 3\.11\.\d+ is deprecated",
    r"\[haffmpeg\.(core|tools)\] (FFmpeg fails \[Errno 2\]|Error starting FFmpeg\.)",
]
_COMPLAINT = re.compile(r"^\d{4}-\d\d-\d\d [\d:.+]+ (WARNING|ERROR|CRITICAL) ")


class HomeAssistant(Program):
    def __init__(self, lane, broker_port, units="metric"):
        self.lane, self.units, self._broker_port = lane, units, broker_port
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.client_id = self.url + "/"
        self.home = lane.make_home()
        self.tokens = None
        self.states = States()
        self._socket = None
        self._write_configuration()
        super().__init__(f"home assistant ({lane.name})", lane.argv(self.home))

    def _write_configuration(self):
        template = string.Template((HERE / "configuration.yaml").read_text(encoding="utf-8"))
        text = template.substitute(port=self.port, units=self.units)
        (self.home / "configuration.yaml").write_text(text, encoding="utf-8")
        shutil.copy(HERE / "automations.yaml", self.home / "automations.yaml")
        storage = self.home / ".storage"
        storage.mkdir()
        (storage / "onboarding").write_text(json.dumps({
            "version": 4, "minor_version": 1, "key": "onboarding",
            "data": {"done": ["core_config", "analytics", "integration"]}}), encoding="utf-8")

    # ---- life --------------------------------------------------------------------------------------------

    def start(self):
        super().start()
        self.wait_listening(self.port, 60)
        is_new = self.tokens is None
        if is_new:
            self._onboard()
        self._socket = WebSocket(self.port, self.tokens["access_token"], self.states)
        if is_new:
            self._add_mqtt()
        if is_new and self.lane.modern:
            self.ws("http/config/promote")      # or it goes back to its standard port after five minutes
        wait_for(lambda: self.ws("get_config")["state"] == "RUNNING", "Home Assistant is running", 60)
        return self

    def stop(self, timeout=30.0):
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        return super().stop(timeout)

    def close(self):
        self.stop()
        remove_home(self.home)

    def _onboard(self):
        """Makes the owner. The other steps were marked done beforehand: they would fetch weather and radio."""
        user = self.rest("POST", "/api/onboarding/users", {
            "client_id": self.client_id, "name": USER, "username": USER, "password": PASSWORD, "language": "en"})
        form = urllib.parse.urlencode({
            "grant_type": "authorization_code", "code": user["auth_code"], "client_id": self.client_id})
        with urllib.request.urlopen(self.url + "/auth/token", form.encode(), 10) as answer:
            self.tokens = json.load(answer)

    def _add_mqtt(self):
        """Through the same form that a user fills in; newer ones have a section for everything optional."""
        flows = "/api/config/config_entries/flow"
        flow = self.rest("POST", flows, {"handler": "mqtt", "show_advanced_options": False})
        answers = {"broker": "127.0.0.1", "port": self._broker_port}
        if any(field["name"] == "other_settings" for field in flow["data_schema"]):
            answers["other_settings"] = {"set_client_cert": False, "set_ca_cert": "off"}
        result = self.rest("POST", f"{flows}/{flow['flow_id']}", answers)
        assert result["type"] == "create_entry", result

    # ---- its APIs ----------------------------------------------------------------------------------------

    def rest(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method)
        if self.tokens:
            request.add_header("Authorization", "Bearer " + self.tokens["access_token"])
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error

    def ws(self, command, **fields):
        return self._socket.call(command, **fields)

    def call(self, service, **data):
        """call("climate.set_temperature", entity_id=..., temperature=21)"""
        return self.rest("POST", "/api/services/" + service.replace(".", "/"), data)

    def say(self, sentence):
        """Speaks to the voice assistant. Returns (kind of response, spoken answer)."""
        answer = self.rest("POST", "/api/conversation/process", {"text": sentence, "language": "en"})["response"]
        return answer["response_type"], answer["speech"]["plain"]["speech"]

    # ---- what it knows -----------------------------------------------------------------------------------

    def state(self, entity_id):
        return self.states.get(entity_id)

    def wait_state(self, entity_id, accept, timeout=10.0):
        """(state, moment) once the entity exists and is accepted."""
        return self.states.wait(entity_id, lambda s: s is not None and accept(s), timeout)

    def wait_available(self, *entity_ids, timeout=20.0):
        for entity_id in entity_ids:
            self.wait_state(entity_id, lambda s: s["state"] not in ("unavailable", "unknown"), timeout)

    def registry(self):
        """Registry entries of the MQTT entities by entity id."""
        entries = self.ws("config/entity_registry/list")
        return {e["entity_id"]: e for e in entries if e["platform"] == "mqtt"}

    def devices(self):
        """Registered MQTT devices by name."""
        entry = next(e for e in self.ws("config_entries/get") if e["domain"] == "mqtt")
        devices = self.ws("config/device_registry/list")
        return {d["name"]: d for d in devices if entry["entry_id"] in d["config_entries"]}

    def complaints(self, since=0, until=None, allowed=()):
        """Warnings and errors in its log that are neither foreign noise nor expected by the test."""
        patterns = [re.compile(p) for p in (*FOREIGN_NOISE, *allowed)]
        return [line for line in self.lines[since:until]
                if _COMPLAINT.match(line) and not any(p.search(line) for p in patterns)]
