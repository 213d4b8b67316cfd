/** Field cases of labels and KPIs: classes, ids, corrections and windows in which a figure is not defined. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { panelQueries } from "../../dashboards/queries.ts";
import { fieldCaseLines } from "../support/field-cases.ts";
import { close, rowOf } from "../support/rows.ts";
import { at, detail, Scenario } from "../support/scenario.ts";

test("single-class-window: what one class leaves undefined is null with a reason, and the rest equals scikit-learn", async () => {
  await using scenario = await Scenario.open({
    config: `models:
  - name: fraud
    task: binary
    windows: [1h, 2h]
    min_rows: 1
    kpis: [accuracy, precision, { use: recall, min: 0.5 }, f1, specificity, { use: roc_auc, min: 0.8 }]
    alerts: { channels: [hook] }
channels: { hook: { use: webhook, url: "\${HOOK}" } }`,
    now: at(14),
  });
  await scenario.push(fieldCaseLines("single-class-window"));
  await scenario.evaluate({ final: true });
  const rows = await scenario.metrics({ model: "fraud", version: "7", subject_kind: "kpi" });
  const kpi = (start: string, metric: string, window: string) => rowOf(rows, start, "kpi", metric, window);
  const expected: readonly (readonly [window: string, start: string, values: Readonly<Record<string, number>>])[] = [
    ["1h", at(10), { accuracy: 0.875, specificity: 0.875, precision: 0, f1: 0 }],
    ["1h", at(11), { roc_auc: 0.90625, accuracy: 0.75, precision: 0.75, recall: 0.75, f1: 0.75 }],
    ["2h", at(10), { roc_auc: 0.9375, accuracy: 0.8125, precision: 0.6, recall: 0.75, f1: 0.6666666667 }],
  ];
  for (const [window, start, values] of expected) {
    for (const [metric, value] of Object.entries(values)) {
      close(kpi(start, metric, window).value, value);
      assert.equal(kpi(start, metric, window).status, "ok");
    }
  }
  for (const metric of ["roc_auc", "recall"]) {
    const row = kpi(at(10), metric, "1h");
    assert.equal(row.status, "insufficient");
    assert.equal(row.value, null);
    assert.equal(row.breached, false);
    assert.match(String(detail(row, "reason")), /label/);
  }
  const confusion = detail(kpi(at(10), "precision", "1h"), "tn");
  assert.deepEqual(
    ["tn", "fp", "fn", "tp"].map((cell) => detail(kpi(at(10), "precision", "1h"), cell)),
    [7, 1, 0, 0],
    String(confusion),
  );
  assert.deepEqual(scenario.messages(), []);
  assert.deepEqual(await scenario.incidents(), []);
});

const spellings = fieldCaseLines("one-class-and-one-id-in-many-spellings");
const labelled = (line: string) => line.includes('"type":"label"');
const orders: readonly (readonly [string, readonly string[]])[] = [
  ["(i) in the order of the case", spellings],
  ["(ii) all labels first", [...spellings.filter(labelled), ...spellings.filter((line) => !labelled(line))]],
  ["(iii) every line twice", spellings.flatMap((line) => [line, line])],
];
const CHURN = `models:
  - name: churn
    task: binary
    windows: [1h]
    min_rows: 1
    reference: { file: reference.ndjson }
    detectors: [total-variation]
    kpis: [accuracy, precision, recall, specificity, f1, label_coverage]`;
const churnReference = Array.from({ length: 100 }, (_, i) =>
  JSON.stringify({ x: 1, prediction: i % 2, label: [true, "1", 1, false, 0][i % 5] }),
).join("\n");

for (const [order, lines] of orders) {
  for (const [batches, size] of [
    ["in one batch", lines.length],
    ["seven lines a batch, evaluated after each", 7],
  ] as const) {
    test(`one-class-and-one-id-in-many-spellings: ${order}, ${batches}`, async () => {
      await using scenario = await Scenario.open({
        config: CHURN,
        files: { "reference.ndjson": churnReference },
        now: at(12, 30),
      });
      for (let from = 0; from < lines.length; from += size) {
        await scenario.push(lines.slice(from, from + size));
        if (size < lines.length) await scenario.evaluate();
      }
      await scenario.evaluate({ final: true });

      const stored = await scenario.rows(
        "SELECT id, count() AS n FROM predictions_churn FINAL GROUP BY id ORDER BY id",
        z.object({ id: z.string(), n: z.number() }),
      );
      assert.deepEqual(
        stored.map((row) => row.id),
        ["9007199254740992", "9007199254740993", "p3", "p4", "p5", "p6", "p7", "p8", "p9"],
      );
      const rows = await scenario.metrics({ model: "churn" });
      const kpi = (metric: string) => rowOf(rows, at(10), "kpi", metric);
      assert.equal(kpi("accuracy").n, 8);
      close(kpi("accuracy").value, 0.875);
      close(kpi("recall").value, 0.8);
      close(kpi("precision").value, 1);
      close(kpi("label_coverage").value, 8 / 9);
      assert.deepEqual(
        ["tp", "tn", "fn", "fp"].map((cell) => detail(kpi("recall"), cell)),
        [4, 3, 1, 0],
      );

      const panes = await scenario.rows(
        `SELECT subject_kind AS kind, sumForEach(bins) AS bins, any(c) AS categories FROM pane_summaries
         INNER JOIN (SELECT subject_kind, subject, categories AS c FROM \`references\` FINAL) AS r USING (subject_kind, subject)
         WHERE pane = '1m' AND (pane_start, revision) IN (SELECT pane_start, max(revision) FROM panes WHERE pane = '1m' GROUP BY pane_start)
           AND subject_kind = 'prediction' GROUP BY kind`,
        z.object({ kind: z.string(), bins: z.array(z.number()), categories: z.array(z.string()) }),
      );
      const shares = panes.map(({ kind, bins, categories }) => [
        kind,
        Object.fromEntries(categories.map((name, i) => [name, bins[i]])),
        ...bins.slice(categories.length),
      ]);
      assert.deepEqual(shares[0], ["prediction", { "0": 5, "1": 4 }, 0, 0]);

      const labels = await scenario.rows(
        "SELECT label_text AS label, count() AS n FROM outcomes FINAL GROUP BY label ORDER BY label",
        z.object({ label: z.string(), n: z.number() }),
      );
      assert.deepEqual(labels, [
        { label: "0", n: 3 },
        { label: "1", n: 5 },
      ]);

      const dead = await scenario.deadLetters();
      assert.equal(dead.length, lines.length / spellings.length);
      for (const letter of dead) {
        assert.equal(letter.reason, "label_unknown_class");
        assert.match(letter.detail, /maybe/);
      }
    });
  }
}

const CORRECTED = `models:
  - name: m
    task: binary
    windows: [1h]
    min_rows: 1
    kpis: [accuracy]`;
const corrections = fieldCaseLines("label-corrected-in-the-same-instant").map((line) => {
  const [, offset = "", value = ""] = /^offset (\d+): (.*)$/.exec(line) ?? [];
  return { offset: Number(offset), value };
});
const EVERY_WAY: readonly (readonly [string, readonly (readonly number[])[]])[] = [
  ["(i) all in one batch", [[8, 9, 10, 11, 12, 13]]],
  ["(ii) one batch per line", [[8], [9], [10], [11], [12], [13]]],
  ["(iii) offsets 12 and 13 before 11", [[8, 9, 10], [12, 13], [11]]],
  [
    "(iv) all of them read twice",
    [
      [8, 9, 10, 11, 12, 13],
      [8, 9, 10, 11, 12, 13],
    ],
  ],
];

/** Revisions of the accuracy of 10:00 to 11:00, after each batch was evaluated. */
async function correctedAccuracy(scenario: Scenario, batches: readonly (readonly number[])[]) {
  for (const offsets of batches) {
    const some = corrections.filter(({ offset }) => offsets.includes(offset));
    await scenario.push(
      some.map(({ value }) => value),
      { offset: offsets[0] ?? 0 },
    );
    await scenario.evaluate();
  }
  const [newest, ...more] = await scenario.metrics({ metric: "accuracy", window: "1h", to: at(11) });
  assert.deepEqual(more, []);
  assert.ok(newest !== undefined);
  return { newest, revisions: await scenario.history({ metric: "accuracy", to: at(11) }) };
}

for (const [way, batches] of EVERY_WAY) {
  test(`label-corrected-in-the-same-instant: ${way}`, async () => {
    await using scenario = await Scenario.open({ config: CORRECTED, now: at(33, 30) });
    const { newest, revisions } = await correctedAccuracy(scenario, batches);
    close(newest.value, 1);
    assert.equal(newest.n, 2);
    const labels = await scenario.rows(
      "SELECT id, label_text AS label FROM outcomes FINAL WHERE model = 'm' ORDER BY id",
      z.object({ id: z.string(), label: z.string() }),
    );
    assert.deepEqual(labels, [
      { id: "a1", label: "1" },
      { id: "a2", label: "0" },
    ]);
    if (way.startsWith("(ii)")) {
      const values = revisions.filter((row) => row.n === 2).map((row) => row.value);
      assert.deepEqual(values, [0.5, 1]);
      assert.deepEqual(
        revisions.map((row) => row.revision),
        revisions.map((_, index) => index + 1),
      );
    }
    // Evaluated once more nothing changes, and neither after a restart.
    await scenario.evaluate();
    await scenario.restart();
    await scenario.evaluate();
    assert.equal((await scenario.history({ metric: "accuracy", to: at(11) })).length, revisions.length);
  });
}

test("label-corrected-in-the-same-instant: over HTTP the later item of a request, and the later request, hold", async () => {
  await using scenario = await Scenario.open({ config: CORRECTED, now: at(33, 30) });
  const send = async (offsets: readonly number[]) => {
    const body = corrections.filter(({ offset }) => offsets.includes(offset)).map(({ value }) => value);
    const { status, text } = await scenario.post("/v1/events", `[${body.join(",")}]`, {
      "content-type": "application/json",
    });
    assert.equal(status, 200, text);
  };
  const held = async () =>
    (
      await scenario.rows(
        "SELECT label_text AS label FROM outcomes FINAL WHERE id = 'a1'",
        z.object({ label: z.string() }),
      )
    ).map((row) => row.label);
  await send([8, 9, 10, 11, 12, 13]);
  await scenario.evaluate({ final: true });
  assert.deepEqual(await held(), ["1"]);
  await send([11]);
  await scenario.evaluate({ final: true });
  assert.deepEqual(await held(), ["0"]);
  await scenario.restart();
  await send([12]);
  await scenario.evaluate({ final: true });
  assert.deepEqual(await held(), ["1"]);
});

const GAPS = `models:
  - name: m
    task: binary
    windows: [5m]
    min_rows: 2
    kpis: [{ use: accuracy, min: 0.4 }]
    alerts: { channels: [hook] }
channels: { hook: { use: webhook, url: "\${HOOK}" } }`;
const apiRow = z.strictObject({
  window_start: z.string(),
  value: z.number().nullable(),
  n: z.number().int(),
  status: z.string(),
});

test("gaps-are-not-zero: five windows are 1, 0.5, null, null and 1 in the store, the API, the page and the dashboard's query", async () => {
  await using scenario = await Scenario.open({ config: GAPS, now: at(12) });
  await scenario.push(fieldCaseLines("gaps-are-not-zero"));
  await scenario.evaluate({ final: true });
  const rows = await scenario.metrics({ metric: "accuracy", window: "5m", to: at(10, 25) });
  const values = [1, 0.5, null, null, 1];
  const counts = [2, 2, 0, 0, 2];
  const statuses = ["ok", "ok", "insufficient", "insufficient", "ok"];
  assert.deepEqual(
    rows.map((row) => row.window_start),
    [0, 5, 10, 15, 20].map((minute) => Date.parse(at(10, minute))),
  );
  assert.deepEqual(
    rows.map((row) => row.value),
    values,
  );
  assert.deepEqual(
    rows.map((row) => row.n),
    counts,
  );
  assert.deepEqual(
    rows.map((row) => row.status),
    statuses,
  );
  for (const row of rows.filter((one) => one.value === null))
    assert.ok(String(detail(row, "reason")).length > 10, row.detail);
  assert.equal(rows.filter((row) => row.breached).length, 0);
  assert.deepEqual(scenario.messages(), []);

  const text = await scenario.text(`/v1/metrics?model=m&metric=accuracy&to=${at(10, 25)}`);
  assert.doesNotMatch(text, /NaN|Infinity|undefined/);
  const answer = z.object({ metrics: z.array(z.looseObject({})) }).parse(JSON.parse(text));
  const shown = answer.metrics
    .map(({ window_start, value, n, status }) => apiRow.parse({ window_start, value, n, status }))
    .reverse();
  assert.deepEqual(
    shown.map((row) => row.value),
    values,
  );
  assert.deepEqual(
    shown.map((row) => row.n),
    counts,
  );

  const page = await scenario.text("/models/m");
  assert.equal(page.match(/class="cell gap-cell"/g)?.length, 2, "the grid has two gaps");
  const kinds = [...page.matchAll(/class="(mean|hole)[ "]/g)].map((match) => match[1]);
  assert.deepEqual(kinds, ["mean", "mean", "hole", "hole", "mean"]);
  for (const gap of ["10:10 – 10:15", "10:15 – 10:20"])
    assert.ok(page.includes(`${gap}: no prediction has a label`), gap);
  assert.doesNotMatch(page, />0\.000?</);

  const kpiRows = await scenario.rows(filledIn(panelQueries.kpi), z.looseObject({ value: z.number().nullable() }));
  assert.deepEqual(
    kpiRows.map((row) => row.value),
    values,
  );
});

/** The dashboard's query as Grafana sends it. */
function filledIn(query: string): string {
  const variables: Readonly<Record<string, string>> = {
    model: "m",
    version: "",
    variant: "",
    window: "5m",
    kpi: "accuracy",
    metric: "accuracy",
  };
  return `SELECT * FROM (${query
    .replace(/\$\{(\w+):singlequote\}/g, (_, name: string) => `'${variables[name] ?? ""}'`)
    .replace(/\$__timeFilter_ms\((\w+)\)/g, "$1 < fromUnixTimestamp64Milli(toInt64(4102444800000))")})`;
}
