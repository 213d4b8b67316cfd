/** What the rules of other libraries are here: a function of one value that remembers what it needs. They start anew after a change, as River's do. */
export type Signal = "none" | "warning" | "change";

export type OnlineRule = (value: number) => Signal;

/** A rule that is made anew at the value after each change. */
export function restarting(make: () => OnlineRule): OnlineRule {
  let rule = make();
  let changed = false;
  return (value) => {
    if (changed) rule = make();
    const signal = rule(value);
    changed = signal === "change";
    return signal;
  };
}
