/** Random numbers that are the same everywhere and each time: for splits that must repeat, for simulations and tests. */

/** Uniform numbers in [0, 1) from a whole seed: Tommy Ettinger's mulberry32, of 2^32 values in a row, small and fast. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
