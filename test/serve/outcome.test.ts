/** What the model's page says of fairness, calibration, estimates that have missed and labels that are not like the rest. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { configSchema } from "../../src/config/schema.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import { at, metricRowOf } from "../support/census-rows.ts";
import { pageText as text } from "../support/page-text.ts";
import { startWebServer, type WebServer } from "../support/web-server.ts";

let folder: string;
let store: Store;
let web: WebServer;

const BINS = [
  [40, 0.05, 0.1],
  [60, 0.45, 0.6],
  [100, 0.95, 0.9],
];
const bySegment = [
  { segment: "plan=gold", value: 0.86, lower: 0.81, upper: 0.9 },
  { segment: "plan=(other)", value: 0.62, lower: 0.54, upper: 0.69, breached: true },
  {
    segment: "plan=",
    value: null,
    status: "insufficient",
    n: 12,
    detail: '{"reason":"The window has 12 rows that count; 50 are needed."}',
  },
  { segment: "plan=<b>free</b>", value: 0.8, lower: null, upper: null },
] as const;
const HOSTILE = "<b>west</b>";

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "driftline-outcome-"));
  store = await openStore({ embedded: folder });
  const base = {
    model: "credit",
    window: "1h",
    window_start: at("2026-03-02T10:00:00Z"),
    window_end: at("2026-03-02T11:00:00Z"),
    subject_kind: "kpi",
    subject: "kpi",
    n: 200,
    status: "ok",
    coverage: 1,
  } as const;
  const gap = { ...base, subject: "region", threshold: 0.1 };
  const weighted = { value: 0.741, lower: 0.702, upper: 0.781 };
  await store.lane("control").insertRows("metrics", [
    metricRowOf({
      ...base,
      metric: "accuracy",
      value: 0.82,
      coverage: 0.4,
      threshold: null,
      detail: JSON.stringify({
        warning: "The labelled rows are not like the rest of the window.",
        labelled_unlike: { moved: 0.21, p_value: 1e-9, effective_rows: 81.4, uncovered: 0, features: ["age"] },
        weighted,
      }),
    }),
    metricRowOf({
      ...base,
      metric: "estimated_accuracy",
      value: 0.7,
      threshold: 0.75,
      breached: false,
      detail: JSON.stringify({
        reliability: { verdict: "unreliable", windows: 3, missed: 1, worst: 0.0812 },
        held_back: true,
      }),
    }),
    ...bySegment.map((row) => metricRowOf({ ...base, metric: "accuracy", threshold: 0.75, ...row })),
    metricRowOf({ ...base, metric: "ece", value: 0.031, threshold: null, detail: JSON.stringify({ bins: BINS }) }),
    metricRowOf({
      ...gap,
      metric: "equal_opportunity_difference",
      value: 0.31,
      lower: 0.22,
      upper: 0.4,
      breached: true,
      detail: JSON.stringify({
        rates: { east: [0.81], [HOSTILE]: [0.5] },
        intervals: { east: [[0.75, 0.86]], [HOSTILE]: [[0.43, 0.57]] },
      }),
    }),
    metricRowOf({
      ...gap,
      metric: "estimated_equal_opportunity_difference",
      value: 0.3,
      lower: 0.2,
      upper: 0.4,
      breached: false,
      detail: JSON.stringify({ rates: { east: [0.8] }, intervals: {}, held_back: true }),
    }),
    metricRowOf({
      ...gap,
      metric: "predictive_parity_difference",
      value: null,
      threshold: null,
      status: "insufficient",
      n: 12,
      detail: JSON.stringify({ reason: "Only one group has 30 labelled rows that bear on it; two are needed." }),
    }),
    metricRowOf({
      ...base,
      metric: "adwin",
      subject: "error",
      value: 1.4,
      threshold: 1,
      breached: true,
      detail: JSON.stringify({
        on: "error",
        changes: 1,
        since: "2026-03-02T09:48:10.000Z",
        found_at: "2026-03-02T10:02:00.000Z",
        mean_before: 0.0512,
        mean_after: 0.4,
        values_after: 40,
      }),
    }),
    metricRowOf({
      ...base,
      metric: "ewma",
      subject: "accuracy",
      value: null,
      threshold: null,
      status: "insufficient",
      detail: JSON.stringify({ reason: "The detector has seen 3 values of accuracy; 100 are needed." }),
    }),
  ]);
  const { models } = configSchema.parse({
    models: [
      {
        name: "credit",
        task: "binary",
        reference: { file: "r.parquet" },
        windows: ["1h"],
        kpis: ["accuracy", "ece"],
        segments: ["plan"],
        detectors: ["jensen-shannon", "adwin", { use: "ewma", on: "accuracy" }],
        fairness: { groups: ["region"] },
      },
    ],
  });
  web = await startWebServer(store, { models });
});

after(async () => {
  await web[Symbol.asyncDispose]();
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

test("performance by segment: the whole, each value, all others, and events without one; what has breached in bold", async () => {
  const page = await web.page("/models/credit");
  const section = /<section id="segments">[^]*?<\/section>/.exec(page)?.[0] ?? "";
  const words = text(section);
  assert.match(
    words,
    /limit 0\.75 .* all 0\.820 <b>free<\/b> plan 0\.800 gold plan 0\.860 0\.810–0\.900 all others plan 0\.620 0\.540–0\.690 none plan too few/,
  );
  assert.match(section, /<td class="num beyond"[^>]*><b>0\.620/);
  assert.match(section, /title="The window has 12 rows that count; 50 are needed"/);
  assert.doesNotMatch(section, /<b>free/);
});

test("fairness: each measure with its interval, each group with its rate, what has breached in bold, what is missing with a reason", async () => {
  const page = await web.page("/models/credit");
  const section = /<section id="fairness">[^]*?<\/section>/.exec(page)?.[0] ?? "";
  const words = text(section);
  assert.match(words, /Equal opportunity, difference limit: above 0\.1 0\.310 0\.220–0\.400/);
  assert.match(section, /<td class="num beyond"><b>0\.310<\/b>/);
  assert.match(words, /east true positive rate 0\.810 0\.750–0\.860/);
  assert.match(words, /<b>west<\/b> true positive rate 0\.500 0\.430–0\.570/);
  assert.doesNotMatch(section, /<b>west/);
  assert.match(words, /Equal opportunity, difference, estimated limit: above 0\.1 0\.300 held back 0\.200–0\.400/);
  assert.match(section, /title="Only one group has 30 labelled rows[^"]*">too few</);
  assert.doesNotMatch(page, /\sstyle=/);
});

test("the reliability curve is drawn with its points, its diagonal and its numbers as a table", async () => {
  const section = /<section id="reliability">[^]*?<\/section>/.exec(await web.page("/models/credit"))?.[0] ?? "";
  assert.equal([...section.matchAll(/<circle class="dot"/g)].length, 3);
  assert.match(section, /<line class="diagonal" x1="20\.00" y1="102\.00" x2="120\.00" y2="2\.00"/);
  assert.match(section, /<path class="real-path" d="M25\.00 92\.00L65\.00 42\.00L115\.00 12\.00"/);
  assert.match(section, /aria-label="Reliability, [^"]*score 0\.05, positive 0\.10; score 0\.45, positive 0\.60/);
  assert.match(text(section), /off by 0\.031/);
  assert.match(text(section), /100 0\.950 0\.900/);
});

test("an estimate that has missed and labels that are not like the rest are told, with what to make of them", async () => {
  const words = text(await web.page("/models/credit"));
  assert.match(
    words,
    /Accuracy, estimated: missed the labels in 1 of the last 3 windows with labels, by up to 0\.081\./,
  );
  assert.match(words, /No rule fires on it until it holds again/);
  assert.match(words, /the labelled rows are not like the rest \(21\.0 % of their scores lie elsewhere, most in age\)/);
  assert.match(words, /they count as 81\): Accuracy 0\.741 \(0\.702–0\.781\) instead of 0\.820/);
});

test("online detectors: the change that was found, since when and from what to what, and why one says nothing yet", async () => {
  const words = text(await web.page("/models/credit"));
  assert.match(words, /Adaptive windowing: a change of the errors was found in the window 2 Mar 2026,? 10:00/);
  assert.match(words, /Since 2026-03-02 09:48 UTC the mean is 0\.4 instead of 0\.051\./);
  assert.match(words, /EWMA chart of accuracy/);
  assert.match(words, /The detector has seen 3 values of accuracy; 100 are needed/);
});

test("the API has the intervals, the verdict and the weighted value as they stand in the store", async () => {
  const body: { metrics: { metric: string; detail: Record<string, unknown>; lower: number | null }[] } = JSON.parse(
    await web.page("/v1/metrics?model=credit"),
  );
  const detail = (metric: string) => body.metrics.find((row) => row.metric === metric)?.detail ?? {};
  assert.deepEqual(detail("estimated_accuracy")["reliability"], {
    verdict: "unreliable",
    windows: 3,
    missed: 1,
    worst: 0.0812,
  });
  assert.deepEqual(detail("accuracy")["weighted"], { value: 0.741, lower: 0.702, upper: 0.781 });
  assert.deepEqual(detail("ece")["bins"], BINS);
  assert.equal(body.metrics.find((row) => row.metric === "equal_opportunity_difference")?.lower, 0.22);
});
