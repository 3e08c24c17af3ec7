"""The dashboard of the picture: one thermostat card with its heater's figures, as the README shows it."""

import json
import time

from .browser import Browser

PATH = "heat-bridge"


def _tile(entity, name, **more):
    return {"type": "tile", "entity": entity, "name": name, **more}


def save(ha):
    """Stores it through the same commands that the dashboard editor sends."""
    ha.ws("lovelace/dashboards/create", url_path=PATH, title="Heating", mode="storage", require_admin=False,
          show_in_sidebar=True, icon="mdi:radiator")
    figures = [
        {"type": "gauge", "entity": "sensor.living_room_power", "name": "Power", "min": 0, "max": 400,
         "needle": True, "segments": [{"from": 0, "color": "#ffcc80"}, {"from": 130, "color": "#ffa04d"},
                                      {"from": 270, "color": "#ff6f22"}]},
        _tile("sensor.living_room_hashrate", "Hashrate", icon="mdi:pickaxe", color="teal"),
        _tile("sensor.living_room_energy", "Energy", color="green"),
        _tile("sensor.miner_shares_accepted", "Shares accepted", icon="mdi:check-decagram", color="blue"),
        _tile("sensor.miner_best_difficulty", "Best difficulty", icon="mdi:trophy-outline", color="pink"),
        _tile("sensor.living_room_requested_power", "Requested power", icon="mdi:radiator", color="amber"),
        _tile("binary_sensor.miner_pool_connection", "Pool", icon="mdi:server-network", color="light-blue"),
        _tile("sensor.living_room_reason", "Reason", icon="mdi:comment-question-outline", color="purple"),
        _tile("number.living_room_power_limit", "Power limit", icon="mdi:speedometer", color="grey"),
    ]
    thermostat = {"type": "thermostat", "entity": "climate.living_room", "features": [
        {"type": "climate-hvac-modes", "style": "icons", "hvac_modes": ["off", "heat", "auto"]},
        {"type": "climate-preset-modes", "style": "icons",
         "preset_modes": ["home", "away", "eco", "sleep", "boost"]}]}
    thermostat["grid_options"] = {"columns": 12, "rows": "auto"}
    view = {"title": "Heating", "path": "room", "type": "sections", "max_columns": 2, "sections": [
        {"type": "grid", "cards": [thermostat]}, {"type": "grid", "cards": figures}]}
    ha.ws("lovelace/config/save", url_path=PATH, config={"views": [view]})


def log_in(browser, ha):
    """Leaves the tokens where the frontend looks for them; no password is typed."""
    browser.open(ha.url + "/manifest.json")
    tokens = {**ha.tokens, "hassUrl": ha.url, "clientId": ha.client_id,
              "expires": int((time.time() + ha.tokens["expires_in"]) * 1000)}
    browser.run("localStorage.setItem('hassTokens', arguments[0]);"
                "localStorage.setItem('dockedSidebar', '\"always_hidden\"');", json.dumps(tokens))


def picture(ha, path, *texts):
    """Opens it, waits for the texts and saves the picture. Returns all that the page shows."""
    with Browser(900, 600) as browser:
        log_in(browser, ha)
        browser.open(f"{ha.url}/{PATH}/room")
        browser.wait_text(*texts)
        browser.picture(path)
        return browser.text()
