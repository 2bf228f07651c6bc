// The table of all models: sorted by a column, filtered by a text, its columns ticked in groups.
const TABLE = { sort: null, reversed: false, filter: "", groups: new Set() };
const TICKED = ["Rating accuracy", "Ranking accuracy"];
const KINDS = { model: "", baseline: "baseline", oracle: "oracle" };

// Places of the models, best first by a column; those without a value come last in either order.
function order(column, reversed) {
  const sign = (column.direction || 1) * (reversed ? -1 : 1);
  const values = column.values;
  return DATA.models.map((_, place) => place).sort((a, b) => {
    if (values[a] === null || values[b] === null) return (values[a] === null) - (values[b] === null) || a - b;
    return sign * (values[b] - values[a]) || a - b;
  });
}
function bestOf(column) {
  if (!column.direction) return null;
  return order(column, false).find(place => DATA.models[place].kind !== "oracle" && column.values[place] !== null);
}
// Counts have no decimals.
const digits = column => column.values.every(value => value === null || Number.isInteger(value)) ? 0 : 4;
const DIRECTIONS = { 1: "Higher is better.", "-1": "Lower is better.", 0: "Neither direction is better." };
const aboutColumn = column => `${column.title}: ${column.text}. ${DIRECTIONS[column.direction]}`;

function aboutCell(column, place) {
  const said = [`${called(DATA.models[place])}, ${column.title}: ${show(column.values[place], digits(column) && 6)}`];
  const at = (key, text) => column[key] && column[key][place] !== null && said.push(text(column[key][place]));
  if (column.low && column.low[place] !== null) {
    said.push(`${CONFIDENCE} interval: ${show(column.low[place])} to ${show(column.high[place])}`);
  }
  at("error", value => `standard error: ${show(value)}`);
  at("seeds", value => `standard deviation over seeds: ${show(value)}`);
  if (column.tied && column.tied.length > 1 && column.tied.includes(place)) {
    said.push("does not differ significantly from the best, or is the best");
  }
  said.push(aboutColumn(column));
  return said.join("\n");
}

function headings(columns) {
  const groups = make("tr"), titles = make("tr");
  groups.append(make("th", { class: "corner text", scope: "col", rowspan: 2 }, "model"));
  columns.forEach((column, place) => {
    const starts = !place || columns[place - 1].group !== column.group;
    if (starts) {
      const colspan = columns.filter(other => other.group === column.group).length;
      groups.append(make("th", { scope: "colgroup", colspan }, column.group));
    }
    const sorted = TABLE.sort === column;
    const rising = (column.direction === -1) !== TABLE.reversed;
    const button = explain(make("button", { type: "button", "data-column": DATA.columns.indexOf(column) }, column.title), aboutColumn(column));
    button.addEventListener("click", () => {
      TABLE.reversed = TABLE.sort === column && !TABLE.reversed;
      TABLE.sort = column;
      drawTable();
      byId("table").querySelector(`button[data-column="${DATA.columns.indexOf(column)}"]`).focus();
    });
    const sort = sorted ? (rising ? "ascending" : "descending") : "none";
    titles.append(make("th", { scope: "col", "aria-sort": sort, class: starts ? "starts" : null }, button));
  });
  return make("thead", {}, groups, titles);
}

function cell(column, place, marks, starts) {
  const value = column.values[place];
  const element = make("td", { class: starts ? "starts" : null }, show(value, marks.digits));
  if (value === null) return element;
  if (value > 0) {
    element.classList.add("bar");
    element.style.setProperty("--share", (value / marks.highest).toFixed(4));
  }
  const tied = column.tied && column.tied.includes(place);
  if (place === marks.best) element.prepend(make("span", { class: "mark best" }, "best"), " ");
  else if (tied) element.prepend(make("span", { class: "mark tied" }, "tied"), " ");
  return explain(element, () => aboutCell(column, place));
}

function drawTable() {
  const columns = DATA.columns.filter(column => TABLE.groups.has(column.group));
  const wanted = TABLE.filter.trim().toLowerCase();
  const matches = place => {
    const { name, family, kind } = DATA.models[place];
    return !wanted || `${name} ${family} ${kind}`.toLowerCase().includes(wanted);
  };
  const places = order(TABLE.sort, TABLE.reversed).filter(matches);
  const marks = new Map(columns.map(column => {
    const known = column.values.filter(value => value !== null);
    return [column, { best: bestOf(column), digits: digits(column), highest: Math.max(...known) }];
  }));
  const cells = [];
  const rows = places.map(place => {
    const model = DATA.models[place];
    const name = explain(make("th", { scope: "row" }, model.name), `${called(model)}, family ${model.family}: ${model.about}`);
    if (KINDS[model.kind]) name.append(" ", make("span", { class: "kind" }, KINDS[model.kind]));
    const row = make("tr", { class: model.kind === "model" ? null : "reference", "data-model": model.name }, name);
    const own = columns.map((column, at) =>
      cell(column, place, marks.get(column), !at || columns[at - 1].group !== column.group));
    row.append(...own);
    cells.push(name, ...own);
    return row;
  });
  rove(cells, columns.length + 1);
  const caption = make("caption", { class: "sr" }, `Test metrics of ${DATA.models.length} models and references`);
  const table = make("table", {}, caption, headings(columns), make("tbody", {}, rows));
  byId("table").replaceChildren(table);
  const how = TABLE.sort.direction ? (TABLE.reversed ? "worst first" : "best first") : (TABLE.reversed ? "lowest first" : "highest first");
  byId("table-status").textContent =
    `${places.length} of ${DATA.models.length} rows, by ${TABLE.sort.title} of ${TABLE.sort.group.toLowerCase()}, ${how}.`;
}

function startTable() {
  const groups = [...new Set(DATA.columns.map(column => column.group))];
  for (const name of groups) if (TICKED.includes(name)) TABLE.groups.add(name);
  TABLE.sort = DATA.columns.find(column => column.name === DATA.ndcg);
  byId("ranking-note").textContent = DATA.ranking;
  byId("groups").append(...groups.map(name => {
    const box = make("input", { type: "checkbox", value: name, checked: TABLE.groups.has(name) });
    box.addEventListener("change", () => {
      if (box.checked) TABLE.groups.add(name);
      else TABLE.groups.delete(name);
      drawTable();
    });
    return make("label", {}, box, name);
  }));
  byId("filter").addEventListener("input", event => {
    TABLE.filter = event.target.value;
    drawTable();
  });
  byId("table-controls").addEventListener("submit", event => event.preventDefault());
  drawTable();
}
