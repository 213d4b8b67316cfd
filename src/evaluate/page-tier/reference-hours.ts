/** The reference by hour of the clock: each subject's counts in the hours of its days, from which rhythms are found and slots are filled. */
import { z } from "zod";
import type { ModelConfig } from "../../config/schema.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import { type LocalHour, localHours } from "../../sequential/season-slots.ts";
import { sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { binnedColumns, cellsOf, codeCharacters, missingCode } from "../references/bin-code.ts";
import { columnGroups } from "../references/column-groups.ts";
import { subjectKey } from "../references/load-reference.ts";
import { openModelReference } from "../references/private-columns.ts";
import { type SubjectSlice, timeOf } from "./reference-panes.ts";

export interface HourOfReference extends LocalHour {
  readonly counts: SubjectSlice;
}

export interface ReferenceHours {
  /** Of the earliest and the latest row. */
  readonly first: LocalHour;
  readonly last: LocalHour;
  /** By subject key, in the order of time, hours without rows left out. A row belongs to the hour in which its pane begins. */
  readonly subjects: ReadonlyMap<string, readonly HourOfReference[]>;
}

const HOUR_MS = 3_600_000;
/** Time zones differ from UTC by quarters of an hour. */
const QUARTER_MS = 900_000;

/** Columns of one statement: as many numbers as their bins come back for each hour. */
const COLUMNS_AT_ONCE = 50;

const cellRow = z.object({
  place: z.number(),
  cell: z.number(),
  bins: z.array(z.number()),
  counts: z.array(z.number()),
});

/** null where the reference has no column of times. */
export async function readReferenceHours(
  lane: Lane,
  model: ModelConfig,
  subjects: readonly ReferenceSubject[],
): Promise<ReferenceHours | null> {
  const { reference, pane, season_timezone: timeZone } = model;
  if (reference === undefined) return null;
  const table = await openModelReference(lane, model, reference, [reference.timestamp]);
  try {
    const columns = new Map(table.columns.map((column) => [column.name, column]));
    const times = columns.get(reference.timestamp);
    if (times === undefined) return null;
    const at = timeOf(times);
    const [span] = await lane.query(
      sql`SELECT count() AS rows, ifNull(min(t), 0) AS first, ifNull(max(t), 0) AS last FROM (SELECT ${at} AS t FROM ${times.from} WHERE t IS NOT NULL)`,
      z.object({ rows: z.number(), first: z.number(), last: z.number() }),
    );
    if (span === undefined || span.rows === 0) return null;
    const local = localHours(timeZone);
    const cellMs = pane >= HOUR_MS ? pane : timeZone === "UTC" ? HOUR_MS : QUARTER_MS;
    const paneOf = (ms: number) => Math.floor(ms / pane) * pane;
    const found = new Map<string, readonly HourOfReference[]>();
    const read = binnedColumns(subjects, reference, columns).filter(
      ({ column }) => column.from.text === times.from.text,
    );
    for (const group of columnGroups(read, { most: COLUMNS_AT_ONCE, characters: codeCharacters })) {
      const cells = await lane.query(
        sql`SELECT place, cell, groupArray(bin) AS bins, groupArray(n) AS counts FROM (
          SELECT coded.1 AS place, intDiv(intDiv(t, ${pane}) * ${pane}, ${cellMs}) AS cell, toFloat64(coded.2) AS bin, toFloat64(count()) AS n
          FROM (SELECT ${at} AS t, ${cellsOf(group)} AS coded FROM ${times.from} WHERE t IS NOT NULL)
          GROUP BY place, cell, bin) GROUP BY place, cell ORDER BY place, cell`,
        cellRow,
      );
      for (const [place, { subject }] of group.entries()) {
        const own = cells.filter((one) => one.place === place);
        found.set(
          subjectKey(subject),
          hoursOfCells(subject, own, (cell) => local(cell * cellMs)),
        );
      }
    }
    return { first: local(paneOf(span.first)), last: local(paneOf(span.last)), subjects: found };
  } finally {
    await table.close();
  }
}

/** Cells of one hour of the clock together: quarters of an hour, and the hour that comes twice when clocks are put back. */
function hoursOfCells(
  subject: ReferenceSubject,
  cells: readonly z.output<typeof cellRow>[],
  local: (cell: number) => LocalHour,
): readonly HourOfReference[] {
  const missing = missingCode(subject);
  const hours: { day: number; hour: number; counts: { bins: number[]; missing: number; invalid: number } }[] = [];
  for (const { cell, bins, counts } of cells) {
    const { day, hour } = local(cell);
    let place = hours.at(-1);
    if (place === undefined || place.day !== day || place.hour !== hour) {
      place = { day, hour, counts: { bins: subject.bins.map(() => 0), missing: 0, invalid: 0 } };
      hours.push(place);
    }
    for (const [index, bin] of bins.entries()) {
      const n = counts[index] ?? 0;
      if (bin === missing) place.counts.missing += n;
      else if (bin === missing + 1) place.counts.invalid += n;
      else place.counts.bins[bin] = (place.counts.bins[bin] ?? 0) + n;
    }
  }
  return hours;
}
