/** Rows as an evaluation of the census example leaves them, so that the page, the API and the dashboard are tested on lifelike data. */
import { type Config, configSchema } from "../../src/config/schema.ts";
import type { Store } from "../../src/store/store.ts";
import { deliveryRows, incidentRows } from "./incident-rows.ts";

/** [start, end, accuracy, F1, its 95 % interval, ROC AUC] of ten windows of 20,000 events. */
const WINDOWS = [
  ["2016-01-01T00:00:00Z", "2016-04-15T21:26:45Z", 0.8274, 0.8315, 0.8252, 0.8369, 0.9037],
  ["2016-04-15T21:26:45Z", "2016-07-30T18:53:31Z", 0.8212, 0.8291, 0.823, 0.8338, 0.8978],
  ["2016-07-30T18:53:31Z", "2016-11-13T16:20:17Z", 0.8231, 0.8293, 0.8236, 0.8348, 0.9032],
  ["2016-11-13T16:20:17Z", "2017-02-26T23:56:16Z", 0.8352, 0.847, 0.8423, 0.8523, 0.9046],
  ["2017-02-26T23:56:16Z", "2017-06-11T20:01:10Z", 0.8374, 0.851, 0.8457, 0.8559, 0.9055],
  ["2017-06-11T20:01:10Z", "2017-09-24T21:40:00Z", 0.8333, 0.846, 0.8408, 0.8511, 0.9029],
  ["2017-09-24T21:40:00Z", "2018-01-07T19:12:30Z", 0.8102, 0.7793, 0.772, 0.7866, 0.9008],
  ["2018-01-07T19:12:30Z", "2018-04-21T21:00:00Z", 0.8194, 0.809, 0.8026, 0.8153, 0.8998],
  ["2018-04-21T21:00:00Z", "2018-08-03T22:00:00Z", 0.8322, 0.846, 0.8408, 0.8513, 0.9021],
  ["2018-08-03T22:00:00Z", "2018-11-15T23:00:00Z", 0.8341, 0.848, 0.8431, 0.8538, 0.9052],
] as const;

interface Subject {
  readonly name: string;
  readonly kind: "numeric" | "categorical";
  readonly values: number;
  /** Share of events moved in each window. */
  readonly moved: readonly number[];
  readonly noise: number;
}

const SUBJECTS: readonly Subject[] = [
  {
    name: "RELP",
    kind: "categorical",
    values: 18,
    moved: [0.0098, 0.0097, 0.0093, 0.0442, 0.0783, 0.0761, 0.2444, 0.1212, 0.0756, 0.0784],
    noise: 0.0154,
  },
  {
    name: "AGEP",
    kind: "numeric",
    values: 0,
    moved: [0.0173, 0.0171, 0.0127, 0.0324, 0.0578, 0.0477, 0.1301, 0.0754, 0.0596, 0.0575],
    noise: 0.0206,
  },
  {
    name: "SCHL",
    kind: "categorical",
    values: 24,
    moved: [0.0158, 0.0135, 0.0177, 0.0312, 0.0579, 0.0562, 0.1015, 0.0421, 0.0577, 0.0608],
    noise: 0.0202,
  },
  {
    name: "MAR",
    kind: "categorical",
    values: 5,
    moved: [0.0061, 0.0016, 0.0028, 0.0201, 0.0354, 0.0282, 0.1001, 0.0475, 0.0325, 0.0358],
    noise: 0.0133,
  },
  {
    name: "MIG",
    kind: "categorical",
    values: 4,
    moved: [0.0071, 0.0021, 0.007, 0.0068, 0.0121, 0.017, 0.0844, 0.0375, 0.0238, 0.0189],
    noise: 0.0066,
  },
  {
    name: "ANC",
    kind: "categorical",
    values: 4,
    moved: [0.0376, 0.0306, 0.0306, 0.0308, 0.0449, 0.0415, 0.0607, 0.0652, 0.0371, 0.0392],
    noise: 0.0115,
  },
  {
    name: "DIS",
    kind: "categorical",
    values: 2,
    moved: [0.0017, 0.0003, 0.0013, 0.0107, 0.0142, 0.0156, 0.0509, 0.0263, 0.016, 0.0196],
    noise: 0.0068,
  },
  {
    name: "MIL",
    kind: "categorical",
    values: 5,
    moved: [0.0042, 0.0039, 0.0024, 0.0045, 0.0065, 0.014, 0.047, 0.0262, 0.0041, 0.008],
    noise: 0.0093,
  },
  {
    name: "ESP",
    kind: "categorical",
    values: 9,
    moved: [0.0057, 0.0062, 0.007, 0.0074, 0.0109, 0.0152, 0.0457, 0.0261, 0.0056, 0.0138],
    noise: 0.0091,
  },
  {
    name: "RAC1P",
    kind: "categorical",
    values: 9,
    moved: [0.0092, 0.005, 0.0031, 0.0063, 0.0142, 0.0151, 0.0294, 0.0158, 0.0029, 0.0091],
    noise: 0.0097,
  },
  {
    name: "CIT",
    kind: "categorical",
    values: 5,
    moved: [0.0036, 0.005, 0.0026, 0.0071, 0.0045, 0.0101, 0.0159, 0.0043, 0.0148, 0.0131],
    noise: 0.0076,
  },
  {
    name: "SEX",
    kind: "categorical",
    values: 2,
    moved: [0.0016, 0.0011, 0.0006, 0.0012, 0.0002, 0.0027, 0.0061, 0.0031, 0.0036, 0.0009],
    noise: 0.0103,
  },
];

export const REFERENCE_ID = "r0123456789ab";
const REFERENCE_ROWS = 68_785;
const EVENTS = 20_000;
const LIMIT = 0.05;
const WINDOW = "20000 events";
export const at = (iso: string): number => Date.parse(iso);

/** The shape of a reference: values that fall off, or ages that rise and fall. Sums to 1. */
function shares(subject: Subject): number[] {
  const raw =
    subject.kind === "numeric"
      ? Array.from({ length: AGES }, (_, age) => 0.6 + Math.exp(-(((age - 30) / 22) ** 2)) * 0.8 - age / 160)
      : Array.from({ length: subject.values }, (_, index) => 0.72 ** index + 0.004);
  const sum = raw.reduce((total, value) => total + value, 0);
  return raw.map((value) => value / sum);
}
const AGES = 94;

/** Moves a share of the events from the front values to the last ones (ages: to 19 to 23), so that total variation is `moved`. */
function movedShares(before: readonly number[], moved: number, kind: Subject["kind"]): number[] {
  const to =
    kind === "numeric"
      ? [18, 19, 20, 21, 22]
      : [before.length - 1, Math.max(0, before.length - 2)].filter((index) => index > 0);
  const rest = 1 - to.reduce((sum, index) => sum + (before[index] ?? 0), 0);
  return before.map((share, index) =>
    to.includes(index) ? share + moved / to.length : share - (moved * share) / rest,
  );
}

const countsOf = (fractions: readonly number[], n: number): number[] => fractions.map((share) => Math.round(share * n));

/** The configuration that goes with the rows; `census` has results, `fraud` none. */
export function censusConfig(): Config {
  return configSchema.parse({
    store: { embedded: "./data" },
    models: [
      {
        name: "census",
        task: "binary",
        reference: { file: "reference.parquet" },
        pane: "1d",
        windows: [WINDOW, "30d"],
        anchor: "never",
        detectors: ["total-variation", "jensen-shannon"],
        kpis: [{ use: "f1", min: 0.8 }, "accuracy", "roc_auc"],
      },
      { name: "fraud", task: "regression", windows: ["1h"], kpis: ["mae"] },
    ],
  });
}

/** Everything that one evaluated model leaves behind, an open incident, its deliveries and three dead letters included. */
export async function fillCensus(store: Store): Promise<void> {
  const lane = store.lane("control");
  await lane.insertRows("references", SUBJECTS.map(referenceRow));
  await lane.insertRows("metrics", [...SUBJECTS.flatMap(driftRows), ...outputRows(), ...kpiRows()]);
  await lane.insertRows("pane_summaries", SUBJECTS.flatMap(summaryRows));
  await lane.insertRows(
    "panes",
    WINDOWS.map(([start]) => ({
      model: "census",
      pane: WINDOW,
      pane_start: at(start),
      reference_id: REFERENCE_ID,
      revision: 1,
      n: EVENTS,
      digest: 1,
      monitor_hash: "h1",
    })),
  );
  await lane.insertRows("incidents", incidentRows());
  await lane.insertRows("deliveries", deliveryRows());
  await lane.insertRows("batches", [
    {
      source: "file:predictions.parquet",
      partition: 0,
      first_offset: 0,
      last_offset: 199_999,
      max_timestamp: at("2018-12-31T23:52:30Z"),
      rows: 200_000,
      dead: 3,
      touched: [
        { model: "census", kind: "prediction", pane: at("2018-12-31T00:00:00Z"), n: 200_000 },
        { model: "census", kind: "label", pane: at("2018-12-31T00:00:00Z"), n: 190_000 },
      ],
    },
  ]);
}

function referenceRow(subject: Subject): Record<string, unknown> {
  const counts = countsOf(shares(subject), REFERENCE_ROWS);
  const numeric = subject.kind === "numeric";
  return {
    model: "census",
    reference_id: REFERENCE_ID,
    subject_kind: "feature",
    subject: subject.name,
    kind: subject.kind,
    edges: numeric ? counts.map((_, age) => age) : [],
    categories: numeric ? [] : counts.map((_, index) => String(index)),
    bins: numeric ? [...counts, 0] : [...counts, 0, 0],
    means: numeric ? [...counts.map((_, age) => age), 0] : [],
    rows: REFERENCE_ROWS,
    n: REFERENCE_ROWS,
    missing: 0,
    invalid: 0,
    singletons: 0,
    mean: numeric ? 41.4 : 0,
    standard_deviation: numeric ? 22.9 : 0,
    minimum: 0,
    maximum: numeric ? AGES - 1 : 0,
    origin: "reference.parquet",
    content_hash: "0123456789ab",
    created_at: at("2016-01-01T00:00:00Z"),
  };
}

type Cells = Readonly<Record<string, unknown>>;

/** A metric row of the census model with everything at its default. */
export function metricRowOf(cells: Cells): Record<string, unknown> {
  return {
    model: "census",
    version: "1",
    variant: "",
    segment: "",
    window: WINDOW,
    value: null,
    lower: null,
    upper: null,
    threshold: null,
    breached: false,
    n: EVENTS,
    coverage: 1,
    status: "ok",
    detail: "{}",
    reference_id: REFERENCE_ID,
    monitor_hash: "h1",
    revision: 1,
    computed_at: at("2019-01-01T00:00:00Z"),
    ...cells,
  };
}

function driftRows(subject: Subject): Record<string, unknown>[] {
  return WINDOWS.flatMap(([start, end], index) => {
    const value = subject.moved[index] ?? 0;
    const base = { window_start: at(start), window_end: at(end), subject_kind: "feature", subject: subject.name };
    const shannon = Math.round(value * 11_000) / 10_000;
    return [
      metricRowOf({
        ...base,
        metric: "total-variation",
        value,
        threshold: LIMIT,
        breached: value > LIMIT,
        detail: JSON.stringify({ expected: subject.noise / 2, upper99: subject.noise, least: LIMIT }),
      }),
      metricRowOf({
        ...base,
        metric: "jensen-shannon",
        value: shannon,
        threshold: 0.1,
        breached: shannon > 0.1,
        detail: JSON.stringify({ expected: 0.01, upper99: 0.021, least: 0.1 }),
      }),
    ];
  });
}

function outputRows(): Record<string, unknown>[] {
  const moved = {
    prediction: [0.0093, 0.0025, 0.0012, 0.0189, 0.0261, 0.0231, 0.1057, 0.0526, 0.0274, 0.0278],
    score: [0.0128, 0.0149, 0.0131, 0.031, 0.0482, 0.0504, 0.1532, 0.0795, 0.0393, 0.0533],
  };
  return Object.entries(moved).flatMap(([subject, values]) =>
    WINDOWS.map(([start, end], index) => {
      const value = values[index] ?? 0;
      return metricRowOf({
        window_start: at(start),
        window_end: at(end),
        subject_kind: subject,
        subject,
        metric: "total-variation",
        value,
        threshold: LIMIT,
        breached: value > LIMIT,
        detail: JSON.stringify({ expected: 0.008, upper99: 0.015, least: LIMIT }),
      });
    }),
  );
}

function kpiRows(): Record<string, unknown>[] {
  return WINDOWS.flatMap(([start, end, accuracy, f1, low, high, auc], index) => {
    const last = index === WINDOWS.length - 1;
    const base = {
      window_start: at(start),
      window_end: at(end),
      subject_kind: "kpi",
      subject: "kpi",
      coverage: last ? 0.92 : 1,
      n: last ? 18_400 : EVENTS,
    };
    return [
      metricRowOf({ ...base, metric: "f1", value: f1, lower: low, upper: high, threshold: 0.8, breached: f1 < 0.8 }),
      metricRowOf({ ...base, metric: "accuracy", value: accuracy, lower: accuracy - 0.0053, upper: accuracy + 0.0051 }),
      metricRowOf({ ...base, metric: "roc_auc", value: auc, lower: auc - 0.004, upper: auc + 0.004 }),
    ];
  });
}

function summaryRows(subject: Subject): Record<string, unknown>[] {
  const before = shares(subject);
  return WINDOWS.map(([start], index) => {
    const counts = countsOf(movedShares(before, subject.moved[index] ?? 0, subject.kind), EVENTS);
    const numeric = subject.kind === "numeric";
    const fresh = numeric && index >= 3 ? 306 : 0;
    return {
      model: "census",
      pane: WINDOW,
      subject_kind: "feature",
      subject: subject.name,
      reference_id: REFERENCE_ID,
      version: "1",
      variant: "",
      segment: "",
      pane_start: at(start),
      revision: 1,
      n: EVENTS,
      missing: 0,
      invalid: 0,
      bins: numeric ? [...counts, fresh] : [...counts, 0, 0],
      s1: "0",
      s2: "0",
      minimum: numeric ? 0 : null,
      maximum: numeric ? (fresh > 0 ? 95 : 93) : null,
      new_values: {},
    };
  });
}
