/** References of every kind in one running application: of the store's events, of versions, and chosen by a person. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { sql } from "../../src/store/sql.ts";
import { Scenario } from "../support/scenario.ts";

const START = Date.UTC(2026, 2, 2);
const MINUTE = 60_000;
const iso = (ms: number) => new Date(ms).toISOString();

/** One a minute; amounts go round, and every third prediction is positive. */
const event = (model: string, index: number, version = "1") => ({
  type: "prediction",
  model,
  version,
  id: `${model}-${index}`,
  timestamp: iso(START + index * MINUTE),
  prediction: index % 3 === 0 ? 1 : 0,
  score: (index % 97) / 97,
  features: { amount: (index * 37) % 101, city: ["Bern", "Graz", "Wien"][index % 3] },
});
const events = (model: string, from: number, to: number, version?: string): string[] =>
  Array.from({ length: to - from }, (_, index) => JSON.stringify(event(model, from + index, version)));

/** The same events as a file would hold them. */
const rows = (model: string, from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => {
    const { timestamp, prediction, score, features } = event(model, from + index);
    return JSON.stringify({ timestamp, prediction: String(prediction), score, ...features });
  }).join("\n");

/** One has a page tier, which takes longest to make ready. */
const model = (name: string, reference: string) =>
  `  - { name: ${name}, task: binary, windows: [1h], pane: 10m, min_rows: 10, max_future: 30d, detectors: [psi], ${reference}${name === "first" ? "" : ", false_alarms: off"} }`;
const config = `models:
${[
  model("asfile", "reference: { file: rows.ndjson }"),
  model("first", "reference: { first: 300 }"),
  model("range", `reference: { from: "${iso(START)}", to: "${iso(START + 300 * MINUTE)}" }`),
  model("versions", `reference: { version: "1", first: 300 }, references: { "2": { version: "2", first: 200 } }`),
  model("chosen", "references: {}"),
].join("\n")}`;

const listed = z.object({
  references: z.array(
    z.looseObject({
      model: z.string(),
      configured: z.string(),
      in_force: z.object({
        reference_id: z.string(),
        origin: z.string(),
        rows: z.number(),
        waiting: z.string().nullable(),
        versions: z.record(
          z.string(),
          z.object({ reference_id: z.string(), origin: z.string(), rows: z.number(), waiting: z.string().nullable() }),
        ),
      }),
      chosen: z.object({ build_id: z.string(), owner: z.string() }).nullable(),
      builds: z.array(z.looseObject({ build_id: z.string(), rows: z.number() })),
    }),
  ),
});

describe("references in a running application", () => {
  let scene: Scenario;
  before(async () => {
    scene = await Scenario.open({ config, files: { "rows.ndjson": rows("first", 0, 300) }, now: iso(START) });
  });
  after(async () => await scene[Symbol.asyncDispose]());

  const list = async () => {
    const { references } = listed.parse(await scene.json("/v1/references"));
    return new Map(references.map((one) => [one.model, one]));
  };
  const inForce = async (name: string) => (await list()).get(name)?.in_force;
  const push = async (from: number, to: number, version = "1") => {
    for (const name of ["first", "range", "versions", "chosen"])
      await scene.push(events(name, from, to, version), { source: `kafka:${name}:t1` });
    await scene.evaluate({ at: iso(START + to * MINUTE) });
  };

  it("says how many events are missing until they are there, and stores those that come meanwhile", async () => {
    await push(0, 200);
    const { waiting = "" } = (await inForce("first")) ?? {};
    assert.match(waiting ?? "", /^no reference yet: 1\d\d of 300 events are there; 1\d\d are missing/);
    assert.match((await inForce("range"))?.waiting ?? "", /the store is complete up to/);
    const refused = await scene.post("/v1/references/build", JSON.stringify({ model: "chosen", first: 300 }));
    assert.equal(refused.status, 400);
    assert.match(refused.text, /are missing/);
    assert.equal(
      (await scene.rows("SELECT count() AS n FROM predictions_first", z.object({ n: z.number() })))[0]?.n,
      200,
    );
  });

  it("is the same as the same rows given as a file, whichever way the events are named", async () => {
    await push(200, 420);
    const file = await inForce("asfile");
    for (const name of ["first", "range", "versions"]) {
      const found = await inForce(name);
      assert.equal(found?.waiting, null, name);
      assert.equal(found?.rows, 300, name);
      assert.equal(found?.reference_id, file?.reference_id, name);
    }
    assert.match((await inForce("first"))?.origin ?? "", /^the first 300 events \(b[0-9a-f]{12}\)$/);
  });

  it("compares the events that came before the features had columns", async () => {
    await push(420, 560);
    const psi = (await scene.metrics({ model: "first", metric: "psi", subject: "amount" })).filter(
      ({ value }) => value !== null,
    );
    assert.ok(psi.length > 0);
    assert.ok(
      psi.every(({ value }) => (value ?? 1) < 0.5),
      JSON.stringify(psi.map(({ value }) => value)),
    );
    const lost = sql`SELECT countIf(isNull(\`features.amount\`)) AS n, countIf(isNull(\`features.city\`)) AS m FROM predictions_first`;
    assert.deepEqual(await scene.rows(lost.text, z.object({ n: z.number(), m: z.number() })), [{ n: 0, m: 0 }]);
  });

  it("stays what it was when late events come and after a restart", async () => {
    const before = await inForce("first");
    const late = JSON.stringify({ ...event("first", 3), id: "late", features: { amount: 9e9, city: "Nowhere" } });
    await scene.push([late], { source: "kafka:first:t1" });
    await scene.restart();
    await scene.evaluate();
    assert.deepEqual(await inForce("first"), before);
  });

  it("compares a new version with its own reference once that is there, and the older one with what it had", async () => {
    const before = await inForce("versions");
    assert.match(before?.versions["2"]?.waiting ?? "", /^no reference yet: /);
    await push(560, 800, "2");
    const now = await inForce("versions");
    assert.equal(now?.reference_id, before?.reference_id);
    assert.match(now?.versions["2"]?.origin ?? "", /^the first 200 events of version 2/);
    await push(800, 870, "2");
    const references = await scene.rows(
      "SELECT version, argMax(reference_id, window_start) AS id FROM metrics WHERE model = 'versions' AND metric = 'psi' GROUP BY version ORDER BY version",
      z.object({ version: z.string(), id: z.string() }),
    );
    assert.deepEqual(references, [
      { version: "1", id: before?.reference_id },
      { version: "2", id: now?.versions["2"]?.reference_id },
    ]);
    assert.notEqual(references[0]?.id, references[1]?.id);
    const build = /\((b[0-9a-f]+)\)/.exec(now?.versions["2"]?.origin ?? "")?.[1] ?? "";
    const shown = z
      .object({ used_by: z.array(z.string()) })
      .parse(await scene.json(`/v1/references/versions/${build}`));
    assert.deepEqual(shown.used_by, ["version 2"]);
    await scene.restart();
    assert.deepEqual(await inForce("versions"), now);
  });

  it("uses what a person has put in force, over a restart, until the configured one is used again; all of it is audited", async () => {
    const asked = { model: "chosen", from: iso(START + 60 * MINUTE), to: iso(START + 400 * MINUTE) };
    const answer = await scene.post("/v1/references/build", JSON.stringify(asked));
    assert.equal(answer.status, 201, answer.text);
    const { build_id } = z.object({ build_id: z.string() }).parse(JSON.parse(answer.text));
    const shown = z.object({ rows: z.number(), examples: z.array(z.looseObject({ amount: z.number() })) });
    const { rows: count, examples } = shown.parse(await scene.json(`/v1/references/chosen/${build_id}`));
    assert.equal(count, 340);
    assert.equal(examples[0]?.amount, (60 * 37) % 101);

    const use = { model: "chosen", build: build_id, owner: "ana", reason: "prices are in euro" };
    assert.equal((await scene.post("/v1/references/use", JSON.stringify(use))).status, 201);
    await scene.evaluate();
    const chosen = (await list()).get("chosen");
    assert.equal(chosen?.chosen?.owner, "ana");
    assert.equal(chosen?.in_force.rows, 340);
    await scene.restart();
    assert.deepEqual((await list()).get("chosen")?.in_force, chosen?.in_force);

    const back = { ...use, build: "configured", reason: "no" };
    scene.clock.set(iso(scene.clock.now() + MINUTE));
    assert.equal((await scene.post("/v1/references/use", JSON.stringify(back))).status, 201);
    await scene.evaluate({ final: true });
    assert.equal((await inForce("chosen"))?.reference_id, "");
    const audited = await scene.rows(
      "SELECT kind, who, what FROM audit WHERE model = 'chosen' AND startsWith(kind, 'reference-') ORDER BY at, kind",
      z.object({ kind: z.string(), who: z.string(), what: z.string() }),
    );
    assert.deepEqual(audited, [
      { kind: "reference-build", who: "driftline", what: `built ${build_id}` },
      { kind: "reference-choice", who: "ana", what: `uses ${build_id}` },
      { kind: "reference-choice", who: "ana", what: "uses the configured reference" },
    ]);
    const audit = z.object({ faults: z.array(z.string()) }).parse(await scene.json("/v1/audit"));
    assert.deepEqual(audit.faults, []);
  });

  it("holds nothing of an id that was forgotten", async () => {
    const lines = async () =>
      (
        await scene.rows(
          "SELECT count() AS n FROM reference_build_rows FINAL WHERE model = 'first'",
          z.object({ n: z.number() }),
        )
      )[0]?.n;
    assert.equal(await lines(), 300);
    const query = new URLSearchParams({ owner: "ana", reason: "request 4711" });
    const { status } = await fetch(`${scene.url}/v1/ids/first-7?${query}`, { method: "DELETE" });
    assert.equal(status, 200);
    assert.equal(await lines(), 299);
  });

  it("shows models that nobody watches, hostile names too, no more than twenty", async () => {
    const hostile = `x"'; <script>\\`;
    const lines = Array.from({ length: 30 }, (_, index) => JSON.stringify(event(`other-${index}`, index)));
    const twice = [
      ...Array.from({ length: 3 }, (_, index) => event("frau", index)),
      event(hostile, 1),
      event(hostile, 2),
    ];
    await scene.push([...lines, ...twice.map((one) => JSON.stringify(one))], { source: "kafka:unknown:t1" });
    const seen = z.object({
      models: z.array(
        z.looseObject({
          model: z.string(),
          messages: z.number(),
          features: z.array(z.string()),
          configuration: z.string().nullable(),
        }),
      ),
      more: z.object({ names: z.number(), messages: z.number() }),
    });
    const { models, more } = seen.parse(await scene.json("/v1/unknown-models"));
    assert.deepEqual(
      models.slice(0, 2).map(({ model: name, messages, features }) => [name, messages, features]),
      [
        ["frau", 3, ["amount", "city"]],
        [hostile, 2, ["amount", "city"]],
      ],
    );
    assert.match(models[0]?.configuration ?? "", /- name: "frau"\n.*\n {4}reference: \{ first: 20000 \}/);
    assert.equal(models[1]?.configuration, null);
    assert.equal(models.length, 20);
    assert.deepEqual(more, { names: 12, messages: 12 });
    const page = await scene.text("/");
    assert.match(page, /Models that are not watched/);
    assert.equal(page.includes("<script>\\"), false);
  });

  it("refuses unknown builds and what names no events", async () => {
    const use = { model: "chosen", build: "b000000000000", owner: "ana", reason: "x" };
    assert.equal((await scene.post("/v1/references/use", JSON.stringify(use))).status, 404);
    assert.equal((await scene.post("/v1/references/build", JSON.stringify({ model: "chosen" }))).status, 400);
    assert.equal(
      (await scene.post("/v1/references/build", JSON.stringify({ model: "nobody", first: 300 }))).status,
      404,
    );
  });
});
