/** A digest through the store: what it says of a period, that it comes once, and how it is tried again. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { z } from "zod";
import { configSchema } from "../../src/config/schema.ts";
import { type Delivery, isDigest } from "../../src/core/delivery.ts";
import type { DigestMessage } from "../../src/core/digest.ts";
import { createOutbox } from "../../src/deliver/outbox.ts";
import { createDigests } from "../../src/digest/digests.ts";
import { digestLinks } from "../../src/service/digest-links.ts";
import { openStore } from "../../src/store/open.ts";
import { name, sql } from "../../src/store/sql.ts";
import type { Lane, Store } from "../../src/store/store.ts";
import { createManualClock, insertMetrics, quiet } from "../support/alert-station.ts";
import { DAY, DUE, fillDay, HOUR, row } from "../support/digest-day.ts";

let folder = "";
let store: Store;
let lane: Lane;
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "driftline-digest-"));
  store = await openStore({ embedded: folder });
  lane = store.lane("control");
  // The engine forgets by its own clock, for which the days of this test are long past.
  await lane.command(sql`ALTER TABLE dead_letters REMOVE TTL`);
});
beforeEach(async () => {
  for (const table of ["metrics", "incidents", "deliveries", "digests", "evidence", "batches", "dead_letters"])
    await lane.command(sql`TRUNCATE TABLE ${name(table)}`);
});
after(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const model = (named: string, more: object = {}) => ({
  name: named,
  task: "binary",
  reference: { file: "reference.csv" },
  windows: ["1h", "1d"],
  kpis: [{ use: "accuracy", min: 0.8 }],
  ...more,
});
const config = configSchema.parse({
  store: { embedded: "./data" },
  models: [
    model("calm"),
    model("fraud", { alerts: { rules: [{ metric: "psi", subjects: ["age"] }] } }),
    model("silent"),
  ],
  channels: {
    hook: { use: "webhook", url: "http://127.0.0.1:9/" },
    team: { use: "teams", url: "http://127.0.0.1:9/" },
  },
  digests: [{ channels: ["hook", "team"], timezone: "Europe/Berlin" }],
});

/** The service's digests over this store; what each channel was sent. */
function station(now: number, answer: (target: string) => Delivery = () => ({ status: "delivered" })) {
  const clock = createManualClock(now);
  const sent: { readonly target: string; readonly message: DigestMessage }[] = [];
  const targets = Object.keys(config.channels).map((channel) => `channel ${channel}`);
  const outbox = createOutbox({
    lane,
    clock,
    log: quiet,
    targets: new Map(
      targets.map((target) => [
        target,
        async (message) => {
          assert.ok(isDigest(message));
          sent.push({ target, message });
          return answer(target);
        },
      ]),
    ),
  });
  const digests = createDigests({
    lane,
    digests: config.digests,
    models: config.models,
    clock,
    log: quiet,
    enqueue: (planned) => outbox.enqueue(planned),
    target: (channel) => `channel ${channel}`,
    links: digestLinks(() => "https://driftline.example"),
    auditHeads: async () => [{ writer: "host-1", sequence: 41, hash: "5b0c".padEnd(64, "0") }],
  });
  const look = async (at: number) => {
    clock.set(at);
    await digests.look();
    await outbox.flush();
  };
  return { sent, look };
}

test("a day in a digest: what breached without a rule, KPIs against the day before, incidents, what is missing; once at each channel", async () => {
  await fillDay(lane);
  const running = station(DUE - DAY);
  await running.look(DUE - DAY);
  await running.look(DUE - 1);
  assert.equal(running.sent.length, 0);
  await running.look(DUE);
  await running.look(DUE + 60_000);
  assert.deepEqual(running.sent.map(({ target }) => target).sort(), ["channel hook", "channel team"]);
  const message = running.sent[0]?.message;
  assert.equal(message?.title, "Daily digest of 2026-03-03");
  assert.equal(message?.period, "2026-03-02 08:00 to 2026-03-03 08:00, Europe/Berlin");
  const { digest } = message ?? assert.fail();
  assert.equal(
    digest.summary,
    "2 incidents are open (1 new), 1 incident is over, 1 KPI is beyond its limit, 2 subjects are beyond a threshold without a rule, 1 notice, 1 model with something to know, 4 messages could not be read.",
  );
  assert.deepEqual(
    digest.models.items.map(({ model: of }) => of),
    ["fraud", "calm", "silent"],
  );
  const [fraud, calm, silent] = digest.models.items;
  assert.deepEqual(
    fraud?.incidents.items.map(({ sentence }) => sentence),
    ["opened, page: fraud: accuracy is low", "still open, ticket: fraud: an old one", "over, ticket: fraud: over"],
  );
  assert.deepEqual(
    fraud?.breaches.items.map(({ sentence }) => sentence),
    [
      "jensen-shannon of amount (version 7) 0.5 is above 0.1, in 1 of 24 windows of 1h; also psi",
      "psi of amount (region=eu, version 7) 4 is above 0.2, in 1 of 24 windows of 1h",
    ],
  );
  assert.deepEqual(
    fraud?.kpis.items.map(({ sentence }) => sentence),
    [
      "accuracy (version 7) 0.79 (0.78 to 0.8), beyond its limit 0.8; −0.07 from the period before; window 1d to 2026-03-03 00:00 UTC",
    ],
  );
  assert.deepEqual([fraud?.predictions, fraud?.predictions_before], [1200, 1000]);
  assert.deepEqual(
    calm?.notices.items.map(({ sentence }) => sentence),
    ["age (version 7) since 2026-03-03 02:00 UTC: the mean rose from 41 to 44"],
  );
  assert.deepEqual(silent?.notes, ["No events in this time, after 700 in the one before."]);
  assert.deepEqual(digest.dead_letters, {
    items: [
      { reason: "bad_json", count: 3 },
      { reason: "no_model", count: 1 },
    ],
    count: 2,
  });
  assert.equal(digest.audit_heads[0]?.sequence, 41);
  assert.match(
    fraud?.breaches.items[0]?.link ?? "",
    /^https:\/\/driftline\.example\/models\/fraud\/features\/amount\?/,
  );
});

test("a restart at that very moment sends nothing twice, and a process that was down sends once when it is back", async () => {
  const first = station(DUE - DAY);
  await first.look(DUE - DAY);
  await first.look(DUE);
  assert.equal(first.sent.length, 2);
  const second = station(DUE);
  await second.look(DUE);
  await second.look(DUE + HOUR);
  assert.deepEqual(second.sent, []);
  // Down over two mornings.
  const third = station(DUE + 2 * DAY + 5 * HOUR);
  await third.look(DUE + 2 * DAY + 5 * HOUR);
  await third.look(DUE + 2 * DAY + 6 * HOUR);
  assert.deepEqual(
    third.sent.map(({ message }) => [message.digest.date, message.digest.from]),
    [
      ["2026-03-05", DUE],
      ["2026-03-05", DUE],
    ],
  );
});

test("a crash before it was written down that a digest is queued sends the same ones again, which are once", async () => {
  const first = station(DUE - DAY);
  await first.look(DUE - DAY);
  await first.look(DUE);
  await lane.command(sql`ALTER TABLE digests DELETE WHERE local_date != '' SETTINGS mutations_sync = 2`);
  const second = station(DUE);
  await second.look(DUE + 60_000);
  assert.deepEqual(second.sent, []);
  const [rows] = await lane.query(
    sql`SELECT count() AS deliveries, countIf(state = 'sent') AS sent, countIf(idempotency_key = toString(delivery_id)) AS own FROM deliveries FINAL`,
    z.object({ deliveries: z.number(), sent: z.number(), own: z.number() }),
  );
  assert.deepEqual(rows, { deliveries: 2, sent: 2, own: 2 });
});

test("a channel that is down is tried again under the same key and with the same words; a quiet day is one line", async () => {
  let isDown = true;
  const running = station(DUE - DAY, (target) =>
    isDown && target === "channel team"
      ? { status: "failed", retryable: true, reason: "HTTP 503" }
      : { status: "delivered" },
  );
  await insertMetrics(
    lane,
    ["calm", "fraud", "silent"].map((of) =>
      row(of, DUE - HOUR, {
        subject_kind: "feature",
        subject: "age",
        metric: "psi",
        value: 0,
        threshold: 0.2,
        breached: false,
        n: 500,
        status: "ok",
      }),
    ),
  );
  await running.look(DUE - DAY);
  await running.look(DUE);
  isDown = false;
  await running.look(DUE + 60_000);
  const ofTeam = running.sent.filter(({ target }) => target === "channel team").map(({ message }) => message);
  assert.equal(ofTeam.length, 2);
  assert.deepEqual(ofTeam[1], ofTeam[0]);
  assert.equal(running.sent.length, 3);
  assert.equal(ofTeam[0]?.digest.summary, "Quiet: no incident, nothing beyond a threshold and no notice in 3 models.");
  assert.deepEqual(ofTeam[0]?.digest.models, { items: [], count: 0 });
});
