/**
 * The audit: every decision (a change of an incident, a delivery, what a person has decided, a configuration or reference that came into force) becomes an entry of a
 * chain of hashes, some moments after it was made. Decisions lie in their own tables; the chain is what shows that they still are what they were.
 */

import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { Clock } from "../core/clock.ts";
import type { Lane } from "../store/store.ts";
import { insertEntries, readHeads, readNewest } from "./audit-store.ts";
import { extend, type Head } from "./chain.ts";
import { readUnsealed } from "./decisions.ts";

export interface Audit {
  /** Appends what has been decided since the last call; returns how many decisions. Calls run one after the other. */
  seal(): Promise<number>;
}

/** Decisions are stamped by the clocks of several processes: as much older ones than the newest sealed are looked for. */
const OVERLAP_MS = 3_600_000;

/** @param monitorOf hash of the configuration of a model that is in force; of '' that of the whole configuration */
export function createAudit(lane: Lane, clock: Clock, monitorOf: (model: string) => string): Audit {
  // A process has a chain of its own, since nothing keeps two from appending to one at the same time.
  const writer = `${hostname()}-${process.pid}-${randomBytes(4).toString("hex")}`;
  let head: Head | null = null;
  let since: number | null = null;

  const once = async (): Promise<number> => {
    since ??= await readNewest(lane);
    const decisions = await readUnsealed(
      lane,
      { since: since === null ? null : since - OVERLAP_MS, now: clock.now() },
      monitorOf,
    );
    if (decisions.length === 0) return 0;
    const heads = head === null ? await readHeads(lane) : [];
    const entries = extend(writer, head, decisions, { at: clock.now(), heads });
    await insertEntries(lane, entries);
    head = entries.at(-1) ?? head;
    since = Math.max(since ?? 0, ...decisions.map(({ at }) => at));
    return decisions.length;
  };

  let before: Promise<unknown> = Promise.resolve();
  return {
    seal() {
      const call = before.then(once);
      before = call.catch(() => undefined);
      return call;
    },
  };
}
