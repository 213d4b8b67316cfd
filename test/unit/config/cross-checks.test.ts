import assert from "node:assert/strict";
import { test } from "node:test";
import { load, problems } from "./load-text.ts";

const model = (rest: string, task = "binary") => `models:\n  - { name: m, task: ${task}, ${rest} }\n`;

/** The problems without their positions. */
const said = (text: string) => problems(text).map((line) => line.replace(/^\d+:\d+ {2}/, ""));

test("windows must be multiples of the pane and differ", () => {
  assert.deepEqual(said(model("pane: 1m, windows: [90s, 5m, 5m, 300s, 20 events, 20  events]")), [
    'models[0].windows[0]: "90s" is no multiple of the pane (1m); choose a window or a pane that divides evenly',
    'models[0].windows[2]: the window "5m" is listed twice',
    'models[0].windows[3]: "300s" is as long as "5m"',
    'models[0].windows[5]: the window "20 events" is listed twice',
  ]);
  assert.equal(load(model("pane: 90s, windows: [90s, 3m]")).models[0]?.windows.length, 2);
});

test("a detector of several features together is listed once, whatever its subjects", () => {
  assert.deepEqual(
    said(model("detectors: [{ use: correlation, subjects: [a, b] }, { use: correlation, subjects: [c, d] }]")),
    [
      'models[0].detectors[1]: "correlation" is listed twice; it looks at several features together and has one value a window',
    ],
  );
  load(
    model(
      "detectors: [correlation, { use: domain-classifier, sample_rows: 500 }], alerts: { rules: [correlation breached] }",
    ),
  );
});

test("retention may not be shorter than the wait for labels", () => {
  assert.deepEqual(said(model("retention: 30d")), [
    "models[0].retention: 30d is less than label_horizon (90d): predictions would be gone before their labels come",
  ]);
  load(model("retention: 30d, label_horizon: 30d"));
});

test("labels by entity may not be joined over a longer time than labels are waited for", () => {
  assert.deepEqual(said(model("join_labels: { by: entity, entity: c, within: 91d }")), [
    "models[0].join_labels.within: 91d is more than label_horizon (90d), after which no label is waited for",
  ]);
  const { models } = load(model("join_labels: { by: entity, entity: c }"));
  assert.deepEqual(models[0]?.join_labels, { by: "entity", entity: "c", within: 30 * 86_400_000 });
  assert.equal(said(model("join_labels: { by: entity }")).length, 1);
});

test("classes must be distinct by the rule by which labels compare", () => {
  assert.deepEqual(said(model('classes: [1, "1.0"]')), ['models[0].classes[1]: "1.0" is the same class as 1']);
  assert.deepEqual(said(model("classes: [true, 1]")), ["models[0].classes[1]: 1 is the same class as true"]);
  assert.deepEqual(said(model("classes: [no, yes, maybe]")), [
    "models[0].classes: a binary model has two classes, the negative then the positive one; found 3",
  ]);
  assert.deepEqual(said(model("classes: [a, b]", "regression")), [
    "models[0].classes: a regression has no classes; leave this out",
  ]);
  load(model('classes: ["007", "7"]'));
});

test("names of models may not collide, not even in lower case", () => {
  assert.deepEqual(
    said("models: [{ name: fraud, task: binary }, { name: Fraud, task: binary }, { name: fraud, task: binary }]"),
    [
      'models[1].name: "Fraud" differs from "fraud" in upper and lower case alone; their tables would collide; the other is at /etc/driftline/driftline.yaml:1:18',
      'models[2].name: "fraud" is the name of another model too; the other is at /etc/driftline/driftline.yaml:1:18',
    ],
  );
});

test("channels that are told must exist", () => {
  assert.deepEqual(
    said(`${model("alerts: { channels: [terminl, terminal, terminal] }")}channels: { terminal: { use: log } }`),
    [
      'models[0].alerts.channels[0]: there is no channel "terminl"; did you mean "terminal"? Channels: terminal',
      'models[0].alerts.channels[2]: the channel "terminal" is listed twice',
    ],
  );
  assert.deepEqual(said(model("alerts: { channels: [x] }")), [
    'models[0].alerts.channels[0]: there is no channel "x"; no channels are configured',
  ]);
});

test("rules must name metrics and windows that the model has", () => {
  const rules = "rules: [acuracy breached, psi breached, recall < 0.5, { metric: accuracy, windows: [1hr, 1h] }]";
  assert.deepEqual(
    said(model(`windows: [1h, 1d], detectors: [jensen-shannon], kpis: [accuracy], alerts: { ${rules} }`)),
    [
      'models[0].alerts.rules[0].metric: this model has no metric "acuracy"; did you mean "accuracy"? Its metrics: jensen-shannon, accuracy',
      'models[0].alerts.rules[1].metric: the detector "psi" does not run for this model; add it to its detectors',
      'models[0].alerts.rules[2].metric: the KPI "recall" is not computed for this model; add it to its kpis',
      'models[0].alerts.rules[3].windows[0]: this model has no window "1hr"; did you mean "1h"? Its windows: 1h, 1d',
    ],
  );
  load(model("alerts: { rules: [jensen-shannon breached] }"));
});

test("rules name segments of KPIs that the model has", () => {
  const about = (rule: string, more = "segments: [country, plan]") =>
    model(`${more}, kpis: [accuracy], alerts: { rules: [${rule}] }`);
  load(about("{ metric: accuracy, below: 0.7, segments: [country=DE, plan] }"));
  assert.deepEqual(said(about("{ metric: accuracy, below: 0.7, segments: [county=DE] }")), [
    'models[0].alerts.rules[0].segments[0]: "county" is none of the model\'s segments; did you mean "country"? Its segments: country, plan',
  ]);
  assert.deepEqual(said(about("{ metric: accuracy, below: 0.7, segments: [country] }", "min_rows: 10")), [
    'models[0].alerts.rules[0].segments[0]: the model watches nothing by segment; name "country" in its `segments`',
  ]);
  assert.deepEqual(said(about("{ metric: jensen-shannon, segments: [country] }")), [
    "models[0].alerts.rules[0].segments: jensen-shannon is of the whole alone; by segment there are the KPIs that are listed: accuracy",
  ]);
});

test("estimates can be named in rules where there is a reference, listed or not", () => {
  const rules = "kpis: [accuracy], alerts: { rules: [estimated_accuracy < 0.8] }";
  load(model(`reference: { file: a.parquet }, ${rules}`));
  assert.match(said(model(rules)).join(), /the KPI "estimated_accuracy" is not computed for this model/);
  assert.match(said(model(`reference: { file: a.parquet }, estimates: false, ${rules}`)).join(), /is not computed/);
  assert.deepEqual(said(model("kpis: [estimated_f1]")), [
    "models[0].kpis[0]: estimated_f1 needs a reference with predictions, scores and labels: it says how far scores can be trusted",
  ]);
  const numbers = (text: string) => model(text, "regression");
  load(numbers("reference: { file: a.parquet }, kpis: [mae], alerts: { rules: [estimated_mae breached] }"));
  assert.deepEqual(said(numbers("kpis: [estimated_rmse]")), [
    "models[0].kpis[0]: estimated_rmse needs a reference with predictions, features and labels: it says where errors are large",
  ]);
  const fair =
    "reference: { file: a.parquet }, fairness: { groups: [sex] }, alerts: { rules: [estimated_equalised_odds_difference breached] }";
  load(model(fair));
  assert.match(said(model(`estimates: false, ${fair}`)).join(), /has no metric "estimated_equalised_odds_difference"/);
});

test("fairness needs decisions, a reference, and features that can be groups", () => {
  const fairness = (text: string, task = "binary") =>
    said(
      model(`reference: { file: a.parquet, ignore: [zip] }, features: { age: numeric }, fairness: { ${text} }`, task),
    ).map((line) => line.replace("models[0].fairness", ""));
  assert.deepEqual(fairness("groups: [sex, sex, age, zip]"), [
    '.groups[1]: the feature "sex" is listed twice',
    '.groups[2]: "age" is pinned as numeric; groups are the values of a categorical feature',
    '.groups[3]: "zip" is ignored, so its values are not known',
  ]);
  assert.deepEqual(fairness("groups: [sex]", "regression"), [
    ": compares decisions between groups; a regression makes none, leave this out",
  ]);
  assert.deepEqual(fairness("groups: [sex]", "multiclass"), [
    ": lacks positive: which class of a multiclass model is the favourable decision?",
  ]);
  assert.deepEqual(fairness("groups: [sex], positive: 2"), [
    '.positive: the model has no class "2"; did you mean "0"? Its classes: 0, 1',
  ]);
  assert.deepEqual(said(model("fairness: { groups: [sex] }")), [
    "models[0].fairness: needs a reference: its values of a feature are the groups",
  ]);
  load(
    model(
      "reference: { file: a.parquet }, fairness: { groups: [sex], positive: 0 }, alerts: { rules: [{ metric: demographic_parity_ratio, subjects: [sex] }] }",
    ),
  );
});

test("limits of rules may not contradict each other", () => {
  const rule = (text: string) =>
    said(model(`kpis: [accuracy], alerts: { rules: [{ metric: accuracy, ${text} }] }`)).map((line) =>
      line.replace("models[0].alerts.rules[0].", ""),
    );
  assert.deepEqual(rule("for: 3 of 2"), ['for: "3 of 2" can\'t happen: 3 is more than 2']);
  assert.deepEqual(rule("for: 0 of 2"), ['for: "0 of 2" would fire without a breach; N of M needs an N of at least 1']);
  assert.deepEqual(rule("for: twice"), ['for: write for example "2 of 3"']);
  assert.deepEqual(rule("above: 0.1, below: 0.2"), [
    "below: below (0.2) is greater than above (0.1): every value would fire; for a band below is the lower end",
  ]);
  assert.deepEqual(rule("above: 0.1, clear: 0.2"), [
    "clear: 0.2 is past above (0.1): a rule clears on the good side only",
  ]);
  assert.deepEqual(rule("below: 0.8, clear: 0.7"), [
    "clear: 0.7 is past below (0.8): a rule clears on the good side only",
  ]);
  load(
    model(
      "kpis: [accuracy], alerts: { rules: [{ metric: accuracy, above: 0.9, below: 0.2 }, { metric: accuracy, below: 0.8, clear: 0.85, for: 2 of 3 }] }",
    ),
  );
});

test("a rule in words that is none is answered with how one looks", () => {
  assert.match(
    said(model('alerts: { rules: ["f1 << 3"] }')).join(),
    /"f1 << 3" is no rule; write for example "accuracy < 0\.8 for 2 of 3 windows"/,
  );
});

test("an address that others can reach needs a token", () => {
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "driftline.internal", "127.0.0.1.evil.example", ""]) {
    assert.match(
      said(`${model("min_rows: 1")}server: { host: "${host}" }`).join(),
      /needs server\.token|must not be empty/,
      host,
    );
    load(`${model("min_rows: 1")}server: { host: "${host === "" ? "h" : host}", token: t }`);
  }
  for (const host of ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
    load(`${model("min_rows: 1")}server: { host: "${host}" }`);
});

test("cron times and time zones must be ones", () => {
  assert.deepEqual(said(model('schedule: { cron: "* * * 1", timezone: Mars/Base }')), [
    'models[0].schedule.cron: "* * * 1" is no cron time (4 fields); five fields, for example 0 6 * * 1-5',
    'models[0].schedule.timezone: "Mars/Base" is no time zone; for example Europe/Berlin, America/New_York or UTC',
  ]);
  assert.match(said(model('schedule: { cron: "61 * * * *" }')).join(), /is no cron time/);
  load(model('schedule: { cron: "0 6 * * 1-5", timezone: Europe/Berlin }'));
});

test("KPIs must suit the task and have names of their own", () => {
  assert.deepEqual(said(model("kpis: [mae, accuracy, accuracy, { name: f1, sql: count() }]")), [
    "models[0].kpis[0]: mae is not defined for a binary model; those that are: accuracy, precision, recall, specificity, false_positive_rate, f1, roc_auc, log_loss, brier, label_coverage, label_delay, label_delay_p90, ece, estimated_accuracy, estimated_precision, estimated_recall, estimated_specificity, estimated_f1, estimated_roc_auc",
    'models[0].kpis[2]: the KPI "accuracy" is listed twice',
    'models[0].kpis[3].name: "f1" is the name of a built-in KPI; choose another, or write { use: f1 }',
  ]);
  assert.match(
    said(model("kpis: [f1]", "regression")).join(),
    /f1 is not defined for a regression model; those that are: mae, rmse, r2, bias, mape, median_absolute_error, pinball_loss, label_coverage/,
  );
  assert.match(said(model("kpis: [roc_auc]", "multiclass")).join(), /needs to know them: list them in `classes`/);
  assert.match(said(model("kpis: [{ use: f1, quantile: 0.9 }]")).join(), /f1 has no quantile; pinball_loss has/);
  load(model("kpis: [{ use: pinball_loss, quantile: 0.9, max: 3 }, label_delay]", "regression"));
  assert.match(said(model("kpis: [{ use: f1, min: 0.9, max: 0.8 }]")).join(), /every value would breach/);
  assert.match(said(model("kpis: [{ use: f1, min: 0.9, clear: 0.8 }]")).join(), /clears on the good side only/);
});

test("one detector twice over one subject is refused", () => {
  assert.match(
    said(model("detectors: [psi, { use: psi, threshold: 0.3 }]")).join(),
    /"psi" is listed twice; give each its own subjects/,
  );
  assert.match(
    said(model("detectors: [{ use: psi, subjects: [a, b] }, { use: psi, subjects: [b] }]")).join(),
    /"psi" is listed twice for b/,
  );
  load(model("detectors: [{ use: psi, subjects: [a] }, { use: psi, threshold: 0.3, subjects: [b] }]"));
});

test("Kafka: brokers are host:port, topics differ, and dead letters don't come back", () => {
  const kafka = (text: string) =>
    said(`${model("min_rows: 1")}sources: [{ use: kafka, ${text} }]`).map((line) => line.replace("sources[0].", ""));
  assert.deepEqual(
    kafka('brokers: [kafka, "kafka:9092", "[::1]:9092", "http://kafka:9092"], topics: [t, t], dead_letter_topic: t'),
    [
      "brokers[0]: expected host:port, for example kafka:9092",
      "brokers[3]: expected host:port, for example kafka:9092",
      'topics[1]: the topic "t" is listed twice',
      'dead_letter_topic: "t" is also read by this source: its dead letters would come back for ever',
    ],
  );
});

test("recorded messages are lines of NDJSON, of a format that text can carry", () => {
  const file = (text: string) =>
    said(`${model("min_rows: 1")}sources: [{ use: file, ${text} }]`).map((line) => line.replace("sources[0].", ""));
  load(`${model("min_rows: 1")}sources: [{ use: file, path: calls.ndjson, messages: kserve }]`);
  assert.deepEqual(file("path: calls.ndjson, messages: seldon-2"), [
    'messages.use: "seldon-2" is carried by Kafka alone',
  ]);
  assert.match(
    file("path: calls.csv, messages: kserve").join(),
    /messages: recorded messages are lines of NDJSON, and .*calls.csv is read as CSVWithNames/,
  );
});

test("champion and challenger are two sides that no event belongs to both of, with KPIs and windows that both have", () => {
  const compared = (more: string, rest = "kpis: [accuracy, brier], windows: [1h]", task = "binary") =>
    model(`${rest}, compare: { ${more} }`, task);
  const sides = "champion: { variant: a }, challenger: { variant: b }";
  load(compared(sides));
  load(compared('champion: { version: "1" }, challenger: { version: "2", variant: b }, kpis: [brier]'));
  load(compared("champion: { variant: '' }, challenger: { variant: b }, traffic: shadow"));
  const both =
    "models[0].compare: an event could belong to champion and challenger both; give both a version, or both a variant, that differs";
  assert.deepEqual(said(compared('champion: { version: "1" }, challenger: { variant: b }')), [both]);
  assert.deepEqual(said(compared("champion: { variant: b }, challenger: { variant: b }")), [both]);
  assert.deepEqual(said(compared("champion: {}, challenger: { variant: b }")), [
    "models[0].compare.champion: names neither a version nor a variant",
  ]);
  assert.deepEqual(said(compared(`${sides}, kpis: [recall]`)), [
    'models[0].compare.kpis[0]: "recall" is not among the model\'s kpis; list it there too',
  ]);
  assert.deepEqual(said(compared(`${sides}, kpis: [brier], traffic: shadow`)), [
    "models[0].compare.kpis[0]: brier is not over the same events for both, so it can't be compared with traffic: shadow",
  ]);
  assert.deepEqual(said(compared(sides, "kpis: [roc_auc], windows: [1h]")), [
    "models[0].compare: none of the model's kpis can be compared; list for example accuracy among them",
  ]);
  assert.deepEqual(said(compared(sides, "kpis: [accuracy], windows: [500 events], false_alarms: off")), [
    "models[0].compare: is a part of the page tier, which `false_alarms: off` turns off",
    "models[0].compare: needs a window by time: windows by number of events are not at the same times for both",
  ]);
  assert.deepEqual(said(compared(sides, "kpis: [mae], windows: [1h]", "regression")), [
    "models[0].compare: compares shares of events that went wrong; a regression has none, leave this out",
  ]);
});

test("windows of days by the clocks of a time zone begin with a pane", () => {
  const zoned = (timezone: string, pane: string) => said(model(`timezone: ${timezone}, pane: ${pane}, windows: [1d]`));
  assert.deepEqual(zoned("Asia/Kolkata", "1h"), [
    'models[0].timezone: in Asia/Kolkata "1d" begins 330m before midnight UTC, in the middle of a pane of 1h; choose a pane that divides this evenly, for example 1m',
  ]);
  assert.match(zoned("America/New_York", "1d")[0] ?? "", /"1d" begins \d+h after midnight UTC \(in parts of the year/);
  assert.match(zoned("Australia/Lord_Howe", "1h")[0] ?? "", /"1d" begins 630m before midnight UTC/);
  assert.deepEqual(zoned("Europe/Berlyn", "1m"), [
    'models[0].timezone: "Europe/Berlyn" is no time zone; for example Europe/Berlin, America/New_York or UTC',
  ]);
  for (const rest of [
    "timezone: Asia/Kolkata, pane: 30m, windows: [1d]",
    "timezone: Asia/Kathmandu, pane: 15m, windows: [1d, 7d]",
    "timezone: Australia/Lord_Howe, pane: 30m, windows: [1d]",
    "timezone: Europe/Berlin, pane: 1h, windows: [1d]",
    // Nothing begins at midnight there.
    "timezone: Asia/Kolkata, pane: 1h, windows: [1h, 12h, 36h, 100 events]",
    "timezone: UTC, pane: 1d, windows: [1d]",
  ])
    load(model(rest));
});
