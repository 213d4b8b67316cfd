/** Seeded random numbers of the simulation: every stream has a generator of its own, so that a rule that stops early disturbs no other. */

export interface Random {
  /** In [0, 1). */
  readonly uniform: () => number;
  readonly normal: () => number;
}

/** xoshiro128** (Blackman, D. & Vigna, S., 2021, ACM Trans. Math. Softw. 47), seeded by what the stream is for. */
export function seededRandom(seed: number, purpose: string, index: number): Random {
  const [a, b, c, d] = seedsOf(`${seed} ${purpose} ${index}`);
  let [s0, s1, s2, s3] = [a, b, c, d];
  let spare = Number.NaN;
  const uniform = () => {
    const multiplied = Math.imul(s1, 5);
    const result = Math.imul((multiplied << 7) | (multiplied >>> 25), 9);
    const shifted = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= shifted;
    s3 = (s3 << 11) | (s3 >>> 21);
    return (result >>> 0) / 4294967296;
  };
  /** Box and Muller: two at a time. */
  const normal = () => {
    if (!Number.isNaN(spare)) {
      const value = spare;
      spare = Number.NaN;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
  return { uniform, normal };
}

/** Four words from a text: FNV-1a, then the finaliser of MurmurHash3 on a Weyl sequence. */
function seedsOf(text: string): [number, number, number, number] {
  let state = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193);
  const next = () => {
    state = (state + 0x9e3779b9) | 0;
    let word = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    return word ^ (word >>> 16);
  };
  return [next(), next(), next(), next() | 1];
}
