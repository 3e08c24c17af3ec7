"""Home Assistant's WebSocket API: commands, and all states as they change, with the moment they arrived."""

import contextlib
import itertools
import json
import queue
import threading

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from .program import now


class States:
    """Every entity's newest state. Waiting is woken by the change itself, so that latencies are true."""

    def __init__(self):
        self._states = {}
        self._changed = threading.Condition()

    def replace(self, states):
        with self._changed:
            self._states = {s["entity_id"]: (s, now()) for s in states}
            self._changed.notify_all()

    def update(self, entity_id, state):
        with self._changed:
            if state is None:
                self._states.pop(entity_id, None)
            else:
                self._states[entity_id] = (state, now())
            self._changed.notify_all()

    def clear(self):
        self.replace([])

    def get(self, entity_id):
        with self._changed:
            return self._states.get(entity_id, (None, 0))[0]

    def names(self):
        with self._changed:
            return sorted(self._states)

    def wait(self, entity_id, accept, timeout=10.0):
        """(state, moment) of the first state that is accepted; the present one counts."""
        def accepted():
            state, moment = self._states.get(entity_id, (None, now()))
            return (state, moment) if accept(state) else None

        with self._changed:
            result = self._changed.wait_for(accepted, timeout)
            last = self._states.get(entity_id, (None, 0))[0]
        if result is None:
            shown = last and {"state": last["state"], **last["attributes"]}
            raise AssertionError(f"{entity_id} did not become as wanted within {timeout:g} s; it is {shown}")
        return result


class WebSocket:
    def __init__(self, port, token, states):
        self._states = states
        self._ids = itertools.count(1)
        self._answers = {}
        self._sending = threading.Lock()
        self._closing = contextlib.ExitStack()
        self._socket = self._closing.enter_context(
            connect(f"ws://127.0.0.1:{port}/api/websocket", max_size=None, proxy=None))
        assert self._receive()["type"] == "auth_required"
        self._send({"type": "auth", "access_token": token})
        assert self._receive()["type"] == "auth_ok"
        threading.Thread(target=self._read, daemon=True).start()
        self.call("subscribe_events", event_type="state_changed")
        self._states.replace(self.call("get_states"))

    def _receive(self):
        return json.loads(self._socket.recv())

    def _send(self, message):
        self._socket.send(json.dumps(message))

    def _read(self):
        try:
            while True:
                message = self._receive()
                if message["type"] == "event":
                    self._on_event(message["event"])
                elif message["id"] in self._answers:
                    self._answers.pop(message["id"]).put(message)
        except ConnectionClosed:
            self._states.clear()

    def _on_event(self, event):
        if event.get("event_type") == "state_changed":
            self._states.update(event["data"]["entity_id"], event["data"]["new_state"])

    def call(self, command, timeout=10.0, **fields):
        answer = queue.Queue(1)
        with self._sending:
            number = next(self._ids)
            self._answers[number] = answer
            self._send({"id": number, "type": command, **fields})
        message = answer.get(timeout=timeout)
        assert message["success"], f"{command} {fields}: {message['error']}"
        return message["result"]

    def close(self):
        self._closing.close()
