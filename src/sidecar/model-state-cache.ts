/**
 * What Driftline last said of a model's state, asked for again and again in the background, so that an inference service may ask at
 * each of its requests and gets an answer from memory, also while Driftline is away.
 */
import type { Clock } from "../core/clock.ts";
import type { Client } from "./http-exchange.ts";

export interface ModelStateCacheOptions {
  /** Address of Driftline. */
  readonly url: URL;
  readonly client: Client;
  readonly token: () => string | null;
  readonly clock: Clock;
  /** Between two questions. */
  readonly everyMs: number;
}

export interface KnownState {
  /** 200, or 404 where Driftline does not know the model. */
  readonly status: number;
  /** As Driftline wrote it. */
  readonly body: string;
  readonly etag: string | null;
  /** Milliseconds since Driftline last confirmed it. */
  readonly ageMs: number;
}

export interface ModelStateCache {
  /** null where nothing is known yet, or too many models are asked for. The first question waits for Driftline, for a moment. */
  read(model: string): Promise<KnownState | null>;
  stop(): void;
}

interface Entry {
  known: { readonly status: number; readonly body: string; readonly etag: string | null } | null;
  confirmedAt: number;
  readonly first: Promise<void>;
}

/** A pod serves a few models; whoever asks for more has made the names up. */
const MODELS_MAX = 100;
const FIRST_WAIT_MS = 1_000;
const ASK_WITHIN_MS = 5_000;

export function createModelStateCache({ url, client, token, clock, everyMs }: ModelStateCacheOptions): ModelStateCache {
  const entries = new Map<string, Entry>();
  const stopped = new AbortController();

  const ask = async (model: string, entry: Entry): Promise<void> => {
    const address = new URL(`${url.pathname.replace(/\/$/, "")}/v1/models/${encodeURIComponent(model)}/state`, url);
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), ASK_WITHIN_MS);
    const bearer = token();
    try {
      const headers = {
        accept: "application/json",
        ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
        ...(entry.known?.etag == null ? {} : { "if-none-match": entry.known.etag }),
      };
      const answer = await client.ask(address, { method: "GET", headers }, late.signal);
      if (answer.status === 304) entry.confirmedAt = clock.now();
      if (answer.status !== 200 && answer.status !== 404) return;
      entry.known = { status: answer.status, body: answer.body, etag: answer.headers.etag ?? null };
      entry.confirmedAt = clock.now();
    } catch {
      // Away: what was known stays, and its age says so.
    } finally {
      clearTimeout(timer);
    }
  };

  const follow = (model: string): Entry => {
    let firstAsked: () => void = () => undefined;
    const entry: Entry = { known: null, confirmedAt: 0, first: new Promise((resolve) => (firstAsked = resolve)) };
    entries.set(model, entry);
    const run = async () => {
      while (!stopped.signal.aborted) {
        await ask(model, entry);
        firstAsked();
        await clock.sleep(everyMs, stopped.signal);
      }
    };
    void run();
    return entry;
  };

  return {
    async read(model) {
      const entry = entries.get(model) ?? (entries.size < MODELS_MAX ? follow(model) : null);
      if (entry === null) return null;
      if (entry.known === null) {
        const waited = new AbortController();
        await Promise.race([entry.first, clock.sleep(FIRST_WAIT_MS, waited.signal)]);
        waited.abort();
      }
      return entry.known === null ? null : { ...entry.known, ageMs: clock.now() - entry.confirmedAt };
    },
    stop: () => stopped.abort(),
  };
}
