/** The audit of a whole application: what was decided is sealed, and what is changed behind its back shows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { sql } from "../../src/store/sql.ts";
import { at, Scenario } from "../support/scenario.ts";

const CONFIG = `models:
  - name: m
    task: regression
    windows: [5m]
    features: { x: numeric }
    kpis:
      - { name: mean_x, sql: "avg(toFloat64(features.x))", max: 80, clear: 80, clear_after: 1 }
    alerts: { channels: [hook] }
channels: { hook: { use: webhook, url: "\${HOOK}" } }`;

const predictions = (window: number, added: number) =>
  Array.from(
    { length: 200 },
    (_, i) =>
      `{"type":"prediction","id":"w${window}-${i}","model":"m","timestamp":"${new Date(Date.parse(at(10, window * 5)) + i * 1400).toISOString()}","prediction":1,"features":{"x":${(i % 100) + added}}}`,
  );

const verification = z.object({
  entries: z.number(),
  heads: z.array(z.object({ writer: z.string(), sequence: z.number(), hash: z.string() })),
  faults: z.array(z.string()),
});

async function verified(scenario: Scenario, head = ""): Promise<z.output<typeof verification>> {
  return verification.parse(await scenario.json(`/v1/audit${head === "" ? "" : `?head=${head}`}`));
}

test("incidents, deliveries and configurations are sealed across a restart; what is changed, removed or cut off shows", async () => {
  await using scenario = await Scenario.open({ config: CONFIG, now: at(10) });
  for (const [window, added] of [0, 60, 0, 0].entries()) {
    if (window === 2) await scenario.restart();
    scenario.clock.set(at(10, window * 5 + 5));
    await scenario.push(predictions(window, added));
    await scenario.evaluate({ at: at(10, window * 5 + 7) });
  }
  await scenario.evaluate({ at: at(11) });

  const decided = await scenario.rows(
    "SELECT kind, what, who, monitor_hash != '' AS known FROM audit WHERE kind != 'chain' ORDER BY at, kind DESC",
    z.object({ kind: z.string(), what: z.string(), who: z.string(), known: z.number() }),
  );
  assert.deepEqual(
    decided.map(({ kind, what }) => `${kind}: ${what.replace(/[0-9a-f]{16}/, "…")}`),
    [
      "configuration: configuration …",
      "incident: opened, ticket, firing",
      "delivery: opened to channel hook: sent",
      "incident: resolved, ticket, resolved",
      "delivery: resolved to channel hook: sent",
    ],
  );
  assert.ok(decided.every(({ who, known }) => who === "driftline" && known === 1));
  const whole = await verified(scenario);
  // A chain for each of the two processes, each with its beginning.
  assert.deepEqual([whole.entries, whole.heads.length, whole.faults], [decided.length + 2, 2, []]);
  const last = whole.heads.at(-1)?.hash ?? "";
  assert.deepEqual((await verified(scenario, last)).faults, []);
  assert.deepEqual((await verified(scenario, "0".repeat(64))).faults, [
    `the noted hash ${"0".repeat(64)} is that of no entry`,
  ]);

  const store = scenario.app.store.lane("control");
  await store.command(
    sql`ALTER TABLE incidents UPDATE body = replaceAll(body, '"value":109.5', '"value":79.5') WHERE transition = 'opened' SETTINGS mutations_sync = 2`,
  );
  const [changed] = (await verified(scenario)).faults;
  assert.match(changed ?? "", /^incident \S+\/1 is not as it was when it was sealed$/);
  await store.command(sql`ALTER TABLE incidents DELETE WHERE transition = 'opened' SETTINGS mutations_sync = 2`);
  assert.match((await verified(scenario)).faults[0] ?? "", /^incident \S+\/1 is no more$/);

  await store.command(
    sql`ALTER TABLE audit UPDATE why = 'nothing' WHERE kind = 'delivery' AND startsWith(what, 'opened') SETTINGS mutations_sync = 2`,
  );
  assert.ok((await verified(scenario)).faults.some((fault) => fault.includes("is not as it was written")));
  // The first process's chain cut off at its end: the second process has seen its head.
  await store.command(
    sql`ALTER TABLE audit DELETE WHERE (writer, sequence) IN (
      SELECT writer, max(sequence) FROM audit WHERE writer IN (SELECT writer FROM audit WHERE kind = 'chain' AND why = '[]') GROUP BY writer) SETTINGS mutations_sync = 2`,
  );
  assert.ok((await verified(scenario)).faults.some((fault) => /which \S+ saw at its start, is no more/.test(fault)));
});
