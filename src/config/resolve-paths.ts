/** Makes the file names of a configuration absolute: they are relative to the folder of the file in which they are written. */
import path from "node:path";
import { z } from "zod";
import { type KafkaConnection, kafkaConnectionOptions } from "../core/kafka-connection.ts";
import type { Path } from "./problem.ts";
import type { ReferenceConfig } from "./references.ts";
import type { Config } from "./schema.ts";

type Source = Config["sources"][number];
type Channel = Config["channels"][string];

/** @param folderOf folder of the file in which the value at a path is written */
export function resolvePaths(config: Config, folderOf: (at: Path) => string): Config {
  const absolute: Absolute = (file, at) => path.resolve(folderOf(at), file);
  return {
    ...config,
    store:
      "embedded" in config.store
        ? { ...config.store, embedded: absolute(config.store.embedded, ["store", "embedded"]) }
        : config.store,
    sources: config.sources.map((source, index) => sourcePaths(source, absolute, ["sources", index])),
    channels: Object.fromEntries(
      Object.entries(config.channels).map(([name, channel]) => [
        name,
        channelPaths(channel, absolute, ["channels", name]),
      ]),
    ),
    models: config.models.map((model, index) => {
      const at = ["models", index];
      const { reference, references } = model;
      return {
        ...model,
        ...(reference === undefined ? {} : { reference: referencePaths(reference, absolute, [...at, "reference"]) }),
        references: Object.fromEntries(
          Object.entries(references).map(([version, own]) => [
            version,
            referencePaths(own, absolute, [...at, "references", version]),
          ]),
        ),
      };
    }),
  };
}

type Absolute = (file: string, at: Path) => string;

function sourcePaths(source: Source, absolute: Absolute, at: Path): Source {
  if (source.use === "file") return { ...source, path: absolute(source.path, [...at, "path"]) };
  return { ...source, tls: tlsPaths(source.tls, absolute, [...at, "tls"]) };
}

function referencePaths(reference: ReferenceConfig, absolute: Absolute, at: Path): ReferenceConfig {
  const { file, feast } = reference;
  return {
    ...reference,
    ...(file === undefined ? {} : { file: absolute(file, [...at, "file"]) }),
    ...(feast === undefined ? {} : { feast: { ...feast, path: absolute(feast.path, [...at, "feast", "path"]) } }),
  };
}

/** Of the channels only `kafka` names files. */
function channelPaths(channel: Channel, absolute: Absolute, at: Path): Channel {
  const { success, data } = withTls.safeParse(channel);
  return success ? { ...channel, tls: tlsPaths(data.tls, absolute, [...at, "tls"]) } : channel;
}

const withTls = z.object({ use: z.literal("kafka"), tls: kafkaConnectionOptions.tls });

function tlsPaths(tls: KafkaConnection["tls"], absolute: Absolute, at: Path): KafkaConnection["tls"] {
  if (typeof tls === "boolean") return tls;
  const { ca_file, cert_file, key_file, ...rest } = tls;
  const files = { ca_file, cert_file, key_file };
  const resolved = Object.fromEntries(
    Object.entries(files).flatMap(([key, file]) => (file === undefined ? [] : [[key, absolute(file, [...at, key])]])),
  );
  return { ...rest, ...resolved };
}
