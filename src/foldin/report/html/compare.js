// Two models side by side: the paired difference of each metric with its interval.

// The difference first − second of a metric of DATA.pairs, in its own unit; null where one of the two lacks it.
function difference(pair, first, second) {
  const a = pair.models.indexOf(first), b = pair.models.indexOf(second), n = pair.models.length;
  if (a < 0 || b < 0 || a === b) return null;
  const [i, j] = a < b ? [a, b] : [b, a];
  const place = i * n - i * (i + 1) / 2 + (j - i - 1);
  const [value, low, high] = ["difference", "low", "high"].map(key => pair[key][place] * DATA.pair_unit);
  return a < b ? { value, low, high } : { value: -value, low: -high, high: -low };
}
function reading(pair, found, first, second) {
  if (found.low <= 0 && found.high >= 0) return "the interval contains 0";
  return `${found.value * pair.direction > 0 ? first : second} is better`;
}

// A strip with the interval, the difference and zero; the words beside it say the same.
function strip({ value, low, high }, better) {
  const most = Math.max(Math.abs(low), Math.abs(high)) || 1, x = at => 80 + at / most * 72;
  return draw("svg", { viewBox: "0 0 160 20", width: 160, height: 20, "aria-hidden": "true", style: "width:160px" },
    draw("line", { class: "zero", x1: 80, x2: 80, y1: 1, y2: 19 }),
    draw("line", { class: `${better} stroke`, x1: x(low), x2: x(high), y1: 10, y2: 10 }),
    draw("circle", { class: `${better} fill`, cx: x(value), cy: 10, r: 5 }));
}

function metricOf(name, model) {
  const column = DATA.columns.find(each => each.name === name || each.name === `${name}_at_${DATA.k}` ||
    each.name === `sampled_${name}` || each.name === `sampled_${name}_at_${DATA.k}`);
  return column ? column.values[DATA.models.findIndex(each => each.name === model)] : null;
}

function drawComparison() {
  const first = byId("compare-first").value, second = byId("compare-second").value;
  const rows = [], said = [];
  for (const pair of DATA.pairs) {
    const found = difference(pair, first, second);
    const ends = [metricOf(pair.name, first), metricOf(pair.name, second)].map(value => show(value));
    if (!found) {
      rows.push([pair.title, ...ends, "–", "–", "", first === second ? "the same model" : "not both have it"]);
      continue;
    }
    const words = reading(pair, found, first, second), clear = !words.startsWith("the interval");
    const interval = `${show(found.low)} to ${show(found.high)}`;
    const better = clear ? (found.value * pair.direction > 0 ? "first" : "second") : "rest";
    rows.push([pair.title, ...ends, show(found.value), interval, strip(found, better), words]);
    const size = `${show(Math.abs(found.value))} ${found.value < 0 ? "lower" : "higher"}`;
    if (["rmse", "ndcg"].includes(pair.name)) {
      said.push(`${pair.title} is ${size} with ${first} than with ${second} (difference ${show(found.value)}, ` +
        `${CONFIDENCE} interval ${interval}): ${words}.`);
    }
  }
  const coverage = [first, second].map(name => metricOf("coverage", name));
  if (coverage.every(value => value !== null)) {
    rows.push(["coverage", ...coverage.map(value => show(value)), show(coverage[0] - coverage[1]), "–", "", "one number for all users: no interval"]);
  }
  const titles = ["metric", first, second, "difference", `${CONFIDENCE} interval`, "interval and 0", "reading"];
  byId("compare-table").replaceChildren(plainTable(`${first} minus ${second}`, titles, rows));
  const none = first === second ? "Choose two different models." : "The two models have no metric of ratings or ranking in common.";
  byId("compare-said").textContent = said.length ? `${said.join(" ")} Intervals are not corrected for the number of pairs.` : none;
}

function startComparison() {
  const names = DATA.models.map(model => model.name);
  const baseline = DATA.models.find(model => model.kind === "baseline");
  const best = DATA.best.ranker;
  const other = baseline && baseline.name !== best ? baseline.name : names.find(name => name !== best) || best;
  options(byId("compare-first"), modelOptions(names), best);
  options(byId("compare-second"), modelOptions(names), other);
  for (const place of ["first", "second"]) byId(`compare-${place}`).addEventListener("change", drawComparison);
  drawComparison();
}
