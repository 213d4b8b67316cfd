/** Where a target's conversation about an incident goes on: a message that is updated in place must be found again. */
import type { Migration } from "../migrate.ts";

export const deliveryThreads: Migration = {
  number: 10,
  title: "delivery threads",
  // As the target answered it to a notification that it took; '' where it has no such thing.
  statements: ["ALTER TABLE deliveries ADD COLUMN IF NOT EXISTS thread String"],
};
