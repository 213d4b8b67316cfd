/**
 * A heartbeat: an address that is called while the service does its work, and not otherwise, so that somebody else notices when it is gone
 * (a dead man's switch). What counts is that work goes on, not that the process answers.
 */
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { HealthProvider } from "../serve/context.ts";
import type { Log } from "../telemetry/log.ts";

const CALL_MS = 10_000;
/** A part that has not come round for so long hangs: longer than a look at the outbox or a long round of evaluation takes. */
const STALLED_MS = 15 * 60_000;

/** Something that comes round again and again. */
export interface Round {
  readonly name: string;
  /** When it came round last, clock time in ms; null before the first time. */
  readonly cameRoundAt: () => number | null;
}

export interface HeartbeatOptions {
  readonly url: string;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly log: Pick<Log, "info" | "warn">;
  readonly health: readonly HealthProvider[];
  readonly rounds: readonly Round[];
  readonly fetch?: typeof fetch;
}

export interface Heartbeat {
  start(): void;
  stop(): Promise<void>;
}

/** null where none is configured. */
export const configuredHeartbeat = (
  configured: Config["heartbeat"],
  options: Omit<HeartbeatOptions, "url" | "everyMs">,
): Heartbeat | null =>
  configured === undefined ? null : createHeartbeat({ ...options, url: configured.url, everyMs: configured.every });

export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { clock, log } = options;
  const stopping = new AbortController();
  let running: Promise<void> | null = null;
  /** What kept it from beating last, so that the log says each thing once. */
  let said: string | null = null;

  const beat = async (startedAt: number) => {
    const reason = (await whatHinders(options, startedAt)) ?? (await call(options, stopping.signal));
    if (stopping.signal.aborted || reason === said) return;
    if (reason === null) log.info("the heartbeat goes on");
    else log.warn("no heartbeat", { reason });
    said = reason;
  };
  const run = async () => {
    const startedAt = clock.now();
    while (!stopping.signal.aborted) {
      await beat(startedAt);
      await clock.sleep(options.everyMs, stopping.signal);
    }
  };
  return {
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** Why there is to be no beat, in words; null where all is alive. */
async function whatHinders({ health, rounds, clock }: HeartbeatOptions, startedAt: number): Promise<string | null> {
  try {
    for (const provider of health)
      for (const part of await provider.check()) if (!part.ok) return `${part.name}: ${part.reason}`;
  } catch (thrown) {
    return messageOf(thrown);
  }
  const now = clock.now();
  const stalled = rounds.find(({ cameRoundAt }) => now - (cameRoundAt() ?? startedAt) > STALLED_MS);
  return stalled === undefined ? null : `${stalled.name} has not come round for ${STALLED_MS / 60_000} minutes`;
}

/** One call; null where it was taken. The address is a secret and stands in no reason. */
async function call({ url, fetch: ask = fetch }: HeartbeatOptions, stop: AbortSignal): Promise<string | null> {
  try {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(CALL_MS)]);
    const answer = await ask(url, { signal, redirect: "error" });
    await answer.body?.cancel();
    return answer.ok ? null : `the heartbeat's address answers ${answer.status}`;
  } catch (thrown) {
    return `the heartbeat's address can't be reached: ${messageOf(thrown).replaceAll(url, "[secret]")}`;
  }
}
