/** Dead letters keep what came with their bytes, so that they can be read again; and whether they have been. */
import type { Migration } from "../migrate.ts";

export const redrivenLetters: Migration = {
  number: 21,
  title: "redriven dead letters",
  statements: [
    // As JSON: headers, key, the broker's time, the id of an event that carries none; '' where there was none of these.
    "ALTER TABLE dead_letters ADD COLUMN IF NOT EXISTS envelope String DEFAULT '' CODEC(ZSTD(3)) AFTER raw",
    "ALTER TABLE dead_letters ADD COLUMN IF NOT EXISTS redriven_at Nullable(DateTime64(3, 'UTC')) DEFAULT NULL",
  ],
};
