// Curves in small panels: learning and tuning; and calibration of two models.
const TITLES = { rmse: `RMSE (${DATA.unit})`, ndcg: "NDCG", loss: "train loss", objective: "train objective" };

function learningPanels({ model, epochs, panels, best, by, patience }) {
  // The loss stands in a panel of its own where no other panel has a training line.
  const trained = Object.entries(panels).some(([, parts]) => parts.train && parts.validation);
  const shown = Object.entries(panels).filter(([, parts]) => parts.validation || !trained);
  return shown.sort(([, a], [, b]) => Boolean(b.validation) - Boolean(a.validation)).map(([metric, parts]) => {
    const values = Object.values(parts).flat(), title = TITLES[metric] || metric;
    const known = parts.validation && by === `validation_${metric}`;
    const chart = frame({
      width: 300, height: 190, whole: true, x: [epochs[0], epochs[epochs.length - 1]], y: extent(values),
      xLabel: "epoch", yLabel: title, label: "",
    });
    const said = [`${model}, ${title} over ${epochs.length} epochs`];
    for (const [part, place] of [["train", 0], ["validation", 1]]) {
      if (!parts[part]) continue;
      chart.svg.append(draw("path", { class: `${COLOUR[place]} stroke ${place ? "" : "dash"}`, d: path(chart, epochs, parts[part]) }));
      said.push(`${part} from ${show(parts[part][0])} to ${show(parts[part][epochs.length - 1])}`);
    }
    const marked = known && best !== null ? parts.validation[epochs.indexOf(best)] : null;
    if (marked !== null) {
      const mark = diamond(chart.sx(best), chart.sy(marked), 7, { class: "second fill" });
      chart.svg.append(mark);
      said.push(`best validation value ${show(marked)} in epoch ${best}`);
    }
    if (patience === 0) said.push("no early stopping");
    chart.svg.setAttribute("aria-label", said.join("; "));
    const all = `${epochs.length} epochs${patience === 0 ? ": no early stopping (patience: 0)" : ""}`;
    const under = marked !== null ? `best: ${show(marked)} in epoch ${best} of ${epochs.length}` : all;
    return make("figure", {}, make("figcaption", {}, parts.validation ? model : `${model}: ${title}`), chart.svg, make("div", { class: "quiet" }, under));
  });
}

function tuningPanel({ model, label, direction, before, trial, value, best }) {
  const chart = frame({
    width: 300, height: 200, whole: true, x: [Math.min(...trial), Math.max(...trial)],
    y: extent([...value, ...best, before]), xLabel: "trial", yLabel: label.replace("on the validation part", ""), label: "",
  });
  const steps = trial.flatMap((number, at) => at ? [[number, best[at - 1]], [number, best[at]]] : [[number, best[at]]]);
  if (before !== null) {
    chart.svg.append(draw("line", { class: "zero", x1: chart.left, x2: chart.width - chart.right, y1: chart.sy(before), y2: chart.sy(before) }));
  }
  trial.forEach((number, at) => value[at] !== null && number > 0 && chart.svg.append(
    draw("circle", { class: "first fill", cx: chart.sx(number), cy: chart.sy(value[at]), r: 3.5 })));
  chart.svg.append(draw("path", { class: "second stroke", d: path(chart, steps.map(([x]) => x), steps.map(([, y]) => y)) }));
  const last = best[best.length - 1], failed = value.filter((each, at) => each === null && trial[at] > 0).length;
  const said = `${label}: ${show(before)} with params.yaml, ${show(last)} at best` + (failed ? `; ${failed} trials without a result` : "");
  chart.svg.setAttribute("aria-label", `${model}, ${said}; ${direction < 0 ? "lower" : "higher"} is better`);
  return make("figure", {}, make("figcaption", {}, model), chart.svg, make("div", { class: "quiet" }, said));
}

function drawPanels() {
  if (DATA.learning.length) {
    byId("learning-panels").replaceChildren(
      legend([["train", "first", "dash"], ["validation", "second", ""], ["best validation value", "second", "diamond"]]),
      ...DATA.learning.flatMap(learningPanels));
    byId("learning-panels").firstChild.style.gridColumn = "1 / -1";
  } else byId("learning-panels").replaceChildren(make("p", { class: "note" }, "None of these models learns in epochs."));
  byId("tuning-panels").replaceChildren(...DATA.trials.map(tuningPanel));
  if (!DATA.trials.length) {
    byId("tuning-said").textContent =
      "No settings were searched for this report (tune.families in params.yaml is empty): models have the settings of params.yaml.";
  }
}

// Nine kinds of lines: no two of them have both the same colour and the same dashes.
const DASHES = ["", "dash", "dots"];
const lineColour = at => COLOUR[at % 3], lineDashes = at => DASHES[(at + Math.floor(at / 3)) % 3];

// Lines of several models over one x: a list of { name, x, y }.
function linesChart(host, lines, { xLabel, yLabel, name, zero = null, diagonal = false }) {
  const width = Math.max(300, host.clientWidth);
  const xs = lines.flatMap(line => line.x), ys = lines.flatMap(line => line.y);
  const both = diagonal ? [...xs, ...ys] : ys;
  const chart = frame({
    width, height: Math.min(380, Math.max(260, width * 0.5)), xLabel, yLabel,
    x: extent(xs, 0.03), y: extent(zero === null ? (diagonal ? both : ys) : [...ys, zero]), label: name, role: "group",
  });
  if (zero !== null) {
    chart.svg.append(draw("line", { class: "zero", x1: chart.left, x2: width - chart.right, y1: chart.sy(zero), y2: chart.sy(zero) }));
  }
  if (diagonal) {
    const ends = [Math.min(...xs), Math.max(...xs)];
    chart.svg.append(draw("path", { class: "zero", d: path(chart, ends, ends) }));
  }
  const marks = [];
  lines.forEach((line, at) => {
    chart.svg.append(draw("path", { class: `${lineColour(at)} stroke ${lineDashes(at)}`, d: path(chart, line.x, line.y) }));
    line.x.forEach((x, place) => {
      const said = `${line.name}: ${xLabel} ${show(x, 3)}, ${yLabel} ${show(line.y[place], 3)}`;
      marks.push(explain(draw("circle", {
        class: `${lineColour(at)} fill`, cx: chart.sx(x), cy: chart.sy(line.y[place]), r: 5, role: "img", "aria-label": said,
      }), said));
    });
  });
  rove(marks);
  chart.svg.append(...marks);
  host.replaceChildren(chart.svg, legend(lines.map((line, at) => [line.name, lineColour(at), lineDashes(at)])));
}

function drawCalibration() {
  const names = ["first", "second"].map(place => byId(`calibration-${place}`).value);
  const lines = [...new Set(names)].map(name => ({ name, x: DATA.calibration[name].predicted, y: DATA.calibration[name].off }));
  linesChart(byId("calibration-chart"), lines, {
    xLabel: "mean predicted rating", yLabel: "mean actual minus predicted", name: "Calibration; arrow keys move between points", zero: 0,
  });
  const rows = lines.flatMap(line => line.x.map((x, at) =>
    [line.name, show(x, 3), show(line.y[at], 3), show(DATA.calibration[line.name].pairs[at], 0)]));
  byId("calibration-table").replaceChildren(
    plainTable("Groups of test ratings", ["model", "predicted", "actual minus predicted", "test ratings"], rows));
  const sure = Object.entries(DATA.calibration).filter(([, each]) => each.std);
  byId("std").hidden = !sure.length;
  if (sure.length) {
    linesChart(byId("std-chart"), sure.map(([name, each]) => ({ name, x: each.std, y: each.rmse })), {
      xLabel: "predicted standard deviation", yLabel: "RMSE of the group", diagonal: true,
      name: "RMSE against predicted standard deviation; arrow keys move between points",
    });
  }
}

function startCurves() {
  drawPanels();
  const names = DATA.models.map(model => model.name).filter(name => DATA.calibration[name]);
  if (!names.length) {
    byId("calibration-body").replaceChildren(make("p", {}, "No model predicts ratings on this data, so there is nothing to calibrate."));
    return;
  }
  const best = DATA.best.rater;
  options(byId("calibration-first"), modelOptions(names), best);
  const baseline = names.find(name => MODELS.get(name).kind === "baseline" && name !== best);
  options(byId("calibration-second"), modelOptions(names), baseline || names[names.length - 1]);
  for (const place of ["first", "second"]) byId(`calibration-${place}`).addEventListener("change", drawCalibration);
  drawCalibration();
}
