/** What the schema can't see of digests: names that must exist, channels that can show one, and two that would be one. */
import { channels } from "../notify/channels/index.ts";
import type { DigestConfig } from "./digests.ts";
import type { Path, Problem } from "./problem.ts";
import type { Config } from "./schema.ts";
import { suggestionText } from "./suggestion.ts";
import { checkTimeZone } from "./time-zone.ts";

export function checkDigests(config: Config): Problem[] {
  return config.digests.flatMap((digest, index) => {
    const path: Path = ["digests", index];
    return [
      ...checkName(digest, config.digests.slice(0, index), path),
      ...checkChannels(digest, config, path),
      ...checkModels(digest, config, path),
      ...checkTimeZone(digest.timezone, [...path, "timezone"]),
      ...(digest.every === "day" && digest.weekday !== undefined
        ? [{ path: [...path, "weekday"], message: "a daily digest comes on every day; write every: week" }]
        : []),
    ];
  });
}

/** What a digest was sent for is remembered by its name. */
function checkName({ name }: DigestConfig, earlier: readonly DigestConfig[], path: Path): Problem[] {
  if (!earlier.some((other) => other.name === name)) return [];
  return [{ path: [...path, "name"], message: `another digest is named "${name}" too; give one of them a name` }];
}

function checkChannels({ channels: wanted }: DigestConfig, config: Config, path: Path): Problem[] {
  const names = Object.keys(config.channels);
  return wanted.flatMap((name, index): Problem[] => {
    const at = [...path, "channels", index];
    const use = config.channels[name]?.use;
    if (use === undefined) {
      const none = names.length === 0 ? "; no channels are configured" : suggestionText(name, names, "channels");
      return [{ path: at, message: `there is no channel "${name}"${none}` }];
    }
    if (channels.some((channel) => channel.name === use && !channel.takes.has("digest"))) {
      const able = channels.filter((channel) => channel.takes.has("digest")).map((channel) => channel.name);
      const message = `"${name}" is ${use}, which takes incidents only: a digest is no alert; use ${able.join(", ")}`;
      return [{ path: at, message }];
    }
    return wanted.indexOf(name) === index ? [] : [{ path: at, message: `the channel "${name}" is listed twice` }];
  });
}

function checkModels({ models = [] }: DigestConfig, config: Config, path: Path): Problem[] {
  const names = config.models.map(({ name }) => name);
  return models.flatMap((name, index): Problem[] => {
    const at = [...path, "models", index];
    if (!names.includes(name))
      return [{ path: at, message: `there is no model "${name}"${suggestionText(name, names, "models")}` }];
    return models.indexOf(name) === index ? [] : [{ path: at, message: `the model "${name}" is listed twice` }];
  });
}
