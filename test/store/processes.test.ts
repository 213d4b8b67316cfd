/** What processes on one server say of themselves: who is there, who is ready, which role nobody has; who was killed counts as gone. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { systemClock } from "../../src/core/clock.ts";
import type { HealthPart } from "../../src/serve/context.ts";
import type { Role } from "../../src/service/app-options.ts";
import { createPresence, readPresence } from "../../src/service/processes.ts";
import { written } from "../../src/store/sql.ts";
import type { Store } from "../../src/store/store.ts";
import { openFreshStore } from "../support/ingest.ts";

let store: Store;
let end: () => Promise<void>;
before(async () => {
  ({ store, end } = await openFreshStore([]));
});
after(() => end());

function presenceOf(roles: readonly Role[], parts: readonly HealthPart[] = []) {
  return createPresence({
    lane: store.lane("control"),
    clock: systemClock,
    roles,
    url: () => `http://127.0.0.1:1/${roles.join("-")}`,
    health: () => Promise.resolve({ ready: parts.every(({ ok }) => ok), parts }),
  });
}
const seen = async () => {
  const { ready, parts } = await readPresence(store.lane("serve"));
  const short = (name: string) => /\((.*)\)$/.exec(name)?.[1] ?? name;
  return { ready, parts: parts.map(({ name, ok, reason }) => `${ok ? "+" : "-"} ${short(name)}: ${reason}`).sort() };
};
const until = async (holds: () => Promise<boolean>) => {
  for (let tries = 0; tries < 200 && !(await holds()); tries++) await new Promise((resolve) => setTimeout(resolve, 20));
};

test("ready are all processes together: nobody, a role that is missing, one that is not ready, one that stopped, one that was killed", async () => {
  assert.deepEqual(await seen(), { ready: false, parts: ["- service: no process has been there for a minute"] });
  const ingest = presenceOf(["ingest"]);
  ingest.start();
  await until(async () => (await seen()).parts.length === 3);
  assert.deepEqual((await seen()).parts, [
    "+ ingest: ready",
    "- deliver: no process that is there has this role",
    "- evaluate: no process that is there has this role",
  ]);
  const away = { name: "kafka", ok: false, reason: "connecting" };
  const rest = presenceOf(["evaluate", "deliver"]);
  const lame = presenceOf(["web"], [{ name: "store", ok: true, reason: "answers" }, away]);
  rest.start();
  lame.start();
  await until(
    async () => (await seen()).parts.length === 3 && (await seen()).parts.some((part) => part.includes("web")),
  );
  assert.deepEqual(await seen(), {
    ready: false,
    parts: ["+ evaluate, deliver: ready", "+ ingest: ready", "- web: kafka: connecting"],
  });
  await lame.stop();
  assert.deepEqual(await seen(), { ready: true, parts: ["+ evaluate, deliver: ready", "+ ingest: ready"] });
  // Killed two minutes ago: it has not said that it stopped.
  await store.lane("control").command(written("TRUNCATE TABLE processes"));
  await store
    .lane("control")
    .command(
      written(
        "INSERT INTO processes (instance, roles, ready, parts, stopped, at) SELECT 'x', ['ingest', 'evaluate', 'deliver'], true, '[]', false, now64(3) - INTERVAL 2 MINUTE",
      ),
    );
  assert.equal((await seen()).ready, false);
  await Promise.all([ingest.stop(), rest.stop()]);
});
