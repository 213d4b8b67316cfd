/** What other parts ask of the models made ready. */
import type { Config } from "../config/schema.ts";
import type { PreparedModel } from "../evaluate/prepare-model.ts";
import { predictionsTable } from "../store/model-tables.ts";

/** What goes with a request to retrain: the reference in force, and where the events lie; no address with a password. */
export function requestContext(config: Config, models: readonly PreparedModel[], model: string) {
  const prepared = models.find((one) => one.config.name === model);
  const file = prepared?.config.reference?.file;
  const place = "embedded" in config.store ? config.store.embedded : config.store.url;
  return {
    reference: file === undefined ? null : { reference_id: prepared?.referenceId ?? "", file },
    data: {
      store: place.replace(/\/\/[^/?#]*@/, "//"),
      predictions_table: predictionsTable(model),
      labels_table: "labels",
    },
  };
}

/** How much a feature matters in its model's reference (else in the first of its versions' own), over the mean of them; 1 where none has attributions. */
export function importanceOf(models: readonly PreparedModel[]): (model: string, feature: string) => number {
  const relative = new Map(
    models.map(({ config, reference, others }) => {
      const known = [reference, ...others.map((one) => one.reference)].map((one) => one?.importances ?? []);
      const importances = known.find((one) => one.length > 0) ?? [];
      const mean = importances.reduce((sum, one) => sum + one.mean, 0) / Math.max(1, importances.length);
      return [config.name, new Map(mean > 0 ? importances.map((one) => [one.feature, one.mean / mean]) : [])] as const;
    }),
  );
  return (model, feature) => relative.get(model)?.get(feature) ?? 1;
}

/** As of now: a retraining may bring a new reference. What is of no model is under the configuration as a whole. */
export function monitorOf(models: readonly PreparedModel[], whole: string): (model: string) => string {
  return (model) => models.find(({ config }) => config.name === model)?.monitorHash ?? whole;
}
