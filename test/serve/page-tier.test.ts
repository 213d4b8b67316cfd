/** What the page and the API say of the page tier and of notices, and that one is never taken for the other. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { z } from "zod";
import { configSchema } from "../../src/config/schema.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import { at, fillCensus } from "../support/census-rows.ts";
import { pageText as text } from "../support/page-text.ts";
import { startWebServer, type WebServer } from "../support/web-server.ts";

let folder: string;
let store: Store;
let web: WebServer;

const DAY = 86_400_000;

const answer = z.object({
  page_tier: z.object({
    subjects: z.array(z.looseObject({ subject: z.string() })),
    notices: z.unknown(),
    notes: z.array(z.string()),
  }),
});

/** A row of the last step but where it says otherwise. */
const evidenceRow = (more: Readonly<Record<string, unknown>>) => ({
  model: "census",
  version: "1",
  variant: "",
  segment: "",
  window: "page tier",
  window_start: at("2018-12-30T00:00:00Z"),
  window_end: at("2018-12-31T00:00:00Z"),
  value: 0.2,
  threshold: 3.4,
  breached: false,
  alarmed: false,
  n: 100,
  coverage: 1,
  status: "ok",
  onset: null,
  finding: "",
  watched_ms: 70 * DAY,
  plan_id: "p1",
  computed_at: at("2019-01-01T00:00:00Z"),
  ...more,
});

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "driftline-page-tier-"));
  store = await openStore({ embedded: folder });
  await fillCensus(store);
  const lane = store.lane("control");
  const feature = { subject_kind: "feature", watched_ms: DAY, alarmed: true };
  const onset = at("2018-12-20T00:00:00Z");
  await lane.insertRows("evidence", [
    evidenceRow({ metric: "model-evidence", subject_kind: "model", subject: "model" }),
    evidenceRow({ metric: "model-notice", subject_kind: "model", subject: "model", value: 0.1, threshold: 1.4 }),
    evidenceRow({
      ...feature,
      metric: "evidence",
      subject: "RELP",
      breached: true,
      onset,
      finding: "the share of 17 fell from 5.2 % to 0 %",
    }),
    evidenceRow({
      ...feature,
      metric: "notice",
      subject: "AGEP",
      value: 5,
      threshold: 4.5,
      onset,
      finding: "values are higher",
    }),
  ]);
  await lane.insertRows("page_tier_notes", [
    {
      model: "census",
      plan_id: "p1",
      notes: ["compared by hour of the week (UTC): AGEP, since the reference has a weekly rhythm there"],
      written_at: at("2019-01-01T00:00:00Z"),
    },
  ]);
  const census = { name: "census", task: "binary", windows: ["20000 events", "30d"], detectors: ["total-variation"] };
  const { models } = configSchema.parse({ models: [census] });
  web = await startWebServer(store, { models });
});

after(async () => {
  await web[Symbol.asyncDispose]();
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

test("the model's page tells the change, apart from it the notice, and how events are compared", async () => {
  const words = text(await web.page("/models/census"));
  assert.match(words, /1 subject changed\. Evidence of a new change: 0\.2 of the 3\.4 at which it alarms\./);
  assert.match(words, /Compared by hour of the week \(UTC\): AGEP, since the reference has a weekly rhythm there/);
  const notices = words.slice(words.indexOf("Notices"));
  assert.match(notices, /1 subject noticed\. Smaller changes than those that alarm, .* at most 1 false one per 7d\./);
  assert.match(notices, /AGEP noticed, since 20 Dec 2018 5\.0 of 4\.5 values are higher/);
});

test("a feature's page says how it stands in both", async () => {
  assert.match(
    text(await web.page("/models/census/features/RELP")),
    /changed for the page tier since 20 Dec 2018: the share of 17 fell/,
  );
  const noticed = text(await web.page("/models/census/features/AGEP"));
  assert.match(noticed, /noticed since 20 Dec 2018: values are higher\. It is too small, or too new, to tell anyone\./);
  assert.doesNotMatch(noticed, /for the page tier/);
});

test("the API has notices beside the evidence", async () => {
  const body: unknown = JSON.parse(await web.page("/v1/models/census/page-tier"));
  const { page_tier: tier } = answer.parse(body);
  assert.deepEqual(
    tier.subjects.map(({ subject }) => subject),
    ["RELP"],
  );
  assert.deepEqual(tier.notices, {
    budget: { alarms: 1, per_ms: 7 * DAY },
    false_notices_allowed: 10,
    notices: 0,
    value: 0.1,
    threshold: 1.4,
    subjects: [
      {
        subject_kind: "feature",
        noticed_since: "2018-12-20T00:00:00.000Z",
        subject: "AGEP",
        value: 5,
        threshold: 4.5,
        finding: "values are higher",
      },
    ],
  });
  assert.match(tier.notes[0] ?? "", /^compared by hour of the week/);
});
