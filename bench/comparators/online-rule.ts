/** What the rules of other libraries are here: a function of one value that remembers what it needs. They start anew after a change, as River's do. */

/** Both may hold at once: River's rules leave a warning on, or put it on, at a change. */
export interface Signal {
  readonly change: boolean;
  readonly warning: boolean;
}

export type OnlineRule = (value: number) => Signal;

const none: Signal = { change: false, warning: false };
const warned: Signal = { change: false, warning: true };
const changed: Signal = { change: true, warning: false };
const both: Signal = { change: true, warning: true };

/** One of four objects: this runs for every value. */
export function signalOf(change: boolean, warning = false): Signal {
  if (change) return warning ? both : changed;
  return warning ? warned : none;
}

/** A rule that is made anew at the value after each change. */
export function restarting(make: () => OnlineRule): OnlineRule {
  let rule = make();
  let isOver = false;
  return (value) => {
    if (isOver) rule = make();
    const signal = rule(value);
    isOver = signal.change;
    return signal;
  };
}
