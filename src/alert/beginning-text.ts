/** When and with what an incident began, in words, for messages and the page. */
import type { Incident, IncidentMember } from "../core/incident.ts";
import type { IncidentBeginning } from "../core/incident-beginning.ts";
import { plainName, plainTime } from "./incident-text.ts";

/**
 * "The change began between 2026-03-03 06:00 UTC and 2026-03-03 09:00 UTC (95 %)."; undefined where the page tier has told no interval of the
 * incident's own beginning: its members may have moved again later.
 */
export function onsetSentence(incident: BegunIncident): string | undefined {
  const text = onsetInterval(incident);
  return text === "" ? undefined : `The change began ${text} (95 %).`;
}

/** "between … and …": when the incident began; '' where that is not known. */
export function onsetInterval({ onset, members }: BegunIncident): string {
  const first = members.find(
    ({ onset_from = Number.POSITIVE_INFINITY, onset_to = Number.NEGATIVE_INFINITY }) =>
      onset_from <= onset && onset <= onset_to,
  );
  return first === undefined ? "" : intervalText(first);
}

interface BegunIncident {
  readonly onset: number;
  readonly members: readonly OnsetOf[];
}
type OnsetOf = Pick<IncidentMember, "onset_from" | "onset_to">;

/** "between 2026-03-03 06:00 UTC and 2026-03-03 09:00 UTC". */
export const intervalText = ({ onset_from, onset_to }: OnsetOf): string =>
  onset_from === undefined || onset_to === undefined
    ? ""
    : `between ${plainTime(onset_from)} and ${plainTime(onset_to)}`;

/** "First window: 1h from 2026-03-03 06:00 UTC. First event: topic ml.predictions, partition 0, offset 12000." */
export function beginningSentence({ beginning }: Pick<Incident, "beginning">): string | undefined {
  const parts = [...windowText(beginning?.window ?? null), ...eventText(beginning?.event ?? null)];
  return parts.length === 0 ? undefined : parts.join(" ");
}

function windowText(window: IncidentBeginning["window"]): string[] {
  return window === null ? [] : [`First window: ${plainName(window.name)} from ${plainTime(window.window_start)}.`];
}

function eventText(event: IncidentBeginning["event"]): string[] {
  if (event === null) return [];
  return [`First event: ${placeText(event)}, at ${plainTime(event.timestamp)}.`];
}

/** "topic ml.predictions, partition 0, offset 12000". Sources are stored as kind, name and what tells them from one of the same name before. */
export function placeText({ source, partition, offset }: NonNullable<IncidentBeginning["event"]>): string {
  const [kind, ...rest] = source.split(":");
  if (kind === "kafka") return `topic ${plainName(rest[0] ?? "")}, partition ${partition}, offset ${offset}`;
  if (kind === "file") return `file ${plainName(rest.slice(0, -1).join(":"))}, row ${offset}`;
  return `${plainName(source)}, offset ${offset}`;
}
