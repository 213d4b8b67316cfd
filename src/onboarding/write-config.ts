/** The configuration as a person would write it: YAML with what was found, and beside each line how sure it is. Pure. */
import { stringify } from "yaml";
import { type FoundFields, roles } from "./find-fields.ts";
import { isClassTold } from "./task.ts";
import { NO_FIELD, type Understood, type UnderstoodModel } from "./understand.ts";

export interface WrittenSource {
  /** The keys of an entry of `sources:` in order, `use` first; null: events come over HTTP, and the mapping stands at the top. */
  readonly keys: Readonly<Record<string, unknown>> | null;
  /** "the topic ml.predictions", "predictions.csv". */
  readonly title: string;
  /** As in `format:`; null: told by the headers, or a file. */
  readonly format: Readonly<Record<string, unknown>> | null;
  /** null where the format gives native events. */
  readonly understood: Understood | null;
  readonly sampled: number;
}

/** What the columns of a reference that are no features are called. */
export interface ReferenceColumns {
  readonly timestamp: string;
  readonly prediction: string;
  readonly score: string;
  readonly label: string;
}

export interface WrittenModel extends UnderstoodModel {
  /** The reference; null: none yet. */
  readonly reference: {
    /** Relative to the configuration. */
    readonly file: string;
    readonly rows: number;
    readonly columns: ReferenceColumns;
  } | null;
}

export interface WrittenConfig {
  readonly sources: readonly WrittenSource[];
  readonly models: readonly WrittenModel[];
  /** Name of the file, for the commands in its comments. */
  readonly file: string;
  /** What `driftline init` was asked, to be repeated with a reference. */
  readonly command: string;
}

/** A value on one line. What the configuration would take for a variable is written so that it is text. */
const value = (of: unknown): string =>
  stringify(of, { collectionStyle: "flow", lineWidth: 0, defaultStringType: "PLAIN" }).trim().replaceAll("${", "$$$${");

/** Text from events may hold anything; a comment ends with its line. */
const plain = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").slice(0, 200);
const percent = (share: number): string => `${Math.floor(share * 1000) / 10} %`;
const commented = (line: string, comment: string): string => (comment === "" ? line : `${line}  # ${plain(comment)}`);

export function writeConfig(config: WrittenConfig): string {
  const { sources, models, file } = config;
  const http = sources.find(({ keys }) => keys === null);
  const named = sources.filter(({ keys }) => keys !== null);
  return `${[
    ...header(config),
    "",
    "# Where everything is kept: the embedded engine in a folder, or a ClickHouse server: { url: http://clickhouse:8123 }.",
    "store: { embedded: ./data }",
    "",
    ...(http === undefined
      ? []
      : ["# Events come to POST /v1/events.", ...formatLines(http, ""), ...mappingLines(http, ""), ""]),
    ...(named.length === 0 ? [] : ["sources:", ...named.flatMap(sourceLines), ""]),
    "models:",
    ...models.flatMap((model) => modelLines(model, config)),
    "",
    "# Who is told: name a channel here and in `alerts: { channels: [...] }` of the models; try it with",
    `# driftline test channel NAME -c ${plain(file)}`,
    "channels: {}",
  ].join("\n")}\n`;
}

function header({ sources, file }: WrittenConfig): string[] {
  return [
    "# yaml-language-server: $schema=node_modules/driftline/schema/driftline.schema.json",
    `# Written by \`driftline init\` from ${sources.map(({ title, sampled }) => `${plain(title)} (${sampled} messages looked at)`).join(", ")}.`,
    `# Look it through, then: driftline check -c ${plain(file)} && driftline serve -c ${plain(file)}`,
  ];
}

function sourceLines(source: WrittenSource): string[] {
  const entries = Object.entries(source.keys ?? {});
  return [
    ...entries.map(([key, of], index) => `${index === 0 ? "  - " : "    "}${key}: ${value(of)}`),
    ...formatLines(source, "    "),
    ...mappingLines(source, "    "),
  ];
}

const formatLines = ({ format }: WrittenSource, indent: string): string[] =>
  format === null ? [] : [`${indent}format: ${value(format)}`];

function mappingLines({ understood }: WrittenSource, indent: string): string[] {
  if (understood === null) return [];
  const { mapping, redirected } = understood;
  const lines = Object.entries(mapping).flatMap(([key, of]) => {
    const line = `${indent}  ${key}: ${value(of)}`;
    if (of === NO_FIELD) return [commented(line, `these events use the name ${key} for something else`)];
    return [commented(line, mappingComment(key, understood))];
  });
  if (lines.length === 0) return [`${indent}# Its fields have the names of native events: nothing to map.`];
  const rest = roles.filter((role) => understood.fields[role] !== undefined && !(role in mapping));
  const native =
    rest.length === 0 ? [] : [`${indent}  # as native events have them: ${rest.map((role) => role).join(", ")}`];
  return [`${indent}events:`, ...lines, ...(redirected.length === lines.length ? [] : native)];
}

function mappingComment(key: string, { fields, shares, features }: Understood): string {
  if (key === "model") return fields.model === undefined ? "the events name no model" : shareText(key, fields, shares);
  if (key === "features") return features.mapping === "*" ? "every other field" : "";
  return shareText(key, fields, shares);
}

function shareText(key: string, fields: FoundFields, shares: Understood["shares"]): string {
  const role = roles.find((candidate) => candidate === key);
  const found = role === undefined ? undefined : fields[role];
  if (role === undefined || found === undefined) return "";
  const others = found.others.length === 0 ? "" : `; or is it ${found.others.join(", ")}?`;
  return `in ${percent(shares[role] ?? 0)} of them${others}`;
}

function modelLines(model: WrittenModel, config: WrittenConfig): string[] {
  const { name, task, classes, seen, versions, features, ignored } = model;
  const pins = [
    ...features.map((feature) => `      ${value(feature.name)}: ${feature.kind}`),
    ...ignored.map((feature) => `      ${value(feature)}: ignore`),
  ];
  return [
    commented(
      `  - name: ${value(name)}`,
      versions.length === 0 ? "" : `versions seen: ${versions.slice(0, 10).join(", ")}`,
    ),
    commented(`    task: ${task}`, seen.length === 0 ? "" : `classes seen: ${seen.slice(0, 20).join(", ")}`),
    ...(classes === undefined
      ? []
      : [
          commented(
            `    classes: ${value(classes)}`,
            `the negative, then the positive one${isClassTold(classes) ? "" : ": which is which is a guess"}`,
          ),
        ]),
    ...referenceLines(model, config),
    ...(pins.length === 0 ? [] : ["    features:", ...pins]),
    ...windowLines(model),
    ...kpiLines(model),
  ];
}

function referenceLines({ reference }: WrittenModel, { command, file }: WrittenConfig): string[] {
  if (reference !== null) {
    const renamed = Object.entries(reference.columns).filter(([column, name]) => column !== name);
    return [
      `    reference:  # the first ${reference.rows} events of the sample: what is normal from now on`,
      `      file: ${value(reference.file)}`,
      ...renamed.map(([column, name]) => `      ${column}: ${value(name)}`),
    ];
  }
  return [
    "    # Without a reference only KPIs and the volume are computed: drift is drift from something. A file of what the model saw when it was",
    "    # accepted (Parquet, CSV or NDJSON, one column a feature) is best:",
    "    # reference: { file: training.parquet }",
    "    # Or take the first part of these events for it:",
    `    # ${plain(command)} --reference-share 0.3 --force -o ${plain(file)}`,
  ];
}

const HOUR = 3_600_000;
/** A window of fewer events says little. */
const FEW = 200;

/** Windows that hold enough events, at the rate of the sample. */
export function windowsOf({ predictions, span }: UnderstoodModel): readonly string[] {
  const hours = span === null ? 0 : (span.to - span.from) / HOUR;
  const perHour = hours <= 0 ? Number.POSITIVE_INFINITY : predictions / hours;
  if (perHour >= FEW) return ["1h", "1d"];
  return perHour * 24 >= FEW ? ["1d", "7d"] : ["7d", "28d"];
}

const windowLines = (model: UnderstoodModel): string[] => [
  `    windows: ${value(windowsOf(model))}  # long enough for ${FEW} events or more at the rate of the sample`,
];

function kpiLines({ task, labels, hasScore, reference }: WrittenModel): string[] {
  const kpis =
    task === "regression"
      ? ["mae", "rmse"]
      : task === "multiclass"
        ? ["accuracy"]
        : ["accuracy", "f1", ...(hasScore ? ["roc_auc"] : [])];
  const estimated = reference !== null && hasScore ? "; estimated until labels come" : "";
  if (labels > 0) return [`    kpis: ${value(kpis)}${estimated === "" ? "" : `  # ${estimated.slice(2)}`}`];
  return [
    "    # No labels were seen. They come as events of their own (type: label, with the id of the prediction), in any topic or file; then:",
    `    # kpis: ${value(kpis)}`,
  ];
}
