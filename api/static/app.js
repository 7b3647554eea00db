// What a page does by itself: the live feed of changes, and the charts in the page's own colours.
"use strict";

const KEPT = 20;

function cell(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function changeRow(change) {
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  const link = cell("a", change.customer);
  link.href = "/customers/" + encodeURIComponent(change.customer);
  head.append(link);
  const moved = change.before ? change.before + " → " + change.segment : "new: " + change.segment;
  const why = cell("td", change.cause + ": " + change.why);
  row.append(head, cell("td", moved), why, cell("td", change.at));
  return row;
}

function startFeed() {
  const body = document.getElementById("feed");
  if (!body) return;
  const pause = document.getElementById("pause");
  let paused = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause";
  });
  const source = new EventSource(body.dataset.feed);
  source.addEventListener("changes", (event) => {
    if (paused) return;
    const { changes, more } = JSON.parse(event.data);
    document.getElementById("feed-empty").hidden = true;
    document.getElementById("feed-table").hidden = false;
    for (const change of changes) body.prepend(changeRow(change));
    while (body.rows.length > KEPT) body.deleteRow(-1);
    document.getElementById("feed-more").textContent = more ? more + " more in this moment" : "";
  });
  window.addEventListener("pagehide", () => source.close());
}

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const segmentColour = (id) => style("--" + id) || style("--quiet");

const transposed = (rows) => rows[0].map((_, column) => rows.map((row) => row[column]));

// On a phone a heat map stands upright, so that its figures can be read.
function upright(figure, trace) {
  [trace.x, trace.y] = [trace.y, trace.x];
  trace.z = transposed(trace.z);
  trace.text = transposed(trace.text);
  figure.layout.xaxis = { ...figure.layout.xaxis, side: "top", tickangle: -50 };
  figure.layout.margin = { l: 8, r: 8, t: 8, b: 8 };
}

function coloured(figure) {
  const narrow = window.innerWidth < 640;
  for (const trace of figure.data) {
    if (narrow && trace.type === "heatmap") upright(figure, trace);
    if (trace.band) trace.fillcolor = segmentColour(trace.band) + "2e";
    if (trace.segment) {
      trace.line = { ...trace.line, color: segmentColour(trace.segment) };
      trace.marker = { ...trace.marker, color: segmentColour(trace.segment) };
    }
    if (trace.scale === "page") trace.colorscale = [[0, style("--low")], [1, style("--high")]];
    if (trace.type === "sankey") {
      trace.node.color = trace.node.segments.map(segmentColour);
      trace.node.line = { width: 0 };
      trace.link.color = trace.link.source.map((i) => segmentColour(trace.node.segments[i]) + "59");
    }
  }
  const axis = { gridcolor: style("--line"), zerolinecolor: style("--line"), linecolor: style("--line"), automargin: true };
  figure.layout = {
    ...figure.layout,
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "inherit", color: style("--ink"), size: narrow ? 11 : 13 },
    margin: figure.layout.margin || { l: 48, r: 12, t: 8, b: 52 },
    hoverlabel: { namelength: -1 }, // cut at 15 signs, an escaped one may be cut in two
    legend: { orientation: "h", y: -0.22, ...figure.layout.legend },
    xaxis: { ...axis, ...figure.layout.xaxis }, yaxis: { ...axis, ...figure.layout.yaxis },
  };
  return figure;
}

function drawCharts() {
  for (const plot of document.querySelectorAll("[data-figure]")) {
    const figure = JSON.parse(document.getElementById(plot.dataset.figure).textContent);
    const { data, layout } = coloured(figure);
    window.Plotly.react(plot, data, layout, { displayModeBar: false, responsive: true });
  }
}

document.addEventListener("DOMContentLoaded", () => {
  startFeed();
  if (!window.Plotly) return;
  drawCharts();
  document.addEventListener("htmx:afterSwap", drawCharts);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawCharts);
});
