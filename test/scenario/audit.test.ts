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

const decidedRow = z.object({
  kind: z.string(),
  model: z.string(),
  who: z.string(),
  what: z.string(),
  why: z.string(),
  known: z.number(),
});

/** What is sealed, in the order of time, beginnings left out. */
const sealed = (scenario: Scenario) =>
  scenario.rows(
    "SELECT kind, model, who, what, why, monitor_hash != '' AS known FROM audit WHERE kind != 'chain' ORDER BY at, kind DESC, what",
    decidedRow,
  );

async function decide(scenario: Scenario, route: string, body: object): Promise<string> {
  const answer = await scenario.post(route, JSON.stringify(body), { "content-type": "application/json" });
  assert.ok(answer.status < 300, answer.text);
  return z.object({ decision_id: z.string().optional() }).parse(JSON.parse(answer.text)).decision_id ?? "";
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
      "in force: configuration … came into force",
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

const PEOPLE = `models:
  - name: m
    task: regression
    windows: [5m]
    reference: { file: REFERENCE }
    false_alarms: off
    kpis:
      - { name: mean_x, sql: "avg(toFloat64(features.x))", max: 80, severity: page }
    alerts: { channels: [hook] }
    actions: [{ use: webhook, url: "\${HOOK}", on: page, approval: true }]
channels: { hook: { use: webhook, url: "\${HOOK}" } }
digests: [{ channels: [hook], at: "12:00" }]
store: { embedded: ./data }
server: { port: 0 }
`;
const column = (added: number) => `x\n${Array.from({ length: 1000 }, (_, i) => (i % 100) + added).join("\n")}\n`;
const withFile = (file: string) => ({ "driftline.yaml": PEOPLE.replace("REFERENCE", file) });

test("each kind of decision is sealed with who, what and why: people's, retrainings', references', configurations' and digests'", async () => {
  await using scenario = await Scenario.open({
    config: PEOPLE.replace("REFERENCE", "first.csv").replace(/store: .*\nserver: .*\n/, ""),
    files: { "first.csv": column(0), "second.csv": column(1) },
    now: at(10),
  });
  for (const [window, added] of [0, 60].entries()) {
    scenario.clock.set(at(10, window * 5 + 5));
    await scenario.push(predictions(window, added));
    await scenario.evaluate({ at: at(10, window * 5 + 7) });
  }
  const [incident] = await scenario.incidents();
  const id = incident?.incident_id ?? "";
  const owner = "ada";
  await decide(scenario, "/v1/silences", { matchers: { model: "m" }, for: "30m", owner, reason: "a load test" });
  const kept = { model: "m", subject: "x", for: "30m", owner, reason: "prices rose" };
  await decide(scenario, "/v1/acceptances", kept);
  const ended = await decide(scenario, "/v1/acceptances", { ...kept, segment: "country=DE" });
  await decide(scenario, `/v1/decisions/${ended}/end`, { owner: "grace", reason: "too soon" });
  await decide(scenario, `/v1/incidents/${id}/acknowledge`, { owner });
  await decide(scenario, `/v1/incidents/${id}/feedback`, { verdict: "real", owner, reason: "the feed broke" });
  await approve(scenario);
  await scenario.evaluate({ at: at(10, 15) });
  // Another reference by another configuration, and back to the first.
  for (const [minute, file] of [
    [20, "second.csv"],
    [25, "first.csv"],
  ] as const) {
    await scenario.write(withFile(file));
    scenario.clock.set(at(10, minute));
    await scenario.restart();
  }
  await scenario.evaluate({ at: at(11) });
  await scenario.evaluate({ at: at(12) });
  await scenario.evaluate({ at: at(12, 1) });

  const decided = await sealed(scenario);
  const short = (text: string) => text.replace(/\br?[0-9a-f]{12,16}\b/g, "…");
  const of = (kind: string) => decided.filter((one) => one.kind === kind);
  assert.deepEqual(
    of("person")
      .map(({ model, who, what, why }) => [model, who, what, why])
      .sort(byText),
    [
      ["m", "ada", "acceptance of x in country=DE", "prices rose"],
      ["m", "ada", "acceptance of x", "prices rose"],
      ["m", "ada", "acknowledgement", ""],
      ["m", "ada", "feedback: real", "the feed broke"],
      ["m", "ada", 'silence of {"model":"m"}', "a load test"],
      ["m", "grace", "end of acceptance", "too soon"],
    ],
  );
  assert.deepEqual(
    of("expiry")
      .map(({ model, what }) => `${model} ${what}`)
      .sort(),
    [" silence expired", "m acceptance expired"],
  );
  assert.deepEqual(
    of("retraining")
      .map(({ who, what }) => `${who}: ${what}`)
      .filter((one) => /asked|approved|accepted/.test(one))
      .sort(),
    ["driftline: webhook: accepted", "driftline: webhook: asked", "grace: webhook: approved"],
  );
  assert.ok(of("delivery").some(({ what }) => what === "opened to action m webhook: sent"));
  assert.deepEqual(
    of("in force")
      .map(({ model, what, why }) => [model, short(what), why.replace(/\/\S*\//, "")])
      .sort(byText),
    [
      ["", "configuration … came into force", "changed: models.0.reference.file"],
      ["", "configuration … came into force", "changed: models.0.reference.file"],
      ["", "configuration … came into force", "the first start on this store"],
      ["m", "reference … came into force", "file first.csv"],
      ["m", "reference … came into force", "file first.csv"],
      ["m", "reference … came into force", "file second.csv"],
    ],
  );
  assert.equal(of("reference").length >= 2 && of("configuration").length >= 2, true);
  assert.deepEqual(
    of("delivery")
      .filter(({ what }) => what.startsWith("digest"))
      .map(({ what }) => what),
    ["digest to channel hook: sent"],
  );
  assert.ok(decided.every(({ known }) => known === 1));
  const whole = await verified(scenario);
  assert.deepEqual(whole.faults, []);
  // Of three processes one after the other the last one's head is enough, and the digest has it.
  const [digest] = await scenario.rows(
    "SELECT body FROM deliveries FINAL WHERE kind = 'digest'",
    z.object({ body: z.string() }).transform(({ body }) => headsOf.parse(JSON.parse(body))),
  );
  const heads = digest?.digest.audit_heads ?? [];
  assert.equal(heads.length, 1);
  assert.deepEqual((await verified(scenario, heads[0]?.hash)).faults, []);
  // The report of the model tells what was decided of all models too.
  const report = await scenario.text("/v1/models/m/report");
  for (const words of [heads[0]?.writer ?? "none", "feedback: real", "digest to channel hook", "came into force"])
    assert.ok(report.includes(words), words);
});

const byText = (one: readonly string[], other: readonly string[]): number =>
  JSON.stringify(one) < JSON.stringify(other) ? -1 : 1;

const headsOf = z.object({
  digest: z.object({ audit_heads: z.array(z.object({ writer: z.string(), hash: z.string() })) }),
});

/** By the link that the channel was sent. */
async function approve(scenario: Scenario): Promise<void> {
  const asked = scenario.messages().find(({ data }) => data.title.startsWith("Approve"));
  const links = z.array(z.object({ url: z.string() })).parse(asked?.data["links"]);
  const { pathname, searchParams } = new URL(links[0]?.url ?? "");
  const body = JSON.stringify({ token: searchParams.get("token"), decision: "approve", by: "grace" });
  const answer = await scenario.post(`/v1${pathname}/approval`, body, { "content-type": "application/json" });
  assert.equal(answer.status, 200, answer.text);
}
