/** `driftline init`: samples, understands, asks, tries what came of it with the decoders of the service, and gives the text of a configuration. */
import path from "node:path";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { explainModel, explainSource } from "../onboarding/explain.ts";
import { type Choices, roles } from "../onboarding/find-fields.ts";
import { leavesOf } from "../onboarding/leaves.ts";
import { mergeModels } from "../onboarding/merge-models.ts";
import { type UnderstandOptions, type Understood, understand } from "../onboarding/understand.ts";
import { type WrittenModel, type WrittenSource, writeConfig } from "../onboarding/write-config.ts";
import { type ReferenceText, referenceOf } from "./reference-file.ts";
import type { Sample } from "./samples.ts";
import { type TriedSample, tryConfig } from "./try-config.ts";
import { type RegistryAccess, type WireFormat, wireFormatOf } from "./wire-format.ts";

export interface InitRequest {
  readonly samples: readonly Sample[];
  /** Messages that are learnt from; a sample may hold more, for its reference. */
  readonly most: number;
  readonly registry?: RegistryAccess;
  readonly model?: string;
  readonly choices: Choices;
  readonly positive?: string;
  readonly referenceShare: number | null;
  /** Where the configuration is to be written. */
  readonly output: string;
  /** As the person called it, for a comment. */
  readonly command: string;
}

/** Asked of a person; null where nobody is there to answer, and the likeliest is taken. */
export interface Questions {
  /** What of a source is not sure. */
  source(title: string, understood: Understood): Promise<Choices>;
  /** Name of a model that its events don't name. */
  model(title: string, likeliest: string): Promise<string>;
  /** Which of two classes is the positive one. */
  positive(model: string, classes: readonly string[]): Promise<string>;
  /** How much of the sample is to be the reference, 0..1; null: none. */
  referenceShare(): Promise<number | null>;
}

export interface InitResult {
  readonly text: string;
  /** References to be written beside it, by file name. */
  readonly references: ReadonlyMap<string, string>;
  /** What was understood, for the terminal. */
  readonly lines: readonly string[];
}

interface Read {
  readonly sample: Sample;
  readonly format: WireFormat;
  readonly options: UnderstandOptions;
  readonly understood: Understood;
  /** Whether a person has named the model. */
  readonly named: boolean;
}

export async function init(request: InitRequest, questions: Questions | null): Promise<InitResult> {
  const asked: Read[] = [];
  for (const sample of request.samples) asked.push(await readSample(sample, request, questions));
  const reads = asked.map((read) => withModelOfItsIds(read, asked));
  let models = mergeModels(
    reads.flatMap(({ understood }) => understood.models),
    request.positive,
  );
  if (questions !== null && request.positive === undefined) {
    models = await askedClasses(models, questions);
  }
  const share = request.referenceShare ?? (await questions?.referenceShare()) ?? null;
  const sources = reads.map(writtenSource);
  const write = (references: ReadonlyMap<string, ReferenceText>) =>
    writeConfig({
      sources,
      models: models.map((model): WrittenModel => {
        const reference = references.get(model.name);
        const found = reference === undefined ? null : { ...reference, file: fileName(model.name) };
        return { ...model, reference: found };
      }),
      file: path.relative("", request.output) || request.output,
      command: request.command,
    });
  const config = loaded(request.output, write(new Map()));
  const tried: TriedSample[] = [];
  let named = 0;
  for (const { sample } of reads) tried.push(await tryConfig(config, sample, sample.keys === null ? null : named++));
  const references = new Map(
    share === null
      ? []
      : models.flatMap(({ name }) => {
          const found = referenceOf(name, tried, share);
          return found === null ? [] : [[name, found] as const];
        }),
  );
  const text = write(references);
  loaded(request.output, text);
  return {
    text,
    references: new Map([...references].map(([name, reference]) => [fileName(name), reference.text])),
    lines: [
      ...reads.flatMap(({ sample, format, understood }, index) => {
        const result = tried[index];
        return result === undefined ? [] : explainSource(sample.title, format.title, understood, result.tried);
      }),
      ...models.flatMap(explainModel),
      ...models.flatMap(({ name }) =>
        share !== null && !references.has(name)
          ? [`  no reference: too few predictions of ${name} in the first part`]
          : [],
      ),
    ],
  };
}

const fileName = (model: string): string => `reference-${model}.ndjson`;

/** The configuration that a text makes; the file itself need not be there. @throws DriftlineError where it is wrong */
const loaded = (file: string, text: string): Config =>
  loadConfig(file, { environment: process.env, readFile: () => text });

async function readSample(sample: Sample, request: InitRequest, questions: Questions | null): Promise<Read> {
  const format = await wireFormatOf({ ...sample, messages: sample.messages.slice(0, request.most) }, request.registry);
  const options: UnderstandOptions = {
    model: request.model ?? sample.model,
    choices: format.native ? nativeChoices(format) : request.choices,
    textNumbers: sample.textNumbers,
    ...(request.positive === undefined ? {} : { positive: request.positive }),
  };
  const read = (more: Partial<UnderstandOptions>): Read => {
    const all = { ...options, ...more };
    return {
      sample,
      format,
      options: all,
      understood: understand(format.payloads, all),
      named: request.model !== undefined,
    };
  };
  const likeliest = read({});
  if (questions === null || format.native) return likeliest;
  const choices = { ...options.choices, ...(await questions.source(sample.title, likeliest.understood)) };
  const chosen = read({ choices });
  if (chosen.named || namesModels(chosen) || !predicts(chosen)) return chosen;
  return read({ choices, model: await questions.model(sample.title, options.model) });
}

const namesModels = ({ understood }: Read): boolean => understood.fields.model !== undefined;
const predicts = ({ understood }: Read): boolean => understood.models.some(({ predictions }) => predictions > 0);

/** Labels alone that don't say of which model they are: of the one whose predictions have the same ids. */
function withModelOfItsIds(read: Read, all: readonly Read[]): Read {
  if (read.named || namesModels(read) || predicts(read)) return read;
  const shared = all
    .filter((other) => other !== read && predicts(other))
    .map((other) => ({ other, ids: [...read.understood.ids].filter((id) => other.understood.ids.has(id)).length }))
    .sort((a, b) => b.ids - a.ids);
  const model = shared[0]?.other.understood.models[0]?.name;
  if (model === undefined) return read;
  const options = { ...read.options, model };
  return { ...read, options, understood: understand(read.format.payloads, options) };
}

/** Events that a format makes have the names of native events: nothing is guessed of them. */
function nativeChoices({ payloads }: WireFormat): Choices {
  const { byPath } = leavesOf(payloads);
  return Object.fromEntries(roles.map((role) => [role, byPath.has(role) ? role : null]));
}

async function askedClasses<Model extends { readonly name: string; readonly classes?: readonly string[] }>(
  models: readonly Model[],
  questions: Questions,
): Promise<Model[]> {
  const asked: Model[] = [];
  for (const model of models) {
    const { classes } = model;
    if (classes === undefined) {
      asked.push(model);
      continue;
    }
    const positive = await questions.positive(model.name, classes);
    asked.push({ ...model, classes: [...classes.filter((label) => label !== positive), positive] });
  }
  return asked;
}

function writtenSource({ sample, format, understood }: Read): WrittenSource {
  return {
    keys: sample.recorded ? { ...sample.keys, messages: format.config } : sample.keys,
    title: sample.title,
    format: format.named && !sample.recorded ? format.config : null,
    understood: format.native ? null : understood,
    sampled: sample.messages.length,
  };
}
