/**
 * Processes that share a ClickHouse server say in the store that they are there, which roles they have and whether they are ready, so that
 * `driftline status` can tell from anywhere. One that is killed says nothing more, and counts as gone after a minute.
 * With an embedded store there is one process, and it can be asked itself.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { HealthPart } from "../serve/context.ts";
import { sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import type { Role } from "./app-options.ts";

const SAID_EVERY_MS = 15_000;
const GONE_AFTER_S = 60;
/** A store that is away does not hold up a stop. */
const DRAIN_MS = 2_000;

export interface Presence {
  start(): void;
  /** Says that the process is gone, as far as the store can be reached. */
  stop(): Promise<void>;
}

export interface PresenceOptions {
  readonly lane: Lane;
  readonly clock: Clock;
  readonly roles: readonly Role[];
  /** Where the server listens. */
  readonly url: () => string;
  readonly health: () => Promise<{ readonly ready: boolean; readonly parts: readonly HealthPart[] }>;
}

/** Never throws: where the store is away, nothing is said. */
export function createPresence({ lane, clock, roles, url, health }: PresenceOptions): Presence {
  const stopping = new AbortController();
  // Two processes of one host may listen at the same address of different networks; two runs of one process are two.
  const run = randomUUID().slice(0, 8);
  let running: Promise<void> | null = null;
  const say = async (stopped: boolean) => {
    try {
      const { ready, parts } = await health();
      const bad = parts.filter(({ ok }) => !ok);
      const instance = `${hostname()} ${url()} ${run}`;
      await lane.insertRows("processes", [{ instance, roles, ready, parts: JSON.stringify(bad), stopped }]);
    } catch {
      // What can't be said now is said in the next round; a store that is away is told of elsewhere.
    }
  };
  return {
    start() {
      running ??= (async () => {
        while (!stopping.signal.aborted) {
          await say(false);
          await clock.sleep(SAID_EVERY_MS, stopping.signal);
        }
      })();
    },
    async stop() {
      if (running === null) return;
      stopping.abort();
      const said = running.then(() => say(true));
      await Promise.race([said, clock.sleep(DRAIN_MS)]);
    },
  };
}

const partSchema = z.object({ name: z.string(), ok: z.boolean(), reason: z.string() });
const processRow = z.object({
  instance: z.string(),
  roles: z.array(z.string()),
  ready: z.boolean(),
  parts: z.string(),
});

/** Roles without which events are not stored, not evaluated, or nobody is told. */
const NEEDED: readonly Role[] = ["ingest", "evaluate", "deliver"];

/** Whether every process that is there is ready, and every role has one. */
export async function readPresence(lane: Lane): Promise<{ readonly ready: boolean; readonly parts: HealthPart[] }> {
  const rows = await lane.query(
    sql`SELECT instance, roles, ready, parts FROM processes FINAL
      WHERE NOT stopped AND at > now64(3) - toIntervalSecond(${GONE_AFTER_S}) ORDER BY instance`,
    processRow,
  );
  if (rows.length === 0)
    return { ready: false, parts: [{ name: "service", ok: false, reason: "no process has been there for a minute" }] };
  const processes = rows.map(({ instance, roles, ready, parts }): HealthPart => {
    const bad = z.array(partSchema).parse(JSON.parse(parts));
    const reason = bad.map(({ name, reason: why }) => `${name}: ${why}`).join("; ");
    return { name: `${instance} (${roles.join(", ")})`, ok: ready, reason: ready ? "ready" : reason };
  });
  const missing = NEEDED.filter((role) => !rows.some(({ roles }) => roles.includes(role)));
  const parts = [
    ...processes,
    ...missing.map((name) => ({ name, ok: false, reason: "no process that is there has this role" })),
  ];
  return { ready: parts.every(({ ok }) => ok), parts };
}
