/** A sink and its store in memory: what tests of a source look into. The store outlives the sinks, as a real one does. */
import type { RawMessage } from "../../../src/core/event.ts";
import type { MessageSink, StoredPosition } from "../../../src/ingest/source.ts";

export class ArrayStore {
  readonly messages: RawMessage[] = [];
  readonly positions = new Map<string, StoredPosition>();

  /** Values as text, in the order of arrival; `null` for tombstones. */
  texts(topic?: string): (string | null)[] {
    return this.messages
      .filter(
        ({ source }) => topic === undefined || source.startsWith(`kafka:${topic}:`) || source === `kafka:${topic}`,
      )
      .map(({ value }) => (value === null ? null : value.toString()));
  }
}

export class ArraySink implements MessageSink {
  readonly store: ArrayStore;
  /** Every call of skipTo, for tests that count. */
  readonly skips: StoredPosition[] = [];
  readonly revoked: string[] = [];
  #away: Promise<void> | null = null;
  #back: () => void = () => undefined;
  readonly #listeners = new Set<(source: string, partition: number, nextOffset: number) => void>();

  constructor(store = new ArrayStore()) {
    this.store = store;
  }

  /** From now on everything waits until `comeBack`. */
  goAway(): void {
    this.#away ??= new Promise((resolve) => (this.#back = resolve));
  }

  comeBack(): void {
    this.#away = null;
    this.#back();
  }

  async push(messages: readonly RawMessage[]): Promise<void> {
    await this.#away;
    const last = messages.at(-1);
    if (last === undefined) return;
    this.store.messages.push(...messages);
    this.#advance(last.source, last.partition, last.offset + 1);
  }

  async skipTo(source: string, partition: number, nextOffset: number): Promise<void> {
    await this.#away;
    this.skips.push({ source, partition, nextOffset });
    this.#advance(source, partition, nextOffset);
  }

  #advance(source: string, partition: number, nextOffset: number): void {
    const key = `${source} ${partition}`;
    const before = this.store.positions.get(key)?.nextOffset ?? 0;
    this.store.positions.set(key, { source, partition, nextOffset: Math.max(before, nextOffset) });
    for (const listener of this.#listeners) listener(source, partition, Math.max(before, nextOffset));
  }

  onStored(listener: (source: string, partition: number, nextOffset: number) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async position(source: string, partition: number): Promise<number | null> {
    await this.#away;
    return this.store.positions.get(`${source} ${partition}`)?.nextOffset ?? null;
  }

  revoke(source: string, partition: number): Promise<void> {
    this.revoked.push(`${source} ${partition}`);
    return Promise.resolve();
  }

  storedPositions(prefix: string): Promise<readonly StoredPosition[]> {
    return Promise.resolve([...this.store.positions.values()].filter(({ source }) => source.startsWith(prefix)));
  }
}
