import type { IdMapping } from "../../../runtime-spec/config-linux.ts";

/** What a file `uid_map` or `gid_map` tells: ids of a user namespace, and those that they are outside. */
export class IdMap {
  readonly ranges: readonly IdMapping[];

  constructor(text: string) {
    this.ranges = text
      .split("\n")
      .filter(Boolean)
      .map((line) => {
        const [containerID = 0, hostID = 0, size = 0] = line.trim().split(/\s+/).map(Number);
        return { containerID, hostID, size };
      });
  }

  /** The id outside of an id in the container; null for one that is not mapped. */
  outside(id: number): number | null {
    const range = this.ranges.find(({ containerID, size }) => id >= containerID && id < containerID + size);
    return range === undefined ? null : range.hostID + id - range.containerID;
  }

  /** An id from outside as the container has it: `0`; `unmapped (7 outside)` for one that it hasn't. */
  inside(id: number): string {
    return `${this.idInside(id) ?? `unmapped (${id} outside)`}`;
  }

  /** The same as a number; null for one that it hasn't. */
  idInside(id: number): number | null {
    const range = this.ranges.find(({ hostID, size }) => id >= hostID && id < hostID + size);
    return range === undefined ? null : range.containerID + id - range.hostID;
  }
}

/** Mappings as text, in one order and with ranges that continue each other as one: `0 100000 65536`. */
export function mappingsText(mappings: readonly IdMapping[]): string {
  const sorted = [...mappings].sort((one, other) => one.containerID - other.containerID);
  const joined: IdMapping[] = [];
  for (const { containerID, hostID, size } of sorted) {
    const last = joined.at(-1);
    const continues =
      last !== undefined &&
      last.containerID + last.size === containerID &&
      last.hostID + last.size === hostID;
    if (continues) joined.splice(-1, 1, { ...last, size: last.size + size });
    else joined.push({ containerID, hostID, size });
  }
  return (
    joined.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}`).join(", ") || "none"
  );
}
