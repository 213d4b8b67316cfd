/**
 * The log: JSON lines through pino, without secrets, and without floods. A message that repeats is written once and then
 * counted, so that a store that is away for an hour is two lines and not ten thousand.
 */
import { type DestinationStream, pino } from "pino";
import { type Clock, systemClock } from "../core/clock.ts";
import { DriftlineError } from "../core/errors.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What every part is given to speak through. */
export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** The same log with fields that every line carries: `log.with({ part: "ingest" })`. */
  with(fields: Fields): Log;
}

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogOptions {
  readonly level?: LogLevel;
  /** Texts that must appear in no line: the configuration's secrets. */
  readonly secrets?: readonly string[];
  readonly clock?: Clock;
  /** Where lines go; stderr if left out, since stdout belongs to what a command prints. */
  readonly destination?: DestinationStream;
  /** Milliseconds within which an identical warning or error is counted and not written. */
  readonly repeatAfterMs?: number;
}

/** Shown in place of a secret. */
export const REDACTED = "[secret]";
const REPEAT_AFTER_MS = 60_000;
/** Distinct messages remembered for counting; the oldest is forgotten first. */
const REMEMBERED = 500;
/** Shorter texts are no secrets worth the damage that replacing them everywhere would do. */
const SHORTEST_SECRET = 4;
const SECRET_KEYS = ["token", "password", "secret", "authorization", "sasl", "apiKey", "api_key"];

export function createLog(options: LogOptions = {}): Log {
  const clock = options.clock ?? systemClock;
  const redact = createRedactor(options.secrets ?? []);
  const sink = options.destination ?? pino.destination({ fd: 2, sync: true });
  const logger = pino(
    {
      level: options.level ?? "info",
      base: null,
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: REDACTED },
    },
    { write: (line: string) => sink.write(redact(line)) },
  );
  const repeats = createRepeats(clock, options.repeatAfterMs ?? REPEAT_AFTER_MS);
  return wrap(logger, repeats);
}

type Line = (fields: Fields, message: string) => void;
interface Lines {
  readonly debug: Line;
  readonly info: Line;
  readonly warn: Line;
  readonly error: Line;
}

function wrap(logger: Lines, repeats: Repeats, bound: Fields = {}): Log {
  const write = (level: "debug" | "info", message: string, fields: Fields) =>
    logger[level]({ ...bound, ...plain(fields) }, message);
  const part = typeof bound["part"] === "string" ? bound["part"] : "";
  const limited = (level: "warn" | "error", message: string, fields: Fields) => {
    const verdict = repeats.seen(`${level} ${part} ${message}`);
    if (verdict === null) return;
    logger[level]({ ...bound, ...plain(fields), ...(verdict.held > 0 ? { repeated: verdict.held } : {}) }, message);
  };
  return {
    debug: (message, fields = {}) => write("debug", message, fields),
    info: (message, fields = {}) => write("info", message, fields),
    warn: (message, fields = {}) => limited("warn", message, fields),
    error: (message, fields = {}) => limited("error", message, fields),
    with: (fields) => wrap(logger, repeats, { ...bound, ...fields }),
  };
}

/** Errors become their code and message: a stack of ours helps nobody who operates the service. */
function plain(fields: Fields): Record<string, unknown> {
  const out: Record<string, unknown> = Object.create(null);
  for (const [key, value] of Object.entries(fields)) {
    if (value instanceof DriftlineError) out[key] = { code: value.code, message: value.message };
    else if (value instanceof Error) out[key] = { message: value.message, stack: value.stack };
    else out[key] = value;
  }
  return out;
}

interface Repeats {
  /** null: hold this one back. Otherwise how many were held back since the last that was written. */
  seen(key: string): { readonly held: number } | null;
}

function createRepeats(clock: Clock, afterMs: number): Repeats {
  const last = new Map<string, { at: number; held: number }>();
  return {
    seen(key) {
      const now = clock.now();
      const before = last.get(key);
      if (before !== undefined && now - before.at < afterMs) {
        before.held++;
        return null;
      }
      last.delete(key);
      last.set(key, { at: now, held: 0 });
      const oldest = last.size > REMEMBERED ? last.keys().next().value : undefined;
      if (oldest !== undefined) last.delete(oldest);
      return { held: before?.held ?? 0 };
    },
  };
}

/** Replaces each secret, also as it is spelt inside a JSON string. */
function createRedactor(secrets: readonly string[]): (line: string) => string {
  const spellings = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < SHORTEST_SECRET) continue;
    spellings.add(JSON.stringify(secret).slice(1, -1));
    spellings.add(encodeURIComponent(secret));
    spellings.add(Buffer.from(secret).toString("base64"));
  }
  const longestFirst = [...spellings].sort((a, b) => b.length - a.length);
  return (line) => {
    let out = line;
    for (const spelling of longestFirst) out = out.replaceAll(spelling, REDACTED);
    return out;
  };
}
