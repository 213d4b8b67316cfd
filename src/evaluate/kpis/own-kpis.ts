/** KPIs each of which reads columns of its own: how they are asked for, and what they say of what was read. */
import { z } from "zod";
import type { KpiName } from "../../config/kpis.ts";
import type { Task } from "../../core/model-schema.ts";
import { name, type Sql, sql } from "../../store/sql.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { calibrationColumns, calibrationRow, topLabelCalibrationError } from "./calibration.ts";
import {
  areasOfClasses,
  areasRow,
  macroArea,
  topClassColumns,
  topClasses,
  topClassRow,
} from "./class-probabilities.ts";
import {
  bias,
  biasColumns,
  biasRow,
  mape,
  mapeColumns,
  mapeRow,
  pinball,
  pinballColumns,
  pinballRow,
} from "./errors.ts";
import { type KpiValue, undefinedKpi } from "./kpi-value.ts";
import { quantileColumns, quantileKpi, quantileRow } from "./quantile-kpi.ts";
import { errorScale, usable } from "./regression.ts";

/** What the columns depend on beside the rows. */
interface KpiContext {
  /** Declared classes; [] where none are. */
  readonly classes: readonly string[];
  /** Of the fixed point of errors. */
  readonly scale: number;
  /** Usual size of a label: root of its mean square in the reference; 0 without one. */
  readonly size: number;
  /** Level of the quantile that is predicted, 0..1. */
  readonly quantile: number;
}

interface OwnKpi {
  /** One value of any type over labelled rows. */
  columns(context: KpiContext): Sql;
  /** @param found what `columns` gave, as JSON; a ZodError where it is of another shape */
  value(found: unknown, context: KpiContext): KpiValue;
}

function own<Row extends z.ZodType>(
  row: Row,
  columns: OwnKpi["columns"],
  value: (row: z.output<Row>, context: KpiContext) => KpiValue,
): OwnKpi {
  return { columns, value: (found, context) => value(row.parse(found), context) };
}

const topOf = (k: number): OwnKpi =>
  own(
    topClassRow,
    () => topClassColumns(k),
    (row) => topClasses(row),
  );

const NO_LABEL = "no prediction has a label";
const delay = sql`(toUnixTimestamp64Milli(assumeNotNull(label_timestamp)) - toUnixTimestamp64Milli(timestamp)) / 1000`;
const delayAt = (share: number): OwnKpi =>
  own(
    quantileRow,
    () => quantileColumns(delay, sql`labelled AND isNotNull(label_timestamp)`, share),
    (row) => quantileKpi(row, NO_LABEL),
  );

const ofEveryTask: Partial<Readonly<Record<KpiName, OwnKpi>>> = {
  label_delay: delayAt(0.5),
  label_delay_p90: delayAt(0.9),
};
const ofManyClasses: Partial<Readonly<Record<KpiName, OwnKpi>>> = {
  roc_auc: own(
    areasRow,
    ({ classes }) => areasOfClasses(classes),
    (row, { classes }) => macroArea(row, classes),
  ),
  ece: own(
    calibrationRow,
    () =>
      calibrationColumns(
        sql`if(notEmpty(probabilities), arrayMax(mapValues(probabilities)), -1)`,
        sql`mapContains(probabilities, toString(label_text)) AND probabilities[toString(label_text)] = arrayMax(mapValues(probabilities))`,
      ),
    topLabelCalibrationError,
  ),
  top_2_accuracy: topOf(2),
  top_3_accuracy: topOf(3),
  top_5_accuracy: topOf(5),
};
const ofNumbers: Partial<Readonly<Record<KpiName, OwnKpi>>> = {
  bias: own(
    biasRow,
    ({ scale }) => biasColumns(scale),
    (row, { scale }) => bias(row, scale),
  ),
  mape: own(
    mapeRow,
    ({ size }) => mapeColumns(size),
    (row) => mape(row),
  ),
  median_absolute_error: own(
    quantileRow,
    () => quantileColumns(sql`abs(ifNull(prediction, 0) - ifNull(label, 0))`, usable, 0.5),
    (row) => quantileKpi(row, NO_LABEL),
  ),
  pinball_loss: own(
    pinballRow,
    ({ scale }) => pinballColumns(scale),
    (row, { scale, quantile }) => pinball(row, scale, quantile),
  ),
};

const byTask: Readonly<Record<Task, Partial<Readonly<Record<KpiName, OwnKpi>>>>> = {
  binary: ofEveryTask,
  multiclass: { ...ofEveryTask, ...ofManyClasses },
  regression: { ...ofEveryTask, ...ofNumbers },
};

/** The name of its column. */
const columnOf = (kpi: KpiName): string => `own_${kpi}`;

function contextOf({ config, schema, reference }: PreparedModel): KpiContext {
  const subjects = reference?.subjects ?? [];
  const label = subjects.find(({ subjectKind }) => subjectKind === "label");
  const quantiles = config.kpis.flatMap((kpi) => ("use" in kpi && kpi.use === "pinball_loss" ? [kpi.quantile] : []));
  return {
    classes: schema.classes,
    scale: errorScale(subjects),
    size: label === undefined ? 0 : Math.hypot(label.mean, label.standardDeviation),
    quantile: quantiles[0] ?? 0.5,
  };
}

/** What those of the KPIs read that share nothing with others, each after a comma and under a name of its own. */
export function ownColumns(prepared: PreparedModel, wanted: ReadonlySet<KpiName>): Sql[] {
  const context = contextOf(prepared);
  return [...wanted].flatMap((kpi) => {
    const own = byTask[prepared.config.task][kpi];
    return own === undefined ? [] : [sql`, ${own.columns(context)} AS ${name(columnOf(kpi))}`];
  });
}

/** Of a row with those columns; undefined for a KPI that shares its columns with others. */
export function ownValue(
  prepared: PreparedModel,
  kpi: KpiName,
  row: Readonly<Record<string, unknown>>,
): KpiValue | undefined {
  const own = byTask[prepared.config.task][kpi];
  if (own === undefined) return undefined;
  const read = row[columnOf(kpi)];
  return read === undefined ? undefinedKpi(0, NO_LABEL) : own.value(read, contextOf(prepared));
}
