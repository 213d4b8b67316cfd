/** What is missing at a model: events, enough of them, a reference, or results. */
import { plainName } from "../alert/incident-text.ts";
import type { ModelConfig } from "../config/schema.ts";
import type { StatusRow } from "./found.ts";
import { count, counted } from "./sentences.ts";

/** Sentences; none where nothing is missing. @param isWeekly whether what goes on as it was is told too: once a week */
export function notesOf(
  { reference }: Pick<ModelConfig, "reference">,
  volume: { readonly now: number; readonly before: number },
  statuses: readonly StatusRow[],
  isWeekly: boolean,
): string[] {
  const total = (of: (row: StatusRow) => number) => statuses.reduce((sum, row) => sum + of(row), 0);
  const results = total(({ ok, insufficient, errors }) => ok + insufficient + errors);
  const errors = total((row) => row.errors);
  // What nobody has changed is no news each day.
  const isNew = volume.before === 0 && volume.now > 0;
  const isSilent = volume.now === 0 && results === 0;
  return [
    ...(isSilent
      ? [`No events in this time${volume.before > 0 ? `, after ${count(volume.before)} in the one before` : ""}.`]
      : []),
    ...statuses
      .filter(({ ok, insufficient }) => ok === 0 && insufficient > 0)
      .map((row) => `Too few events to judge any window${ofSeries(row)}.`),
    ...(errors > 0 ? [`${counted(errors, "result")} could not be computed.`] : []),
    ...(reference === undefined && (isWeekly || isNew)
      ? ["No reference is configured: its drift can't be judged."]
      : []),
  ];
}

function ofSeries({ version, variant }: StatusRow): string {
  const words = [
    ...(version === "" ? [] : [`version ${plainName(version)}`]),
    ...(variant === "" ? [] : [`variant ${plainName(variant)}`]),
  ];
  return words.length === 0 ? "" : ` of ${words.join(", ")}`;
}
