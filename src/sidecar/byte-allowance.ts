/** A number of bytes that several holders share, so that what they hold together has a limit. */
export interface ByteAllowance {
  /** False, and nothing taken, where so many are not left. */
  take(bytes: number): boolean;
  give(bytes: number): void;
  readonly held: number;
}

export function createByteAllowance(limit: number): ByteAllowance {
  let held = 0;
  return {
    take(bytes) {
      if (held + bytes > limit) return false;
      held += bytes;
      return true;
    },
    give(bytes) {
      held -= bytes;
    },
    get held() {
      return held;
    },
  };
}
