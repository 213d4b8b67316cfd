/** Makes the file names of a configuration absolute: in the file they are relative to the file's own folder. */
import path from "node:path";
import type { Config } from "./schema.ts";

type Source = Config["sources"][number];

export function resolvePaths(config: Config, folder: string): Config {
  const absolute = (file: string) => path.resolve(folder, file);
  return {
    ...config,
    store: "embedded" in config.store ? { ...config.store, embedded: absolute(config.store.embedded) } : config.store,
    sources: config.sources.map((source) => sourcePaths(source, absolute)),
    models: config.models.map((model) =>
      model.reference === undefined
        ? model
        : { ...model, reference: { ...model.reference, file: absolute(model.reference.file) } },
    ),
  };
}

function sourcePaths(source: Source, absolute: (file: string) => string): Source {
  if (source.use === "file") return { ...source, path: absolute(source.path) };
  if (typeof source.tls === "boolean") return source;
  const { ca_file, cert_file, key_file, ...tls } = source.tls;
  const files = { ca_file, cert_file, key_file };
  const resolved = Object.fromEntries(
    Object.entries(files).flatMap(([key, file]) => (file === undefined ? [] : [[key, absolute(file)]])),
  );
  return { ...source, tls: { ...tls, ...resolved } };
}
