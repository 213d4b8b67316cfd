import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import type { Clock } from "../../../src/core/clock.ts";
import { DriftlineError } from "../../../src/core/errors.ts";
import { createLog, type LogOptions, REDACTED } from "../../../src/telemetry/log.ts";

const line = z.looseObject({ level: z.string(), time: z.string(), msg: z.string() });

/** A log into memory, on a clock that the test moves. */
function recorded(options: Omit<LogOptions, "destination" | "clock"> = {}) {
  const written: string[] = [];
  let now = Date.parse("2026-03-02T10:00:00Z");
  const clock: Clock = { now: () => now, sleep: () => Promise.resolve() };
  const log = createLog({ ...options, clock, destination: { write: (text) => void written.push(text) } });
  return {
    log,
    written,
    lines: () => written.map((text) => line.parse(JSON.parse(text))),
    pass: (ms: number) => void (now += ms),
  };
}

test("a line is one JSON object with a level, a time and what it is about", () => {
  const { log, lines } = recorded();
  log.with({ part: "ingest" }).info("stored a batch", { rows: 20_000 });
  log.debug("not at this level");
  assert.deepEqual(lines(), [
    { level: "info", time: "2026-03-02T10:00:00.000Z", part: "ingest", rows: 20_000, msg: "stored a batch" },
  ]);
});

test("no secret comes out, however it is spelt", () => {
  const secret = "p#a: s's\"w\\o";
  const { log, written } = recorded({ secrets: [secret, "hunter2-hunter2"] });
  log.info(`url http://u:${encodeURIComponent(secret)}@h`, {
    password: "anything",
    nested: { token: "also" },
    note: secret,
  });
  log.error(`Basic ${Buffer.from("hunter2-hunter2").toString("base64")}`, {
    error: new Error(`refused hunter2-hunter2`),
  });
  const text = written.join("");
  for (const hidden of [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    "hunter2",
    "anything",
    "also",
  ])
    assert.ok(!text.includes(hidden), hidden);
  assert.ok(text.includes(REDACTED));
  for (const one of written) assert.doesNotThrow(() => JSON.parse(one));
});

test("a repeated failure is written once, then counted until a minute has passed", () => {
  const { log, lines, pass } = recorded();
  for (let attempt = 0; attempt < 1000; attempt++) log.warn("the store does not answer");
  log.warn("another failure");
  pass(60_000);
  log.warn("the store does not answer");
  assert.deepEqual(
    lines().map((one) => [one.msg, one["repeated"]]),
    [
      ["the store does not answer", undefined],
      ["another failure", undefined],
      ["the store does not answer", 999],
    ],
  );
});

test("distinct messages do not make the log's memory grow", () => {
  const { log, lines } = recorded();
  for (let index = 0; index < 2000; index++) log.warn(`failure ${index}`);
  log.warn("failure 0");
  assert.equal(lines().length, 2001);
});

test("an error of ours is its code and its message, and a line of text stays one line", () => {
  const { log, written } = recorded();
  log.error("could not store", { error: new DriftlineError("store_unavailable", "connect ECONNREFUSED\nevil: line") });
  assert.equal(written.join("").split("\n").length, 2);
  assert.match(
    written.join(""),
    /"error":\{"code":"store_unavailable","message":"connect ECONNREFUSED\\nevil: line"\}/,
  );
});
