// The page's charts: plain SVG, drawn in a box of 420 by 230 that scales with its place.
//
// Each has a title and a description in words, for those who don't see it, and colours
// come from the style sheet, so that they fit light and dark.

import { s } from "./dom.js";

const WIDTH = 420;
const HEIGHT = 230;
const LEFT = 46;
const RIGHT = 20;
const TOP = 12;
const BOTTOM = 44;
const TICK_US = 120e6;
const WIDE = WIDTH - LEFT - RIGHT;
const HIGH = HEIGHT - TOP - BOTTOM;

export function scoresChart(id, { edges, training, now, format }) {
  const bins = training ?? now;
  const top = nice(Math.max(...(training ?? [0]), ...(now ?? [0]), 0.01));
  const y = (share) => TOP + HIGH * (1 - share / top);
  const slot = WIDE / bins.length;
  const bars = (now ?? []).map((share, i) =>
    s("rect", {
      class: "now", x: round(LEFT + i * slot + slot * 0.1), width: round(slot * 0.8),
      y: round(y(share)), height: round(TOP + HIGH - y(share)),
    }, s("title", null, `${binName(edges, bins.length, i, format)}: now ${pc(share)}`
      + (training ? `, training ${pc(training[i])}` : ""))));
  const outline = training && s("path", {
    class: "training", d: steps(training, slot, y),
  });
  return chart(id, "Scores now against training",
    "Bars are the shares of recent predictions in each range of scores, the line those "
    + "of the test split of training. " + inWords(edges, training, now, format),
    axisY(top, (value) => pc(value)), axisOfBins(edges, bins.length, slot, format),
    bars, outline);
}

function steps(shares, slot, y) {
  const parts = shares.map((share, i) =>
    `${i ? "L" : "M"}${round(LEFT + i * slot)} ${round(y(share))}H${round(LEFT + (i + 1) * slot)}`);
  return parts.join("");
}

// Edges are numbers: those around the bins, or only those between them, so that the
// first and last bin are open. Or they are the names of the bins.
function binName(edges, bins, i, format) {
  if (!edges) return String(i);
  if (typeof edges[0] === "string") return edges[i];
  const first = (bins + 1 - edges.length) / 2;
  const [low, high] = [edges[i - first], edges[i + 1 - first]];
  if (low === undefined) return `below ${format(high)}`;
  return high === undefined ? `from ${format(low)}` : `${format(low)} to ${format(high)}`;
}

function inWords(edges, training, now, format) {
  if (!now) return "No prediction yet.";
  const most = now.indexOf(Math.max(...now));
  const of = training ? ` (training: ${pc(training[most])})` : "";
  return `Most are in ${binName(edges, now.length, most, format)}: ${pc(now[most])}${of}.`;
}

function axisOfBins(edges, bins, slot, format) {
  if (!edges) return [];
  const named = typeof edges[0] === "string";
  const shift = named ? 0.5 : (bins + 1 - edges.length) / 2;
  const every = Math.max(1, Math.round((named ? bins : edges.length - 1) / 5));
  return edges.map((edge, i) => i % every ? null : label(
    LEFT + (i + shift) * slot, named ? String(edge).slice(0, 12) : format(edge)));
}

export function latencyChart(id, series, format, clock) {
  const known = series.filter((each) => each.n);
  const top = nice(Math.max(...known.map((each) => each.p99_ms), 0.1));
  const x = (i) => LEFT + (i + 0.5) * WIDE / series.length;
  const y = (ms) => TOP + HIGH * (1 - Math.min(ms, top) / top);
  const last = known.at(-1);
  const marks = series.flatMap((each, i) => each.n ? [
    s("circle", { class: "p99", cx: round(x(i)), cy: round(y(each.p99_ms)), r: 2.4 },
      s("title", null, `${clock(each.start_us)}: 99 % within ${format(each.p99_ms)}, n=${each.n}`)),
    s("circle", { class: "p50", cx: round(x(i)), cy: round(y(each.p50_ms)), r: 2.4 },
      s("title", null, `${clock(each.start_us)}: half within ${format(each.p50_ms)}, n=${each.n}`)),
  ] : []);
  const times = series.map((each, i) => each.start_us % TICK_US ? null
    : label(x(i), clock(each.start_us).slice(0, 5)));
  return chart(id, "Latency of the last ten minutes",
    last ? `In the last ten seconds that had requests, half took at most ${format(last.p50_ms)} `
      + `and 99 of 100 at most ${format(last.p99_ms)}.` : "No request yet.",
    axisY(top, number), times, line(series, "p99", x, y), line(series, "p50", x, y), marks);
}

// A line with a gap where a slot had no request.
function line(series, name, x, y) {
  let d = "";
  let pen = "M";
  series.forEach((each, i) => {
    if (!each.n) { pen = "M"; return; }
    d += `${pen}${round(x(i))} ${round(y(each[`${name}_ms`]))}`;
    pen = "L";
  });
  return s("path", { class: name, d });
}

export function calibrationChart(id, curve, format, tick) {
  const top = nice(Math.max(...curve.flatMap(([p, o]) => [p, o]), 0.01));
  const x = (value) => LEFT + WIDE * Math.min(value, top) / top;
  const y = (value) => TOP + HIGH * (1 - Math.min(value, top) / top);
  const most = Math.max(...curve.map(([, , n]) => n), 1);
  const sorted = [...curve].sort((a, b) => a[0] - b[0]);
  const path = sorted.map(([p, o], i) => `${i ? "L" : "M"}${round(x(p))} ${round(y(o))}`);
  const points = sorted.map(([p, o, n]) =>
    s("circle", { class: "point", cx: round(x(p)), cy: round(y(o)),
      r: round(2.5 + 4.5 * Math.sqrt(n / most)) },
    s("title", null, `predicted ${format(p)}, happened ${format(o)}, n=${n}`)));
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) =>
    label(x(share * top), tick(share * top)));
  return chart(id, "Predicted against what happened",
    `${curve.length} groups of predictions. On the dashed diagonal as many happened as `
    + "were predicted. " + sorted.map(([p, o, n]) =>
      `Predicted ${format(p)}, happened ${format(o)}, n=${n}.`).join(" "),
    axisY(top, tick), ticks,
    s("line", { class: "ideal", x1: x(0), y1: y(0), x2: x(top), y2: y(top) }),
    s("path", { class: "curve", d: path.join("") }), points);
}

function chart(id, title, words, ...parts) {
  return s("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
    "aria-labelledby": `${id}-title ${id}-desc`,
  }, s("title", { id: `${id}-title` }, title), s("desc", { id: `${id}-desc` }, words),
  s("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: TOP + HIGH, y2: TOP + HIGH }),
  ...parts);
}

function axisY(top, format) {
  return [0, 0.5, 1].map((share) => {
    const y = round(TOP + HIGH * (1 - share));
    return s("g", null,
      share > 0 && s("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y }),
      s("text", { x: LEFT - 7, y: y + 4, "text-anchor": "end" }, format(share * top)));
  });
}

function label(x, text) {
  return s("text", { x: round(x), y: HEIGHT - BOTTOM + 19, "text-anchor": "middle" }, text);
}

// The next of 1, 2, 5, 10, ... times a power of ten, so that ticks are round.
export function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 4, 5, 8, 10].find((step) => value <= step * power * (1 + 1e-9));
}

// A number without needless zeros.
export function number(value) {
  return String(Number(value.toPrecision(4)));
}

function round(value) {
  return Math.round(value * 100) / 100;
}

function pc(share) {
  const value = 100 * share;
  return `${Number(value.toFixed(value >= 10 ? 0 : 1))} %`;
}
