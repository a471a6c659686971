// What all live pictures share: a root element, an SVG drawn at the pixels that there are, sliders, buttons, a reading.
// Sizes are pixels, so text never shrinks. Ink is the text colour of the page; whether that is light says which theme it is.
const NS = "http://www.w3.org/2000/svg";
const BLUE = "var(--blue)", RED = "var(--red)", GREEN = "var(--green)", GREY = "var(--grey)", PURPLE = "var(--purple)";
const INK = "currentColor";

function el(parent, tag, attributes, text) {
  const html = ["div", "p", "label", "input", "button", "output", "span"].includes(tag);
  const e = html ? document.createElement(tag) : document.createElementNS(NS, tag);
  for (const k in attributes || {}) e.setAttribute(k, attributes[k]);
  if (text !== undefined) e.textContent = text;
  parent.appendChild(e);
  return e;
}

// a number as it is written: with a minus sign, not a hyphen
const say = (v, digits) => v.toFixed(digits).replace(/^-(?=0\.?0*$)/, "").replace("-", "−");

// d: the two ends of the data, r: the two ends in pixels
const linear = (d, r) => (v) => r[0] + ((v - d[0]) / (d[1] - d[0])) * (r[1] - r[0]);
const log = (d, r) => (v) => linear([Math.log(d[0]), Math.log(d[1])], r)(Math.log(Math.max(v, d[0])));

function line(svg, points, attributes) {
  const d = points.map((p, i) => (i ? "L" : "M") + p[0].toFixed(1) + " " + p[1].toFixed(1)).join("");
  return el(svg, "path", Object.assign({ d: d || "M0 0", fill: "none", "stroke-width": 1.8, "stroke-linejoin": "round" }, attributes));
}

function write(svg, x, y, text, attributes) {
  return el(svg, "text", Object.assign({ x, y }, attributes), text);
}

// words in the colours of what they name, side by side
function legend(svg, x, y, entries) {
  const text = el(svg, "text", { x, y });
  entries.forEach(([name, ink], i) => el(text, "tspan", { fill: ink, dx: i ? 12 : 0, "font-weight": ink === INK ? 400 : 600 }, name));
}

// a box with axes: {x, y, w, h} in pixels, scales X and Y, ticks [[value, label], …]
function axes(svg, b, X, Y, xticks, yticks, xlabel, ylabel) {
  for (const [v, t] of yticks) {
    line(svg, [[b.x, Y(v)], [b.x + b.w, Y(v)]], { stroke: INK, "stroke-opacity": 0.14, "stroke-width": 1 });
    write(svg, b.x - 6, Y(v) + 4, t, { "text-anchor": "end" });
  }
  for (const [v, t] of xticks) write(svg, X(v), b.y + b.h + 16, t, { "text-anchor": "middle" });
  line(svg, [[b.x, b.y], [b.x, b.y + b.h], [b.x + b.w, b.y + b.h]], { stroke: INK, "stroke-opacity": 0.6, "stroke-width": 1 });
  write(svg, b.x + b.w / 2, b.y + b.h + 33, xlabel, { "text-anchor": "middle" });
  write(svg, b.x - 30, b.y - 9, ylabel);
}

function stage(id, heights, draw) {
  // the same picture may stand in a page twice, with the same name: each script takes one that no script has taken
  const root = [...document.querySelectorAll(`[id="${id}"]`)].find((e) => !e.dataset.started);
  if (!root) return null;
  root.dataset.started = "yes";
  root.querySelectorAll(".still").forEach((e) => e.remove());
  const controls = el(root, "div", { class: "controls" });
  const svg = el(root, "svg", { role: "img", "aria-label": root.getAttribute("aria-label") });
  const reading = el(root, "p", { class: "reading", "aria-live": "polite" });
  const S = { root, svg, values: {} };
  S.show = () => {
    const ink = (getComputedStyle(root).color.match(/[\d.]+/g) || []).slice(0, 3).map(Number);
    root.classList.toggle("dark", ink[0] + ink[1] + ink[2] > 384);
    S.wide = root.clientWidth >= 560;
    S.W = Math.max(280, Math.min(root.clientWidth, 720));
    svg.setAttribute("width", S.W);
    svg.setAttribute("height", heights[S.wide ? 0 : 1]);
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
      input.setAttribute("aria-valuetext", out.textContent);
    };
    input.addEventListener("input", () => { set(); S.show(); });
    set();
    return (v) => { input.value = v; set(); };   // moves it, for a player
  };
  let row;
  S.button = (label, press) => {
    row = row || el(controls, "div", { class: "buttons" });
    const b = el(row, "button", { type: "button" }, label);
    b.addEventListener("click", () => { press(b); S.show(); });
    return b;
  };
  // steps on a timer from a press of its button to the next, or until step() is false; nothing moves unasked,
  // but where a picture calls what this returns, and asks first whether the reader wants no motion
  S.player = (label, step, milliseconds) => {
    let timer = null;
    const play = (on) => {
      clearInterval(timer);
      timer = on ? setInterval(() => { if (!root.isConnected || step() === false) play(false); S.show(); }, milliseconds) : null;
      b.textContent = on ? "❚❚ pause" : "▶ " + label;
      reading.setAttribute("aria-live", on ? "off" : "polite");   // nobody can listen to two sentences a second
    };
    const b = S.button("▶ " + label, () => play(!timer));
    return play;
  };
  // a dot on the x axis of the data, from ends[0] to ends[1], that is dragged, or moved with the arrow keys
  S.handle = (name, X, y, ends, now, move) => {
    const dot = el(svg, "circle", { cx: X(now), cy: y, r: 9, fill: RED, tabindex: 0, role: "slider", "aria-label": name, "aria-valuemin": ends[0], "aria-valuemax": ends[1], "aria-valuenow": say(now, 2).replace("−", "-"), style: "cursor:grab;touch-action:none" });
    const to = (v) => {
      const focused = document.activeElement === svg.querySelector("[tabindex]");
      move(Math.max(ends[0], Math.min(ends[1], v)));
      S.show();
      if (focused) svg.querySelector("[tabindex]").focus({ preventScroll: true });
    };
    svg.setAttribute("role", "group");
    dot.addEventListener("pointerdown", (down) => {
      down.preventDefault();
      dot.focus({ preventScroll: true });
      const go = (e) => {
        if (e.pointerId !== down.pointerId) return;
        to(ends[0] + ((e.clientX - svg.getBoundingClientRect().left - X(ends[0])) / (X(ends[1]) - X(ends[0]))) * (ends[1] - ends[0]));
      };
      const stop = () => {
        removeEventListener("pointermove", go);
        for (const end of ["pointerup", "pointercancel"]) removeEventListener(end, stop);
      };
      // the dot is drawn anew at each move, so it is the window that hears where the finger goes
      addEventListener("pointermove", go);
      for (const end of ["pointerup", "pointercancel"]) addEventListener(end, stop);
    });
    dot.addEventListener("keydown", (e) => {
      const by = { ArrowLeft: -0.1, ArrowDown: -0.1, ArrowRight: 0.1, ArrowUp: 0.1, PageDown: -0.5, PageUp: 0.5, Home: -99, End: 99 }[e.key];
      if (!by) return;
      e.preventDefault();
      to(now + by);
    });
  };
  S.start = () => {
    S.show();
    new ResizeObserver(() => { if (root.clientWidth && Math.abs(Math.max(280, Math.min(root.clientWidth, 720)) - S.W) > 4) S.show(); }).observe(root);
    // pages change their theme by an attribute of one of these
    const look = new MutationObserver(() => setTimeout(S.show, 60));
    for (const e of [document.documentElement, document.body]) look.observe(e, { attributes: true, attributeFilter: ["data-theme", "data-jp-theme-light", "theme", "class"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", S.show);
  };
  return S;
}
