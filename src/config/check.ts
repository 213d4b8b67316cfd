/**
 * What `driftline check` tries beyond reading the file: is each thing the configuration names really there? The probes come from the caller,
 * since this folder opens nothing itself.
 */

import { messageOf } from "../core/errors.ts";
import { secretsOf } from "./redact.ts";
import { trailingWarning } from "./references.ts";
import type { Config, ModelConfig } from "./schema.ts";
import type { FileSourceConfig, KafkaSourceConfig } from "./sources.ts";

type Reference = NonNullable<ModelConfig["reference"]>;

/** Each answers with a detail for people ("3 brokers, 2 topics") or throws what is wrong; each should heed the signal. */
export interface Probes {
  readonly store: (store: Config["store"], signal: AbortSignal) => Promise<string>;
  /** Brokers answer and the topics are there. */
  readonly kafka: (source: KafkaSourceConfig, signal: AbortSignal) => Promise<string>;
  readonly fileSource: (source: FileSourceConfig, signal: AbortSignal) => Promise<string>;
  readonly reference: (reference: Reference, model: ModelConfig, signal: AbortSignal) => Promise<string>;
  /** Left out: channels are not tried, since most can be tried by sending only. */
  readonly channel?: (name: string, channel: Config["channels"][string], signal: AbortSignal) => Promise<string>;
}

/** A row of the table that `driftline check` prints. */
export interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** All probes at once, each for `timeoutMs` at most; findings in the order of the file. No detail holds a secret. */
export async function checkConfig(
  config: Config,
  probes: Probes,
  { timeoutMs = 15_000 }: { timeoutMs?: number } = {},
): Promise<Finding[]> {
  const secrets = secretsOf(config).filter((text) => text.length >= 4);
  const hide = (text: string) => secrets.reduce((hidden, secret) => hidden.replaceAll(secret, () => "[secret]"), text);
  const tried = namedProbes(config, probes).map(async ({ what, probe }): Promise<Finding> => {
    try {
      return { what, ok: true, detail: hide(await within(timeoutMs, probe)) };
    } catch (thrown) {
      return { what, ok: false, detail: hide(messageOf(thrown)) };
    }
  });
  return Promise.all(tried);
}

interface NamedProbe {
  readonly what: string;
  readonly probe: (signal: AbortSignal) => Promise<string>;
}

function namedProbes(config: Config, probes: Probes): NamedProbe[] {
  const { channel } = probes;
  return [
    {
      what: `store ${"embedded" in config.store ? config.store.embedded : withoutUser(config.store.url)}`,
      probe: (signal) => probes.store(config.store, signal),
    },
    ...config.sources.map(
      (source): NamedProbe =>
        source.use === "kafka"
          ? { what: `kafka ${source.brokers.join(", ")}`, probe: (signal) => probes.kafka(source, signal) }
          : { what: `file ${source.path}`, probe: (signal) => probes.fileSource(source, signal) },
    ),
    ...config.models.flatMap((model): NamedProbe[] => {
      const { reference, references } = model;
      const all = [
        ...(reference === undefined ? [] : [{ of: model.name, one: reference }]),
        ...Object.entries(references).map(([version, one]) => ({ of: `${model.name}, version ${version}`, one })),
      ];
      return all.map(({ of, one }) => ({
        what: `reference of ${of}`,
        probe: async (signal) => {
          const found = await probes.reference(one, model, signal);
          const warning = trailingWarning(one);
          return warning === null ? found : `${found}; mind: ${warning}`;
        },
      }));
    }),
    ...(channel === undefined
      ? []
      : Object.entries(config.channels).map(
          ([name, options]): NamedProbe => ({
            what: `channel ${name}`,
            probe: (signal) => channel(name, options, signal),
          }),
        )),
  ];
}

const withoutUser = (url: string) => url.replace(/\/\/[^/?#]*@/, "//");

async function within(timeoutMs: number, probe: (signal: AbortSignal) => Promise<string>): Promise<string> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      controller.abort();
      reject(new Error(`no answer within ${timeoutMs / 1000} s`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([probe(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
