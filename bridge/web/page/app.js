"use strict";
/* The page: shows the snapshots that heatbridge sends over /ws and posts what a person asks for. */

const MISSING = "\u2013";
const THIN = "\u202f"; /* narrow no-break space between number and unit */
const byId = id => document.getElementById(id);
const known = v => typeof v === "number" && isFinite(v);

/* --- words and numbers --- */

const grouped = (v, decimals) =>
  v.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).replace("-", "\u2212");

function prefixed(v, unit) {
  const prefixes = ["", "k", "M", "G", "T", "P", "E"];
  let i = 0;
  while (Math.abs(v) >= 999.5 && i < prefixes.length - 1) {
    v /= 1000;
    i++;
  }
  const digits = v >= 99.95 || v === 0 ? 0 : v >= 9.995 ? 1 : 2;
  return grouped(v, i === 0 && Number.isInteger(v) ? 0 : digits) + THIN + prefixes[i] + unit;
}

const format = {
  degrees: v => known(v) ? grouped(v, 1) : MISSING,
  temperature: v => known(v) ? grouped(v, 1) + THIN + "°C" : MISSING,
  power: v => known(v) ? grouped(Math.round(v), 0) + THIN + "W" : MISSING,
  hashrate: v => known(v) ? prefixed(v, "H/s") : MISSING,
  energy: v => !known(v) ? MISSING : v < 1000 ? grouped(Math.round(v), 0) + THIN + "Wh"
    : grouped(v / 1000, v < 1e5 ? 2 : 0) + THIN + "kWh",
  count: v => known(v) ? grouped(v, 0) : MISSING,
  difficulty: v => known(v) ? prefixed(v, "").trim().replace(/\u202f$/, "") : MISSING,
  sentence: text => text ? text[0].toUpperCase() + text.slice(1) + "." : "",
  word: text => text ? (text[0].toUpperCase() + text.slice(1)).replace(/_/g, " ") : "",
  clock: (ms, offset) => new Date(ms + offset * 1000).toISOString().slice(11, 16),
};

/* --- small DOM helpers --- */

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const key in attributes) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), attributes[key]);
    else node.setAttribute(key, attributes[key]);
  }
  node.append(...children);
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function setStrip(node, text) {
  node.hidden = !text;
  setText(node, text || "");
}

let toastTimer;
function toast(text) {
  const node = byId("toast");
  setText(node, text);
  node.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { node.hidden = true; }, 6000);
}

/* --- asking for something --- */

async function ask(room, wish) {
  try {
    const answer = await fetch("/api/room/" + room, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(wish),
    });
    if (!answer.ok) toast(format.sentence((await answer.json()).error));
  } catch (error) {
    toast("heatbridge could not be reached. Nothing was changed.");
  }
}

/* --- one room --- */

class RoomCard {
  constructor(room) {
    this.id = room.id;
    this.history = [];
    this.wanted = null; /* a target asked for that no snapshot shows yet */
    this.build(room);
  }

  build(room) {
    const heading = el("h2", { id: "room-" + room.id });
    this.name = heading;
    this.window = el("span", { class: "chip" });
    this.action = el("span", { class: "chip" });
    this.reason = el("p", { class: "reason", "aria-live": "polite" });
    const history = el("div", { class: "history" }, this.buildLegend(), this.chartHolder = el("div", { class: "chart" }));
    this.node = el("article", { class: "card room", "aria-labelledby": "room-" + room.id },
      el("header", { class: "room-head" }, heading, this.window, this.action), this.reason,
      el("div", { class: "room-body" }, this.buildClimate(room), history, this.buildFigures()));
    this.chart = new Chart(this.chartHolder, format);
  }

  buildLegend() {
    const entry = (kind, text) => el("span", { class: kind }, el("i", {}), text);
    return el("div", { class: "legend", "aria-hidden": "true" },
      entry("is-room", "Room"), entry("is-target", "Target"), entry("is-power", "Power"));
  }

  buildClimate(room) {
    this.now = el("span", { class: "value" });
    this.around = el("p", { class: "around" });
    this.target = el("output", { "aria-live": "polite" });
    this.lower = el("button", { type: "button", onclick: () => this.nudge(-1) }, "\u2212");
    this.higher = el("button", { type: "button", onclick: () => this.nudge(1) }, "+");
    this.modes = ["off", "heat", "auto"].map(mode => el("button", {
      type: "button", "data-mode": mode, onclick: () => ask(this.id, { mode }),
    }, format.word(mode)));
    this.presets = room.presets.map(preset => el("button", {
      type: "button", "data-preset": preset.name, onclick: () => this.choosePreset(preset.name),
    }, format.word(preset.name), el("span", {}, grouped(preset.target_c, preset.target_c % 1 ? 1 : 0) + "°")));
    const modes = el("div", { class: "modes", role: "group", "aria-label": "Mode" }, ...this.modes);
    const presets = el("div", { class: "presets", role: "group", "aria-label": "Preset" }, ...this.presets);
    presets.hidden = this.presets.length === 0;
    return el("div", { class: "climate" },
      el("div", {}, el("div", { class: "now" }, this.now, el("span", { class: "unit" }, "°C")), this.around),
      el("div", {}, el("span", { class: "label" }, "Target"), el("div", { class: "stepper" }, this.lower, this.target, this.higher)),
      modes, presets);
  }

  buildFigures() {
    this.figures = {};
    const figure = (key, label) => {
      const small = el("small", {}), value = el("span", {});
      this.figures[key] = { value, small };
      return el("div", {}, el("dt", {}, label), el("dd", {}, value, small));
    };
    return el("dl", { class: "figures" }, figure("power", "Power"), figure("hashrate", "Hashrate"),
      figure("shares", "Accepted shares"), figure("energy", "Energy"));
  }

  /* Several presses become one request, sent when the finger rests. */
  nudge(direction) {
    const room = this.room;
    const from = this.wanted !== null ? this.wanted : known(room.target_c) ? room.target_c : room.min_target_c;
    const steps = Math.round((from + direction * room.step_c) / room.step_c);
    this.wanted = Math.min(room.max_target_c, Math.max(room.min_target_c, Number((steps * room.step_c).toFixed(2))));
    this.showTarget();
    clearTimeout(this.sendTimer);
    clearTimeout(this.giveUpTimer);
    this.sendTimer = setTimeout(() => ask(this.id, { target: this.wanted }), 450);
    this.giveUpTimer = setTimeout(() => { this.wanted = null; this.showTarget(); }, 5000);
  }

  choosePreset(name) {
    this.wanted = null;
    ask(this.id, { preset: this.room.preset === name ? "none" : name });
  }

  showTarget() {
    const room = this.room;
    if (this.wanted !== null && known(room.target_c) && Math.abs(room.target_c - this.wanted) < 0.01) this.wanted = null;
    const target = this.wanted !== null ? this.wanted : room.target_c;
    setText(this.target, format.temperature(target));
    this.target.classList.toggle("pending", this.wanted !== null);
    const step = format.temperature(room.step_c);
    this.lower.setAttribute("aria-label", `Lower the target of ${room.name} by ${step}`);
    this.higher.setAttribute("aria-label", `Raise the target of ${room.name} by ${step}`);
    this.lower.disabled = known(target) && target <= room.min_target_c;
    this.higher.disabled = known(target) && target >= room.max_target_c;
  }

  show(room, state) {
    this.room = room;
    setText(this.name, room.name);
    setText(this.now, format.degrees(room.room_c));
    const around = [];
    if (known(room.humidity)) around.push(grouped(room.humidity, 0) + THIN + "% humidity");
    if (known(room.outdoor_c)) around.push(format.temperature(room.outdoor_c) + " outside");
    around.forEach((text, i) => setText(this.around.children[i] || this.around.appendChild(el("span", {})), text));
    while (this.around.children.length > around.length) this.around.lastChild.remove();
    this.window.hidden = room.window === null;
    setText(this.window, "Window " + room.window);
    this.window.className = "chip " + (room.window || "");
    setText(this.action, room.available ? format.word(room.action) : "No temperature");
    this.action.className = "chip " + (room.available ? room.action : "bad");
    setText(this.reason, format.sentence(room.reason_text));
    this.showTarget();
    for (const button of this.modes) button.setAttribute("aria-pressed", button.dataset.mode === room.mode);
    for (const button of this.presets) button.setAttribute("aria-pressed", button.dataset.preset === room.preset);
    this.showFigures(room);
    this.extend(room, state);
  }

  showFigures(room) {
    const set = (key, value, small) => {
      setText(this.figures[key].value, value);
      setText(this.figures[key].small, small);
    };
    const limited = known(room.power_limit_w) && room.power_limit_w < room.max_w;
    const limit = limited ? `, limit ${format.power(room.power_limit_w)}` : "";
    set("power", format.power(room.power_w), `${format.power(room.requested_w)} requested${limit}`);
    set("hashrate", format.hashrate(room.hashrate_hs), room.heaters.length === 1 ? "1 heater" : `${room.heaters.length} heaters`);
    set("shares", format.count(room.shares_accepted), `${format.count(room.shares_rejected)} rejected`);
    set("energy", format.energy(room.energy_wh), "in total");
  }

  /* Points of /api/history replace what was gathered before. */
  fill(series) {
    this.history = series.time_s.map((t, i) => ({
      t, room: series.room_c[i], target: series.target_c[i], power: series.power_w[i],
    }));
    this.spacing = this.history.length > 1
      ? (this.history[this.history.length - 1].t - this.history[0].t) / (this.history.length - 1) : 10;
  }

  extend(room, state) {
    const now = state.time_ms / 1000;
    const live = { t: now, room: room.room_c, target: room.target_c, power: room.power_w };
    const last = this.history[this.history.length - 1];
    if (last && now < last.t - 1) this.history = []; /* the clock of the house was set back */
    if (!last || now - last.t >= Math.max(5, this.spacing || 0)) this.history.push(live);
    if (this.history.length > 1500) this.history = this.history.filter((_, i) => i % 2);
    this.chart.show([...this.history, live], now, state.utc_offset_s, room.max_w);
  }
}

/* --- one heater --- */

class HeaterCard {
  constructor() {
    this.name = el("h3", {});
    this.where = el("span", { class: "where" });
    this.chip = el("span", { class: "chip" });
    this.watts = el("b", {});
    this.origin = el("span", {});
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    bar.setAttribute("preserveAspectRatio", "none");
    bar.setAttribute("viewBox", "0 0 100 1");
    this.fillBar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    this.fillBar.setAttribute("height", "1");
    bar.append(this.fillBar);
    this.facts = el("dl", { class: "facts" });
    this.problem = el("p", { class: "problem", role: "status" });
    this.node = el("article", { class: "card heater" },
      el("header", { class: "heater-head" }, this.name, this.where, this.chip),
      el("p", { class: "watts" }, this.watts, this.origin),
      el("div", { class: "bar", "aria-hidden": "true" }, bar), this.facts, this.problem);
    this.rows = {};
  }

  fact(key, label, value, kind) {
    if (!this.rows[key]) {
      const dt = el("dt", {}, label), text = el("span", {}), dd = el("dd", {}, text);
      this.rows[key] = { dt, dd, text };
      this.facts.append(dt, dd);
    }
    const row = this.rows[key];
    row.dt.hidden = row.dd.hidden = value === null;
    setText(row.text, value || "");
    row.text.className = kind || "";
  }

  show(heater, rooms) {
    const room = rooms.find(r => r.id === heater.room);
    setText(this.name, heater.name);
    setText(this.where, room ? room.name : "in no room");
    this.chip.hidden = heater.available;
    this.chip.className = "chip bad";
    setText(this.chip, "Does not answer");
    setText(this.watts, format.power(heater.power_w));
    const max = known(heater.max_w) ? `of ${format.power(heater.max_w)} \u00b7 ` : "";
    setText(this.origin, max + (known(heater.power_w) ? heater.power_from : "power not known"));
    const ratio = known(heater.power_w) && heater.max_w > 0 ? Math.min(1, Math.max(0, heater.power_w / heater.max_w)) : 0;
    this.fillBar.setAttribute("width", String(100 * ratio));
    this.showFacts(heater);
    this.problem.hidden = !heater.problem;
    setText(this.problem, format.sentence(heater.problem));
  }

  showFacts(heater) {
    const temperatures = [["chip", heater.chip_c], ["board", heater.board_c], ["inlet", heater.inlet_c]]
      .filter(([, v]) => known(v)).map(([what, v]) => `${what} ${format.temperature(v)}`).join(" \u00b7 ");
    const mines = heater.pool_link !== "none";
    const failed = { pending: "waiting for confirmation", failed: "refused by the heater", expired: "expired" }[heater.command];
    this.fact("command", "Asked for", !known(heater.commanded_w) ? "only watched, takes no commands" : format.power(heater.commanded_w) + (failed ? `, ${failed}` : ""));
    this.fact("hashrate", "Hashrate", mines || known(heater.hashrate_hs) ? format.hashrate(heater.hashrate_hs) : null);
    this.fact("temperature", "Temperature", temperatures || null);
    this.fact("fan", "Fan", known(heater.fan_ratio) ? grouped(100 * heater.fan_ratio, 0) + THIN + "%" : null);
    this.fact("model", "Calls itself", heater.model || null);
    this.fact("pool", "Pool", !mines ? null : heater.pool || { connecting: "connecting", lost: "no pool answers" }[heater.pool_link] || MISSING, heater.pool_link);
    this.fact("shares", "Shares", mines ? `${format.count(heater.shares_accepted)} accepted \u00b7 ${format.count(heater.shares_rejected)} rejected` : null);
    this.fact("best", "Best difficulty", mines ? format.difficulty(heater.best_difficulty) : null);
    this.fact("energy", "Energy in total", known(heater.energy_wh) ? format.energy(heater.energy_wh) : null);
  }
}

/* --- the whole page --- */

const cards = { rooms: new Map(), heaters: new Map() };
let noticeSeen = null;

/* One card per item, in the order of the list. */
function arrange(holder, map, items, make) {
  for (const item of items) if (!map.has(item.id)) map.set(item.id, make(item));
  for (const id of [...map.keys()]) if (!items.some(item => item.id === id)) map.delete(id);
  const nodes = items.map(item => map.get(item.id).node);
  if (nodes.length !== holder.children.length || nodes.some((node, i) => holder.children[i] !== node)) holder.replaceChildren(...nodes);
}

function showNotice(notice) {
  const seq = notice ? notice.seq : 0;
  if (noticeSeen !== null && seq > noticeSeen) toast(format.sentence(notice.text));
  noticeSeen = seq;
}

function showState(state) {
  setText(byId("clock"), format.clock(state.time_ms, state.utc_offset_s));
  setText(byId("version"), "heatbridge " + state.version);
  setStrip(byId("note"), state.note && format.word(state.note));
  setStrip(byId("mqtt"), state.mqtt && !state.mqtt.connected
    ? "Home Assistant is out of reach: " + (state.mqtt.problem || "no connection to the MQTT broker") + ". Heating goes on." : "");
  arrange(byId("rooms"), cards.rooms, state.rooms, room => new RoomCard(room));
  arrange(byId("heaters"), cards.heaters, state.heaters, () => new HeaterCard());
  byId("nothing").hidden = state.rooms.length > 0;
  byId("heaters-section").hidden = state.heaters.length === 0;
  for (const room of state.rooms) cards.rooms.get(room.id).show(room, state);
  for (const heater of state.heaters) cards.heaters.get(heater.id).show(heater, state.rooms);
  const first = state.rooms[0];
  document.title = first && known(first.room_c) ? `${format.temperature(first.room_c)} ${first.name} \u00b7 heatbridge` : "heatbridge";
  showNotice(state.notice);
}

/* --- the line to heatbridge --- */

let retryMs = 500;
let lastState = null;

function setLink(word, text) {
  byId("link").className = "pill " + word;
  setText(byId("link"), text);
  document.body.classList.toggle("gone", word === "gone");
  setStrip(byId("lost"), word === "gone" ? "The connection to heatbridge is lost. What you see is from " +
    (lastState ? format.clock(lastState.time_ms, lastState.utc_offset_s) : "before") + "; trying again \u2026" : "");
}

function receive(state) {
  lastState = state;
  showState(state);
  setLink("live", "live");
}

async function load(path) {
  const answer = await fetch(path);
  return answer.ok ? answer.json() : null;
}

/* What happened before this page was opened. */
async function loadPast() {
  try {
    const [history, state] = await Promise.all([load("/api/history"), load("/api/state")]);
    if (!history || !state) return;
    receive(state);
    for (const id in history.rooms) {
      const card = cards.rooms.get(id);
      if (card) card.fill(history.rooms[id]);
    }
    showState(lastState);
  } catch (error) {
    /* the WebSocket's own end tells that heatbridge is away */
  }
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss://" : "ws://";
  const socket = new WebSocket(scheme + location.host + "/ws");
  socket.onopen = () => {
    retryMs = 500;
    loadPast();
  };
  socket.onmessage = event => receive(JSON.parse(event.data));
  socket.onclose = () => {
    setLink("gone", "offline");
    setTimeout(connect, retryMs * (0.75 + Math.random() / 2));
    retryMs = Math.min(8000, retryMs * 1.7);
  };
}

loadPast();
connect();
