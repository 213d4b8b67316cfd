/** `driftline sidecar`: stands before an inference service and sends on what it was asked and what it answered. */
import { readFileSync } from "node:fs";
import os from "node:os";
import { setFlagsFromString } from "node:v8";
import { Command, InvalidArgumentError, Option } from "commander";
import { systemClock } from "../core/clock.ts";
import { DriftlineError, messageOf } from "../core/errors.ts";
import { createClient } from "../sidecar/http-exchange.ts";
import { createHttpTarget } from "../sidecar/http-target.ts";
import { createSidecar } from "../sidecar/sidecar.ts";
import type { Target } from "../sidecar/target.ts";
import { httpUrl, parseListen, parseService, parseTarget } from "../sidecar/target-address.ts";
import { createLog, type LogLevel, logLevels } from "../telemetry/log.ts";
import { untilStopped } from "./until-stopped.ts";

interface Options {
  service: string;
  to: string;
  httpMode: "batch" | "single";
  listen: string;
  admin: string;
  tokenFile?: string;
  adminTokenFile?: string;
  model?: string;
  modelVersion?: string;
  variant: string;
  namespace: string;
  source: string;
  path?: RegExp[];
  metadataHeader: string[];
  sample: number;
  maxBody: number;
  buffer: number;
  spool?: string;
  spoolLimit: number;
  stateFrom?: string;
  drain: number;
  kafkaUser?: string;
  kafkaPasswordFile?: string;
  kafkaSasl: "plain" | "scram-sha-256" | "scram-sha-512";
  kafkaCa?: string;
  kafkaCert?: string;
  kafkaKey?: string;
  logLevel: LogLevel;
}

const examples = `
Every option can also be given as DRIFTLINE_SIDECAR_<OPTION>, for example DRIFTLINE_SIDECAR_TO.

Examples:
  driftline sidecar --service http://127.0.0.1:8080 --to kafka://kafka:9092/ml.inferences --model fraud
  driftline sidecar --service http://127.0.0.1:8080 --to https://driftline:8686 --token-file /run/secrets/token --spool /var/spool/driftline`;

export function sidecarCommand(): Command {
  const command = new Command("sidecar").description(
    "Stand before an inference service, hand every byte on as it is, and send what was asked and answered to Kafka or a Driftline.",
  );
  for (const option of options()) command.addOption(option.env(environmentName(option)));
  return command.addHelpText("after", examples).action(run);
}

const environmentName = (option: Option): string =>
  `DRIFTLINE_SIDECAR_${option.name().replaceAll("-", "_").toUpperCase()}`;

function options(): Option[] {
  const option = (flags: string, description: string) => new Option(flags, description);
  const list =
    <Value>(parse: (text: string) => Value) =>
    (text: string, before: Value[] | undefined) => [...(before ?? []), parse(text)];
  return [
    option("--service <url>", "the inference service: http(s)://host:port").makeOptionMandatory(),
    option(
      "--to <target>",
      "kafka://broker:9092/topic (kafkas:// with TLS) or the http(s):// address of a Driftline",
    ).makeOptionMandatory(),
    option("--http-mode <mode>", "many events a request, or one, as KServe's agent sends them")
      .choices(["batch", "single"])
      .default("batch"),
    option("--listen <address>", "where clients of the service come").default("127.0.0.1:9081"),
    option("--admin <address>", "health, metrics, events, states").default("127.0.0.1:9082"),
    option("--token-file <file>", "file with the token of the Driftline that is sent to or asked"),
    option("--admin-token-file <file>", "file with the token that lets other machines post events and ask for states"),
    option("--model <name>", "name of the model; left out: the one that the request's path names"),
    option("--model-version <version>", "version of the model; left out: what path or answer say"),
    option("--variant <name>", "variant, such as canary").default("default"),
    option("--namespace <name>", "namespace of the service").default(process.env["POD_NAMESPACE"] ?? ""),
    option("--source <name>", "where the events come from").default(os.hostname(), "this host's name"),
    option(
      "--path <pattern...>",
      "regular expression of paths that are inferences; left out: those of the known protocols, and other POSTs",
    ).argParser(list(pattern)),
    option("--metadata-header <name...>", "request header that events carry along")
      .argParser(list((name) => name.toLowerCase()))
      .default([], "none"),
    option("--sample <share>", "share of the inferences that are captured, by a hash of the id")
      .argParser(share)
      .default(1),
    option("--max-body <size>", "longest body that is captured; longer ones only pass")
      .argParser(bytes)
      .default(1024 * 1024, "1MiB"),
    option("--buffer <size>", "memory for what is under way, and as much for what waits to be sent")
      .argParser(bytes)
      .default(8 * 1024 * 1024, "8MiB"),
    option("--spool <folder>", "keep what waits to be sent in this folder, over restarts"),
    option("--spool-limit <size>", "bytes of the spool at most")
      .argParser(bytes)
      .default(256 * 1024 * 1024, "256MiB"),
    option("--state-from <url>", "address of a Driftline whose states of models are served"),
    option("--drain <seconds>", "how long stopping waits for requests, and again for what is to be sent")
      .argParser(seconds)
      .default(10),
    option("--kafka-user <name>", "user of the Kafka cluster"),
    option("--kafka-password-file <file>", "file with the user's password"),
    option("--kafka-sasl <mechanism>", "how the user is proved")
      .choices(["plain", "scram-sha-256", "scram-sha-512"])
      .default("scram-sha-512"),
    option("--kafka-ca <file>", "PEM file of the authority of the Kafka cluster"),
    option("--kafka-cert <file>", "PEM file of a client certificate"),
    option("--kafka-key <file>", "PEM file of its key"),
    option("--log-level <level>", "least severe lines that are written").choices(logLevels).default("info"),
  ];
}

async function run(options: Options): Promise<void> {
  // Young objects live for one exchange. A space for them that does not grow keeps some 20 MB less, for a little more CPU.
  setFlagsFromString("--semi-space-growth-factor=1");
  const stopped = untilStopped();
  const token = tokenReader(options.tokenFile, "--token-file");
  const log = createLog({ level: options.logLevel }).with({ part: "sidecar" });
  const sidecar = createSidecar({
    service: parseService(options.service),
    target: await openTarget(options, token),
    listen: parseListen(options.listen, "--listen"),
    admin: parseListen(options.admin, "--admin"),
    adminToken: tokenReader(options.adminTokenFile, "--admin-token-file"),
    capture: {
      names: {
        model: options.model,
        version: options.modelVersion,
        variant: options.variant,
        namespace: options.namespace,
        source: options.source,
      },
      sample: options.sample,
      paths: options.path,
      metadataHeaders: options.metadataHeader,
    },
    bodyBytes: options.maxBody,
    bufferBytes: options.buffer,
    spool: options.spool === undefined ? null : { folder: options.spool, limitBytes: options.spoolLimit },
    stateFrom:
      options.stateFrom === undefined
        ? null
        : {
            url: httpUrl(options.stateFrom, "--state-from"),
            token,
            models: options.model === undefined ? [] : [options.model],
          },
    drainMs: options.drain * 1000,
    clock: systemClock,
    log,
  });
  const { port, adminPort } = await sidecar.start();
  log.info("the sidecar is running", { port, adminPort, service: options.service, to: options.to });
  await stopped;
  await sidecar.stop();
}

async function openTarget(options: Options, token: () => string | null): Promise<Target> {
  const address = parseTarget(options.to);
  if (address.kind === "http")
    return createHttpTarget({
      url: address.url,
      client: createClient(2),
      mode: options.httpMode,
      token,
      now: () => systemClock.now(),
    });
  // kafkajs takes memory and time to load that a sidecar without Kafka need not spend.
  const { createKafkaTarget } = await import("../sidecar/kafka-target.ts");
  const password = tokenReader(options.kafkaPasswordFile, "--kafka-password-file")();
  if ((options.kafkaUser === undefined) !== (password === null))
    throw new DriftlineError("config_invalid", "--kafka-user and --kafka-password-file go together");
  const files = { ca_file: options.kafkaCa, cert_file: options.kafkaCert, key_file: options.kafkaKey };
  return createKafkaTarget(
    {
      brokers: [...address.brokers],
      client_id: "driftline-sidecar",
      tls: address.tls ? { ...files, reject_unauthorized: true } : false,
      ...(options.kafkaUser === undefined || password === null
        ? {}
        : { sasl: { mechanism: options.kafkaSasl, username: options.kafkaUser, password } }),
    },
    address.topic,
  );
}

/** Reads the file at each call, so that a changed secret holds at once. @throws DriftlineError where it can't be read at the start */
function tokenReader(file: string | undefined, option: string): () => string | null {
  if (file === undefined) return () => null;
  const read = () => readFileSync(file, "utf8").trim();
  let last: string;
  try {
    last = read();
  } catch (thrown) {
    throw new DriftlineError("config_unreadable", `${option} ${file} can't be read: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
  return () => {
    try {
      last = read();
    } catch {
      // A secret that is being replaced: the one before holds until the new one is there.
    }
    return last;
  };
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text, "u");
  } catch (thrown) {
    throw new InvalidArgumentError(`no regular expression: ${messageOf(thrown)}`);
  }
}

function share(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError("expected a number above 0 and at most 1.");
  return value;
}

function seconds(text: string): number {
  const value = Number(text.replace(/s$/, ""));
  if (!(value >= 0 && value <= 3600)) throw new InvalidArgumentError("expected seconds, 0 to 3600.");
  return value;
}

function bytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?(KiB|MiB|GiB|B)?$/.exec(text);
  const unit = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }[match?.[2] ?? "B"] ?? 1;
  const value = Math.floor(Number(match?.[1]) * unit);
  if (!(value > 0)) throw new InvalidArgumentError("expected a size such as 512KiB or 64MiB.");
  return value;
}
