/** Which streams are compared by hour of the day or of the week: those that have such a rhythm in the reference itself, or all where it is asked for. */
import type { ModelConfig } from "../../config/schema.ts";
import { holmAdjusted } from "../../math/holm.ts";
import { total } from "../../math/total.ts";
import { designEffects, standardised } from "../../sequential/design-effect.ts";
import { type Direction, sharesOf } from "../../sequential/directions.ts";
import {
  hourOfSeason,
  hoursOf,
  LEAST_SLOT_ROWS,
  type LocalHour,
  type Season,
  type StreamSeason,
  slotsOfHours,
  slotWeights,
} from "../../sequential/season-slots.ts";
import { type DayOfScores, dailyRhythm, weeklyRhythm } from "../../sequential/season-test.ts";
import { mergeCounts } from "../../sequential/stream-reference.ts";
import type { HourOfReference, ReferenceHours } from "./reference-hours.ts";
import { streamCounts } from "./reference-panes.ts";
import { seasonNotes } from "./season-notes.ts";
import type { WatchedStream } from "./tier-plan.ts";

export interface MeasuredSeason extends StreamSeason {
  /** Design effects within slots, one per direction. */
  readonly effects: readonly number[];
}

export interface Seasons {
  /** By subject key and stream; those that are not here are compared with the whole reference. */
  readonly streams: ReadonlyMap<string, MeasuredSeason>;
  /** What is compared by season and why, in sentences. */
  readonly notes: readonly string[];
}

/** Seasons with the clock of their time zone. */
export interface ClockedSeasons extends Pick<Seasons, "streams"> {
  readonly local: (ms: number) => LocalHour;
}

export const noSeasons: Seasons = { streams: new Map(), notes: [] };

/** One reference in a hundred without a rhythm is taken to have a daily one, at most, and one to have a weekly one, over all of its streams. */
const LEVEL = 0.01;
const FULL_PERIODS = 2;
const daysOf = { hour_of_day: 1, hour_of_week: 7 } as const;

/** A stream in the order of time. */
interface Observed {
  readonly key: string;
  readonly name: string;
  readonly stream: WatchedStream;
  readonly hours: readonly { readonly day: number; readonly hour: number; readonly counts: Float64Array }[];
  readonly rows: number;
}

/** Pure: from counts by hour to seasons. */
export function measureSeasons(
  streams: readonly WatchedStream[],
  { season: asked, season_timezone: timeZone }: Pick<ModelConfig, "season" | "season_timezone">,
  hours: ReferenceHours | null,
): Seasons {
  if (asked === "off") return noSeasons;
  if (hours === null) return { streams: new Map(), notes: seasonNotes({ asked, timeZone, days: null }) };
  const days = fullDays(hours);
  const observed = streams.flatMap((stream) => observe(stream, hours));
  const starts = startsOf(hours);
  const isPossible = (season: Season) => days.length >= FULL_PERIODS * daysOf[season] && (starts[season] ?? 0) >= 2;
  if (asked !== "auto") {
    const used = isPossible(asked) ? observed.flatMap((one) => withSeason(one, asked, timeZone)) : [];
    return {
      streams: new Map(used),
      notes: seasonNotes({ asked, timeZone, days: days.length, used: used.length, starts: starts[asked] }),
    };
  }
  const weekly = isPossible("hour_of_week") ? rhythmic(observed, days, weeklyRhythm) : new Set<string>();
  const daily = isPossible("hour_of_day") ? rhythmic(observed, days, dailyRhythm) : new Set<string>();
  const short = new Map<Season, { readonly name: string; readonly rows: number; readonly needed: number }>();
  const used: (readonly [string, MeasuredSeason])[] = [];
  for (const one of observed) {
    const found: Season[] = [
      ...(weekly.has(one.key) ? (["hour_of_week"] as const) : []),
      ...(daily.has(one.key) ? (["hour_of_day"] as const) : []),
    ];
    const needed = (season: Season) => LEAST_SLOT_ROWS * starts[season];
    for (const season of found)
      if (one.rows < needed(season)) short.set(season, { name: one.name, rows: one.rows, needed: needed(season) });
    const chosen = found.find((season) => one.rows >= needed(season));
    if (chosen !== undefined) used.push(...withSeason(one, chosen, timeZone));
  }
  const names = (season: Season) => [
    ...new Set(
      observed
        .filter(({ key }) => used.some(([other, { season: of }]) => other === key && of === season))
        .map(({ name }) => name),
    ),
  ];
  return {
    streams: new Map(used),
    notes: seasonNotes({
      asked,
      timeZone,
      days: days.length,
      found: { hour_of_day: names("hour_of_day"), hour_of_week: names("hour_of_week") },
      short,
    }),
  };
}

function observe(stream: WatchedStream, { subjects }: ReferenceHours): readonly Observed[] {
  const hours = subjects.get(stream.subject);
  if (hours === undefined) return [];
  const counts = hours.map(({ day, hour, counts: slice }: HourOfReference) => ({
    day,
    hour,
    counts: mergeCounts(stream.plan.stream, streamCounts(slice, stream.stream)),
  }));
  const rows = counts.reduce((sum, one) => sum + total([...one.counts]), 0);
  return [{ key: `${stream.subject} ${stream.stream}`, name: stream.name, stream, hours: counts, rows }];
}

/** Whole days of the reference; the first and the last one only where they reach as far as the others do. */
function fullDays({ first, last, subjects }: ReferenceHours): readonly number[] {
  const hours = [...subjects.values()].flat().map(({ hour }) => hour);
  const earliest = hours.reduce((least, hour) => Math.min(least, hour), 23);
  const latest = hours.reduce((most, hour) => Math.max(most, hour), 0);
  const from = first.hour <= earliest ? first.day : first.day + 1;
  const to = last.hour >= latest ? last.day : last.day - 1;
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}

/** How many hours of each season panes of the reference begin in. */
function startsOf({ subjects }: ReferenceHours): Readonly<Record<Season, number>> {
  const all = [...subjects.values()].flat();
  const distinct = (season: Season) => new Set(all.map((one) => hourOfSeason(season, one))).size;
  return { hour_of_day: distinct("hour_of_day"), hour_of_week: distinct("hour_of_week") };
}

/** Keys of the streams whose rhythm is no chance, over all streams and directions together (Holm 1979). */
function rhythmic(
  observed: readonly Observed[],
  days: readonly number[],
  test: (days: readonly DayOfScores[]) => number,
): ReadonlySet<string> {
  const tests = observed.flatMap((one) =>
    one.stream.plan.directions
      .filter((direction) => isTested(one.stream, direction))
      .map((direction) => ({ key: one.key, p: test(scoresByDay(one, direction, days)) })),
  );
  const adjusted = holmAdjusted(tests.map(({ p }) => p));
  return new Set(tests.filter((_, index) => (adjusted[index] ?? 1) <= LEVEL).map(({ key }) => key));
}

/** Of numbers the moments; ranges and tails follow them. */
const isTested = ({ plan }: WatchedStream, { isSet }: Direction): boolean => plan.stream.kind !== "numeric" || !isSet;

function scoresByDay(
  { stream, hours }: Observed,
  { score }: Direction,
  days: readonly number[],
): readonly DayOfScores[] {
  const standard = standardised(score, sharesOf(stream.plan.stream.weights));
  const byDay = new Map(
    days.map((day) => [day, { day, events: new Float64Array(24), sums: new Float64Array(24) }] as const),
  );
  for (const { day, hour, counts } of hours) {
    const one = byDay.get(day);
    if (one === undefined || standard === null) continue;
    for (let bin = 0; bin < counts.length; bin++) {
      const count = counts[bin] ?? 0;
      one.events[hour] = (one.events[hour] ?? 0) + count;
      one.sums[hour] = (one.sums[hour] ?? 0) + count * (standard[bin] ?? 0);
    }
  }
  return [...byDay.values()];
}

/** Empty where the rows are enough for one slot only. */
function withSeason(
  { key, stream, hours }: Observed,
  season: Season,
  timeZone: string,
): readonly (readonly [string, MeasuredSeason])[] {
  const reference = stream.plan.stream;
  const counts = Array.from({ length: hoursOf(season) }, () => new Float64Array(reference.weights.length));
  for (const one of hours) {
    const sum = counts[hourOfSeason(season, one)];
    if (sum === undefined) continue;
    for (let bin = 0; bin < sum.length; bin++) sum[bin] = (sum[bin] ?? 0) + (one.counts[bin] ?? 0);
  }
  const slots = slotsOfHours(counts.map((ofHour) => total([...ofHour])));
  const weights = slotWeights(reference, slots, counts);
  if (weights.length < 2) return [];
  const slotOf = hours.map((one) => slots[hourOfSeason(season, one)] ?? 0);
  const effects = designEffects(
    hours.map((one) => one.counts),
    reference.weights,
    stream.plan.directions,
    { slotOf, weights },
  );
  return [[key, { season, timeZone, slots, weights, effects }]];
}
