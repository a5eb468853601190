// A small shop in one page: its routes are pages to Zap's script, without a word here.
const TEAS = [
  ["p001", "Dragon Well", "Green, from Hangzhou", 14.5, "#7fa65a", "#dfe8c8"],
  ["p002", "First Flush", "Black, from Darjeeling", 12.0, "#b5693a", "#f3dcc3"],
  ["p003", "Iron Goddess", "Oolong, from Anxi", 16.0, "#5f8f7b", "#d5e6de"],
  ["p004", "Silver Needle", "White, from Fuding", 21.0, "#9aa48f", "#eceee6"],
  ["p005", "Smoke and Pine", "Black, from Wuyi", 11.5, "#5c4a3f", "#e2d6cc"],
  ["p006", "Morning Mint", "Herbs, from the garden", 7.5, "#3f9a78", "#d2efe2"],
].map(([id, name, from, price, dark, light]) => ({ id, name, from, price, dark, light }));
const cart = [];
const euros = (sum) => sum.toLocaleString("en", { style: "currency", currency: "EUR" });
const total = () => cart.reduce((sum, tea) => sum + tea.price, 0);
const find = (name) => document.getElementById(name);

function make(tag, attributes = {}, ...inner) {
  const svg = ["svg", "rect", "circle", "path"].includes(tag);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...inner);
  return made;
}

function tin({ dark, light }) {
  return make("svg", { class: "tin", viewBox: "0 0 200 150", preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true" },
    make("rect", { width: 200, height: 150, fill: light }),
    make("circle", { cx: 165, cy: 25, r: 70, fill: dark, opacity: .12 }),
    make("rect", { x: 70, y: 38, width: 60, height: 84, rx: 9, fill: dark }),
    make("rect", { x: 66, y: 30, width: 68, height: 16, rx: 6, fill: dark }),
    make("rect", { x: 66, y: 44, width: 68, height: 3, fill: light, opacity: .6 }),
    make("path", { d: "M100 66c-14 6-18 20-8 36 14-6 18-22 8-36z", fill: light }));
}

const card = (tea) => make("a", { class: "card", href: "/product?id=" + tea.id }, tin(tea),
  make("strong", {}, tea.name), make("span", {}, tea.from), make("span", {}, euros(tea.price)));
const grid = (teas) => make("div", { class: "grid" }, ...teas.map(card));
const link = (href, text, strong) => make("a", { href, class: strong ? "button strong" : "button" }, text);
const actions = (...inner) => make("div", { class: "actions" }, ...inner);

function button(text, act) {
  const made = make("button", { type: "button", class: "strong" }, text);
  made.addEventListener("click", act);
  return made;
}

const lines = () => cart.length
  ? [...cart.map((tea) => make("div", { class: "line" }, make("span", {}, tea.name), make("span", {}, euros(tea.price)))),
    make("div", { class: "line total" }, make("span", {}, "Together"), make("span", {}, euros(total())))]
  : [make("p", {}, "Nothing is in it yet.")];

const PAGES = {
  "/": () => ["Tea for slow afternoons", "Six teas, packed by hand. Choose one, and see what the model makes of it.", grid(TEAS.slice(0, 3)), actions(link("/category?id=c01", "All teas", true))],
  "/category": () => ["All teas", "Loose leaf, in tins of 80 grams.", grid(TEAS)],
  "/search": () => ["Search", "What people look for most.", grid(TEAS.slice(2, 5))],
  "/product": (query) => {
    const tea = TEAS.find((one) => one.id === query.get("id")) ?? TEAS[0];
    return [tea.name, tea.from, make("div", { class: "product" }, tin(tea),
      make("div", {}, make("p", {}, "A tin of 80 grams, enough for about thirty pots. Steep for three minutes, and again for five."),
        make("p", { class: "price" }, euros(tea.price)),
        button("Add to the cart", () => {
          cart.push(tea);
          zap.track("add_to_cart", { sku: tea.id, price: tea.price });
          go("/cart");
        }), actions(link("/category?id=c01", "Other teas"))))];
  },
  "/cart": () => ["Your cart", "", ...lines(), actions(link("/category?id=c01", "Go on looking"), ...(cart.length ? [link("/checkout", "To the checkout", true)] : []))],
  "/checkout": () => ["Checkout", "No payment, no address: the shop is made up.", ...lines(), actions(link("/cart", "Back"), ...(cart.length ? [button("Buy now", () => {
    zap.track("purchase", { amount: total() });
    cart.length = 0;
    settled();
    go("/checkout/complete");
  })] : []))],
  "/checkout/complete": () => ["Thank you", "Your tea exists only here; but the purchase is now in Zap's archive.", actions(link("/", "Back to the shop", true))],
  "/account": () => ["Your account", "You have not signed in.", actions(link("/", "Back to the shop"))],
  "/help": () => ["Help", "We ship on weekdays. Tins may be sent back within 30 days.", actions(link("/category?id=c01", "All teas"))],
};

function show() {
  const [title, words, ...inner] = (PAGES[location.pathname] ?? PAGES["/"])(new URLSearchParams(location.search));
  find("page").replaceChildren(make("h1", {}, title), ...(words ? [make("p", {}, words)] : []), ...inner);
  document.title = `${title} \u00b7 Kettle & Leaf`;
  find("count").textContent = cart.length;
  for (const each of document.querySelectorAll("nav a")) {
    if (each.pathname === location.pathname) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
  ask(title);
}

function go(href) {
  history.pushState(null, "", href);
  show();
  find("page").focus({ preventScroll: true });
  scrollTo(0, 0);
}

// The model knows of a page view when it has come through collector, spool and store,
// a moment later: the instant of a prediction says which page view was its last.
let shown, bought = false, turn = 0;
async function ask(title) {
  if (bought) return;
  const mine = ++turn, until = Date.now() + 15_000;
  find("state").textContent = "The page view is on its way \u2026";
  while (mine === turn && Date.now() < until) {
    const found = await zap.predict("live_shop").catch((error) => {
      find("state").textContent = `No prediction: ${error.message}`;
    });
    if (mine !== turn) return;
    if (found?.events && found.instant_us !== shown?.instant_us) return tell(title, found);
    await new Promise((done) => setTimeout(done, 300));
  }
  if (mine === turn) find("state").textContent = "The page view has not come to the model.";
}

function tell(title, found) {
  const percent = (part) => (100 * part).toFixed(1);
  const change = found.probability - (shown?.probability ?? found.probability);
  find("probability").textContent = `${percent(found.probability)} %`;
  find("probability").dataset.probability = found.probability;
  find("bar").style.transform = `scaleX(${found.probability})`;
  find("state").textContent = `After ${found.events} page view${found.events > 1 ? "s" : ""} of this visit.`;
  find("version").textContent = found.version;
  find("visitor").textContent = JSON.parse(localStorage["zap.visitor"]).anonymous_id;
  const moved = make("b", { class: change < 0 ? "down" : "up" },
    shown ? `${change < 0 ? "\u2193" : "\u2191"} ${percent(Math.abs(change))} points` : "");
  find("moves").prepend(make("li", {}, make("span", {}, title), moved));
  while (find("moves").children.length > 6) find("moves").lastChild.remove();
  shown = found;
}

// The question is about visits without a purchase: there is nothing more to ask.
function settled() {
  bought = true;
  turn++;
  find("probability").textContent = "Bought";
  find("bar").style.transform = "scaleX(1)";
  find("state").textContent = "It did. The next visitor is another question.";
}

document.addEventListener("click", (event) => {
  const hit = event.target.closest("a");
  if (!hit || hit.origin !== location.origin || hit.hash || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  go(hit.href);
});
addEventListener("popstate", show);
find("over").addEventListener("click", () => {
  zap.reset();
  location.href = "/";
});
show();
