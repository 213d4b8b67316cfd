/** What has been opened, so that it can be closed in reverse, whatever fails on the way. */
import { messageOf } from "../core/errors.ts";

export class Cleanup {
  readonly #steps: { readonly name: string; readonly close: () => Promise<void> | void }[] = [];
  #running: Promise<void> | null = null;

  add(name: string, close: () => Promise<void> | void): void {
    this.#steps.push({ name, close });
  }

  /** Closes everything, the newest first. A second call waits for the first. */
  run(): Promise<void> {
    this.#running ??= this.#closeAll();
    return this.#running;
  }

  async #closeAll(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.close();
      } catch (thrown) {
        process.stderr.write(`driftline: closing ${step.name} failed: ${messageOf(thrown)}\n`);
      }
    }
  }
}
