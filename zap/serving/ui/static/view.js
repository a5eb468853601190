// From the server's data to the page's content: the server first, then applications.

import { calibrationChart, latencyChart, number, scoresChart } from "./charts.js";
import { h } from "./dom.js";
import { deployments, predictions, refusals } from "./tables.js";
import * as words from "./words.js";

export function content(data) {
  return h("main", { id: "main", tabindex: -1 },
    server(data),
    data.applications.length > 1 && h("nav", { "aria-label": "Applications" },
      data.applications.map((app) => h("a", { href: `#app-${app.name}` }, app.name))),
    data.registry_said && notice(`The registry can't be read. ${data.registry_said}`),
    data.applications.length === 0 && notice(
      "No application yet: deploy a model with zap models deploy."),
    data.applications.map((app) => application(app)));
}

function server(data) {
  const parts = Object.entries(data.health).map(([name, part]) => card(
    part.well ? `${name}: well` : `${name}: not well`,
    h("b", { class: part.well ? "good" : "bad" }, part.well ? "✓" : "✗"),
    part.well ? numbers(part.numbers) : part.said));
  const lately = data.refusals.reduce((sum, each) => sum + each.lately, 0);
  const total = data.refusals.reduce((sum, each) => sum + each.total, 0);
  return h("section", { id: "server", "aria-labelledby": "server-name" },
    h("h2", { id: "server-name", class: "hidden" }, "The server"),
    h("ul", { class: "cards" },
      card("up for", h("b", null, words.span(data.now_us - data.started_us)),
        `since ${words.instant(data.started_us)} UTC, process ${data.process}`),
      card("not answered, last 10 min",
        h("b", { class: lately ? "bad" : null }, words.count(lately)),
        `${words.count(total)} since the start`),
      parts),
    refusals(data.refusals));
}

function numbers(found) {
  return Object.entries(found).map(([name, value]) =>
    value === true ? name
      : `${name} ${typeof value === "number" ? words.count(value) : value}`).join(", ");
}

function application(app) {
  const id = `app-${app.name}`;
  const training = app.scores?.training;
  const used = app.version !== null || app.predictions > 0 || app.analysis.state !== "none";
  return h("section", { id, class: "application", "aria-labelledby": `${id}-name` },
    h("h2", { id: `${id}-name` }, app.name),
    app.question && h("p", { class: "question" }, app.question),
    live(app),
    used && h("ul", { class: "cards" }, cards(app, training)),
    h("div", { class: "charts" },
      app.scores && scores(id, app.scores),
      used && latency(id, app.latency), used && calibration(id, app, training)),
    h("div", { class: "tables" },
      used && predictions(id, app, training), deployments(id, app)));
}

function live(app) {
  const change = app.live;
  const serves = app.version === null ? "Nothing is served"
    : ["Serves version ", h("code", { class: "version" }, app.version)];
  const since = change && change.live === app.version
    ? `, live since ${words.instant(change.when)} UTC` : "";
  const differs = change && change.live !== app.version && app.version !== null;
  return [
    h("p", { class: "live" }, serves, since,
      change && change.live === app.version && ` (${change.action} by ${change.who})`, "."),
    app.version === null && !change && notice(
      "No version is live. Deploy one with zap models deploy."),
    app.version === null && change && notice(
      `The registry's live version ${change.live} is not served here.`),
    differs && notice(`The registry's live version is ${change.live}, but ${app.version} `
      + "is served: the server is about to take it up, or could not load it."),
    app.problem && notice(`The live version can't be served. ${app.problem}`),
    app.history_said && notice(`The registry can't be read. ${app.history_said}`),
    app.scores?.training.said && notice(
      `The bundle's metrics can't be read. ${app.scores.training.said}`),
  ];
}

function cards(app, training) {
  const whole = app.latency.whole;
  const amounts = training?.kind === "amount";
  const rate = amounts ? words.amount : words.percent;
  const matured = app.analysis.matured;
  return [
    card("predictions", h("b", null, words.count(app.predictions)), "since the start"),
    card("latency, last 10 min", h("b", null, words.milliseconds(whole.p50_ms)),
      `half within; 99 % within ${words.milliseconds(whole.p99_ms)}; n = ${words.count(whole.n)}`),
    training && training.base_rate !== null && card(
      amounts ? "mean amount in training" : "base rate in training",
      h("b", null, rate(training.base_rate)),
      `test split, n = ${words.count(training.n)}`),
    app.scores && app.scores.now.mean !== null && card("mean score now",
      h("b", null, rate(app.scores.now.mean)),
      `n = ${words.count(app.scores.now.n)}; in training ${rate(training.mean)}`),
    matured && matured.n > 0 && card("AUC of what matured",
      h("b", null, decimals(matured.auc, 3)),
      `of the test split ${decimals(training?.auc, 3)}; n = ${words.count(matured.n)}`),
  ];
}

function decimals(value, digits) {
  return value === null || value === undefined ? "–" : value.toFixed(digits);
}

function card(name, value, more) {
  return h("li", null, h("span", { class: "name" }, name), value,
    h("span", { class: "more" }, more));
}

function scores(id, { training, now, others }) {
  const title = "Scores now against training";
  if (!training.shares && !now.shares) return figure(title, null, "Nothing to compare yet.");
  const format = training.kind === "amount" ? words.amount : number;
  const chart = scoresChart(`${id}-scores`, {
    edges: training.names ?? training.edges, training: training.shares, now: now.shares,
    format,
  });
  const shown = training.kind === "classes" ? "mean probability of each class"
    : "share of predictions by score";
  const before = others ? ` ${words.count(others)} of other versions are left out.` : "";
  return figure(title, chart, [
    h("span", { class: "key now" }, `now, n = ${words.count(now.n)}`), " ",
    h("span", { class: "key training" }, `training's test split, n = ${words.count(training.n)}`),
    `: ${shown}.${before}`,
  ]);
}

function latency(id, { whole, series }) {
  const chart = latencyChart(`${id}-latency`, series, words.milliseconds, words.clock);
  return figure("Latency, last 10 minutes", chart, [
    h("span", { class: "key p50" }, "half within"), " ",
    h("span", { class: "key p99" }, "99 % within"),
    `, in milliseconds, by ten seconds (UTC); n = ${words.count(whole.n)} requests.`,
  ]);
}

function calibration(id, app, training) {
  const title = "Calibration of matured predictions";
  const { state, matured, immature, alarms, said, made_at: madeAt } = app.analysis;
  const command = `zap analyse ${app.name}`;
  if (state === "none") {
    return figure(title, null, ["Not analysed yet: run ", h("code", null, command), "."]);
  }
  if (state === "unreadable") {
    return figure(title, null, [`The analysis can't be read (${said}). Run `,
      h("code", null, command), " again."]);
  }
  const amounts = training?.kind === "amount";
  const rate = amounts ? words.amount : (v) => words.percent(v);
  const numbers = [
    `n = ${words.count(matured.n)}`,
    matured.base_rate !== null
      && `${amounts ? "mean" : "base rate"} ${rate(matured.base_rate)}`,
    matured.ece !== null && `ECE ${matured.ece.toFixed(4)}`,
  ].filter(Boolean).join(", ");
  const made = madeAt === null ? "" : ` Analysed ${words.instant(madeAt)} UTC.`;
  const chart = matured.curve.length
    ? calibrationChart(`${id}-calibration`, matured.curve, rate,
      amounts ? number : (v) => `${number(100 * v)} %`) : null;
  return figure(title, chart, [
    `${numbers}.${waiting(immature)}${made}`,
    alarms.length > 0 && h("ul", { class: "alarms" }, alarms.map((each) => h("li", null, each))),
  ]);
}

// Predictions whose outcome is not known yet, and what is to be expected of them.
function waiting({ n, expected, expected_low: low, expected_high: high }) {
  if (!n) return "";
  const range = low !== null && high !== null ? ` (${number(low)} to ${number(high)})` : "";
  const of = expected === null ? "" : `; expected of them: ${number(expected)}${range}`;
  return ` ${words.count(n)} wait for their outcome${of}.`;
}

function figure(title, chart, caption) {
  return h("figure", null, h("h3", null, title), chart, h("figcaption", null, caption));
}

function notice(text) {
  return h("p", { class: "notice" }, text);
}
