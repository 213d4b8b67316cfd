/**
 * A retraining, from the decision to ask for it to whether it has helped. What is stored are events, each written once; its state is a pure
 * function of them, whoever wrote which first: people (approval), the outbox (delivery), the retraining system (report), alerting (recovery).
 */
import { z } from "zod";

/** What may come of a request, in the order of a retraining's life. */
const outcomes = [
  "approved",
  "rejected",
  "expired",
  "requested",
  "accepted",
  "waiting",
  "running",
  "given_up",
  "timed_out",
  "failed",
  "done",
  "succeeded",
  "recovered",
  "not_recovered",
] as const;

/** In the order of a retraining's life: of two events the later in this list says the state. */
export const retrainingEventKinds = ["asked", ...outcomes] as const;
export type RetrainingEventKind = (typeof retrainingEventKinds)[number];

export const retrainingStates = ["dry_run", "awaiting_approval", ...outcomes] as const;
export type RetrainingState = (typeof retrainingStates)[number];

/** What an event says beside its kind; each is of some kinds only. */
export const retrainingDetailSchema = z.object({
  /** asked: nothing is sent. */
  dry_run: z.boolean().exactOptional(),
  /** asked: that it is no retraining, but a way back to an older version. */
  does: z.literal("roll_back").exactOptional(),
  /** asked: until when (ms) somebody may approve, and the SHA-256 of a token that lets them. */
  approval_until: z.number().exactOptional(),
  token_hash: z.string().exactOptional(),
  /** asked: what is sent, once it is. */
  notification: z.string().exactOptional(),
  sequence: z.number().exactOptional(),
  /** approved, rejected: who says so. */
  by: z.string().exactOptional(),
  /** accepted: the run; '' where the receiver named none. */
  run_id: z.string().exactOptional(),
  /** Why, in the words of whoever said it. */
  message: z.string().exactOptional(),
  /** succeeded: the version that came of it, the file of its reference, and the configured file that it takes the place of. */
  version: z.string().exactOptional(),
  reference: z.string().exactOptional(),
  replaces: z.string().exactOptional(),
});
export type RetrainingDetail = z.output<typeof retrainingDetailSchema>;

export interface RetrainingEvent {
  readonly retraining_id: string;
  readonly model: string;
  /** The action as the model's configuration names it. */
  readonly action: string;
  readonly incident_id: string;
  /** Event time of the incident's opening, ms. */
  readonly opened_at: number;
  readonly event: RetrainingEventKind;
  /** Tells apart events of one kind. */
  readonly key: string;
  /** Clock time, ms. */
  readonly at: number;
  readonly detail: RetrainingDetail;
}

export interface Retraining {
  readonly retraining_id: string;
  readonly model: string;
  readonly action: string;
  readonly incident_id: string;
  readonly opened_at: number;
  readonly state: RetrainingState;
  /** When it was asked for, when the newest event happened. */
  readonly asked_at: number;
  readonly changed_at: number;
  /** When the receiver accepted it; null before. */
  readonly accepted_at: number | null;
  readonly run_id: string;
  readonly version: string;
  readonly reference: string;
  /** When a success was told of first; null before. */
  readonly succeeded_at: number | null;
  /** In words, of the event that says the state. */
  readonly message: string;
  /** In the order in which they happened. */
  readonly events: readonly RetrainingEvent[];
}

const rankOf = (kind: RetrainingEventKind): number => {
  // Of two answers to one question the first holds.
  if (kind === "approved" || kind === "rejected" || kind === "expired") return retrainingEventKinds.indexOf("approved");
  // Whether it has helped may change.
  if (kind === "recovered" || kind === "not_recovered") return retrainingEventKinds.indexOf("recovered");
  return retrainingEventKinds.indexOf(kind);
};

/** The retraining that events of one id make; null where it was never asked for. */
export function foldRetraining(events: readonly RetrainingEvent[]): Retraining | null {
  const ordered = [...events].sort((a, b) => a.at - b.at || rankOf(a.event) - rankOf(b.event) || compare(a.key, b.key));
  const asked = ordered.find(({ event }) => event === "asked");
  const last = ordered.at(-1);
  if (asked === undefined || last === undefined) return null;
  const decisive = ordered.reduce((best, event) => {
    const higher = rankOf(event.event) - rankOf(best.event);
    const isLater =
      higher === 0 && event.event !== "approved" && event.event !== "rejected" && event.event !== "expired";
    return higher > 0 || isLater ? event : best;
  }, asked);
  const latest = (key: "run_id" | "version" | "reference", kind: RetrainingEventKind) =>
    ordered.filter(({ event, detail }) => event === kind && (detail[key] ?? "") !== "").at(-1)?.detail[key] ?? "";
  const timeOf = (kind: RetrainingEventKind) => ordered.find(({ event }) => event === kind)?.at ?? null;
  const { retraining_id, model, action, incident_id, opened_at } = asked;
  return {
    retraining_id,
    model,
    action,
    incident_id,
    opened_at,
    state: stateOf(decisive, asked),
    asked_at: asked.at,
    changed_at: last.at,
    accepted_at: timeOf("accepted"),
    run_id: latest("run_id", "accepted"),
    version: latest("version", "succeeded"),
    reference: latest("reference", "succeeded"),
    succeeded_at: timeOf("succeeded"),
    message: decisive.detail.message ?? "",
    events: ordered,
  };
}

function stateOf(decisive: RetrainingEvent, asked: RetrainingEvent): RetrainingState {
  if (decisive.event !== "asked") return decisive.event;
  if (asked.detail.dry_run === true) return "dry_run";
  return asked.detail.approval_until === undefined ? "requested" : "awaiting_approval";
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

const UNFINISHED: ReadonlySet<RetrainingState> = new Set([
  "awaiting_approval",
  "approved",
  "requested",
  "accepted",
  "waiting",
  "running",
]);

/** Whether something is still to happen before another may be asked for. */
export const isInFlight = ({ state }: Retraining): boolean => UNFINISHED.has(state);

const NEVER_BEGAN: ReadonlySet<RetrainingState> = new Set(["rejected", "expired", "given_up", "dry_run"]);

/** Whether it counts towards a budget: it was sent, or may still be. */
export const isCounted = ({ state }: Retraining): boolean => !NEVER_BEGAN.has(state);

/** What a report or a poll may still say: nothing once it is known whether the new version helped. */
export const isOver = ({ state }: Retraining): boolean => state === "recovered" || state === "not_recovered";
