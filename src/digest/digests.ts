/**
 * Sends digests: one each local date that is due, through the outbox. A digest is queued before it is written down that it was, so a crash
 * between the two queues it again under the same ids, which is once.
 */
import { schedule as cronSchedule, type ScheduledTask } from "node-cron";
import { type DigestConfig, digestCron } from "../config/digests.ts";
import type { ModelConfig } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { PlannedDigest } from "../core/delivery.ts";
import type { AuditHead } from "../core/digest.ts";
import { messageOf } from "../core/errors.ts";
import { contentUuid } from "../core/identity.ts";
import type { Lane } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import { composeDigest, type DigestLinks } from "./compose.ts";
import { readLast, writeKnown, writeQueued } from "./digest-store.ts";
import { dueDigest, type LastDigest } from "./due.ts";

const LOOK_EVERY_MS = 30_000;

export interface DigestsOptions {
  readonly lane: Lane;
  readonly digests: readonly DigestConfig[];
  readonly models: readonly ModelConfig[];
  readonly clock: Clock;
  readonly log: Pick<Log, "info" | "warn">;
  readonly enqueue: (digests: readonly PlannedDigest[]) => Promise<void>;
  /** Key of a channel in the outbox. */
  readonly target: (channel: string) => string;
  readonly links: DigestLinks;
  /** The heads of the audit's chains, what was decided so far sealed. */
  readonly auditHeads: () => Promise<readonly AuditHead[]>;
}

export interface Digests {
  start(): void;
  stop(): Promise<void>;
  /** Queues what is due now. */
  look(): Promise<void>;
}

export function createDigests(options: DigestsOptions): Digests {
  const { lane, clock, log } = options;
  const last = new Map<string, LastDigest>();
  const stopping = new AbortController();
  const tickers: ScheduledTask[] = [];
  let nap = new AbortController();
  let looking: Promise<void> = Promise.resolve();
  let loop: Promise<void> | null = null;

  const send = async (digest: DigestConfig) => {
    const now = clock.now();
    const { name } = digest;
    const known = last.get(name) ?? (await readLast(lane, name)) ?? (await writeKnown(lane, name, now));
    last.set(name, known);
    const due = dueDigest(digest, known, now);
    if (due === null) return;
    const heads = await options.auditHeads();
    const message = await composeDigest({ ...options, digest, due, heads });
    await options.enqueue(
      digest.channels.map((channel) => {
        const target = options.target(channel);
        const deliveryId = contentUuid("digest", name, due.date, target);
        return { deliveryId, kind: "digest", target, message: { ...message, idempotencyKey: deliveryId } };
      }),
    );
    last.set(name, await writeQueued(lane, name, due, now));
    log.info("a digest was queued", { digest: name, date: due.date, channels: digest.channels });
  };

  const once = async () => {
    for (const digest of options.digests) {
      if (stopping.signal.aborted) return;
      try {
        await send(digest);
      } catch (thrown) {
        log.warn("a digest could not be made; this is tried again", { digest: digest.name, reason: messageOf(thrown) });
      }
    }
  };
  const look = () => {
    looking = looking.then(once, once);
    return looking;
  };
  const run = async () => {
    while (!stopping.signal.aborted) {
      nap = new AbortController();
      await look();
      await clock.sleep(LOOK_EVERY_MS, AbortSignal.any([nap.signal, stopping.signal]));
    }
  };
  return {
    look,
    start() {
      if (options.digests.length === 0) return;
      // node-cron makes a digest punctual; what it skips or repeats across daylight saving `dueDigest` puts right.
      for (const digest of options.digests)
        tickers.push(
          cronSchedule(digestCron(digest), () => nap.abort(), { timezone: digest.timezone, name: digest.name }),
        );
      loop ??= run();
    },
    async stop() {
      stopping.abort();
      for (const ticker of tickers) await ticker.destroy();
      await loop;
      await looking;
    },
  };
}
