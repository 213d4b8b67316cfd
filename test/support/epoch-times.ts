/** Field case epoch-seconds-milliseconds-and-bad-dates, for a process in a time zone. The zone is set before the engine is loaded. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { fieldCaseLines } from "./field-cases.ts";
import { close, rowOf } from "./rows.ts";
import { Scenario } from "./scenario.ts";

const CONFIG = `models:
  - name: m
    task: binary
    windows: [1h]
    min_rows: 1
    detectors: [volume]
    kpis: [{ name: n, sql: "toFloat64(count())" }]`;
const MIDNIGHT = "2026-01-01T00:00:00Z";
const good = ["t1", "t2", "t3", "t4", "t5", "t6"];

/** @param zone IANA name; @param offsetMinutes of the zone on 1 January, to make sure that it holds */
export function testEpochTimes(zone: string, offsetMinutes: number): void {
  process.env["TZ"] = zone;
  test(`epoch-seconds-milliseconds-and-bad-dates: under TZ=${zone}`, async () => {
    assert.equal(new Date(2026, 0, 1).getTimezoneOffset(), offsetMinutes);
    const lines = fieldCaseLines("epoch-seconds-milliseconds-and-bad-dates");
    await using scenario = await Scenario.open({ config: CONFIG, now: "2026-01-01T00:30:00Z" });
    await scenario.push(lines);
    // The same over HTTP, an item a line.
    const { text } = await scenario.post(
      "/v1/events",
      lines.map((line) => line.replace(/"id":"(.)/, '"id":"http-$1')).join("\n"),
      {
        "content-type": "application/x-ndjson",
      },
    );
    await scenario.evaluate({ final: true });

    const stored = await scenario.rows(
      "SELECT id, toUnixTimestamp64Milli(timestamp) AS ms, toString(timestamp) AS shown FROM predictions_m FINAL ORDER BY id",
      z.object({ id: z.string(), ms: z.number(), shown: z.string() }),
    );
    assert.deepEqual(
      stored,
      [...good.map((id) => `http-${id}`), ...good].map((id) => ({
        id,
        ms: Date.parse(MIDNIGHT),
        shown: "2026-01-01 00:00:00.000",
      })),
    );
    const dead = await scenario.deadLetters();
    assert.equal(dead.length, 12);
    for (const letter of dead) {
      assert.equal(letter.reason, "timestamp_invalid");
      assert.match(letter.detail, /"timestamp"/);
    }
    assert.deepEqual(
      dead.filter((letter) => letter.source.startsWith("kafka")).map((letter) => letter.raw),
      lines.slice(6),
    );
    assert.equal(text.match(/timestamp_invalid/g)?.length, 6, text);
    const rows = await scenario.metrics({ model: "m" });
    assert.deepEqual([...new Set(rows.map((row) => row.window_start))], [Date.parse(MIDNIGHT)]);
    close(rowOf(rows, MIDNIGHT, "kpi", "n").value, 12);
    const api = await scenario.text("/v1/metrics?metric=n");
    assert.match(api, /"window_start":"2026-01-01T00:00:00.000Z"/);
    assert.match(await scenario.text("/models/m"), /1 Jan 2026 00:00/);
  });
}
