/**
 * Which reference each version of a model has: its own where the configuration or a retraining's report names one, else the model's. A version
 * that was there before a retraining keeps what it had; what comes after it has what the newest one named.
 */
import type { ReferenceConfig } from "../config/references.ts";
import type { ModelConfig } from "../config/schema.ts";
import type { ReportedFile } from "./reference-sources.ts";
import type { VersionFirsts } from "./version-firsts.ts";

/** A retraining that has succeeded. */
export interface Success {
  readonly key: string;
  /** null: the configured file. */
  readonly file: string | null;
  /** '' where the report named none. */
  readonly version: string;
  readonly at: number;
}

export interface VersionReference {
  readonly version: string;
  readonly reference: ReferenceConfig;
  readonly reported: ReportedFile | null;
  /** Named by the configuration. */
  readonly isConfigured: boolean;
}

/** What holds for the model as a whole: the newest success, with the newest file that any has named. */
export function reportedOf(successes: readonly Success[]): ReportedFile | null {
  const [newest] = successes;
  if (newest === undefined) return null;
  return { file: successes.find(({ file }) => file !== null)?.file ?? null, at: newest.at };
}

/**
 * Versions whose reference is not the model's.
 *
 * @param successes the newest first
 */
export function versionReferences(
  { reference, references }: Pick<ModelConfig, "reference" | "references">,
  successes: readonly Success[],
  firsts: VersionFirsts,
): VersionReference[] {
  const reported = reportedOf(successes);
  const configured = Object.entries(references).map(([version, own]) => ({
    version,
    reference: own,
    reported: reported === null ? null : { file: null, at: reported.at },
    isConfigured: true,
  }));
  if (reference === undefined) return configured;
  const withFiles = successes.filter(({ file }) => file !== null);
  const versions = new Set([...firsts.keys(), ...withFiles.map(({ version }) => version)]);
  const others = [...versions]
    .filter((version) => version !== "" && !Object.hasOwn(references, version))
    .map((version) => ({ version, own: successesOf(version, withFiles, firsts) }))
    .filter(({ own }) => own[0]?.key !== withFiles[0]?.key)
    .map(({ version, own }) => ({ version, reference, reported: reportedOf(own), isConfigured: false }));
  return [...configured, ...others].sort((a, b) => (a.version < b.version ? -1 : 1));
}

/** Retrainings that bear on a version: its own, those before its first event, and those whose report named no version. */
function successesOf(version: string, successes: readonly Success[], firsts: VersionFirsts): readonly Success[] {
  const first = firsts.get(version) ?? Number.POSITIVE_INFINITY;
  const own = successes.findIndex((success) => success.version === version);
  const rest = successes.filter((success) => success.version === "" || success.at <= first);
  return own === -1 ? rest : successes.slice(own, own + 1);
}
