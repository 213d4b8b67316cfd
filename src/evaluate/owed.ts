/** Whether a model's evaluation has anything to do in a round: without it, most rounds of a fleet would ask the store only to find nothing. */
import type { PreparedModel } from "./prepare-model.ts";
import type { ModelNews, StoreNews } from "./store-news.ts";

/** How often a model is looked at where nothing is new of it: labels may have become overdue, and marks fall behind. */
const LOOK_EVERY_MS = 3_600_000;

export interface OwedAt {
  /** Keys of the partitions that are known to carry the model's predictions. */
  readonly feeding: ReadonlySet<string>;
  /** ms. */
  readonly watermark: number;
  /** Whether a pane or a window has closed by it. */
  readonly hasClosed: boolean;
  readonly now: number;
}

export interface Owed {
  /** Takes in what is new, and says whether anything is due. */
  look(at: OwedAt): boolean;
  /** All that was due has been done. */
  settle(now: number): void;
}

/** At first everything is due. */
export function createOwed({ config }: Pick<PreparedModel, "config">, news: StoreNews): Owed {
  let settledAt = Number.NEGATIVE_INFINITY;
  let decisions: string | null = null;
  let waiting: ModelNews[] = [];
  return {
    look({ feeding, watermark, hasClosed, now }) {
      const fresh = news.take(config.name);
      if (fresh.hasLabels || fresh.partitions.size > 0) waiting.push(fresh);
      return (
        hasClosed ||
        now - settledAt >= LOOK_EVERY_MS ||
        news.decisions() !== decisions ||
        waiting.some(
          ({ earliestPane, partitions, hasLabels }) =>
            hasLabels || earliestPane + config.pane <= watermark || [...partitions].some((key) => !feeding.has(key)),
        )
      );
    },
    settle(now) {
      settledAt = now;
      decisions = news.decisions();
      waiting = [];
    },
  };
}
