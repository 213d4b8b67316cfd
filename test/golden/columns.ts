/** The series of a golden case, and what its rule makes of them, row by row. */
import { z } from "zod";
import { series } from "../support/golden.ts";
import type { Given } from "./golden-function.ts";
import { applyRule } from "./rule.ts";

/** By name; a name that the case does not have throws. */
export function columnsOf({ inputs }: Given): (name: string) => number[] {
  const given = Object.entries(inputs).filter(([, input]) => typeof input === "object");
  const drawn = Object.fromEntries(given.map(([name, input]) => [name, series(input)]));
  // Where a rule makes p of u, the series of p is that of u.
  const all = applyRule(assignments(z.string().parse(inputs["rule"])), {
    ...("p" in drawn ? { u: drawn["p"] } : {}),
    ...drawn,
  });
  return (name) => {
    const column = all[name];
    if (column === undefined) throw new Error(`the case has no "${name}"`);
    return column;
  };
}

/** The words around them are for people: "calibrated c = p*p; yhat = p>=0.5; ranking by p". */
function assignments(rule: string): string {
  const parts = rule.split(";").filter((part) => part.includes("="));
  return parts.map((part) => part.replace(/^\s*calibrated\s/, "")).join(";");
}
