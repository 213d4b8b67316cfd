/** Whether the audit's chains are whole, and whether what they attest still is as it was. */
import type { Lane } from "../store/store.ts";
import { readEntries } from "./audit-store.ts";
import { BEGINNING, faultOf, type Head, headsNamedBy } from "./chain.ts";
import { readChangedContents } from "./decisions.ts";

export interface Verification {
  readonly entries: number;
  /** The last entry of each chain: worth noting down elsewhere. */
  readonly heads: readonly Head[];
  /** What is wrong, in sentences; empty where nothing is. */
  readonly faults: readonly string[];
}

/** @param noted hashes that were noted down earlier: each must be that of an entry */
export async function verifyAudit(lane: Lane, noted: readonly string[] = []): Promise<Verification> {
  const faults: string[] = [];
  const heads = new Map<string, Head>();
  const awaited = new Map(noted.map((hash) => [hash, `the noted hash ${hash} is that of no entry`]));
  let entries = 0;
  for await (const entry of readEntries(lane)) {
    entries++;
    const fault = faultOf(entry, heads.get(entry.writer) ?? null);
    if (fault !== null) faults.push(fault);
    heads.set(entry.writer, { writer: entry.writer, sequence: entry.sequence, hash: entry.hash });
    if (entry.kind === BEGINNING)
      for (const { writer, sequence, hash } of headsNamedBy(entry.why))
        awaited.set(hash, `entry ${sequence} of ${writer}, which ${entry.writer} saw at its start, is no more`);
  }
  // A second pass, so that hashes of all entries need not be kept.
  if (awaited.size > 0) for await (const { hash } of readEntries(lane)) awaited.delete(hash);
  faults.push(...awaited.values());
  for (const { kind, id, gone } of await readChangedContents(lane))
    faults.push(`${kind} ${id} ${gone ? "is no more" : "is not as it was when it was sealed"}`);
  return { entries, heads: [...heads.values()], faults };
}
