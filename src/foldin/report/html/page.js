// Starts the sections, and draws charts again where the page becomes wider or narrower.
function startTexts() {
  byId("abouts").append(...DATA.models.flatMap(model =>
    [make("dt", {}, `${called(model)}, family ${model.family}`), make("dd", {}, model.about)]));
  byId("symbols").textContent = `Symbols: ${DATA.symbols}.`;
  const texts = new Map(DATA.columns.map(column => [`${column.title} (${column.group.toLowerCase()})`, column.text]));
  byId("definitions").append(...[...texts].flatMap(([title, text]) => [make("dt", {}, title), make("dd", {}, text)]));
}

function redraw() {
  drawScatter();
  if (DATA.distributions.length) drawUsers();
  if (byId("calibration-first")) drawCalibration();
}

for (const form of document.querySelectorAll("form")) form.addEventListener("submit", event => event.preventDefault());
startTips();
startTable();
startComparison();
startScatter();
startUsers();
startCurves();
startExamples();
startTexts();
let width = document.documentElement.clientWidth, waiting = 0;
window.addEventListener("resize", () => {
  if (document.documentElement.clientWidth === width) return;
  width = document.documentElement.clientWidth;
  clearTimeout(waiting);
  waiting = setTimeout(redraw, 150);
});
