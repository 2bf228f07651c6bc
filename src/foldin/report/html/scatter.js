// Any metric against any other, a point for each model.
function label(chart, points) {
  // Names stand beside their points where they cover no other name or point.
  const taken = points.map(({ x, y }) => [x - 7, y - 7, x + 7, y + 7]);
  const free = box => box[0] > chart.left && box[2] < chart.width - 2 && box[1] > chart.top - 8 &&
    taken.every(other => box[2] < other[0] || box[0] > other[2] || box[3] < other[1] || box[1] > other[3]);
  for (const { x, y, model } of points) {
    const width = model.name.length * 6.6;
    const places = [[x + 9, y + 4, "start"], [x - 9, y + 4, "end"], [x, y - 11, "middle"], [x, y + 20, "middle"]];
    for (const [tx, ty, anchor] of places) {
      const from = anchor === "start" ? tx : anchor === "end" ? tx - width : tx - width / 2;
      const box = [from, ty - 10, from + width, ty + 3];
      if (!free(box)) continue;
      taken.push(box);
      chart.svg.append(draw("text", { x: tx, y: ty, "text-anchor": anchor, "aria-hidden": "true" }, model.name));
      break;
    }
  }
}

function drawScatter() {
  const [x, y] = ["x", "y"].map(axis => DATA.columns[Number(byId(`scatter-${axis}`).value)]);
  const places = DATA.models.map((_, place) => place).filter(place => x.values[place] !== null && y.values[place] !== null);
  const host = byId("scatter-chart");
  const titles = ["model", y.title, x.title];
  const rows = places.map(place => [called(DATA.models[place]), show(y.values[place]), show(x.values[place])]);
  byId("scatter-table").replaceChildren(plainTable(`${y.title} against ${x.title}`, titles, rows));
  if (!places.length) {
    host.replaceChildren(make("p", { class: "note" }, "No model has both metrics."));
    return;
  }
  const width = Math.max(300, host.clientWidth), height = Math.min(480, Math.max(320, width * 0.6));
  const chart = frame({
    width, height, role: "group",
    x: extent(places.map(place => x.values[place])), y: extent(places.map(place => y.values[place])),
    xLabel: `${x.title}${{ 1: " →", "-1": " (← lower is better)", 0: "" }[x.direction]}`,
    yLabel: `${y.title}${{ 1: " (higher is better)", "-1": " (lower is better)", 0: "" }[y.direction]}`,
    label: `${y.title} against ${x.title}, ${places.length} models; arrow keys move between points`,
  });
  const points = places.map(place => ({
    model: DATA.models[place], place, x: chart.sx(x.values[place]), y: chart.sy(y.values[place]),
  }));
  label(chart, points);
  const marks = points.map(({ model, place, x: cx, y: cy }) => {
    const said = `${called(model)}: ${y.title} ${show(y.values[place])}, ${x.title} ${show(x.values[place])}`;
    const attributes = { role: "img", "aria-label": said };
    const kind = { model: "first fill", baseline: "rest hollow", oracle: "second hollow" }[model.kind];
    const mark = model.kind === "oracle" ? diamond(cx, cy, 7, { class: kind, ...attributes })
      : draw("circle", { class: kind, cx, cy, r: 6, ...attributes });
    return explain(mark, said);
  });
  rove(marks);
  chart.svg.append(...marks);
  const kinds = new Set(points.map(({ model }) => model.kind));
  const entries = [["models", "first", "dot"], ["baselines", "rest", "ring"], ["oracle: knows the true preferences", "second", "diamond"]];
  host.replaceChildren(chart.svg, legend(entries.filter((_, at) => kinds.has(["model", "baseline", "oracle"][at]))));
}

function startScatter() {
  const groups = [...new Set(DATA.columns.map(column => column.group))];
  const chosen = { y: DATA.ndcg, x: DATA.coverage };
  for (const axis of ["x", "y"]) {
    const select = byId(`scatter-${axis}`);
    select.append(...groups.map(group => make("optgroup", { label: group }, DATA.columns
      .filter(column => column.group === group)
      .map(column => make("option", { value: DATA.columns.indexOf(column) }, column.title)))));
    select.value = String(Math.max(0, DATA.columns.findIndex(column => column.name === chosen[axis])));
    select.addEventListener("change", drawScatter);
  }
  drawScatter();
}
