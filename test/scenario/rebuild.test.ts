/** A rebuild in the whole application: its incidents stay, nobody is told, and wherever numbers are read it says what they are. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { Scenario } from "../support/scenario.ts";

const START = Date.UTC(2026, 2, 2);
const HOUR = 3_600_000;
const iso = (ms: number) => new Date(ms).toISOString();
const reference = (shift: number) =>
  Array.from({ length: 500 }, (_, i) => JSON.stringify({ amount: ((i * 37) % 101) + shift })).join("\n");
/** From the sixth hour on the amounts have moved. */
const hours = (from: number, to: number): string[] =>
  Array.from({ length: (to - from) * 240 }, (_, i) => from * 240 + i).map((i) =>
    JSON.stringify({
      type: "prediction",
      model: "prices",
      version: "1",
      id: `p${i}`,
      timestamp: iso(START + i * 15_000),
      prediction: 1,
      features: { amount: ((i * 37) % 101) + (i >= 6 * 240 ? 120 : 0) },
    }),
  );
const config = `models:
  - name: prices
    task: regression
    reference: { file: rows.ndjson }
    windows: [1h]
    pane: 10m
    min_rows: 10
    detectors: [total-variation]
    false_alarms: off
    alerts: { channels: [hook], rules: [{ metric: total-variation, above: 0.6, severity: page }] }
channels:
  hook: { use: webhook, url: "\${HOOK}" }`;

const incident = z.looseObject({
  incident_id: z.string(),
  state: z.string(),
  computed_again: z.object({ epoch: z.number(), reason: z.string(), sentence: z.string() }).optional(),
});
const listed = z.object({ incidents: z.array(incident) });
const body = { model: "prices", owner: "ana", reason: "prices are in <another> currency" };

describe("a rebuild in a running application", () => {
  let scene: Scenario;
  before(async () => {
    scene = await Scenario.open({ config, files: { "rows.ndjson": reference(0) }, now: iso(START) });
    scene.clock.set(iso(START + 9 * HOUR));
    await scene.push(hours(0, 9));
    await scene.evaluate({ at: iso(START + 9 * HOUR + 600_000) });
  });
  after(async () => await scene[Symbol.asyncDispose]());

  const ask = async (given: object) => {
    const { status, text } = await scene.post("/v1/rebuild", JSON.stringify({ ...body, ...given }));
    return { status, answer: z.looseObject({}).parse(JSON.parse(text)) };
  };
  const incidents = async () => listed.parse(await scene.json("/v1/incidents")).incidents;
  const breached = async (epoch?: number) =>
    (
      await scene.metrics({ metric: "total-variation", subject: "amount", ...(epoch === undefined ? {} : { epoch }) })
    ).map((row) => row.breached);

  it("is refused where it can't be meant, and a rehearsal changes nothing", async () => {
    assert.deepEqual(await breached(), [false, false, false, false, false, false, true, true, true]);
    assert.equal((await ask({ from: 5, to: 5 })).status, 400);
    assert.equal((await ask({ model: "other" })).status, 404);
    const { answer } = await ask({ dry_run: true });
    assert.equal(answer["state"], "rehearsed");
    assert.deepEqual(z.looseObject({ changed: z.number(), rows: z.number() }).parse(answer["comparison"]).changed, 0);
  });

  it("puts its numbers in force under a new epoch, tells nobody and leaves incidents as they were", async () => {
    const told = scene.messages().length;
    const [open] = await incidents();
    assert.equal(open?.state, "firing");
    assert.equal(told, 1);

    await scene.write({ "rows.ndjson": reference(120) });
    await scene.restart();
    await scene.evaluate();
    assert.deepEqual(
      (await breached()).filter((one) => one).length,
      3,
      "a changed reference alone leaves closed windows",
    );
    // A process that does not evaluate writes down what is wanted; it is taken up after a restart too.
    assert.equal((await ask({})).answer["state"], "asked");
    assert.equal((await ask({})).status, 400);
    await scene.restart();
    await scene.evaluate({ at: iso(START + 9 * HOUR + 1_200_000) });

    assert.deepEqual(await breached(), [true, true, true, true, true, true, false, false, false]);
    assert.deepEqual(await breached(1), [false, false, false, false, false, false, true, true, true]);
    assert.equal(scene.messages().length, told);
    const [still, ...others] = await incidents();
    assert.deepEqual(others, []);
    assert.equal(still?.incident_id, open?.incident_id);
    assert.equal(still?.state, "firing");
    assert.equal(
      still?.computed_again?.sentence,
      "Computed again on 2026-03-02 because prices are in <another> currency: epoch 2.",
    );
  });

  it("says so on the pages, in the API and in the audit", async () => {
    const shown = "Computed again on 2026-03-02 because prices are in &lt;another> currency: epoch 2.";
    const [open] = await incidents();
    for (const route of ["/models/prices", "/models/prices/features/amount", `/incidents/${open?.incident_id}`])
      assert.ok((await scene.text(route)).includes(shown), route);
    const model = z.looseObject({ epoch: z.number(), computed_again: z.looseObject({ owner: z.string() }) });
    assert.equal(model.parse(await scene.json("/v1/models/prices")).epoch, 2);
    const audited = await scene.rows(
      "SELECT who, what FROM audit WHERE kind = 'rebuild' ORDER BY at",
      z.object({ who: z.string(), what: z.string() }),
    );
    assert.deepEqual(audited, [
      { who: "ana", what: "asked for the numbers to be computed again" },
      { who: "ana", what: "epoch 2: 9 numbers computed again" },
    ]);
    assert.deepEqual(z.object({ faults: z.array(z.string()) }).parse(await scene.json("/v1/audit")).faults, []);
  });

  it("judges what comes after by the new numbers: the incident resolves by itself", async () => {
    const told = scene.messages().length;
    scene.clock.set(iso(START + 13 * HOUR));
    await scene.push(hours(9, 13));
    await scene.evaluate({ at: iso(START + 13 * HOUR + 600_000) });
    const [still, ...others] = await incidents();
    assert.equal(still?.state, "resolved");
    assert.deepEqual(others, []);
    assert.equal(scene.messages().length, told + 1);
  });
});
