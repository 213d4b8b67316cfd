/** The figures for machines, for a terminal and for the record in DETECTORS.md. */
import { type Effort, MATCHED_EVENTS } from "./measure.ts";
import type { KindResult, Measured, Row } from "./plan.ts";
import { type Kind, REFERENCE_ROWS } from "./scenes.ts";
import { WINDOW } from "./window-rules.ts";

const titles: Readonly<Record<Kind, string>> = {
  numeric: "Numbers: N(0, 1), then",
  category: "Ten categories of shares ~ 1 / rank^1.2, then",
  missing: "Missing values: 1 %, then",
};

/** What the names of the shifts leave to the title. */
const prefixes: Readonly<Record<Kind, string>> = { numeric: "", category: "categories: ", missing: "missing: " };

export function toJson(measured: Measured, seed: number): string {
  return JSON.stringify({ seed, ...measured });
}

export function toText(measured: Measured): string {
  return sections(measured)
    .map(({ title, result }) => `${title}\n${aligned([header(result), ...result.rows.map(cells)])}`)
    .join("\n\n");
}

function sections(measured: Measured): { kind: Kind; title: string; result: KindResult }[] {
  const kinds: readonly Kind[] = ["numeric", "category", "missing"];
  return kinds
    .map((kind) => ({ kind, title: titles[kind], result: measured[kind] }))
    .filter(({ result }) => result.rows.length > 0);
}

const header = ({ shifts }: KindResult) => ["rule", "threshold", "false alarms per 1M", ...shifts];

function cells({ rule, chosen, falseAlarms, delays }: Row): string[] {
  return [rule, chosen, rate(falseAlarms.perMillion), ...delays.map(cell)];
}

const cell = (delay: number | null): string => (delay === null ? "—" : whole(delay));

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")).join("\n");
}

/** The matched rows are compared with each other: the shortest delay of a column is bold. */
function table(result: KindResult, rows: readonly Row[], compared: boolean): string[] {
  const least = result.shifts.map((_, shift) =>
    Math.min(...rows.map(({ delays }) => delays[shift] ?? Number.POSITIVE_INFINITY)),
  );
  const line = (row: readonly string[]) => `| ${row.join(" | ")} |`;
  const body = rows.map((row) =>
    line(
      cells(row).map((cell, column) => {
        const delay = row.delays[column - 3];
        return compared && typeof delay === "number" && delay === least[column - 3] ? `**${cell}**` : cell;
      }),
    ),
  );
  const head = header(result);
  return [line(head), line(head.map((_, column) => (column < 2 ? "---" : "---:"))), ...body];
}

export function toMarkdown(measured: Measured, effort: Effort, command: string): string {
  const lines = [
    "# False alarms and detection delay",
    "",
    `Written by \`${command}\`, seed ${effort.seed}; the same command writes the same table.`,
    "",
    ...setting(effort),
    "",
    "![Median delay by size of the shift](../docs/images/detection-delay.svg)",
    ...sections(measured).flatMap(({ title, result }) => {
      return [
        "",
        `## ${title}`,
        "",
        `At a matched rate of one false alarm in ${whole(MATCHED_EVENTS)} events:`,
        "",
        ...table(result, result.rows.filter(isMatched), true),
        "",
        "As they come, and Driftline's tiers as they promise:",
        "",
        ...table(
          result,
          result.rows.filter((row) => !isMatched(row)),
          false,
        ),
      ];
    }),
    "",
    ...reading,
  ];
  return `${lines.join("\n")}\n`;
}

function setting(effort: Effort): string[] {
  return [
    `Every stream has a reference of its own of ${whole(REFERENCE_ROWS)} rows, drawn from the law that the stream follows until it shifts: a finite`,
    "sample, as in life, and not the truth. *False alarms* are alarms in a million events while nothing changes; a rule starts again after",
    `each (up to ${effort.falseAlarmStreams} streams of a million events, for windows ${effort.windowReferences} references with ${effort.windowsEach} windows each).`,
    `*Delay* is the median number of events from the shift to the alarm over up to ${effort.delayStreams} streams; — is a shift that half of the streams`,
    `do not show within ${whole(effort.mostDelay)} events. Before it there were ${whole(effort.before)} to ${whole(effort.before + WINDOW)} events in control, so that it falls anywhere into a pane of the tiers, into`,
    `the 32 values after which ADWIN looks, and into the window: window rules look at tumbling windows of ${whole(WINDOW)}. Driftline's tiers look at`,
    "panes, which close by the clock: of 100 events and of 10. Rules that cost more an event were run on a tenth to a half of the streams.",
    "Delays vary by some 7 % from seed to seed, those of the rules with fewer streams by twice that.",
    "",
    "How thresholds were matched:",
    "",
    "- notice, ADWIN, Page-Hinkley, CUSUM, CvM, KSWIN: the score above which the mean time to a first false alarm is 100,000 events, from the",
    "  running maxima of in-control streams of their own. ADWIN's score is the `delta` at which it would alarm. KSWIN's score has 30 steps;",
    "  the step with the next longer time is taken.",
    "- window rules: the score that one in-control window in a hundred exceeds.",
    "- page is not tuned: its threshold is the promise (100,000 events), and it ignores what moves fewer than 3 % of the events (0.5 % in the",
    "  tails, of new categories and of missing values). *Promised* is the same for notice. Driftline's warn detectors keep their defaults.",
  ];
}

/** Driftline's own rules are not among those that it is compared with. */
const isOther = ({ rule }: Row) => !rule.startsWith("Driftline");
const isMatched = ({ chosen }: Row) => chosen.startsWith("matched");

/** The shortest delay of all other rules at the matched rate, and which rule that is. */
function soonestOther({ rows }: KindResult, shift: number): { readonly rule: string; readonly delay: number } | null {
  let soonest: { readonly rule: string; readonly delay: number } | null = null;
  for (const row of rows.filter((one) => isOther(one) && isMatched(one))) {
    const delay = row.delays[shift];
    if (typeof delay === "number" && delay < (soonest?.delay ?? Number.POSITIVE_INFINITY))
      soonest = { rule: row.rule, delay };
  }
  return soonest;
}

/** What the README shows: per shift the tiers and the soonest of all others, then what customary thresholds do. */
export function toShortMarkdown(measured: Measured, shown: readonly ShownRule[]): string {
  const line = (row: readonly string[]) => `| ${row.join(" | ")} |`;
  const head = ["shift", ...shown.map(({ title }) => title), "soonest of all others"];
  const delays = sections(measured).flatMap(({ kind, result }) =>
    result.shifts.map((name, shift) => {
      const other = soonestOther(result, shift);
      const own = shown.map(({ rule, chosen }) => {
        const row = result.rows.find((one) => one.rule === rule && one.chosen.startsWith(chosen));
        // Blank where a rule is not measured, since — says that it has found nothing.
        return row === undefined ? "" : cell(row.delays[shift] ?? null);
      });
      return line([`${prefixes[kind]}${name}`, ...own, other === null ? "—" : `${cell(other.delay)} (${other.rule})`]);
    }),
  );
  const customary = measured.numeric.rows.filter((row) => isOther(row) && !isMatched(row));
  const wanted = ["mean +0.2", "sd ×1.3", "Laplace"];
  const columns = wanted.map((name) => measured.numeric.shifts.indexOf(name));
  return [
    line(head),
    line(head.map((_, column) => (column === 0 ? "---" : "---:"))),
    ...delays,
    "",
    "As they come, the rules of others have rates of their own:",
    "",
    line(["rule", "false alarms in 1M events", ...wanted]),
    line(["---", "---:", ...wanted.map(() => "---:")]),
    ...customary.map((row) =>
      line([
        `${row.rule}, ${row.chosen}`,
        rate(row.falseAlarms.perMillion),
        ...columns.map((at) => cell(row.delays[at] ?? null)),
      ]),
    ),
  ].join("\n");
}

/** A column of the short table. */
export interface ShownRule {
  readonly rule: string;
  /** How its label of the threshold begins. */
  readonly chosen: string;
  readonly title: string;
}

const reading = [
  "## Reading",
  "",
  "PSI, KS, Wasserstein, JS and chi-squared are the rules that peers apply to a window; ADWIN, Page-Hinkley, DDM, EDDM, HDDM, FHDDM and KSWIN",
  "are River's, equal to it on golden streams (`test/unit/golden`, `test/unit/bench`); CvM is a sliding window with a threshold for a",
  "wanted run time, as online two-sample tests have it. *Notice for means* is the notice tier with half of its start on shifts of the mean and a",
  "fifth on the spread (`startParts`). Where a rule alarms falsely every thousand events, as Page-Hinkley and KSWIN do as they come, its delays are",
  "those of the next false alarm. KSWIN compares 30 values with 30: at one false alarm in 100,000 events it finds none of these shifts.",
  "",
  "Where Driftline's tiers lose: on shifts of the mean. ADWIN and CUSUM watch nothing else, CUSUM moreover expects a shift by one standard",
  "deviation; a sliding window is soonest for the shift that its length fits (300 events: 0.2) and late for smaller ones. ADWIN is a little sooner as well",
  "where missing values double or more. The page tier is later than both by design: it sees no shift that moves fewer than 3 % of the",
  "events, and promises its rate of false alarms for all of those at once, of which the streams in control here are the easiest.",
];

const whole = (value: number): string => Math.round(value).toLocaleString("en-US");

function rate(perMillion: number): string {
  return perMillion >= 10 ? whole(perMillion) : String(Number(perMillion.toPrecision(2)));
}
