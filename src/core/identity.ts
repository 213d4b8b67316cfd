/** Identities made from content: the same parts always give the same UUID, so a crash and a second run write the same rows. */
import { createHash } from "node:crypto";

/**
 * A UUID (version 8, RFC 9562: custom) from the SHA-256 of the parts. The parts are joined as JSON, so that no two lists of parts
 * are alike.
 */
export function contentUuid(...parts: readonly (string | number)[]): string {
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest();
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  const hex = digest.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/** A number in [0, 1) that depends on the parts alone: jitter that a second run repeats. */
export function contentFraction(...parts: readonly (string | number)[]): number {
  return createHash("sha256").update(JSON.stringify(parts)).digest().readUInt32BE(0) / 4294967296;
}
