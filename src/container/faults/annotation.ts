/** Faults that a container's annotation asks for: loaded only for those that have it. */
import type { Caller } from "../../agent/caller.ts";
import { readFaults } from "./fault.ts";
import { withFaults } from "./faulty.ts";

/** Does something with the faults that an annotation lists, with semicolons between them. @throws UserError */
export async function withListedFaults<T>(
  list: string,
  place: string,
  caller: Caller,
  act: () => Promise<T>,
): Promise<T> {
  const texts = list.split(";").map((text) => text.trim());
  const faults = readFaults(
    place,
    texts.filter((text) => text !== ""),
    caller.env,
  );
  return withFaults(faults, () => {}, act); // most are for one command of a container's life
}
