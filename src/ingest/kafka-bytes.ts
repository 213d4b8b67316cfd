/** Reads and writes the primitive types of Kafka's wire protocol. Offsets and times fit a double up to 2^53. */

/** A cursor over a response. Reading past the end throws a RangeError. */
export class ByteReader {
  readonly buffer: Buffer;
  at: number;

  constructor(buffer: Buffer, at = 0) {
    this.buffer = buffer;
    this.at = at;
  }

  int8(): number {
    this.at += 1;
    return this.buffer.readInt8(this.at - 1);
  }

  int16(): number {
    this.at += 2;
    return this.buffer.readInt16BE(this.at - 2);
  }

  int32(): number {
    this.at += 4;
    return this.buffer.readInt32BE(this.at - 4);
  }

  int64(): number {
    return this.int32() * 0x1_0000_0000 + this.uint32();
  }

  uint32(): number {
    this.at += 4;
    return this.buffer.readUInt32BE(this.at - 4);
  }

  /** Producer ids are compared and never counted with, so they stay text. */
  int64Text(): string {
    this.at += 8;
    return this.buffer.toString("hex", this.at - 8, this.at);
  }

  unsignedVarint(): number {
    let value = 0;
    let factor = 1;
    for (let index = 0; index < 10; index += 1) {
      const byte = this.buffer.readUInt8(this.at);
      this.at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    throw new RangeError("varint of more than 10 bytes");
  }

  bytes(length: number): Buffer {
    const end = this.at + length;
    if (length < 0 || end > this.buffer.length) throw new RangeError(`${length} bytes asked for beyond the end`);
    const bytes = this.buffer.subarray(this.at, end);
    this.at = end;
    return bytes;
  }

  /** A text of the older, inflexible versions; null where the length is -1. */
  text(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.bytes(length).toString("utf8");
  }

  compactText(): string | null {
    const length = this.unsignedVarint();
    return length === 0 ? null : this.bytes(length - 1).toString("utf8");
  }

  /** A topic id in the form that Kafka's own tools print: 22 letters of URL-safe base 64. */
  uuid(): string {
    return this.bytes(16).toString("base64url");
  }

  array<Item>(item: () => Item): Item[] {
    return this.items(this.int32(), item);
  }

  compactArray<Item>(item: () => Item): Item[] {
    return this.items(this.unsignedVarint() - 1, item);
  }

  private items<Item>(count: number, item: () => Item): Item[] {
    const items: Item[] = [];
    for (let index = 0; index < count; index += 1) items.push(item());
    return items;
  }

  /** Fields that newer brokers add; none of them is needed. */
  skipTags(): void {
    const count = this.unsignedVarint();
    for (let index = 0; index < count; index += 1) {
      this.unsignedVarint();
      this.bytes(this.unsignedVarint());
    }
  }
}

/** Builds a request. It has the shape (`buf`, `buffer`, `size`) of the encoders that kafkajs sends. */
export class ByteWriter {
  #bytes: Buffer = Buffer.allocUnsafe(512);
  #size = 0;

  get buf(): Buffer {
    return this.buffer;
  }

  get buffer(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }

  size(): number {
    return this.#size;
  }

  int8(value: number): this {
    this.#room(1);
    this.#size = this.#bytes.writeInt8(value, this.#size);
    return this;
  }

  int16(value: number): this {
    this.#room(2);
    this.#size = this.#bytes.writeInt16BE(value, this.#size);
    return this;
  }

  int32(value: number): this {
    this.#room(4);
    this.#size = this.#bytes.writeInt32BE(value, this.#size);
    return this;
  }

  int64(value: number): this {
    this.#room(8);
    this.#size = this.#bytes.writeBigInt64BE(BigInt(value), this.#size);
    return this;
  }

  unsignedVarint(value: number): this {
    let rest = value;
    this.#room(5);
    while (rest >= 128) {
      this.#size = this.#bytes.writeUInt8((rest % 128) + 128, this.#size);
      rest = Math.floor(rest / 128);
    }
    this.#size = this.#bytes.writeUInt8(rest, this.#size);
    return this;
  }

  text(value: string): this {
    const bytes = Buffer.from(value, "utf8");
    return this.int16(bytes.length).raw(bytes);
  }

  compactText(value: string): this {
    const bytes = Buffer.from(value, "utf8");
    return this.unsignedVarint(bytes.length + 1).raw(bytes);
  }

  uuid(value: string): this {
    return this.raw(Buffer.from(value, "base64url"));
  }

  raw(bytes: Buffer): this {
    this.#room(bytes.length);
    this.#size += bytes.copy(this.#bytes, this.#size);
    return this;
  }

  /** No tagged fields. */
  tags(): this {
    return this.int8(0);
  }

  #room(bytes: number): void {
    if (this.#size + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#size + bytes));
    this.#bytes.copy(larger, 0, 0, this.#size);
    this.#bytes = larger;
  }
}
