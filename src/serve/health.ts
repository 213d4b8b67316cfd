/** `/ready`: asks every part whether it can do its work, and waits for none of them longer than two seconds. */
import { messageOf } from "../core/errors.ts";
import type { HealthPart, HealthProvider, ServeContext } from "./context.ts";

const PART_TIMEOUT_MS = 2000;

export interface Readiness {
  readonly ready: boolean;
  readonly parts: readonly HealthPart[];
}

/** Also moves `driftline_store_up`, so that a scrape and a probe agree. */
export async function readiness(context: Pick<ServeContext, "store" | "health" | "metrics">): Promise<Readiness> {
  const store: HealthProvider = {
    name: "store",
    check: async () => {
      await context.store.ping();
      return [{ name: "store", ok: true, reason: "answers" }];
    },
  };
  const parts = (await Promise.all([store, ...context.health].map(askOne))).flat();
  context.metrics.store.up(parts.some((part) => part.name === "store" && part.ok));
  return { ready: parts.every((part) => part.ok), parts };
}

async function askOne(provider: HealthProvider): Promise<readonly HealthPart[]> {
  const failed = (reason: string): readonly HealthPart[] => [{ name: provider.name, ok: false, reason }];
  const late = new AbortController();
  try {
    return await Promise.race([
      provider.check(),
      lateAnswer(late.signal, failed(`no answer within ${PART_TIMEOUT_MS / 1000} s`)),
    ]);
  } catch (thrown) {
    return failed(messageOf(thrown));
  } finally {
    late.abort();
  }
}

/** Real time on purpose: a probe that hangs must be answered in real seconds, whatever clock the service runs by. */
function lateAnswer<Answer>(signal: AbortSignal, answer: Answer): Promise<Answer> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(answer), PART_TIMEOUT_MS);
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  });
}
