/** A rebuild: a model's numbers of the past, computed again from what is stored, as a new epoch. */

export const rebuildStates = ["asked", "failed", "done"] as const;

/** Times are milliseconds since 1970 UTC; those of the first line are clock times, the others event times. */
export interface Rebuild {
  readonly model: string;
  /** 1 is what was computed before the first rebuild. The number of one that failed is given to the next. */
  readonly epoch: number;
  readonly asked_at: number;
  readonly state: (typeof rebuildStates)[number];
  /** When it came to be in its state. */
  readonly at: number;
  readonly owner: string;
  /** '' where none was given. */
  readonly reason: string;
  /** Windows that begin before it, or end after `to_at`, keep their numbers; null for all. */
  readonly from_at: number | null;
  readonly to_at: number | null;
  /** Start of the first window and end of the last that were computed again; 0 until it is done. */
  readonly first_at: number;
  readonly last_at: number;
  /** Windows that ended at or before it had all the labels that they would get; 0 until it is done. */
  readonly settled: number;
  readonly windows: number;
  readonly rows: number;
  /** The configuration that it was computed under; '' until it is done. */
  readonly monitor_hash: string;
  readonly reference_id: string;
  /** Why it failed, else ''. */
  readonly problem: string;
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** "Computed again on 2026-03-02 because the reference was wrong: epoch 2." Its owner's words as they are: escape them where they are shown. */
export function rebuildSentence({
  epoch,
  at,
  owner,
  reason,
}: Pick<Rebuild, "epoch" | "at" | "owner" | "reason">): string {
  const why = reason === "" ? `, as ${owner} asked` : ` because ${reason.replace(/\.$/, "")}`;
  return `Computed again on ${day(at)}${why}: epoch ${epoch}.`;
}

/**
 * What a person who reads an incident must know: the rebuild that has replaced the numbers it was judged by; null where there is none.
 *
 * @param rebuilds of its models
 */
export function rebuiltSince(
  incident: { readonly onset: number; readonly opened_at: number; readonly resolved_at: number | null },
  rebuilds: readonly Rebuild[],
): Rebuild | null {
  const { onset, opened_at, resolved_at } = incident;
  const touching = rebuilds.filter(
    ({ state, first_at, last_at }) =>
      // One that opened on a later window was judged by the new numbers.
      state === "done" && opened_at <= last_at && onset < last_at && (resolved_at === null || resolved_at > first_at),
  );
  return touching.sort((a, b) => b.epoch - a.epoch)[0] ?? null;
}
