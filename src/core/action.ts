/** An action: a target that asks a machine for something, and can tell what has become of it. */
import type { z } from "zod";
import { defineTarget, type Notification, type Send, type Target } from "./delivery.ts";

/** What a retraining system says of a run. `waiting`: accepted, but not begun; `unknown`: it could not be asked, or doesn't know it. */
export interface RunState {
  readonly status: "waiting" | "running" | "succeeded" | "failed" | "unknown";
  /** The system's own word, for people: "queued", "HTTP 404". No secret. */
  readonly word: string;
}

/** Asks once what has become of a run. Never throws. */
export type Follow = (notification: Notification, runId: string, signal: AbortSignal) => Promise<RunState>;

/** `run`: something works on it elsewhere, and reports or is asked; `immediate`: it is done once it is accepted. */
export type ActionKind = "run" | "immediate";

/** What a KPI's plan may ask of an action. */
export const actionPurposes = ["retrain", "roll_back"] as const;
export type ActionPurpose = (typeof actionPurposes)[number];

export interface Action extends Target {
  readonly kind: ActionKind;
  /** What it is for, where the configuration does not say. */
  readonly does: ActionPurpose;
  /** null where a run can't be asked after. Throws ZodError where the options are wrong. */
  openFollow(options: unknown): Follow | null;
}

export function defineAction<const Options extends z.ZodObject>(action: {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly options: Options;
  readonly kind: ActionKind;
  /** Left out: it retrains. */
  readonly does?: ActionPurpose;
  open(options: z.output<Options>): Send;
  openFollow?(options: z.output<Options>): Follow | null;
}): Action {
  const { name, title, description, options, kind } = action;
  const target = defineTarget({ name, title, description, options, open: (parsed) => action.open(parsed) });
  return {
    ...target,
    kind,
    does: action.does ?? "retrain",
    openFollow: (written) => action.openFollow?.(options.parse(written)) ?? null,
  };
}

/** What an accepted request answers with where a run has come of it: read again by `runOf`. */
export const runReceipt = (runId: string, note = ""): string => `run ${runId}${note === "" ? "" : ` (${note})`}`;

/** The run that a receipt names; null where it names none. */
export const runOf = (receipt: string): string | null => /^run (\S+)(?: \(|$)/.exec(receipt)?.[1] ?? null;
