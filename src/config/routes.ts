/** `routes:` — which channels are told of an incident, by the labels of its model and by its severity, in the way of Alertmanager. */
import { z } from "zod";
import { globMatches } from "../core/glob.ts";
import { type Severity, severities } from "../core/incident.ts";
import type { Path, Problem } from "./problem.ts";
import type { Config, ModelConfig } from "./schema.ts";
import { suggestionText } from "./suggestion.ts";

const pattern = z.union([z.string(), z.array(z.string()).min(1)]);

export const routeSchema = z.strictObject({
  match: z
    .record(z.string(), pattern)
    .prefault({})
    .describe(
      "What must hold, all of it: labels of the model, `model`, `owner` or `severity`. A text in which `*` stands for any, or a list of which one must fit. Left out: every incident.",
    ),
  channels: z.array(z.string()).min(1).describe("Names of the channels that are told."),
  continue: z.boolean().default(false).describe("Whether the routes below are looked at too."),
});
export type Route = z.output<typeof routeSchema>;

const own = ["model", "owner", "severity"];

/** The channels that are told of a model's incidents of a severity: its own, and those of the first route that fits. */
export function channelsFor(model: ModelConfig, severity: Severity, routes: readonly Route[] = []): readonly string[] {
  const { name, owner = "", labels, alerts } = model;
  const values: Readonly<Record<string, string>> = { ...labels, model: name, owner, severity };
  const names = new Set(alerts.channels);
  for (const route of routes) {
    const fits = Object.entries(route.match).every(([key, wanted]) =>
      [wanted].flat().some((text) => globMatches(text, Object.hasOwn(values, key) ? (values[key] ?? "") : "")),
    );
    if (!fits) continue;
    for (const channel of route.channels) names.add(channel);
    if (!route.continue) break;
  }
  return [...names];
}

export function checkRoutes({ routes, models, channels }: Pick<Config, "routes" | "models" | "channels">): Problem[] {
  const labels = [...new Set([...own, ...models.flatMap((model) => Object.keys(model.labels))])];
  const names = Object.keys(channels);
  return routes.flatMap((route, index) => {
    const at = ["routes", index];
    return [
      ...Object.entries(route.match).flatMap(([key, wanted]) => checkMatch(key, wanted, labels, [...at, "match", key])),
      ...route.channels.flatMap((name, place): Problem[] => {
        if (names.includes(name)) return [];
        const more = names.length === 0 ? "; no channels are configured" : suggestionText(name, names, "channels");
        return [{ path: [...at, "channels", place], message: `there is no channel "${name}"${more}` }];
      }),
    ];
  });
}

function checkMatch(key: string, wanted: string | readonly string[], labels: readonly string[], path: Path): Problem[] {
  if (!labels.includes(key)) {
    const message = `no model has the label "${key}", so this can't match${suggestionText(key, labels, "possible")}`;
    return [{ path, message, atKey: true }];
  }
  if (key !== "severity") return [];
  return [wanted].flat().flatMap((text): Problem[] => {
    if (severities.some((severity) => globMatches(text, severity))) return [];
    return [{ path, message: `"${text}" is no severity${suggestionText(text, severities, "severities")}` }];
  });
}
