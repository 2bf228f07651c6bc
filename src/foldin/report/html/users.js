// How a metric spreads over users: histograms of two models, and means by activity.
const sum = values => values.reduce((total, value) => total + value, 0);

function chosenUsers() {
  const spread = DATA.distributions.find(each => each.name === byId("users-metric").value);
  const group = byId("users-group").value;
  const at = spread.groups.findIndex(each => each.name === group);
  const of = rows => at < 0 ? rows[0].map((_, bin) => sum(rows.map(row => row[bin]))) : rows[at];
  const models = ["first", "second"].map(place => {
    const name = byId(`users-${place}`).value;
    const counts = of(spread.counts[name]), zeros = at < 0 ? sum(spread.zeros[name]) : spread.zeros[name][at];
    return { name, counts, zeros, users: sum(counts) };
  });
  return { spread, models, group };
}

function drawUsers() {
  const { spread, models, group } = chosenUsers();
  const edges = spread.edges, bins = edges.length - 1, host = byId("users-chart");
  const shares = models.map(model => model.counts.map(count => model.users ? count / model.users : 0));
  const width = Math.max(300, host.clientWidth), most = Math.max(0.01, ...shares.flat());
  const names = models.map(model => model.name).join(" and ");
  const chart = frame({
    width, height: Math.min(360, Math.max(260, width * 0.45)), x: [edges[0], edges[bins]], y: [0, most * 1.05],
    xLabel: `${spread.title} of a user${spread.more ? "; the last bar holds all above, too" : ""}`,
    yLabel: "share of users", label: `Share of users by ${spread.title}: ${names}`,
  });
  const step = shares[1].flatMap((share, bin) => [[edges[bin], share], [edges[bin + 1], share]]);
  shares[0].forEach((share, bin) => {
    const x = chart.sx(edges[bin]), y = chart.sy(share);
    chart.svg.append(draw("rect", {
      class: "first soft", x: x + 0.5, y, width: chart.sx(edges[bin + 1]) - x - 1, height: chart.sy(0) - y,
    }));
  });
  chart.svg.append(draw("path", { class: "second stroke", d: path(chart, step.map(([x]) => x), step.map(([, y]) => y)) }));
  host.replaceChildren(chart.svg, legend([[models[0].name, "first", "bar"], [models[1].name, "second", ""]]));
  const range = bin => `${show(edges[bin], 2)} to ${spread.more && bin === bins - 1 ? "more" : show(edges[bin + 1], 2)}`;
  byId("users-table").replaceChildren(plainTable(`Users by ${spread.title}`, [spread.title, ...models.map(model => model.name)],
    edges.slice(1).map((_, bin) => [range(bin), ...models.map(model => String(model.counts[bin]))])));
  const who = group === "all" ? "users" : `users with the ${group === "few" || group === "many" ? `second ${group === "few" ? "fewest" : "most"}` : group} ratings`;
  byId("users-said").textContent = spread.name === "ndcg"
    ? models.map(({ name, zeros, users }) =>
      `${users ? percent(zeros / users) : "0%"} of ${who} (${zeros.toLocaleString("en-US")} of ${users.toLocaleString("en-US")}) get ${spread.title} 0 from ${name}: no hit on the list.`).join(" ")
    : `${models[0].users.toLocaleString("en-US")} ${who}, RMSE in ${DATA.unit}.`;
  const label = { fewest: "fewest ratings", few: "few", many: "many", most: "most ratings" };
  byId("activity-table").replaceChildren(plainTable(`${spread.title} by activity`,
    ["users with", "users", ...models.map(model => model.name)],
    spread.groups.map((each, at) => [label[each.name], each.users.toLocaleString("en-US"),
      ...models.map(model => show(spread.means[model.name][at]))])));
}

function usersOfMetric() {
  const spread = DATA.distributions.find(each => each.name === byId("users-metric").value);
  const names = DATA.models.map(model => model.name).filter(name => spread.counts[name]);
  const best = spread.name === "rmse" ? DATA.best.rater : DATA.best.ranker;
  const baseline = names.find(name => MODELS.get(name).kind === "baseline" && name !== best);
  const kept = place => names.includes(byId(`users-${place}`).value) && byId(`users-${place}`).value;
  options(byId("users-first"), modelOptions(names), kept("first") || (names.includes(best) ? best : names[0]));
  options(byId("users-second"), modelOptions(names), kept("second") || baseline || names[names.length - 1]);
  const groups = spread.groups.map(each => [each.name, `${each.name} ratings: ${each.users.toLocaleString("en-US")} users`]);
  options(byId("users-group"), [["all", "all users"], ...groups], byId("users-group").value || "all");
  drawUsers();
}

function startUsers() {
  if (!DATA.distributions.length) {
    byId("users").hidden = true;
    return;
  }
  const metrics = DATA.distributions.map(each => [each.name, each.title]);
  options(byId("users-metric"), metrics, metrics[0][0]);
  byId("users-metric").addEventListener("change", usersOfMetric);
  for (const name of ["group", "first", "second"]) byId(`users-${name}`).addEventListener("change", drawUsers);
  usersOfMetric();
}
