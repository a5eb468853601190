// The page's tables.

import { h } from "./dom.js";
import * as words from "./words.js";

export function predictions(id, app, training) {
  const rows = app.rows.map((row) => h("tr", null,
    h("td", null, words.instant(row.time_us)),
    h("td", { class: "number" }, words.prediction(row.value, training)),
    h("td", null, row.segment ?? "–"),
    h("td", { class: "number" }, words.count(row.events)),
    h("td", null, version(row.version, app.version)),
    h("td", null, h("code", null, row.id))));
  const what = training?.kind === "amount" ? "Amount"
    : training?.kind === "classes" ? "Probabilities" : "Probability";
  return table(`${id}-predictions`, "Recent predictions",
    ["Time (UTC)", `#${what}`, "Segment", "#Events", "Version", "Id"], rows,
    "No prediction since the start.");
}

export function deployments(id, app) {
  const rows = app.deployments.map((each) => h("tr", null,
    h("td", { title: each.when }, words.minute(each.when)),
    h("td", null, each.action),
    h("td", null, version(each.version, app.version)),
    h("td", null, each.who),
    h("td", { class: "text" }, each.why)));
  const known = app.versions === null ? "" : `; ${words.count(app.versions)} versions`;
  return table(`${id}-deployments`, `Deployments (${words.count(app.deployed)}${known})`,
    ["Time (UTC)", "What", "Version", "Who", "Why"], rows, "Nothing was deployed yet.");
}

export function refusals(found) {
  if (!found.length) return null;
  const rows = found.map((each) => h("tr", null,
    h("td", null, h("code", null, each.reason)),
    h("td", { class: "number" }, words.count(each.lately)),
    h("td", { class: "number" }, words.count(each.total))));
  return h("details", { id: "refused" },
    h("summary", null, "Not answered, by reason"),
    table("refusals", null, ["Reason", "#Last 10 min", "#Since the start"], rows, ""));
}

// The first half of a version is enough to tell it by; the whole is its title.
function version(text, served) {
  return h("code", { class: text === served ? "version served" : "version", title: text },
    text.slice(0, 8));
}

// A name that begins with # is of numbers.
function table(id, title, columns, rows, none) {
  const heading = title && h("h3", { id: `${id}-name` }, title);
  const named = title ? { "aria-labelledby": `${id}-name` }
    : { "aria-label": "Not answered, by reason" };
  if (!rows.length) return h("div", { id, class: "table" }, heading, h("p", null, none));
  return h("div", { id, class: "table" }, heading,
    h("div", { class: "scroll", role: "region", tabindex: 0, ...named },
      h("table", named,
        h("thead", null, h("tr", null, columns.map((name) => h("th", {
          scope: "col", class: name.startsWith("#") ? "number" : null,
        }, name.replace(/^#/, ""))))),
        h("tbody", null, rows))));
}
