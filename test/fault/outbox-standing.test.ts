/** The outbox over time: what still stands is told again, conversations go on where they began, and one receiver that is down is alone with it. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { secretsOf } from "../../src/config/redact.ts";
import { configSchema } from "../../src/config/schema.ts";
import type { Delivery, PlannedDelivery, SendMessage } from "../../src/core/delivery.ts";
import { contentUuid } from "../../src/core/identity.ts";
import type { IncidentState, IncidentTransition } from "../../src/core/incident.ts";
import { createOutbox, type OutboxOptions } from "../../src/deliver/outbox.ts";
import { channelRefreshes, openChannels } from "../../src/notify/notify.ts";
import { openStore } from "../../src/store/open.ts";
import { sql } from "../../src/store/sql.ts";
import type { Lane, Store } from "../../src/store/store.ts";
import { createManualClock, quiet, readDeliveries } from "../support/alert-station.ts";
import { startHttpReceiver } from "../support/http-receiver.ts";
import { exampleNotification, incidentTarget } from "../support/notification.ts";
import { startSlackReceiver } from "../support/slack-receiver.ts";
import { startSmtpReceiver } from "../support/smtp-receiver.ts";

let folder = "";
let store: Store;
let lane: Lane;
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "driftline-standing-"));
  store = await openStore({ embedded: folder });
  lane = store.lane("control");
});
beforeEach(async () => {
  await lane.command(sql`TRUNCATE TABLE deliveries`);
  await lane.command(sql`TRUNCATE TABLE incidents`);
});
after(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const NOW = Date.UTC(2026, 2, 2, 12);
const MINUTE = 60_000;
const delivered: Delivery = { status: "delivered" };

function planned(
  target: string,
  { incident = "1", sequence = 1, transition = "opened" as IncidentTransition } = {},
): PlannedDelivery {
  const deliveryId = contentUuid(target, incident, sequence);
  const base = exampleNotification({ idempotencyKey: deliveryId, transition });
  const notification = { ...base, incident: { ...base.incident, incident_id: contentUuid("incident", incident) } };
  return { deliveryId, kind: "channel", target, sequence, notification };
}

async function writeIncident(incident: string, sequence: number, state: IncidentState): Promise<void> {
  await lane.insertRows("incidents", [
    {
      incident_id: contentUuid("incident", incident),
      sequence,
      model: "fraud",
      window: "1h",
      state,
      severity: "page",
      opened_at: NOW,
      resolved_at: state === "resolved" ? NOW : null,
      at: NOW,
      transition: state === "resolved" ? "resolved" : "opened",
      body: "{}",
    },
  ]);
}

/** Keeps what it was asked: the incident's last digits and the transition. */
function asking(answer: (asked: readonly string[]) => Delivery = () => delivered) {
  const asked: string[] = [];
  const threads: (string | undefined)[] = [];
  const send = incidentTarget(async (notification, _signal, thread) => {
    asked.push(`${notification.incident.incident_id.slice(-4)} ${notification.transition}`);
    threads.push(thread);
    return answer(asked);
  });
  return { asked, threads, send };
}
const short = (incident: string) => contentUuid("incident", incident).slice(-4);
const outboxOf = (send: SendMessage, settings: Partial<OutboxOptions> = {}) =>
  createOutbox({
    lane,
    clock: createManualClock(NOW),
    log: quiet,
    targets: new Map([["am", send]]),
    refreshMs: new Map([["am", MINUTE]]),
    ...settings,
  });

test("an open incident is told again each minute, also after a restart, until it is over", async () => {
  const clock = createManualClock(NOW);
  const target = asking();
  let outbox = outboxOf(target.send, { clock });
  await writeIncident("1", 1, "firing");
  await outbox.enqueue([planned("am")]);
  await outbox.flush();
  const told = `${short("1")} opened`;
  // The opening, and the first round after the start.
  assert.deepEqual(target.asked, [told, told]);
  clock.set(NOW + MINUTE - 1);
  await outbox.flush();
  assert.equal(target.asked.length, 2, "not before its time");
  clock.set(NOW + MINUTE);
  await outbox.flush();
  assert.equal(target.asked.length, 3);
  outbox = outboxOf(target.send, { clock });
  await outbox.flush();
  assert.equal(target.asked.length, 4, "a restart begins with it");
  assert.equal((await readDeliveries(lane)).length, 1, "and none of it is recorded");

  await writeIncident("1", 2, "resolved");
  await outbox.enqueue([planned("am", { sequence: 2, transition: "resolved" })]);
  for (let minute = 2; minute < 5; minute++) {
    clock.set(NOW + minute * MINUTE);
    await outbox.flush();
  }
  assert.deepEqual(target.asked.slice(4), [`${short("1")} resolved`]);
});

test("an incident that is opened again after its end is told again like any other", async () => {
  const clock = createManualClock(NOW);
  const target = asking();
  const outbox = outboxOf(target.send, { clock });
  await writeIncident("1", 3, "firing");
  await outbox.enqueue([
    planned("am"),
    planned("am", { sequence: 2, transition: "resolved" }),
    planned("am", { sequence: 3, transition: "escalated" }),
  ]);
  await outbox.flush();
  clock.set(NOW + MINUTE);
  await outbox.flush();
  assert.deepEqual(target.asked.slice(-2), [`${short("1")} escalated`, `${short("1")} escalated`]);
});

test("an end that waits to be delivered is not undone by telling the opening again", async () => {
  const clock = createManualClock(NOW);
  let isDown = false;
  const target = asking(() => (isDown ? { status: "failed", retryable: true, reason: "HTTP 503" } : delivered));
  const outbox = outboxOf(target.send, { clock });
  await writeIncident("1", 1, "firing");
  await outbox.enqueue([planned("am")]);
  await outbox.flush();
  isDown = true;
  // The end is queued, the incident's own row is not written yet: a crash can fall between.
  await outbox.enqueue([planned("am", { sequence: 2, transition: "resolved" })]);
  clock.set(NOW + MINUTE);
  await outbox.flush();
  isDown = false;
  clock.set(NOW + 10 * MINUTE);
  await outbox.flush();
  assert.deepEqual(
    target.asked.slice(2).filter((asked) => asked.endsWith("opened")),
    [],
  );
  assert.ok(target.asked.at(-1)?.endsWith("resolved"));
});

test("what was never taken, is over, or belongs to another target is not told again", async () => {
  const clock = createManualClock(NOW);
  const target = asking((asked) =>
    asked.at(-1)?.startsWith(short("refused")) === true
      ? { status: "failed", retryable: false, reason: "HTTP 400" }
      : delivered,
  );
  const outbox = outboxOf(target.send, {
    clock,
    targets: new Map([
      ["am", target.send],
      ["b", asking().send],
    ]),
  });
  await writeIncident("open", 1, "recovering");
  await writeIncident("refused", 1, "firing");
  await writeIncident("over", 1, "firing");
  await writeIncident("over", 2, "resolved");
  await writeIncident("elsewhere", 1, "firing");
  for (const incident of ["open", "refused", "over"]) await outbox.enqueue([planned("am", { incident })]);
  await outbox.enqueue([planned("b", { incident: "elsewhere" })]);
  await outbox.flush();
  const before = target.asked.length;
  clock.set(NOW + MINUTE);
  await outbox.flush();
  assert.deepEqual(target.asked.slice(before), [`${short("open")} opened`]);
});

test("later changes are handed the thread that the first was answered with, across a restart; other incidents and targets are not", async () => {
  const target = asking(() => ({ status: "delivered", thread: "C1/17.1" }));
  const other = asking();
  const settings = {
    refreshMs: new Map(),
    targets: new Map([
      ["chat", target.send],
      ["b", other.send],
    ]),
  };
  const outbox = outboxOf(target.send, settings);
  await outbox.enqueue([planned("chat"), planned("b")]);
  await outbox.flush();
  const restarted = outboxOf(target.send, settings);
  await restarted.enqueue([
    planned("chat", { sequence: 2, transition: "escalated" }),
    planned("chat", { incident: "2" }),
    planned("b", { sequence: 2, transition: "escalated" }),
  ]);
  await restarted.flush();
  assert.equal(target.threads.length, 3);
  assert.equal(target.threads.filter((thread) => thread === "C1/17.1").length, 1);
  assert.deepEqual(other.threads, [undefined, undefined]);
});

test("a target that says when to come back is left alone until then, for every incident", async () => {
  const clock = createManualClock(NOW);
  const target = asking((asked) =>
    asked.length === 1 ? { status: "failed", retryable: true, reason: "HTTP 429", retryAfterMs: 30_000 } : delivered,
  );
  const outbox = outboxOf(target.send, { clock, refreshMs: new Map() });
  await outbox.enqueue([planned("am", { incident: "1" }), planned("am", { incident: "2" })]);
  await outbox.flush();
  clock.set(NOW + 29_999);
  await outbox.flush();
  assert.equal(target.asked.length, 1);
  clock.set(NOW + 40_000);
  await outbox.flush();
  await outbox.flush();
  assert.equal(target.asked.length, 3);
  assert.equal(new Set(target.asked).size, 2);
});

test("with every channel at once, one that hangs, one that limits the rate and one that breaks off hold up and repeat nothing at the others", async () => {
  await using hangs = await startHttpReceiver(() => "hang");
  await using breaks = await startHttpReceiver(() => "reset");
  await using chat = await startSlackReceiver((index) =>
    index === 0 ? { status: 429, headers: { "retry-after": "30" } } : undefined,
  );
  await using good = await startHttpReceiver(() => ({ status: 202 }));
  await using post = await startSmtpReceiver();
  const config = {
    channels: {
      hanging: { use: "teams", url: hangs.url },
      breaking: { use: "pagerduty", routing_key: "k", api_url: breaks.url },
      limited: { use: "slack", token: "xoxb-hush", channel: "#ml", api_url: chat.apiUrl },
      mail: {
        use: "email",
        host: "127.0.0.1",
        port: post.port,
        tls: "never",
        from: "d@example.com",
        to: ["a@example.com"],
      },
      hook: { use: "webhook", url: good.url },
      events: { use: "cloudevents", url: good.url },
      teams: { use: "teams", url: good.url },
      pager: { use: "pagerduty", routing_key: "k", api_url: good.url },
      am: { use: "alertmanager", urls: [good.url] },
    },
  };
  const clock = createManualClock(NOW);
  const targets = openChannels(config);
  const outbox = outboxOf(async () => delivered, {
    clock,
    targets,
    refreshMs: channelRefreshes(config),
    attemptMs: 3_000,
  });
  await writeIncident("1", 1, "firing");
  await outbox.enqueue([...targets.keys()].map((target) => planned(target)));
  const flushed = outbox.flush();
  await post.waitFor(1);
  await good.waitFor(5);
  const hanging = (await readDeliveries(lane)).find(({ target }) => target === "channel hanging");
  assert.equal(hanging?.state, "due", "nobody waited for the one that hangs");
  await flushed;
  for (let round = 1; round <= 3; round++) {
    clock.set(NOW + round * 10_000);
    await outbox.flush();
  }
  const states = Object.fromEntries((await readDeliveries(lane)).map(({ target, state }) => [target, state]));
  assert.deepEqual(
    Object.entries(states)
      .filter(([, state]) => state !== "sent")
      .map(([target]) => target)
      .sort(),
    ["channel breaking", "channel hanging"],
  );
  assert.deepEqual([post.mails.length, chat.messages.length], [1, 1]);
  // Five, and Alertmanager's first round of telling again.
  assert.equal(good.requests.length, 6);
});

test("a receiver that repeats the whole request in its answer gets no secret into the store or the log", async () => {
  await using echo = await startHttpReceiver(({ path: address, headers, body }) => ({
    status: 400,
    body: `${address} ${headers.authorization ?? ""} ${body.slice(0, 60)}`,
  }));
  const headers = { authorization: "Bearer hush-token-1" };
  const url = `${echo.url}/hush-token-2`;
  const config = configSchema.parse({
    store: { embedded: folder },
    models: [{ name: "m", task: "binary" }],
    channels: {
      am: { use: "alertmanager", urls: [new URL(echo.url).origin], headers },
      events: { use: "cloudevents", url, headers },
      hook: { use: "webhook", url, headers },
      pager: { use: "pagerduty", api_url: echo.url, routing_key: "hush-token-3" },
      team: { use: "teams", url },
    },
  });
  const told: string[] = [];
  const tell = (message: string, fields?: unknown) => void told.push(`${message} ${JSON.stringify(fields)}`);
  const outbox = outboxOf(async () => delivered, {
    targets: openChannels(config),
    refreshMs: channelRefreshes(config),
    secrets: secretsOf(config),
    log: { info: tell, warn: tell, error: tell },
  });
  await outbox.enqueue(Object.keys(config.channels).map((name) => planned(`channel ${name}`)));
  await outbox.flush();
  const stored = await readDeliveries(lane);
  assert.deepEqual([stored.length, told.length], [5, 5]);
  assert.ok(stored.every(({ state, answer }) => state === "dead" && answer.startsWith("HTTP 400")));
  assert.doesNotMatch(JSON.stringify([stored, told]), /hush-token/);
});
