/**
 * What is new in the store, asked once for all models of a process: of hundreds of models most have nothing that is due in a round, and
 * each question costs the engine as much as many rows.
 */
import { z } from "zod";
import { sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { type Marks, partitionKey, past } from "./commit-records.ts";
import { type PartitionTime, readPartitionTimes } from "./watermark.ts";

/** What has been stored of a model. */
export interface ModelNews {
  /** Start of the earliest pane that new predictions fell into, ms; Infinity where there are none. */
  readonly earliestPane: number;
  /** Keys of the partitions that carried them. */
  readonly partitions: ReadonlySet<string>;
  readonly hasLabels: boolean;
}

export interface StoreNews {
  /** Asks anew. */
  look(): Promise<void>;
  /** Greatest event times, as of the last look. */
  times(): readonly PartitionTime[];
  /** What the looks have found of a model since this was last called, and not what lay in the store at the first look. */
  take(model: string): ModelNews;
  /** A text that is another one after a look that has found a decision of a person. */
  decisions(): string;
}

interface Found {
  earliestPane: number;
  readonly partitions: Set<string>;
  hasLabels: boolean;
}

const nothing = (): Found => ({ earliestPane: Number.POSITIVE_INFINITY, partitions: new Set(), hasLabels: false });

const newest = z.object({ source: z.string(), partition: z.number(), last: z.number() });
const touched = newest.extend({ model: z.string(), kind: z.enum(["prediction", "label"]), pane: z.number() });

export function createStoreNews(lane: Lane): StoreNews {
  const readTo: Marks = new Map();
  const found = new Map<string, Found>();
  let times: readonly PartitionTime[] = [];
  let decisions: string | null = null;

  const note = ({ source, partition, last, model, kind, pane }: z.output<typeof touched>) => {
    const key = partitionKey({ source, partition });
    const before = readTo.get(key)?.nextOffset ?? 0;
    readTo.set(key, { source, partition, nextOffset: Math.max(before, last + 1) });
    const of = found.get(model) ?? nothing();
    found.set(model, of);
    if (kind === "label") of.hasLabels = true;
    else {
      of.earliestPane = Math.min(of.earliestPane, pane);
      of.partitions.add(key);
    }
  };

  return {
    async look() {
      // Before the records: what is committed in between then counts as not yet complete.
      const now = await readPartitionTimes(lane);
      if (decisions === null) {
        const rows = sql`SELECT source, partition, max(last_offset) AS last FROM batches GROUP BY source, partition`;
        for (const { last, ...at } of await lane.query(rows, newest))
          readTo.set(partitionKey(at), { ...at, nextOffset: last + 1 });
      } else {
        const rows = sql`SELECT source, partition, max(last_offset) AS last, toString(t.model) AS model, toString(t.kind) AS kind, toUnixTimestamp64Milli(min(t.pane)) AS pane
          FROM batches ARRAY JOIN touched AS t WHERE ${past(readTo)} GROUP BY source, partition, model, kind`;
        for (const row of await lane.query(rows, touched)) note(row);
      }
      const [decided] = await lane.query(
        sql`SELECT toString((count(), sum(cityHash64(decision_id)))) AS mark FROM decisions`,
        z.object({ mark: z.string() }),
      );
      decisions = decided?.mark ?? "";
      times = now;
    },
    times: () => times,
    take(model) {
      const taken = found.get(model) ?? nothing();
      found.delete(model);
      return taken;
    },
    decisions: () => decisions ?? "",
  };
}
