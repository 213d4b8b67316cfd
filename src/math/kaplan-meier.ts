/** How a share grows with age where not all are old enough to know: the product-limit estimate. */

/** Members of one age. */
export interface AgedGroup {
  readonly n: number;
  /** To how many of them it happened in each step of age; steps after `followed` are not looked at. */
  readonly events: readonly number[];
  /** Steps of age that all of them have lived through. */
  readonly followed: number;
}

/**
 * Share to which it has happened by the end of each step of age, as far as anybody is old enough: 1 - Π (1 - d_i / r_i), with d_i of the r_i that
 * are followed through step i and to whom it had not happened before. Those that are too young count for the steps they have lived through and
 * for no other, so that what is not due yet is no sign of anything. Where all have lived through a step it is the plain share.
 *
 * Kaplan, E. L. & Meier, P. (1958). Nonparametric estimation from incomplete observations. JASA 53, 457-481.
 *
 * @returns one share a step, 0..1, never falling; [] where nobody has lived through the first
 */
export function kaplanMeier(groups: readonly AgedGroup[], steps: number): number[] {
  const shares: number[] = [];
  const left = groups.map(({ n }) => n);
  let without = 1;
  for (let step = 0; step < steps; step++) {
    let atRisk = 0;
    let happened = 0;
    let anybody = false;
    for (const [index, { n, events, followed }] of groups.entries()) {
      if (followed <= step || n === 0) continue;
      anybody = true;
      const now = Math.min(events[step] ?? 0, left[index] ?? 0);
      atRisk += left[index] ?? 0;
      happened += now;
      left[index] = (left[index] ?? 0) - now;
    }
    if (!anybody) break;
    if (atRisk > 0) without *= 1 - happened / atRisk;
    shares.push(1 - without);
  }
  return shares;
}

/** Age at which a share is reached, between steps in a straight line; null where it is not within the steps known. @param ends end of each step, ascending */
export function ageAtShare(shares: readonly number[], ends: readonly number[], share: number): number | null {
  const at = shares.findIndex((one) => one >= share);
  const end = ends[at];
  const reached = shares[at];
  if (end === undefined || reached === undefined) return null;
  const [from, begin] = at === 0 ? [0, 0] : [shares[at - 1] ?? 0, ends[at - 1] ?? 0];
  return reached === from ? end : begin + ((share - from) / (reached - from)) * (end - begin);
}
