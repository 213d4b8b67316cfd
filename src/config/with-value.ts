/** Changes one value of plain data without touching the original. */
import type { Path } from "./problem.ts";

/** A copy of the data with another value at a path that exists. */
export function withValue(root: unknown, [step, ...rest]: Path, value: unknown): unknown {
  if (step === undefined) return value;
  if (Array.isArray(root))
    return root.map((item: unknown, index) => (index === step ? withValue(item, rest, value) : item));
  if (typeof root !== "object" || root === null) return root;
  return { ...root, [step]: withValue(Reflect.get(root, step), rest, value) };
}
