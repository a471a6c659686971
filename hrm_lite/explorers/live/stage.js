// What all live pictures share: a root element, an SVG drawn at the pixels that there are, sliders, buttons, a reading.
// Ink is the text colour of the page, so light and dark need no switch; sizes are pixels, so text never shrinks.
const NS = "http://www.w3.org/2000/svg";
const BLUE = "#2b86c5", RED = "#d55e00", GREEN = "#009e73", GREY = "#8a9099";

function el(parent, tag, attributes, text) {
  const html = ["div", "p", "label", "input", "button", "output", "span"].includes(tag);
  const e = html ? document.createElement(tag) : document.createElementNS(NS, tag);
  for (const k in attributes || {}) e.setAttribute(k, attributes[k]);
  if (text !== undefined) e.textContent = text;
  parent.appendChild(e);
  return e;
}

// d: the two ends of the data, r: the two ends in pixels
const linear = (d, r) => (v) => r[0] + ((v - d[0]) / (d[1] - d[0])) * (r[1] - r[0]);
const log = (d, r) => (v) => linear([Math.log(d[0]), Math.log(d[1])], r)(Math.log(Math.max(v, d[0])));

function line(svg, points, attributes) {
  const d = points.map((p, i) => (i ? "L" : "M") + p[0].toFixed(1) + " " + p[1].toFixed(1)).join("");
  return el(svg, "path", Object.assign({ d: d || "M0 0", fill: "none", "stroke-width": 1.8 }, attributes));
}

// a box with axes: {x, y, w, h} in pixels, scales X and Y, ticks [[value, label], …]
function axes(svg, b, X, Y, xticks, yticks, xlabel, ylabel) {
  for (const [v, t] of yticks) {
    line(svg, [[b.x, Y(v)], [b.x + b.w, Y(v)]], { stroke: "currentColor", "stroke-opacity": 0.14, "stroke-width": 1 });
    el(svg, "text", { x: b.x - 6, y: Y(v) + 4, "text-anchor": "end" }, t);
  }
  for (const [v, t] of xticks) el(svg, "text", { x: X(v), y: b.y + b.h + 16, "text-anchor": "middle" }, t);
  line(svg, [[b.x, b.y], [b.x, b.y + b.h], [b.x + b.w, b.y + b.h]], { stroke: "currentColor", "stroke-opacity": 0.6, "stroke-width": 1 });
  el(svg, "text", { x: b.x + b.w / 2, y: b.y + b.h + 33, "text-anchor": "middle" }, xlabel);
  el(svg, "text", { x: b.x - 30, y: b.y - 9 }, ylabel);
}

function stage(id, heights, draw) {
  const root = document.getElementById(id);
  if (!root || root.dataset.started) return null;
  root.dataset.started = "yes";
  root.querySelectorAll(".still").forEach((e) => e.remove());
  const controls = el(root, "div", { class: "controls" });
  const svg = el(root, "svg", { role: "img", "aria-label": root.getAttribute("aria-label") });
  const reading = el(root, "p", { class: "reading", "aria-live": "polite" });
  const S = { root, svg, controls, values: {} };
  S.show = () => {
    const wide = root.clientWidth >= 560;
    S.W = Math.max(280, Math.min(root.clientWidth, 720));
    S.H = wide ? heights[0] : heights[1];
    S.wide = wide;
    svg.setAttribute("width", S.W);
    svg.setAttribute("height", S.H);
    svg.replaceChildren();
    reading.textContent = draw(S);
  };
  S.slider = (name, label, min, max, step, value, format) => {
    const box = el(controls, "label", {});
    el(box, "span", {}, label);
    const input = el(box, "input", { type: "range", min, max, step, value, "aria-label": label });
    const out = el(box, "output", {});
    const set = () => {
      S.values[name] = +input.value;
      out.textContent = (format || String)(+input.value);
    };
    input.addEventListener("input", () => { set(); S.show(); });
    set();
    S["set_" + name] = (v) => { input.value = v; set(); };
  };
  S.button = (label, press) => {
    const b = el(controls, "button", { type: "button" }, label);
    b.addEventListener("click", () => { press(b); S.show(); });
    return b;
  };
  // steps on a timer while its button is pressed; the reader starts it
  S.player = (label, step, milliseconds) => {
    let timer = null;
    const b = S.button("▶ " + label, () => {
      if (timer) { clearInterval(timer); timer = null; }
      else timer = setInterval(() => { if (step() === false) { clearInterval(timer); timer = null; b.textContent = "▶ " + label; } S.show(); }, milliseconds);
      b.textContent = timer ? "❚❚ pause" : "▶ " + label;
    });
  };
  // a dot that is dragged, or moved with the arrow keys; at: pixels, move: what to do with the new pixels
  S.handle = (name, at, step, move) => {
    const dot = el(svg, "circle", { cx: at[0], cy: at[1], r: 9, fill: RED, "fill-opacity": 0.85, tabindex: 0, role: "slider", "aria-label": name, "aria-valuenow": step.now.toFixed(2), style: "cursor:grab;touch-action:none" });
    dot.addEventListener("pointerdown", (down) => {
      down.preventDefault();
      const box = svg.getBoundingClientRect();
      const go = (e) => { move(e.clientX - box.left, e.clientY - box.top); S.show(); };
      const stop = () => { removeEventListener("pointermove", go); removeEventListener("pointerup", stop); };
      addEventListener("pointermove", go);
      addEventListener("pointerup", stop);
    });
    dot.addEventListener("keydown", (e) => {
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[e.key];
      if (!by) return;
      e.preventDefault();
      step.by(by);
      S.show();
      svg.querySelector("circle[tabindex]").focus();
    });
  };
  S.start = () => {
    S.show();
    new ResizeObserver(() => { if (Math.abs(Math.min(root.clientWidth, 720) - S.W) > 4 && root.clientWidth) S.show(); }).observe(root);
  };
  return S;
}
