/** What `/ready` asks of the parts. */
import type { ModelConfig } from "../config/schema.ts";
import type { HealthProvider } from "../serve/context.ts";
import type { EvaluationLoop } from "./evaluation-loop.ts";
import type { Ingestion } from "./ingestion.ts";

export interface HealthParts {
  readonly ingestion: Ingestion;
  readonly loop: EvaluationLoop;
  readonly models: readonly ModelConfig[];
  readonly ingests: boolean;
  readonly evaluates: boolean;
}

export function healthProviders({ ingestion, loop, models, ingests, evaluates }: HealthParts): HealthProvider[] {
  const providers: HealthProvider[] = [];
  if (ingests) {
    providers.push({
      name: "ingest",
      check: () => {
        const writer = ingestion.writerStatus();
        return [
          {
            name: "ingest",
            ok: writer.problem === null,
            reason: writer.problem ?? `${writer.waitingMessages} messages wait to be stored`,
          },
          ...ingestion.sources().map(({ name, connected, problem }) => ({
            name,
            ok: connected && problem === null,
            reason: problem ?? (connected ? "reading" : "connecting"),
          })),
        ];
      },
    });
  }
  if (evaluates) {
    providers.push({
      name: "evaluation",
      check: () =>
        models.map(({ name }) => {
          const problem = loop.problem(name);
          return {
            name: `evaluation of ${name}`,
            ok: problem === null,
            reason: problem ?? "up to date with its last round",
          };
        }),
    });
  }
  return providers;
}

/** Says which configuration is in force; one that was refused makes nothing unready. */
export const configurationHealth = (configuration: { readonly problem: string | null }): HealthProvider => ({
  name: "configuration",
  check: () => {
    const { problem } = configuration;
    const refused = `the newest one was refused, and the one before it stays in force: ${problem}`;
    return [{ name: "configuration", ok: true, reason: problem === null ? "as it was read last" : refused }];
  },
});
