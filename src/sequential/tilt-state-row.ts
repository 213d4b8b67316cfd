/** A detector's state as a flat list of finite numbers, for a column of the store or JSON, and back. */
import type { TiltState } from "./tilt-detector.ts";
import { initialState } from "./tilt-detector.ts";
import type { TiltPlan } from "./tilt-plan.ts";

/** [steps, whether time has passed, evidence per tilt, rise per tilt, mark per tilt, urn]; no infinities, which JSON does not know. */
export function rowOfState(state: TiltState): number[] {
  const began = state.logEvidence.some((value) => value !== Number.NEGATIVE_INFINITY);
  // Time passes for all tilts at once, so that either all have evidence or none has.
  const evidence = began ? state.logEvidence : new Float64Array(state.logEvidence.length);
  return [state.steps, began ? 1 : 0, ...evidence, ...state.rise, ...state.riseMark, ...state.urn];
}

/** The state of a row that was made under the same plan. Throws RangeError where the row does not fit the plan. */
export function stateOfRow(plan: TiltPlan, row: readonly number[]): TiltState {
  const state = initialState(plan);
  const tilts = plan.tilts.length;
  const length = 2 + 3 * tilts + state.urn.length;
  if (row.length !== length || !row.every(Number.isFinite)) {
    throw new RangeError(`A state of this plan has ${length} finite numbers, this one has ${row.length}`);
  }
  const [steps = 0, began = 0] = row;
  state.steps = steps;
  if (began === 1) state.logEvidence.set(row.slice(2, 2 + tilts));
  state.rise.set(row.slice(2 + tilts, 2 + 2 * tilts));
  state.riseMark.set(row.slice(2 + 2 * tilts, 2 + 3 * tilts));
  state.urn.set(row.slice(2 + 3 * tilts));
  return state;
}
