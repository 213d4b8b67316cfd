/** Makes the file names of a configuration absolute: in the file they are relative to the file's own folder. */
import path from "node:path";
import { z } from "zod";
import { type KafkaConnection, kafkaConnectionOptions } from "../core/kafka-connection.ts";
import type { Config } from "./schema.ts";

type Source = Config["sources"][number];
type Channel = Config["channels"][string];

export function resolvePaths(config: Config, folder: string): Config {
  const absolute = (file: string) => path.resolve(folder, file);
  return {
    ...config,
    store: "embedded" in config.store ? { ...config.store, embedded: absolute(config.store.embedded) } : config.store,
    sources: config.sources.map((source) => sourcePaths(source, absolute)),
    channels: Object.fromEntries(
      Object.entries(config.channels).map(([name, channel]) => [name, channelPaths(channel, absolute)]),
    ),
    models: config.models.map((model) =>
      model.reference === undefined
        ? model
        : { ...model, reference: { ...model.reference, file: absolute(model.reference.file) } },
    ),
  };
}

function sourcePaths(source: Source, absolute: (file: string) => string): Source {
  if (source.use === "file") return { ...source, path: absolute(source.path) };
  return { ...source, tls: tlsPaths(source.tls, absolute) };
}

/** Of the channels only `kafka` names files. */
function channelPaths(channel: Channel, absolute: (file: string) => string): Channel {
  const { success, data } = withTls.safeParse(channel);
  return success ? { ...channel, tls: tlsPaths(data.tls, absolute) } : channel;
}

const withTls = z.object({ use: z.literal("kafka"), tls: kafkaConnectionOptions.tls });

function tlsPaths(tls: KafkaConnection["tls"], absolute: (file: string) => string): KafkaConnection["tls"] {
  if (typeof tls === "boolean") return tls;
  const { ca_file, cert_file, key_file, ...rest } = tls;
  const files = { ca_file, cert_file, key_file };
  const resolved = Object.fromEntries(
    Object.entries(files).flatMap(([key, file]) => (file === undefined ? [] : [[key, absolute(file)]])),
  );
  return { ...rest, ...resolved };
}
