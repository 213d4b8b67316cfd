/** Types of the two codec packages that come without any; only what `kafka-codecs.ts` calls. */
declare module "lz4js" {
  /** Writes the decompressed block at `dIndex` of `dst` and returns the index after it. */
  export function decompressBlock(
    src: Uint8Array,
    dst: Uint8Array,
    sIndex: number,
    sLength: number,
    dIndex: number,
  ): number;
}
declare module "snappyjs" {
  export function uncompress(compressed: Buffer, maxLength?: number): Buffer;
}
