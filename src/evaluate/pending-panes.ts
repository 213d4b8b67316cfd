/**
 * Panes that were touched and are not closed yet. They hold the model's mark back: a restart reads the commit records from there
 * again and so finds the same panes.
 */
import { type CommitRecord, type Marks, partitionKey } from "./commit-records.ts";

export interface PendingPanes {
  /** Takes in what was read, and moves on how far has been read. */
  note(records: readonly CommitRecord[]): void;
  panes(): number[];
  /** Rows that touched a pane since it was last summarised, about; 0 for others. */
  readonly rows: (pane: number) => number;
  done(panes: readonly number[]): void;
  /** As far as has been read, but no further than the first record of a pane that is still pending. */
  marks(): Marks;
}

/** A pane, and for each partition the first record that must be read again while the pane is pending. */
interface PendingPane {
  rows: number;
  readonly heldBy: Map<string, number>;
}

/**
 * `readTo` and `feeding` (partitions that carry predictions) are kept up to date with what is noted.
 *
 * @param stored panes that are pending from the start, with their rows: no commit record is needed to find them
 */
export function createPendingPanes(
  readTo: Marks,
  feeding: Set<string>,
  stored: ReadonlyMap<number, number> = new Map(),
): PendingPanes {
  const pending = new Map<number, PendingPane>();
  for (const [pane, rows] of stored) pending.set(pane, { rows, heldBy: new Map() });
  return {
    note(records) {
      for (const record of records) {
        const key = partitionKey(record);
        readTo.set(key, { source: record.source, partition: record.partition, nextOffset: record.lastOffset + 1 });
        if (record.predictionPanes.length > 0) feeding.add(key);
        for (const pane of record.predictionPanes) {
          const held = pending.get(pane) ?? { rows: 0, heldBy: new Map<string, number>() };
          held.rows += record.predictions / record.predictionPanes.length;
          held.heldBy.set(key, Math.min(held.heldBy.get(key) ?? record.lastOffset, record.lastOffset));
          pending.set(pane, held);
        }
      }
    },
    panes: () => [...pending.keys()],
    rows: (pane) => pending.get(pane)?.rows ?? 0,
    done(panes) {
      for (const pane of panes) pending.delete(pane);
    },
    marks() {
      const held: Marks = new Map([...readTo].map(([key, mark]) => [key, { ...mark }]));
      for (const { heldBy } of pending.values()) {
        for (const [key, offset] of heldBy) {
          const mark = held.get(key);
          if (mark !== undefined) mark.nextOffset = Math.min(mark.nextOffset, offset);
        }
      }
      return held;
    },
  };
}
