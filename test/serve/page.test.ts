import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { configSchema } from "../../src/config/schema.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import { at, fillCensus, metricRowOf } from "../support/census-rows.ts";
import { INCIDENT_ID } from "../support/incident-rows.ts";
import { pageText as text } from "../support/page-text.ts";
import { startWebServer, type WebServer } from "../support/web-server.ts";

const NAMES = [
  "a",
  "a.b",
  "a b",
  "größe",
  "x`y",
  'q"r',
  "it's",
  "back\\slash",
  "%2E",
  "__proto__",
  "constructor",
  "x'); DROP TABLE predictions; --",
  "<script>alert(1)</script>",
  "..",
];

let folder: string;
let store: Store;
let web: WebServer;

/** `m`: hostile names; `gaps`: five windows of five minutes, two without a value. */
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "driftline-page-"));
  store = await openStore({ embedded: folder });
  await fillCensus(store);
  const lane = store.lane("control");
  const hour = {
    window: "1h",
    window_start: at("2026-03-02T10:00:00Z"),
    window_end: at("2026-03-02T11:00:00Z"),
    model: "m",
    n: 20,
  };
  await lane.insertRows(
    "metrics",
    NAMES.map((subject, index) =>
      metricRowOf({
        ...hour,
        subject_kind: "feature",
        subject,
        metric: "jensen-shannon",
        value: index / 1000,
        threshold: 0.1,
      }),
    ),
  );
  const windows: readonly (readonly [number, number | null, number])[] = [
    [0, 1, 2],
    [5, 0.5, 2],
    [10, null, 0],
    [15, null, 0],
    [20, 1, 2],
  ];
  await lane.insertRows(
    "metrics",
    windows.map(([minute, value, n]) =>
      metricRowOf({
        model: "gaps",
        window: "5m",
        subject_kind: "kpi",
        subject: "kpi",
        metric: "accuracy",
        value,
        n,
        threshold: 0.4,
        coverage: n > 0 ? 1 : 0,
        window_start: at("2026-03-02T10:00:00Z") + minute * 60_000,
        window_end: at("2026-03-02T10:05:00Z") + minute * 60_000,
        status: value === null ? "insufficient" : "ok",
        detail: value === null ? '{"reason":"No labels have arrived."}' : "{}",
      }),
    ),
  );
  const { models } = configSchema.parse({
    models: [
      {
        name: "census",
        task: "binary",
        reference: { file: "r.parquet" },
        windows: ["20000 events", "30d"],
        detectors: ["total-variation", "jensen-shannon"],
        kpis: [{ use: "f1", min: 0.8 }, "accuracy"],
      },
      { name: "m", task: "regression", windows: ["1h"] },
      { name: "gaps", task: "binary", windows: ["5m"], kpis: [{ use: "accuracy", min: 0.4 }] },
      { name: "fraud", task: "binary", windows: ["1h"] },
    ],
  });
  web = await startWebServer(store, { models });
});

after(async () => {
  await web[Symbol.asyncDispose]();
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

test("the overview opens with sentences, amber before green, each with a remedy", async () => {
  const page = await web.page("/");
  const states = [...page.matchAll(/<li><svg class="icon i-(\w+)"/g)].map((match) => match[1]);
  assert.ok(states.length >= 4 && states.length <= 7, states.join());
  assert.ok(states.lastIndexOf("attention") < states.indexOf("steady"), states.join());
  const words = text(page);
  assert.match(words, /census v1: 9 of 12 features steady, 3 moved \. RELP moved most: 7\.8 % of events\./);
  assert.match(words, /1 open incident : census: RELP, AGEP and SCHL moved/);
  assert.match(words, /See which values moved/);
});

test("the grid prints every value, marks what has breached, and links to the very window", async () => {
  const page = await web.page("/models/census");
  assert.match(
    page,
    /<td class="cell m\d"><a href="\/models\/census\/features\/RELP\?window=20000\+events[^"]*at=2017-09-24T21%3A40%3A00\.000Z[^"]*" aria-label="RELP, 24 Sep 2017 – 7 Jan 2018: 24\.4\u00a0% of events moved, above the limit of 5\u00a0%">24\.4<\/a>/,
  );
  assert.match(page, /class="cell kpi low"[^]*?\.779/);
  assert.match(page, /<th scope="row">/);
  assert.doesNotMatch(page, /\sstyle=/);
  assert.doesNotMatch(page, /<script(?! src=)/);
});

test("the feature view shows the window over the reference: values by change, new and missing also at 0", async () => {
  const words = text(await web.page("/models/census/features/RELP?at=2017-10-01T00:00:00Z"));
  assert.match(words, /24\.4 % of events sit in another value than in the reference/);
  assert.match(words, /new, never in the reference – 0 0/);
  assert.match(words, /missing 0 0 0/);
  assert.match(words, /Chance alone shows up to 1\.5 %\. The limit is 5 %\./);
  assert.match(words, /Corrected for chance 23\.\d %/);
  assert.match(words, /Least that matters 5 %/);
  const numeric = await web.page("/models/census/features/AGEP?at=2017-10-01T00:00:00Z");
  assert.match(numeric, /class="ref-area"/);
  assert.match(text(numeric), /above its greatest \(93\) 1\.5 %/);
});

test("feature-names-with-dots-and-quotes: each name is on the page escaped, and its link leads to it", async () => {
  const page = await web.page("/models/m");
  assert.doesNotMatch(page, /<script>alert/);
  for (const name of NAMES) {
    const label = [...page.matchAll(/<th scope="row"><a href="([^"]*)" title="[^"]*">([^<]*)<\/a>/g)].find(
      (match) => text(match[2] ?? "") === name,
    );
    assert.ok(label, `${name} is not on the page`);
    const feature = await web.page((label[1] ?? "").replaceAll("&amp;", "&"));
    assert.ok(text(feature).includes(name), name);
    assert.doesNotMatch(feature, /<script>alert/);
  }
  const api: { metrics: { subject: string }[] } = JSON.parse(await web.page("/v1/metrics?model=m"));
  assert.deepEqual(api.metrics.map((row) => row.subject).sort(), [...NAMES].sort());
  const one: { metrics: { subject: string }[] } = JSON.parse(
    await web.page(`/v1/metrics?model=m&subject=${encodeURIComponent("x'); DROP TABLE predictions; --")}`),
  );
  assert.equal(one.metrics.length, 1);
});

test("gaps-are-not-zero: the API gives numbers or null, and n as a number", async () => {
  const body: { metrics: { value: unknown; n: unknown; status: unknown }[] } = JSON.parse(
    await web.page("/v1/metrics?model=gaps&metric=accuracy"),
  );
  assert.deepEqual(body.metrics.map((row) => [row.value, row.n, row.status]).reverse(), [
    [1, 2, "ok"],
    [0.5, 2, "ok"],
    [null, 0, "insufficient"],
    [null, 0, "insufficient"],
    [1, 2, "ok"],
  ]);
});

test("gaps-are-not-zero: the page draws two segments, and the gap says why there is no value", async () => {
  const page = await web.page("/models/gaps");
  const plot = /<svg class="plot" height="84"[^]*?<\/svg><div class="now">/.exec(page)?.[0] ?? "";
  const kinds = [...plot.matchAll(/class="(mean|hole)[ "]/g)].map((match) => match[1]);
  assert.deepEqual(kinds, ["mean", "mean", "hole", "hole", "mean"]);
  assert.match(plot, /10:10 – 10:15: No labels have arrived/);
  assert.match(plot, />no labels</);
  assert.doesNotMatch(text(plot), /\b0\.000\b/);
  assert.match(page, /class="cell gap-cell"[^]*?No labels have arrived/);
});

test("without events the page says what to send and where", async () => {
  const page = text(await web.page("/models/fraud"));
  assert.match(page, /Waiting for the first event of fraud/);
  assert.match(page, new RegExp(`curl -X POST ${web.url}/v1/events`));
});

test("an incident shows what fired against which limit, what happened and what was delivered", async () => {
  const words = text(await web.page(`/incidents/${INCIDENT_ID}`));
  assert.match(words, /RELP total-variation total-variation breached 24\.4 % above 5 %/);
  assert.match(words, /amended/);
  assert.match(words, /webhook action opened failed, will be tried again 3/);
  assert.match(text(await web.page("/incidents")), /census: RELP, AGEP and SCHL moved/);
  assert.match(text(await web.page("/dead-letters")), /Every message became an event/);
});

test("an incident says why: the top causes in plain words, their numbers, and what hostile values can't do", async () => {
  const page = await web.page(`/incidents/${INCIDENT_ID}`);
  const words = text(page);
  assert.match(words, /Why 24 Sep 2017 – 7 Jan 2018 against the reference/);
  assert.match(
    words,
    /RELP = 17 rose from 3\.1 % to 9\.1 % since the window of 2017-02-26 to 2017-06-11; explains 61 % of the estimated fall of accuracy\./,
  );
  assert.match(words, /and AGEP above 65 up to 71: accuracy there went from 0\.9 to 0\.4; explains 25 % of/);
  assert.match(words, /AGEP missing rose from 0 % to 5 %; 50 % of the drift of AGEP \(total-variation\)/);
  assert.match(words, /Accuracy, estimated went from 0\.840 \(20,000 rows\) to 0\.800/);
  assert.match(words, /RELP: its drift is likely to turn another 2\.6 % of the predictions wrong \(2\.0 % to 3\.2 %\)/);
  assert.match(page, /<a href="\/models\/census\/features\/RELP[^"]*">RELP = 17<\/a>/);
  assert.doesNotMatch(page, /<script>alert/);
});

test("what is not there is said in words, with a way back", async () => {
  for (const where of [
    "/models/nobody",
    "/models/census/features/NOPE",
    "/incidents/none",
    "/models/census/nonsense/RELP",
  ]) {
    const response = await web.get(where);
    assert.ok(response.status === 404 || response.status === 400, where);
    assert.match(await response.text(), /To the overview|Try again/);
  }
});
