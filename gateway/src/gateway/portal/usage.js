// The usage graph: an SVG of stacked bars, by hour for a day, else by day.
import { find, make, number, press } from "./page.js";
import { call } from "./session.js";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 190, LEFT = 44, RIGHT = 18, BOTTOM = 22, TOP = 10;
const KINDS = ["fine", "refused", "failed"];
let days = 7;
let shown = null;

function draw(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function bars(cells) {
  const step = days === 1 ? 3_600_000 : 86_400_000;
  const count = days === 1 ? 24 : days;
  const last = Math.floor(Date.now() / step) * step;
  const found = Array.from({ length: count }, (_, n) => ({
    at: new Date(last - (count - 1 - n) * step), fine: 0, refused: 0, failed: 0,
  }));
  for (const cell of cells) {
    const bar = found[count - 1 - Math.round((last - Math.floor(Date.parse(cell.hour) / step) * step) / step)];
    if (!bar) continue;
    bar.refused += cell.refused;
    bar.failed += cell.failed;
    bar.fine += cell.requests - cell.refused - cell.failed;
  }
  return found;
}

// The next of 4, 10, 20, 40, 100 ... so that the axis and its middle read well.
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 4)));
  return [1, 2, 4, 10].map((n) => n * power).find((n) => n >= Math.max(value, 4));
}

const named = (at) =>
  days === 1
    ? `${String(at.getHours()).padStart(2, "0")}:00`
    : at.toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

function graph(found, sums, width) {
  const top = ceiling(Math.max(...found.map((bar) => bar.fine + bar.refused + bar.failed)));
  const label = `${sums.fine} answered, ${sums.refused} refused, ${sums.failed} failed in the last ${days === 1 ? "24 hours" : `${days} days`}`;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, class: "graph", role: "img", "aria-label": label });
  const height = HEIGHT - BOTTOM - TOP, slot = (width - LEFT - RIGHT) / found.length;
  for (const part of [0, 0.5, 1]) {
    const y = TOP + height * (1 - part);
    svg.append(draw("line", { x1: LEFT, x2: width, y1: y, y2: y }));
    svg.append(draw("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, number(top * part)));
  }
  const every = Math.ceil(found.length / Math.max(2, Math.floor(width / 80)));
  found.forEach((bar, n) => {
    const group = draw("g", {});
    group.append(draw("title", {}, `${named(bar.at)}: ${bar.fine} answered, ${bar.refused} refused, ${bar.failed} failed`));
    let y = TOP + height;
    for (const kind of KINDS) {
      const tall = (bar[kind] / top) * height;
      y -= tall;
      if (tall) group.append(draw("rect", { x: LEFT + n * slot + slot * 0.15, y, width: slot * 0.7, height: tall, class: kind }));
    }
    svg.append(group);
    if ((found.length - 1 - n) % every === 0) {
      svg.append(draw("text", { x: LEFT + (n + 0.5) * slot, y: HEIGHT - 6, "text-anchor": "middle" }, named(bar.at)));
    }
  });
  return svg;
}

function showPeriod(name, { used, limit, resets_at }) {
  const meter = find(`${name}-meter`);
  meter.max = limit;
  meter.high = limit * 0.8;
  meter.value = used;
  meter.title = `begins anew ${new Date(resets_at).toLocaleString()}`;
  find(`${name}-used`).textContent = `${number(used)} of ${number(limit)}`;
}

export async function showUsage() {
  const { cells, day, month } = await call("GET", `/v1/usage?days=${days}`);
  showPeriod("day", day);
  showPeriod("month", month);
  const found = bars(cells);
  const sums = Object.fromEntries(KINDS.map((kind) => [kind, found.reduce((sum, bar) => sum + bar[kind], 0)]));
  find("figures").replaceChildren(
    ...[["requests", sums.fine + sums.refused + sums.failed], ["refused", sums.refused], ["failed", sums.failed]].map(
      ([word, value]) => make("div", {}, make("b", { textContent: number(value) }), word),
    ),
  );
  shown = { found, sums };
  drawGraph();
}

export const forgetUsage = () => (shown = null);

function drawGraph() {
  const width = find("graph").clientWidth;
  if (shown && width) find("graph").replaceChildren(graph(shown.found, shown.sums, Math.max(260, width)));
}

export function startUsage(guarded) {
  new ResizeObserver(drawGraph).observe(find("graph"));
  const buttons = [...find("ranges").children];
  for (const button of buttons) {
    button.onclick = () => {
      days = Number(button.dataset.days);
      press(buttons, button);
      guarded(showUsage);
    };
  }
}
