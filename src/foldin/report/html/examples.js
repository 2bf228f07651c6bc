// Example users: what they liked, what models recommend, what they then rated.
function drawExample() {
  const { items, models, rater, users } = DATA.examples;
  const user = users[Number(byId("example-user").value)];
  const named = item => `${items[item][0]} (${items[item][1]})`;
  const list = (title, entries) => make("div", {}, make("h3", {}, title), make("ol", {}, entries));
  const liked = user.liked.map(([item, rating]) => make("li", {}, `${named(item)}: ${rating}`));
  const lists = models.map((model, at) => list(`Recommended by ${called(MODELS.get(model))}`, user.lists[at].map(([item, hit]) =>
    make("li", { class: hit ? "hit" : null }, named(item), hit ? " ✓ rated" : ""))));
  const rated = user.held_out.map(([item, rating, predicted]) => make("li", {}, `${named(item)}: ${rating}` +
    (predicted === undefined ? "" : `, predicted ${show(predicted, 2)}`)));
  byId("example").replaceChildren(
    list(`Rated highest in training, of ${user.ratings} ratings`, liked), ...lists,
    list(`Test ratings, highest first${rater ? `; predicted by ${rater}` : ""}`, rated));
}

function startExamples() {
  if (!DATA.examples || !DATA.examples.users.length) {
    byId("examples-said").textContent = DATA.no_examples;
    return;
  }
  const named = DATA.examples.users[0].id !== undefined;
  byId("examples-said").textContent = `${named ? "Users have the ids of the data set." : "These users are generated."} A tick means that the user rated the item in the test part.`;
  const select = make("select", { id: "example-user" });
  options(select, DATA.examples.users.map((user, at) => [String(at), `user ${user.id === undefined ? at + 1 : user.id}: ${user.ratings} training ratings`]), "0");
  select.addEventListener("change", drawExample);
  byId("examples-body").append(
    make("form", { class: "controls" }, make("span", { class: "field" }, make("label", { for: "example-user" }, "User, by activity"), select)),
    make("div", { class: "examples", id: "example" }));
  drawExample();
}
