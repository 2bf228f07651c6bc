"use strict";
// Elements, numbers, tooltips, and the charts that all sections use. Text is never parsed as HTML.
const DATA = JSON.parse(document.getElementById("data").textContent);
const COLOUR = ["first", "second", "third", "rest"];
const byId = name => document.getElementById(name);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat());
  return element;
}
const make = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);
const draw = (name, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

const show = (value, digits = 4) => {
  if (value === null || value === undefined) return "–";
  if (Number.isInteger(value) && Math.abs(value) > 1) return value.toLocaleString("en-US");
  const text = value.toFixed(digits);
  return Number(text) === 0 ? (0).toFixed(digits) : text.replace("-", "−");
};
const percent = value => `${Math.round(100 * value)}%`;
const CONFIDENCE = percent(DATA.confidence);

// Tooltips: what an element says when it is pointed at or has the focus; Escape closes them.
const TIPS = new WeakMap();
let described = null;
function explain(element, text) {
  TIPS.set(element, text);
  element.classList.add("explained");
  return element;
}
function showTip(element) {
  const tip = byId("tip"), text = TIPS.get(element);
  hideTip();
  tip.textContent = typeof text === "function" ? text() : text;
  tip.hidden = false;
  element.setAttribute("aria-describedby", "tip");
  described = element;
  const box = element.getBoundingClientRect(), own = tip.getBoundingClientRect();
  const left = Math.min(Math.max(8, box.left), document.documentElement.clientWidth - own.width - 8);
  const above = box.top - own.height - 6;
  const top = box.bottom + own.height + 6 > window.innerHeight && above > 0 ? above : box.bottom + 6;
  tip.style.left = `${left}px`;
  tip.style.top = `${top}px`;
}
function hideTip() {
  byId("tip").hidden = true;
  if (described) described.removeAttribute("aria-describedby");
  described = null;
}
function startTips() {
  for (const event of ["pointerover", "focusin"]) {
    document.addEventListener(event, ({ target }) => {
      const found = target.closest ? target.closest(".explained") : null;
      if (found) showTip(found);
      else if (event === "pointerover") hideTip();
    });
  }
  document.addEventListener("focusout", hideTip);
  document.addEventListener("keydown", ({ key }) => key === "Escape" && hideTip());
  // Moving the focus may scroll its box: the tooltip follows.
  const follow = () => described && (described === document.activeElement ? showTip(described) : hideTip());
  document.addEventListener("scroll", follow, { capture: true, passive: true });
}

// One stop of the Tab key for many elements: arrow keys move among them. `columns` is the length of a row.
function rove(elements, columns = 1) {
  elements.forEach((element, place) => element.setAttribute("tabindex", place ? "-1" : "0"));
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  const move = event => {
    const here = elements.indexOf(event.currentTarget), step = steps[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? elements.length - 1 : here + step;
    if (!elements[to]) return;
    event.preventDefault();
    event.currentTarget.setAttribute("tabindex", "-1");
    elements[to].setAttribute("tabindex", "0");
    elements[to].focus();
  };
  for (const element of elements) element.addEventListener("keydown", move);
}

function ticks(low, high, wanted = 5) {
  if (!(high > low)) return [low];
  const rough = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(factor => factor * power >= rough * 0.999);
  const found = [];
  for (let value = Math.ceil(low / step - 1e-9); value * step <= high + step * 1e-9; value += 1) found.push(value * step);
  return found;
}
const tickText = (value, all) => {
  const step = all.length > 1 ? all[1] - all[0] : 1;
  return show(value, Math.min(6, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9))));
};
function extent(values, share = 0.06) {
  const known = values.filter(value => value !== null && value !== undefined);
  const low = Math.min(...known), high = Math.max(...known), room = (high - low || Math.abs(high) || 1) * share;
  return [low - room, high + room];
}

// An SVG with axes: `x` and `y` are the ends of the scales. Returns it with functions from values to places.
function frame({ width, height, x, y, xLabel = "", yLabel = "", label, role = "img", whole = false }) {
  const left = 52, right = 18, top = yLabel ? 24 : 10, bottom = xLabel ? 42 : 24;
  const sx = value => left + (value - x[0]) / (x[1] - x[0] || 1) * (width - left - right);
  const sy = value => height - bottom - (value - y[0]) / (y[1] - y[0] || 1) * (height - top - bottom);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role, "aria-label": label });
  const grid = draw("g", { "aria-hidden": "true" });
  const ys = ticks(y[0], y[1], height < 200 ? 4 : 5);
  const xs = ticks(x[0], x[1], Math.max(4, Math.floor(width / 110))).filter(value => !whole || Number.isInteger(value));
  for (const value of ys) {
    grid.append(draw("line", { class: "grid", x1: left, x2: width - right, y1: sy(value), y2: sy(value) }));
    grid.append(draw("text", { class: "quiet", x: left - 6, y: sy(value) + 4, "text-anchor": "end" }, tickText(value, ys)));
  }
  for (const value of xs) {
    grid.append(draw("line", { class: "axis", x1: sx(value), x2: sx(value), y1: height - bottom, y2: height - bottom + 4 }));
    const text = whole ? String(value) : tickText(value, xs);
    grid.append(draw("text", { class: "quiet", x: sx(value), y: height - bottom + 17, "text-anchor": "middle" }, text));
  }
  grid.append(draw("line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }));
  if (xLabel) grid.append(draw("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, xLabel));
  if (yLabel) grid.append(draw("text", { x: 4, y: 14 }, yLabel));
  svg.append(grid);
  return { svg, sx, sy, width, height, left, right, top, bottom };
}
const path = (chart, xs, ys) => {
  let text = "";
  xs.forEach((x, place) => {
    if (ys[place] === null || ys[place] === undefined) return;
    text += `${text ? "L" : "M"}${chart.sx(x).toFixed(1)} ${chart.sy(ys[place]).toFixed(1)}`;
  });
  return text;
};
const diamond = (x, y, size, attributes) =>
  draw("path", { d: `M${x} ${y - size}L${x + size} ${y}L${x} ${y + size}L${x - size} ${y}Z`, ...attributes });

function legend(entries) {
  return make("ul", { class: "legend" }, entries.map(([text, colour, kind]) => {
    const mark = draw("svg", { viewBox: "0 0 24 12", "aria-hidden": "true" });
    if (kind === "bar") mark.append(draw("rect", { class: `${colour} soft`, width: 24, height: 12 }));
    else if (kind === "diamond") mark.append(diamond(12, 6, 5, { class: `${colour} fill` }));
    else if (kind === "dot") mark.append(draw("circle", { class: `${colour} fill`, cx: 12, cy: 6, r: 5 }));
    else if (kind === "ring") mark.append(draw("circle", { class: `${colour} hollow`, cx: 12, cy: 6, r: 4 }));
    else mark.append(draw("path", { class: `${colour} stroke ${kind || ""}`, d: "M0 6H24" }));
    return make("li", {}, mark, text);
  }));
}

// Whether a column of a table holds words or drawings, which stand at the left; numbers stand at the right.
const isText = cell => cell instanceof Node || (cell !== "" && !/^[−\d–]/.test(cell));
const textual = (rows, place) => rows.some(row => isText(row[place]));

// A table of texts; the first column names the row.
function plainTable(caption, headings, rows) {
  return make("table", {}, make("caption", { class: "sr" }, caption),
    make("thead", {}, make("tr", {}, headings.map((text, place) =>
      make("th", { scope: "col", class: place ? (textual(rows, place) ? "text" : null) : "corner" }, text)))),
    make("tbody", {}, rows.map(row => make("tr", {}, row.map((cell, place) => {
      const left = textual(rows, place) ? "text" : null;
      return place ? make("td", { class: left }, cell) : make("th", { scope: "row" }, cell);
    })))));
}

function options(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, text]) => make("option", { value, selected: value === chosen }, text)));
  select.value = chosen;
}
const called = model => model.kind === "model" ? model.name : `${model.name} (${model.kind})`;
const MODELS = new Map(DATA.models.map(model => [model.name, model]));
const modelOptions = names => names.map(name => [name, called(MODELS.get(name))]);
