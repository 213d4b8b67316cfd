/**
 * A reference's table kept open while a model is prepared: several steps read it one after the other, and to read a large file anew for each,
 * with its vectors, would be most of a start.
 */
import type { ModelConfig } from "../../config/schema.ts";
import type { ReferenceTable } from "./reference-table.ts";

interface Held {
  users: number;
  table: ReferenceTable | null;
}

const heldOf = new WeakMap<ModelConfig, Held>();

/** While `work` goes on, the reference of this very configuration is opened once. */
export async function holdingTable<Result>(model: ModelConfig, work: () => Promise<Result>): Promise<Result> {
  const held = heldOf.get(model) ?? { users: 0, table: null };
  heldOf.set(model, held);
  held.users++;
  try {
    return await work();
  } finally {
    held.users--;
    if (held.users === 0) {
      heldOf.delete(model);
      await held.table?.close();
    }
  }
}

/** The table that is held, or the one that `open` gives; closing one that is held leaves it open. */
export async function heldTable(model: ModelConfig, open: () => Promise<ReferenceTable>): Promise<ReferenceTable> {
  const held = heldOf.get(model);
  if (held?.table != null) return { ...held.table, close: () => Promise.resolve() };
  const opened = await open();
  // Where columns lie in several files it depends on who opens it which of them lie together.
  const isOne = new Set(opened.columns.map(({ from }) => from.text)).size === 1;
  if (held === undefined || !isOne || held.table !== null) return opened;
  held.table = opened;
  return { ...opened, close: () => Promise.resolve() };
}
