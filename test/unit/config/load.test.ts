import assert from "node:assert/strict";
import { test } from "node:test";
import { detectors } from "../../../detectors/index.ts";
import { sampleDetectors } from "../../../detectors/multivariate/index.ts";
import { onlineDetectors } from "../../../detectors/online/index.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { load, MINIMAL, problems } from "./load-text.ts";

test("a model needs no more than a name and a task", () => {
  const config = load(MINIMAL);
  const [model] = config.models;
  assert.deepEqual(
    model?.windows.map((window) => window.name),
    ["1h", "1d"],
  );
  assert.equal(model?.pane, 60_000);
  assert.equal(model?.label_horizon, 90 * 86_400_000);
  assert.deepEqual(config.store, { embedded: "/etc/driftline/data" });
});

test("names of files are relative to the folder of the configuration", () => {
  const config = load(`${MINIMAL.trimEnd().replace("}", ", reference: { file: ref.parquet } }")}
store: { embedded: ../data }
sources:
  - { use: file, path: a/b.csv }
  - { use: kafka, brokers: ["k:9092"], topics: [t], tls: { ca_file: ca.pem, key_file: /secrets/key.pem } }
`);
  assert.deepEqual(config.store, { embedded: "/etc/data" });
  const [file, kafka] = config.sources;
  assert.equal(file?.use === "file" && file.path, "/etc/driftline/a/b.csv");
  assert.deepEqual(kafka?.use === "kafka" && kafka.tls, {
    ca_file: "/etc/driftline/ca.pem",
    key_file: "/secrets/key.pem",
    reject_unauthorized: true,
  });
  assert.equal(config.models[0]?.reference?.file, "/etc/driftline/ref.parquet");
});

test("every problem is listed at its line, with what was expected and what was probably meant", () => {
  const text = `models:
  - name: m
    task: binry
    detectors:
      - psi
      - { use: psy }
      - { use: wasserstein, treshold: 0.1 }
      - jensen-shanon
    kpis: [acuracy, { use: f1, min: low }]
    windws: [5m]
chanels: {}
server: { port: 99999 }
sources: { use: file }
`;
  const names = [...detectors, ...sampleDetectors, ...onlineDetectors].map(({ name }) => name).join(", ");
  assert.deepEqual(problems(text), [
    '3:11  models[0].task: "binry" is no choice here; did you mean "binary"? Choose one of: binary, multiclass, regression',
    `6:16  models[0].detectors[1].use: "psy" is no choice here; did you mean "psi"? Choose one of: ${names}`,
    '7:29  models[0].detectors[2].treshold: unknown key; did you mean "threshold"?',
    `8:9  models[0].detectors[3]: "jensen-shanon" is no choice here; did you mean "jensen-shannon"? Choose one of: ${names}`,
    '9:12  models[0].kpis[0]: "acuracy" is no choice here; did you mean "accuracy"? Choose one of: accuracy, precision, recall, specificity, false_positive_rate, f1, roc_auc, log_loss, brier, mae, rmse, r2, bias, mape, median_absolute_error, pinball_loss, label_coverage, label_delay, label_delay_p90, ece, weighted_precision, weighted_recall, weighted_f1, top_2_accuracy, top_3_accuracy, top_5_accuracy, estimated_accuracy, estimated_precision, estimated_recall, estimated_specificity, estimated_f1, estimated_roc_auc, estimated_mae, estimated_rmse',
    '9:37  models[0].kpis[1].min: expected a number, found the text "low"',
    '10:5  models[0].windws: unknown key; did you mean "windows"?',
    '11:1  chanels: unknown key; did you mean "channels"?',
    "12:17  server.port: must be at most 65535, found the number 99999",
    "13:10  sources: expected a list, found a group of keys",
  ]);
});

test("no problem is said in zod's words", () => {
  const texts = [
    "models: 5",
    "models: []",
    "models: [[]]",
    "models: [null]",
    "models:\n  - { name: 5, task: [], classes: [{}], windows: 1h, kpis: [{}], alerts: [], schedule: 5, features: { a: nummeric } }",
    "store: 5\nmodels: [{}]",
    "store: {}\nmodels: [{ name: '', task: binary }]",
    "store: { url: nowhere, databse: x }\nmodels: [{ name: m, task: binary, kpis: [{ name: K, sql: '' }] }]",
    "sources: [{ use: kafka, brokers: [], topics: t, tls: 5 }, { brokers: [a] }, kafka]\nmodels: [{ name: m, task: binary }]",
    "channels: { a: slack, b: { use: slack } }\nmodels: [{ name: m, task: binary, actions: [{ use: webhok }], alerts: { rules: [5, 'f1 < x', { above: 1 }] } }]",
  ];
  for (const text of texts) {
    const lines = problems(text);
    assert.ok(lines.length > 0);
    for (const line of lines) assert.doesNotMatch(line, /Invalid|received|Unrecognized|undefined|\[object/, line);
  }
});

test("a number where text is wanted is answered with how to quote it, digits kept", () => {
  assert.deepEqual(problems(`${MINIMAL}events: { version: { value: 1.10 } }`), [
    '3:29  events.version.value: expected text, found the number 1.1; put it in quotes: "1.10"',
  ]);
});

test("a variable's value is text, except where a number or true or false is asked for", () => {
  const text = `${MINIMAL}server: { port: "\${PORT}" }
events: { version: { value: "\${VERSION}" } }
sources: [{ use: kafka, brokers: ["\${HOST}:9092"], topics: [t], tls: "\${TLS}", from_beginning: "\${BEGIN}" }]
`;
  const config = load(text, { environment: { PORT: "9000", VERSION: "007", HOST: "k", TLS: "true", BEGIN: "FALSE" } });
  assert.equal(config.server.port, 9000);
  assert.deepEqual(config.events.version, { value: "007" });
  const [kafka] = config.sources;
  assert.ok(kafka?.use === "kafka");
  assert.deepEqual(kafka.brokers, ["k:9092"]);
  assert.equal(kafka.tls, true);
  assert.equal(kafka.from_beginning, false);
  assert.equal(problems(`${MINIMAL}server: { port: "9000" }`).length, 1, "text that was written as text stays text");
  assert.deepEqual(problems(`${MINIMAL}server: { port: "\${PORT}" }`, { environment: { PORT: "80 80" } }), [
    "3:17  server.port: expected a number, found a text",
  ]);
});

test("a default, a literal and a lone dollar can be written", () => {
  const text = `models:
  - name: \${NAME:-m}
    task: binary
    kpis: [{ name: k, sql: "countIf(match(features.s, '^a$|$$\${NAME}|$1'))" }]
`;
  const [model] = load(text, { environment: { NAME: "" } }).models;
  assert.equal(model?.name, "m");
  const [kpi] = model.kpis;
  assert.equal(kpi !== undefined && "sql" in kpi && kpi.sql, "countIf(match(features.s, '^a$|$${NAME}|$1'))");
});

test("a variable without a name is refused, with how to write it literally", () => {
  const [line = ""] = problems("models:\n  - { name: '${}', task: binary }");
  assert.equal(line, "2:13  models[0].name: ${} names no variable; write ${NAME}, or $${ for a literal ${");
});

test("an inherited property of the environment is no variable", () => {
  assert.match(problems("models:\n  - { name: '${constructor}', task: binary }").join(), /constructor is not set/);
});

test("faults of YAML are named at their line, without the text, which may be a secret", () => {
  const secret = "hunter2hunter2";
  for (const [text, line] of [
    ["a: 1\na: 2\n", /^2:1 {2}this key is here twice/],
    ["models:\n\t- name: m\n", /^2:1 {2}a tab can't indent/],
    [`a: "${secret}\n`, /^\d:\d+ {2}/],
    [`a: "\\q${secret}"\n`, /^1:\d+ {2}not an escape/],
    [`a: *${secret}\n`, /1:4 {2}a: an alias/],
    [`a: !${secret} x\n`, /^1:\d+ {2}tags/],
    [`a: b\n} ${secret}\n`, /^2:\d+ {2}/],
    ["channels: { a: { use: slack, token: ${TOKEN} } }\n", /write "\$\{NAME\}" in quotes/],
    ["a: 1\n---\nb: 2\n", /one document a file/],
    ["", /the file is empty/],
  ] as const) {
    const lines = problems(text);
    assert.match(lines.join("\n"), line);
    assert.doesNotMatch(lines.join(), new RegExp(secret));
  }
});

test("aliases work, and a bomb of them is refused", () => {
  const text =
    "models:\n  - &a { name: m, task: binary, windows: &w [1h] }\n  - { name: n, task: binary, windows: *w }\n";
  assert.equal(load(text).models[1]?.windows[0]?.name, "1h");
  const bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let level = 1; level < 10; level += 1) bomb.push(`a${level}: &a${level} [${`*a${level - 1}, `.repeat(10)}]`);
  assert.match(problems(bomb.join("\n")).join(), /more than 100000 values/);
  assert.match(problems("a: &a\n  b: *a\n").join(), /itself|anchor/);
  assert.match(problems(`a: ${"[".repeat(20_000)}`).join(), /nested too deeply/);
});

test("keys that could reach an object's prototype, and merge keys, are refused", () => {
  assert.match(
    problems(`${MINIMAL}__proto__: { server: { host: evil } }`).join(),
    /__proto__: "__proto__" can't be a key here/,
  );
  assert.match(problems(`${MINIMAL}<<: { foo: 1 }`).join(), /merge keys/);
  assert.match(problems(`${MINIMAL}constructor: 1`).join(), /constructor: unknown key/);
  assert.match(problems(`${MINIMAL}? [a]\n: 1`).join(), /a key has to be a plain text/);
});

test("a feature may be called constructor", () => {
  const features = load("models: [{ name: m, task: binary, features: { constructor: ignore, toString: numeric } }]")
    .models[0]?.features;
  assert.deepEqual(Object.entries(features ?? {}), [
    ["constructor", { kind: "ignore" }],
    ["toString", { kind: "numeric" }],
  ]);
});

test("a vector by its name has three directions; more than 16, and options that a number has not, are refused", () => {
  const features = (text: string) => `models: [{ name: m, task: binary, features: { x: ${text} } }]`;
  const pin = (text: string) => load(features(text)).models[0]?.features["x"];
  assert.deepEqual(pin("vector"), { kind: "vector", directions: 3 });
  assert.deepEqual(pin("{ kind: vector, directions: 0, dimension: 768 }"), {
    kind: "vector",
    directions: 0,
    dimension: 768,
  });
  assert.match(problems(features("{ kind: vector, directions: 17 }")).join(), /directions/);
  assert.match(problems(features("{ kind: vector, dimension: 4097 }")).join(), /dimension/);
  assert.match(problems(features("{ kind: numeric, directions: 2 }")).join(), /directions/);
  assert.match(problems(features("vecto")).join(), /vector/);
});

test("a secret may come from a variable or a file by name", () => {
  const text = `${MINIMAL}store: { url: "http://ch:8123", password: { file: pw.txt } }
server: { token: { env: TOKEN } }
`;
  const config = load(text, { environment: { TOKEN: "t" }, files: { "/etc/driftline/pw.txt": "p#w ${X}\n" } });
  assert.equal("url" in config.store && config.store.password, "p#w ${X}");
  assert.equal(config.server.token, "t");
  assert.match(
    problems(text, { environment: {}, files: {} }).join("\n"),
    /store\.password: the file pw\.txt can't be read.*\n.*server\.token: the environment variable TOKEN is not set/,
  );
  assert.match(
    problems(`${MINIMAL}server: { token: { value: abc } }`).join(),
    /expected the secret as text, \{ env: NAME \} or \{ file: PATH \}/,
  );
});

test("a missing file is called unreadable", () => {
  assert.throws(() => loadConfig("/nowhere/driftline.yaml", { environment: {} }), { code: "config_unreadable" });
});

test("the model's min_rows is that of its detectors, but for those with their own", () => {
  const text =
    "models: [{ name: m, task: binary, min_rows: 50, detectors: [psi, { use: wasserstein }, { use: volume, min_rows: 200 }] }]";
  assert.deepEqual(
    load(text).models[0]?.detectors?.map((detector) => detector["min_rows"]),
    [50, 50, 200],
  );
  assert.deepEqual(
    load(text.replace("50", '"${ROWS}"'), { environment: { ROWS: "7" } }).models[0]?.detectors?.map(
      (detector) => detector["min_rows"],
    ),
    [7, 7, 200],
  );
  assert.equal(problems(text.replace("50", "many")).length, 1);
});

test("a variable's value is hidden however long and however it is spelt in the message", () => {
  const token = `${"long ".repeat(50)}"quoted"`;
  const text = 'models: [{ name: m, task: multiclass, classes: ["${A}", "${A}"], alerts: { rules: ["${A}"] } }]';
  for (const value of [token, 'a"b c']) {
    for (const tried of [text, text.replace(/, alerts.*\} \}/, " }")]) {
      const said = problems(tried, { environment: { A: value } }).join("\n");
      assert.ok(!said.includes("quoted") && !said.includes("long ") && !said.includes("b c"), said);
    }
  }
});
