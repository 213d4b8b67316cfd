/**
 * A process that ends before or after any of its writes, from the incident to the recovery: the next one goes on, nothing is started twice and
 * nothing is lost.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { eventOf, insertRetrainingEvents, readRetrainings } from "../../src/deliver/retraining-store.ts";
import { openStore } from "../../src/store/open.ts";
import { name, sql } from "../../src/store/sql.ts";
import type { Lane, Store } from "../../src/store/store.ts";
import {
  createAlertStation,
  createManualClock,
  insertMetrics,
  kpiRow,
  readDeliveries,
  readIncidentRows,
  START,
} from "../support/alert-station.ts";
import { startHttpReceiver } from "../support/http-receiver.ts";

class CutOff extends Error {}

/** Ends the process, as it were, at the n-th write (from 1): before it, or right after it. */
function cutting(
  store: Store,
  at: number,
  when: "before" | "after",
): { readonly store: Store; readonly ended: Promise<void>; reached(): boolean } {
  let writes = 0;
  let over = false;
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const wrap = (lane: Lane): Lane => ({
    query: (...parameters) => (over ? Promise.reject(new CutOff()) : lane.query(...parameters)),
    command: (...parameters) => lane.command(...parameters),
    insertBlock: (...parameters) => lane.insertBlock(...parameters),
    text: (...parameters) => lane.text(...parameters),
    async insertRows(table, rows) {
      if (over) throw new CutOff();
      over = ++writes === at;
      if (!over || when === "after") await lane.insertRows(table, rows);
      if (!over) return;
      end();
      throw new CutOff();
    },
  });
  return {
    store: {
      kind: store.kind,
      lane: (name) => wrap(store.lane(name)),
      beside: (...parameters) => store.beside(...parameters),
      ping: () => store.ping(),
      close: () => store.close(),
    },
    ended,
    reached: () => over,
  };
}

const accuracy = (index: number, value: number, version: string) =>
  kpiRow(index, value, { metric: "accuracy", version });

/** What people and the retraining system do, as far as it has come; and what the process does in between. */
async function goOn(store: Store, real: Lane, config: unknown, clock: ReturnType<typeof createManualClock>) {
  const station = createAlertStation(store, config, { clock, limits: { firstWaitMs: 1 } });
  for (let round = 0; round < 8; round++) {
    clock.set(clock.now() + 5_000);
    await station.alerting.process("m");
    await station.outbox.flush();
    await station.retrainings.look();
    const [retraining] = await readRetrainings(real);
    if (retraining?.state === "awaiting_approval")
      await insertRetrainingEvents(real, [eventOf(retraining, { event: "approved", at: clock.now() })]);
    if (retraining?.state === "accepted") {
      const detail = { version: "2" };
      await insertRetrainingEvents(real, [eventOf(retraining, { event: "succeeded", at: clock.now(), detail })]);
      await insertMetrics(real, [accuracy(60, 0.9, "2")]);
    }
    if (retraining?.state === "recovered" && (await station.outbox.flush()) === null) return true;
  }
  return false;
}

for (const when of ["before", "after"] as const) {
  test(`cut off ${when} any write, a retraining is asked for once, approved once, and ends as recovered`, async () => {
    let cuts = 0;
    const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-cut-"));
    const store = await openStore({ embedded: folder });
    const real = store.lane("control");
    try {
      for (let write = 1; ; write++) {
        for (const table of ["metrics", "incidents", "deliveries", "judged", "retrainings"])
          await real.command(sql`TRUNCATE TABLE ${name(table)}`);
        await using retrain = await startHttpReceiver();
        await using hook = await startHttpReceiver();
        const config = {
          models: [
            {
              name: "m",
              task: "binary",
              windows: ["5m"],
              kpis: [{ use: "accuracy", min: 0.8, clear_after: 1, severity: "page" }],
              alerts: { channels: ["hook"] },
              actions: [{ use: "webhook", url: retrain.url, on: "page", approval: true }],
            },
          ],
          channels: { hook: { use: "webhook", url: hook.url } },
        };
        const clock = createManualClock(START + 3_600_000);
        await insertMetrics(real, [accuracy(1, 0.9, "1"), accuracy(2, 0.5, "1")]);
        const cut = cutting(store, write, when);
        const first = goOn(cut.store, real, config, clock).catch((thrown: unknown) => {
          if (!(thrown instanceof CutOff)) throw thrown;
        });
        // What of it still waits for the store to answer waits for ever, as in a process that is no more.
        await Promise.race([first, cut.ended]);
        if (cut.reached()) cuts++;
        // A restart: a new process over the same store.
        assert.ok(await goOn(store, real, config, clock), `write ${write}: it does not come to its end`);

        const about = `${when} write ${write}`;
        const requests = new Set(retrain.requests.map(({ headers }) => headers["webhook-id"]));
        assert.equal(requests.size, 1, about);
        const retrainings = await readRetrainings(real);
        assert.equal(retrainings.length, 1, about);
        assert.deepEqual([...requests], [retrainings[0]?.retraining_id], about);
        const told = new Map(hook.requests.map(({ headers, body }) => [headers["webhook-id"], typeOf(body)]));
        assert.deepEqual([...told.values()].sort(), ["opened", "resolved", "retrained", "retraining"], about);
        const incidents = await readIncidentRows(real);
        assert.equal(new Set(incidents.map(({ id }) => id)).size, 1, about);
        assert.deepEqual([...new Set((await readDeliveries(real)).map(({ state }) => state))], ["sent"], about);
        if (!cut.reached()) break;
      }
    } finally {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    }
    assert.ok(cuts >= 12, `${cuts} writes`);
  });
}

const typeOf = (body: string): string => (JSON.parse(body) as { type: string }).type.replace("incident.", "");
