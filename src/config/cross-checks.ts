/** What the schema can't see because it lies between two keys: names that must exist, windows that must fit the pane, limits that contradict. */
import { validate as isCron } from "node-cron";
import { sampleDetectors } from "../../detectors/multivariate/index.ts";
import { onlineDetectors } from "../../detectors/online/index.ts";
import { classLabel } from "../core/class-label.ts";
import { formatByEnding } from "../core/file-format.ts";
import { isLocal, offsetsOf } from "../core/window-grid.ts";
import { checkActions } from "./action-checks.ts";
import { checkCompare } from "./compare-checks.ts";
import { checkDigests } from "./digest-checks.ts";
import { durationText } from "./duration.ts";
import { checkFairness } from "./fairness-checks.ts";
import { formatOf } from "./formats.ts";
import { checkKpis } from "./kpi-checks.ts";
import { checkKpiPlans } from "./kpi-plan-checks.ts";
import { checkOnlineDetectors } from "./online-checks.ts";
import { checkPrivacy } from "./privacy.ts";
import type { Path, Problem } from "./problem.ts";
import { referenceProblem, trailingProblem } from "./references.ts";
import { checkRoutes } from "./routes.ts";
import { checkRules } from "./rule-checks.ts";
import type { Config, ModelConfig } from "./schema.ts";
import type { FileSourceConfig } from "./sources.ts";
import { suggestionText } from "./suggestion.ts";
import { checkTimeZone } from "./time-zone.ts";

/** Every contradiction of a configuration that fits the schema. Pure. */
export function crossChecks(config: Config): Problem[] {
  return [
    ...checkServer(config),
    ...checkFormat(config),
    ...checkHeartbeat(config),
    ...config.sources.flatMap((source, index) => checkSource(source, ["sources", index])),
    ...checkModelNames(config),
    ...checkRoutes(config),
    ...config.models.flatMap((model, index) => checkModel(model, ["models", index], Object.keys(config.channels))),
    ...config.models.flatMap((model, index) => checkActions(model, ["models", index], config)),
    ...config.models.flatMap((model, index) => checkKpiPlans(model, ["models", index], config)),
    ...checkDigests(config),
  ];
}

const isLoopback = (host: string) =>
  host === "localhost" || host === "::1" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);

function checkServer({ server }: Config): Problem[] {
  if (isLoopback(server.host) || server.token !== undefined) return [];
  return [
    {
      path: ["server", "host"],
      message: `"${server.host}" can be reached from other machines; that needs server.token`,
    },
  ];
}

function checkFormat({ format }: Config): Problem[] {
  if (!formatOf(format).kafkaOnly) return [];
  return [
    {
      path: ["format", "use"],
      message: `"${format.use}" is carried by Kafka alone, and this holds for HTTP too; write it into the \`format\` of a Kafka source`,
    },
  ];
}

/** Messages that were written to a file have lost their topic, and bytes that are no text. */
function checkFile({ path: file, format, messages }: FileSourceConfig, path: Path): Problem[] {
  if (messages === undefined) return [];
  const problems: Problem[] = [];
  if (formatOf(messages).kafkaOnly)
    problems.push({ path: [...path, "messages", "use"], message: `"${messages.use}" is carried by Kafka alone` });
  const rows = format ?? formatByEnding(file);
  if (rows !== undefined && rows !== "JSONEachRow")
    problems.push({
      path: [...path, "messages"],
      message: `recorded messages are lines of NDJSON, and ${file} is read as ${rows}`,
    });
  return problems;
}

/** The address is a secret, so nothing of it is quoted. */
function checkHeartbeat({ heartbeat }: Config): Problem[] {
  if (heartbeat === undefined || /^https?:\/\/[^/\s]+/.test(heartbeat.url)) return [];
  return [{ path: ["heartbeat", "url"], message: "is no address; write for example https://hc-ping.com/…" }];
}

function checkSource(source: Config["sources"][number], path: Path): Problem[] {
  if (source.use !== "kafka") return checkFile(source, path);
  const brokers = source.brokers.flatMap((broker, index) =>
    /^(?:\[[0-9a-fA-F:.]+\]|[^\s:/]+):\d{1,5}$/.test(broker)
      ? []
      : [{ path: [...path, "brokers", index], message: "expected host:port, for example kafka:9092" }],
  );
  const twice = source.topics.flatMap((topic, index) =>
    source.topics.indexOf(topic) === index
      ? []
      : [{ path: [...path, "topics", index], message: `the topic "${topic}" is listed twice` }],
  );
  const own = source.dead_letter_topic;
  const loop =
    own !== undefined && source.topics.includes(own)
      ? [
          {
            path: [...path, "dead_letter_topic"],
            message: `"${own}" is also read by this source: its dead letters would come back for ever`,
          },
        ]
      : [];
  return [...brokers, ...twice, ...loop];
}

/** Tables are named after models, and some file systems take upper and lower case for the same. */
function checkModelNames({ models }: Config): Problem[] {
  const seen = new Map<string, number>();
  return models.flatMap(({ name }, index) => {
    const first = seen.get(name.toLowerCase());
    seen.set(name.toLowerCase(), first ?? index);
    if (first === undefined) return [];
    const before = models[first]?.name ?? name;
    const message =
      before === name
        ? `"${name}" is the name of another model too`
        : `"${name}" differs from "${before}" in upper and lower case alone; their tables would collide`;
    return [{ path: ["models", index, "name"], message, other: ["models", first, "name"] }];
  });
}

function checkModel(model: ModelConfig, path: Path, channelNames: readonly string[]): Problem[] {
  return [
    ...checkReferences(model, path),
    ...checkWindows(model, path),
    ...checkWindowZone(model, path),
    ...checkTimes(model, path),
    ...checkClasses(model, path),
    ...checkDetectors(model, path),
    ...checkOnlineDetectors(model, path),
    ...checkChannels(model, path, channelNames),
    ...checkSchedule(model, path),
    ...checkTimeZone(model.season_timezone, [...path, "season_timezone"]),
    ...checkKpis(model, path),
    ...checkCompare(model, path),
    ...checkFairness(model, path),
    ...checkRules(model, path),
    ...checkPrivacy(model, path),
  ];
}

function checkReferences({ reference, references, retention }: ModelConfig, path: Path): Problem[] {
  const all = [
    ...(reference === undefined ? [] : [{ at: [...path, "reference"], one: reference }]),
    ...Object.entries(references).map(([version, one]) => ({ at: [...path, "references", version], one })),
  ];
  return all.flatMap(({ at, one }) => {
    const message = referenceProblem(one) ?? trailingProblem(one, retention);
    return message === null ? [] : [{ path: at, message }];
  });
}

function checkWindows({ windows, pane }: ModelConfig, path: Path): Problem[] {
  return windows.flatMap((window, index): Problem[] => {
    const at = [...path, "windows", index];
    const twin = windows
      .slice(0, index)
      .find((other) =>
        window.kind === "time" ? other.kind === "time" && other.ms === window.ms : other.name === window.name,
      );
    const problems: Problem[] = [];
    if (twin !== undefined) {
      problems.push({
        path: at,
        message:
          twin.name === window.name
            ? `the window "${window.name}" is listed twice`
            : `"${window.name}" is as long as "${twin.name}"`,
      });
    }
    if (window.kind === "time" && window.ms % pane !== 0) {
      problems.push({
        path: at,
        message: `"${window.name}" is no multiple of the pane (${durationText(pane)}); choose a window or a pane that divides evenly`,
      });
    }
    return problems;
  });
}

function checkTimes({ retention, label_horizon, join_labels }: ModelConfig, path: Path): Problem[] {
  const problems: Problem[] = [];
  if (retention !== undefined && retention < label_horizon) {
    const message = `${durationText(retention)} is less than label_horizon (${durationText(label_horizon)}): predictions would be gone before their labels come`;
    problems.push({ path: [...path, "retention"], message });
  }
  if (join_labels.by === "entity" && join_labels.within > label_horizon) {
    const message = `${durationText(join_labels.within)} is more than label_horizon (${durationText(label_horizon)}), after which no label is waited for`;
    problems.push({ path: [...path, "join_labels", "within"], message });
  }
  return problems;
}

/** A pane belongs to one window: where days begin in the middle of a pane their rows could not be told apart. */
function checkWindowZone({ windows, pane, timezone }: ModelConfig, path: Path): Problem[] {
  const at = [...path, "timezone"];
  const unknown = checkTimeZone(timezone, at);
  if (unknown.length > 0) return unknown;
  const local = windows.find((window) => window.kind === "time" && isLocal(window.ms, timezone));
  if (local === undefined) return [];
  const apart = offsetsOf(timezone).filter((offset) => offset % pane !== 0);
  const [first] = apart;
  if (first === undefined) return [];
  const message = `in ${timezone} "${local.name}" begins ${durationText(Math.abs(first))} ${first < 0 ? "after" : "before"} midnight UTC${apart.length > 1 ? " (in parts of the year or in some years)" : ""}, in the middle of a pane of ${durationText(pane)}; choose a pane that divides this evenly, for example 1m`;
  return [{ path: at, message }];
}

function checkClasses({ task, classes }: ModelConfig, path: Path): Problem[] {
  if (classes === undefined) return [];
  const at = [...path, "classes"];
  if (task === "regression") return [{ path: at, message: "a regression has no classes; leave this out" }];
  const labels = classes.map(classLabel);
  const problems = classes.flatMap((written, index): Problem[] => {
    const label = labels[index] ?? null;
    if (label === null) return [{ path: [...at, index], message: "an empty text is no class" }];
    const first = labels.indexOf(label);
    return first === index
      ? []
      : [
          {
            path: [...at, index],
            message: `${JSON.stringify(written)} is the same class as ${JSON.stringify(classes[first])}`,
          },
        ];
  });
  const distinct = new Set(labels).size;
  if (task === "binary" && classes.length !== 2)
    problems.push({
      path: at,
      message: `a binary model has two classes, the negative then the positive one; found ${classes.length}`,
    });
  if (task === "multiclass" && distinct < 2 && problems.length === 0)
    problems.push({ path: at, message: "at least two classes" });
  return problems;
}

/** One detector twice over one subject would write the same metric row twice. */
function checkDetectors(model: ModelConfig, path: Path): Problem[] {
  const list = model.detectors ?? [];
  return list.flatMap((detector, index) => {
    // Those have rules of their own: one may stand in the list for each stream.
    if (onlineDetectors.some(({ name }) => name === detector.use)) return [];
    const twin = list
      .slice(0, index)
      .find(
        (other) =>
          other.use === detector.use && (isOfModel(detector.use) || overlap(other.subjects, detector.subjects)),
      );
    if (twin === undefined) return [];
    if (isOfModel(detector.use)) {
      const message = `"${detector.use}" is listed twice; it looks at several features together and has one value a window`;
      return [{ path: [...path, "detectors", index], message }];
    }
    const subject = overlap(twin.subjects, detector.subjects) ?? "";
    const message = `"${detector.use}" is listed twice${subject === "*" ? "" : ` for ${subject}`}; give each its own subjects`;
    return [{ path: [...path, "detectors", index], message }];
  });
}

const isOfModel = (name: string) => sampleDetectors.some((detector) => detector.name === name);

function overlap(a: readonly string[] | undefined, b: readonly string[] | undefined): string | null {
  if (a === undefined || b === undefined) return "*";
  return a.find((subject) => b.includes(subject)) ?? null;
}

function checkChannels({ alerts }: ModelConfig, path: Path, names: readonly string[]): Problem[] {
  return alerts.channels.flatMap((name, index): Problem[] => {
    const at = [...path, "alerts", "channels", index];
    if (!names.includes(name)) {
      const none = names.length === 0 ? "; no channels are configured" : suggestionText(name, names, "channels");
      return [{ path: at, message: `there is no channel "${name}"${none}` }];
    }
    return alerts.channels.indexOf(name) === index
      ? []
      : [{ path: at, message: `the channel "${name}" is listed twice` }];
  });
}

function checkSchedule({ schedule }: ModelConfig, path: Path): Problem[] {
  if (schedule === undefined) return [];
  const problems: Problem[] = [];
  const fields = schedule.cron.trim().split(/\s+/).length;
  if (fields !== 5 || !isCron(schedule.cron)) {
    const why = fields === 5 ? "" : ` (${fields} ${fields === 1 ? "field" : "fields"})`;
    problems.push({
      path: [...path, "schedule", "cron"],
      message: `"${schedule.cron}" is no cron time${why}; five fields, for example 0 6 * * 1-5`,
    });
  }
  return [...problems, ...checkTimeZone(schedule.timezone, [...path, "schedule", "timezone"])];
}
