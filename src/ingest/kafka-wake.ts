/** A bell: loops that have nothing to do wait for it, whoever makes work for them rings it. */
export class Wake {
  readonly #waiting = new Set<() => void>();

  /** Lets all who wait go on. */
  ring(): void {
    for (const go of this.#waiting) go();
  }

  /** Resolves at the next ring, after `ms` milliseconds, or when `signal` aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const go = () => {
        clearTimeout(timer);
        this.#waiting.delete(go);
        signal.removeEventListener("abort", go);
        resolve();
      };
      const timer = setTimeout(go, ms);
      this.#waiting.add(go);
      signal.addEventListener("abort", go, { once: true });
    });
  }
}
