/** `driftline init`: from a topic, a file or what is posted to a commented configuration. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { DriftlineError } from "../core/errors.ts";
import { type InitRequest, init } from "../init/init.ts";
import { terminalQuestions } from "../init/questions.ts";
import { type Sample, type SampleSize, sampleFile, sampleHttp, sampleLines, sampleTopic } from "../init/samples.ts";
import { type Choices, roles } from "../onboarding/find-fields.ts";
import { openEmbeddedStore } from "../store/embedded.ts";
import { openLocalReader } from "../store/local-reader.ts";
import { untilStopped } from "./until-stopped.ts";

interface Options {
  readonly kafka: readonly string[];
  readonly brokers: readonly string[];
  readonly topic: readonly string[];
  readonly tls?: true;
  readonly username?: string;
  readonly mechanism: string;
  readonly file: readonly string[];
  readonly http?: string;
  readonly registry?: string;
  readonly registryUsername?: string;
  readonly sample: number;
  readonly model?: string;
  readonly map: Choices;
  readonly positive?: string;
  readonly referenceShare?: number;
  readonly output: string;
  readonly force?: true;
  readonly yes?: true;
}

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];
const manyOf = (flags: string, description: string) => new Option(flags, description).argParser(collect).default([]);

function choice(text: string, before: Choices): Choices {
  const at = text.indexOf("=");
  const role = roles.find((candidate) => candidate === text.slice(0, at));
  if (role === undefined)
    throw new InvalidArgumentError(`expected field=path, for example id=txn_id; fields: ${roles.join(", ")}.`);
  const written = text.slice(at + 1);
  return { ...before, [role]: written === "" ? null : written };
}

function share(text: string): number {
  const number = Number(text);
  if (!(number > 0 && number <= 1)) throw new InvalidArgumentError("expected a share above 0, at most 1.");
  return number;
}

function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 200_000)
    throw new InvalidArgumentError("expected a whole number from 1 to 200000.");
  return number;
}

export const initCommand = (): Command =>
  new Command("init")
    .description(
      "Look at a Kafka topic, a file or what is posted, show what was understood of it, and write a commented configuration.",
    )
    .addOption(manyOf("--kafka <broker/topic>", "a topic: its newest messages are looked at; may be repeated"))
    .addOption(manyOf("--brokers <host:port>", "broker of the topics; may be repeated"))
    .addOption(manyOf("--topic <name>", "a topic of these brokers; may be repeated"))
    .option("--tls", "encrypt the connection to the brokers")
    .option("--username <name>", "SASL user; the password is read from the variable KAFKA_PASSWORD")
    .addOption(
      new Option("--mechanism <name>", "SASL mechanism")
        .choices(["plain", "scram-sha-256", "scram-sha-512"])
        .default("scram-sha-512"),
    )
    .addOption(
      manyOf("--file <path>", "a Parquet, CSV or NDJSON file, - for NDJSON on standard input; may be repeated"),
    )
    .option("--http <host:port>", "listen there, and look at what is posted until there is enough or Ctrl-C is pressed")
    .option("--registry <url>", "schema registry of messages in Confluent's wire format")
    .option(
      "--registry-username <name>",
      "user of the registry; the password is read from the variable REGISTRY_PASSWORD",
    )
    .addOption(new Option("--sample <messages>", "messages to look at").argParser(count).default(5000))
    .option("--model <name>", "name of the model where its events name none")
    .addOption(
      new Option("--map <field=path>", `where a field lies: ${roles.join(", ")}; empty: nowhere; may be repeated`)
        .argParser(choice)
        .default({}),
    )
    .option("--positive <class>", "the positive one of two classes")
    .addOption(
      new Option("--reference-share <share>", "write the first part of what is looked at as the reference").argParser(
        share,
      ),
    )
    .option("-o, --output <file>", "where to write it", "driftline.yaml")
    .option("--force", "write over a file that is there")
    .option("-y, --yes", "ask nothing: take the likeliest")
    .addHelpText(
      "after",
      "\nNothing is stored, no consumer group is joined. A file is looked at from its first row.\n\nExamples:\n  driftline init --kafka localhost:9092/ml.predictions\n  driftline init --file predictions.csv --file labels.csv --model churn --reference-share 0.3 --yes",
    )
    .action(run);

async function run(options: Options): Promise<void> {
  const output = path.resolve(options.output);
  if (options.force !== true && existsSync(output))
    throw new DriftlineError("request_invalid", `${options.output} is there already; --force writes over it`);
  // On standard error, so that what was understood can be redirected.
  const asks = options.yes !== true && process.stdin.isTTY && process.stderr.isTTY && !options.file.includes("-");
  const questions = asks ? terminalQuestions(process.stdin, process.stderr) : null;
  try {
    const request: InitRequest = {
      samples: await samplesOf(options, path.dirname(output)),
      most: options.sample,
      choices: options.map,
      referenceShare: options.referenceShare ?? null,
      output,
      command: `driftline init ${[...options.kafka.map((of) => `--kafka ${of}`), ...options.brokers.map((of) => `--brokers ${of}`), ...options.topic.map((of) => `--topic ${of}`), ...options.file.map((of) => `--file ${of}`), ...(options.http === undefined ? [] : [`--http ${options.http}`])].join(" ")}`,
      ...(options.registry === undefined ? {} : { registry: registryOf(options.registry, options.registryUsername) }),
      ...(options.model === undefined ? {} : { model: options.model }),
      ...(options.positive === undefined ? {} : { positive: options.positive }),
    };
    const { text, references, lines } = await init(request, questions);
    await mkdir(path.dirname(output), { recursive: true });
    for (const [name, content] of references) await writeFile(path.join(path.dirname(output), name), content);
    await writeFile(output, text, { flag: options.force === true ? "w" : "wx" });
    const written = [options.output, ...references.keys()].join(", ");
    process.stdout.write(`${lines.join("\n")}\n\nwritten: ${written}\nnext: driftline check -c ${options.output}\n`);
  } finally {
    questions?.close();
  }
}

const registryOf = (url: string, username: string | undefined) =>
  username === undefined ? { url } : { url, username };

async function samplesOf(options: Options, folder: string): Promise<Sample[]> {
  const size: SampleSize = { most: options.sample, referenceShare: options.referenceShare ?? null };
  const samples = [
    ...(await topicSamples(options, size)),
    ...(await fileSamples(options, folder, size)),
    ...(options.http === undefined ? [] : [await listened(options.http, size)]),
  ];
  if (samples.length === 0)
    throw new DriftlineError(
      "request_invalid",
      "name what to look at: --kafka broker/topic, --file path or --http host:port",
    );
  const empty = samples.find(({ messages }) => messages.length === 0);
  if (empty !== undefined)
    throw new DriftlineError("source_failed", `${empty.title} holds nothing: there is nothing to learn from yet`);
  return samples;
}

async function topicSamples(options: Options, size: SampleSize): Promise<Sample[]> {
  const sasl =
    options.username === undefined
      ? {}
      : { sasl: { mechanism: options.mechanism, username: options.username, password: { env: "KAFKA_PASSWORD" } } };
  const more = { ...(options.tls === true ? { tls: true } : {}), ...sasl };
  const named = options.kafka.map((text) => {
    const at = text.indexOf("/");
    if (at < 1 || at === text.length - 1)
      throw new DriftlineError(
        "request_invalid",
        `--kafka ${text}: expected broker/topic, for example localhost:9092/ml.predictions`,
      );
    return { brokers: text.slice(0, at).split(","), topic: text.slice(at + 1) };
  });
  if (options.topic.length > 0 && options.brokers.length === 0)
    throw new DriftlineError("request_invalid", "--topic needs --brokers");
  const topics = [...named, ...options.topic.map((topic) => ({ brokers: [...options.brokers], topic }))];
  const samples: Sample[] = [];
  for (const { brokers, topic } of topics) samples.push(await sampleTopic({ brokers, ...more }, topic, size));
  return samples;
}

async function fileSamples({ file: files }: Options, folder: string, size: SampleSize): Promise<Sample[]> {
  if (files.length === 0) return [];
  const temporary = await mkdtemp(path.join(os.tmpdir(), "driftline-init-"));
  const engine = await openEmbeddedStore(temporary);
  try {
    const reader = await openLocalReader(engine, temporary);
    const samples: Sample[] = [];
    for (const file of files)
      samples.push(
        file === "-" ? await sampleLines(process.stdin, size) : await sampleFile(reader, file, folder, size),
      );
    return samples;
  } finally {
    await engine.close();
    await rm(temporary, { recursive: true, force: true });
  }
}

async function listened(address: string, size: SampleSize): Promise<Sample> {
  const match = /^(?:\[(.+)\]:|([^[\]]+):)?(\d{1,5})$/.exec(address);
  if (match === null) throw new DriftlineError("request_invalid", `--http ${address}: expected host:port`);
  const ended = new AbortController();
  void untilStopped().then(() => ended.abort());
  return sampleHttp(
    {
      host: match[1] ?? match[2] ?? "127.0.0.1",
      port: Number(match[3]),
      signal: ended.signal,
      onListening: (url) => process.stderr.write(`looking at what is posted to ${url}; Ctrl-C ends it\n`),
    },
    size,
  );
}
