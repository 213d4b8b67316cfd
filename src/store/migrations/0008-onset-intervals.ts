/** The interval that a change's onset lies in. */
import type { Migration } from "../migrate.ts";

export const onsetIntervals: Migration = {
  number: 8,
  title: "onset intervals",
  statements: [
    "ALTER TABLE evidence ADD COLUMN IF NOT EXISTS onset_from Nullable(DateTime64(3, 'UTC'))",
    "ALTER TABLE evidence ADD COLUMN IF NOT EXISTS onset_to Nullable(DateTime64(3, 'UTC'))",
  ],
};
