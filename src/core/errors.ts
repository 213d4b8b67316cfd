/** Errors that reach a person: each says what was wrong, where, and what would be right. */

export const errorCodes = [
  "config_invalid",
  "config_unreadable",
  "reference_refused",
  "store_unavailable",
  "store_refused",
  "store_in_use",
  "source_failed",
  "channel_unknown",
  "not_found",
  "forbidden",
  "request_invalid",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** An operating error with a stable code. `retryable` says whether the same call may succeed later without a change. */
export class DriftlineError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "DriftlineError";
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
