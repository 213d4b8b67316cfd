/** Words that the two parts of an e-mail share. */
import { type Notification, tellsOfEnd } from "../../../core/delivery.ts";

/** What takes part and is named. */
export const NAMED_MAX = 12;

type StateKind = "page" | "ticket" | "info" | "over";

/** The state in a colour, a mark and a word: none of them has to be seen alone. */
export function stateOf({ transition, incident }: Notification): {
  readonly kind: StateKind;
  readonly mark: string;
  readonly word: string;
} {
  if (transition === "resolved") return { kind: "over", mark: "●", word: "Resolved" };
  if (transition === "withdrawn") return { kind: "over", mark: "●", word: "Withdrawn" };
  if (tellsOfEnd({ transition, incident })) return { kind: "over", mark: "●", word: "Over, revised" };
  const word = { page: "Page", ticket: "Ticket", info: "For information" }[incident.severity];
  const still = transition === "reminder" ? ", still open" : transition === "data_missing" ? ", data missing" : "";
  return { kind: incident.severity, mark: incident.severity === "page" ? "■" : "▲", word: `${word}${still}` };
}

/** What it is about, without the state. */
export const headlineOf = ({ incident, title }: Notification): string =>
  incident.title === "" ? title : incident.title;
