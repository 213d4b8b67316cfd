/** Champion and challenger as they are served: to people, to Argo Rollouts and to Flagger. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { renderToString } from "preact-render-to-string";
import { z } from "zod";
import { ComparisonSection } from "../../src/serve/page/comparison-view.tsx";
import { apart, loadComparison } from "../../src/serve/queries/comparison.ts";
import { openStore } from "../../src/store/open.ts";
import { modelConfig } from "../support/event-writer.ts";
import { startWebServer } from "../support/web-server.ts";

const T0 = Date.parse("2026-03-02T00:00:00Z");
const HOUR = 3_600_000;

const folder = await mkdtemp(path.join(tmpdir(), "driftline-comparison-"));
const store = await openStore({ embedded: folder });
const base = { task: "binary", windows: ["1h"], kpis: ["accuracy", "brier"] };
const sides = { champion: { variant: "a" }, challenger: { variant: "b" } };
const models = [
  modelConfig({ ...base, name: "better", compare: { ...sides, traffic: "shadow" } }),
  modelConfig({ ...base, name: "worse", compare: sides }),
  modelConfig({ ...base, name: "fresh", compare: { ...sides, kpis: ["accuracy"] } }),
  modelConfig({ ...base, name: "alone" }),
];
const web = await startWebServer(store, { models });
after(async () => {
  await web[Symbol.asyncDispose]();
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const place = { version: "", variant: "b" };
const step = (model: string, stream: string, subject: string, hour: number, sums: readonly number[]) => ({
  model,
  subject_kind: "kpi",
  subject,
  stream,
  ...place,
  reference_id: "",
  pane_start: T0 + hour * HOUR,
  step_end: T0 + (hour + 1) * HOUR,
  sums,
  plan_id: "p",
  sealed_at: T0,
});
const SUBJECT = "accuracy against variant a";
const lane = store.lane("control");
await lane.insertRows("steps", [
  // 40 alone, 90 alone, 60 both, 810 neither: twice.
  step("better", "shadow", SUBJECT, 0, [40, 90, 60, 810]),
  step("better", "shadow", SUBJECT, 1, [40, 90, 60, 810]),
  step("worse", "split", SUBJECT, 0, [50, 500, 150, 500]),
  step("worse", "split", "brier against variant a", 0, [40.5, 500, 41.5, 500]),
]);
await lane.insertRows("evidence", [
  {
    model: "worse",
    metric: "kpi-evidence",
    subject_kind: "kpi",
    subject: SUBJECT,
    ...place,
    window: "page tier",
    window_start: T0,
    window_end: T0 + HOUR,
    value: 30,
    threshold: 5,
    breached: true,
    alarmed: true,
    n: 500,
    coverage: 1,
    status: "ok",
    onset: T0,
    finding: "is 0.7 where the champion has 0.9: more than the 0.01 that is allowed",
    watched_ms: HOUR,
    plan_id: "p",
    computed_at: T0,
  },
]);

const estimated = z.looseObject({ value: z.number(), lower: z.number(), upper: z.number() }).nullable();
const answer = z.object({
  data: z.looseObject({
    verdict: z.string(),
    reason: z.string(),
    windows: z.number(),
    from: z.string().nullable(),
    kpis: z.array(
      z.looseObject({
        kpi: z.string(),
        champion: estimated,
        challenger: estimated,
        difference: estimated,
        standing: z.string(),
        worse_since: z.string().nullable(),
      }),
    ),
  }),
});
const comparison = async (model: string) => {
  const response = await web.get(`/v1/models/${model}/comparison`);
  assert.equal(response.status, 200);
  return answer.parse(JSON.parse(await response.text())).data;
};

test("a challenger whose interval lies within the tolerance is to be promoted", async () => {
  const { verdict, reason, windows, from, kpis } = await comparison("better");
  assert.equal(verdict, "promote");
  assert.equal(reason, "the challenger is worse by no more than 0.01 in accuracy");
  assert.equal(windows, 2);
  assert.equal(from, "2026-03-02T00:00:00.000Z");
  const [accuracy, ...more] = kpis;
  assert.deepEqual(more, []);
  assert.ok(Math.abs((accuracy?.champion?.value ?? 0) - 0.85) < 1e-12);
  assert.ok(Math.abs((accuracy?.challenger?.value ?? 0) - 0.9) < 1e-12);
  const { value = 0, lower = 0, upper = 0 } = accuracy?.difference ?? {};
  assert.ok(Math.abs(value - 0.05) < 1e-12 && lower > 0 && lower < 0.05 && upper > 0.05 && upper < 0.1);
  assert.equal(accuracy?.standing, "as good");
});

test("one that the page tier calls worse is to be rolled back, with the reason", async () => {
  const { verdict, reason, kpis } = await comparison("worse");
  assert.equal(verdict, "rollback");
  assert.equal(
    reason,
    "the challenger's accuracy is 0.7 where the champion has 0.9: more than the 0.01 that is allowed",
  );
  assert.deepEqual(
    kpis.map(({ kpi, standing, worse_since }) => [kpi, standing, worse_since]),
    [
      ["accuracy", "worse", "2026-03-02T00:00:00.000Z"],
      ["brier", "open", null],
    ],
  );
  // The Brier score is bad itself: its difference is not turned.
  assert.ok(Math.abs((kpis[1]?.difference?.value ?? 0) - 0.002) < 1e-12);
  assert.ok((kpis[0]?.difference?.upper ?? 0) < 0);
});

test("before anything is known the rollout waits, and a model that compares nothing says so", async () => {
  const { verdict, reason, kpis } = await comparison("fresh");
  assert.equal(verdict, "hold");
  assert.equal(reason, "no window has labels of both champion and challenger yet");
  assert.equal(kpis[0]?.difference, null);
  const alone = await web.get("/v1/models/alone/comparison");
  assert.equal(alone.status, 404);
  assert.match(await alone.text(), /model alone compares nothing/);
  assert.equal((await web.get("/v1/models/nobody/comparison")).status, 404);
});

test("Flagger's webhooks: what goes on, what is promoted, and what is rolled back", async () => {
  const ask = async (gate: string, model: string) => {
    const body = { name: "canary", namespace: "prod", phase: "Progressing", checksum: "85d5", metadata: { model } };
    const response = await web.post(`/v1/flagger/${gate}`, JSON.stringify(body));
    return [response.status, await response.text()] as const;
  };
  const statuses = async (gate: string) =>
    Promise.all(["better", "fresh", "worse"].map(async (model) => (await ask(gate, model))[0]));
  assert.deepEqual(await statuses("rollout"), [200, 200, 409]);
  assert.deepEqual(await statuses("confirm-promotion"), [200, 409, 409]);
  assert.deepEqual(await statuses("rollback"), [409, 409, 200]);
  assert.match((await ask("rollout", "worse"))[1], /^rollback: the challenger's accuracy is 0\.7 where/);
  // Older versions of Flagger send no metadata where none is set.
  const named = await web.post("/v1/flagger/rollout", JSON.stringify({ name: "better", namespace: "prod" }));
  assert.equal(named.status, 200);
  assert.equal((await ask("rollout", "nobody"))[0], 404);
});

test("the page tier's answer has the comparison too", async () => {
  const body = z
    .object({ comparison: z.looseObject({ verdict: z.string() }).nullable() })
    .parse(JSON.parse(await web.page("/v1/models/worse/page-tier")));
  assert.equal(body.comparison?.verdict, "rollback");
  assert.match(await web.page("/v1/models/alone/page-tier"), /"comparison":null/);
});

test("the page says the verdict, both KPIs and their difference with its interval", async () => {
  const html = async (model: (typeof models)[number] | undefined) => {
    assert.ok(model !== undefined);
    const comparison = await loadComparison(store.lane("serve"), model);
    assert.ok(comparison !== null);
    return renderToString(ComparisonSection({ comparison }));
  };
  const [better, worse, fresh] = [await html(models[0]), await html(models[1]), await html(models[2])];
  assert.match(better, /Promote.*worse by no more than 0\.01 in accuracy.*2 windows of both/s);
  assert.match(better, /0\.850 \[0\.\d+, 0\.\d+\] of 2,000.*0\.050 \[0\.0\d+, 0\.0\d+\]/s);
  assert.match(worse, /Roll back.*worse since 2 Mar 2026.*30\.0 of 5\.0/s);
  assert.match(fresh, /Hold.*no window has labels of both/s);
  assert.doesNotMatch(`${better}${worse}${fresh}`, /NaN|undefined|Infinity/);
});

test("how far two samples lie apart, and what chance shows of it", () => {
  assert.deepEqual(apart([], []), { moved: 0, chance: 0 });
  const same = apart([50, 50], [500, 500]);
  assert.equal(same.moved, 0);
  assert.ok(same.chance > 0.01 && same.chance < 0.1);
  assert.ok(Math.abs(apart([100, 0, 0], [25, 75]).moved - 0.75) < 1e-12);
});
