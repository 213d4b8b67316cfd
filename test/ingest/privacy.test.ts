/** Private fields: nothing of them is anywhere in the store, events and reference have the same hashes, and a forgotten id is gone. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { privacyOf } from "../../src/config/privacy.ts";
import { configSchema } from "../../src/config/schema.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import { forget } from "../../src/serve/forget.ts";
import { openLocalReader } from "../../src/store/local-reader.ts";
import { name, sql } from "../../src/store/sql.ts";
import type { Store } from "../../src/store/store.ts";
import { createManualClock } from "../support/alert-station.ts";
import { decoderOptions, messages, openFreshStore, rowsOf, writerOver } from "../support/ingest.ts";

const KEY = "0123456789abcdef";
const hash = (text: string) => createHmac("sha256", KEY).update(text).digest("hex").slice(0, 32);
const NOW = Date.UTC(2026, 2, 2, 12);

/** Every row of every table as text. */
async function everything(store: Store): Promise<string> {
  const lane = store.lane("control");
  const tables = await lane.query(
    sql`SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name`,
    z.object({ name: z.string() }),
  );
  const texts: string[] = [];
  for (const table of tables) texts.push(await lane.text(`SELECT * FROM ${name(table.name).text}`, "JSONEachRow"));
  return texts.join("\n");
}

test("private fields are nowhere in the store, and a forgotten id is gone from all of its tables", async () => {
  const fresh = await openFreshStore([]);
  const { store, folder } = fresh;
  try {
    const lane = store.lane("control");
    const file = path.join(folder, "reference.csv");
    const countries = ["Atlantis", "Lemuria"];
    const lines = Array.from(
      { length: 400 },
      (_, index) => `${countries[index % 2]},mail${index}@example.com,${index},Zip${index % 2},0`,
    );
    await writeFile(file, `country,email,amount,segments.area,prediction\n${lines.join("\n")}\n`);
    const config = configSchema.parse({
      models: [
        {
          name: "m",
          task: "binary",
          segments: ["area"],
          reference: { file },
          privacy: {
            key: KEY,
            id: "hash",
            features: { country: "hash", "e*": "drop", phone: "hash" },
            segments: { area: "hash" },
          },
        },
      ],
    });
    const [model] = config.models;
    assert.ok(model !== undefined);
    const clock = createManualClock(NOW);
    const reader = await openLocalReader(store, path.join(folder, "data"));
    const prepared = await prepareModel(lane, model, clock, { readLane: reader.lane });
    await reader.close();
    const country = prepared.reference?.subjects.find(({ subject }) => subject === "country");
    assert.deepEqual([...(country?.categories ?? [])].sort(), countries.map(hash).sort());
    assert.deepEqual(
      prepared.reference?.subjects.map(({ subject }) => subject).filter((subject) => subject === "email"),
      [],
    );

    const decoder = decoderOptions(clock, [prepared.schema]);
    const writer = writerOver(store.lane("ingest"), clock, [prepared.schema], {
      decoder: { ...decoder, models: [{ schema: prepared.schema, maxFutureMs: 0, privacy: privacyOf(model) }] },
      deadLetterBytes: null,
    });
    const event = (id: string, more: object = {}) => ({
      type: "prediction",
      model: "m",
      id,
      timestamp: NOW - 60_000,
      prediction: 1,
      features: { country: "Atlantis", email: "ana@example.com", phone: "+49 999", amount: 3 },
      segments: { area: "Zip1" },
      attributions: { email: 0.5, amount: 1 },
      ...more,
    });
    const label = (id: string) => ({ type: "label", model: "m", id, timestamp: NOW - 30_000, label: 0 });
    const written = [
      event("person-1"),
      event("person-2"),
      label("person-1"),
      label("person-2"),
      event("person-3", { prediction: "Atlantis" }),
    ];
    await writer.push(messages([...written.map((one) => JSON.stringify(one)), '{"email":"ana@example.com", broken']));
    await writer.flush();

    const [row] = await rowsOf(
      store,
      "SELECT id, features.country AS country, segments, extra, attributions FROM predictions_m ORDER BY id LIMIT 1",
    );
    const first = [hash("person-1"), hash("person-2")].sort()[0];
    assert.deepEqual(row, {
      id: first,
      country: hash("Atlantis"),
      segments: { area: hash("Zip1") },
      extra: { phone: JSON.stringify(hash("+49 999")) },
      attributions: { amount: 1 },
    });
    const all = await everything(store);
    for (const secret of ["Atlantis", "Lemuria", "example.com", "+49 999", "Zip1", "person-", KEY])
      assert.equal(all.includes(secret), false, secret);
    assert.deepEqual(
      (await rowsOf(store, "SELECT reason, raw FROM dead_letters ORDER BY offset")).map(({ reason, raw }) => [
        reason,
        raw,
      ]),
      [
        ["field_invalid", ""],
        ["not_json", ""],
      ],
    );

    const place = { lane, models: config.models, now: NOW };
    const request = { id: "person-1", owner: "ana", reason: "asked to" };
    assert.deepEqual((await forget(place, request)).rows, {
      predictions_m: 1,
      prediction_ids: 1,
      labels: 1,
    });
    assert.equal((await everything(store)).includes(hash("person-1")), false);
    assert.ok((await everything(store)).includes(hash("person-2")));
    assert.deepEqual((await forget(place, request)).rows, {});
    const [audited] = await rowsOf(store, "SELECT kind, owner, reason, model FROM decisions ORDER BY at LIMIT 1");
    assert.deepEqual(audited, { kind: "forgotten", owner: "ana", reason: "asked to", model: "" });
    await assert.rejects(forget(place, { ...request, model: "n" }), /there is no model n/);
    await writer.close(0);
  } finally {
    await fresh.end();
  }
});
