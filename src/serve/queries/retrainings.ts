/** Retrainings as the API shows them: times as ISO 8601, and nothing that lets anyone approve. */
import type { Retraining } from "../../core/retraining.ts";

export function retrainingJson(retraining: Retraining): Record<string, unknown> {
  const { events, opened_at, asked_at, changed_at, accepted_at, succeeded_at, ...rest } = retraining;
  return {
    ...rest,
    opened_at: iso(opened_at),
    asked_at: iso(asked_at),
    accepted_at: iso(accepted_at),
    succeeded_at: iso(succeeded_at),
    changed_at: iso(changed_at),
    events: events.map(({ event, at, detail }) => {
      const { notification: _, token_hash: __, sequence: ___, approval_until, ...told } = detail;
      return {
        event,
        at: iso(at),
        ...told,
        ...(approval_until === undefined ? {} : { approval_until: iso(approval_until) }),
      };
    }),
  };
}

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
