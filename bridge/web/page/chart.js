"use strict";
/* The chart of one room: temperature and target on the left axis, watts on the right one, time below.
 * Points are {t, room, target, power}: t in seconds of the house's clock, null where not known. */

const Chart = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const INTERVALS = 4; /* between grid lines; both axes share them */
  const MARGIN = { top: 22, right: 50, bottom: 26, left: 36 };
  const SPAN_MIN_S = 600, SPAN_MAX_S = 86400;
  const TIME_STEPS_S = [60, 120, 300, 600, 1200, 1800, 3600, 7200, 10800, 21600];
  const TEMPERATURE_STEPS = [0.5, 1, 2, 2.5, 5, 10, 20, 50];

  function svg(name, attributes, parent) {
    const node = document.createElementNS(SVG, name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (parent) parent.appendChild(node);
    return node;
  }

  const known = v => typeof v === "number" && isFinite(v);

  function temperatureAxis(points) {
    const all = points.flatMap(p => [p.room, p.target]).filter(known);
    let low = all.length ? Math.min(...all) : 19;
    let high = all.length ? Math.max(...all) : 22;
    low -= 0.15;
    high += 0.15;
    for (const step of TEMPERATURE_STEPS) {
      const least = Math.floor(low / step) * step;
      if (least + INTERVALS * step >= high) {
        /* centre the band when there is a whole step to spare */
        const spare = Math.floor((least + INTERVALS * step - high) / step / 2);
        return { low: least - spare * step, step };
      }
    }
    return { low, step: (high - low) / INTERVALS };
  }

  function powerAxis(points, maxPower) {
    const peak = Math.max(40, known(maxPower) ? maxPower : 0, ...points.map(p => p.power || 0));
    const scale = 10 ** Math.floor(Math.log10(peak / INTERVALS));
    const step = [1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10].map(f => f * scale).find(s => s * INTERVALS >= peak);
    return { low: 0, step };
  }

  function timeAxis(points, now, width) {
    const age = points.length ? now - points[0].t : 0;
    const span = Math.min(SPAN_MAX_S, Math.max(SPAN_MIN_S, age));
    const step = TIME_STEPS_S.find(s => span / s <= Math.max(2, width / 60)) || 21600;
    return { from: now - span, to: now, step };
  }

  /* Paths of a series; `stepped` holds each value until the next point. Gaps stay gaps. */
  function runs(points, key) {
    const out = [];
    let run = null;
    for (const p of points) {
      if (known(p[key])) {
        if (!run) out.push(run = []);
        run.push(p);
      } else {
        run = null;
      }
    }
    return out;
  }

  function linePath(points, key, x, y, stepped) {
    return runs(points, key).map(run => {
      let d = "";
      run.forEach((p, i) => {
        const px = x(p.t).toFixed(1), py = y(p[key]).toFixed(1);
        d += i === 0 ? `M${px} ${py}` : stepped ? `H${px}V${py}` : `L${px} ${py}`;
      });
      return run.length === 1 ? d + "h.1" : d;
    }).join("");
  }

  function areaPath(points, key, x, y) {
    const ground = y(0).toFixed(1);
    return runs(points, key).map(run => {
      let d = `M${x(run[0].t).toFixed(1)} ${ground}`;
      for (const p of run) d += `H${x(p.t).toFixed(1)}V${y(p[key]).toFixed(1)}`;
      return d + `V${ground}Z`;
    }).join("");
  }

  function clock(t, offset) {
    return new Date((t + offset) * 1000).toISOString().slice(11, 16);
  }

  class RoomChart {
    constructor(holder, format) {
      this.format = format;
      this.points = [];
      this.holder = holder;
      this.svg = svg("svg", { role: "img" }, holder);
      this.tip = document.createElement("div");
      this.tip.className = "tip";
      this.tip.hidden = true;
      holder.appendChild(this.tip);
      this.svg.addEventListener("pointermove", event => this.point(event));
      this.svg.addEventListener("pointerleave", () => this.point(null));
      new ResizeObserver(() => this.draw()).observe(holder);
    }

    /* `now` in seconds, `offset` of local time in seconds, `maxPower` in watts or null. */
    show(points, now, offset, maxPower) {
      Object.assign(this, { points, now, offset, maxPower });
      this.draw();
    }

    draw() {
      const width = this.holder.clientWidth, height = this.holder.clientHeight;
      if (!width || !height || this.now === undefined) return;
      this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      this.svg.replaceChildren();
      const box = { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom };
      const time = timeAxis(this.points, this.now, box.right - box.left);
      const visible = this.points.filter(p => p.t >= time.from);
      const left = temperatureAxis(visible), right = powerAxis(visible, this.maxPower);
      const x = this.x = t => box.left + (t - time.from) / (time.to - time.from) * (box.right - box.left);
      const scale = axis => v => box.bottom - (v - axis.low) / (axis.step * INTERVALS) * (box.bottom - box.top);
      const y = scale(left), yPower = scale(right);
      this.box = box;
      this.visible = visible;
      this.drawGrid(box, left, right);
      this.drawTimes(box, time, x);
      svg("path", { class: "power-area", d: areaPath(visible, "power", x, yPower) }, this.svg);
      svg("path", { class: "power-line", d: linePath(visible, "power", x, yPower, true) }, this.svg);
      svg("path", { class: "target-line", d: linePath(visible, "target", x, y, true) }, this.svg);
      svg("path", { class: "room-line", d: linePath(visible, "room", x, y, false) }, this.svg);
      this.drawNow(visible, x, y);
      this.drawCursor();
    }

    drawGrid(box, left, right) {
      const decimals = left.step % 1 ? 1 : 0;
      for (let i = 0; i <= INTERVALS; i++) {
        const at = Math.round(box.bottom - i / INTERVALS * (box.bottom - box.top));
        svg("line", { class: "grid", x1: box.left, x2: box.right, y1: at, y2: at }, this.svg);
        svg("text", { x: box.left - 8, y: at + 4, "text-anchor": "end" }, this.svg).textContent =
          (left.low + i * left.step).toFixed(decimals).replace("-", "\u2212");
        svg("text", { x: box.right + 8, y: at + 4 }, this.svg).textContent =
          Math.round(i * right.step).toLocaleString("en");
      }
      svg("text", { class: "unit", x: box.left - 8, y: 9, "text-anchor": "end" }, this.svg).textContent = "°C";
      svg("text", { class: "unit", x: box.right + 8, y: 9 }, this.svg).textContent = "W";
    }

    drawTimes(box, time, x) {
      const first = Math.ceil((time.from + this.offset) / time.step) * time.step - this.offset;
      for (let t = first; t <= time.to; t += time.step) {
        const at = x(t);
        if (at < box.left + 12 || at > box.right - 10) continue;
        svg("text", { x: at, y: box.bottom + 19, "text-anchor": "middle" }, this.svg).textContent = clock(t, this.offset);
      }
    }

    drawNow(visible, x, y) {
      const last = visible[visible.length - 1];
      if (last && known(last.room)) {
        svg("circle", { class: "room-dot", cx: x(last.t), cy: y(last.room), r: 5 }, this.svg);
        this.svg.setAttribute("aria-label", `Room temperature ${this.format.temperature(last.room)}, target ` +
          `${this.format.temperature(last.target)}, power ${this.format.power(last.power)} at ${clock(last.t, this.offset)}`);
      }
      if (visible.length < 2) {
        svg("text", { class: "empty", x: (this.box.left + this.box.right) / 2, y: (this.box.top + this.box.bottom) / 2 - 12, "text-anchor": "middle" },
          this.svg).textContent = "the first minutes are being gathered";
      }
    }

    point(event) {
      this.pointer = event ? event.clientX - this.svg.getBoundingClientRect().left : null;
      this.draw();
    }

    drawCursor() {
      const inside = this.pointer != null && this.visible.length > 0 &&
        this.pointer >= this.box.left - 10 && this.pointer <= this.box.right + 10;
      this.tip.hidden = !inside;
      if (!inside) return;
      const near = this.visible.reduce((best, p) =>
        Math.abs(this.x(p.t) - this.pointer) < Math.abs(this.x(best.t) - this.pointer) ? p : best);
      const at = this.x(near.t);
      svg("line", { class: "cursor", x1: at, x2: at, y1: this.box.top, y2: this.box.bottom }, this.svg);
      this.tip.replaceChildren();
      const head = document.createElement("b");
      head.textContent = clock(near.t, this.offset);
      this.tip.append(head, `${this.format.temperature(near.room)}, target ${this.format.temperature(near.target)}`,
        document.createElement("br"), this.format.power(near.power));
      const width = this.tip.offsetWidth;
      this.tip.style.left = `${Math.min(Math.max(at - width / 2, 0), this.holder.clientWidth - width)}px`;
    }
  }
  return RoomChart;
})();
