/** Online detectors of a model: a stream that exists and that they can read, and one row a subject and window. */
import { onlineDetectors } from "../../detectors/online/index.ts";
import { ERROR_STREAM, type OnlineDetectorConfig, onlineDetectorsOf } from "./detectors.ts";
import { fairnessNames } from "./fairness.ts";
import { modelMetrics, windowDetectorNames } from "./metric-names.ts";
import type { Path, Problem } from "./problem.ts";
import type { ModelConfig } from "./schema.ts";
import { suggestionText } from "./suggestion.ts";

const byName = new Map(onlineDetectors.map((detector) => [detector.name, detector]));

export function checkOnlineDetectors(model: ModelConfig, path: Path): Problem[] {
  const online = onlineDetectorsOf(model);
  return (model.detectors ?? []).flatMap((written, index): Problem[] => {
    if (!byName.has(written.use)) return [];
    const at = [...path, "detectors", index];
    const detector = { ...written, on: written.on ?? ERROR_STREAM };
    const before = online.slice(0, (model.detectors ?? []).slice(0, index).filter(({ use }) => byName.has(use)).length);
    return [
      ...checkStream(model, detector, at),
      ...checkSubjects(model, detector, at),
      ...checkTwins(model, detector, before, at),
      ...checkNames(model, detector, at),
    ];
  });
}

function checkStream(model: ModelConfig, { use, on }: OnlineDetectorConfig, path: Path): Problem[] {
  const at = [...path, "on"];
  const [least, greatest] = byName.get(use)?.domain ?? [];
  const isOfClasses = on === ERROR_STREAM && model.task !== "regression";
  if (least !== undefined && greatest !== undefined && !isOfClasses) {
    const what =
      on === ERROR_STREAM
        ? "the absolute error of a regression is a number of any size"
        : `"${on}" is one value a window`;
    return [
      {
        path: at,
        message: `${use} follows single errors of ${least} or ${greatest}, and ${what}; take adwin, page-hinkley, cusum or ewma${on === ERROR_STREAM || model.task === "regression" ? "" : ", or on: error"}`,
      },
    ];
  }
  if (on === ERROR_STREAM) return [];
  if (byName.has(on))
    return [{ path: at, message: `"${on}" is an online detector itself; name the stream that it watches, or error` }];
  const streams = [ERROR_STREAM, ...modelMetrics(model).filter((metric) => !byName.has(metric))];
  if (streams.includes(on)) return [];
  return [
    { path: at, message: `this model has no metric "${on}" to watch${suggestionText(on, streams, "its streams")}` },
  ];
}

/** Metrics that each subject has: those of window detectors of one subject, and fairness. */
function hasSubjects(model: ModelConfig, on: string): boolean {
  return windowDetectorNames(model, "subject").includes(on) || fairnessNames.some((name) => name === on);
}

function checkSubjects(model: ModelConfig, { on, subjects }: OnlineDetectorConfig, path: Path): Problem[] {
  if (subjects === undefined || hasSubjects(model, on) || !modelMetrics(model).concat(ERROR_STREAM).includes(on))
    return [];
  const what = on === ERROR_STREAM ? "the stream of errors" : `"${on}"`;
  return [{ path: [...path, "subjects"], message: `${what} is one for the whole model; leave this out` }];
}

/** A row is known by the detector, the subject and the window: two streams of one subject would write the same one. */
function checkTwins(
  model: ModelConfig,
  detector: OnlineDetectorConfig,
  before: readonly OnlineDetectorConfig[],
  path: Path,
): Problem[] {
  const twin = before.find(
    (other) =>
      other.use === detector.use && rowsOf(model, other) === rowsOf(model, detector) && overlap(other, detector),
  );
  if (twin === undefined) return [];
  const message =
    twin.on === detector.on
      ? `"${detector.use}" is listed twice on ${detector.on}; give each its own subjects`
      : `"${detector.use}" watches the same subjects on ${twin.on} already; give each its own subjects`;
  return [{ path, message }];
}

/** Streams whose rows could be the same ones. */
function rowsOf(model: ModelConfig, { on }: OnlineDetectorConfig): string {
  if (windowDetectorNames(model, "subject").includes(on)) return "subjects";
  return windowDetectorNames(model, "model").includes(on) ? "model" : `kpi ${on}`;
}

const overlap = (a: OnlineDetectorConfig, b: OnlineDetectorConfig): boolean =>
  a.subjects === undefined || b.subjects === undefined || a.subjects.some((subject) => b.subjects?.includes(subject));

/** A KPI of one's own that is called like the detector or like the stream of errors. */
function checkNames(model: ModelConfig, { use, on }: OnlineDetectorConfig, path: Path): Problem[] {
  return model.kpis.flatMap((kpi): Problem[] => {
    if (!("name" in kpi)) return [];
    if (kpi.name === use)
      return [{ path, message: `the KPI "${kpi.name}" has the name of this detector; give the KPI another one` }];
    return kpi.name === ERROR_STREAM && on === ERROR_STREAM
      ? [{ path, message: `"${on}" could be the errors or the KPI of that name; give the KPI another name` }]
      : [];
  });
}
