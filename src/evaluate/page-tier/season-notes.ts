/** What is compared by hour of the day or of the week, in words: at the start, and on the page. */
import type { ModelConfig } from "../../config/schema.ts";
import type { Season } from "../../sequential/season-slots.ts";

interface Short {
  readonly name: string;
  readonly rows: number;
  readonly needed: number;
}

export type SeasonFindings = { readonly timeZone: string } & (
  | { readonly asked: Exclude<ModelConfig["season"], "off">; readonly days: null }
  | { readonly asked: Season; readonly days: number; readonly used: number; readonly starts: number }
  | {
      readonly asked: "auto";
      readonly days: number;
      /** Names by the season that they are compared in. */
      readonly found: Readonly<Record<Season, readonly string[]>>;
      /** A rhythm that the reference shows and has too few rows for. */
      readonly short: ReadonlyMap<Season, Short>;
    }
);

const seasonWords = { hour_of_day: "hour of the day", hour_of_week: "hour of the week" } as const;
const rhythmWords = { hour_of_day: "daily", hour_of_week: "weekly" } as const;
/** Names that are listed; the others are counted. */
const LISTED = 5;

export function seasonNotes(findings: SeasonFindings): readonly string[] {
  const { asked, timeZone, days } = findings;
  if (days === null) {
    if (asked === "auto") return [];
    return [`${refusal(asked)}: the reference has no column of event times`];
  }
  if (!("found" in findings)) return askedNotes(findings);
  const notes: string[] = [];
  for (const season of ["hour_of_week", "hour_of_day"] as const) {
    const names = findings.found[season];
    if (names.length === 0) continue;
    notes.push(
      `compared by ${seasonWords[season]} (${timeZone}): ${listed(names)}, since the reference has a ${rhythmWords[season]} rhythm there`,
    );
  }
  for (const [season, { name, rows, needed }] of findings.short) {
    notes.push(
      `${name} has a ${rhythmWords[season]} rhythm in the reference, but ${rows} rows are too few to compare it by ${seasonWords[season]}: that needs ${needed}`,
    );
  }
  if (notes.length > 0) return notes;
  return [
    days < 2
      ? "compared with the whole reference at any hour: it spans less than two days, too little to look for a rhythm"
      : `compared with the whole reference at any hour: no daily or weekly rhythm was found in its ${days} days`,
  ];
}

function askedNotes({
  asked,
  timeZone,
  days,
  used,
  starts,
}: Extract<SeasonFindings, { used: number }>): readonly string[] {
  const least = asked === "hour_of_day" ? 2 : 14;
  if (days < least) return [`${refusal(asked)}: the reference spans ${days} full days, ${least} are needed`];
  if (starts < 2) return [`${refusal(asked)}: all panes of the reference begin at the same hour`];
  if (used === 0) return [`${refusal(asked)}: the reference has too few rows for slots of 200 each`];
  return [`compared by ${seasonWords[asked]} (${timeZone}), as asked for`];
}

const refusal = (asked: Season) => `season: ${asked} is not used`;

function listed(names: readonly string[]): string {
  const shown = names.slice(0, LISTED);
  const rest = names.length - shown.length;
  return rest === 0 ? shown.join(", ") : `${shown.join(", ")} and ${rest} more`;
}
