import assert from "node:assert/strict";
import { test } from "node:test";
import { createHeartbeat } from "../../src/service/heartbeat.ts";
import { createManualClock, quiet } from "../support/alert-station.ts";

test("it beats while all is alive, and not while a part is ill or hangs", async () => {
  const clock = createManualClock(0);
  const calls: string[] = [];
  let ill = false;
  let round: number | null = null;
  let rested: () => void = () => undefined;
  const watched = {
    now: () => clock.now(),
    sleep(ms: number, signal?: AbortSignal) {
      rested();
      return clock.sleep(ms, signal);
    },
  };
  const heartbeat = createHeartbeat({
    url: "http://127.0.0.1:9/secret",
    everyMs: 60_000,
    clock: watched,
    log: quiet,
    health: [{ name: "ingest", check: () => [{ name: "ingest", ok: !ill, reason: "the store is away" }] }],
    rounds: [{ name: "evaluation", cameRoundAt: () => round }],
    fetch: async (url) => {
      calls.push(url instanceof Request ? url.url : url.toString());
      return new Response("ok");
    },
  });
  const until = async (ms: number) => {
    const resting = new Promise<void>((resolve) => {
      rested = resolve;
    });
    clock.set(ms);
    await resting;
    return calls.length;
  };
  const first = new Promise<void>((resolve) => {
    rested = resolve;
  });
  heartbeat.start();
  await first;
  assert.equal(calls.length, 1);
  assert.equal(await until(60_000), 2);
  ill = true;
  assert.equal(await until(120_000), 2);
  ill = false;
  assert.equal(await until(180_000), 3);
  assert.equal(await until(16 * 60_000), 3, "no round since the start");
  round = 16 * 60_000;
  assert.equal(await until(17 * 60_000), 4);
  await heartbeat.stop();
});
