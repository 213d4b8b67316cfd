/** Words that the two parts of an e-mail share. */
import { isOver, type Notification } from "../../../core/delivery.ts";
import type { IncidentTransition } from "../../../core/incident.ts";

/** What takes part and is named. */
export const NAMED_MAX = 12;

type StateKind = "page" | "ticket" | "info" | "over";

/** The state in a colour, a mark and a word: none of them has to be seen alone. */
export function stateOf({ transition, incident }: Notification): {
  readonly kind: StateKind;
  readonly mark: string;
  readonly word: string;
} {
  if (isOver({ transition, incident })) return { kind: "over", mark: "●", word: OVER[transition] ?? "Over" };
  const word = { page: "Page", ticket: "Ticket", info: "For information" }[incident.severity];
  return {
    kind: incident.severity,
    mark: incident.severity === "page" ? "■" : "▲",
    word: `${word}${STILL[transition] ?? ""}`,
  };
}

const OVER: Readonly<Partial<Record<IncidentTransition, string>>> = {
  resolved: "Resolved",
  withdrawn: "Withdrawn",
  revised: "Revised",
};
const STILL: Readonly<Partial<Record<IncidentTransition, string>>> = {
  reminder: ", still open",
  data_missing: ", data missing",
  confirmed: ", confirmed by labels",
  retrained: ", a new version has come",
  reopened: ", goes on after a retraining",
  retraining: ", of its retraining",
};

/** What it is about, without the state. */
export const headlineOf = ({ incident, title }: Notification): string =>
  incident.title === "" ? title : incident.title;

/** Of a digest: models, entries of one kind of a model, and quiet models that are named. */
export const DIGEST_MODELS_MAX = 50;
export const DIGEST_ENTRIES_MAX = 12;
export const DIGEST_QUIET_MAX = 100;
